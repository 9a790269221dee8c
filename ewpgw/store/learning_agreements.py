"""Where learning agreements stand, ours and those that partners send: what waits, and what was answered before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, or_, select, true, update

from ewpgw.model import learning_agreement_stats
from ewpgw.model.learning_agreement_standing import STAGES, Latest, Stage, Standing
from ewpgw.model.learning_agreement_stats import Fact
from ewpgw.store import mobility_deliveries
from ewpgw.store.dialects import insert_many
from ewpgw.store.engine import AnyRow, Readable, Store, fetch
from ewpgw.store.tables import learning_agreement, record

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

ENTITY = "omobility-las"


@dataclass(frozen=True, slots=True)
class StoredAgreement:
    """Where a learning agreement stands.

    - ``sending_hei_id``: whose it is: ours, or a partner's; ``partner``: the other institution, seen from here
    - ``number`` counts our own changes that the partner has to look at anew, from 1
    - ``listed``, ``year``, ``mobility_type``, ``student``, ``proposed_student``: what the index looks for; the students
      as ``learning_agreement_index.students`` gives them
    - ``decided_at`` and ``decided_exchange_id``: when the partner's last answer came, and in which exchange
    """

    sending_hei_id: str
    omobility_id: str
    partner: str
    standing: Standing
    number: int
    changed_at: datetime
    listed: bool
    year: str
    mobility_type: str
    student: str | None = None
    proposed_student: str | None = None
    decided_at: datetime | None = None
    decided_exchange_id: str | None = None


async def get(
    source: Readable, hei_id: str, omobility_id: str, *, sending_hei_id: str | None = None
) -> StoredAgreement | None:
    """Where an agreement stands, also when it is deleted; None where there never was one. Ours unless told."""
    sender = sending_hei_id or hei_id
    return (await get_many(source, hei_id, [omobility_id], sending_hei_id=sender)).get(omobility_id)


async def get_many(
    source: Readable, hei_id: str, ids: Collection[str], *, sending_hei_id: str
) -> Mapping[str, StoredAgreement]:
    """These agreements of one sender, as far as there are any, by identifier."""
    if not ids:
        return {}
    rows = await fetch(source, _GET, {"hei": hei_id, "sender": sending_hei_id, "ids": list(ids)})
    return {row.omobility_id: _stored(row) for row in rows}


async def list_page(
    source: Readable,
    hei_id: str,
    *,
    sent: bool,
    partner: str | None = None,
    stage: Stage | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> Sequence[StoredAgreement]:
    """Up to ``limit`` agreements that are not deleted, by sender and identifier, from those behind ``after`` on.

    ``sent``: ours, and otherwise those of partners.
    """
    columns = learning_agreement.c
    ours = columns.sending_hei_id == hei_id if sent else columns.sending_hei_id != hei_id
    statement = select(learning_agreement).where(columns.hei_id == hei_id, ours, columns.deleted == false())
    if partner is not None:
        statement = statement.where(columns.partner == partner)
    if stage is not None:
        latest, approved = _IN_STAGE[stage]
        # where nothing counts, what is proposed was taken back, and a first version is waited for
        here = or_(columns.latest == latest.value, columns.latest.is_(None) if latest is Latest.AWAITING else false())
        statement = statement.where(here, columns.approved == (true() if approved else false()))
    if after is not None:
        sender, item = after
        behind = and_(columns.sending_hei_id == sender, columns.omobility_id > item)
        statement = statement.where(or_(columns.sending_hei_id > sender, behind))
    ordered = statement.order_by(columns.sending_hei_id, columns.omobility_id).limit(limit)
    return [_stored(row) for row in await fetch(source, ordered)]


async def index(
    source: Readable,
    hei_id: str,
    partners: Collection[str] | None,
    *,
    academic_year_id: str | None = None,
    mobility_type: str | None = None,
    student: str | None = None,
    modified_since: datetime | None = None,
) -> list[str]:
    """The identifiers of our agreements with these partners that are shown to them, ordered; None: with all.

    The filters are those of ``model.learning_agreement_index``; ``student`` is a key of a student.
    """
    filters = {
        "partners": None if partners is None else list(partners),
        "year": academic_year_id,
        "kind": mobility_type,
        "student": student,
        "since": modified_since,
    }
    given = {name: value for name, value in filters.items() if value is not None}
    return [row[0] for row in await fetch(source, _index(frozenset(given)), {"hei": hei_id, **given})]


async def counted(source: Readable, hei_id: str, *, sent: bool) -> Sequence[tuple[Fact, int]]:
    """What counts of the agreements, ours or those of partners, and how many there are of each kind."""
    rows = await fetch(source, _COUNTED_SENT if sent else _COUNTED_RECEIVED, {"hei": hei_id})
    return [(Fact(row[0], row[1], row[2], Latest(row[3])), row[4]) for row in rows]


async def put_many(tx: AsyncConnection, hei_id: str, agreements: Sequence[StoredAgreement]) -> None:
    """Keep where these agreements stand, in place of where they stood."""
    if not agreements:
        return
    statement, rows = insert_many(tx, learning_agreement, [_row(hei_id, one) for one in agreements])
    changed = {name: statement.excluded[name] for name in _CONTENT}
    await tx.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=changed), rows)


async def note_decided(tx: AsyncConnection, hei_id: str, omobility_id: str, at: datetime, exchange_id: str) -> None:
    """Remember the exchange in which the partner's answer of this moment to an agreement of ours came."""
    await tx.execute(_NOTE_DECIDED, {"at_hei": hei_id, "at_id": omobility_id, "at": at, "new": exchange_id})


