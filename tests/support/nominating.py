"""Two sides of nominations over one store, without a network between them: messages are carried by hand.

Every move is the one that runs in the gateway; only the calls are replaced, so that a test decides what arrives when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import default as schemas
from ewpgw.intake import intake
from ewpgw.model import omobility_update
from ewpgw.model.entities import ENTITIES
from ewpgw.model.omobility import Status
from ewpgw.model.omobility_examples import nomination
from ewpgw.model.omobility_states import Refusal
from ewpgw.network.received import Gone, GoodCopy, Invalid, examine
from ewpgw.nominations import sent
from ewpgw.nominations.received import ReceivedNomination, load
from ewpgw.nominations.service import Nominations
from ewpgw.preparing import Incoming
from ewpgw.records import Outcome
from ewpgw.store import Store, copies, decisions, feed, nominations, records, work
from ewpgw.store.copies import CopyKey
from ewpgw.store.decisions import DecisionKey, DecisionState
from ewpgw.store.effects import Effects
from ewpgw.store.feed import FeedKind
from ewpgw.store.nominations import SentNomination
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKey, WorkKind
from support.sides import NORTH, SOUTH, Moments

NOMINATIONS, ARRIVALS = "omobilities", "imobilities"
NOTIFICATIONS = {"iias": ("iia-cnr",), NOMINATIONS: ("omobility-cnr",), ARRIVALS: ("imobility-cnr",)}

__all__ = ["NORTH", "SOUTH", "Nominator", "carry", "nominated"]


def nominated(owner: str, omobility_id: str, partner: str, **changes: Any) -> dict[str, Any]:
    """A nomination as its owner's system gives it, under no agreement.

    A change is named by its path: ``nomination__comment="…"``; None takes the field away.
    """
    data = dict(deepcopy(nomination(owner, partner)))
    data["omobility_id"] = omobility_id
    named: dict[str, Any] = {
        "nomination__sending_hei__iia_id": None,
        "nomination__receiving_hei__iia_id": None,
        "status": None,
        "further": None,
        **changes,
    }
    for path, value in named.items():
        *above, name = path.split("__")
        place: Any = data
        for step in above:
            place = place[step]
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return data


@dataclass(eq=False)
class Nominator:
    """One institution with its part of a gateway. ``version`` is that of the omobilities API it speaks."""

    hei_id: str
    partner: str
    store: Store
    clock: Moments
    version: int = 3
    service: Nominations = field(init=False)

    def __post_init__(self) -> None:
        self.records = intake(self.store, NOTIFICATIONS, self.clock, lambda: None).records
        self.service = Nominations(self.store, self.records, self.clock, self._speaks)

    def _speaks(self, _partner: str, api: str) -> int | None:
        return self.version if api == NOMINATIONS else self.version - 1

    async def put(self, omobility_id: str, **changes: Any) -> Outcome:
        """Put our record of a nomination."""
        document = nominated(self.hei_id, omobility_id, self.partner, **changes)
        return await self.records.put(self.hei_id, NOMINATIONS, Incoming(omobility_id, document), source="test")

    async def delete(self, omobility_id: str) -> None:
        assert await self.records.delete(self.hei_id, NOMINATIONS, omobility_id, source="test")

    async def document(self, omobility_id: str, entity: str = NOMINATIONS) -> dict[str, Any]:
        """Our record as it is stored."""
        stored = await records.get(self.store, RecordKey(self.hei_id, entity, omobility_id))
        assert stored is not None
        assert stored.document is not None
        return dict(json.loads(stored.document))

    async def ours(self, omobility_id: str) -> SentNomination:
        """Where a nomination of ours stands."""
        found = await nominations.get(self.store, self.hei_id, omobility_id)
        assert found is not None
        return found

    async def status(self, omobility_id: str) -> Status:
        """The status of a nomination of ours, which is the same wherever it stands."""
        stands = (await self.ours(omobility_id)).standing.status
        assert (await self.document(omobility_id))["status"] == stands.value
        served = await self.served(NOMINATIONS, omobility_id, 3)
        assert f"<status>{stands}</status>".encode() in served
        return stands

    async def theirs(self, omobility_id: str) -> ReceivedNomination:
        """A nomination of the partner's as we know it."""
        found = await load(self.store, self.hei_id, self.partner, omobility_id)
        assert found is not None
        return found

    async def seen(self, omobility_id: str) -> str:
        """The proposal that a person of ours sees."""
        return (await self.theirs(omobility_id)).record.proposal_id

    async def approve(self, omobility_id: str, proposal_id: str | None = None) -> bool:
        """Approve what a person sees now; returns whether that was so already."""
        seen = proposal_id or await self.seen(omobility_id)
        done = await self.service.approve(self.hei_id, self.partner, omobility_id, proposal_id=seen)
        return done.already

    async def reject(self, omobility_id: str, comment: str = "No room", proposal_id: str | None = None) -> bool:
        """Reject what a person sees now; returns whether that was so already."""
        seen = proposal_id or await self.seen(omobility_id)
        done = await self.service.reject(self.hei_id, self.partner, omobility_id, proposal_id=seen, comment=comment)
        return done.already

    async def told(self) -> list[tuple[FeedKind, str | None]]:
        """What the student information system has heard."""
        return [(entry.kind, entry.id) for entry in await feed.read(self.store, self.hei_id, 0, 1000)]

    async def served(self, entity: str, item: str, version: int) -> bytes:
        """The answer of our get endpoint to the partner."""
        found = await records.fragments(self.store, self.hei_id, entity, version, [item], caller_heis=[self.partner])
        return ENTITIES[entity].shape(version).wrap(fragment for _, fragment in found)

    async def receive(self, entity: str, item: str, body: bytes, version: int) -> None:
        """Take the answer to our call of the partner's get endpoint, as the gateway does."""
        shape = ENTITIES[entity].shape(version)
        seen = examine(body, shape, item, hei_id=self.hei_id, partner=self.partner, schemas=schemas(), max_bytes=2**20)
        key, now, effects = CopyKey(self.hei_id, entity, self.partner, item), self.clock(), Effects()
        async with self.store.transaction() as tx:
            if isinstance(seen, GoodCopy):
                received = copies.Received(body, seen.document, seen.content_hash, seen.our_id, f"fetched at {now}")
                await copies.put_received(tx, key, received, now, effects=effects)
            elif isinstance(seen, Gone):
                await copies.mark_gone(tx, key, now, effects=effects)
            else:
                assert isinstance(seen, Invalid)
                raise AssertionError(seen.problems)
            effects.add(await self.service.copy_changed(tx, key, now))
            await effects.carry_out(tx, self.hei_id, now)

    async def fetch(self, other: Nominator, entity: str, item: str) -> None:
        """Fetch one thing of the partner's. Both speak the newest version that both have."""
        version = ENTITIES[entity].newest.version
        if entity in (NOMINATIONS, ARRIVALS):
            version += min(self.version, other.version) - 3
        record_id = f"{self.hei_id}:{item}" if entity == ARRIVALS else item
        await self.receive(entity, item, await other.served(entity, record_id, version), version)

    async def asked(self, callers: Sequence[str], document: bytes) -> Refusal | None:
        """Answer a call of our update endpoint."""
        update, now = omobility_update.read(parse(document)), self.clock()
        async with self.store.transaction() as tx:
            refusal = await sent.update_received(tx, self.hei_id, callers, update, now)
        if refusal is None:
            async with self.store.transaction() as tx:
                await sent.decided_by(self.hei_id, update.omobility_id, now)(tx, f"update at {now}")
        return refusal

    async def send(self, other: Nominator, key: WorkKey) -> Refusal | None:
        """Send the decision that waits, where one does."""
        at = DecisionKey(self.hei_id, NOMINATIONS, self.partner, key.item)
        decision = await decisions.get(self.store, at)
        if decision is None or decision.state is not DecisionState.WAITING:
            return None
        refusal = await other.asked([self.hei_id], decision.document)
        state = DecisionState.MADE if refusal is None else DecisionState.OVERTAKEN
        async with self.store.transaction() as tx:
            words = refusal.words if refusal is not None else None
            await decisions.settle(tx, at, decision.number, state, self.clock(), words=words)
        return refusal

    async def due(self) -> list[WorkKey]:
        """The work that is due with the partner."""
        rows = await work.list_rows(self.store, hei_id=self.hei_id, states=[work.WorkState.DUE], limit=1000)
        return [row.key for row in rows]


