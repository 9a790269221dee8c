"""Deletions that wait for a person: what vanished from an adapter's source all at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, select, update

from ewpgw.store.dialects import insert
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import held_deletion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection


_DONE = "confirmed:"
"""What stands before the source in the row that says when a person's word was last carried out."""


@dataclass(frozen=True, slots=True)
class HeldKey:
    """Whose deletions: an institution, one of its sources, an entity."""

    hei_id: str
    source: str
    entity: str


@dataclass(frozen=True, slots=True)
class HeldDeletion:
    """Records that would have been deleted.

    ``set`` names exactly these ``ids``; ``total`` is how many records of the entity the source had brought.
    """

    key: HeldKey
    set: str
    ids: tuple[str, ...]
    total: int
    held_at: datetime
    confirmed_at: datetime | None
    confirmed_by: str | None


async def put(tx: AsyncConnection, held: HeldDeletion) -> None:
    """Hold a set of records, in place of what was held for its key."""
    values = {
        "set": held.set,
        "ids": json.dumps(held.ids),
        "total": held.total,
        "held_at": held.held_at,
        "confirmed_at": held.confirmed_at,
        "confirmed_by": held.confirmed_by,
    }
    key = held.key
    statement = insert(tx, held_deletion).values(hei_id=key.hei_id, source=key.source, entity=key.entity, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=["hei_id", "source", "entity"], set_=values))


async def get(source: Readable, key: HeldKey) -> HeldDeletion | None:
    """What is held for a key."""
    rows = await fetch(source, _ONE, _of(key))
    return _held(rows[0]) if rows else None


async def list_all(source: Readable, hei_id: str) -> Sequence[HeldDeletion]:
    """All that is held for an institution; a row for each source and entity at most."""
    return [_held(row) for row in await fetch(source, _ALL, {"at_hei": hei_id})]


async def confirm(tx: AsyncConnection, hei_id: str, name: str, by: str, now: datetime) -> HeldDeletion | None:
    """Confirm a set of an institution by its name; None where no such set is held. Repeating it changes nothing."""
    if not name:  # so are the rows of what is done
        return None
    at_set = (held_deletion.c.hei_id == hei_id, held_deletion.c.set == name)
    await tx.execute(
        update(held_deletion)
        .where(*at_set, held_deletion.c.confirmed_at.is_(None))
        .values(confirmed_at=now, confirmed_by=by)
    )
    rows = (await tx.execute(select(held_deletion).where(*at_set))).all()
    return _held(rows[0]) if rows else None


async def remove(tx: AsyncConnection, key: HeldKey) -> None:
    """Hold nothing for a key any more."""
    await tx.execute(_REMOVE, _of(key))


async def settle(tx: AsyncConnection, key: HeldKey, now: datetime) -> None:
    """Hold nothing for a key any more: what was confirmed is done. When that was is remembered."""
    await remove(tx, key)
    await put(tx, HeldDeletion(_done(key), "", (), 0, now, now, None))


async def settled_at(source: Readable, key: HeldKey) -> datetime | None:
    """When what was confirmed for a key was last done; None where nothing ever was."""
    done = await get(source, _done(key))
    return done.confirmed_at if done is not None else None


def _done(key: HeldKey) -> HeldKey:
    return replace(key, source=f"{_DONE}{key.source}")


def _of(key: HeldKey) -> dict[str, object]:
    return {"at_hei": key.hei_id, "at_source": key.source, "at_entity": key.entity}


def _held(row: Row[tuple[object, ...]]) -> HeldDeletion:
    return HeldDeletion(
        HeldKey(row.hei_id, row.source, row.entity),
        row.set,
        tuple(json.loads(row.ids)),
        row.total,
        row.held_at,
        row.confirmed_at,
        row.confirmed_by,
    )


_AT = and_(
    held_deletion.c.hei_id == bindparam("at_hei"),
    held_deletion.c.source == bindparam("at_source"),
    held_deletion.c.entity == bindparam("at_entity"),
)
_ONE = select(held_deletion).where(_AT)
_ALL = (
    select(held_deletion)
    .where(held_deletion.c.hei_id == bindparam("at_hei"), held_deletion.c.set != "")
    .order_by(held_deletion.c.source, held_deletion.c.entity)
)
_REMOVE = delete(held_deletion).where(_AT)
