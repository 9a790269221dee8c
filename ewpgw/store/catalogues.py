"""The last good catalogue of the registry, for starting while the registry is away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from ewpgw.store.dialects import insert
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import catalogue

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class StoredCatalogue:
    """The document as received, with its validators (``ETag`` and ``Last-Modified``, as sent).

    ``url`` is where it came from; ``fetched_at`` is when it was received, ``checked_at`` when the registry last said
    that it is current.
    """

    url: str
    body: bytes
    etag: str | None
    last_modified: str | None
    fetched_at: datetime
    checked_at: datetime


async def save(tx: AsyncConnection, new: StoredCatalogue) -> None:
    """Keep a catalogue in place of the former one."""
    values = {
        "url": new.url,
        "body": new.body,
        "etag": new.etag,
        "last_modified": new.last_modified,
        "fetched_at": new.fetched_at,
        "checked_at": new.checked_at,
    }
    await tx.execute(
        insert(tx, catalogue).values(id=1, **values).on_conflict_do_update(index_elements=["id"], set_=values)
    )


async def checked(tx: AsyncConnection, now: datetime) -> None:
    """Note that the registry said that the kept catalogue is current."""
    await tx.execute(update(catalogue).values(checked_at=now))


async def load(source: Readable) -> StoredCatalogue | None:
    """The kept catalogue; None before the first was received."""
    rows = await fetch(source, _LOAD)
    return StoredCatalogue(**rows[0]._mapping) if rows else None


_LOAD = select(
    catalogue.c.url,
    catalogue.c.body,
    catalogue.c.etag,
    catalogue.c.last_modified,
    catalogue.c.fetched_at,
    catalogue.c.checked_at,
)
