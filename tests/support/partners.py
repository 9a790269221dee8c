"""Partners that answer what a test scripts, on real sockets over real TLS, also when it is wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from lxml import etree

from ewpgw.apis.call import Node
from ewpgw.apis.declaration import Api
from ewpgw.apis.discovery import DISCOVERY, build
from ewpgw.apis.running import APIS
from ewpgw.config import LimitSettings
from ewpgw.documents import error_response
from ewpgw.network.catalogue import Catalogue
from ewpgw.registry.assembly import assemble
from ewpgw.registry.manifest import Manifest, read_manifest
from ewpgw.security import requests, responses
from ewpgw.security.keys import PrivateKey, PublicKey
from support.authority import key_of, server_tls
from support.nodes import identity_of

XML = "application/xml; charset=utf-8"
_SECURITY = "{https://github.com/erasmus-without-paper/ewp-specs-sec-intro/tree/stable-v2}"
_MONITORING = "https://github.com/erasmus-without-paper/ewp-specs-api-monitoring/blob/stable-v1/manifest-entry.xsd"


@dataclass(frozen=True)
class Received:
    """A request as it came to a partner; ``verified`` is what our own verification of its signature says."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    verified: requests.VerifiedRequest | requests.Refusal

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The pairs of the body's form."""
        return parse_qsl(self.body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(self.body))

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Says:
    """One scripted answer: what is signed, and what is done wrong with it.

    ``sent_body`` goes out in place of the signed body, ``request_id`` in place of the request's, ``age`` dates the
    signature back, ``key`` signs in place of the partner's own. ``held`` keeps the answer back until the event is set;
    ``cut_after`` ends the connection after so many bytes of the body (-1: before the status line).
    """

    body: bytes = b""
    status: int = 200
    signed: bool = True
    key: PrivateKey | None = None
    sent_body: bytes | None = None
    request_id: str | None = None
    request_signature: str | None = None
    age: timedelta = timedelta()
    content_type: str = XML
    signed_headers: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    held: asyncio.Event | None = None
    cut_after: int | None = None

    def but(self, **changes: Any) -> Says:
        return replace(self, **changes)


Script = Says | Callable[[Received], Says]


def error(status: int, developer_message: str, user_message: str | None = None) -> Says:
    """An error answer as the network wants it."""
    return Says(error_response.build(developer_message, user_message), status)


