"""Two gateways in one process, each with a database of its own, and between them a wire that a test has in its hands.

Everything is what runs in a gateway: store, dispatcher, client, signatures, documents, handlers and the worker's
treatment of what fails. Only three things are doubles: the wire, the clock, and who decides which work is done next.
"""

from __future__ import annotations

import asyncio
import shutil
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from ewpgw.agreements.service import Agreements
from ewpgw.apis.call import Node
from ewpgw.apis.dispatch import Dispatcher, Incoming, Outgoing
from ewpgw.apis.iias_approval import IIAS_APPROVAL
from ewpgw.apis.running import APIS, notifications
from ewpgw.config import LimitSettings
from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import default as schemas
from ewpgw.evidence import Evidence
from ewpgw.intake import intake
from ewpgw.learning_agreements.service import LearningAgreements
from ewpgw.network.approvals import ApprovalPulls, ApprovalRefreshes
from ewpgw.network.by_api import ByApi
from ewpgw.network.client import PartnerClient
from ewpgw.network.deliveries import Deliveries, HearsOfDeliveries
from ewpgw.network.failures import Unreachable
from ewpgw.network.imobility_pulls import ImobilityPulls
from ewpgw.network.monitoring import Monitoring
from ewpgw.network.pulls import Pulls, PullSchedule
from ewpgw.network.refreshes import Refreshes, TakesCopies
from ewpgw.network.updates import Judge, Updates
from ewpgw.network.versions import Versions
from ewpgw.network.worker import Patience, Worker
from ewpgw.nominations.service import Nominations
from ewpgw.security.requests import SignedRequest
from ewpgw.store import Store, copies, feed, records, work
from ewpgw.store.work import Claim, WorkKey, WorkKind, WorkState
from support.authority import client_tls
from support.nodes import catalogue_of, identity_of
from support.sides import NORTH, SOUTH

LEASE = timedelta(minutes=2)


