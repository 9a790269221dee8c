"""Two sides of agreements over one store, without a network between them: notifications are carried by hand.

Every move is the one that runs in the gateway; only the calls are replaced, so that a test decides what arrives when.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ewpgw.agreements.deriving import Deriving
from ewpgw.agreements.known import Known, load
from ewpgw.agreements.service import Agreements
from ewpgw.agreements.settling import Settling
from ewpgw.documents.schemas import default as schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia_states import State, state
from ewpgw.network.received import Gone, GoodCopy, Invalid, examine
from ewpgw.preparing import Incoming
from ewpgw.records import Outcome, Records
from ewpgw.store import Store, approvals, copies, feed, records, work
from ewpgw.store.copies import CopyKey
from ewpgw.store.effects import Effects
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkKey, WorkKind

NORTH, SOUTH = "north.example", "south.example"
IIAS = ENTITIES["iias"]


class Moments:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.last = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.last += timedelta(seconds=1)
        return self.last


def iia(
    owner: str, iia_id: str, other: str, *, their_id: str | None = None, people: int = 2, **more: Any
) -> dict[str, Any]:
    """An agreement as its owner's system gives it: students of North go to South for traineeships."""
    condition = {
        "sending_hei_id": NORTH,
        "receiving_hei_id": SOUTH,
        "receiving_first_academic_year_id": "2026/2027",
        "receiving_last_academic_year_id": "2028/2029",
        "mobilities_per_year": people,
        "blended": False,
    }
    return {
        "partner": [
            {"hei_id": owner, "iia_id": iia_id, "iia_code": f"code of {iia_id}"},
            {"hei_id": other, **({"iia_id": their_id} if their_id is not None else {})},
        ],
        "in_effect": False,
        "cooperation_conditions": {"student_traineeship_mobility_spec": [condition]},
        **more,
    }


def foreign(owner: str, iia_id: str, other: str, **parts: Any) -> bytes:
    """The get-response of another system than ours, which may serve what ours would not."""
    record = IIAS.from_json(owner, iia(owner, iia_id, other, **parts)).record
    assert record is not None
    return IIAS.newest.wrap([IIAS.newest.encode(record).fragment])


NOTHING = IIAS.newest.wrap([])
"""The get-response of a system that serves nothing under the id."""


@dataclass(eq=False)
class Side:
    """One institution with its part of a gateway."""

    hei_id: str
    partner: str
    store: Store
    clock: Moments
    records: Records = field(init=False)
    agreements: Agreements = field(init=False)

    def __post_init__(self) -> None:
        settling = Settling(("iia-cnr",))
        self.records = Records(
            self.store,
            schemas(),
            {"iias": ("iia-cnr",)},
            self.clock,
            lambda: None,
            derivations={"iias": Deriving(settling)},
        )
        self.agreements = Agreements(self.store, self.records, settling, self.clock)

    async def put(self, iia_id: str, **parts: Any) -> Outcome:
        """Put our record of an agreement."""
        document = iia(self.hei_id, iia_id, self.partner, **parts)
        return await self.records.put(self.hei_id, "iias", Incoming(iia_id, document), source="test")

    async def document(self, iia_id: str) -> dict[str, Any]:
        """Our copy as it is stored."""
        known = await self.known(iia_id)
        assert known.ours is not None
        assert known.ours.document is not None
        return dict(json.loads(known.ours.document))

    async def named(self, iia_id: str) -> str | None:
        """The partner's identifier in our copy."""
        named: str | None = (await self.document(iia_id))["partner"][1].get("iia_id")
        return named

    async def known(self, iia_id: str) -> Known:
        return (await load(self.store, self.hei_id, [iia_id], compare=True))[iia_id]

    async def state(self, iia_id: str) -> State:
        return state((await self.known(iia_id)).facts)

    async def hash_of_theirs(self, iia_id: str) -> str:
        """The hash of the partner's copy as we know it: what a person sees who is to approve."""
        theirs = (await self.known(iia_id)).theirs
        assert theirs is not None
        return theirs.iia_hash

    async def approve(self, iia_id: str) -> bool:
        """Approve what a person sees now; returns whether that was approved already."""
        return (await self.agreements.approve(self.hei_id, iia_id, await self.hash_of_theirs(iia_id))).already

    async def told(self) -> list[tuple[FeedKind, str | None]]:
        """What the student information system has heard."""
        return [(entry.kind, entry.id) for entry in await feed.read(self.store, self.hei_id, 0, 1000)]

    async def served(self, iia_id: str) -> bytes:
        """The answer of our get endpoint to the partner."""
        found = await records.fragments(
            self.store, self.hei_id, "iias", IIAS.newest.version, [iia_id], caller_heis=[self.partner]
        )
        return IIAS.newest.wrap(fragment for _, fragment in found)

    async def receive(self, their_id: str, body: bytes) -> None:
        """Take the answer to our call of the partner's get endpoint, as the gateway does."""
        seen = examine(
            body, IIAS.newest, their_id, hei_id=self.hei_id, partner=self.partner, schemas=schemas(), max_bytes=2**20
        )
        key, now, effects = CopyKey(self.hei_id, "iias", self.partner, their_id), self.clock(), Effects()
        async with self.store.transaction() as tx:
            if isinstance(seen, GoodCopy):
                received = copies.Received(body, seen.document, seen.content_hash, seen.our_id, f"exchange of {now}")
                await copies.put_received(tx, key, received, now, effects=effects)
            elif isinstance(seen, Gone):
                await copies.mark_gone(tx, key, now, effects=effects)
            else:
                assert isinstance(seen, Invalid)
                await copies.put_invalid(tx, key, body, "[]", now, effects=effects)
            effects.add(await self.agreements.copy_changed(tx, key, now))
            await effects.carry_out(tx, self.hei_id, now)

    async def ask(self, other: Side, our_id: str) -> None:
        """Ask the other side whether it approves our copy."""
        given = await approvals.given_for(other.store, other.hei_id, [self.hei_id], [our_id])
        found = given[0].iia_hash if given else None
        now = self.clock()
        async with self.store.transaction() as tx:
            await self.agreements.approval_received(
                tx, self.hei_id, self.partner, our_id, found, b"<approved/>", "exchange of approval", now
            )

    async def due(self) -> list[WorkKey]:
        """The notifications that are due to the partner."""
        states, kinds = [work.WorkState.DUE], [WorkKind.DELIVERY]
        rows = await work.list_rows(self.store, hei_id=self.hei_id, states=states, kinds=kinds, limit=1000)
        return [row.key for row in rows]


async def carry(sides: Sequence[Side]) -> None:
    """Carry all notifications to and fro, and what they call for, until none is due."""
    by_hei = {side.hei_id: side for side in sides}
    store, clock = sides[0].store, sides[0].clock
    for _ in range(50):
        claims = await work.claim(
            store,
            [WorkKind.DELIVERY],
            "test",
            limit=100,
            now=clock() + timedelta(hours=1),
            lease_seconds=60,
            per_partner_limit=100,
        )
        if not claims:
            return
        for claim in claims:
            await notified(by_hei[claim.key.partner], by_hei[claim.key.hei_id], claim.key)
            async with store.transaction() as tx:
                assert await work.finish(tx, claim, clock())
    raise AssertionError("the two sides never stop notifying each other")


async def notified(receiver: Side, sender: Side, key: WorkKey) -> None:
    """What a notification leads to at its receiver."""
    if key.api == "iia-cnr":
        await receiver.receive(key.item, await sender.served(key.item))
    else:
        assert key.api == "iia-approval-cnr"
        await receiver.ask(sender, key.item)
