"""Records of ours: what a caller may see of them, and what is stored. They are written by record_writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    true,
    union,
)

from ewpgw.model.new_record import NewRecord, RecordKey
from ewpgw.store.engine import AnyRow, Readable, Store, fetch
from ewpgw.store.record_writes import IdentifierRetired, PutResult, delete, put, put_many
from ewpgw.store.tables import encoding, record, record_partner, record_year

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

__all__ = [
    "IdentifierRetired",
    "NewRecord",
    "PutResult",
    "Record",
    "RecordKey",
    "counts",
    "delete",
    "deleted_since",
    "documents",
    "fragment",
    "fragments",
    "get",
    "index",
    "list_page",
    "origins",
    "own_fragments",
    "put",
    "put_many",
]


@dataclass(frozen=True, slots=True)
class Record:
    """A record of ours as stored.

    ``document`` is JSON text, None once deleted. ``partners`` are the HEIs that may see it; None means everyone.
    """

    key: RecordKey
    revision: int
    modified_at: datetime
    deleted: bool
    document: str | None
    partners: frozenset[str] | None
    academic_years: frozenset[str]
    source: str


async def get(source: Readable, key: RecordKey) -> Record | None:
    """The record, also when it is deleted; None when there never was one."""
    rows = await fetch(source, _GET, {"hei": key.hei_id, "entity": key.entity, "ids": [key.id]})
    return (await _whole(source, key.hei_id, key.entity, rows))[0] if rows else None


async def list_page(
    source: Readable, hei_id: str, entity: str, *, after: str | None = None, limit: int = 100
) -> Sequence[Record]:
    """Up to ``limit`` records that are not deleted, by identifier, from the one behind ``after`` on."""
    rows = await fetch(source, _PAGE, {"hei": hei_id, "entity": entity, "after": after or "", "most": limit})
    return await _whole(source, hei_id, entity, rows)


async def origins(
    source: Readable, hei_id: str, entity: str, *, after: str | None = None, limit: int = 1000
) -> Sequence[tuple[str, str]]:
    """The identifiers of up to ``limit`` records that are not deleted, ordered, and where each came from."""
    values = {"hei": hei_id, "entity": entity, "after": after or "", "most": limit}
    return [(id_, origin) for id_, origin in await fetch(source, _ORIGINS, values)]


async def documents(source: Readable, hei_id: str, entity: str, ids: Collection[str]) -> Mapping[str, str]:
    """These records as JSON text, by identifier; those that are deleted, or never were, have none."""
    if not ids:
        return {}
    rows = await fetch(source, _DOCUMENTS, {"hei": hei_id, "entity": entity, "ids": list(ids)})
    return {row.id: row.document for row in rows}


async def fragment(source: Readable, key: RecordKey, version: int) -> bytes | None:
    """A record's encoding for one major version, whoever may see it; None when there is none."""
    rows = await fetch(source, _FRAGMENT, {"hei": key.hei_id, "entity": key.entity, "id": key.id, "version": version})
    return rows[0].fragment if rows else None


async def fragments(
    source: Readable, hei_id: str, entity: str, version: int, ids: Sequence[str], *, caller_heis: Collection[str]
) -> list[tuple[str, bytes]]:
    """The encodings that one of ``caller_heis`` may see, in the order of ``ids``, each once.

    Identifiers that are unknown, deleted, without an encoding of this version or not visible are left out (EWP
    architecture, "Error handling": they are no errors).
    """
    if not ids:
        return []
    values: dict[str, object] = {"hei": hei_id, "entity": entity, "version": version}
    one_id, one_caller = len(ids) == 1, len(caller_heis) == 1
    values["ids"] = ids[0] if one_id else list(dict.fromkeys(ids))
    values["callers"] = next(iter(caller_heis)) if one_caller else list(caller_heis)
    statement = _fragments(one_id, one_caller)
    if one_id and one_caller and isinstance(source, Store):
        return [(id_, fragment) for id_, fragment in await source.fetch_plain(statement, values)]
    found = {row[0]: row[1] for row in await fetch(source, statement, values)}
    return [(id_, found[id_]) for id_ in dict.fromkeys(ids) if id_ in found]


async def own_fragments(
    source: Readable, hei_id: str, entity: str, version: int, ids: Sequence[str]
) -> list[tuple[str, bytes]]:
    """The same for the institution itself, which may see all that it publishes."""
    if not ids:
        return []
    values: dict[str, object] = {"hei": hei_id, "entity": entity, "version": version, "ids": list(ids)}
    found = {row[0]: row[1] for row in await fetch(source, _OWN_FRAGMENTS, values)}
    return [(id_, found[id_]) for id_ in dict.fromkeys(ids) if id_ in found]


