"""Writes that the SIS made under a key of its own, so that a repetition is answered instead of done again.

A request claims its key before it does anything, for the time of a lease: whoever died in between left a claim that
ends. The answer is kept in the transaction that holds the effect, or right after it, until the key expires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import ColumnElement, and_, bindparam, delete, select, update

from ewpgw.store.dialects import insert
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import idempotency

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Use:
    """One attempt at a request under a key.

    ``token`` names whose key it is; ``method`` and ``path`` are for people; ``fingerprint`` stands for the whole
    request; ``owner`` is unique to the attempt.
    """

    token: str
    key: str
    method: str
    path: str
    fingerprint: str
    owner: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer that was given; ``headers`` is JSON text."""

    fingerprint: str
    status: int
    headers: str
    body: bytes


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Another attempt at the same request has the key, until this moment at the latest."""

    until: datetime


@dataclass(frozen=True, slots=True)
class OtherRequest:
    """The key was used for something else."""

    method: str
    path: str


Found: TypeAlias = Kept | UnderWay | OtherRequest


async def claim(
    tx: AsyncConnection, use: Use, now: datetime, lease_until: datetime, *, again: bool = False
) -> Found | None:
    """Claim the key for this attempt: None, or what stands against it.

    Of two attempts at once, on whichever replica, one gets None. Keys that expired, and claims whose lease ended
    without an answer, are taken over. ``again``: an answer does not stand against it.
    """
    fresh = _values(use, lease_until)
    row = None
    while row is None:
        if (await tx.execute(insert(tx, idempotency).values(part=0, **fresh).on_conflict_do_nothing())).rowcount == 1:
            return None
        # None where whoever had the key has just freed it.
        row = (await tx.execute(_LOCK, _at(use))).one_or_none()
    if row.expires_at > now:
        if row.fingerprint != use.fingerprint:
            return OtherRequest(row.method, row.path)
        if row.status is None and row.lease_until > now:
            return UnderWay(row.lease_until)
        if row.status is not None and not again:
            return Kept(row.fingerprint, row.status, row.headers, row.body)
    else:
        await tx.execute(delete(idempotency).where(_OF_KEY, idempotency.c.part > 0), _at(use))
    cleared = {"status": None, "headers": None, "body": None}
    await tx.execute(update(idempotency).where(_OF_KEY, idempotency.c.part == 0).values(**fresh, **cleared), _at(use))
    return None


async def keep(tx: AsyncConnection, use: Use, status: int, headers: str, body: bytes) -> bool:
    """Keep the answer; False, and nothing is kept, where this attempt has the key no more."""
    answered = {"status": status, "headers": headers, "body": body}
    return (await tx.execute(update(idempotency).where(_owned(use)).values(answered), _at(use))).rowcount == 1


async def extend(tx: AsyncConnection, use: Use, lease_until: datetime) -> bool:
    """Make the claim last longer; False where this attempt has the key no more."""
    statement = update(idempotency).where(_owned(use)).values(lease_until=lease_until)
    return (await tx.execute(statement, _at(use))).rowcount == 1


async def release(tx: AsyncConnection, use: Use) -> None:
    """Free the key, unless an answer is kept."""
    await tx.execute(delete(idempotency).where(_owned(use)), _at(use))


async def keep_part(tx: AsyncConnection, use: Use, part: int, fingerprint: str, body: bytes) -> None:
    """Keep the answer to one piece of a streamed request."""
    values = _values(use, use.expires_at) | {"fingerprint": fingerprint, "status": 200, "headers": "{}", "body": body}
    await tx.execute(insert(tx, idempotency).values(part=part, **values))


async def part(source: Readable, use: Use, number: int) -> Kept | None:
    """The answer to one piece of a streamed request, None where it was not done yet."""
    rows = await fetch(source, _PART, {"token": use.token, "name": use.key, "number": number})
    return Kept(rows[0].fingerprint, rows[0].status, rows[0].headers, rows[0].body) if rows else None


async def purge(tx: AsyncConnection, now: datetime) -> int:
    """Forget the keys that expired before ``now``; returns how many rows that were."""
    return (await tx.execute(delete(idempotency).where(idempotency.c.expires_at < now))).rowcount


def _values(use: Use, lease_until: datetime) -> dict[str, object]:
    return {
        "token": use.token,
        "key": use.key,
        "method": use.method,
        "path": use.path,
        "fingerprint": use.fingerprint,
        "owner": use.owner,
        "lease_until": lease_until,
        "expires_at": use.expires_at,
    }


def _at(use: Use) -> Mapping[str, object]:
    return {"of_token": use.token, "of_key": use.key}


def _owned(use: Use) -> ColumnElement[bool]:
    """This attempt's own claim, as long as there is no answer."""
    return and_(_OF_KEY, idempotency.c.part == 0, idempotency.c.owner == use.owner, idempotency.c.status.is_(None))


_OF_KEY = and_(idempotency.c.token == bindparam("of_token"), idempotency.c.key == bindparam("of_key"))
_LOCK = select(idempotency).where(_OF_KEY, idempotency.c.part == 0).with_for_update()
_PART = select(idempotency).where(
    idempotency.c.token == bindparam("token"),
    idempotency.c.key == bindparam("name"),
    idempotency.c.part == bindparam("number"),
)
