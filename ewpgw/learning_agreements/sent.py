"""Learning agreements of ours: what partners answer to what we propose, and when they learnt of it.

These are functions, since what partners call holds no service: ``apis/omobility_las.py`` calls them in its transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from ewpgw.learning_agreements.writing import CNR, ENTITY, as_new, enter
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_index import students
from ewpgw.model.learning_agreement_states import Refusal, approve, comment, stranger
from ewpgw.model.learning_agreement_update import CommentProposal
from ewpgw.preparing import CannotBeServed
from ewpgw.store import learning_agreements, mobility_deliveries, record_writes, records, work
from ewpgw.store.effects import Effects, News
from ewpgw.store.feed import FeedKind
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKey, WorkKind, WorkState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.learning_agreement_states import Moved
    from ewpgw.model.learning_agreement_update import Update
    from ewpgw.store.learning_agreements import StoredAgreement

Note: TypeAlias = Callable[["AsyncConnection", str], Awaitable[None]]
"""As in ``ewpgw.evidence``: called with an exchange's id, in the transaction in which that is written."""


async def update_received(
    tx: AsyncConnection, hei_id: str, callers: Collection[str], update: Update, now: datetime
) -> Refusal | None:
    """The receiving institution signs a proposal or comments on it; why that is not possible, None where it is done.

    What it calls for is written at once, so call it last in the transaction. An answer that was given before is given
    again without any effect, and is no fault. Sources: ewpgw.model.learning_agreement_states.
    """
    await enter(tx, hei_id)
    answer = update.answer
    sent = await learning_agreements.get(tx, hei_id, answer.omobility_id)
    stored = await records.get(tx, RecordKey(hei_id, ENTITY, answer.omobility_id))
    record = None
    if sent is not None and stored is not None and stored.document is not None:
        record = LearningAgreement.model_validate_json(stored.document)
    why = stranger(record, update.sending_hei_id, callers)
    if why is not None or sent is None or stored is None or record is None:
        return why
    if isinstance(answer, CommentProposal):
        outcome = comment(sent.standing, record, answer.changes_proposal_id, answer.comment, answer.signature)
    else:
        outcome = approve(sent.standing, record, answer.changes_proposal_id, answer.signature)
    if isinstance(outcome, Refusal):
        return outcome
    if not outcome.changed:
        return None
    try:
        new = as_new(hei_id, outcome.record, stored.source)
    except CannotBeServed as problem:
        return Refusal("signature", f"The agreement would not be valid with this signature: {problem.problem}.")
    await record_writes.put_many(tx, [new], now, keep_refusals=True)
    await _keep_answer(tx, hei_id, sent, outcome, now)
    return None


def decided_by(hei_id: str, omobility_id: str, at: datetime) -> Note:
    """Remembers the exchange in which the answer of the moment ``at`` came."""

    async def note(tx: AsyncConnection, exchange_id: str) -> None:
        await learning_agreements.note_decided(tx, hei_id, omobility_id, at, exchange_id)

    return note


def fetched_by(hei_id: str, numbers: Mapping[str, int], at: datetime) -> Note:
    """Remembers that partners have fetched agreements of ours, which are delivered by that.

    ``numbers`` are those that the agreements had before they were read, since they may have changed after: what was
    fetched is at least as new. For the exchange log's writer, off the request's path: nothing of it slows the answer.
    """

    async def note(tx: AsyncConnection, exchange_id: str) -> None:
        for omobility_id, number in sorted(numbers.items()):
            key = RecordKey(hei_id, ENTITY, omobility_id)
            await mobility_deliveries.note_fetched(tx, key, number, at, exchange_id)

    return note


async def notified(tx: AsyncConnection, key: WorkKey, exchange_id: str, now: datetime) -> Effects:
    """The partner took the notification of an agreement, which is delivered by that; what that calls for."""
    effects = Effects()
    sent = await learning_agreements.get(tx, key.hei_id, key.item)
    row = await work.get(tx, key)
    if sent is None or sent.partner != key.partner or (row is not None and row.state is WorkState.DUE):
        return effects  # in the latter case it has changed since, and is told again
    thing = RecordKey(key.hei_id, ENTITY, key.item)
    if await mobility_deliveries.note_notified(tx, thing, sent.number, now, exchange_id):
        effects.news.append(News(FeedKind.LEARNING_AGREEMENT_DELIVERED, ENTITY, key.partner, key.item))
    return effects


async def _keep_answer(tx: AsyncConnection, hei_id: str, sent: StoredAgreement, made: Moved, now: datetime) -> None:
    """Keep what the partner answered; tell the partner that the agreement is served with it, and the SIS.

    Source for telling the partner: ewp-specs-api-omobility-la-cnr 1, README, omobility_id.
    """
    student, proposed_student = students(made.record)
    here = replace(
        sent,
        standing=made.standing,
        listed=made.record.listed,
        mobility_type=made.record.mobility_type.value,
        student=student,
        proposed_student=proposed_student,
        decided_at=now,
        decided_exchange_id=None,
    )
    await learning_agreements.put_many(tx, hei_id, [here])
    effects = Effects({WorkKey(WorkKind.DELIVERY, hei_id, sent.partner, CNR, sent.omobility_id)})
    approved = made.standing.past[-1].approved
    kind = FeedKind.LEARNING_AGREEMENT_APPROVED if approved else FeedKind.LEARNING_AGREEMENT_COMMENTED
    effects.news.append(News(kind, ENTITY, sent.partner, sent.omobility_id))
    await effects.carry_out(tx, hei_id, now)
