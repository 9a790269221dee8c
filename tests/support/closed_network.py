"""A closed network of real processes on loopback: a registry and gateways, over TLS, each with a log in its folder."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from ewpgw.store import Store, tokens
from support import authority
from support.processes import Running, complaints, until
from support.sis import Sis
from support.threads import in_thread

_TOKEN = "token-of-the-test-run"


def free_port() -> int:
    """A port that nothing listens on, below those that outgoing connections are given."""
    for _ in range(200):
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port below 32000")


def listens(port: int) -> bool:
    """Whether something takes connections on this port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Gateway:
    """One ``ewpgw serve``. ``data(hei_id)`` is the folder of that institution's own system."""

    def __init__(
        self,
        name: str,
        heis: Sequence[str],
        folder: Path,
        *,
        catalogue_url: str,
        store_url: str | None = None,
        public_base: str | None = None,
        adapter: bool = True,
        settings: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        """``settings`` are added to the sections of the configuration; ``public_base`` is ``https://host[/path]``."""
        self.name = name
        self.heis = tuple(heis)
        self.folder = folder
        self.port, self.sis_port = free_port(), free_port()
        self.public_base = public_base or f"https://localhost:{self.port}"
        self.store_url = store_url or f"sqlite:///{folder}/{name}.db"
        self.config_file = folder / f"{name}.yaml"
        for hei_id in self.heis:
            (self.data(hei_id) / "iias").mkdir(parents=True, exist_ok=True)
        tls = {"certificate": "tls/server.pem", "key": "tls/server.key"}
        sections: dict[str, dict[str, object]] = {
            "network": {"host": "127.0.0.1", "port": self.port, "tls": tls, "ca_file": "tls/ca.pem"},
            "registry": {"catalogue_url": catalogue_url, "refresh_floor_seconds": 1, "refresh_seconds": 1},
            "sis": {"port": self.sis_port},
            "store": {"url": self.store_url},
            "work": {"first_retry_seconds": 1, "lease_seconds": 10},
            "monitoring": {"enabled": False},
        }
        for section, values in (settings or {}).items():
            sections[section] |= values
        self.config: dict[str, Any] = {**sections, "heis": [self._hei(hei_id, adapter) for hei_id in self.heis]}
        self.config_file.write_text(json.dumps(self.config, indent=1), encoding="utf-8")  # JSON is YAML
        missing = [hei_id for hei_id in self.heis if not (folder / "tls" / f"{hei_id}.pem").exists()]
        authority.write_files(folder / "tls", *missing)
        _create_token(self.store_url)
        self.sis = Sis(self.sis_port, _TOKEN)
        self.process = Running(name, ["serve", "--config", self.config_file.name], folder)

    def _hei(self, hei_id: str, adapter: bool) -> dict[str, object]:
        return {
            "id": hei_id,
            "public_url": f"{self.public_base}/{hei_id}",
            "names": [{"text": f"University of {hei_id}", "lang": "en"}],
            "other_ids": [{"type": "erasmus", "value": f"X {hei_id.upper()}"}],
            "admin_emails": [f"ewp@{hei_id}"],
            "admin_provider": "Tests",
            "keys": [{"file": f"tls/{hei_id}.pem"}],
            "adapter": {"kind": "folder", "path": f"data/{hei_id}", "settle_seconds": 0.1} if adapter else None,
        }

    def data(self, hei_id: str) -> Path:
        return self.folder / "data" / hei_id

    def inbox(self, hei_id: str, partner: str) -> Path:
        return self.data(hei_id) / "inbox" / "iias" / partner

    def url(self, path: str, hei_id: str | None = None) -> str:
        """The public URL of an endpoint of a covered HEI, the first one unless told."""
        return f"{self.public_base}/{hei_id or self.heis[0]}{path}"

    @property
    def manifest_urls(self) -> list[str]:
        return [self.url("/discovery/v6", hei_id) for hei_id in self.heis]

    def start(self) -> None:
        """Starts it and waits until its SIS API answers."""
        self.process.start()
        until(self.answers, f"{self.name} answers")

    def answers(self) -> bool:
        """Whether its SIS API answers; an AssertionError with its log where it has ended."""
        self.process.check()
        return self.sis.live()

    def knows(self, heis: int) -> bool:
        """Whether its catalogue, confirmed by the registry in this run, lists so many HEIs."""
        ok, words = self.sis.check("catalogue")
        return ok and words.startswith(f"{heis} HEIs; confirmed") and "failed" not in words


class ClosedNetwork:
    """A registry and its gateways, all in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry_port = free_port()
        self.catalogue_url = f"https://localhost:{self.registry_port}/catalogue-v1.xml"
        self.gateways: dict[str, Gateway] = {}
        self.registry = Running("registry", ["registry", "--config", "registry.yaml"], folder)

    def gateway(self, name: str, *heis: str, **options: Any) -> Gateway:
        """Makes a gateway for these HEIs, not started yet; see Gateway for the options."""
        made = Gateway(name, heis, self.folder, catalogue_url=self.catalogue_url, **options)
        self.gateways[name] = made
        return made

    def start_registry(self) -> None:
        """Starts the registry for the gateways there are, without waiting for it."""
        urls = [url for gateway in self.gateways.values() for url in gateway.manifest_urls]
        config = {
            "host": "127.0.0.1",
            "port": self.registry_port,
            "public_url": f"https://localhost:{self.registry_port}",
            "tls": {"certificate": "tls/server.pem", "key": "tls/server.key"},
            "ca_file": "tls/ca.pem",
            "refresh_seconds": 1,
            "manifest_urls": list(dict.fromkeys(urls)),  # replicas have the same
        }
        (self.folder / "registry.yaml").write_text(json.dumps(config), encoding="utf-8")
        self.registry.start()

    def start(self) -> None:
        """Starts everything, and waits until every gateway knows every HEI of the gateways."""
        for gateway in self.gateways.values():
            gateway.process.start()
        self.start_registry()
        for gateway in self.gateways.values():
            until(gateway.answers, f"{gateway.name} answers")
            self.registry.check()
        self.wait_until_joined()

    def join(self, gateway: Gateway) -> None:
        """Starts one more gateway in a network that runs, and waits until everybody knows it."""
        self.registry.terminate()
        self.start_registry()
        gateway.start()
        self.wait_until_joined()

    def leave(self, gateway: Gateway) -> None:
        """Ends a gateway for good; the registry asks for its manifest no more."""
        gateway.process.put_away()
        del self.gateways[gateway.name]
        self.registry.terminate()
        self.start_registry()

    def wait_until_joined(self) -> None:
        """Until every gateway's catalogue lists every HEI."""
        heis = {hei_id for gateway in self.gateways.values() for hei_id in gateway.heis}
        for gateway in self.gateways.values():
            until(partial(gateway.knows, len(heis)), f"{gateway.name} knows {len(heis)} HEIs")

    def put_away(self) -> None:
        """Ends every process; all are asked before any is waited for."""
        processes = [*(gateway.process for gateway in self.gateways.values()), self.registry]
        for process in processes:
            process.ask_to_end()
        for process in processes:
            process.put_away()

    def __getitem__(self, name: str) -> Gateway:
        return self.gateways[name]


@contextmanager
def closed_network(folder: Path) -> Iterator[ClosedNetwork]:
    """A network in this folder, without gateways yet; every process of it is ended, whatever happens.

    What a log says at level error or above, warnings of Python and tracebacks are a failure at the end.
    """
    network = ClosedNetwork(folder)
    try:
        yield network
    finally:
        network.put_away()
    for log in sorted(folder.glob("*.log")):
        assert not (found := complaints(log)), (log.name, found)


def _create_token(store_url: str) -> None:
    async def create() -> None:
        store = await Store.open(store_url)
        try:
            async with store.transaction() as tx:
                digest = sha256(_TOKEN.encode()).hexdigest()
                await tokens.create(tx, "sis", digest, datetime.now(UTC), scopes=tokens.SCOPES)
        except tokens.TokenNameTaken:
            pass  # a replica's store is the other's
        finally:
            await store.close()

    in_thread(create())
