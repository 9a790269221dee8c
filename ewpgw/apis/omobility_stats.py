"""Outgoing Mobility Stats API 1: how many nominations wait for a decision, and how many are approved.

Any member of the network may ask; letting the Stats Portal in is a duty (ewp-specs-architecture, EWP Statistics).
Source: ewp-specs-api-omobility-stats, stable-v1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.declaration import EWP, Api, Endpoint
from ewpgw.model.omobility import Status
from ewpgw.store import nomination_stats

if TYPE_CHECKING:
    from ewpgw.apis.answers import Child
    from ewpgw.apis.call import Call

_RESPONSE = f"{EWP}ewp-specs-api-omobility-stats/tree/stable-v1"


async def stats(call: Call) -> bytes:
    """The figures for each receiving academic year in which there is a nomination, in whatever state."""
    years: list[Child] = []
    for year, figures in (await nomination_stats.by_year(call.store, call.hei_id)).items():
        of_year: list[Child] = [
            ("receiving-academic-year-id", year),
            ("omobility-pending", str(figures.get(Status.PENDING, 0))),
            ("omobility-approved", str(figures.get(Status.APPROVED, 0))),
        ]
        years.append(("academic-year-stats", of_year))
    return document(_RESPONSE, "omobility-stats-response", years)


OMOBILITY_STATS = Api(
    name="omobility-stats",
    version="1.0.0",
    repository="ewp-specs-api-omobility-stats",
    entry=("url",),
    endpoints=(Endpoint("", ("GET",), stats),),
    about="omobilities",
)
