"""What partners do when they are told of a nomination: each fetches it from the gateway with a signed call."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp

from ewpgw.apis.omobilities import OMOBILITIES
from ewpgw.security import requests, responses

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from ewpgw.security.keys import PrivateKey, PublicKey

_AT_ONCE = 8
_FORM = "application/x-www-form-urlencoded"
_GET = next(OMOBILITIES.path(endpoint) for endpoint in OMOBILITIES.endpoints if endpoint.name == "get")


class Fetching:
    """Fetches what is wanted, one nomination a call, some calls at a time.

    - ``keys``: the client key of each HEI that fetches
    - ``server_key``: the gateway signs its answers with it
    """

    def __init__(self, keys: Mapping[str, PrivateKey], server_key: PublicKey, trust: ssl.SSLContext) -> None:
        self.fetched: Counter[str] = Counter()
        self._keys = keys
        self._server_key = server_key
        self._trust = trust
        self._url = ""
        self._wanted: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._callers: list[asyncio.Task[None]] = []

    async def start(self, public_url: str) -> None:
        """Fetches from now on, from the gateway's HEI of this URL."""
        self._url = public_url + _GET
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._trust), auto_decompress=False)
        self._callers = [asyncio.create_task(self._call(session)) for _ in range(_AT_ONCE)]

    def want(self, hei_id: str, omobility_id: str) -> None:
        """The HEI is to fetch a nomination; without effect before ``start``."""
        if self._callers:
            self._wanted.put_nowait((hei_id, omobility_id))

    async def _call(self, session: aiohttp.ClientSession) -> None:
        while True:
            hei_id, omobility_id = await self._wanted.get()
            body = urlencode({"omobility_id": omobility_id}).encode()
            headers = {"Content-Type": _FORM, "Accept-Encoding": "identity"}
            now, number = datetime.now(UTC), str(uuid4())
            signed = requests.sign_request(
                "POST", self._url, headers, body, key=self._keys[hei_id], now=now, request_id=number
            )
            async with session.post(self._url, data=body, headers=signed.headers) as response:
                answer = await response.read()
            responses.verify_response(
                list(response.headers.items()),
                answer,
                server_keys={self._server_key.fingerprint: self._server_key},
                request_id=signed.request_id,
                request_signature=signed.signature,
                now=datetime.now(UTC),
            )
            assert response.status == 200, answer
            assert omobility_id.encode() in answer, "the gateway serves what it has told of"
            self.fetched[f"{hei_id} {omobility_id}"] += 1