async def index(
    source: Readable,
    hei_id: str,
    entity: str,
    caller_heis: Collection[str],
    *,
    modified_since: datetime | None = None,
    academic_years: Collection[str] | None = None,
    codes: Collection[str] | None = None,
    code_begins: str | None = None,
    version: int | None = None,
) -> list[str]:
    """The identifiers that one of ``caller_heis`` may see, ordered.

    ``modified_since`` is inclusive: servers may return more than was modified, never less. ``academic_years``, when
    given, keeps the records that are valid in at least one of them; ``codes`` those with one of these codes,
    ``code_begins`` those whose code begins so, ``version`` those that this version of the API can serve.
    """
    values: dict[str, object] = {"hei": hei_id, "entity": entity, "callers": list(caller_heis)}
    if codes is not None:
        values["codes"] = list(codes)
    if code_begins is not None:
        values |= {"code_from": code_begins, "code_below": code_begins + chr(0x10FFFF)}
    if version is not None:
        values["version"] = version
    if modified_since is not None:
        values["since"] = modified_since
    if academic_years is not None:
        values["years"] = list(academic_years)
    filters = {"since": modified_since, "years": academic_years, "codes": codes, "begins": code_begins}
    given = frozenset(name for name, value in {**filters, "version": version}.items() if value is not None)
    statement = _index(given)
    return [row[0] for row in await fetch(source, statement, values)]


async def ids_of_codes(source: Readable, hei_id: str, entity: str, codes: Collection[str]) -> list[str]:
    """The identifiers of the records with these natural keys, ordered; unknown codes are left out."""
    if not codes:
        return []
    values = {"hei": hei_id, "entity": entity, "codes": list(codes)}
    return [row[0] for row in await fetch(source, _OF_CODES, values)]


async def partners(source: Readable, hei_id: str, entity: str) -> frozenset[str]:
    """The HEIs that may see some record by name."""
    rows = await fetch(source, _ALL_PARTNERS, {"hei": hei_id, "entity": entity})
    return frozenset(row[0] for row in rows)


async def counts(source: Readable, hei_id: str) -> Mapping[str, int]:
    """How many records that are not deleted there are, by entity."""
    return {row[0]: row[1] for row in await fetch(source, _COUNTS, {"hei": hei_id})}


async def deleted_since(source: Readable, hei_id: str, entity: str, prefix: str, since: datetime) -> int:
    """How many records whose origin begins with ``prefix`` were deleted after ``since``."""
    values = {"hei": hei_id, "entity": entity, "since": since, "from": prefix, "below": prefix + chr(0x10FFFF)}
    return int((await fetch(source, _DELETED_SINCE, values))[0][0])


def same_record(child: Any, parent: Any = record.c) -> ColumnElement[bool]:
    """That a row of a table below ``record`` (its columns) belongs to a row of ``parent``."""
    return and_(child.hei_id == parent.hei_id, child.entity == parent.entity, child.id == parent.id)


_IN_ENTITY = and_(record.c.hei_id == bindparam("hei"), record.c.entity == bindparam("entity"))
_GET = select(record).where(_IN_ENTITY, record.c.id.in_(bindparam("ids", expanding=True)))
_PAGE = (
    select(record)
    .where(_IN_ENTITY, record.c.deleted == false(), record.c.id > bindparam("after"))
    .order_by(record.c.id)
    .limit(bindparam("most"))
)
_ORIGINS = _PAGE.with_only_columns(record.c.id, record.c.source)
_DOCUMENTS = select(record.c.id, record.c.document).where(
    _IN_ENTITY, record.c.id.in_(bindparam("ids", expanding=True)), record.c.document.is_not(None)
)
_FRAGMENT = select(encoding.c.fragment).where(
    encoding.c.hei_id == bindparam("hei"),
    encoding.c.entity == bindparam("entity"),
    encoding.c.id == bindparam("id"),
    encoding.c.version == bindparam("version"),
)
_OWN_FRAGMENTS = select(encoding.c.id, encoding.c.fragment).where(
    encoding.c.hei_id == bindparam("hei"),
    encoding.c.entity == bindparam("entity"),
    encoding.c.id.in_(bindparam("ids", expanding=True)),
    encoding.c.version == bindparam("version"),
)
_OF_CODES = (
    select(record.c.id)
    .where(_IN_ENTITY, record.c.code.is_not(None), record.c.code.in_(bindparam("codes", expanding=True)))
    .order_by(record.c.id)
)
_ALL_PARTNERS = (
    select(record_partner.c.partner)
    .where(record_partner.c.hei_id == bindparam("hei"), record_partner.c.entity == bindparam("entity"))
    .distinct()
)
_COUNTS = (
    select(record.c.entity, func.count())
    .where(record.c.hei_id == bindparam("hei"), record.c.deleted == false())
    .group_by(record.c.entity)
)
_DELETED_SINCE = (
    select(func.count())
    .select_from(record)
    .where(
        _IN_ENTITY,
        record.c.deleted == true(),
        record.c.modified_at > bindparam("since"),
        record.c.source >= bindparam("from"),
        record.c.source < bindparam("below"),
    )
)
_PARTNERS = select(record_partner.c.id, record_partner.c.partner).where(
    record_partner.c.hei_id == bindparam("hei"),
    record_partner.c.entity == bindparam("entity"),
    record_partner.c.id.in_(bindparam("ids", expanding=True)),
)
_YEARS = select(record_year.c.id, record_year.c.year).where(
    record_year.c.hei_id == bindparam("hei"),
    record_year.c.entity == bindparam("entity"),
    record_year.c.id.in_(bindparam("ids", expanding=True)),
)


