"""The small registry: reads the manifests of a closed network, and serves their catalogue over HTTPS.

It does what ewp-specs-api-registry asks of the Registry Service, for networks of the operator's own: tests,
demonstrations, a national pilot. The real network has its one registry.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

import structlog
from aiohttp import ETag, web
from lxml import etree

from ewpgw.documents import schemas
from ewpgw.listening import AppRunner
from ewpgw.network import download
from ewpgw.registry import page
from ewpgw.registry.assembly import Assembly, assemble
from ewpgw.registry.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ewpgw.config.settings import TlsSettings
    from ewpgw.registry.manifest import Manifest
    from ewpgw.registry.settings import RegistrySettings

CATALOGUE_PATH = "/catalogue-v1.xml"
_AT_ONCE = 10
_MAX_REQUEST_BYTES = 1024

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ManifestStatus:
    """One manifest, for people: ``state`` in words; ``ok`` where the last reading was good and nothing was refused."""

    url: str
    ok: bool
    state: str
    hei_id: str | None
    checked_at: datetime | None
    good_at: datetime | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CatalogueFacts:
    """The catalogue that is being served."""

    etag: str
    changed_at: datetime
    bytes: int
    hosts: int
    hei_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """Everything ``/status`` says. ``problem`` is one of the registry itself."""

    catalogue: CatalogueFacts | None
    problem: str | None
    manifests: tuple[ManifestStatus, ...]


@dataclass(frozen=True, slots=True)
class _Published:
    assembly: Assembly
    etag: str
    changed_at: datetime
    hosts: int


def _now() -> datetime:
    return datetime.now(UTC)


class Registry:
    """The registry as a server: ``start``, ``refresh`` as often as wanted, ``stop``.

    Raises OSError, with the file's name, where the file of authorities cannot be used.
    """

    def __init__(self, settings: RegistrySettings, *, clock: Callable[[], datetime] = _now) -> None:
        self._settings = settings
        self._clock = clock
        self._sources = tuple(Source(url, settings.state_folder) for url in settings.manifest_urls)
        self._trust = _trust(settings.ca_file)
        self._reading = asyncio.Lock()
        self._published: _Published | None = None
        self._problem: str | None = None
        self._runner: AppRunner | None = None
        self._loop_task: asyncio.Task[None] | None = None
        self._base_url = ""
        self.port = settings.port
        """The port that is listened on."""

    @property
    def catalogue_url(self) -> str:
        """Where the catalogue is served; known once the registry has started."""
        return self._base_url + CATALOGUE_PATH

    async def start(self) -> None:
        """Listens, and reads the manifests from now on. Raises OSError where it cannot, with the reason in words."""
        certificate = _certificate(self._settings.tls)
        for source in self._sources:
            await asyncio.to_thread(source.restore)
        self._runner = AppRunner(self._application(), refuse=_refusal, shutdown_timeout=5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port, ssl_context=certificate)
        try:
            await site.start()
        except OSError as error:
            at = f"{self._settings.host}:{self._settings.port}"
            reason = os.strerror(error.errno) if error.errno else str(error)
            said = f"host and port: cannot listen on {at}: {reason}; end what uses it, or choose another"
            raise OSError(said) from error
        self.port = int(self._runner.addresses[0][1])
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        self._base_url = (self._settings.public_url or f"https://{host}:{self.port}").rstrip("/")
        self._loop_task = asyncio.create_task(self._read_for_ever(), name="registry")
        _log.info("registry.listening", catalogue=self.catalogue_url)

    async def wait(self) -> None:
        """Waits for as long as the registry runs; what ends it is raised."""
        if self._loop_task is not None:
            await self._loop_task

    async def stop(self) -> None:
        """Stops listening and reading."""
        if self._loop_task is not None:
            self._loop_task.cancel()
            with suppress(asyncio.CancelledError, Exception):  # what ended it is for wait() to raise
                await self._loop_task
        if self._runner is not None:
            await self._runner.cleanup()

    async def refresh(self) -> Status:
        """Reads every manifest now and publishes what came of it."""
        async with self._reading:
            slots = asyncio.Semaphore(_AT_ONCE)

            async def read(source: Source) -> None:
                async with slots:
                    await source.refresh(client, self._clock())

            async with download.anonymous_client(self._trust) as client, asyncio.TaskGroup() as group:
                for source in self._sources:
                    group.create_task(read(source))
            await self._publish()
        return self.status()

    def status(self) -> Status:
        """What is served, and the state of every manifest."""
        now = self._clock()
        published = self._published
        facts: CatalogueFacts | None = None
        if published is not None:
            facts = CatalogueFacts(
                etag=published.etag,
                changed_at=published.changed_at,
                bytes=len(published.assembly.document),
                hosts=published.hosts,
                hei_ids=published.assembly.hei_ids,
            )
        return Status(facts, self._problem, tuple(self._manifest_status(source, now) for source in self._sources))

    def _manifest_status(self, source: Source, now: datetime) -> ManifestStatus:
        manifest = source.manifest(now)
        refused = self._published.assembly.refusals.get(source.url, ()) if self._published else ()
        faults = source.faults + (manifest.faults + refused if manifest else ())
        return ManifestStatus(
            url=source.url,
            ok=manifest is not None and not faults,
            state=_state(source, manifest),
            hei_id=manifest.institution.hei_id if manifest and manifest.institution else None,
            checked_at=source.checked_at,
            good_at=source.good_at,
            faults=faults,
        )

    async def _read_for_ever(self) -> None:
        while True:
            await self.refresh()
            await asyncio.sleep(self._settings.refresh_seconds)

    async def _publish(self) -> None:
        now = self._clock()
        manifests = [manifest for source in self._sources if (manifest := source.manifest(now)) is not None]
        assembly, faults = await asyncio.to_thread(_assemble, manifests, self.catalogue_url)
        self._problem = None
        if faults:
            self._problem = f"the catalogue could not be renewed, because it would not be valid: {faults[0]}"
            _log.error("registry.invalid_catalogue", faults=faults)
            return
        etag = sha256(assembly.document).hexdigest()
        changed = self._published is None or self._published.etag != etag
        changed_at = now.replace(microsecond=0) if self._published is None or changed else self._published.changed_at
        self._published = _Published(assembly, etag, changed_at, len(manifests) + 1)
        if changed:
            _log.info("registry.catalogue_changed", heis=len(assembly.hei_ids), bytes=len(assembly.document))

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=_MAX_REQUEST_BYTES)
        application.router.add_get(CATALOGUE_PATH, self._serve_catalogue)
        application.router.add_get("/status", self._serve_status)
        application.router.add_get("/", self._serve_page)
        application.router.add_post("/refresh", self._serve_refresh)
        return application

    async def _serve_catalogue(self, request: web.Request) -> web.Response:
        published = self._published
        if published is None:
            # An empty catalogue would make clients forget the whole network.
            return web.Response(status=503, headers={"Retry-After": "5"}, text="The manifests are being read.\n")
        max_age = int(self._settings.refresh_seconds)
        unchanged = _is_current(request, published)
        response = web.Response(
            status=304 if unchanged else 200,
            body=None if unchanged else published.assembly.document,
            headers={"Cache-Control": f"public, max-age={max_age}"},
        )
        if not unchanged:
            response.headers["Content-Type"] = "text/xml; charset=utf-8"
        response.etag = ETag(published.etag)
        response.last_modified = published.changed_at
        response.headers["Expires"] = format_datetime(_now() + timedelta(seconds=max_age), usegmt=True)
        return response

    async def _serve_status(self, _request: web.Request) -> web.Response:
        return _status_response(self.status())

    async def _serve_page(self, _request: web.Request) -> web.Response:
        policy = {"Content-Security-Policy": page.POLICY}
        return web.Response(text=page.render(self.status()), content_type="text/html", charset="utf-8", headers=policy)

    async def _serve_refresh(self, request: web.Request) -> web.Response:
        if not _is_loopback(request.remote):
            return web.Response(status=403, text="Only a caller on the registry's own machine may ask for this.\n")
        return _status_response(await self.refresh())


async def serve(settings: RegistrySettings) -> None:
    """Runs a registry until cancelled. Raises OSError where it cannot start, with the reason in words."""
    registry = Registry(settings)
    try:
        await registry.start()
        await registry.wait()
    finally:
        await registry.stop()


def _refusal(status: int, said: str) -> web.Response:
    return web.Response(status=status, text=f"{said}\n")


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # which does not name the file
        raise OSError(f"the authorities in {ca_file} cannot be used: {error}") from None


def _certificate(tls: TlsSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(tls.certificate, tls.key)
    except OSError as error:
        raise OSError(f"the certificate {tls.certificate} with the key {tls.key} cannot be used: {error}") from None
    return context


def _assemble(manifests: list[Manifest], catalogue_url: str) -> tuple[Assembly, list[str]]:
    assembly = assemble(manifests, catalogue_url)
    faults = schemas.default().faults(etree.fromstring(assembly.document))
    return assembly, [f"{fault.message} (at {fault.path})" for fault in faults]


def _state(source: Source, manifest: Manifest | None) -> str:
    if source.checked_at is None:
        return "not read yet" if manifest is None else "not read yet; what an earlier run kept is in use"
    if not source.faults:
        return "in use"
    if manifest is None:
        return "not in use"
    return "the last good content is in use, for at most 24 hours after it was last confirmed"


def _is_current(request: web.Request, published: _Published) -> bool:
    """Whether the client has this very catalogue; If-None-Match overrules If-Modified-Since (RFC 9110, 13.2.2)."""
    known = request.if_none_match
    if known is not None:
        return any(etag.value in ("*", published.etag) for etag in known)
    since = request.if_modified_since
    return since is not None and published.changed_at <= since


def _is_loopback(address: str | None) -> bool:
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def _status_response(status: Status) -> web.Response:
    text = json.dumps(asdict(status), default=datetime.isoformat, ensure_ascii=False, indent=2)
    return web.json_response(text=text + "\n")
