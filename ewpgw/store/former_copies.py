"""Versions of our copies of agreements that were replaced; a partner may have approved one before it heard of that."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from ewpgw.store.dialects import insert
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import iia_former

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

MOST = 10
"""How many versions of one agreement are kept, the newest. An approval of an older one was given for a version that
was replaced so many times meanwhile that its giver cannot have looked."""


@dataclass(frozen=True, slots=True)
class FormerCopy:
    """A version of our copy as it was served until ``at``; ``document`` is its JSON text."""

    our_id: str
    iia_hash: str
    at: datetime
    body: bytes
    document: str


async def keep(tx: AsyncConnection, hei_id: str, former: FormerCopy) -> None:
    """Keep a version that is replaced now, and of the older ones the newest."""
    content = asdict(former)
    statement = insert(tx, iia_former).values(hei_id=hei_id, **content)
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["hei_id", "our_id", "iia_hash"], set_={"at": former.at})
    )
    old = [row.iia_hash for row in await fetch(tx, _NEWEST_FIRST, {"hei": hei_id, "id": former.our_id})][MOST:]
    if old:
        await tx.execute(_REMOVE_SOME, {"at_hei": hei_id, "at_id": former.our_id, "hashes": old})


async def get(source: Readable, hei_id: str, our_id: str, iia_hash: str) -> FormerCopy | None:
    """The version with this hash, where it is still kept."""
    rows = await fetch(source, _GET, {"hei": hei_id, "id": our_id, "hash": iia_hash})
    return FormerCopy(**rows[0]._mapping) if rows else None


async def remove_all(tx: AsyncConnection, hei_id: str, our_id: str) -> None:
    """Forget the former versions of an agreement."""
    await tx.execute(_REMOVE, {"at_hei": hei_id, "at_id": our_id})


_columns = iia_former.c
_OF_AGREEMENT = (_columns.hei_id == bindparam("hei")) & (_columns.our_id == bindparam("id"))
_AT = (_columns.hei_id == bindparam("at_hei")) & (_columns.our_id == bindparam("at_id"))
_GET = select(*(_columns[name] for name in FormerCopy.__dataclass_fields__)).where(
    _OF_AGREEMENT, _columns.iia_hash == bindparam("hash")
)
_NEWEST_FIRST = select(_columns.iia_hash).where(_OF_AGREEMENT).order_by(_columns.at.desc(), _columns.iia_hash)
_REMOVE = delete(iia_former).where(_AT)
_REMOVE_SOME = _REMOVE.where(_columns.iia_hash.in_(bindparam("hashes", expanding=True)))
