"""Where transcripts of ours stand, and the versions of transcripts, ours and those of partners."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, bindparam, false, func, select, true, update

from ewpgw.store.dialects import insert, insert_many
from ewpgw.store.engine import AnyRow, Readable, Store, fetch
from ewpgw.store.tables import transcript, transcript_delivery, transcript_version

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

ENTITY = "imobility-tors"


class Ended(StrEnum):
    """Why a version is no longer served: another came, it was taken back, or the record was deleted."""

    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class IssuedTranscript:
    """A transcript of ours.

    - ``id``: that of its record, the partner and the partner's identifier of the stay
    - ``year``: the receiving academic year
    - ``ready``: whether the partner may see it; ``number``: the version that it sees, or saw last; 0 where none
    - ``given``: digest of what was handed in last
    """

    id: str
    partner: str
    omobility_id: str
    year: str
    ready: bool
    deleted: bool
    number: int
    given: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class VersionKey:
    """What names the versions of a transcript. ``ours``: of ours for the partner, or the partner's for us."""

    hei_id: str
    ours: bool
    partner: str
    omobility_id: str


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """A version without its document. ``exchange_id``: in which a partner's came. ``ended`` is None for what holds."""

    key: VersionKey
    number: int
    at: datetime
    content_hash: str
    exchange_id: str | None = None
    ended_at: datetime | None = None
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """When the partner learnt of a version of a transcript of ours, and the exchanges that prove it."""

    notified_at: datetime | None
    notified_exchange_id: str | None
    fetched_at: datetime | None
    fetched_exchange_id: str | None


async def get(source: Readable, hei_id: str, id: str) -> IssuedTranscript | None:  # noqa: A002  (the record's name)
    """A transcript of ours, also when it is deleted; None where there never was one."""
    return (await get_many(source, hei_id, [id])).get(id)


async def get_many(source: Readable, hei_id: str, ids: Collection[str]) -> Mapping[str, IssuedTranscript]:
    """These transcripts, as far as there are any, by the ids of their records."""
    if not ids:
        return {}
    rows = await fetch(source, _GET, {"hei": hei_id, "ids": list(ids)})
    return {row.id: _issued(row) for row in rows}


