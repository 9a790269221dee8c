"""Where the two databases differ: INSERT … ON CONFLICT, lists of values, waiting for each other, statistics."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Text, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import Boolean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine


def insert(tx: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT into ``table`` with ``on_conflict_do_update`` and ``on_conflict_do_nothing`` for ``tx``'s database."""
    return insert_by(tx.dialect.name, table)


def insert_by(dialect: str, table: Table) -> postgresql.Insert | sqlite.Insert:
    """The same by the dialect's name, for statements that are made once: making one takes longer than a small row."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def insert_many(
    tx: AsyncConnection, table: Table, rows: Sequence[Mapping[str, object]]
) -> tuple[postgresql.Insert | sqlite.Insert, Sequence[Mapping[str, object]] | Mapping[str, object]]:
    """An INSERT of different rows with the same columns, to be extended as that of ``insert``, and its parameters.

    On PostgreSQL one statement takes them all, a column as an array, or as one value where it is the same in all rows:
    that costs both sides far less than a round of parameters for each row.
    """
    if tx.dialect.name == "sqlite" or len(rows) < _ENOUGH_FOR_ARRAYS:
        return insert(tx, table), rows
    first = rows[0]
    columns = {name: [row[name] for row in rows] for name in first}
    differing = tuple(name for name, values in columns.items() if values.count(first[name]) < len(rows))
    parameters = {name: values if name in differing else first[name] for name, values in columns.items()}
    return _from_arrays(table, tuple(first), differing), parameters


_ENOUGH_FOR_ARRAYS = 5


@lru_cache(maxsize=200)
def _from_arrays(table: Table, columns: tuple[str, ...], differing: tuple[str, ...]) -> postgresql.Insert:
    types = {name: _item_type(table.c[name].type) for name in columns}
    arrays = [bindparam(name, type_=postgresql.ARRAY(types[name])) for name in differing]
    listed = func.unnest(*arrays).table_valued(*differing, name="listed").render_derived()
    chosen = [listed.c[name] if name in differing else bindparam(name, type_=types[name]) for name in columns]
    return postgresql.insert(table).from_select(columns, select(*chosen).select_from(listed))


def _item_type(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    # an array's type knows no collation; the column has its own
    return Text() if isinstance(type_, Text) else type_


def among(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Whether a text column has one of the values that are given, as a list, for the parameter ``name``.

    On PostgreSQL the list is one array: to write out and plan a few hundred parameters takes longer than to find rows.
    It is joined as a table, since a plan for any array may compare every row with every value.
    """
    return _Among(column, name)


class _Among(ColumnElement[bool]):
    inherit_cache = True
    type = Boolean()
    _traverse_internals = [  # noqa: RUF012  (SQLAlchemy's way to declare what an element consists of)
        ("in_array", InternalTraversal.dp_clauseelement),
        ("in_list", InternalTraversal.dp_clauseelement),
    ]

    def __init__(self, column: ColumnElement[str], name: str) -> None:
        self.in_array = column.in_(select(func.unnest(bindparam(name, type_=postgresql.ARRAY(Text())))))
        self.in_list = column.in_(bindparam(name, expanding=True))

    def self_group(self, against: object = None) -> _Among:
        return self  # a comparison as it stands; SQLite would not use an index for one that is compared with 1


@compiles(_Among)
def _compile_list(among: _Among, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(among.in_list, **options)


@compiles(_Among, "postgresql")
def _compile_array(among: _Among, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(among.in_array, **options)


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
