"""A small network on the loopback: partners, ``ewpgw registry``, and real ``ewpgw serve`` processes to be measured."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import sys
import tempfile
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import trustme
import yaml

from bench.machine import cpu_seconds, pinned
from bench.partner import PartnerSettings, Received
from ewpgw.demo.network import until
from ewpgw.demo.processes import Server
from ewpgw.security.keys import PrivateKey, generate, write_private_key
from ewpgw.store.engine import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

_PATIENCE_SECONDS = 60.0
_AT_REST_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway: configured, its store ready to be filled, and not necessarily running.

    ``host`` and ``base_path`` are those of its public URL; ``tls`` is None where it listens without, behind a proxy.
    """

    hei_id: str
    folder: Path
    config: Path
    store_url: str
    port: int
    sis_port: int
    host: str
    base_path: str
    key: PrivateKey
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that answers."""

    gateway: Gateway
    process: Server

    @property
    def pid(self) -> int:
        return self.process.process.pid


class Site:
    """The network's folder and processes; made by ``site``."""

    def __init__(self, root: Path, partners: int, own_keys: bool) -> None:
        self.root = root
        self._own_keys = own_keys
        self.partners = tuple(f"p{number:02}.partner.example" for number in range(partners))
        self.partner_key: PrivateKey = generate()
        """Signs for the first partner as a client, and as a server for every partner that has no key of its own."""
        self._key: PrivateKey = generate()
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(str(root / "ca.pem"))
        certificate.private_key_pem.write_to_path(str(root / "server.key"))
        (root / "server.key").chmod(0o600)
        certificate.cert_chain_pems[0].write_to_path(str(root / "server.pem"))
        write_private_key(root / "gateway.pem", self._key)
        write_private_key(root / "partner.pem", self.partner_key)
        self.trust = ssl.create_default_context(cafile=str(root / "ca.pem"))
        self._registry_port, self._partner_port = _free_ports(2)
        self._starting = asyncio.Lock()  # what is started inherits this process's cores
        self._servers: list[Server] = []
        self._partner_process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts the partners and the registry, and waits until the catalogue lists them all."""
        settings = PartnerSettings(
            folder=str(self.root),
            port=self._partner_port,
            hei_ids=self.partners,
            key_file=str(self.root / "partner.pem"),
            caller_key_file=str(self.root / "gateway.pem"),
            own_keys=self._own_keys,
        )
        (self.root / "partner.json").write_text(json.dumps(asdict(settings)))
        with (self.root / "partner.log").open("ab") as log:
            self._partner_process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.partner", self.root / "partner.json", stdout=log, stderr=log
            )
        await until(partial(self._answers, f"{self._partner_url}/received"), "the partners answer", _PATIENCE_SECONDS)
        registry = {
            "host": "127.0.0.1",
            "port": self._registry_port,
            "public_url": f"https://localhost:{self._registry_port}",
            "tls": {"certificate": "server.pem", "key": "server.key"},
            "ca_file": "ca.pem",
            "refresh_seconds": 10,
            "manifest_urls": [f"{self._partner_url}/{hei}/discovery/v6" for hei in self.partners],
        }
        await self._run("registry", self._write("registry.yaml", registry))
        last = self.partners[-1].encode()
        await until(partial(self._answers, self.catalogue_url, last), "the catalogue is complete", _PATIENCE_SECONDS)

    @property
    def catalogue_url(self) -> str:
        """Where the registry serves the catalogue."""
        return f"https://localhost:{self._registry_port}/catalogue-v1.xml"

    @property
    def _partner_url(self) -> str:
        return f"https://localhost:{self._partner_port}"

    def gateway(self, name: str, *, tls: bool, store_url: str | None = None) -> Gateway:
        """Configures a gateway of one HEI, by default on SQLite; with the folder adapter, its folder still empty."""
        port, sis_port = _free_ports(2)
        hei_id = f"{name}.example"
        folder = self.root / "data" / name
        (folder / "iias").mkdir(parents=True)
        store_url = store_url or f"sqlite:///{self.root / name}.db"
        host = f"localhost:{port}" if tls else "localhost"
        settings = {
            "network": {
                "host": "127.0.0.1",
                "port": port,
                "tls": {"certificate": "server.pem", "key": "server.key"} if tls else None,
                "behind_proxy": not tls,
                "ca_file": "ca.pem",
            },
            "registry": {"catalogue_url": self.catalogue_url, "refresh_floor_seconds": 1},
            "sis": {"port": sis_port},
            "store": {"url": store_url},
            "monitoring": {"enabled": False},
            "heis": [
                {
                    "id": hei_id,
                    "public_url": f"https://{host}/{hei_id}",
                    "names": [{"text": f"University of {name}", "lang": "en"}],
                    "admin_emails": [f"ewp@{hei_id}"],
                    "admin_provider": "Measurements of ewpgw",
                    "keys": [{"file": "gateway.pem"}],
                    "adapter": {"kind": "folder", "path": str(folder)},
                }
            ],
        }
        config = self._write(f"{name}.yaml", settings)
        trust = self.trust if tls else None
        return Gateway(hei_id, folder, config, store_url, port, sis_port, host, f"/{hei_id}", self._key, trust)

    async def run(self, gateway: Gateway, *, core: int | None = None) -> Running:
        """Starts a gateway, on one core only where ``core`` is given, and waits until it is ready and at rest."""
        name = gateway.hei_id.partition(".")[0]
        async with self._starting:
            with nullcontext() if core is None else pinned(core):
                server = await self._run("serve", gateway.config, name)
        running = Running(gateway, server)
        await until(partial(self._is_ready, running), f"{gateway.hei_id} is ready", _PATIENCE_SECONDS)
        await until(partial(_is_at_rest, running.pid), f"{gateway.hei_id} is at rest", _PATIENCE_SECONDS)
        return running

    async def received(self) -> Received:
        """What the partners have counted."""
        return Received(**json.loads(await self._get(f"{self._partner_url}/received")))

    async def fetching_from(self, gateway: Gateway) -> None:
        """Lets partners that have their own keys fetch every nomination that the gateway tells them of."""
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.trust), raise_for_status=True) as session,
            session.post(f"{self._partner_url}/fetch", data=f"https://{gateway.host}{gateway.base_path}"),
        ):
            return

    async def stop(self) -> None:
        """Ends every process."""
        await asyncio.gather(*(server.stop() for server in reversed(self._servers)))
        if self._partner_process is not None:
            with suppress(ProcessLookupError):
                self._partner_process.terminate()
            await self._partner_process.wait()

    async def _run(self, command: str, config: Path, name: str | None = None) -> Server:
        name = name or command
        arguments = [command, "--config", str(config)]
        server = await Server.start(name, arguments, folder=self.root, log=self.root / f"{name}.log")
        self._servers.append(server)
        return server

    async def _is_ready(self, running: Running) -> bool:
        running.process.check()
        return await self._answers(f"http://127.0.0.1:{running.gateway.sis_port}/health/ready")

    async def _answers(self, url: str, expected: bytes = b"") -> bool:
        try:
            return expected in await self._get(url)
        except (OSError, aiohttp.ClientError):
            return False

    async def _get(self, url: str) -> bytes:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.trust), raise_for_status=True) as session,
            session.get(url) as response,
        ):
            return await response.read()

    def _write(self, name: str, settings: dict[str, Any]) -> Path:
        path = self.root / name
        path.write_text(yaml.safe_dump(settings), encoding="utf-8")
        return path


@asynccontextmanager
async def site(*, partners: int, own_keys: bool = False) -> AsyncIterator[Site]:
    """A network in a folder of its own, which is gone afterwards with all its processes.

    ``own_keys``: each partner has a key of its own, so that all of them can call the gateway.
    """
    root = Path(tempfile.mkdtemp(prefix="ewpgw-bench-"))
    made = Site(root, partners, own_keys)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()
        shutil.rmtree(root, ignore_errors=True)


@asynccontextmanager
async def opened(gateway: Gateway) -> AsyncIterator[Store]:
    """A gateway's store, in this process."""
    store = await Store.open(gateway.store_url)
    try:
        yield store
    finally:
        await store.close()


async def _is_at_rest(pid: int) -> bool:
    """Whether a process does nothing to speak of for a second."""
    before = cpu_seconds(pid)
    await asyncio.sleep(1)
    return cpu_seconds(pid) - before < _AT_REST_SECONDS


def _free_ports(count: int) -> Sequence[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()
