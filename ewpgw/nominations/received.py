"""Nominations that partners send: what is decided about each, and how far that has come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ewpgw.model.imobility import Imobility
from ewpgw.model.omobility import KnownOmobility, Status
from ewpgw.model.omobility_checks import Terms
from ewpgw.model.omobility_states import Standing, standing
from ewpgw.nominations.writing import ARRIVAL_CNR, ARRIVALS, NOMINATIONS, as_new, enter
from ewpgw.store import copies, decisions, received_nominations, record_writes, records
from ewpgw.store.copies import CopyKey, CopyState
from ewpgw.store.decisions import DecisionKey, DecisionState
from ewpgw.store.effects import Effects, News
from ewpgw.store.feed import FeedKind
from ewpgw.store.received_nominations import NominationHere
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.store.copies import Copy
    from ewpgw.store.decisions import Decision
    from ewpgw.store.engine import Readable

SOURCE = "gateway"
"""Where records come from that the gateway itself makes, to publish a decision."""


@dataclass(frozen=True, slots=True)
class ReceivedNomination:
    """A nomination that a partner sends, in the last version that could be read, and our last decision about it."""

    copy: Copy
    record: KnownOmobility
    decision: Decision | None

    @property
    def key(self) -> DecisionKey:
        """What names our decision about it."""
        return decision_key(self.copy.key)

    @property
    def by_publishing(self) -> bool:
        """Whether decisions are published for the partner to fetch, since it tells of no proposals.

        Version 3 demands a proposal-id, version 2 has no place for it.
        """
        return self.record.nomination.proposal_id is None

    @property
    def made(self) -> Decision | None:
        """Our decision about the proposal as it is now, where the partner has it."""
        decision = self.decision
        if decision is None or decision.state is not DecisionState.MADE:
            return None
        return decision if decision.proposal_id == self.record.proposal_id else None

    @property
    def standing(self) -> Standing:
        """Where the nomination stands, as far as can be known here.

        The partner's word counts, but for a decision of ours that it has taken since it was last fetched, or that it
        has no place for.
        """
        here, made = standing(self.record), self.made
        if made is not None and here.status is Status.REJECTED:
            here = replace(here, comment=made.comment)
        if made is not None and here.status is Status.PENDING:
            newer = made.answered_at is None or made.answered_at >= self.copy.fetched_at
            if newer or self.by_publishing:
                here = Standing(here.proposal_id, Status(made.verdict), made.comment)
        return replace(here, deleted=self.copy.state is CopyState.GONE)


def decision_key(copy: CopyKey) -> DecisionKey:
    """What names our decision about a partner's nomination."""
    return DecisionKey(copy.hei_id, copy.entity, copy.partner, copy.id)


async def load(source: Readable, hei_id: str, partner: str, omobility_id: str) -> ReceivedNomination | None:
    """A nomination of a partner's; None where none was ever received that could be read."""
    copy = await copies.get(source, CopyKey(hei_id, NOMINATIONS, partner, omobility_id))
    if copy is None:
        return None
    return next(iter(await with_decisions(source, [copy])), None)


async def with_decisions(source: Readable, found: Iterable[Copy]) -> list[ReceivedNomination]:
    """Copies of nominations with what we decided about them, without those of which nothing could be read."""
    readable = [(copy, copy.document) for copy in found if copy.document is not None]
    about = await decisions.get_many(source, {decision_key(copy.key) for copy, _ in readable})
    return [
        ReceivedNomination(copy, KnownOmobility.model_validate_json(document), about.get(decision_key(copy.key)))
        for copy, document in readable
    ]


async def nomination_changed(tx: AsyncConnection, key: CopyKey, now: datetime) -> Effects:
    """A partner's nomination was fetched, or is gone: what becomes of a decision that is on its way, and published.

    That there is something new, changed or gone is told where the copy is stored.
    """
    effects = Effects()
    await enter(tx, key.hei_id)
    received = await load(tx, key.hei_id, key.partner, key.id)
    if received is None:
        return effects
    if received.decision is not None:
        received = await _followed(tx, received, received.decision, now, effects)
    await received_nominations.put(tx, _here(received))
    effects.wanted |= await publish(tx, received, now, create=False)
    return effects


