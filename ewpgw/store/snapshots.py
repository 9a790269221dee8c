"""Snapshots of agreements: the versions that both sides approved, and drafts, which nobody has seen yet."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select, update

from ewpgw.store.dialects import insert
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import iia_draft, iia_snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class SnapshotSummary:
    """A version that both sides approved, without the documents.

    ``number`` counts from 1 within an agreement. ``given_at`` is when we approved the partner's copy, ``received_at``
    when we learnt that the partner had approved ours; the exchanges are those in which the partner's copy came, in
    which the partner fetched our approval (None until it has), and in which the partner's approval came.
    """

    hei_id: str
    our_id: str
    number: int
    at: datetime
    partner: str
    their_id: str
    our_hash: str
    their_hash: str
    terminated: bool
    given_at: datetime
    given_by: str | None
    given_exchange_id: str | None
    published_exchange_id: str | None
    received_at: datetime
    received_exchange_id: str | None


@dataclass(frozen=True, slots=True)
class Snapshot(SnapshotSummary):
    """The whole of it: both copies as they were served, decoded too, and the partner's answer that approves ours."""

    our_body: bytes
    their_body: bytes
    our_document: str
    their_document: str
    received_body: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """An agreement, or a change of one, that is being written. ``document`` is JSON text, checked when proposed."""

    iia_id: str
    document: str
    modified_at: datetime
    source: str


async def add(tx: AsyncConnection, snapshot: Snapshot) -> None:
    """Keep a snapshot under its number."""
    await tx.execute(insert(tx, iia_snapshot).values(asdict(snapshot)))


async def last(source: Readable, hei_id: str, our_id: str) -> Snapshot | None:
    """The newest snapshot of an agreement."""
    rows = await fetch(source, _LAST, {"hei": hei_id, "id": our_id})
    return Snapshot(**rows[0]._mapping) if rows else None


async def get(source: Readable, hei_id: str, our_id: str, number: int) -> Snapshot | None:
    """One snapshot."""
    rows = await fetch(source, _GET, {"hei": hei_id, "id": our_id, "number": number})
    return Snapshot(**rows[0]._mapping) if rows else None


async def list_all(source: Readable, hei_id: str, our_id: str) -> Sequence[SnapshotSummary]:
    """The snapshots of an agreement, the newest first."""
    rows = await fetch(source, _LIST, {"hei": hei_id, "id": our_id})
    return [SnapshotSummary(**row._mapping) for row in rows]


async def next_number(source: Readable, hei_id: str, our_id: str) -> int:
    """The number of the next snapshot of an agreement."""
    rows = await fetch(source, _LAST_NUMBER, {"hei": hei_id, "id": our_id})
    return int(rows[0][0] or 0) + 1


async def last_hashes(source: Readable, hei_id: str, our_ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
    """Our hash and the partner's of the newest snapshot of each of these agreements that has one."""
    rows = await fetch(source, _HASHES, {"hei": hei_id, "ids": list(our_ids)}) if our_ids else []
    return {row.our_id: (row.our_hash, row.their_hash) for row in rows}


async def draft(source: Readable, hei_id: str, iia_id: str) -> Draft | None:
    """The draft of an agreement."""
    rows = await fetch(source, _DRAFT, {"hei": hei_id, "ids": [iia_id]})
    return Draft(**rows[0]._mapping) if rows else None


async def drafted(source: Readable, hei_id: str, iia_ids: Collection[str]) -> frozenset[str]:
    """Those of the agreements of which there is a draft."""
    rows = await fetch(source, _DRAFT, {"hei": hei_id, "ids": list(iia_ids)}) if iia_ids else []
    return frozenset(row.iia_id for row in rows)


async def note_published(
    tx: AsyncConnection, hei_id: str, partner: str, their_id: str, their_hash: str, exchange_id: str
) -> None:
    """Remember the exchange in which the partner fetched our approval of its copy, where there is none yet."""
    values = {"hei": hei_id, "of": partner, "id": their_id, "hash": their_hash, "new": exchange_id}
    await tx.execute(_NOTE_PUBLISHED, values)


async def put_draft(tx: AsyncConnection, hei_id: str, new: Draft) -> None:
    """Keep a draft, in place of the former one."""
    content = {"document": new.document, "modified_at": new.modified_at, "source": new.source}
    statement = insert(tx, iia_draft).values(hei_id=hei_id, iia_id=new.iia_id, **content)
    await tx.execute(statement.on_conflict_do_update(index_elements=["hei_id", "iia_id"], set_=content))


async def remove_draft(tx: AsyncConnection, hei_id: str, iia_id: str) -> bool:
    """Remove a draft; False where there is none."""
    return bool((await tx.execute(_REMOVE_DRAFT, {"at_hei": hei_id, "at_id": iia_id})).rowcount)


_columns = iia_snapshot.c
_OF_AGREEMENT = (_columns.hei_id == bindparam("hei")) & (_columns.our_id == bindparam("id"))
_ALL = [_columns[field.name] for field in fields(Snapshot)]
_LAST = select(*_ALL).where(_OF_AGREEMENT).order_by(_columns.number.desc()).limit(1)
_GET = select(*_ALL).where(_OF_AGREEMENT, _columns.number == bindparam("number"))
_LIST = (
    select(*(_columns[field.name] for field in fields(SnapshotSummary)))
    .where(_OF_AGREEMENT)
    .order_by(_columns.number.desc())
)
_LAST_NUMBER = select(func.max(_columns.number)).where(_OF_AGREEMENT)
_newest = (
    select(_columns.our_id, func.max(_columns.number).label("number"))
    .where(_columns.hei_id == bindparam("hei"), _columns.our_id.in_(bindparam("ids", expanding=True)))
    .group_by(_columns.our_id)
    .subquery()
)
_HASHES = (
    select(_columns.our_id, _columns.our_hash, _columns.their_hash)
    .join(_newest, (_newest.c.our_id == _columns.our_id) & (_newest.c.number == _columns.number))
    .where(_columns.hei_id == bindparam("hei"))
)
_NOTE_PUBLISHED = (
    update(iia_snapshot)
    .where(
        _columns.hei_id == bindparam("hei"),
        _columns.partner == bindparam("of"),
        _columns.their_id == bindparam("id"),
        _columns.their_hash == bindparam("hash"),
        _columns.published_exchange_id.is_(None),
    )
    .values(published_exchange_id=bindparam("new"))
)
_drafts = iia_draft.c
_DRAFT = select(_drafts.iia_id, _drafts.document, _drafts.modified_at, _drafts.source).where(
    _drafts.hei_id == bindparam("hei"), _drafts.iia_id.in_(bindparam("ids", expanding=True))
)
_REMOVE_DRAFT = delete(iia_draft).where(_drafts.hei_id == bindparam("at_hei"), _drafts.iia_id == bindparam("at_id"))
