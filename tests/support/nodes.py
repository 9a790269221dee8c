"""One node's public side on a real port over real TLS, with a catalogue made of the members' manifests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ewpgw.apis.call import Node
from ewpgw.apis.declaration import Api
from ewpgw.apis.discovery import DISCOVERY, build
from ewpgw.apis.dispatch import Dispatcher, Incoming, Outgoing
from ewpgw.apis.running import APIS, notifications
from ewpgw.apis.server import PublicServer
from ewpgw.config import HeiSettings, LimitSettings
from ewpgw.evidence import Evidence
from ewpgw.identity import Identity
from ewpgw.intake import intake
from ewpgw.network.catalogue import Catalogue
from ewpgw.records import Records
from ewpgw.registry.assembly import assemble
from ewpgw.registry.manifest import read_manifest
from ewpgw.security.keys import write_private_key
from ewpgw.store.engine import Store
from support.authority import key_of, server_tls


def utc_now() -> datetime:
    return datetime.now(UTC)


def identity_of(hei_id: str, public_url: str, folder: Path) -> Identity:
    """A HEI of a test network with its one key."""
    file = folder / f"{hei_id}.pem"
    if not file.exists():
        write_private_key(file, key_of(hei_id))
    settings = HeiSettings.model_validate(
        {
            "id": hei_id,
            "public_url": public_url,
            "names": [{"text": f"University of {hei_id}", "lang": "en"}],
            "other_ids": [{"type": "erasmus", "value": f"X {hei_id.upper()}"}],
            "admin_emails": [f"ewp@{hei_id}"],
            "admin_provider": "Tests",
            "keys": [{"file": str(file)}],
        },
        context={"folder": folder},
    )
    return Identity(hei_id, settings, (key_of(hei_id),), public_url, *_host_and_path(settings))


def _host_and_path(settings: HeiSettings) -> tuple[str, str]:
    return settings.public_url.host, settings.public_url.path


def catalogue_of(nodes: Sequence[Node]) -> Catalogue:
    """The catalogue that a registry would make of these nodes' manifests."""
    manifests = [
        read_manifest(node.identity.public_url + DISCOVERY.path(DISCOVERY.endpoints[0]), build(node)) for node in nodes
    ]
    return Catalogue.read(assemble(manifests, "https://localhost/catalogue-v1.xml").document)


@dataclass
class RunningNode:
    """A node that takes calls. ``url`` gives the URL of an endpoint."""

    node: Node
    store: Store
    records: Records
    evidence: Evidence
    catalogue: Catalogue
    port: int
    woken: list[None]

    @property
    def hei_id(self) -> str:
        return self.node.identity.hei_id

    def url(self, path: str) -> str:
        return f"https://localhost:{self.port}/{self.hei_id}{path}"


@asynccontextmanager
async def running_node(
    store_url: str,
    folder: Path,
    *,
    hei_id: str = "north.example",
    others: Sequence[str] = ("south.example", "west.example"),
    public_url: str | None = None,
    behind_proxy: bool = False,
    encryption: bool = False,
    listed: bool = True,
    max_body_bytes: int = 5 * 2**20,
    apis: Sequence[Api] = APIS,
    limits: dict[str, int] | None = None,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[RunningNode]:
    """A node of ``hei_id`` whose catalogue also lists ``others``; without ``listed`` the node has read none yet."""
    store = await Store.open(store_url)
    evidence = Evidence(store, keep_days=1, now=now)
    catalogue: list[Catalogue | None] = [None]
    woken: list[None] = []
    nodes: list[Node] = []
    all_limits = {**LimitSettings().by_element(), **(limits or {})}
    server: PublicServer | None = None

    class Late:
        """Hands requests on to the dispatcher, which needs the port that only a started server knows."""

        dispatcher: Dispatcher

        async def answer(self, incoming: Incoming, read_body: Callable[[], Awaitable[bytes]]) -> Outgoing:
            return await self.dispatcher.answer(incoming, read_body)

    late = Late()
    server = PublicServer(late, max_body_bytes=max_body_bytes)  # type: ignore[arg-type]
    port = await server.start("127.0.0.1", 0, server_tls())
    try:
        url = public_url or f"https://localhost:{port}/{hei_id}"
        node = Node(identity_of(hei_id, url, folder), tuple(apis), all_limits, encryption)
        nodes = [node] + [
            Node(identity_of(other, f"https://localhost:1/{other}", folder), APIS, all_limits) for other in others
        ]
        catalogue[0] = catalogue_of(nodes)
        late.dispatcher = Dispatcher(
            [node],
            store=store,
            catalogue=lambda: catalogue[0] if listed else None,
            evidence=evidence,
            now=now,
            behind_proxy=behind_proxy,
            on_work=lambda: woken.append(None),
        )
        records = intake(store, notifications(), now, lambda: woken.append(None)).records
        assert catalogue[0] is not None
        yield RunningNode(node, store, records, evidence, catalogue[0], port, woken)
    finally:
        await server.stop()
        await evidence.flush()
        await store.close()