async def unfetched(store: Store, hei_id: str, ids: Collection[str]) -> dict[str, int]:
    """The numbers of those of these agreements that the partner is not known to have fetched as they are now."""
    found = {}
    for omobility_id in ids:
        for (number,) in await store.fetch_plain(_UNFETCHED, {"hei": hei_id, "id": omobility_id}):
            found[omobility_id] = int(number)
    return found


def _stored(row: AnyRow) -> StoredAgreement:
    return StoredAgreement(
        sending_hei_id=row.sending_hei_id,
        omobility_id=row.omobility_id,
        partner=row.partner,
        standing=Standing.from_json_text(row.standing),
        number=row.number,
        changed_at=row.changed_at,
        listed=row.listed,
        year=row.year,
        mobility_type=row.mobility_type,
        student=row.student,
        proposed_student=row.proposed_student,
        decided_at=row.decided_at,
        decided_exchange_id=row.decided_exchange_id,
    )


def _row(hei_id: str, one: StoredAgreement) -> dict[str, object]:
    fact = learning_agreement_stats.fact(one.year, one.standing)
    return {
        "hei_id": hei_id,
        "sending_hei_id": one.sending_hei_id,
        "omobility_id": one.omobility_id,
        "partner": one.partner,
        "number": one.number,
        "changed_at": one.changed_at,
        "decided_at": one.decided_at,
        "decided_exchange_id": one.decided_exchange_id,
        "deleted": one.standing.deleted,
        "listed": one.listed and not one.standing.deleted,
        "year": one.year,
        "mobility_type": one.mobility_type,
        "student": one.student,
        "proposed_student": one.proposed_student,
        "approved": fact is not None and fact.approved,
        "modified": fact is not None and fact.modified,
        "latest": fact.latest.value if fact is not None else None,
        "standing": one.standing.json_text(),
    }


@cache
def _index(given: frozenset[str]) -> Select[tuple[str]]:
    columns = learning_agreement.c
    statement = select(columns.omobility_id).where(_OURS, columns.listed == true())
    wanted: dict[str, ColumnElement[bool]] = {
        "partners": columns.partner.in_(bindparam("partners", expanding=True)),
        "year": columns.year == bindparam("year"),
        "kind": columns.mobility_type == bindparam("kind"),
        "student": or_(columns.student == bindparam("student"), columns.proposed_student == bindparam("student")),
        "since": record.c.modified_at >= bindparam("since"),
    }
    if "since" in given:
        same = and_(record.c.hei_id == columns.hei_id, record.c.entity == ENTITY, record.c.id == columns.omobility_id)
        statement = statement.join(record, same)
    statement = statement.where(*(wanted[name] for name in sorted(given)))
    return statement.order_by(columns.omobility_id)


_KEY = [column.name for column in learning_agreement.columns if column.primary_key]
_CONTENT = tuple(column.name for column in learning_agreement.columns if not column.primary_key)
_IN_STAGE = {stage: what for what, stage in STAGES.items()}
_HERE = learning_agreement.c.hei_id == bindparam("hei")
_OURS = and_(_HERE, learning_agreement.c.sending_hei_id == bindparam("hei"))
_THEIRS = and_(_HERE, learning_agreement.c.sending_hei_id != bindparam("hei"))
_GET = select(learning_agreement).where(
    _HERE,
    learning_agreement.c.sending_hei_id == bindparam("sender"),
    learning_agreement.c.omobility_id.in_(bindparam("ids", expanding=True)),
)
_UNFETCHED = select(learning_agreement.c.number).where(
    _OURS,
    learning_agreement.c.omobility_id == bindparam("id"),
    ~mobility_deliveries.fetched(ENTITY, learning_agreement.c.number).exists(),
)
_NOTE_DECIDED = (
    update(learning_agreement)
    .where(
        learning_agreement.c.hei_id == bindparam("at_hei"),
        learning_agreement.c.sending_hei_id == bindparam("at_hei"),
        learning_agreement.c.omobility_id == bindparam("at_id"),
        learning_agreement.c.decided_at == bindparam("at"),
    )
    .values(decided_exchange_id=bindparam("new"))
)
_COUNTS = (
    learning_agreement.c.year,
    learning_agreement.c.approved,
    learning_agreement.c.modified,
    learning_agreement.c.latest,
)
_COUNTED = select(*_COUNTS, func.count()).where(learning_agreement.c.latest.is_not(None)).group_by(*_COUNTS)
_COUNTED_SENT = _COUNTED.where(_OURS)
_COUNTED_RECEIVED = _COUNTED.where(_THEIRS)
