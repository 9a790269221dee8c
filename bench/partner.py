"""The partners' side, as a process of its own: many HEIs' manifests, and one place where notifications are counted.

``python -m bench.partner SETTINGS.json`` with the settings that ``bench.site`` writes.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

from aiohttp import web
from lxml import etree

from ewpgw.apis.answers import document
from ewpgw.apis.call import Node
from ewpgw.apis.discovery import DISCOVERY, MANIFEST, build
from ewpgw.apis.iia_cnr import IIA_CNR
from ewpgw.config import HeiSettings
from ewpgw.identity import Identity
from ewpgw.security import requests, responses
from ewpgw.security.keys import PublicKey, load_private_key

_ANSWER = document("https://github.com/erasmus-without-paper/ewp-specs-api-iia-cnr/tree/stable-v3", "iia-cnr-response")


@dataclass(frozen=True, slots=True)
class PartnerSettings:
    """Where to listen, for which HEIs, with which key of theirs; and the key of the gateway that notifies them."""

    folder: str
    port: int
    hei_ids: tuple[str, ...]
    key_file: str
    caller_key_file: str


class Partners:
    """Serves all the HEIs; each notification's signature is verified before it counts, and its answer is signed."""

    def __init__(self, settings: PartnerSettings) -> None:
        self._settings = settings
        self._key = load_private_key(Path(settings.key_file))
        self._caller: PublicKey = load_private_key(Path(settings.caller_key_file)).public
        self._manifests = {
            f"/{hei}{DISCOVERY.path(DISCOVERY.endpoints[0])}": self._manifest(hei) for hei in settings.hei_ids
        }
        self._received: Counter[str] = Counter()
        self._last = 0.0

    def _manifest(self, hei_id: str) -> bytes:
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
        manifest = build(Node(Identity.from_settings(settings), (DISCOVERY, IIA_CNR), {}))
        if hei_id == self._settings.hei_ids[0]:
            return manifest
        # One provider may sign the answers of all its HEIs with one key, but a client key names exactly one HEI.
        root = etree.fromstring(manifest)
        for credentials in root.findall(f".//{{{MANIFEST}}}client-credentials-in-use"):
            credentials.getparent().remove(credentials)
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8")

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """One request of the registry, of the gateway, or of the measuring process."""
        if request.method == "GET" and request.path in self._manifests:
            return web.Response(body=self._manifests[request.path], content_type="text/xml")
        if request.method == "GET" and request.path == "/received":
            return web.json_response({"pairs": self._received, "last": self._last})
        hei_id, _, path = request.path.removeprefix("/").partition("/")
        if request.method == "POST" and f"/{path}" == IIA_CNR.path(IIA_CNR.endpoints[0]):
            return self._notified(hei_id, request, await request.read())
        return web.Response(status=404)

    def _notified(self, hei_id: str, request: web.BaseRequest, body: bytes) -> web.Response:
        now = datetime.now(UTC)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers]
        signed = requests.Request(request.method, request.raw_path, request.host, headers, body)
        verified = requests.verify_request(signed, {self._caller.fingerprint: self._caller}.get, now)
        self._received[f"{hei_id} {parse_qs(body.decode())['iia_id'][0]}"] += 1
        self._last = time.time()
        answer = responses.sign_response(
            _ANSWER,
            self._key,
            now,
            request_id=verified.request_id,
            request_signature=verified.signature,
            headers={"Content-Type": "application/xml; charset=utf-8"},
        )
        return web.Response(body=_ANSWER, headers=answer)


async def serve(settings: PartnerSettings) -> None:
    """Serves until the process is ended."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(Path(settings.folder) / "server.pem", Path(settings.folder) / "server.key")
    runner = web.ServerRunner(web.Server(Partners(settings).handle, access_log=None), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", settings.port, ssl_context=tls).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(PartnerSettings(**json.loads(Path(sys.argv[1]).read_text()))))
