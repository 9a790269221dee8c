"""Decisions of ours about a partner's things, on their way: an approval, a rejection, a comment, sent as an update.

One row a thing. A decision is *waiting* until it is known what became of it: *made* (the partner has it), *refused*
(the partner does not take it, or could not be asked for too long), *overtaken* (the thing changed before the partner
heard the decision). A new decision takes the place of one that is not waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, case, not_, null, or_, select, update

from ewpgw.store.dialects import insert
from ewpgw.store.engine import AnyRow, Readable, fetch
from ewpgw.store.tables import decision
from ewpgw.store.work_types import WorkKey, WorkKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


class DecisionState(StrEnum):
    """What became of a decision."""

    WAITING = "waiting"
    MADE = "made"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True, order=True)
class DecisionKey:
    """What names a decision: the thing of ``partner`` that ``hei_id`` decides about, by the partner's identifier."""

    hei_id: str
    entity: str
    partner: str
    id: str

    @property
    def work(self) -> WorkKey:
        """The piece of work that sends it; to be wanted in the transaction that puts the decision."""
        return WorkKey(WorkKind.UPDATE, self.hei_id, self.partner, self.entity, self.id)


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A decision about one proposal.

    - ``verdict``: ``approved``, ``rejected``, ``commented``
    - ``document``: the whole update request that says so
    - ``by``: who decided, as the SIS names people; None where it does not say
    - ``seen_at``: when that was fetched which is decided about. A decision that was made before then was about an
      earlier submission, so that the same verdict on the same content is a new decision; None: nobody knows
    """

    key: DecisionKey
    proposal_id: str
    verdict: str
    comment: str | None
    document: bytes
    by: str | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as it stands. ``number`` counts the decisions about the thing, and names this one among them.

    ``sent_at`` is when it was first about to be sent: None as long as the partner cannot have it. ``words`` say to a
    person why it was refused or overtaken, or what the partner said when it took it; ``exchange_id`` is the exchange
    that proves what became of it.
    """

    key: DecisionKey
    number: int
    proposal_id: str
    verdict: str
    comment: str | None
    document: bytes
    by: str | None
    at: datetime
    state: DecisionState
    words: str | None
    answered_at: datetime | None
    exchange_id: str | None
    sent_at: datetime | None = None


async def put(tx: AsyncConnection, new: NewDecision, now: datetime) -> bool:
    """Decide. False, with nothing changed, where a decision is waiting, or where this one was made already.

    Whoever gets True wants ``new.key.work`` in the same transaction.
    """
    names = _names(new.key)
    content = {
        "proposal_id": new.proposal_id,
        "verdict": new.verdict,
        "comment": new.comment,
        "document": new.document,
        "by": new.by,
        "at": now,
        "state": DecisionState.WAITING.value,
        "sent_at": None,
        "words": None,
        "answered_at": None,
        "exchange_id": None,
    }
    the_same = and_(
        decision.c.state == DecisionState.MADE.value,
        decision.c.proposal_id == new.proposal_id,
        decision.c.verdict == new.verdict,
    )
    if new.seen_at is not None:
        the_same = and_(the_same, or_(decision.c.answered_at.is_(null()), decision.c.answered_at >= new.seen_at))
    # What was given up may be at the partner all the same, so the same again is not the first of its kind.
    given_up = and_(
        decision.c.state == DecisionState.REFUSED.value,
        decision.c.proposal_id == new.proposal_id,
        decision.c.verdict == new.verdict,
    )
    statement = insert(tx, decision).values(**names, **content, number=1)
    statement = statement.on_conflict_do_update(
        index_elements=list(names),
        set_={**content, "number": decision.c.number + 1, "sent_at": case((given_up, decision.c.sent_at))},
        where=and_(decision.c.state != DecisionState.WAITING.value, not_(the_same)),
    )
    return (await tx.execute(statement.returning(decision.c.number))).first() is not None


async def get(source: Readable, key: DecisionKey) -> Decision | None:
    """The newest decision about a thing, or None."""
    rows = await fetch(source, _GET, _located(key))
    return _decision(key, rows[0]) if rows else None


async def get_many(source: Readable, keys: Collection[DecisionKey]) -> Mapping[DecisionKey, Decision]:
    """The newest decisions about these things of one HEI and entity, as far as there are any."""
    if not keys:
        return {}
    ((hei_id, entity),) = {(key.hei_id, key.entity) for key in keys}
    values = {
        "hei": hei_id,
        "entity": entity,
        "partners": sorted({key.partner for key in keys}),
        "ids": sorted({key.id for key in keys}),
    }
    found = {}
    for row in await fetch(source, _GET_MANY, values):
        key = DecisionKey(hei_id, entity, row.partner, row.id)
        if key in keys:
            found[key] = _decision(key, row)
    return found


async def note_sent(tx: AsyncConnection, key: DecisionKey, number: int, now: datetime) -> bool:
    """The decision with this number is about to be sent. False where it was before, or no longer waits."""
    waits = and_(decision.c.state == DecisionState.WAITING.value, decision.c.sent_at.is_(None))
    statement = update(decision).where(_AT, decision.c.number == number, waits).values(sent_at=now)
    return (await tx.execute(statement, _located(key))).rowcount == 1


async def settle(
    tx: AsyncConnection,
    key: DecisionKey,
    number: int,
    state: DecisionState,
    now: datetime,
    *,
    words: str | None = None,
    exchange_id: str | None = None,
    untaken: bool = False,
) -> bool:
    """Say what became of the decision with this number. False, with nothing changed, where it is no longer open.

    ``untaken``: the partner was seen not to have it. A decision that was refused for want of an answer may turn out to
    have been made: nothing else is ever changed.
    """
    open_ = [DecisionState.WAITING.value, *([DecisionState.REFUSED.value] if state is DecisionState.MADE else [])]
    values: dict[str, object] = {
        "state": state.value,
        "words": words,
        "answered_at": now,
        "exchange_id": exchange_id,
    }
    if untaken:
        values["sent_at"] = None
    statement = update(decision).where(_AT, decision.c.number == number, decision.c.state.in_(open_)).values(values)
    return (await tx.execute(statement, _located(key))).rowcount == 1


def _decision(key: DecisionKey, row: AnyRow) -> Decision:
    return Decision(
        key=key,
        number=row.number,
        proposal_id=row.proposal_id,
        verdict=row.verdict,
        comment=row.comment,
        document=row.document,
        by=row.by,
        at=row.at,
        state=DecisionState(row.state),
        words=row.words,
        answered_at=row.answered_at,
        exchange_id=row.exchange_id,
        sent_at=row.sent_at,
    )


def _names(key: DecisionKey) -> dict[str, str]:
    return {"hei_id": key.hei_id, "entity": key.entity, "partner": key.partner, "id": key.id}


def _located(key: DecisionKey) -> dict[str, str]:
    return {f"at_{name}": value for name, value in _names(key).items()}


_AT = and_(
    decision.c.hei_id == bindparam("at_hei_id"),
    decision.c.entity == bindparam("at_entity"),
    decision.c.partner == bindparam("at_partner"),
    decision.c.id == bindparam("at_id"),
)
_GET = select(decision).where(_AT)
_GET_MANY = select(decision).where(
    decision.c.hei_id == bindparam("hei"),
    decision.c.entity == bindparam("entity"),
    decision.c.partner.in_(bindparam("partners", expanding=True)),
    decision.c.id.in_(bindparam("ids", expanding=True)),
)
