"""Interinstitutional Agreements API 7: our copies of the agreements (ewp-specs-api-iias, stable-v7)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.declaration import EWP, Api, Endpoint, Parameter
from ewpgw.apis.values import academic_year_id, date_time
from ewpgw.model.entities import ENTITIES
from ewpgw.store import agreements, records

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_ENTITY = ENTITIES["iias"]
_RESPONSES = f"{EWP}ewp-specs-api-iias/blob/stable-v7/endpoints"


async def get(call: Call) -> bytes:
    """The asked-for agreements that the caller is a partner of; every other id is left out."""
    ids = call.parameters.all("iia_id")
    found = await records.fragments(
        call.store, call.hei_id, _ENTITY.name, _ENTITY.newest.version, ids, caller_heis=call.callers
    )
    return _ENTITY.newest.wrap(fragment for _, fragment in found)


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
    """How many agreements partners can fetch, and how many of them are approved by whom.

    Approvals count while they are of the present version of the approved copy. Any member of the network may ask;
    letting the Stats Portal in is a duty (ewp-specs-architecture, EWP Statistics).
    """
    fetchable = (await records.counts(call.store, call.hei_id)).get(_ENTITY.name, 0)
    approved = await agreements.approvals(call.store, call.hei_id)
    figures = {
        "iia-fetchable": fetchable,
        "iia-local-unapproved-partner-approved": approved.received_only,
        "iia-local-approved-partner-unapproved": approved.given_only,
        "iia-both-approved": approved.both,
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
    pulled=True,
)