def _visible(one_caller: bool) -> ColumnElement[bool]:
    if one_caller:
        of_caller = record_partner.c.partner == bindparam("callers")
    else:
        of_caller = record_partner.c.partner.in_(bindparam("callers", expanding=True))
    return or_(record.c.visible_to_all, exists().where(same_record(record_partner.c), of_caller))


@cache
def _fragments(one_id: bool, one_caller: bool) -> Select[tuple[str, bytes]]:
    # A list parameter makes SQLAlchemy expand the statement at each call, which costs as much as the read itself; one
    # identifier for one caller is by far the most frequent request.
    wanted = encoding.c.id == bindparam("ids") if one_id else encoding.c.id.in_(bindparam("ids", expanding=True))
    return (
        select(encoding.c.id, encoding.c.fragment)
        .join(record, same_record(encoding.c))
        .where(_IN_ENTITY, wanted, encoding.c.version == bindparam("version"))
        .where(record.c.deleted == false(), _visible(one_caller))
    )


@cache
def _index(given: frozenset[str]) -> CompoundSelect[tuple[str]]:
    # Two halves with an index each, so that a partner with few records costs little however many there are.
    to_callers = select(record_partner.c.id).where(
        record_partner.c.hei_id == bindparam("hei"),
        record_partner.c.entity == bindparam("entity"),
        record_partner.c.partner.in_(bindparam("callers", expanding=True)),
    )
    to_all = select(record.c.id).where(_IN_ENTITY, record.c.visible_to_all.is_(true()), record.c.deleted == false())
    # A third of all records may begin so; behind a function, SQLite does not begin with them, but with the partner's.
    code = func.coalesce(record.c.code, "")
    of_record = {
        "since": record.c.modified_at >= bindparam("since"),
        "codes": record.c.code.in_(bindparam("codes", expanding=True)),
        "begins": and_(code >= bindparam("code_from"), code < bindparam("code_below")),
    }
    if wanted := [condition for name, condition in of_record.items() if name in given]:
        # Only here the record itself is needed: deleted ones have no partners.
        to_callers = to_callers.join(record, same_record(record_partner.c)).where(*wanted)
        to_all = to_all.where(*wanted)
    if "version" in given:
        served = encoding.c.version == bindparam("version")
        to_callers = to_callers.where(exists().where(same_record(encoding.c, record_partner.c), served))
        to_all = to_all.where(exists().where(same_record(encoding.c), served))
    if "years" in given:
        in_year = record_year.c.year.in_(bindparam("years", expanding=True))
        to_callers = to_callers.where(exists().where(same_record(record_year.c, record_partner.c), in_year))
        to_all = to_all.where(exists().where(same_record(record_year.c), in_year))
    return union(to_callers, to_all).order_by("id")


async def _whole(source: Readable, hei_id: str, entity: str, rows: Sequence[AnyRow]) -> list[Record]:
    if not rows:
        return []
    values = {"hei": hei_id, "entity": entity, "ids": [row.id for row in rows]}
    partners = _grouped(await fetch(source, _PARTNERS, values))
    years = _grouped(await fetch(source, _YEARS, values))
    return [
        Record(
            key=RecordKey(row.hei_id, row.entity, row.id),
            revision=row.revision,
            modified_at=row.modified_at,
            deleted=row.deleted,
            document=row.document,
            partners=None if row.visible_to_all else partners.get(row.id, frozenset()),
            academic_years=years.get(row.id, frozenset()),
            source=row.source,
        )
        for row in rows
    ]


def _grouped(rows: Iterable[AnyRow]) -> dict[str, frozenset[str]]:
    groups: dict[str, set[str]] = {}
    for id_, value in rows:
        groups.setdefault(id_, set()).add(value)
    return {id_: frozenset(values) for id_, values in groups.items()}
