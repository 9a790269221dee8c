"""Interinstitutional Agreements API 7: our copies of the agreements (ewp-specs-api-iias, stable-v7)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.values import academic_year_id, date_time
from ewpgw.model.entities import ENTITIES
from ewpgw.store import records

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_ENTITY = ENTITIES["iias"]
_RESPONSES = f"{EWP}ewp-specs-api-iias/blob/stable-v7/endpoints"


async def get(call: Call) -> bytes:
    """The asked-for agreements that the caller is a partner of; every other id is left out."""
    ids = call.parameters.all("iia_id")
    found = await records.fragments(
        call.store, call.hei_id, _ENTITY.name, _ENTITY.version, ids, caller_heis=call.callers
    )
    return _ENTITY.wrap(fragment for _, fragment in found)


async def index(call: Call) -> bytes:
    """The ids of what ``get`` would serve this caller, narrowed by academic years and by the moment of change."""
    since = call.parameters.one("modified_since")
    years = call.parameters.all("receiving_academic_year_id")
    ids = await records.index(
        call.store,
        call.hei_id,
        _ENTITY.name,
        call.callers,
        modified_since=since if isinstance(since, datetime) else None,
        academic_years=years or None,
    )
    return document(f"{_RESPONSES}/index-response.xsd", "iias-index-response", [("iia-id", iia_id) for iia_id in ids])


async def stats(call: Call) -> bytes:
    """How many agreements partners can fetch, and how far approval has come.

    Approvals are exchanged by the IIAs Approval API alone, which this gateway does not run yet: no agreement is
    approved through it on either side, so the approval figures are nought. Any member of the network may ask;
    letting the Stats Portal in is a duty (ewp-specs-architecture, EWP Statistics).
    """
    fetchable = (await records.counts(call.store, call.hei_id)).get(_ENTITY.name, 0)
    figures = {
        "iia-fetchable": fetchable,
        "iia-local-unapproved-partner-approved": 0,
        "iia-local-approved-partner-unapproved": 0,
        "iia-both-approved": 0,
    }
    children = [(name, str(figure)) for name, figure in figures.items()]
    return document(f"{_RESPONSES}/stats-response.xsd", "iias-stats-response", children)


IIAS = Api(
    name="iias",
    version="7.0.0",
    repository="ewp-specs-api-iias",
    entry=("get-url", "max-iia-ids", "index-url", "stats-url"),
    endpoints=(
        Endpoint(
            "get",
            ("GET", "POST"),
            get,
            (Parameter("iia_id", required=True, repeatable=True, limit="max-iia-ids"),),
        ),
        Endpoint(
            "index",
            ("GET", "POST"),
            index,
            (
                Parameter("receiving_academic_year_id", academic_year_id, repeatable=True),
                Parameter("modified_since", date_time),
            ),
        ),
        Endpoint("stats", ("GET",), stats),
    ),
    entity="iias",
    identifier="iia_id",
)
