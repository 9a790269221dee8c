"""A SIS API on a real socket over a store, and a client that holds a token."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientResponse, ClientSession, web
from yarl import URL

from ewpgw.agreements.service import Agreements
from ewpgw.intake import intake
from ewpgw.learning_agreements.service import LearningAgreements
from ewpgw.model.grade_tables import GradeCount, GradeDistribution
from ewpgw.nominations.service import Nominations
from ewpgw.sis.app import runner as sis_runner
from ewpgw.sis.services import Check, CoveredHei, NoPartnerFile, PartnerFile, Readiness, SisServices
from ewpgw.store import Store, tokens
from ewpgw.store.tokens import Scope
from ewpgw.transcripts.configured import Configuration, Configured
from ewpgw.transcripts.service import Transcripts

TOKEN = "correct-horse-battery-staple"
NOW = datetime(2025, 9, 1, 12, 0, tzinfo=UTC)
TRANSCRIPTS = Configuration(
    {
        "north.example": Configured(
            distributions=(
                GradeDistribution(
                    "061", (GradeCount("5", 30), GradeCount("3", 50), GradeCount("0", 20, passing=False))
                ),
            ),
            best_first={"west.example": True},
        )
    }
)
"""What north.example has configured for transcripts."""


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
    clock: list[datetime]
    partner_files: dict[tuple[str, str, str], PartnerFile | NoPartnerFile]
    versions: list[int | None]
    """The version of its APIs that every partner has, as the only item."""
    token: str | None = TOKEN

    @property
    def store(self) -> Store:
        return self.services.store

    def without_token(self) -> Sis:
        return replace(self, token=None)

    async def with_token(self, name: str, *scopes: Scope, **more: Any) -> Sis:
        """The same API for the bearer of a new token."""
        async with self.store.transaction() as tx:
            digest = hashlib.sha256(name.encode()).hexdigest()
            await tokens.create(tx, name, digest, self.services.now(), scopes=scopes or tokens.SCOPES, **more)
        return replace(self, token=name)

    def passes(self, **time: float) -> None:
        """Let time pass for the gateway."""
        self.clock[0] += timedelta(**time)

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


async def serve_sis(store: Store, stack: AsyncExitStack) -> Sis:
    """Serves the store until the stack is left."""
    async with store.transaction() as tx:
        await tokens.create(tx, "tests", hashlib.sha256(TOKEN.encode()).hexdigest(), NOW, scopes=tokens.SCOPES)
    refreshes: list[tuple[str, str, str, str | None]] = []
    clock = [NOW]
    versions: list[int | None] = [3]
    state = [Readiness((Check("store", True, "the database answers"),))]

    async def request_refresh(hei_id: str, entity: str, partner: str, item: str | None) -> None:
        refreshes.append((hei_id, entity, partner, item))

    served: dict[tuple[str, str, str], PartnerFile | NoPartnerFile] = {}

    async def fetch_file(hei_id: str, partner: str, file_id: str) -> PartnerFile:
        answer = served.get((hei_id, partner, file_id), NoPartnerFile("HTTP 404: no such file", unknown=True))
        if isinstance(answer, NoPartnerFile):
            raise answer
        return answer

    async def readiness() -> Readiness:
        return state[0]

    def become(new: Readiness) -> None:
        state[0] = new

    def nothing() -> None:
        """Nobody works here."""

    cnrs = {"iias": ("iia-cnr",), "omobilities": ("omobility-cnr",), "imobilities": ("imobility-cnr",)}
    cnrs["omobility-las"] = ("omobility-la-cnr",)
    cnrs["imobility-tors"] = ("imobility-tor-cnr",)
    way_in = intake(store, cnrs, lambda: clock[0], nothing, configuration=TRANSCRIPTS)
    records, settling = way_in.records, way_in.settling
    services = SisServices(
        store=store,
        records=records,
        agreements=Agreements(store, records, settling, lambda: clock[0], on_work=nothing, on_news=nothing),
        nominations=Nominations(store, records, lambda: clock[0], lambda _partner, _api: versions[0]),
        learning_agreements=LearningAgreements(store, lambda: clock[0]),
        transcripts=Transcripts(store, lambda: clock[0], lambda _partner, _api: versions[0], TRANSCRIPTS),
        heis={
            "north.example": CoveredHei("https://ewp.north.example/north.example", {"en": "University of the North"}),
            "west.example": CoveredHei("https://ewp.west.example/west.example", {"": "Westuniversität"}),
        },
        readiness=readiness,
        request_refresh=request_refresh,
        pulled=("factsheet", "iias"),
        fetch_file=fetch_file,
        now=lambda: clock[0],
        max_body_bytes=200_000,
        max_file_bytes=400_000,
        body_bytes={"imobility-tors": TRANSCRIPTS.limits.largest_document},
    )
    runner = sis_runner(services, shutdown_seconds=10)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    session = await stack.enter_async_context(ClientSession())
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return Sis(services, session, base, refreshes, become, runner.cleanup, clock, served, versions)
