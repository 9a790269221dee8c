"""When partners learnt of nominations and learning agreements of ours, and the exchanges that prove it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, case, func, or_, select

from ewpgw.store.dialects import insert_by
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import mobility_delivery

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Column, Select
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql.dml import ReturningInsert

    from ewpgw.model.new_record import RecordKey


@dataclass(frozen=True, slots=True)
class Delivered:
    """When the partner learnt of a thing as it was at ``number``, and the exchanges that prove it."""

    number: int
    notified_at: datetime | None
    notified_exchange_id: str | None
    fetched_at: datetime | None
    fetched_exchange_id: str | None


async def note_notified(tx: AsyncConnection, key: RecordKey, number: int, at: datetime, exchange_id: str) -> bool:
    """The partner took the notification of a thing as it is at ``number``; False where that was known."""
    values = {"number": number, "notified_at": at, "notified_exchange_id": exchange_id}
    return await _note(tx, key, "notified_at", values)


async def note_fetched(tx: AsyncConnection, key: RecordKey, number: int, at: datetime, exchange_id: str) -> bool:
    """The partner fetched a thing as it is at ``number``; False where that was known."""
    values = {"number": number, "fetched_at": at, "fetched_exchange_id": exchange_id}
    return await _note(tx, key, "fetched_at", values)


async def get_many(source: Readable, hei_id: str, entity: str, ids: Collection[str]) -> Mapping[str, Delivered]:
    """When partners learnt of these things of one entity, as far as they did, by identifier."""
    if not ids:
        return {}
    rows = await fetch(source, _GET, {"hei": hei_id, "entity": entity, "ids": list(ids)})
    return {
        row.omobility_id: Delivered(
            row.number, row.notified_at, row.notified_exchange_id, row.fetched_at, row.fetched_exchange_id
        )
        for row in rows
    }


def fetched(entity: str, number: Column[int]) -> Select[tuple[int]]:
    """One row where the partner has fetched a thing as it is at ``number``, a column of the thing's own table.

    Which thing that is, is for the caller to add. One quick read spares a transaction most of its questions.
    """
    thing, delivery = number.table.c, mobility_delivery.c
    return select(delivery.number).where(
        delivery.hei_id == thing.hei_id,
        delivery.entity == entity,
        delivery.omobility_id == thing.omobility_id,
        delivery.number >= number,
        delivery.fetched_at.is_not(None),
    )


async def _note(tx: AsyncConnection, key: RecordKey, column: str, values: Mapping[str, object]) -> bool:
    at = {"hei_id": key.hei_id, "entity": key.entity, "omobility_id": key.id}
    return bool((await tx.execute(_noting(tx.dialect.name, column), {**at, **values})).all())


@cache
def _noting(dialect: str, column: str) -> ReturningInsert[int]:
    """Keeps what is said of a later number than before, or, of what ``column`` says, first said of the same."""
    columns = mobility_delivery.c
    given = ("number", column, _EXCHANGES[column])
    statement = insert_by(dialect, mobility_delivery).values({name: bindparam(name) for name in (*_KEY, *given)})
    later = columns.number < statement.excluded.number
    changed: dict[str, object] = {"number": statement.excluded.number}
    for name in _MOMENTS:
        changed[name] = case(
            (later, statement.excluded[name]), else_=func.coalesce(columns[name], statement.excluded[name])
        )
    first = or_(later, and_(columns.number == statement.excluded.number, columns[column].is_(None)))
    return statement.on_conflict_do_update(index_elements=_KEY, set_=changed, where=first).returning(columns.number)


_EXCHANGES = {"notified_at": "notified_exchange_id", "fetched_at": "fetched_exchange_id"}
_KEY = [column.name for column in mobility_delivery.columns if column.primary_key]
_MOMENTS = tuple(name for name in mobility_delivery.c.keys() if name not in (*_KEY, "number"))  # noqa: SIM118
_GET = select(mobility_delivery).where(
    mobility_delivery.c.hei_id == bindparam("hei"),
    mobility_delivery.c.entity == bindparam("entity"),
    mobility_delivery.c.omobility_id.in_(bindparam("ids", expanding=True)),
)
