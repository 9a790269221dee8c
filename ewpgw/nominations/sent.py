"""Nominations of ours: what partners decide about them, and when they learnt of them.

These are functions, since what partners call holds no service: ``apis/omobilities.py`` calls them in its transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from ewpgw.model.imobility import Imobility
from ewpgw.model.omobility import Status
from ewpgw.model.omobility_states import Moved, Outcome, Refusal, approve, heard, reject
from ewpgw.model.omobility_update import ApproveProposal, RejectProposal
from ewpgw.nominations.refusing import NominationRefused, UnknownNomination
from ewpgw.nominations.writing import NOMINATIONS, enter, rewrite_status
from ewpgw.store import copies, nominations, work
from ewpgw.store.effects import Effects, News
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.omobility_states import Standing
    from ewpgw.store.copies import CopyKey
    from ewpgw.store.nominations import SentNomination
    from ewpgw.store.work import WorkKey

Note: TypeAlias = Callable[["AsyncConnection", str], Awaitable[None]]
"""As in ``ewpgw.evidence``: called with an exchange's id, in the transaction in which that is written."""

_NEWS = {
    Status.APPROVED: FeedKind.NOMINATION_APPROVED,
    Status.REJECTED: FeedKind.NOMINATION_REJECTED,
    Status.PENDING: FeedKind.NOMINATION_PENDING,
}


async def update_received(
    tx: AsyncConnection,
    hei_id: str,
    callers: Collection[str],
    update: ApproveProposal | RejectProposal,
    now: datetime,
) -> Refusal | None:
    """The receiving institution asks to enter its decision; why that is not possible, None where it is done.

    What it calls for is written at once, so call it last in the transaction. A decision that was entered before is
    entered again without any effect, and is no fault. Sources: ewpgw.model.omobility_states.
    """
    await enter(tx, hei_id)
    sent = await nominations.get(tx, hei_id, update.omobility_id)
    if sent is None or sent.partner not in callers:
        return Refusal(
            "unknown",
            f"{hei_id} has no nomination {update.omobility_id} for your institution. Fetch the list of its "
            "nominations, and decide about one of these.",
        )
    if isinstance(update, RejectProposal):
        outcome = reject(sent.standing, update.proposal_id, update.comment)
    else:
        outcome = approve(sent.standing, update.proposal_id)
    if isinstance(outcome, Refusal):
        return outcome
    if outcome.changed:
        effects = Effects()
        decided = replace(sent, standing=outcome.standing, decided_at=now, decided_exchange_id=None)
        await _keep_decision(tx, hei_id, decided, now, effects)
        await effects.carry_out(tx, hei_id, now)
    return None


def decided_by(hei_id: str, omobility_id: str, at: datetime) -> Note:
    """Remembers the exchange in which the decision of the moment ``at`` came."""

    async def note(tx: AsyncConnection, exchange_id: str) -> None:
        await nominations.note_decided(tx, hei_id, omobility_id, at, exchange_id)

    return note


def fetched_by(hei_id: str, numbers: Mapping[str, int], at: datetime) -> Note:
    """Remembers that partners have fetched nominations of ours, which are delivered by that.

    ``numbers`` are those that the nominations had before they were read, since they may have changed after: what was
    fetched is at least as new. For the exchange log's writer, off the request's path: nothing of it slows the answer.
    """

    async def note(tx: AsyncConnection, exchange_id: str) -> None:
        for omobility_id, number in sorted(numbers.items()):
            await nominations.note_fetched(tx, hei_id, omobility_id, number, at, exchange_id)

    return note


async def notified(tx: AsyncConnection, key: WorkKey, exchange_id: str, now: datetime) -> Effects:
    """The partner took the notification of a nomination, which is delivered by that; what that calls for."""
    effects = Effects()
    sent = await nominations.get(tx, key.hei_id, key.item)
    row = await work.get(tx, key)
    if sent is None or sent.partner != key.partner or (row is not None and row.state is WorkState.DUE):
        return effects  # in the latter case it has changed since, and is told again
    if await nominations.note_notified(tx, key.hei_id, key.item, sent.number, now, exchange_id):
        effects.news.append(News(FeedKind.NOMINATION_DELIVERED, NOMINATIONS, key.partner, key.item))
    return effects


async def arrival_changed(tx: AsyncConnection, key: CopyKey, now: datetime) -> Effects:
    """A partner's record of a student of ours was fetched: with version 1 of its API it may hold a decision."""
    effects = Effects()
    await enter(tx, key.hei_id)
    copy = await copies.get(tx, key)
    sent = await nominations.get(tx, key.hei_id, key.id)
    if copy is None or copy.document is None or sent is None or sent.partner != key.partner:
        return effects
    told = Imobility.model_validate_json(copy.document)
    if told.status is None or copy.state is not copies.CopyState.CURRENT:
        return effects
    published = Status(told.status), told.comment
    moved = heard(sent.standing, *published, last=sent.heard)
    if not moved.changed:
        if published != sent.heard:
            await nominations.put_many(tx, key.hei_id, [replace(sent, heard=published)])
        return effects
    decided = replace(
        sent, standing=moved.standing, heard=published, decided_at=now, decided_exchange_id=copy.exchange_id
    )
    await _keep_decision(tx, key.hei_id, decided, now, effects)
    return effects


async def move(
    tx: AsyncConnection, hei_id: str, omobility_id: str, how: Callable[[Standing], Outcome], now: datetime
) -> Moved:
    """A move of our side, ``cancel`` or ``resubmit``; the partner is told.

    Raises UnknownNomination and NominationRefused. What it calls for is written at once.
    """
    await enter(tx, hei_id)
    sent = await nominations.get(tx, hei_id, omobility_id)
    if sent is None:
        raise UnknownNomination(omobility_id)
    outcome = how(sent.standing)
    if isinstance(outcome, Refusal):
        raise NominationRefused(outcome)
    if outcome.changed:
        after = replace(
            sent,
            standing=outcome.standing,
            number=sent.number + 1,
            changed_at=now,
            decided_at=None,
            decided_exchange_id=None,
        )
        await nominations.put_many(tx, hei_id, [after])
        wanted = await rewrite_status(tx, hei_id, omobility_id, outcome.standing.status, now)
        await work.want_many(tx, [wanted] if wanted is not None else [], now)
    return outcome


async def _keep_decision(
    tx: AsyncConnection, hei_id: str, decided: SentNomination, now: datetime, effects: Effects
) -> None:
    """Keep what the partner decided, serve the nomination with it, tell the partner that it is, and the SIS."""
    await nominations.put_many(tx, hei_id, [decided])
    wanted = await rewrite_status(tx, hei_id, decided.omobility_id, decided.standing.status, now)
    if wanted is not None:
        effects.wanted.add(wanted)
    kind = _NEWS[decided.standing.status]
    effects.news.append(News(kind, NOMINATIONS, decided.partner, decided.omobility_id))
