"""Where agreements of ours stand: which copy of the partner each is mapped to, and what the approvals amount to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, exists, false, func, select

from ewpgw.model.iia_states import MappingState, State
from ewpgw.store.dialects import among, insert
from ewpgw.store.engine import AnyRow, Readable, fetch
from ewpgw.store.tables import agreement, iia_draft, partner_copy, record, record_partner

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

ENTITY = "iias"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one agreement stands. One that has no row is as ``fresh`` says.

    - ``their_id`` is the partner's copy: the one it is mapped to, or was, as ``mapping`` says; ``how`` the mapping came
      about: "their copy" or "our record" (an id given in it), or "person"
    - ``given`` and ``received`` are the approvals that count; ``in_effect``: both sides approved some version once
    - ``same``: both copies say the same; ``approvable``: theirs holds no value of version 6, or not yet defined
    """

    our_id: str
    partner: str
    mapping: MappingState
    their_id: str | None
    how: str | None
    mapped_at: datetime | None
    state: State
    given: bool
    received: bool
    in_effect: bool
    same: bool | None
    approvable: bool
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class NamedCopy:
    """A partner's copy as far as mapping goes: ``our_id`` is our agreement that it names, ``gone`` whether it is.

    One that was never ``seen`` is known by its identifier alone.
    """

    partner: str
    id: str
    our_id: str | None
    gone: bool
    seen: bool = True


@dataclass(frozen=True, slots=True)
class OurRecord:
    """Our copy as stored; ``document`` is JSON text, None once deleted."""

    our_id: str
    revision: int
    document: str | None


@dataclass(frozen=True, slots=True)
class TheirRecord:
    """A partner's copy as stored, its last version that could be used."""

    partner: str
    id: str
    state: str
    body: bytes
    document: str
    iia_hash: str
    our_id: str | None
    exchange_id: str | None


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many agreements of ours that are served are approved, by whom (ewp-specs-api-iias 7, stats)."""

    received_only: int
    given_only: int
    both: int


def fresh(our_id: str, partner: str, now: datetime) -> Standing:
    """An agreement that is not mapped and that nobody has approved."""
    return Standing(
        our_id=our_id,
        partner=partner,
        mapping=MappingState.OPEN,
        their_id=None,
        how=None,
        mapped_at=None,
        state=State.PROPOSED,
        given=False,
        received=False,
        in_effect=False,
        same=None,
        approvable=True,
        changed_at=now,
    )


async def get(source: Readable, hei_id: str, our_id: str) -> Standing | None:
    """Where an agreement stands; None where nothing is kept of it."""
    return (await get_many(source, hei_id, [our_id])).get(our_id)


async def get_many(source: Readable, hei_id: str, our_ids: Collection[str]) -> Mapping[str, Standing]:
    """Where these agreements stand, as far as anything is kept of them."""
    rows = await fetch(source, _GET, {"hei": hei_id, "ids": list(our_ids)}) if our_ids else []
    return {row.our_id: _standing(row) for row in rows}


async def mapped_to(source: Readable, hei_id: str, partner: str, their_id: str) -> Standing | None:
    """The agreement of ours that is mapped to a copy of the partner."""
    rows = await fetch(source, _MAPPED_TO, {"hei": hei_id, "partner": partner, "id": their_id})
    return _standing(rows[0]) if rows else None


async def last_known_of(source: Readable, hei_id: str, partner: str, their_id: str) -> Sequence[Standing]:
    """The agreements of ours that were mapped to a copy of the partner until it vanished or a person cut it."""
    rows = await fetch(source, _FORMERLY, {"hei": hei_id, "partner": partner, "id": their_id})
    return [_standing(row) for row in rows]


async def taken(source: Readable, hei_id: str, their_ids: Collection[str]) -> dict[tuple[str, str], str]:
    """The agreements of ours that are mapped to copies with these identifiers, by partner and identifier."""
    rows = await fetch(source, _TAKEN, {"hei": hei_id, "ids": list(their_ids)}) if their_ids else []
    return {(row.partner, row.their_id): row.our_id for row in rows}


async def put(tx: AsyncConnection, hei_id: str, standing: Standing) -> None:
    """Keep where an agreement stands."""
    await put_many(tx, hei_id, [standing])


async def put_many(tx: AsyncConnection, hei_id: str, standings: Sequence[Standing]) -> None:
    """Keep where agreements stand."""
    rows = [
        {"hei_id": hei_id, **asdict(standing), "mapping": standing.mapping.value, "state": standing.state.value}
        for standing in standings
    ]
    if rows:
        statement = insert(tx, agreement)
        content = {name: statement.excluded[name] for name in _CONTENT}
        await tx.execute(statement.on_conflict_do_update(index_elements=["hei_id", "our_id"], set_=content), rows)


async def remove(tx: AsyncConnection, hei_id: str, our_id: str) -> None:
    """Forget where an agreement stands."""
    await tx.execute(_REMOVE, {"at_hei": hei_id, "at_id": our_id})


async def copies_that_name(source: Readable, hei_id: str, our_ids: Collection[str]) -> Sequence[NamedCopy]:
    """The partners' copies that are not gone and name one of these agreements of ours."""
    rows = await fetch(source, _NAMING, {"hei": hei_id, "ids": list(our_ids)}) if our_ids else []
    return [NamedCopy(row.partner, row.id, row.our_id, gone=False) for row in rows]


