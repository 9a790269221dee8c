"""A conditional, bounded download over verified TLS, for what nobody signs: the catalogue, and manifests."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

import aiohttp

_MAX_VALIDATOR = 1024
_CHUNK = 2**16
_TIMEOUT = aiohttp.ClientTimeout(total=300, connect=30, sock_connect=30, sock_read=30)


class DownloadFailed(Exception):
    """A document could not be had; ``reason`` says why, in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A document with the validators of its next conditional request."""

    body: bytes
    etag: str | None
    last_modified: str | None


def anonymous_client(ssl_context: ssl.SSLContext) -> aiohttp.ClientSession:
    """A client that is anonymous, keeps no cookies and ignores the environment's proxies."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl_context),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=_TIMEOUT,
        trust_env=False,
    )


async def download(
    client: aiohttp.ClientSession,
    url: str,
    *,
    max_bytes: int,
    etag: str | None = None,
    last_modified: str | None = None,
) -> Downloaded | None:
    """Fetches a document, or None where it has not changed since the one with these validators (HTTP 304).

    Redirects are not followed: the location is agreed with a person. Raises DownloadFailed.
    """
    if not url.startswith("https://"):
        raise DownloadFailed(f"{url} is not an https URL")
    headers = {"Accept": "application/xml, text/xml;q=0.9, */*;q=0.1"}
    if etag is not None:
        headers["If-None-Match"] = etag
    if last_modified is not None:
        headers["If-Modified-Since"] = last_modified
    try:
        async with client.get(url, headers=headers, allow_redirects=False) as response:
            if response.status == 304 and (etag is not None or last_modified is not None):
                return None
            if response.status != 200:
                raise DownloadFailed(f"{url} answered HTTP {response.status} where 200 was expected")
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > max_bytes:
                    raise DownloadFailed(f"{url} sent more than {max_bytes} bytes")
            return Downloaded(
                bytes(body), _validator(response.headers.get("ETag")), _validator(response.headers.get("Last-Modified"))
            )
    except TimeoutError:
        raise DownloadFailed(f"{url} did not answer in time") from None
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError, ssl.SSLError) as error:
        raise DownloadFailed(f"the TLS certificate of {url} could not be verified: {error}") from None
    except (aiohttp.ClientError, aiohttp.InvalidURL, OSError, ValueError) as error:
        raise DownloadFailed(f"{url} could not be read: {error or type(error).__name__}") from None


def _validator(header: str | None) -> str | None:
    return header if header and len(header) <= _MAX_VALIDATOR else None
