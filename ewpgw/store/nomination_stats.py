"""How many nominations of ours there are, for the statistics that every member of the network may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from ewpgw.model.omobility import Status
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import nomination

if TYPE_CHECKING:
    from collections.abc import Mapping


async def by_year(source: Readable, hei_id: str) -> Mapping[str, Mapping[Status, int]]:
    """The nominations that are not deleted, by receiving academic year, in order, and by status."""
    found: dict[str, dict[Status, int]] = {}
    for year, status, number in await fetch(source, _BY_YEAR, {"hei": hei_id}):
        found.setdefault(year, {})[Status(status)] = number
    return found


_BY_YEAR = (
    select(nomination.c.year, nomination.c.status, func.count())
    .where(nomination.c.hei_id == bindparam("hei"), nomination.c.deleted.is_(False))
    .group_by(nomination.c.year, nomination.c.status)
    .order_by(nomination.c.year)
)
