"""Where the two databases differ: INSERT … ON CONFLICT, waiting for each other, who looks after statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.types import TypeEngine


def insert(tx: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT into ``table`` with ``on_conflict_do_update`` and ``on_conflict_do_nothing`` for ``tx``'s database."""
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


def insert_many(
    tx: AsyncConnection, table: Table, rows: Sequence[Mapping[str, object]]
) -> tuple[postgresql.Insert | sqlite.Insert, Sequence[Mapping[str, object]] | Mapping[str, object]]:
    """An INSERT of rows with the same columns, to be extended as that of ``insert``, and what to execute it with.

    On PostgreSQL one statement takes them all, a column as an array: that costs both sides half as much as a round of
    parameters for each row.
    """
    if tx.dialect.name == "sqlite" or len(rows) < _ENOUGH_FOR_ARRAYS:
        return insert(tx, table), rows
    columns = list(rows[0])
    arrays = [bindparam(name, type_=postgresql.ARRAY(_item_type(table.c[name].type))) for name in columns]
    listed = func.unnest(*arrays).table_valued(*columns, name="listed").render_derived()
    statement = postgresql.insert(table).from_select(columns, select(*(listed.c[name] for name in columns)))
    return statement, {name: [row[name] for row in rows] for name in columns}


_ENOUGH_FOR_ARRAYS = 5


def _item_type(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    # an array's type knows no collation; the column has its own
    return Text() if isinstance(type_, Text) else type_


async def serialise(tx: AsyncConnection, name: str) -> None:
    """Wait until no other transaction holds ``name``, and hold it until this one ends. On SQLite each is alone anyway.

    Take it before the locks of rows that others take under it.
    """
    if tx.dialect.name != "sqlite":
        await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"ewpgw {name}", 0))))


_GROWN = "ewpgw.grown"


def note_growth(tx: AsyncConnection, rows: int) -> None:
    """Note that ``rows`` records were created in ``tx``, for take_growth."""
    tx.info[_GROWN] = int(tx.info.get(_GROWN, 0)) + rows


def take_growth(tx: AsyncConnection) -> int:
    """How many records were created through this connection since this was last asked."""
    return int(tx.info.pop(_GROWN, 0))
