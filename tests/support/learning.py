"""Two sides of learning agreements over one store, without a network between them: messages are carried by hand.

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
from ewpgw.learning_agreements import sent
from ewpgw.learning_agreements.received import ReceivedAgreement, load
from ewpgw.learning_agreements.service import LearningAgreements, Signer
from ewpgw.model import learning_agreement_examples as examples
from ewpgw.model import learning_agreement_update
from ewpgw.model.entities import ENTITIES
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_states import Refusal
from ewpgw.network.received import Gone, GoodCopy, examine
from ewpgw.preparing import Incoming
from ewpgw.records import Outcome
from ewpgw.store import Store, copies, decisions, feed, learning_agreements, records, work
from ewpgw.store.copies import CopyKey
from ewpgw.store.decisions import DecisionKey, DecisionState
from ewpgw.store.effects import Effects, News
from ewpgw.store.feed import FeedKind
from ewpgw.store.learning_agreements import ENTITY, StoredAgreement
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKey, WorkKind
from support.sides import NORTH, SOUTH, Moments

NOTIFICATIONS = {ENTITY: ("omobility-la-cnr",), "omobilities": ("omobility-cnr",)}
SHAPE = ENTITIES[ENTITY].newest
P = "changes_proposal"
RETITLED: dict[str, Any] = {f"{P}__components_studied__0__title": "Set theory"}
"""A change of what is proposed, by its path."""

__all__ = ["ENTITY", "NORTH", "SOUTH", "Learner", "P", "carry", "changes", "learning", "signer"]


def learning(owner: str, omobility_id: str, partner: str, kind: str = "semester", **named: Any) -> dict[str, Any]:
    """An example of an agreement as its owner's system gives it.

    A change is named by its path: ``student__email="…"``; None takes the field away.
    """
    data: dict[str, Any] = deepcopy(getattr(examples, kind)(owner, partner))
    data["omobility_id"] = omobility_id
    for path, value in named.items():
        *above, name = path.split("__")
        place: Any = data
        for step in above:
            place = place[int(step)] if step.isdigit() else place[step]
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return data


def changes(owner: str, omobility_id: str, partner: str, day: str = "2026-10-02", **named: Any) -> dict[str, Any]:
    """What a system hands in during the stay: changes alone, signed on a day."""
    signed = {f"{P}__student_signature__timestamp": f"{day}T10:15:00+03:00", f"{P}__student": None}
    return learning(
        owner, omobility_id, partner, "changed", **{"first_version": None, "approved_changes": None, **signed, **named}
    )


def signer(hei_id: str) -> Signer:
    """Who signs for an institution."""
    return Signer("Anders Berg", "Coordinator", f"anders.berg@{hei_id}")


@dataclass(eq=False)
class Learner:
    """One institution with its part of a gateway."""

    hei_id: str
    partner: str
    store: Store
    clock: Moments
    service: LearningAgreements = field(init=False)

    def __post_init__(self) -> None:
        self.records = intake(self.store, NOTIFICATIONS, self.clock, lambda: None).records
        self.service = LearningAgreements(self.store, self.clock)

    async def put(self, omobility_id: str, document: dict[str, Any] | None = None, **named: Any) -> Outcome:
        """Put our record of an agreement: the first version, unless there is another document."""
        given = document if document is not None else learning(self.hei_id, omobility_id, self.partner, **named)
        return await self.records.put(self.hei_id, ENTITY, Incoming(omobility_id, given), source="test")

    async def change(self, omobility_id: str, day: str = "2026-10-02", **named: Any) -> Outcome:
        """Propose changes."""
        return await self.put(omobility_id, changes(self.hei_id, omobility_id, self.partner, day, **named))

    async def document(self, omobility_id: str) -> dict[str, Any]:
        """Our record as it is stored."""
        stored = await records.get(self.store, RecordKey(self.hei_id, ENTITY, omobility_id))
        assert stored is not None
        assert stored.document is not None
        return dict(json.loads(stored.document))

    async def ours(self, omobility_id: str) -> StoredAgreement:
        """Where an agreement of ours stands."""
        found = await learning_agreements.get(self.store, self.hei_id, omobility_id)
        assert found is not None
        return found

    async def theirs(self, omobility_id: str) -> ReceivedAgreement:
        """An agreement of the partner's as we know it."""
        found = await load(self.store, self.hei_id, self.partner, omobility_id)
        assert found is not None
        return found

    async def seen(self, omobility_id: str) -> str:
        """The proposal that a person of ours sees."""
        return str((await self.theirs(omobility_id)).record.proposal_id)

    async def approve(self, omobility_id: str, proposal_id: str | None = None) -> bool:
        """Sign what a person sees now; returns whether that was so already."""
        seen = proposal_id or await self.seen(omobility_id)
        done = await self.service.approve(
            self.hei_id, self.partner, omobility_id, proposal_id=seen, signer=signer(self.hei_id)
        )
        return done.already

    async def comment(self, omobility_id: str, words: str = "Not held", proposal_id: str | None = None) -> bool:
        """Comment on what a person sees now; returns whether that was so already."""
        seen = proposal_id or await self.seen(omobility_id)
        done = await self.service.comment(
            self.hei_id, self.partner, omobility_id, proposal_id=seen, comment=words, signer=signer(self.hei_id)
        )
        return done.already

    async def told(self) -> list[tuple[FeedKind, str | None]]:
        """What the student information system has heard."""
        return [(entry.kind, entry.id) for entry in await feed.read(self.store, self.hei_id, 0, 1000)]

    async def served(self, item: str) -> bytes:
        """The answer of our get endpoint to the partner."""
        found = await records.fragments(
            self.store, self.hei_id, ENTITY, SHAPE.version, [item], caller_heis=[self.partner]
        )
        return SHAPE.wrap(fragment for _, fragment in found)

    async def fetch(self, other: Learner, item: str) -> None:
        """Fetch one agreement of the partner's, as the gateway does."""
        await self.receive(item, await other.served(item))

    async def receive(self, item: str, body: bytes) -> None:
        """Take the answer to our call of the partner's get endpoint."""
        seen = examine(body, SHAPE, item, hei_id=self.hei_id, partner=self.partner, schemas=schemas(), max_bytes=2**20)
        key, now, effects = CopyKey(self.hei_id, ENTITY, self.partner, item), self.clock(), Effects()
        async with self.store.transaction() as tx:
            if isinstance(seen, GoodCopy):
                received = copies.Received(body, seen.document, seen.content_hash, seen.our_id, f"fetched at {now}")
                await copies.put_received(tx, key, received, now, effects=effects)
            else:
                assert isinstance(seen, Gone), seen
                await copies.mark_gone(tx, key, now, effects=effects)
            effects.add(await self.service.copy_changed(tx, key, now))
            await effects.carry_out(tx, self.hei_id, now)

    async def asked(self, callers: Sequence[str], document: bytes) -> Refusal | None:
        """Answer a call of our update endpoint."""
        update, now = learning_agreement_update.read(parse(document)), self.clock()
        async with self.store.transaction() as tx:
            refusal = await sent.update_received(tx, self.hei_id, callers, update, now)
        if refusal is None:
            async with self.store.transaction() as tx:
                await sent.decided_by(self.hei_id, update.answer.omobility_id, now)(tx, f"update at {now}")
        return refusal

    async def send(self, other: Learner, item: str, *, answer_lost: bool = False) -> Refusal | None:
        """Send the answer that waits, where one does, after a look at whether the partner has it by now."""
        at = DecisionKey(self.hei_id, ENTITY, self.partner, item)
        decision = await decisions.get(self.store, at)
        if decision is None or decision.state is not DecisionState.WAITING:
            return None
        seen = examine(
            await other.served(item),
            SHAPE,
            item,
            hei_id=self.hei_id,
            partner=self.partner,
            schemas=schemas(),
            max_bytes=2**20,
        )
        outcome = self.service.judge.outcome(seen.document if isinstance(seen, GoodCopy) else None, decision)
        if outcome == "open":
            async with self.store.transaction() as tx:
                await decisions.note_sent(tx, at, decision.number, self.clock())
        refusal = await other.asked([self.hei_id], decision.document) if outcome == "open" else None
        if answer_lost:
            return None
        states = {"made": DecisionState.MADE, "open": DecisionState.MADE, "overtaken": DecisionState.OVERTAKEN}
        state = DecisionState.REFUSED if refusal is not None else states.get(outcome, DecisionState.REFUSED)
        async with self.store.transaction() as tx:
            words = refusal.words if refusal is not None else None
            effects = Effects({WorkKey(WorkKind.REFRESH, self.hei_id, self.partner, ENTITY, item)})
            if await decisions.settle(tx, at, decision.number, state, self.clock(), words=words):
                effects.news.append(News(FeedKind(f"decision-{state.value}"), ENTITY, self.partner, item))
            await effects.carry_out(tx, self.hei_id, self.clock())
        return refusal

    async def record(self, omobility_id: str) -> LearningAgreement:
        """Our record as it is stored."""
        return LearningAgreement.model_validate(await self.document(omobility_id))

    async def due(self) -> list[WorkKey]:
        """The work that is due with the partner."""
        rows = await work.list_rows(self.store, hei_id=self.hei_id, states=[work.WorkState.DUE], limit=1000)
        return [row.key for row in rows]


async def carry(sides: Sequence[Learner]) -> None:
    """Carry all messages to and fro, and what they call for, until none is due."""
    by_hei: Mapping[str, Learner] = {side.hei_id: side for side in sides}
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
                await us.send(them, claim.key.item)
            elif claim.key.kind is WorkKind.REFRESH:
                await us.fetch(them, claim.key.item)
            async with store.transaction() as tx:
                assert await work.finish(tx, claim, clock())
                if claim.key.kind is WorkKind.DELIVERY:
                    effects = await us.service.delivered(tx, claim.key, "exchange of notification", clock())
                    await effects.carry_out(tx, claim.key.hei_id, clock())
            if claim.key.kind is WorkKind.DELIVERY and claim.key.api == "omobility-la-cnr":
                await them.fetch(us, claim.key.item)
    raise AssertionError("the two sides never stop notifying each other")
