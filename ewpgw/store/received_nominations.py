"""Nominations that partners send, by what lists and counts ask for: where each stands, and what its agreement is about.

A row stands beside each copy that could be read, written whenever the copy or a published decision changes, so that
nobody has to read copies to count them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, func, or_, select, tuple_

from ewpgw.model.omobility_checks import TAKING, Terms
from ewpgw.store.decisions import DecisionState
from ewpgw.store.dialects import insert
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.nominations import ENTITY
from ewpgw.store.tables import decision, received_nomination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.omobility import Status


@dataclass(frozen=True, slots=True)
class NominationHere:
    """A nomination that ``terms.sending_hei_id`` sends to ``terms.receiving_hei_id``.

    ``sending_iia_id`` and ``receiving_iia_id`` are what the two call the agreement it is under, None where it does not
    say; ``gone``: the partner serves it no longer.
    """

    omobility_id: str
    terms: Terms
    status: Status
    sending_iia_id: str | None
    receiving_iia_id: str | None
    gone: bool


async def put(tx: AsyncConnection, here: NominationHere) -> None:
    """Keep where a nomination stands, in place of where it stood."""
    key = {
        "hei_id": here.terms.receiving_hei_id,
        "partner": here.terms.sending_hei_id,
        "omobility_id": here.omobility_id,
    }
    content = {
        "status": here.status.value,
        "gone": here.gone,
        "sending_iia_id": here.sending_iia_id,
        "receiving_iia_id": here.receiving_iia_id,
        "year": here.terms.receiving_academic_year_id,
        "isced_f_code": here.terms.agreement_isced_f_code,
        "eqf_level": here.terms.eqf_level,
        "activity_attributes": here.terms.activity_attributes,
    }
    statement = insert(tx, received_nomination).values(**key, **content)
    await tx.execute(statement.on_conflict_do_update(index_elements=list(key), set_=content))


async def places_taken(
    source: Readable,
    hei_id: str,
    partner: str,
    *,
    sending_iia_id: str | None,
    receiving_iia_id: str | None,
    besides: str,
) -> Counter[Terms]:
    """How many nominations of a partner's take a place under an agreement, by their terms, ``besides`` this one.

    They are under it where either side's identifier of the agreement is the same. Those that are gone or called off, or
    that were rejected, take none.
    """
    taken: Counter[Terms] = Counter()
    values = {
        "hei": hei_id,
        "at_partner": partner,
        "besides": besides,
        "sending_iia": sending_iia_id,
        "receiving_iia": receiving_iia_id,
    }
    for row in await fetch(source, _PLACES_TAKEN, values):
        terms = Terms(partner, hei_id, row.year, row.isced_f_code, row.eqf_level, row.activity_attributes)
        taken[terms] += row.number
    return taken


async def list_page(
    source: Readable,
    hei_id: str,
    *,
    partner: str | None = None,
    status: Status | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> Sequence[tuple[str, str]]:
    """Up to ``limit`` partners and identifiers of nominations, in that order, from the one behind ``after`` on.

    ``status``: those that may stand so. A decision that the partner took since the copy was fetched counts already, but
    is not in the row: whoever reads the copies sees.
    """
    columns = received_nomination.c
    statement = select(columns.partner, columns.omobility_id).where(columns.hei_id == hei_id)
    if partner is not None:
        statement = statement.where(columns.partner == partner)
    if status is not None:
        made = decision.c.state == DecisionState.MADE.value
        statement = statement.outerjoin(decision, _DECIDED)
        statement = statement.where(or_(columns.status == status.value, and_(made, decision.c.verdict == status.value)))
    if after is not None:
        statement = statement.where(tuple_(columns.partner, columns.omobility_id) > after)
    statement = statement.order_by(columns.partner, columns.omobility_id).limit(limit)
    return [(row.partner, row.omobility_id) for row in await fetch(source, statement)]


_DECIDED = and_(
    decision.c.hei_id == received_nomination.c.hei_id,
    decision.c.entity == ENTITY,
    decision.c.partner == received_nomination.c.partner,
    decision.c.id == received_nomination.c.omobility_id,
)
_TERMS = (
    received_nomination.c.year,
    received_nomination.c.isced_f_code,
    received_nomination.c.eqf_level,
    received_nomination.c.activity_attributes,
)
_PLACES_TAKEN = (
    select(*_TERMS, func.count().label("number"))
    .where(
        received_nomination.c.hei_id == bindparam("hei"),
        received_nomination.c.partner == bindparam("at_partner"),
        received_nomination.c.omobility_id != bindparam("besides"),
        received_nomination.c.gone.is_(False),
        received_nomination.c.status.in_(sorted(TAKING)),
        # null is equal to nothing: an agreement that is not named has no nominations
        or_(
            received_nomination.c.sending_iia_id == bindparam("sending_iia"),
            received_nomination.c.receiving_iia_id == bindparam("receiving_iia"),
        ),
    )
    .group_by(*_TERMS)
)
