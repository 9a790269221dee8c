"""Outside clients: they sign as a partner does and send what they are told, also when it is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
from lxml import etree
from yarl import URL

from ewpgw.security import requests, responses
from ewpgw.security.keys import PrivateKey, PublicKey
from support.authority import client_tls

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Reply:
    """A response as it came."""

    status: int
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def root(self) -> etree._Element:
        return etree.fromstring(self.body)

    def texts(self, name: str) -> list[str]:
        """The texts of every element with this local name."""
        return [element.text or "" for element in self.root.iter(f"{{*}}{name}")]

    @property
    def developer_message(self) -> str:
        assert etree.QName(self.root).localname == "error-response", self.body
        return self.texts("developer-message")[0]


@dataclass(frozen=True)
class Draft:
    """A signed request, before it is sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    signature: str
    request_id: str

    def but(self, **changes: Any) -> Draft:
        """The same request with something changed behind the signature's back."""
        return replace(self, **changes)


class Caller:
    """Signs with one key. ``server_keys`` must have signed every answer, where they are given."""

    def __init__(
        self, session: aiohttp.ClientSession, key: PrivateKey, server_keys: dict[str, PublicKey] | None
    ) -> None:
        self._session = session
        self.key = key
        self._server_keys = server_keys

    def draft(
        self,
        url: str,
        parameters: Sequence[tuple[str, str]] = (),
        *,
        method: str = "POST",
        body: bytes | None = None,
        content_type: str = FORM,
        now: datetime | None = None,
        request_id: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Draft:
        if method != "POST" and parameters:
            url += "?" + urlencode(parameters)
        if body is None:
            body = urlencode(parameters).encode() if method == "POST" else b""
        typed = {"Content-Type": content_type} if method == "POST" and content_type else {}
        more = {**typed, **(headers or {})}
        signed = requests.sign_request(
            method,
            url,
            more,
            body,
            key=self.key,
            now=now or datetime.now(UTC),
            request_id=request_id or str(uuid4()),
        )
        return Draft(method, url, dict(signed.headers), body, signed.signature, signed.request_id)

    async def send(self, draft: Draft, *, verify: bool = True) -> Reply:
        """Sends; where the server's keys are known, the answer's signature is verified too, also that of an error."""
        async with self._session.request(
            draft.method,
            URL(draft.url, encoded=True),
            headers=draft.headers,
            data=draft.body or None,
            allow_redirects=False,
            skip_auto_headers=("Content-Type", "User-Agent"),
        ) as response:
            raw = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers]
            reply = Reply(response.status, raw, await response.read())
        if verify and self._server_keys is not None:
            responses.verify_response(
                reply.headers,
                reply.body,
                server_keys=self._server_keys,
                request_id=draft.request_id,
                request_signature=draft.signature,
                now=datetime.now(UTC),
            )
        return reply

    async def post(self, url: str, *parameters: tuple[str, str]) -> Reply:
        return await self.send(self.draft(url, parameters))

    async def get(self, url: str, *parameters: tuple[str, str]) -> Reply:
        return await self.send(self.draft(url, parameters, method="GET"))


@asynccontextmanager
async def calling(key: PrivateKey, *server_keys: PublicKey) -> AsyncIterator[Caller]:
    """A caller with a connection pool of its own."""
    connector = aiohttp.TCPConnector(ssl=client_tls())
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        keys = {server_key.fingerprint: server_key for server_key in server_keys} or None
        yield Caller(session, key, keys)
