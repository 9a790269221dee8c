"""HTTP with a system that need not be trusted: bounded answers, one origin, no surprises, patience where asked."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from ewpgw.adapters.contract import AdapterProblem
from ewpgw.network.failures import unreachable_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from multidict import CIMultiDictProxy

_CHUNK = 2**16
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 503})
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_PAUSES = (1.0, 4.0)
"""Before the second and the third attempt at a request, in seconds, where the server does not say."""
_CONNECT_SECONDS = 10.0
_LONGEST_WAIT = 60.0
_LONGEST_DELAY = 86_400.0


class RequestFailed(Exception):
    """A request came to nothing. ``reason`` says why and what to do, without what was sent or received."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read to its end. ``url`` is where it came from, after redirects."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    url: str


class Authorization(Protocol):
    """How requests show who sends them. Both raise AdapterProblem or RequestFailed."""

    async def header(self) -> str:
        """The value of the Authorization header."""

    async def renewed(self, refused: str) -> str | None:
        """The value to try once more after ``refused`` was answered 401; None where there is no other."""


class Client:
    """A connection pool for one adapter. ``close`` it; it opens by itself."""

    def __init__(
        self, *, ca_file: Path | None, timeout_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ca_file = ca_file
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=_CONNECT_SECONDS)
        self.clock = clock
        self.patient = True
        """Whether reading meets passing troubles with further attempts."""
        self._session: aiohttp.ClientSession | None = None
        self._not_before: dict[str, float] = {}

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        authorization: Authorization | None = None,
        where: str | None = None,
    ) -> Answer:
        """Read a resource: an answer 200, or 304 where ``headers`` ask for it.

        ``where`` is what errors call it, for a URL that the server gave: such a path may name persons.

        Passing troubles are met with two more attempts, redirects are followed within the origin, and a refused
        authorization is renewed once. Raises RequestFailed and AdapterProblem.
        """
        sent = {"Accept": "application/json", **(headers or {})}
        allowed = {200, 304} if headers else {200}
        where = where or shown(url)
        target, redirects, renewed, failures = url, 0, False, 0
        value = await authorization.header() if authorization else None
        while True:
            last = failures == len(_PAUSES) or not self.patient
            answer = await self._attempt(target, sent, value, max_bytes, where, last=last)
            if answer is None:
                failures += 1
                await asyncio.sleep(self._wait(target, where) or _PAUSES[failures - 1])
            elif answer.status in allowed:
                return answer
            elif answer.status == 401 and authorization and value is not None and not renewed:
                renewed, value = True, await authorization.renewed(value)
                if value is None:
                    raise _unexpected(where, answer)
            elif answer.status in _REDIRECTS and "Location" in answer.headers:
                redirects += 1
                target = _redirected(target, answer, redirects, where)
            else:
                raise _unexpected(where, answer)

    async def _attempt(
        self, url: str, headers: Mapping[str, str], authorization: str | None, max_bytes: int, where: str, *, last: bool
    ) -> Answer | None:
        """One attempt; None where another may help. Raises RequestFailed where it cannot, or at the ``last``."""
        try:
            answer = await self.send(
                "GET", url, max_bytes=max_bytes, headers=headers, authorization=authorization, where=where
            )
        except _Passing:
            if last:
                raise
            return None
        return None if answer.status in _PASSING and not last else answer

    async def send(
        self,
        method: str,
        url: str,
        *,
        max_bytes: int | None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        authorization: str | None = None,
        where: str | None = None,
    ) -> Answer:
        """One request, without redirects or repetition; any status is an answer. Raises RequestFailed.

        Without ``max_bytes`` the answer's body is of no interest and not read.
        Waits first where the server has asked for that, up to a minute; a longer wait fails at once.
        """
        where = where or shown(url)
        await asyncio.sleep(self._wait(url, where))
        sent = {"Accept-Encoding": "identity", "User-Agent": "ewpgw", **(headers or {})}
        if authorization is not None:
            sent["Authorization"] = authorization
        try:
            async with self._opened().request(
                method, URL(url, encoded=True), data=body, headers=sent, allow_redirects=False
            ) as response:
                content = await _read(response, max_bytes, where)
                answer = Answer(response.status, response.headers, content, url)
        except TimeoutError:
            raise Unreachable(f"{where} did not answer in time") from None
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            raise RequestFailed(f"{where}: {unreachable_in_words(error)}") from None
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"{where}: {unreachable_in_words(error)}") from None
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise _Passing(f"{where}: {unreachable_in_words(error)}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # the text of the error may quote what was sent or received
            raise _Passing(f"{where}: no answer that can be read ({type(error).__name__})") from None
        if answer.status in _BUSY and (delay := _retry_after(answer)):
            self._not_before[_origin(url)] = self.clock() + delay
        return answer

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            try:
                context = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
            except (OSError, ssl.SSLError):
                raise AdapterProblem(
                    f"{self._ca_file} cannot be read, or holds no certificates; name a PEM file in 'ca_file'"
                ) from None
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context, limit_per_host=4),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                trust_env=False,
                auto_decompress=False,
            )
        return self._session

    def _wait(self, url: str, where: str) -> float:
        """How long the server wants to be left alone still, in seconds. Raises RequestFailed where that is too long."""
        wait = max(0.0, self._not_before.get(_origin(url), 0.0) - self.clock())
        if wait > _LONGEST_WAIT:
            until = datetime.fromtimestamp(time.time() + wait, UTC)
            raise RequestFailed(f"{where} asks to be left alone until {until:%Y-%m-%d %H:%M} UTC")
        return wait


