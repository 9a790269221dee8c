"""The third member, ``tester.example``: a manifest and a key, so that anybody can call the two nodes as a partner."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import uuid4

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from yarl import URL

from ewpgw.apis.call import Node
from ewpgw.apis.discovery import DISCOVERY, build
from ewpgw.config import HeiSettings
from ewpgw.documents import error_response
from ewpgw.identity import Identity
from ewpgw.security import requests
from ewpgw.security.keys import PrivateKey, load_private_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.demo.layout import Layout

HEI_ID = "tester.example"


@dataclass(frozen=True, slots=True)
class Draft:
    """A signed request that may still be spoiled before it is sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    def with_body(self, body: bytes) -> Draft:
        """The same headers and signature over another body."""
        return replace(self, body=body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: status, headers and body, and what an error-response in it says to developers."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def developer_message(self) -> str:
        """The reason given, or a note that there is none."""
        said = error_response.read(self.body)
        return said.developer_message if said else "(no error-response)"


class Tester:
    """Serves the tester's manifest, and calls nodes with its key or with any other."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.key = load_private_key(layout.key_file("tester"))
        self._session: ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begins to serve the manifest; calls are possible from now on."""
        trust = ssl.create_default_context(cafile=str(self._layout.ca_file))
        self._session = ClientSession(
            connector=TCPConnector(ssl=trust), timeout=ClientTimeout(total=20), auto_decompress=False
        )
        settings = HeiSettings.model_validate(
            {
                "id": HEI_ID,
                "public_url": self._layout.base_url("tester"),
                "names": [{"text": "The tester", "lang": "en"}],
                "admin_emails": [f"ewp@{HEI_ID}"],
                "admin_provider": "Demonstration of ewpgw",
                "keys": [{"file": str(self._layout.key_file("tester"))}],
            },
            context={"folder": self._layout.root},
        )
        manifest = build(Node(Identity.from_settings(settings), (DISCOVERY,), {}))

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=manifest, content_type="application/xml")

        app = web.Application()
        app.router.add_get(f"/{HEI_ID}/discovery/v6", answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(self._layout.root / "tls" / "server.pem", self._layout.root / "tls" / "server.key")
        await web.TCPSite(self._runner, "127.0.0.1", self._layout.ports[18443], ssl_context=tls).start()

    async def close(self) -> None:
        """Ends the server and the connections."""
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def sign(
        self,
        url: str,
        parameters: Sequence[tuple[str, str]],
        *,
        key: PrivateKey | None = None,
        now: datetime | None = None,
        method: str = "POST",
    ) -> Draft:
        """A request to ``url`` signed with the tester's key (or ``key``), dated now (or ``now``)."""
        body = urlencode(parameters).encode() if method == "POST" else b""
        if method == "GET" and parameters:
            url += "?" + urlencode(parameters)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
        signed = requests.sign_request(
            method, url, headers, body, key=key or self.key, now=now or datetime.now(UTC), request_id=str(uuid4())
        )
        return Draft(method, url, dict(signed.headers), body)

    async def send(self, draft: Draft) -> Reply:
        """Sends a draft as it stands."""
        assert self._session is not None, "start() comes first"
        async with self._session.request(
            draft.method,
            URL(draft.url, encoded=True),
            headers=draft.headers,
            data=draft.body or None,
            allow_redirects=False,
            skip_auto_headers=("Content-Type", "User-Agent"),
        ) as response:
            return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read())

    async def fetch(self, url: str, token: str | None = None, *, method: str = "GET", document: object = None) -> Reply:
        """An unsigned request: for a manifest, the catalogue or, with a token, the SIS API, which takes JSON."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        assert self._session is not None, "start() comes first"
        async with self._session.request(method, url, headers=headers, json=document) as response:
            return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read())
