"""The partners' side, as a process of its own: many HEIs' manifests, and one place where notifications are counted.

``python -m bench.partner SETTINGS.json`` with the settings that ``bench.site`` writes. Once it is told where, it also
fetches each nomination that a HEI is told of.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from aiohttp import web
from lxml import etree

from bench.fetching import Fetching
from ewpgw.apis.answers import document
from ewpgw.apis.call import Node
from ewpgw.apis.discovery import DISCOVERY, MANIFEST, build
from ewpgw.apis.iia_cnr import IIA_CNR
from ewpgw.apis.omobility_cnr import OMOBILITY_CNR
from ewpgw.config import HeiSettings
from ewpgw.identity import Identity
from ewpgw.security import requests, responses
from ewpgw.security.keys import PrivateKey, PublicKey, generate, load_private_key

if TYPE_CHECKING:
    from ewpgw.apis.declaration import Api

_SPECIFICATIONS = "https://github.com/erasmus-without-paper/ewp-specs-api-"
_ANSWERS = {
    IIA_CNR.name: document(f"{_SPECIFICATIONS}iia-cnr/tree/stable-v3", "iia-cnr-response"),
    OMOBILITY_CNR.name: document(f"{_SPECIFICATIONS}omobility-cnr/tree/stable-v2", "omobility-cnr-response"),
}
_NOTIFIED = {api.path(api.endpoints[0]): api for api in (IIA_CNR, OMOBILITY_CNR)}
_LIMITS = {"max-omobility-ids": 50}


@dataclass(frozen=True, slots=True)
class PartnerSettings:
    """Where to listen, for which HEIs, with which key; and the key of the gateway that notifies them.

    The key is the first HEI's, and every other's too, unless ``own_keys``: then each has its own, since one that is to
    call the gateway has to be told from the others.
    """

    folder: str
    port: int
    hei_ids: tuple[str, ...]
    key_file: str
    caller_key_file: str
    own_keys: bool


@dataclass(frozen=True, slots=True)
class Received:
    """What has come: how often each HEI was told of each thing, and fetched it; and when the last one came."""

    told: dict[str, int]
    fetched: dict[str, int]
    last: float


class Partners:
    """Serves all the HEIs; each notification's signature is verified before it counts, and its answer is signed."""

    def __init__(self, settings: PartnerSettings, trust: ssl.SSLContext) -> None:
        self._settings = settings
        self._caller: PublicKey = load_private_key(Path(settings.caller_key_file)).public
        shared = load_private_key(Path(settings.key_file))
        first, *others = settings.hei_ids
        self._keys = {first: shared, **{hei: generate() if settings.own_keys else shared for hei in others}}
        manifest_path = DISCOVERY.path(DISCOVERY.endpoints[0])
        self._manifests = {f"/{hei}{manifest_path}": self._manifest(hei, key) for hei, key in self._keys.items()}
        self._told: Counter[str] = Counter()
        self._last = 0.0
        self._fetching = Fetching(self._keys, self._caller, trust)

    def _manifest(self, hei_id: str, key: PrivateKey) -> bytes:
        settings = HeiSettings.model_validate(
            {
                "id": hei_id,
                "public_url": f"https://localhost:{self._settings.port}/{hei_id}",
                "names": [{"text": f"University of {hei_id}", "lang": "en"}],
                "admin_emails": [f"ewp@{hei_id}"],
                "admin_provider": "Measurements of ewpgw",
                "keys": [{"file": self._settings.key_file}],
            },
            context={"folder": Path(self._settings.folder)},
        )
        identity = replace(Identity.from_settings(settings), keys=(key,))
        manifest = build(Node(identity, (DISCOVERY, IIA_CNR, OMOBILITY_CNR), _LIMITS))
        if self._settings.own_keys or hei_id == self._settings.hei_ids[0]:
            return manifest
        # One provider may sign the answers of all its HEIs with one key, but a client key names exactly one HEI.
        root = etree.fromstring(manifest)
        for credentials in root.findall(f"./{{{MANIFEST}}}host/{{{MANIFEST}}}client-credentials-in-use"):
            if (host := credentials.getparent()) is not None:
                host.remove(credentials)
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8")

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """One request of the registry, of the gateway, or of the measuring process."""
        if request.method == "GET" and request.path in self._manifests:
            return web.Response(body=self._manifests[request.path], content_type="text/xml")
        if request.method == "GET" and request.path == "/received":
            found = Received(dict(self._told), dict(self._fetching.fetched), self._last)
            return web.json_response(asdict(found))
        if request.method == "POST" and request.path == "/fetch":
            await self._fetching.start(await request.text())
            return web.Response()
        hei_id, _, path = request.path.removeprefix("/").partition("/")
        api = _NOTIFIED.get(f"/{path}")
        if request.method == "POST" and api is not None:
            return self._notified(hei_id, api, request, await request.read())
        return web.Response(status=404)

    def _notified(self, hei_id: str, api: Api, request: web.BaseRequest, body: bytes) -> web.Response:
        now = datetime.now(UTC)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers]
        signed = requests.Request(request.method, request.raw_path, request.host, headers, body)
        verified = requests.verify_request(signed, {self._caller.fingerprint: self._caller}.get, now)
        assert api.identifier is not None
        for item in parse_qs(body.decode())[api.identifier]:
            self._told[f"{hei_id} {item}"] += 1
            if api is OMOBILITY_CNR:
                self._fetching.want(hei_id, item)
        self._last = time.time()
        answer = responses.sign_response(
            _ANSWERS[api.name],
            self._keys[hei_id],
            now,
            request_id=verified.request_id,
            request_signature=verified.signature,
            headers={"Content-Type": "application/xml; charset=utf-8"},
        )
        return web.Response(body=_ANSWERS[api.name], headers=answer)


async def serve(settings: PartnerSettings) -> None:
    """Serves until the process is ended."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(Path(settings.folder) / "server.pem", Path(settings.folder) / "server.key")
    trust = ssl.create_default_context(cafile=str(Path(settings.folder) / "ca.pem"))
    runner = web.ServerRunner(web.Server(Partners(settings, trust).handle, access_log=None), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", settings.port, ssl_context=tls).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(PartnerSettings(**json.loads(Path(sys.argv[1]).read_text()))))
