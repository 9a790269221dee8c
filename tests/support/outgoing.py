"""The side of a gateway that calls partners: client, handlers and work loop over a store, with a clock that stands."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from ewpgw.agreements.service import Agreements
from ewpgw.apis.iias_approval import IIAS_APPROVAL
from ewpgw.apis.running import APIS, notifications
from ewpgw.documents.schemas import default as schemas
from ewpgw.evidence import Evidence
from ewpgw.identity import Identity
from ewpgw.intake import intake
from ewpgw.model.entities import ENTITIES
from ewpgw.network import monitoring
from ewpgw.network.approvals import ApprovalPulls, ApprovalRefreshes
from ewpgw.network.by_api import ByApi
from ewpgw.network.catalogue import Catalogue
from ewpgw.network.client import PartnerClient
from ewpgw.network.deliveries import Deliveries
from ewpgw.network.imobility_pulls import ImobilityPulls
from ewpgw.network.pulls import Pulls, PullSchedule
from ewpgw.network.received import reading_of_transcripts
from ewpgw.network.refreshes import Refreshes
from ewpgw.network.updates import Updates
from ewpgw.network.versions import Versions
from ewpgw.network.worker import Handler, Patience, Worker
from ewpgw.nominations.service import Nominations
from ewpgw.records import Records
from ewpgw.store import Store, copies, exchanges, feed, work
from ewpgw.store.copies import Copy, CopyKey
from ewpgw.store.exchanges import Exchange
from ewpgw.store.feed import FeedEntry
from ewpgw.store.transcripts import ENTITY as TRANSCRIPTS
from ewpgw.store.work import Claim, WorkKey, WorkKind, WorkRow, WorkState
from ewpgw.transcripts.service import Transcripts
from support.authority import client_tls
from support.nodes import identity_of
from support.partners import FakePartner, catalogue_with
from support.waiting import eventually

NORTH, SOUTH, WEST = "north.example", "south.example", "west.example"
PORTAL = "stats.example"
_PROBE = "probe.example"
"""The partner of work that only shows that a worker has looked; it is done without a call."""


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def pass_(self, **parts: float) -> None:
        """Moves the clock: ``pass_(hours=2)``."""
        self.moment += timedelta(**parts)


def delivery(item: str = "n1", partner: str = SOUTH) -> WorkKey:
    return WorkKey(WorkKind.DELIVERY, NORTH, partner, "iia-cnr", item)


def refresh(item: str = "s1", partner: str = SOUTH) -> WorkKey:
    return WorkKey(WorkKind.REFRESH, NORTH, partner, "iias", item)


def pull(partner: str = SOUTH) -> WorkKey:
    return WorkKey(WorkKind.PULL, NORTH, partner, "iias", "")


def agreement(
    iia_id: str = "s1", *, owner: str = SOUTH, other: str = NORTH, our_id: str | None = None, people: int = 5
) -> bytes:
    """The get-response in which ``owner`` serves one agreement with ``other``, valid and with the right hash."""
    condition = {
        "sending_hei_id": owner,
        "receiving_hei_id": other,
        "receiving_first_academic_year_id": "2026/2027",
        "receiving_last_academic_year_id": "2028/2029",
        "mobilities_per_year": people,
        "blended": False,
    }
    entity = ENTITIES["iias"]
    document = {
        "partner": [
            {"hei_id": owner, "iia_id": iia_id, "iia_code": f"code of {iia_id}"},
            {"hei_id": other, **({"iia_id": our_id} if our_id else {})},
        ],
        "in_effect": False,
        "cooperation_conditions": {"student_traineeship_mobility_spec": [condition]},
    }
    record = entity.from_json(owner, document).record
    assert record is not None
    return entity.newest.wrap([entity.newest.encode(record).fragment])


NO_AGREEMENT = ENTITIES["iias"].newest.wrap([])


def index(*iia_ids: str) -> bytes:
    """The index-response that lists these agreements."""
    namespace = (
        "https://github.com/erasmus-without-paper/ewp-specs-api-iias/blob/stable-v7/endpoints/index-response.xsd"
    )
    listed = "".join(f"<iia-id>{iia_id}</iia-id>" for iia_id in iia_ids)
    return f'<iias-index-response xmlns="{namespace}">{listed}</iias-index-response>'.encode()


NOTIFIED = b'<iia-cnr-response xmlns="https://github.com/erasmus-without-paper/ewp-specs-api-iia-cnr/tree/stable-v3"/>'


@dataclass
class Outgoing:
    """North's calling side. ``catalogue`` may be replaced at any time; ``portal`` is who hears of failed calls."""

    store: Store
    clock: Clock
    identity: Identity
    portal: str | None
    timeout_seconds: float
    max_answer_bytes: int
    tls: ssl.SSLContext
    catalogue: Catalogue | None = None
    copied: int = 0
    woken: int = 0
    evidence: Evidence = field(init=False)
    monitoring: monitoring.Monitoring = field(init=False)
    client: PartnerClient = field(init=False)
    records: Records = field(init=False)
    agreements: Agreements = field(init=False)
    nominations: Nominations = field(init=False)
    transcripts: Transcripts = field(init=False)
    handlers: dict[WorkKind, Handler] = field(init=False)

    async def start(self) -> None:
        self.evidence = Evidence(self.store, keep_days=1, now=self.clock)
        self.monitoring = monitoring.Monitoring(self.portal)
        self.client = PartnerClient(
            {NORTH: self.identity},
            catalogue=lambda: self.catalogue,
            evidence=self.evidence,
            monitoring=self.monitoring,
            tls=self.tls,
            now=self.clock,
            timeout_seconds=self.timeout_seconds,
            max_answer_bytes=self.max_answer_bytes,
        )
        await self.client.start()
        if (portal := self.portal) is not None:
            self.monitoring.connect(
                lambda hei_id, report: self.client.call(hei_id, portal, "monitoring", monitoring.MAJOR, "", report)
            )
        way_in = intake(self.store, notifications(), self.clock, self._woken)
        self.records = way_in.records
        self.agreements = Agreements(self.store, self.records, way_in.settling, self.clock)
        versions = Versions(self.client, APIS)
        self.nominations = Nominations(self.store, self.records, self.clock, versions.spoken)
        self.transcripts = Transcripts(self.store, self.clock, versions.spoken)
        self.handlers = self.handlers_on(self.store)

    def handlers_on(self, store: Store) -> dict[WorkKind, Handler]:
        """The handlers of every kind of work, writing into ``store``."""
        versions = Versions(self.client, APIS)
        refreshes = Refreshes(
            store,
            self.client,
            versions,
            schemas=schemas(),
            now=self.clock,
            takers={**dict.fromkeys(("omobilities", "imobilities"), self.nominations), TRANSCRIPTS: self.transcripts},
            readings={TRANSCRIPTS: reading_of_transcripts(self.transcripts.configuration, self.clock)},
            on_copy=self._copied,
        )
        pulls = Pulls(store, self.client, versions, schemas=schemas(), now=self.clock, on_work=self._woken)
        api = IIAS_APPROVAL
        approvals = ApprovalRefreshes(
            store,
            self.client,
            api,
            self.agreements,
            schemas=schemas(),
            now=self.clock,
            on_change=self._copied,
        )
        approval_pulls = ApprovalPulls(store, self.client, api, schemas=schemas(), now=self.clock, on_work=self._woken)
        imobility_pulls = ImobilityPulls(
            store, self.client, versions, schemas=schemas(), now=self.clock, on_work=self._woken
        )
        return {
            WorkKind.DELIVERY: Deliveries(
                store,
                self.client,
                versions,
                self.clock,
                {"omobility-cnr": self.nominations, "imobility-tor-cnr": self.transcripts},
            ),
            WorkKind.REFRESH: ByApi(refreshes, {api.name: approvals}),
            WorkKind.PULL: ByApi(pulls, {api.name: approval_pulls, "imobilities": imobility_pulls}),
            WorkKind.UPDATE: Updates(
                store,
                self.client,
                versions,
                {"omobilities": self.nominations.judge},
                schemas=schemas(),
                now=self.clock,
                on_news=self._copied,
            ),
        }

    async def close(self) -> None:
        await self.monitoring.close()
        await self.client.close()
        await self.evidence.flush()

    def _copied(self) -> None:
        self.copied += 1

    def _woken(self) -> None:
        self.woken += 1

    def schedule(self, *, every: timedelta = timedelta(hours=24)) -> PullSchedule:
        return PullSchedule(self.store, {NORTH: APIS}, every=every, now=self.clock, on_work=self._woken)

    def worker(
        self,
        *,
        store: Store | None = None,
        handlers: Mapping[WorkKind, Handler] | None = None,
        concurrency: int = 4,
        lease: timedelta = timedelta(seconds=120),
        first_retry: timedelta = timedelta(seconds=30),
        longest_retry: timedelta = timedelta(hours=1),
        give_up_after: timedelta = timedelta(hours=72),
    ) -> Worker:
        handlers = handlers or self.handlers
        updates = handlers.get(WorkKind.UPDATE)
        return Worker(
            store or self.store,
            {**handlers, WorkKind.DELIVERY: self._probed(handlers.get(WorkKind.DELIVERY))},
            entities={"iia-cnr": "iias"},
            owner=uuid4().hex,
            patience=Patience(first_retry, longest_retry, give_up_after),
            concurrency=concurrency,
            lease=lease,
            now=self.clock,
            giving_up={WorkKind.UPDATE: updates} if isinstance(updates, Updates) else {},
        )

    def _probed(self, handler: Handler | None) -> Handler:
        async def handle(claim: Claim) -> None:
            if claim.key.partner == _PROBE:
                async with self.store.transaction() as tx:
                    await work.finish(tx, claim, self.clock())
            else:
                assert handler is not None, f"nobody handles {claim.key}"
                await handler(claim)

        return handle

    async def want(self, *keys: WorkKey) -> None:
        async with self.store.transaction() as tx:
            await work.want_many(tx, keys, self.clock())

    async def row(self, key: WorkKey) -> WorkRow:
        row = await work.get(self.store, key)
        assert row is not None, f"there is no work {key}"
        return row

    async def rows(self, kind: WorkKind) -> dict[str, WorkState]:
        """The work of a kind: items and their states."""
        found = await work.list_rows(self.store, kinds=[kind])
        return {row.key.item: row.state for row in found if row.key.partner != _PROBE}

    async def idle(self, kinds: Collection[WorkKind] = tuple(WorkKind)) -> bool:
        """Whether nothing of these kinds is due now and nobody works on it."""
        due = await work.list_rows(self.store, kinds=kinds, states=[WorkState.DUE])
        return not any(row.lease_owner is not None or row.next_attempt_at <= self.clock() for row in due)

    async def work_off(self, worker: Worker | None = None) -> None:
        """A worker, new unless given, looks at least once, does everything that is due now, and ends."""
        await self.want(WorkKey(WorkKind.DELIVERY, NORTH, _PROBE, "probe", uuid4().hex))
        async with working(worker or self.worker()):
            await eventually(self.idle)

    async def work_off_only(self, kind: WorkKind) -> None:
        """The same for one kind of work; the others stay as they are."""
        await self.want(WorkKey(WorkKind.DELIVERY, NORTH, _PROBE, "probe", uuid4().hex))
        async with working(self.worker(handlers={kind: self.handlers[kind]})):
            await eventually(lambda: self.idle([kind, WorkKind.DELIVERY]))

    async def copy(self, iia_id: str = "s1", partner: str = SOUTH) -> Copy | None:
        return await copies.get(self.store, CopyKey(NORTH, "iias", partner, iia_id))

    async def feed(self) -> Sequence[FeedEntry]:
        return await feed.read(self.store, NORTH)

    async def exchanged(self) -> list[Exchange]:
        """The exchange log, oldest first."""
        await self.evidence.flush()
        found = [await exchanges.get(self.store, each.id) for each in await exchanges.list_page(self.store)]
        return [each for each in reversed(found) if each is not None]

    async def call_iias(self, endpoint: str = "get", *parameters: tuple[str, str], method: str = "POST") -> object:
        return await self.client.call(NORTH, SOUTH, "iias", 7, endpoint, parameters, method=method)


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that runs; it is stopped, and has ended, at the end of the block."""
    running = asyncio.create_task(worker.run())
    try:
        yield running
    finally:
        worker.stop()
        await asyncio.wait_for(running, 20)


@asynccontextmanager
async def outgoing(
    store_url: str,
    folder: Path,
    clock: Clock,
    *partners: FakePartner,
    portal: str | None = None,
    timeout_seconds: float = 20,
    max_answer_bytes: int = 2**20,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Outgoing]:
    """North's calling side, with a catalogue of itself and of these partners, who know its key."""
    store = await Store.open(store_url)
    identity = identity_of(NORTH, f"https://localhost:1/{NORTH}", folder)
    side = Outgoing(store, clock, identity, portal, timeout_seconds, max_answer_bytes, tls or client_tls())
    for partner in partners:
        partner.knows(*(key.public for key in identity.keys))
    side.catalogue = catalogue_with(*(partner.manifest() for partner in partners))
    await side.start()
    try:
        yield side
    finally:
        await side.close()
        await store.close()