class Ticking:
    """A clock that goes on by a millisecond whenever it is looked at, so that no two moments are the same."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def pass_(self, **parts: float) -> None:
        self.moment += timedelta(**parts)


class Fate(Enum):
    """What becomes of a call."""

    ARRIVES = "it arrives, and so does the answer"
    LOST = "it is lost on the way"
    ANSWERED_IN_VAIN = "it arrives, and the answer is lost"
    DOUBLED = "it arrives twice"
    LATE = "the caller waits in vain; it arrives when the test says so"
    SLOW = "it arrives; the answer comes when the test says so"


@dataclass
class Journey:
    """The first call of one job: its fate, and for a slow one whether it is under way and may come back."""

    fate: Fate
    under_way: asyncio.Event = field(default_factory=asyncio.Event)
    may_return: asyncio.Event = field(default_factory=asyncio.Event)


_JOURNEY: ContextVar[Journey | None] = ContextVar("journey", default=None)


class Wire:
    """Carries requests from one gateway's client to the other's dispatcher, and looks at every answer.

    ``conflicts``: whether 409 is an answer like others. ``late`` are the requests that are still to arrive; ``served``
    is every document that was answered with 200, in order, by API, endpoint and HEI that answered.
    """

    def __init__(self, *, conflicts: bool = False) -> None:
        self.conflicts = conflicts
        self.dispatchers: dict[str, Dispatcher] = {}
        self.late: list[tuple[str, SignedRequest, str, str, bytes]] = []
        self.served: list[tuple[str, str, bytes]] = []

    async def carry(self, signed: SignedRequest, method: str, url: str, body: bytes) -> Outgoing:
        """Raises Unreachable where the caller gets no answer."""
        journey = _JOURNEY.get()
        _JOURNEY.set(None)  # what a job asks after that goes well
        fate = journey.fate if journey is not None else Fate.ARRIVES
        request = (url, signed, method, url, body)
        if fate is Fate.LOST:
            raise Unreachable("the request was lost")
        if fate is Fate.LATE:
            self.late.append(request)
            raise Unreachable("no answer in time")
        answer = await self.arrive(request)
        if fate is Fate.ANSWERED_IN_VAIN:
            raise Unreachable("the answer was lost")
        if fate is Fate.DOUBLED:
            again = await self.arrive(request)
            # what was refused has left nothing behind, and is refused again
            expected = 400 if answer.status == 200 else answer.status
            assert again.status == expected, "a copy of a request was answered as if it were another"
        if fate is Fate.SLOW and journey is not None:
            journey.under_way.set()
            await journey.may_return.wait()
        assert answer.status == 200 or (self.conflicts and answer.status in (400, 409)), answer.body
        return answer

    async def arrive(self, request: tuple[str, SignedRequest, str, str, bytes]) -> Outgoing:
        """A request reaches the other side. What it answers is valid, whatever it is."""
        _, signed, method, url, body = request
        parts = urlsplit(url)
        hei_id = parts.path.split("/")[1]

        async def read() -> bytes:
            return body

        target = parts.path + (f"?{parts.query}" if parts.query else "")
        answer = await self.dispatchers[hei_id].answer(Incoming(method, target, list(signed.headers.items())), read)
        assert answer.status in ((200, 400, 409) if self.conflicts else (200, 400)), answer.body
        assert schemas().faults(parse(answer.body)) == [], answer.body
        if answer.status == 200:
            self.served.append((hei_id, parts.path, answer.body))
        return answer


class WiredClient(PartnerClient):
    """The client, with the wire in place of aiohttp."""

    def __init__(self, wire: Wire, **parts: Any) -> None:
        super().__init__(**parts)
        self._wire = wire

    async def _exchange(self, sent: Any) -> None:
        answer = await self._wire.carry(sent.signed, sent.method, sent.url, sent.body)
        sent.status, sent.response_body = answer.status, answer.body
        sent.response_headers = list(answer.headers.items())


class HandWorker(Worker):
    """A worker that does one piece of work when it is told to."""

    async def do(self, claim: Claim) -> None:
        await self._do(claim)


class Members:
    """What both gateways need to be a network: nodes, the catalogue that lists them, a database with its tables.

    All take long to make, and are made once for many pairs of gateways.
    """

    def __init__(self, folder: Path) -> None:
        limits = LimitSettings().by_element()
        self.folder = folder
        self.nodes = {
            hei_id: Node(identity_of(hei_id, f"https://localhost/{hei_id}", folder), APIS, limits)
            for hei_id in (NORTH, SOUTH)
        }
        self.catalogue = catalogue_of(list(self.nodes.values()))
        self.empty = folder / "empty.db"
        asyncio.run(self._make())

    async def _make(self) -> None:
        await (await Store.open(f"sqlite:///{self.empty}")).close()


class Gateway:
    """One institution's gateway. ``open`` starts it, also after ``crash``; its database is all that it remembers."""

    def __init__(self, members: Members, hei_id: str, folder: Path, wire: Wire, clock: Ticking) -> None:
        self.hei_id = hei_id
        self.partner = SOUTH if hei_id == NORTH else NORTH
        self.clock = clock
        self.slow: list[tuple[Journey, asyncio.Task[None]]] = []
        self._members = members
        self._wire = wire
        self.file = folder / f"{hei_id}.db"
        shutil.copy(members.empty, self.file)

    async def open(self) -> None:
        node, catalogue = self._members.nodes[self.hei_id], self._members.catalogue
        clock = self.clock
        self.store = await Store.open(f"sqlite:///{self.file}", migrate=False)
        evidence = Evidence(self.store, keep_days=1, now=clock)
        client = WiredClient(
            self._wire,
            identities={self.hei_id: node.identity},
            catalogue=lambda: catalogue,
            evidence=evidence,
            monitoring=Monitoring(None),
            tls=client_tls(),
            now=clock,
            timeout_seconds=20,
        )
        way_in = intake(self.store, notifications(), clock, lambda: None)
        self.records = way_in.records
        self.agreements = Agreements(self.store, self.records, way_in.settling, clock)
        of_all: dict[str, Any] = {"schemas": schemas(), "now": clock}
        versions = Versions(client, APIS)
        self.nominations = Nominations(self.store, self.records, clock, versions.spoken)
        self.learning_agreements = LearningAgreements(self.store, clock)
        takers: dict[str, TakesCopies] = {
            "iias": self.agreements,
            "omobilities": self.nominations,
            "imobilities": self.nominations,
            "omobility-las": self.learning_agreements,
        }
        judges: dict[str, Judge] = {
            "omobilities": self.nominations.judge,
            "omobility-las": self.learning_agreements.judge,
        }
        hearers: dict[str, HearsOfDeliveries] = {
            "omobility-cnr": self.nominations,
            "omobility-la-cnr": self.learning_agreements,
        }
        refreshes = Refreshes(self.store, client, versions, takers=takers, **of_all)
        updates = Updates(self.store, client, versions, judges, **of_all)
        approvals = ApprovalRefreshes(self.store, client, IIAS_APPROVAL, self.agreements, **of_all)
        pulls = Pulls(self.store, client, versions, on_work=lambda: None, **of_all)
        arrival_pulls = ImobilityPulls(self.store, client, versions, on_work=lambda: None, **of_all)
        approval_pulls = ApprovalPulls(self.store, client, IIAS_APPROVAL, on_work=lambda: None, **of_all)
        self.schedule = PullSchedule(
            self.store, {self.hei_id: APIS}, every=timedelta(hours=24), now=clock, on_work=lambda: None
        )
        self._owner = uuid4().hex
        self._worker = HandWorker(
            self.store,
            {
                WorkKind.DELIVERY: Deliveries(self.store, client, versions, clock, hearers),
                WorkKind.UPDATE: updates,
                WorkKind.REFRESH: ByApi(refreshes, {IIAS_APPROVAL.name: approvals}),
                WorkKind.PULL: ByApi(pulls, {IIAS_APPROVAL.name: approval_pulls, "imobilities": arrival_pulls}),
            },
            entities={api.name: api.subject for api in APIS},
            owner=self._owner,
            patience=Patience(timedelta(seconds=30), timedelta(hours=1), timedelta(hours=72)),
            concurrency=4,
            lease=LEASE,
            now=clock,
            giving_up={WorkKind.UPDATE: updates},
        )
        self._wire.dispatchers[self.hei_id] = Dispatcher(
            [node], store=self.store, catalogue=lambda: catalogue, evidence=evidence, now=clock
        )

    async def crash(self) -> None:
        """The process dies in the middle of what it does."""
        for _, job in self.slow:
            job.cancel()
        await asyncio.gather(*(job for _, job in self.slow), return_exceptions=True)
        self.slow = []
        await self.store.close()

    async def revisions(self) -> dict[str, int]:
        """How often each thing here has changed, of ours and of the partner's, and how much the SIS was told."""
        ours = await records.list_page(self.store, self.hei_id, "iias", limit=100)
        theirs = await copies.list_page(self.store, self.hei_id, "iias")
        told = await feed.read(self.store, self.hei_id, 0, 10_000)
        return {
            **{record.key.id: record.revision for record in ours},
            **{copy.key.id: copy.revision for copy in theirs},
            "told": len(told),
        }

    async def due(self) -> list[WorkKey]:
        """What could be worked on now, in an order that is always the same."""
        rows = await work.list_rows(self.store, states=[WorkState.DUE], limit=1000)
        now = self.clock()
        return sorted(
            row.key
            for row in rows
            if row.next_attempt_at <= now and (row.lease_until is None or row.lease_until <= now)
        )

    async def work_on(self, key: WorkKey, fate: Fate = Fate.ARRIVES) -> None:
        """One attempt at a piece of work; returns when it has ended, or its slow answer is under way."""
        claims = await work.claim(
            self.store,
            tuple(WorkKind),
            self._owner,
            limit=1000,
            now=self.clock(),
            lease_seconds=LEASE.total_seconds(),
            per_partner_limit=1000,
        )
        (claim,) = [each for each in claims if each.key == key]
        await self._give_back(each for each in claims if each.key != key)
        journey = Journey(fate)
        job = asyncio.create_task(self._job(claim, journey))
        under_way = asyncio.create_task(journey.under_way.wait())
        await asyncio.wait([job, under_way], return_when=asyncio.FIRST_COMPLETED)
        if job.done():
            under_way.cancel()
            await job
        else:
            self.slow.append((journey, job))

    async def let_return(self) -> None:
        """The slow answers come, in the order of their requests."""
        slow, self.slow = self.slow, []
        for journey, job in slow:
            journey.may_return.set()
            await job

    async def _job(self, claim: Claim, journey: Journey) -> None:
        _JOURNEY.set(journey)
        await self._worker.do(claim)
        await self._nothing_broke(claim.key)

    async def _give_back(self, claims: Any) -> None:
        async with self.store.transaction() as tx:
            for claim in claims:
                await work.renew(tx, claim, self.clock())

    async def _nothing_broke(self, key: WorkKey) -> None:
        row = await work.get(self.store, key)
        assert row is not None
        assert row.state is not WorkState.FAILED, (key, row.last_error)
        assert "unexpected" not in (row.last_error or ""), (key, row.last_error)


async def carry_all(gateways: tuple[Gateway, Gateway], *, most: int = 400) -> int:
    """All work of both that is due, in order, without mishaps, until there is none; how much that was."""
    done = 0
    while due := [(gateway, key) for gateway in gateways for key in await gateway.due()]:
        for gateway, key in due:
            if key in await gateway.due():
                await gateway.work_on(key)
                done += 1
        assert done < most, f"the two gateways never come to rest; they are at {due}"
    return done


async def a_day_passes(gateways: tuple[Gateway, Gateway]) -> None:
    """A day without mishaps: leases end, what failed is tried again, both pull."""
    clock = gateways[0].clock
    clock.pass_(hours=2)
    await carry_all(gateways)
    clock.pass_(hours=23)
    for gateway in gateways:
        await gateway.schedule.want_missing()
    clock.pass_(hours=2)
    await carry_all(gateways)
