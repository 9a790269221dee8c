"""Where the two databases differ: INSERT … ON CONFLICT, and who looks after statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection


def insert(tx: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT into ``table`` with ``on_conflict_do_update`` and ``on_conflict_do_nothing`` for ``tx``'s database."""
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


_GROWN = "ewpgw.grown"


def note_growth(tx: AsyncConnection, rows: int) -> None:
    """Note that ``rows`` records were created in ``tx``, for take_growth."""
    tx.info[_GROWN] = int(tx.info.get(_GROWN, 0)) + rows


def take_growth(tx: AsyncConnection, enough: int) -> bool:
    """Whether ``enough`` records were created through this connection since this was last True."""
    if int(tx.info.get(_GROWN, 0)) < enough:
        return False
    del tx.info[_GROWN]
    return True