async def carry(sides: Sequence[Nominator]) -> None:
    """Carry all messages to and fro, and what they call for, until none is due."""
    by_hei: Mapping[str, Nominator] = {side.hei_id: side for side in sides}
    store, clock = sides[0].store, sides[0].clock
    for _ in range(50):
        claims = await work.claim(
            store,
            tuple(WorkKind),
            "test",
            limit=100,
            now=clock() + timedelta(hours=1),
            lease_seconds=60,
            per_partner_limit=100,
        )
        if not claims:
            return
        for claim in claims:
            us, them = by_hei[claim.key.hei_id], by_hei[claim.key.partner]
            if claim.key.kind is WorkKind.UPDATE:
                await us.send(them, claim.key)
            elif claim.key.kind is WorkKind.REFRESH:
                await us.fetch(them, claim.key.api, claim.key.item)
            async with store.transaction() as tx:
                assert await work.finish(tx, claim, clock())
                if claim.key.kind is WorkKind.DELIVERY:
                    effects = await us.service.delivered(tx, claim.key, "exchange of notification", clock())
                    await effects.carry_out(tx, claim.key.hei_id, clock())
            if claim.key.kind is WorkKind.DELIVERY:
                entity = {names[0]: entity for entity, names in NOTIFICATIONS.items()}[claim.key.api]
                await them.fetch(us, entity, ENTITIES[entity].told_id(claim.key.item))
    raise AssertionError("the two sides never stop notifying each other")
