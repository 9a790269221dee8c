"""Incoming Mobility ToR Stats API 1: how many transcripts the institution has issued.

Any member of the network may ask; letting the Stats Portal in is a duty (ewp-specs-architecture, EWP Statistics).
Source: ewp-specs-api-imobility-tor-stats 1, response.xsd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.declaration import EWP, Api, Endpoint
from ewpgw.store import transcripts

if TYPE_CHECKING:
    from ewpgw.apis.answers import Child
    from ewpgw.apis.call import Call

_RESPONSE = f"{EWP}ewp-specs-api-imobility-tor-stats/tree/stable-v1"


async def stats(call: Call) -> bytes:
    """The figure for each receiving academic year with a transcript that a partner may see."""
    years: list[Child] = [
        (
            "academic-year-stats",
            [("receiving-academic-year-id", year), ("imobility-tor-total", str(number))],
        )
        for year, number in (await transcripts.by_year(call.store, call.hei_id)).items()
    ]
    return document(_RESPONSE, "imobility-tor-stats-response", years)


IMOBILITY_TOR_STATS = Api(
    name="imobility-tor-stats",
    version="1.0.0",
    repository="ewp-specs-api-imobility-tor-stats",
    entry=("url",),
    endpoints=(Endpoint("", ("GET",), stats),),
    about="imobility-tors",
)