async def copies_of_ids(source: Readable, hei_id: str, their_ids: Collection[str]) -> Sequence[NamedCopy]:
    """The copies, of whatever partner, with these identifiers of theirs, gone ones too."""
    rows = await fetch(source, _COPIES, {"hei": hei_id, "ids": list(their_ids)}) if their_ids else []
    return [NamedCopy(row.partner, row.id, row.our_id, gone=row.state == "gone") for row in rows]


async def our_records(source: Readable, hei_id: str, our_ids: Collection[str]) -> Mapping[str, OurRecord]:
    """Our copies, deleted ones too."""
    rows = await fetch(source, _OURS, {"hei": hei_id, "ids": list(our_ids)}) if our_ids else []
    return {row.id: OurRecord(row.id, row.revision, row.document) for row in rows}


async def their_records(
    source: Readable, hei_id: str, their_ids: Collection[str]
) -> Mapping[tuple[str, str], TheirRecord]:
    """The copies with these identifiers of which something could be used once, by partner and identifier."""
    rows = await fetch(source, _THEIRS, {"hei": hei_id, "ids": list(their_ids)}) if their_ids else []
    return {(row.partner, row.id): TheirRecord(**row._mapping) for row in rows}


async def has_unmapped(source: Readable, hei_id: str, partner: str) -> bool:
    """Whether some agreement of ours with a partner is mapped to none of its copies."""
    return bool(await fetch(source, _OURS_UNMAPPED, {"hei": hei_id, "partner": partner}))


async def unmapped_copies(source: Readable, hei_id: str, partner: str | None, limit: int) -> Sequence[tuple[str, str]]:
    """Copies that could be used and are mapped to nothing of ours: partner and identifier, in that order."""
    statement = _UNMAPPED if partner is None else _UNMAPPED.where(partner_copy.c.partner == partner)
    return [(row.partner, row.id) for row in await fetch(source, statement, {"hei": hei_id, "most": limit})]


async def ids_page(
    source: Readable,
    hei_id: str,
    *,
    partner: str | None = None,
    state: State | None = None,
    after: str | None,
    limit: int,
) -> list[str]:
    """Up to ``limit`` identifiers of agreements, served ones and drafts, from the one behind ``after`` on.

    Of one ``partner``, or in one ``state``, where these are given. A draft that was never proposed is of no partner.
    """
    values: dict[str, object] = {"hei": hei_id, "after": after or "", "most": limit}
    served = _SERVED_PAGE
    if partner is not None:
        served, values["partner"] = served.where(_WITH_PARTNER), partner
    if state is not None:
        served, values["state"] = served.where(_IN_STATE), state.value
    found = {row[0] for row in await fetch(source, served, values)} if state is not State.DRAFT else set()
    if partner is None and state in (None, State.DRAFT):
        found |= {row[0] for row in await fetch(source, _DRAFTS_PAGE, values)}
    return sorted(found)[:limit]


async def approvals(source: Readable, hei_id: str) -> Approvals:
    """How many agreements are approved, for the statistics. Only approvals of the copies as they are now count."""
    row = (await fetch(source, _APPROVALS, {"hei": hei_id}))[0]
    return Approvals(*(int(figure or 0) for figure in row))


def _standing(row: AnyRow) -> Standing:
    content = {name: getattr(row, name) for name in _CONTENT}
    content |= {"mapping": MappingState(row.mapping), "state": State(row.state)}
    return Standing(our_id=row.our_id, **content)


