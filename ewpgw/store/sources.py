"""What adapters remember: the things they imported, and how far they have read the feed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, bindparam, delete, select

from ewpgw.store.dialects import among, insert, insert_many
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import adapter_position, source_item

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection


class SourceItem(NamedTuple):
    """One thing an adapter imported. A tuple, since every reading of a source begins with all of them.

    ``key`` is the adapter's own name for it (a file, a row); ``entity`` and ``id`` name the record that came of it,
    None where it was refused before that could be read; ``digest`` tells whether it has changed since.
    """

    key: str
    entity: str | None
    id: str | None
    digest: str


async def items(source: Readable, hei_id: str, source_name: str) -> Mapping[str, SourceItem]:
    """All that an adapter has imported from one source, by key."""
    # There may be ten thousands of them: they are read in pages, and each entity's name is kept once.
    names: dict[str | None, str | None] = {}
    found: dict[str, SourceItem] = {}
    after = ""
    while rows := await fetch(
        source, _ITEMS, {"at_hei": hei_id, "at_source": source_name, "after": after, "most": _PAGE}
    ):
        for key, entity, id_, digest in rows:
            found[key] = SourceItem(key, names.setdefault(entity, entity), id_, digest)
        after = key
    return found


async def items_of(source: Readable, hei_id: str, source_name: str, keys: Collection[str]) -> Mapping[str, SourceItem]:
    """What an adapter has imported under some hundred keys at most, by key."""
    rows = await fetch(source, _ITEMS_OF, {"at_hei": hei_id, "at_source": source_name, "at_keys": list(keys)})
    return {key: SourceItem(key, entity, id_, digest) for key, entity, id_, digest in rows}


async def put_items(tx: AsyncConnection, hei_id: str, source_name: str, new: Sequence[SourceItem]) -> None:
    """Remember imported things, in place of what was remembered under their keys."""
    if not new:
        return
    rows = [
        {"hei_id": hei_id, "source": source_name, "key": i.key, "entity": i.entity, "id": i.id, "digest": i.digest}
        for i in new
    ]
    statement, parameters = insert_many(tx, source_item, rows)
    values = {name: statement.excluded[name] for name in ("entity", "id", "digest")}
    statement = statement.on_conflict_do_update(index_elements=["hei_id", "source", "key"], set_=values)
    await tx.execute(statement, parameters)


async def remove_items(tx: AsyncConnection, hei_id: str, source_name: str, keys: Collection[str]) -> None:
    """Forget imported things."""
    if keys:
        rows = [{"at_hei": hei_id, "at_source": source_name, "at_key": key} for key in keys]
        await tx.execute(_REMOVE, rows)


async def position(source: Readable, hei_id: str, adapter: str) -> int:
    """The feed position up to which an adapter has delivered; 0 at first."""
    rows = await fetch(source, _POSITION, {"at_hei": hei_id, "at_adapter": adapter})
    return int(rows[0][0]) if rows else 0


async def set_position(tx: AsyncConnection, hei_id: str, adapter: str, reached: int) -> None:
    """Note the feed position up to which an adapter has delivered."""
    statement = insert(tx, adapter_position).values(hei_id=hei_id, adapter=adapter, position=reached)
    await tx.execute(statement.on_conflict_do_update(index_elements=["hei_id", "adapter"], set_={"position": reached}))


_OF_SOURCE = and_(source_item.c.hei_id == bindparam("at_hei"), source_item.c.source == bindparam("at_source"))
_PAGE = 2500
_COLUMNS = select(source_item.c.key, source_item.c.entity, source_item.c.id, source_item.c.digest).where(_OF_SOURCE)
_ITEMS = _COLUMNS.where(source_item.c.key > bindparam("after")).order_by(source_item.c.key).limit(bindparam("most"))
_ITEMS_OF = _COLUMNS.where(among(source_item.c.key, "at_keys"))
_REMOVE = delete(source_item).where(_OF_SOURCE, source_item.c.key == bindparam("at_key"))
_POSITION = select(adapter_position.c.position).where(
    adapter_position.c.hei_id == bindparam("at_hei"), adapter_position.c.adapter == bindparam("at_adapter")
)