async def list_page(
    source: Readable,
    hei_id: str,
    *,
    partner: str | None = None,
    ready: bool | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Sequence[IssuedTranscript]:
    """Up to ``limit`` transcripts that are not deleted, by the ids of their records, from the one behind ``after``."""
    columns = transcript.c
    statement = select(transcript).where(columns.hei_id == hei_id, columns.deleted.is_(False))
    if partner is not None:
        statement = statement.where(columns.partner == partner)
    if ready is not None:
        statement = statement.where(columns.ready.is_(ready))
    if after is not None:
        statement = statement.where(columns.id > after)
    return [_issued(row) for row in await fetch(source, statement.order_by(columns.id).limit(limit))]


async def put_many(tx: AsyncConnection, hei_id: str, issued: Sequence[IssuedTranscript]) -> None:
    """Keep where these transcripts stand, in place of where they stood."""
    if not issued:
        return
    rows = [{"hei_id": hei_id, **{name: getattr(one, name) for name in _FIELDS}} for one in issued]
    statement, values = insert_many(tx, transcript, rows)
    changed = {name: statement.excluded[name] for name in _FIELDS if name != "id"}
    await tx.execute(statement.on_conflict_do_update(index_elements=["hei_id", "id"], set_=changed), values)


async def by_year(source: Readable, hei_id: str) -> Mapping[str, int]:
    """How many transcripts partners may see, by receiving academic year, in order."""
    return {row[0]: row[1] for row in await fetch(source, _BY_YEAR, {"hei": hei_id})}


async def versions(source: Readable, key: VersionKey) -> Sequence[VersionSummary]:
    """The versions of a transcript, the newest first."""
    rows = await fetch(source, _VERSIONS, _located(key))
    return [
        VersionSummary(
            key,
            row.number,
            row.at,
            row.content_hash,
            row.exchange_id,
            row.ended_at,
            None if row.ended is None else Ended(row.ended),
        )
        for row in rows
    ]


async def body(source: Readable, key: VersionKey, number: int) -> bytes | None:
    """The document of one version, as it was served or came."""
    rows = await fetch(source, _BODY, {**_located(key), "at_number": number})
    return bytes(rows[0].body) if rows else None


async def add_version(tx: AsyncConnection, new: VersionSummary, document: bytes) -> None:
    """Keep a version under its number."""
    key = new.key
    values = {"hei_id": key.hei_id, "ours": key.ours, "partner": key.partner, "omobility_id": key.omobility_id}
    content = {"number": new.number, "at": new.at, "content_hash": new.content_hash, "exchange_id": new.exchange_id}
    await tx.execute(insert(tx, transcript_version).values({**values, **content, "body": document}))


async def end_version(tx: AsyncConnection, key: VersionKey, number: int, how: Ended, now: datetime) -> None:
    """Keep that a version no longer holds, unless that is known."""
    await tx.execute(_END, {**_located(key), "at_number": number, "how": how.value, "now": now})


async def note_notified(tx: AsyncConnection, key: VersionKey, number: int, at: datetime, exchange_id: str) -> bool:
    """The partner took the notification of a version; False where that was known."""
    return await _note(tx, key, number, "notified", at, exchange_id)


async def note_fetched(tx: AsyncConnection, key: VersionKey, number: int, at: datetime, exchange_id: str) -> bool:
    """The partner fetched a version; False where that was known."""
    return await _note(tx, key, number, "fetched", at, exchange_id)


async def unfetched(store: Store, hei_id: str, record_ids: Collection[str]) -> dict[str, int]:
    """The versions of those of these transcripts that the partner is not known to have fetched as they are now.

    By the ids of the records; only of those that partners see.
    """
    found = {}
    for record_id in record_ids:
        for (number,) in await store.fetch_plain(_UNFETCHED, {"hei": hei_id, "id": record_id}):
            found[record_id] = int(number)
    return found


async def deliveries(source: Readable, key: VersionKey) -> Mapping[int, Delivered]:
    """When the partner learnt of the versions of a transcript of ours, as far as it did, by number."""
    rows = await fetch(source, _DELIVERIES, {"hei": key.hei_id, "of": key.partner, "ids": [key.omobility_id]})
    return {row.number: _delivered(row) for row in rows}


async def deliveries_of(source: Readable, hei_id: str, issued: Collection[IssuedTranscript]) -> Mapping[str, Delivered]:
    """When partners learnt of the present versions of these transcripts, by the ids of the records."""
    found: dict[str, Delivered] = {}
    for partner in sorted({one.partner for one in issued}):
        of_partner = {one.omobility_id: one for one in issued if one.partner == partner}
        rows = await fetch(source, _DELIVERIES, {"hei": hei_id, "of": partner, "ids": sorted(of_partner)})
        for row in rows:
            if row.number == (one := of_partner[row.omobility_id]).number:
                found[one.id] = _delivered(row)
    return found


async def _note(tx: AsyncConnection, key: VersionKey, number: int, what: str, at: datetime, exchange_id: str) -> bool:
    """Keep what is said of a version for the first time."""
    columns = transcript_delivery.c
    values: dict[str, object] = {f"{what}_at": at, f"{what}_exchange_id": exchange_id}
    named = {"hei_id": key.hei_id, "partner": key.partner, "omobility_id": key.omobility_id, "number": number}
    statement = insert(tx, transcript_delivery).values({**named, **values})
    upsert = statement.on_conflict_do_update(
        index_elements=list(named), set_=values, where=columns[f"{what}_at"].is_(None)
    )
    return bool((await tx.execute(upsert.returning(columns.number))).all())


def _issued(row: AnyRow) -> IssuedTranscript:
    return IssuedTranscript(**{name: getattr(row, name) for name in _FIELDS})


def _delivered(row: AnyRow) -> Delivered:
    return Delivered(row.notified_at, row.notified_exchange_id, row.fetched_at, row.fetched_exchange_id)


def _located(key: VersionKey) -> dict[str, object]:
    return {"hei": key.hei_id, "at_ours": key.ours, "of": key.partner, "at_id": key.omobility_id}


_FIELDS = ("id", "partner", "omobility_id", "year", "ready", "deleted", "number", "given", "changed_at")
_SHOWN = ("number", "at", "content_hash", "exchange_id", "ended_at", "ended")
_columns = transcript_version.c
_AT: ColumnElement[bool] = and_(
    _columns.hei_id == bindparam("hei"),
    _columns.ours == bindparam("at_ours"),
    _columns.partner == bindparam("of"),
    _columns.omobility_id == bindparam("at_id"),
)
_GET = select(transcript).where(
    transcript.c.hei_id == bindparam("hei"), transcript.c.id.in_(bindparam("ids", expanding=True))
)
_BY_YEAR = (
    select(transcript.c.year, func.count())
    .where(transcript.c.hei_id == bindparam("hei"), transcript.c.ready.is_(true()), transcript.c.deleted.is_(False))
    .group_by(transcript.c.year)
    .order_by(transcript.c.year)
)
_VERSIONS = select(*(_columns[name] for name in _SHOWN)).where(_AT).order_by(_columns.number.desc())
_BODY = select(_columns.body).where(_AT, _columns.number == bindparam("at_number"))
_END = (
    update(transcript_version)
    .where(_AT, _columns.number == bindparam("at_number"), _columns.ended.is_(None))
    .values(ended=bindparam("how"), ended_at=bindparam("now"))
)
_FETCHED = select(transcript_delivery.c.number).where(
    transcript_delivery.c.hei_id == transcript.c.hei_id,
    transcript_delivery.c.partner == transcript.c.partner,
    transcript_delivery.c.omobility_id == transcript.c.omobility_id,
    transcript_delivery.c.number == transcript.c.number,
    transcript_delivery.c.fetched_at.is_not(None),
)
_UNFETCHED = select(transcript.c.number).where(
    transcript.c.hei_id == bindparam("hei"),
    transcript.c.id == bindparam("id"),
    transcript.c.ready.is_(true()),
    transcript.c.deleted.is_(false()),
    ~_FETCHED.exists(),
)
_DELIVERIES = select(transcript_delivery).where(
    transcript_delivery.c.hei_id == bindparam("hei"),
    transcript_delivery.c.partner == bindparam("of"),
    transcript_delivery.c.omobility_id.in_(bindparam("ids", expanding=True)),
)
