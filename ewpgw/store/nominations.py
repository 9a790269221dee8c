"""Where nominations of ours stand: what the partner decided, and when it learnt of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, bindparam, func, select, update

from ewpgw.model.new_record import RecordKey
from ewpgw.model.omobility import Status
from ewpgw.model.omobility_checks import TAKING, Terms
from ewpgw.model.omobility_states import Standing
from ewpgw.store import mobility_deliveries, records
from ewpgw.store.dialects import insert_many
from ewpgw.store.engine import AnyRow, Readable, Store, fetch
from ewpgw.store.tables import nomination

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.store.mobility_deliveries import Delivered

ENTITY = "omobilities"


@dataclass(frozen=True, slots=True)
class SentNomination:
    """A nomination of ours.

    - ``number`` counts our own changes that the partner has to look at anew, from 1
    - ``decided_at`` and ``decided_exchange_id``: when the partner's last decision came, and in which exchange; both
      are None where its present status is not the partner's doing
    - ``heard``: what a partner with version 1 of the Incoming Mobilities API published last, None where nothing
    - ``terms``: what of it the agreement is about; ``iia_id``: our identifier of the agreement it is under
    """

    omobility_id: str
    partner: str
    standing: Standing
    number: int
    changed_at: datetime
    terms: Terms
    iia_id: str | None = None
    decided_at: datetime | None = None
    decided_exchange_id: str | None = None
    heard: tuple[Status, str | None] | None = None


async def get(source: Readable, hei_id: str, omobility_id: str) -> SentNomination | None:
    """A nomination of ours, also when it is deleted; None where there never was one."""
    return (await get_many(source, hei_id, [omobility_id])).get(omobility_id)


async def get_many(source: Readable, hei_id: str, ids: Collection[str]) -> Mapping[str, SentNomination]:
    """These nominations, as far as there are any, by identifier."""
    if not ids:
        return {}
    rows = await fetch(source, _GET, {"hei": hei_id, "ids": list(ids)})
    return {row.omobility_id: _sent(hei_id, row) for row in rows}


async def list_page(
    source: Readable,
    hei_id: str,
    *,
    partner: str | None = None,
    status: Status | None = None,
    after: str | None = None,
    limit: int = 100,
) -> Sequence[SentNomination]:
    """Up to ``limit`` nominations that are not deleted, by identifier, from the one behind ``after`` on."""
    columns = nomination.c
    statement = select(nomination).where(columns.hei_id == hei_id, columns.deleted.is_(False))
    if partner is not None:
        statement = statement.where(columns.partner == partner)
    if status is not None:
        statement = statement.where(columns.status == status.value)
    if after is not None:
        statement = statement.where(columns.omobility_id > after)
    found = await fetch(source, statement.order_by(columns.omobility_id).limit(limit))
    return [_sent(hei_id, row) for row in found]


async def documents(source: Readable, hei_id: str, ids: Collection[str]) -> Mapping[str, str]:
    """The records of these nominations as JSON text, by identifier; those that are deleted have none."""
    return await records.documents(source, hei_id, ENTITY, ids)


async def places_taken(
    source: Readable, hei_id: str, iia_ids: Collection[str], besides: Collection[str]
) -> Mapping[str, Counter[Terms]]:
    """How many nominations take a place under each of these agreements, by their terms, ``besides`` these nominations.

    Those that are deleted or called off, or that were rejected, take none.
    """
    taken: dict[str, Counter[Terms]] = {iia_id: Counter() for iia_id in iia_ids}
    if taken:
        values = {"hei": hei_id, "iia_ids": list(taken), "besides": list(besides)}
        for row in await fetch(source, _PLACES_TAKEN, values):
            taken[row.iia_id][_terms(hei_id, row)] += row.number
    return taken


async def put_many(tx: AsyncConnection, hei_id: str, sent: Sequence[SentNomination]) -> None:
    """Keep where these nominations stand, in place of where they stood."""
    if not sent:
        return
    statement, rows = insert_many(tx, nomination, [_row(hei_id, one) for one in sent])
    changed = {name: statement.excluded[name] for name in _CONTENT}
    await tx.execute(
        statement.on_conflict_do_update(index_elements=["hei_id", "omobility_id"], set_=changed),
        rows,
    )


async def note_decided(tx: AsyncConnection, hei_id: str, omobility_id: str, at: datetime, exchange_id: str) -> None:
    """Remember the exchange in which the decision of this moment came."""
    values = {"at_hei": hei_id, "at_id": omobility_id, "at": at, "new": exchange_id}
    await tx.execute(_NOTE_DECIDED, values)


async def note_notified(
    tx: AsyncConnection, hei_id: str, omobility_id: str, number: int, at: datetime, exchange_id: str
) -> bool:
    """The partner took the notification of a nomination as it is at ``number``; False where that was known."""
    return await mobility_deliveries.note_notified(tx, RecordKey(hei_id, ENTITY, omobility_id), number, at, exchange_id)


async def note_fetched(
    tx: AsyncConnection, hei_id: str, omobility_id: str, number: int, at: datetime, exchange_id: str
) -> bool:
    """The partner fetched a nomination as it is at ``number``; False where that was known."""
    return await mobility_deliveries.note_fetched(tx, RecordKey(hei_id, ENTITY, omobility_id), number, at, exchange_id)


async def unfetched(store: Store, hei_id: str, ids: Collection[str]) -> dict[str, int]:
    """The numbers of those of these nominations that the partner is not known to have fetched as they are now."""
    found = {}
    for omobility_id in ids:
        for (number,) in await store.fetch_plain(_UNFETCHED, {"hei": hei_id, "id": omobility_id}):
            found[omobility_id] = int(number)
    return found


async def deliveries(source: Readable, hei_id: str, ids: Collection[str]) -> Mapping[str, Delivered]:
    """When partners learnt of these nominations, as far as they did, by identifier."""
    return await mobility_deliveries.get_many(source, hei_id, ENTITY, ids)


async def counts(source: Readable, hei_id: str) -> Mapping[Status, int]:
    """How many nominations there are that are not deleted, by status."""
    return {Status(row[0]): row[1] for row in await fetch(source, _COUNTS, {"hei": hei_id})}


def _terms(hei_id: str, row: AnyRow) -> Terms:
    return Terms(hei_id, row.partner, row.year, row.isced_f_code, row.eqf_level, row.activity_attributes)


def _sent(hei_id: str, row: AnyRow) -> SentNomination:
    standing = Standing(row.proposal_id, Status(row.status), row.comment, row.deleted)
    heard = None if row.heard_status is None else (Status(row.heard_status), row.heard_comment)
    return SentNomination(
        row.omobility_id,
        row.partner,
        standing,
        row.number,
        row.changed_at,
        _terms(hei_id, row),
        row.iia_id,
        row.decided_at,
        row.decided_exchange_id,
        heard,
    )


def _row(hei_id: str, one: SentNomination) -> dict[str, object]:
    heard_status, heard_comment = one.heard if one.heard is not None else (None, None)
    return {
        "hei_id": hei_id,
        "omobility_id": one.omobility_id,
        "partner": one.partner,
        "proposal_id": one.standing.proposal_id,
        "status": one.standing.status.value,
        "comment": one.standing.comment,
        "deleted": one.standing.deleted,
        "number": one.number,
        "changed_at": one.changed_at,
        "decided_at": one.decided_at,
        "decided_exchange_id": one.decided_exchange_id,
        "heard_status": None if heard_status is None else heard_status.value,
        "heard_comment": heard_comment,
        "iia_id": one.iia_id,
        "year": one.terms.receiving_academic_year_id,
        "isced_f_code": one.terms.agreement_isced_f_code,
        "eqf_level": one.terms.eqf_level,
        "activity_attributes": one.terms.activity_attributes,
    }


def _at() -> ColumnElement[bool]:
    return and_(nomination.c.hei_id == bindparam("at_hei"), nomination.c.omobility_id == bindparam("at_id"))


_CONTENT = tuple(column.name for column in nomination.columns if not column.primary_key)
_GET = select(nomination).where(
    nomination.c.hei_id == bindparam("hei"), nomination.c.omobility_id.in_(bindparam("ids", expanding=True))
)
_TERMS = (
    nomination.c.iia_id,
    nomination.c.partner,
    nomination.c.year,
    nomination.c.isced_f_code,
    nomination.c.eqf_level,
    nomination.c.activity_attributes,
)
_PLACES_TAKEN = (
    select(*_TERMS, func.count().label("number"))
    .where(
        nomination.c.iia_id.in_(bindparam("iia_ids", expanding=True)),
        nomination.c.hei_id == bindparam("hei"),
        nomination.c.deleted.is_(False),
        nomination.c.status.in_(sorted(TAKING)),
        nomination.c.omobility_id.not_in(bindparam("besides", expanding=True)),
    )
    .group_by(*_TERMS)
)
_UNFETCHED = select(nomination.c.number).where(
    nomination.c.hei_id == bindparam("hei"),
    nomination.c.omobility_id == bindparam("id"),
    ~mobility_deliveries.fetched(ENTITY, nomination.c.number).exists(),
)
_NOTE_DECIDED = (
    update(nomination)
    .where(_at(), nomination.c.decided_at == bindparam("at"))
    .values(decided_exchange_id=bindparam("new"))
)
_COUNTS = (
    select(nomination.c.status, func.count())
    .where(nomination.c.hei_id == bindparam("hei"), nomination.c.deleted.is_(False))
    .group_by(nomination.c.status)
)