class _Passing(RequestFailed):
    """Another attempt may help."""


class Unreachable(_Passing):
    """The server is not there, or does not answer: other requests to it would fare no better now."""


async def _read(response: aiohttp.ClientResponse, max_bytes: int | None, where: str) -> bytes:
    if max_bytes is None:
        return b""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise RequestFailed(f"{where} answers compressed though it was asked not to; switch that off there")
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > max_bytes:
            raise RequestFailed(f"{where} sent more than {max_bytes} bytes; ask it for smaller pages")
    return bytes(body)


def _redirected(url: str, answer: Answer, redirects: int, where: str) -> str:
    if redirects > _MAX_REDIRECTS:
        raise RequestFailed(f"{where} redirects in a circle")
    try:
        target = urljoin(url, answer.headers["Location"])
    except ValueError:
        raise RequestFailed(f"{where} redirects to something that is no URL") from None
    if not same_origin(url, target):
        raise RequestFailed(f"{where} redirects to another server, which is not followed; configure the right address")
    return target


def _unexpected(where: str, answer: Answer) -> RequestFailed:
    hints = {
        401: "; it does not accept the credentials in 'auth'",
        403: "; the credentials in 'auth' do not allow this",
        404: "; is the address right?",
    }
    return RequestFailed(f"{where} answered HTTP {answer.status}{hints.get(answer.status, '')}")


def _retry_after(answer: Answer) -> float:
    """The seconds that a busy server wants to be left alone (RFC 9110, 10.2.3); 0 where it does not say."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return min(float(value), _LONGEST_DELAY)
    moment = http_date(value)
    if moment is None:
        return 0.0
    now = http_date(answer.headers.get("Date", "")) or datetime.now(UTC)
    return min(max((moment - now).total_seconds(), 0.0), _LONGEST_DELAY)


def http_date(value: str) -> datetime | None:
    """A date of an HTTP header; None where it is none."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def shown(url: str) -> str:
    """A configured URL for people and logs: its query may hold what is not for them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def same_origin(one: str, other: str) -> bool:
    """Whether two URLs are of one server: scheme, host and port."""
    try:
        return "@" not in urlsplit(other).netloc and _origin(one) == _origin(other)
    except ValueError:
        return False


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}"