class FakePartner:
    """A member of the network. ``script`` says what an endpoint answers; ``received`` is what came, in order."""

    def __init__(self, hei_id: str, folder: Path, now: Callable[[], datetime], apis: Sequence[Api]) -> None:
        self.hei_id = hei_id
        self.key = key_of(hei_id)
        self.received: list[Received] = []
        self.port = 0
        self._folder = folder
        self._now = now
        self._apis = apis
        self._scripts: dict[str, list[Script]] = {}
        self._client_keys: dict[str, PublicKey] = {}
        self._ending = asyncio.Event()
        # What a test does not let finish must not hold up the end of the test.
        server = web.Server(self._handle, auto_decompress=False, access_log=None)
        self._runner = web.ServerRunner(server, access_log=None, shutdown_timeout=0.5)

    @property
    def node(self) -> Node:
        identity = identity_of(self.hei_id, f"https://localhost:{self.port}/{self.hei_id}", self._folder)
        return Node(identity, tuple(self._apis), LimitSettings().by_element())

    def manifest(self) -> Manifest:
        """What the partner publishes; edit it with ``dataclasses.replace`` and the functions of this module."""
        url = self.node.identity.public_url + DISCOVERY.path(DISCOVERY.endpoints[0])
        return read_manifest(url, build(self.node))

    def knows(self, *keys: PublicKey) -> None:
        """The client keys by which requests are verified."""
        self._client_keys.update((key.fingerprint, key) for key in keys)

    def script(self, path: str, *answers: Script) -> None:
        """What is answered under ``path``, one after the other; the last one goes on.

        A path is one of the HEI's (``iias/v7/get``) or, with a slash before it, one of the whole server.
        """
        self._scripts[path if path.startswith("/") else f"/{self.hei_id}/{path}"] = list(answers)

    def calls(self, path: str) -> list[Received]:
        """What came under a path, in order."""
        return [each for each in self.received if each.target.partition("?")[0] == f"/{self.hei_id}/{path}"]

    async def start(self, tls: ssl.SSLContext, port: int = 0) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=tls).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        self._ending.set()
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        received = await self._receive(request)
        self.received.append(received)
        says = self._next(received)
        if says.held is not None:
            await self._until(says.held)
        if says.cut_after == -1:
            return await self._cut(request)
        response = web.StreamResponse(status=says.status)
        body = says.body if says.sent_body is None else says.sent_body
        for name, value in {**self._headers(received, says), **says.headers}.items():
            response.headers[name] = value
        response.content_length = len(body)
        await response.prepare(request)
        if says.cut_after is not None:
            await response.write(body[: says.cut_after])
            return await self._cut(request)
        await response.write(body)
        await response.write_eof()
        return response

    async def _receive(self, request: web.BaseRequest) -> Received:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        body = await request.read()
        whole = requests.Request(request.method, request.raw_path, request.headers.get("Host", ""), headers, body)
        verified: requests.VerifiedRequest | requests.Refusal
        try:
            verified = requests.verify_request(whole, self._client_keys.get, self._now())
        except requests.Refusal as refusal:
            verified = refusal
        return Received(request.method, request.raw_path, headers, body, verified)

    def _next(self, received: Received) -> Says:
        answers = self._scripts.get(received.target.partition("?")[0])
        if not answers:
            return error(404, f"the test scripted nothing for {received.target}")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer if isinstance(answer, Says) else answer(received)

    def _headers(self, received: Received, says: Says) -> dict[str, str]:
        headers = {"Content-Type": says.content_type, **says.signed_headers}
        if not says.signed:
            return headers
        asked = responses.correlation(received.headers)
        return responses.sign_response(
            says.body,
            says.key or self.key,
            self._now() - says.age,
            request_id=says.request_id or asked.request_id,
            request_signature=says.request_signature or asked.request_signature,
            headers=headers,
        )

    async def _until(self, event: asyncio.Event) -> None:
        waiting = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._ending.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def _cut(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


@asynccontextmanager
async def fake_partner(
    folder: Path,
    now: Callable[[], datetime],
    *,
    hei_id: str = "south.example",
    apis: Sequence[Api] = APIS,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[FakePartner]:
    """A partner that listens; nothing is scripted yet."""
    partner = FakePartner(hei_id, folder, now, apis)
    await partner.start(tls or server_tls())
    try:
        yield partner
    finally:
        await partner.stop()


def catalogue_with(*manifests: Manifest) -> Catalogue:
    """The catalogue that a registry makes of these manifests."""
    return Catalogue.read(assemble(manifests, "https://localhost/catalogue-v1.xml").document)


def with_server_keys(manifest: Manifest, *keys: PublicKey) -> Manifest:
    """The manifest of a host whose answers are signed with other keys."""
    return replace(manifest, server_keys=keys)


def without_method(manifest: Manifest, aspect: str, method: str) -> Manifest:
    """The manifest without a security method in one aspect: ``("server-auth", "httpsig")``."""
    for entry in manifest.apis:
        for listed in entry.iter(f"{_SECURITY}{aspect}-methods"):
            for element in listed.findall(f"{{*}}{method}"):
                listed.remove(element)
    return manifest


def with_url(manifest: Manifest, api: str, element: str, url: str) -> Manifest:
    """The manifest with another URL in one entry."""
    for entry in manifest.apis:
        if etree.QName(entry).localname == api:
            for found in entry.findall(f"{{*}}{element}"):
                found.text = url
    return manifest


def with_monitoring(manifest: Manifest, url: str) -> Manifest:
    """The manifest of the Stats Portal, whose Monitoring API is still a draft in the namespace of version 1."""
    entry = etree.fromstring(f'<monitoring xmlns="{_MONITORING}" version="0.2.0"/>')
    template = next(each for each in manifest.apis if etree.QName(each).localname == "echo")
    security = etree.SubElement(entry, f"{{{_MONITORING}}}http-security")
    for aspect in template[0]:
        security.append(etree.fromstring(etree.tostring(aspect)))
    etree.SubElement(entry, f"{{{_MONITORING}}}url").text = url
    return replace(manifest, apis=(*manifest.apis, entry))
