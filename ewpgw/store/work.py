"""Work to be done for partners: one row for each natural key, wanted and done by counters.

A row says what state the world should reach, not what happened: several changes before the work begins are one piece
of work, and a change during it makes the row due again when it ends. Whoever works on a row holds a lease; when the
lease ends without a word (the process died), the row can be claimed again, and the former holder's outcome is refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from ewpgw.store.dialects import insert_many
from ewpgw.store.engine import Readable, Store, fetch
from ewpgw.store.tables import work
from ewpgw.store.work_types import Claim, WorkKey, WorkKind, WorkRow, WorkState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection


__all__ = [
    "Claim",
    "WorkKey",
    "WorkKind",
    "WorkRow",
    "WorkState",
    "claim",
    "counts",
    "expire",
    "fail",
    "finish",
    "get",
    "list_rows",
    "next_due",
    "release",
    "renew",
    "retry",
    "want",
    "want_many",
]


async def want(tx: AsyncConnection, key: WorkKey, now: datetime, delay: float = 0) -> None:
    """Want a piece of work, in the transaction of the change that calls for it; see want_many."""
    await want_many(tx, [key], now, delay)


async def want_many(tx: AsyncConnection, keys: Collection[WorkKey], now: datetime, delay: float = 0) -> None:
    """Want pieces of work, due ``delay`` seconds from now.

    A row that is due already keeps its earlier time: a stream of changes may be merged by ``delay``, but never put
    off for ever. One waiting to be retried, failed, expired or done starts anew with no attempts. One being worked on
    stays with its holder, and is due again afterwards.
    """
    rows = [
        {
            **_values(key),
            "wanted": 1,
            "done": 0,
            "state": WorkState.DUE.value,
            "attempts": 0,
            "first_wanted_at": now,
            "next_attempt_at": now + timedelta(seconds=delay),
            "lease_number": 0,
        }
        for key in sorted(set(keys))  # one order in every transaction prevents deadlocks between replicas
    ]
    if not rows:
        return
    statement, values = insert_many(tx, work, rows)
    new = statement.excluded
    is_due = work.c.state == WorkState.DUE.value
    # An outcome still owed to earlier wishes keeps their time; after a failed attempt the clock of giving up restarts,
    # since the new change is owed its own full time of retries.
    waiting = and_(is_due, work.c.attempts == 0)
    earlier = and_(is_due, work.c.next_attempt_at < new.next_attempt_at)
    statement = statement.on_conflict_do_update(
        index_elements=_KEY_COLUMNS,
        set_={
            "wanted": work.c.wanted + 1,
            "state": WorkState.DUE.value,
            "attempts": 0,
            "first_wanted_at": case((waiting, work.c.first_wanted_at), else_=new.first_wanted_at),
            "next_attempt_at": case((earlier, work.c.next_attempt_at), else_=new.next_attempt_at),
        },
    )
    await tx.execute(statement, values)


async def finish(tx: AsyncConnection, claim: Claim, now: datetime, status: int | None = None) -> bool:
    """The work is done. What was wanted since the claim is due at once.

    ``status`` is the HTTP status to show. Returns False, changing nothing, when the lease was lost to another holder.
    """
    return await _settle(
        tx,
        claim,
        now,
        {
            "done": claim.wanted,
            "done_at": now,
            "state": WorkState.DONE.value,
            "attempts": 0,
            "last_error": None,
            "last_status": status,
        },
    )


async def retry(
    tx: AsyncConnection, claim: Claim, now: datetime, *, at: datetime, error: str, status: int | None = None
) -> bool:
    """The attempt failed; try again ``at``, or at once where more was wanted since the claim. False as for finish."""
    outcome = {"next_attempt_at": at, "attempts": claim.attempts + 1, "last_error": error, "last_status": status}
    return await _settle(tx, claim, now, outcome)


async def fail(tx: AsyncConnection, claim: Claim, now: datetime, *, error: str, status: int | None = None) -> bool:
    """The partner refuses; a person has to look. What was wanted since the claim is still due. False as for finish."""
    return await _settle(tx, claim, now, _given_up(WorkState.FAILED, claim, error, status))


async def expire(tx: AsyncConnection, claim: Claim, now: datetime, *, error: str, status: int | None = None) -> bool:
    """The time of retries is over; a person has to look. What was wanted since is still due. False as for finish."""
    return await _settle(tx, claim, now, _given_up(WorkState.EXPIRED, claim, error, status))


async def renew(tx: AsyncConnection, claim: Claim, until: datetime) -> bool:
    """Hold on to a claim until ``until``; False when it was lost to another holder."""
    return bool((await tx.execute(update(work).where(_HELD).values(lease_until=until), _held(claim))).rowcount)


async def release(store: Store, owner: str) -> int:
    """Give back all claims of a process that stops, so that others take them at once; returns how many."""
    async with store.transaction() as tx:
        freed = update(work).where(work.c.lease_owner == owner).values(lease_owner=None, lease_until=None)
        return (await tx.execute(freed)).rowcount


async def claim(
    store: Store,
    kinds: Collection[WorkKind],
    owner: str,
    *,
    limit: int,
    now: datetime,
    lease_seconds: float,
    per_partner_limit: int,
) -> list[Claim]:
    """Claim up to ``limit`` rows that are due, the longest due first.

    ``owner`` names this process; ``per_partner_limit`` bounds the rows of one partner that are claimed at a time, by
    all processes together, so that a slow partner does not hold up the others (two processes that claim in the same
    moment may exceed it). Rows held by a transaction under way are passed over.
    """
    if limit < 1 or not await fetch(store, _ANY_DUE, {"kinds": _names(kinds), "now": now}):
        return []
    claims: list[Claim] = []
    until = now + timedelta(seconds=lease_seconds)
    async with store.transaction() as tx:
        in_work = {row[0]: row[1] for row in await tx.execute(_IN_WORK, {"now": now})}
        while len(claims) < limit:
            full = sorted(partner for partner, number in in_work.items() if number >= per_partner_limit)
            most = limit - len(claims)
            values = {"kinds": _names(kinds), "now": now, "full": full, "most": most}
            rows = (await tx.execute(_DUE, values)).mappings().all()
            chosen = []
            for row in rows:
                number = in_work.get(row["partner"], 0)
                if number < per_partner_limit:
                    in_work[row["partner"]] = number + 1
                    chosen.append(_claim(row, owner, until))
            if chosen:
                await tx.execute(_LEASE, [_leased(claimed) for claimed in chosen])
                claims += chosen
            # Fewer rows than asked for: nothing else is due. All chosen: enough. Otherwise a partner became full
            # among these rows, and the next look leaves it out.
            if len(rows) < most or len(chosen) == len(rows):
                break
    return claims


async def next_due(source: Readable, kinds: Collection[WorkKind]) -> datetime | None:
    """When the next row becomes claimable (the past, where one is already); None when nothing is due.

    A partner that is at its limit is not considered: after a claim that returns nothing, wait for work to end.
    """
    times = [row[0] for row in await fetch(source, _NEXT_FREE, {"kinds": _names(kinds)})]
    # The few rows in work come back when their lease ends, if their holder does not.
    times += [row[0] for row in await fetch(source, _NEXT_LEASE_END, {"kinds": _names(kinds)})]
    return min((time for time in times if time is not None), default=None)


async def get(source: Readable, key: WorkKey) -> WorkRow | None:
    """The row, or None."""
    rows = await fetch(source, _GET, _held_key(key))
    return _row(rows[0]._mapping) if rows else None


async def list_rows(
    source: Readable,
    *,
    kinds: Collection[WorkKind] | None = None,
    states: Collection[WorkState] | None = None,
    hei_id: str | None = None,
    partner: str | None = None,
    api: str | None = None,
    after: WorkKey | None = None,
    limit: int = 100,
) -> Sequence[WorkRow]:
    """Up to ``limit`` rows by key, from the one behind ``after`` on; each filter given must hold."""
    statement = select(work).order_by(*_KEY_COLUMNS).limit(limit)
    if kinds is not None:
        statement = statement.where(work.c.kind.in_(_names(kinds)))
    if states is not None:
        # As literals, so that SQLite sees that the partial indexes apply.
        statement = statement.where(or_(*(_is(state) for state in sorted(states))))
    for column, value in ((work.c.hei_id, hei_id), (work.c.partner, partner), (work.c.api, api)):
        if value is not None:
            statement = statement.where(column == value)
    if after is not None:
        key = (after.hei_id, after.partner, after.api, after.item, after.kind.value)
        statement = statement.where(tuple_(*_KEY_COLUMNS) > key)
    return [_row(row._mapping) for row in await fetch(source, statement)]


async def partners_since(source: Readable, kind: WorkKind, hei_id: str, api: str, moment: datetime) -> frozenset[str]:
    """The partners for whom such work is due, or was done or given up after ``moment``."""
    current = or_(_is(WorkState.DUE), work.c.last_at > moment)
    statement = select(work.c.partner).where(work.c.hei_id == hei_id, work.c.api == api, work.c.kind == kind.value)
    return frozenset(row[0] for row in await fetch(source, statement.where(current)))


async def counts(source: Readable) -> Mapping[tuple[WorkKind, WorkState], int]:
    """How many rows there are, by kind and state."""
    statement = select(work.c.kind, work.c.state, func.count()).group_by(work.c.kind, work.c.state)
    return {(WorkKind(row[0]), WorkState(row[1])): row[2] for row in await fetch(source, statement)}


def _given_up(state: WorkState, claim: Claim, error: str, status: int | None) -> dict[str, object]:
    return {"state": state.value, "attempts": claim.attempts + 1, "last_error": error, "last_status": status}


async def _settle(tx: AsyncConnection, claim: Claim, now: datetime, outcome: Mapping[str, object]) -> bool:
    """Write an attempt's outcome and end the lease.

    The outcome is about what was wanted at the claim. Where more was wanted since, the row starts anew instead.
    """
    told = {f"new_{name}": value for name, value in outcome.items()}
    values = {**_held(claim), **told, "now": now, "claimed": claim.wanted}
    return (await tx.execute(_settling(frozenset(outcome)), values)).rowcount == 1


@cache
def _settling(outcome: frozenset[str]) -> Update:
    """The statement for outcomes that say something of these columns."""
    newer = work.c.wanted > bindparam("claimed")
    now = bindparam("now", type_=work.c.last_at.type)
    anew: dict[str, ColumnElement[Any]] = {
        "state": literal(WorkState.DUE.value, work.c.state.type),
        "attempts": literal(0, work.c.attempts.type),
        "next_attempt_at": now,
        "first_wanted_at": now,
    }
    values: dict[str, object] = {"lease_owner": None, "lease_until": None, "last_at": now}
    for name in sorted(outcome | anew.keys()):
        column = work.c[name]
        told = bindparam(f"new_{name}", type_=column.type) if name in outcome else column
        values[name] = case((newer, anew[name]), else_=told) if name in anew else told
    return update(work).where(_HELD).values(values)


def _is(state: WorkState) -> ColumnElement[bool]:
    # A literal, not a parameter: only so can SQLite, and PostgreSQL's prepared plans, use the partial indexes.
    return work.c.state == literal_column(f"'{state.value}'")


def _names(kinds: Collection[WorkKind]) -> list[str]:
    return [kind.value for kind in kinds]


def _values(key: WorkKey) -> dict[str, object]:
    return {"kind": key.kind.value, "hei_id": key.hei_id, "partner": key.partner, "api": key.api, "item": key.item}


def _held_key(key: WorkKey) -> dict[str, object]:
    return {f"at_{name}": value for name, value in _values(key).items()}


def _held(claim: Claim) -> dict[str, object]:
    return {**_held_key(claim.key), "owner": claim.owner, "number": claim.number}


def _leased(claim: Claim) -> dict[str, object]:
    return {**_held(claim), "until": claim.lease_until}


def _key(row: RowMapping) -> WorkKey:
    return WorkKey(WorkKind(row["kind"]), row["hei_id"], row["partner"], row["api"], row["item"])


def _claim(row: RowMapping, owner: str, until: datetime) -> Claim:
    return Claim(
        key=_key(row),
        wanted=row["wanted"],
        attempts=row["attempts"],
        first_wanted_at=row["first_wanted_at"],
        owner=owner,
        number=row["lease_number"] + 1,
        lease_until=until,
        done_at=row["done_at"],
    )


def _row(row: RowMapping) -> WorkRow:
    return WorkRow(
        key=_key(row),
        wanted=row["wanted"],
        done=row["done"],
        state=WorkState(row["state"]),
        attempts=row["attempts"],
        first_wanted_at=row["first_wanted_at"],
        next_attempt_at=row["next_attempt_at"],
        lease_owner=row["lease_owner"],
        lease_until=row["lease_until"],
        last_error=row["last_error"],
        last_status=row["last_status"],
        last_at=row["last_at"],
        done_at=row["done_at"],
    )


_KEY_COLUMNS = (work.c.hei_id, work.c.partner, work.c.api, work.c.item, work.c.kind)
_AT_KEY = and_(*(column == bindparam(f"at_{column.name}") for column in _KEY_COLUMNS))
_HELD = and_(_AT_KEY, work.c.lease_owner == bindparam("owner"), work.c.lease_number == bindparam("number"))
_OF_KINDS = and_(_is(WorkState.DUE), work.c.kind.in_(bindparam("kinds", expanding=True)))
_CLAIMABLE = and_(
    _OF_KINDS,
    work.c.next_attempt_at <= bindparam("now"),
    or_(work.c.lease_until.is_(None), work.c.lease_until <= bindparam("now")),
)
_GET = select(work).where(_AT_KEY)
_ANY_DUE: Select[Any] = select(literal_column("1")).select_from(work).where(_CLAIMABLE).limit(1)
_IN_WORK = select(work.c.partner, func.count()).where(work.c.lease_until > bindparam("now")).group_by(work.c.partner)
_DUE = (
    select(work)
    .where(_CLAIMABLE, work.c.partner.not_in(bindparam("full", expanding=True)))
    .order_by(work.c.next_attempt_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_LEASE = (
    update(work)
    .where(_AT_KEY)
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"), lease_number=bindparam("number"))
)
_NEXT_FREE = (
    select(work.c.next_attempt_at)
    .where(_OF_KINDS, work.c.lease_until.is_(None))
    .order_by(work.c.next_attempt_at)
    .limit(1)
)
_NEXT_LEASE_END = select(func.min(work.c.lease_until)).where(_OF_KINDS, work.c.lease_until.is_not(None))