_CONTENT = tuple(field for field in Standing.__dataclass_fields__ if field != "our_id")
_columns = agreement.c
_IN_HEI = _columns.hei_id == bindparam("hei")
_OF_COPY = and_(_IN_HEI, _columns.partner == bindparam("partner"), _columns.their_id == bindparam("id"))
_IS_MAPPED = _columns.mapping == MappingState.MAPPED.value
_GET = select(agreement).where(_IN_HEI, among(_columns.our_id, "ids"))
_MAPPED_TO = select(agreement).where(_OF_COPY, _IS_MAPPED)
_TAKEN = select(_columns.partner, _columns.their_id, _columns.our_id).where(
    _IN_HEI, _IS_MAPPED, among(_columns.their_id, "ids")
)
_FORMERLY = select(agreement).where(_OF_COPY, _columns.mapping.in_(("vanished", "cut"))).order_by(_columns.our_id)
_REMOVE = delete(agreement).where(_columns.hei_id == bindparam("at_hei"), _columns.our_id == bindparam("at_id"))
_OF_IIAS = and_(partner_copy.c.hei_id == bindparam("hei"), partner_copy.c.entity == ENTITY)
_NAMED = select(partner_copy.c.partner, partner_copy.c.id, partner_copy.c.our_id, partner_copy.c.state)
_NAMING = _NAMED.where(_OF_IIAS, among(partner_copy.c.our_id, "ids"), partner_copy.c.state != "gone").order_by(
    partner_copy.c.partner, partner_copy.c.id
)
_COPIES = _NAMED.where(_OF_IIAS, among(partner_copy.c.id, "ids"))
_UNMAPPED = (
    _NAMED.outerjoin(
        agreement,
        and_(
            _columns.hei_id == partner_copy.c.hei_id,
            _columns.partner == partner_copy.c.partner,
            _columns.their_id == partner_copy.c.id,
            _IS_MAPPED,
        ),
    )
    .where(_OF_IIAS, partner_copy.c.state == "current", _columns.our_id.is_(None))
    .order_by(partner_copy.c.partner, partner_copy.c.id)
    .limit(bindparam("most"))
)
_SERVED_PAGE = (
    select(record.c.id)
    .outerjoin(agreement, and_(_columns.hei_id == record.c.hei_id, _columns.our_id == record.c.id))
    .where(
        record.c.hei_id == bindparam("hei"),
        record.c.entity == ENTITY,
        record.c.deleted == false(),
        record.c.id > bindparam("after"),
    )
    .order_by(record.c.id)
    .limit(bindparam("most"))
)
_IN_STATE = func.coalesce(_columns.state, State.PROPOSED.value) == bindparam("state")
_WITH_PARTNER = exists().where(
    record_partner.c.hei_id == record.c.hei_id,
    record_partner.c.entity == record.c.entity,
    record_partner.c.id == record.c.id,
    record_partner.c.partner == bindparam("partner"),
)
_IS_SERVED = exists().where(
    record.c.hei_id == iia_draft.c.hei_id,
    record.c.entity == ENTITY,
    record.c.id == iia_draft.c.iia_id,
    record.c.deleted == false(),
)
_DRAFTS_PAGE = (
    select(iia_draft.c.iia_id)
    .where(iia_draft.c.hei_id == bindparam("hei"), iia_draft.c.iia_id > bindparam("after"), ~_IS_SERVED)
    .order_by(iia_draft.c.iia_id)
    .limit(bindparam("most"))
)


_OURS = select(record.c.id, record.c.revision, record.c.document).where(
    record.c.hei_id == bindparam("hei"), record.c.entity == ENTITY, among(record.c.id, "ids")
)
_THEIRS = select(
    partner_copy.c.partner,
    partner_copy.c.id,
    partner_copy.c.state,
    partner_copy.c.body,
    partner_copy.c.document,
    partner_copy.c.content_hash.label("iia_hash"),
    partner_copy.c.our_id,
    partner_copy.c.exchange_id,
).where(_OF_IIAS, among(partner_copy.c.id, "ids"), partner_copy.c.body.is_not(None))
_OURS_UNMAPPED = (
    select(record_partner.c.id)
    .outerjoin(
        agreement,
        and_(_columns.hei_id == record_partner.c.hei_id, _columns.our_id == record_partner.c.id, _IS_MAPPED),
    )
    .where(
        record_partner.c.hei_id == bindparam("hei"),
        record_partner.c.entity == ENTITY,
        record_partner.c.partner == bindparam("partner"),
        _columns.our_id.is_(None),
    )
    .limit(1)
)


def _number(given: bool, received: bool) -> ColumnElement[int]:
    return func.sum(case((and_(_columns.given.is_(given), _columns.received.is_(received)), 1), else_=0))


_APPROVALS = select(_number(False, True), _number(True, False), _number(True, True)).where(_IN_HEI)
