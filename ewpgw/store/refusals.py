"""Refused versions of records of ours, kept until a good version arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, func, select, tuple_

from ewpgw.store.dialects import insert
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Refusal:
    """The newest version of something that was refused.

    ``key`` is the record's identifier, or its source where none could be read; ``document`` is the JSON or raw text as
    it came; ``problems`` is JSON text, the reasons; ``at`` is when it was refused.
    """

    hei_id: str
    entity: str
    key: str
    document: str
    problems: str
    source: str
    at: datetime


async def put(tx: AsyncConnection, refused: Refusal) -> bool:
    """Keep a refusal in place of an earlier one of the same key; False where the very same is kept already."""
    values = {
        "document": refused.document,
        "problems": refused.problems,
        "source": refused.source,
        "at": refused.at,
    }
    statement = insert(tx, refusal).values(hei_id=refused.hei_id, entity=refused.entity, key=refused.key, **values)
    new = statement.excluded
    result = await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["hei_id", "entity", "key"],
            set_=values,
            where=(refusal.c.document != new.document)
            | (refusal.c.problems != new.problems)
            | (refusal.c.source != new.source),
        )
    )
    return result.rowcount == 1


async def remove(tx: AsyncConnection, hei_id: str, entity: str, key: str) -> bool:
    """Forget a refusal; False where there is none."""
    result = await tx.execute(_REMOVE, {"at_hei": hei_id, "at_entity": entity, "at_key": key})
    return result.rowcount == 1


async def get(source: Readable, hei_id: str, entity: str, key: str) -> Refusal | None:
    """The refusal of this key, or None."""
    rows = await fetch(source, _GET, {"at_hei": hei_id, "at_entity": entity, "at_key": key})
    return Refusal(**rows[0]._mapping) if rows else None


async def list_page(
    source: Readable,
    hei_id: str,
    entity: str | None = None,
    *,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> Sequence[Refusal]:
    """Up to ``limit`` refusals of a HEI by (entity, key), from the one behind ``after`` on."""
    statement = select(refusal).where(refusal.c.hei_id == hei_id).order_by(refusal.c.entity, refusal.c.key).limit(limit)
    if entity is not None:
        statement = statement.where(refusal.c.entity == entity)
    if after is not None:
        statement = statement.where(tuple_(refusal.c.entity, refusal.c.key) > after)
    return [Refusal(**row._mapping) for row in await fetch(source, statement)]


async def count(source: Readable, hei_id: str) -> int:
    """How many refusals a HEI has."""
    rows = await fetch(source, select(func.count()).where(refusal.c.hei_id == hei_id))
    return int(rows[0][0])


_KEY = and_(
    refusal.c.hei_id == bindparam("at_hei"),
    refusal.c.entity == bindparam("at_entity"),
    refusal.c.key == bindparam("at_key"),
)
_GET = select(refusal).where(_KEY)
_REMOVE = delete(refusal).where(_KEY)