async def _followed(
    tx: AsyncConnection, received: ReceivedNomination, decision: Decision, now: datetime, effects: Effects
) -> ReceivedNomination:
    """The nomination with what it says of the decision: made, though nobody heard the answer, or overtaken.

    A decision that was given up may have been made, too; the partner shows it once it can be reached again.
    """
    words = None
    if decision.state in (DecisionState.WAITING, DecisionState.REFUSED) and _entered(decision, received):
        state, kind = DecisionState.MADE, FeedKind.DECISION_MADE
    elif decision.state is DecisionState.WAITING and (words := _overtaken(decision, received)) is not None:
        state, kind = DecisionState.OVERTAKEN, FeedKind.DECISION_OVERTAKEN
    else:
        return received
    exchange_id = received.copy.exchange_id
    if await decisions.settle(tx, decision.key, decision.number, state, now, words=words, exchange_id=exchange_id):
        effects.news.append(News(kind, NOMINATIONS, decision.key.partner, decision.key.id))
    return replace(received, decision=await decisions.get(tx, decision.key))


def _entered(decision: Decision, received: ReceivedNomination) -> bool:
    """Whether the partner shows what was decided, though its answer has not come."""
    here = standing(received.record)
    current = received.copy.state is CopyState.CURRENT
    return current and (here.proposal_id, here.status.value) == (decision.proposal_id, decision.verdict)


def _overtaken(decision: Decision, received: ReceivedNomination) -> str | None:
    """Why a decision that waits has lost its object, as a sentence; None where it has not."""
    here = received.standing
    if here.deleted:
        return "The partner has deleted the nomination."
    if received.by_publishing:
        return "The partner has gone back to an older version of the API, which takes no decisions. Decide anew."
    if here.proposal_id != decision.proposal_id:
        return "The nomination has changed since it was decided about. Look at it again, and decide anew."
    if here.status is Status.CANCELLED:
        return "The partner has cancelled the nomination."
    return None


def _here(received: ReceivedNomination) -> NominationHere:
    standing, nomination = received.standing, received.record.nomination
    return NominationHere(
        omobility_id=received.copy.key.id,
        terms=Terms.of(nomination),
        status=standing.status,
        sending_iia_id=nomination.sending_hei.iia_id,
        receiving_iia_id=nomination.receiving_hei.iia_id,
        gone=standing.deleted,
    )


async def decided_here(tx: AsyncConnection, received: ReceivedNomination, now: datetime) -> frozenset[WorkKey]:
    """A decision was made that the partner is to fetch: publish it; the notifications that this calls for.

    Raises IdentifierRetired where our record of the student was deleted.
    """
    await received_nominations.put(tx, _here(received))
    return await publish(tx, received, now, create=True)


async def publish(
    tx: AsyncConnection, received: ReceivedNomination, now: datetime, *, create: bool
) -> frozenset[WorkKey]:
    """Write our record of a student with what is decided; the notifications that this calls for.

    ``create``: also where there is no such record yet. Raises IdentifierRetired where it was deleted.
    """
    key = received.copy.key
    at = RecordKey(key.hei_id, ARRIVALS, f"{key.partner}:{key.id}")
    stored = await records.get(tx, at)
    if stored is not None and stored.document is not None:
        before = Imobility.model_validate_json(stored.document)
        record, source = decided(before, received, rewritten=True), stored.source
        if record == before:
            return frozenset()
    elif create:
        record = decided(Imobility(omobility_id=key.id, sending_hei_id=key.partner), received)
        source = SOURCE
    else:
        return frozenset()
    new = as_new(key.hei_id, ARRIVALS, record, source)
    await record_writes.put_many(tx, [new], now, keep_refusals=True)
    return frozenset({WorkKey(WorkKind.DELIVERY, key.hei_id, key.partner, ARRIVAL_CNR, new.id)})


def decided(record: Imobility, received: ReceivedNomination | None, *, rewritten: bool = False) -> Imobility:
    """Our record of a student with what is decided about the nomination; ``rewritten``: it has been through here."""
    status, comment = _decision(received)
    if status is not Status.REJECTED:
        kept = record.comment if not (rewritten and record.status == Status.REJECTED) else None
    else:
        kept = comment or record.comment
    return record.model_copy(update={"status": status.value if status is not None else None, "comment": kept})


def _decision(received: ReceivedNomination | None) -> tuple[Status | None, str | None]:
    if received is None:
        return None, None
    here, made = received.standing, received.made
    if here.status is Status.CANCELLED:
        return (Status(made.verdict), made.comment) if made is not None else (Status.PENDING, None)
    return here.status, here.comment


class NominationJudge:
    """Says what became of a decision that was sent to a partner, by the partner's nomination as it is now."""

    def outcome(self, document: str | None, decision: Decision) -> Literal["made", "open", "overtaken", "impossible"]:
        """``document`` is the nomination as fetched just now, as JSON text; None where the partner serves none."""
        if document is None:
            return "impossible"
        here = standing(KnownOmobility.model_validate_json(document))
        if here.proposal_id != decision.proposal_id:
            return "overtaken"
        if here.status.value == decision.verdict:
            return "made"
        return "open" if here.status is Status.PENDING else "impossible"
