"""A SIS API on a real socket over a real store, and a client that holds a token."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from aiohttp import ClientResponse, ClientSession, web
from yarl import URL

from ewpgw.documents.schemas import default as default_schemas
from ewpgw.records import Records
from ewpgw.sis.app import build_app
from ewpgw.sis.services import Check, CoveredHei, Readiness, SisServices
from ewpgw.store import Store, tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

TOKEN = "correct-horse-battery-staple"
NOW = datetime(2025, 9, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Reply:
    """A response that was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any


@dataclass
class Sis:
    """A running SIS API and how its tests talk to it."""

    services: SisServices
    session: ClientSession
    base: str
    refreshes: list[tuple[str, str, str, str | None]]
    readiness: Callable[[Readiness], None]
    close: Callable[[], Awaitable[None]]
    token: str | None = TOKEN
    _none: None = field(default=None)

    @property
    def store(self) -> Store:
        return self.services.store

    def without_token(self) -> Sis:
        return replace(self, token=None)

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; ``path`` goes out exactly as it is, and is relative to /api/v1/heis/ unless it begins with /."""
        url = URL(self.base + (path if path.startswith("/") else f"/api/v1/heis/{path}"), encoded=True)
        sent = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        async with self.session.request(method, url, json=json, data=data, headers={**sent, **(headers or {})}) as got:
            return await _read(got)

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.call("GET", path, headers=headers)

    async def put(self, path: str, json: object, **headers: str) -> Reply:
        return await self.call("PUT", path, json=json, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def _read(got: ClientResponse) -> Reply:
    body = await got.read()
    json = await got.json() if got.content_type == "application/json" and body else None
    return Reply(got.status, got.headers, body, json)


def encoded(identifier: str) -> str:
    """An identifier as one segment of a path."""
    return quote(identifier, safe="")


async def _start(store: Store, stack: AsyncExitStack) -> Sis:
    async with store.transaction() as tx:
        await tokens.create(tx, "tests", hashlib.sha256(TOKEN.encode()).hexdigest(), NOW)
    refreshes: list[tuple[str, str, str, str | None]] = []
    state = [Readiness((Check("store", True, "the database answers"),))]

    async def request_refresh(hei_id: str, entity: str, partner: str, item: str | None) -> None:
        refreshes.append((hei_id, entity, partner, item))

    async def readiness() -> Readiness:
        return state[0]

    def become(new: Readiness) -> None:
        state[0] = new

    services = SisServices(
        store=store,
        records=Records(store, default_schemas(), {"iias": ("iia-cnr",)}, lambda: NOW, lambda: None),
        heis={
            "north.example": CoveredHei("https://ewp.north.example/north.example", {"en": "University of the North"}),
            "west.example": CoveredHei("https://ewp.west.example/west.example", {"": "Westuniversität"}),
        },
        readiness=readiness,
        request_refresh=request_refresh,
        now=lambda: NOW,
        max_body_bytes=200_000,
    )
    runner = web.AppRunner(build_app(services), access_log=None, shutdown_timeout=10)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    session = await stack.enter_async_context(ClientSession())
    return Sis(services, session, f"http://127.0.0.1:{runner.addresses[0][1]}", refreshes, become, runner.cleanup)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite store of the present schema, to be copied: migrating takes longer than most tests here."""
    file = tmp_path_factory.mktemp("migrated") / "store.db"

    async def make() -> None:
        await (await Store.open(f"sqlite:///{file}")).close()

    asyncio.run(make())
    return file


@pytest.fixture
async def sis(tmp_path: Path, migrated: Path) -> AsyncIterator[Sis]:
    """A SIS API over SQLite, for what does not depend on the database."""
    async with AsyncExitStack() as stack:
        file = Path(shutil.copy(migrated, tmp_path))
        store = await Store.open(f"sqlite:///{file}")
        stack.push_async_callback(store.close)
        yield await _start(store, stack)


@pytest.fixture
async def sis_on_both(store_url: str) -> AsyncIterator[Sis]:
    """A SIS API over SQLite, then over PostgreSQL."""
    async with AsyncExitStack() as stack:
        store = await Store.open(store_url)
        stack.push_async_callback(store.close)
        yield await _start(store, stack)
