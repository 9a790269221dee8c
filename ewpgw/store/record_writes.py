"""Writing records of ours: put and delete, with what they are served as and who may see them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Table, and_, bindparam, select, update
from sqlalchemy import delete as delete_from

from ewpgw.model.new_record import NewRecord, RecordKey
from ewpgw.store import files
from ewpgw.store.dialects import among, insert_many, note_growth
from ewpgw.store.tables import encoding, record, record_file, record_partner, record_year, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

# Parameters of one statement are limited (SQLite: 32766), and so is what one should build in memory.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class PutResult:
    """What a put did.

    ``changed`` is False where the stored record was already the same; ``former_partners`` are the HEIs that could see
    it before (empty when it was created, or visible to everyone), who have to hear of a change that hides it.
    """

    key: RecordKey
    revision: int
    changed: bool
    created: bool
    former_partners: frozenset[str]


class IdentifierRetired(Exception):
    """A record was put under the identifier of a deleted one, which is never used again.

    ``keys`` are all such keys of the batch, of which nothing was written.
    """

    def __init__(self, keys: Sequence[RecordKey]) -> None:
        shown = ", ".join(f"{key.entity} {key.id!r} of {key.hei_id}" for key in keys[:10])
        super().__init__(
            f"deleted before: {shown}{' and others' if len(keys) > 10 else ''}; an identifier of a deleted thing is "
            "never used again, give the record a new one"
        )
        self.keys = tuple(keys)


async def put(tx: AsyncConnection, new: NewRecord, now: datetime) -> PutResult:
    """Store one record; see put_many."""
    return (await put_many(tx, [new], now))[0]


async def put_many(
    tx: AsyncConnection, records: Sequence[NewRecord], now: datetime, *, keep_refusals: bool = False
) -> list[PutResult]:
    """Store records, with a few statements for each entity; results in the order of ``records``.

    A record whose document, encodings, partners and years are those stored is left as it is: no new revision, no new
    time of modification. A refusal kept under a record's identifier or source is removed, as a good version exists now,
    unless ``keep_refusals``: the records are those stored, and the gateway itself changes them.

    Raises IdentifierRetired, having written nothing, and ValueError where a key is given twice.
    """
    named = [new.key for new in records]
    by_key = dict(zip(named, records, strict=True))
    if len(by_key) != len(records):
        raise ValueError("one batch holds two records of the same key; put them one after the other")
    # One order in every transaction, so that replicas writing the same records wait for each other instead of
    # deadlocking.
    keys = sorted(by_key)
    stored = await _lock(tx, keys)
    _refuse_retired(stored)
    created = await _create(tx, [by_key[key] for key in keys if key not in stored], now)
    note_growth(tx, len(created))
    if raced := [key for key in keys if key not in stored and key not in created]:
        # Another replica created these since they were looked up.
        stored |= await _lock(tx, raced)
        try:
            _refuse_retired(stored)
        except IdentifierRetired:
            if created:
                await tx.execute(delete_from(record).where(_at(record)), [_located(key) for key in created])
            raise
    changed = [key for key, row in stored.items() if row.digest != _digest(by_key[key])]
    former = await _change(tx, [(by_key[key], stored[key]) for key in sorted(changed)], now)
    await _write_parts(tx, [by_key[key] for key in keys if key in created or key in former])
    if not keep_refusals:
        await _settle(tx, by_key, stored)
    results = []
    for key in named:
        if key in created:
            results.append(PutResult(key, 1, changed=True, created=True, former_partners=frozenset()))
            continue
        is_changed = key in former
        partners = former[key] if is_changed else by_key[key].partners or frozenset()
        revision = stored[key].revision + is_changed
        results.append(PutResult(key, revision, changed=is_changed, created=False, former_partners=partners))
    return results


async def amend(tx: AsyncConnection, new: NewRecord, now: datetime) -> None:
    """Store another document and other encodings of a record whose partners, years, code and files stay as they are.

    ``new`` is the whole record all the same. A few statements, for where that is known; ``put_many`` finds it out.
    """
    located = _located(new.key)
    await tx.execute(_AMEND, {**located, "new_document": new.document, "new_digest": _digest(new), "now": now})
    for version, fragment in new.encodings.items():
        await tx.execute(_AMEND_ENCODING, {**located, "at_version": version, "new_fragment": fragment})


async def delete(tx: AsyncConnection, key: RecordKey, now: datetime) -> frozenset[str] | None:
    """Delete a record: its content goes, its identifier stays taken.

    Returns the HEIs that could see it (empty where everyone could), or None where there is no such record.
    """
    row = (await _lock(tx, [key])).get(key)
    if row is None or row.deleted:
        return None
    partners = (await _partners(tx, [key])).get(key, frozenset())
    await _clear_parts(tx, [key])
    emptied = {"deleted": True, "document": None, "code": None, "digest": ""}
    stamped = {"revision": row.revision + 1, "modified_at": now}
    await tx.execute(_UPDATE.values(emptied | stamped), _located(key))
    await tx.execute(_FORGET_REFUSALS, {"hei": key.hei_id, "entity": key.entity, "ids": [key.id]})
    return partners


async def locked_revision(tx: AsyncConnection, key: RecordKey) -> int | None:
    """The revision of a record, None where there is none; nobody else changes it until the transaction ends."""
    row = (await _lock(tx, [key])).get(key)
    return None if row is None or row.deleted else row.revision


@dataclass(frozen=True, slots=True)
class _Stored:
    revision: int
    deleted: bool
    digest: str
    source: str


def _refuse_retired(stored: Mapping[RecordKey, _Stored]) -> None:
    if retired := sorted(key for key, row in stored.items() if row.deleted):
        raise IdentifierRetired(retired)


async def _lock(tx: AsyncConnection, keys: Sequence[RecordKey]) -> dict[RecordKey, _Stored]:
    stored: dict[RecordKey, _Stored] = {}
    for values in _batches(keys):
        for row in await tx.execute(_LOCK, values):
            key = RecordKey(row.hei_id, row.entity, row.id)
            stored[key] = _Stored(row.revision, row.deleted, row.digest, row.source)
    return stored


async def _create(tx: AsyncConnection, news: Sequence[NewRecord], now: datetime) -> frozenset[RecordKey]:
    """Insert the rows that are still missing; returns which."""
    if not news:
        return frozenset()
    rows = [
        {
            "hei_id": new.hei_id,
            "entity": new.entity,
            "id": new.id,
            "deleted": False,
            "revision": 1,
            **_content(new, now),
        }
        for new in news
    ]
    statement, values = insert_many(tx, record, rows)
    created = statement.on_conflict_do_nothing().returning(record.c.hei_id, record.c.entity, record.c.id)
    return frozenset(RecordKey(*row) for row in await tx.execute(created, values))


async def _change(
    tx: AsyncConnection, changes: Sequence[tuple[NewRecord, _Stored]], now: datetime
) -> dict[RecordKey, frozenset[str]]:
    """Update the rows and clear what belongs to them; returns who could see each of them before."""
    if not changes:
        return {}
    keys = [new.key for new, _ in changes]
    partners = await _partners(tx, keys)
    rows = [{**_located(new.key), "revision": row.revision + 1, **_content(new, now)} for new, row in changes]
    await tx.execute(_UPDATE, rows)
    await _clear_parts(tx, keys)
    return {key: partners.get(key, frozenset()) for key in keys}


async def _write_parts(tx: AsyncConnection, news: Sequence[NewRecord]) -> None:
    parts: dict[Table, list[dict[str, object]]] = {encoding: [], record_partner: [], record_year: [], record_file: []}
    for new in news:
        key = {"hei_id": new.hei_id, "entity": new.entity, "id": new.id}
        for version, fragment in new.encodings.items():
            parts[encoding].append({**key, "version": version, "fragment": fragment})
        parts[record_partner].extend({**key, "partner": partner} for partner in sorted(new.partners or ()))
        parts[record_year].extend({**key, "year": year} for year in sorted(new.academic_years))
        parts[record_file].extend({**key, "file_id": file_id} for file_id in sorted(set(new.files.values())))
    for table, rows in parts.items():
        if rows:
            await tx.execute(*insert_many(tx, table, rows))
    for new in news:
        for file_id in sorted(set(new.files.values())):
            await files.give(tx, new.hei_id, file_id, new.partners)


async def _clear_parts(tx: AsyncConnection, keys: Sequence[RecordKey]) -> None:
    for statement in _CLEAR:
        await tx.execute(statement, [_located(key) for key in keys])


async def _settle(
    tx: AsyncConnection, news: Mapping[RecordKey, NewRecord], stored: Mapping[RecordKey, _Stored]
) -> None:
    """Remove the refusals that good versions replace, and note a new source of unchanged content."""
    names = {*news, *(RecordKey(key.hei_id, key.entity, new.source) for key, new in news.items())}
    for values in _batches(sorted(names)):
        await tx.execute(_FORGET_REFUSALS, values)
    moved = [
        {**_located(key), "source": new.source}
        for key, new in sorted(news.items(), key=itemgetter(0))
        if key in stored and stored[key].source != new.source
    ]
    if moved:
        await tx.execute(_UPDATE, moved)


async def _partners(tx: AsyncConnection, keys: Sequence[RecordKey]) -> dict[RecordKey, frozenset[str]]:
    found: dict[RecordKey, set[str]] = {}
    for values in _batches(keys):
        for hei_id, entity, id_, partner in await tx.execute(_PARTNERS, values):
            found.setdefault(RecordKey(hei_id, entity, id_), set()).add(partner)
    return {key: frozenset(partners) for key, partners in found.items()}


def _content(new: NewRecord, now: datetime) -> dict[str, object]:
    return {
        "modified_at": now,
        "document": new.document,
        "visible_to_all": new.partners is None,
        "source": new.source,
        "digest": _digest(new),
        "code": new.code,
    }


def _digest(new: NewRecord) -> str:
    """Stands for all that is stored of a record, so that a put of the same need not read the old fragments."""
    parts = [new.document.encode(), b"*" if new.partners is None else ",".join(sorted(new.partners)).encode()]
    parts.append(",".join(sorted(new.academic_years)).encode())
    parts.append((new.code or "").encode())
    for version in sorted(new.encodings):
        parts += [str(version).encode(), new.encodings[version]]
    lengths = b"".join([len(part).to_bytes(8, "big") for part in parts])
    return hashlib.sha256(b"".join((lengths, *parts))).hexdigest()


def _batches(keys: Sequence[RecordKey]) -> Iterator[dict[str, object]]:
    """The parameters that select ``keys``, a bounded number at a time."""
    for (hei_id, entity), group in groupby(keys, key=lambda key: (key.hei_id, key.entity)):
        ids = [key.id for key in group]
        for start in range(0, len(ids), _CHUNK):
            yield {"hei": hei_id, "entity": entity, "ids": ids[start : start + _CHUNK]}


def _located(key: RecordKey) -> dict[str, object]:
    return {"at_hei": key.hei_id, "at_entity": key.entity, "at_id": key.id}


def _at(table: Table) -> ColumnElement[bool]:
    return and_(
        table.c.hei_id == bindparam("at_hei"),
        table.c.entity == bindparam("at_entity"),
        table.c.id == bindparam("at_id"),
    )


def _among(table: Table, name: str = "id") -> ColumnElement[bool]:
    return and_(
        table.c.hei_id == bindparam("hei"),
        table.c.entity == bindparam("entity"),
        among(table.c[name], "ids"),
    )


_LOCK = select(record).where(_among(record)).order_by(record.c.id).with_for_update()
_UPDATE = update(record).where(_at(record))
_CLEAR = [delete_from(table).where(_at(table)) for table in (encoding, record_partner, record_year, record_file)]
_AMEND = (
    update(record)
    .where(_at(record))
    .values(
        document=bindparam("new_document"),
        digest=bindparam("new_digest"),
        modified_at=bindparam("now"),
        revision=record.c.revision + 1,
    )
)
_AMEND_ENCODING = (
    update(encoding)
    .where(_at(encoding), encoding.c.version == bindparam("at_version"))
    .values(fragment=bindparam("new_fragment"))
)
_PARTNERS = select(record_partner).where(_among(record_partner))
_FORGET_REFUSALS = delete_from(refusal).where(_among(refusal, "key"))
