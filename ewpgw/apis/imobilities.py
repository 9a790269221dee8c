"""Incoming Mobilities API 2 and 1: what became of the students that partners nominated to us.

Sources: ewp-specs-api-imobilities, stable-v2 and stable-v1. Nominations are named by the identifiers of the
institutions that send the students, and each sees its own. Version 1 also wants to be told at which institution the
students are; at another than the one that the URL belongs to there are none here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.declaration import Api, Endpoint, Parameter
from ewpgw.model.entities import ENTITIES
from ewpgw.store import records

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_ENTITY = ENTITIES["imobilities"]


async def get(call: Call) -> bytes:
    """What is known of the asked-for nominations of the caller's; every other id is left out."""
    shape = _ENTITY.shape(call.api.major)
    ids: list[str] = []
    if all(named == call.hei_id for named in call.parameters.all("receiving_hei_id")):
        asked = call.parameters.all("omobility_id")
        ids = [f"{caller}:{each}" for each in asked for caller in sorted(call.callers)]
    found = await records.fragments(call.store, call.hei_id, _ENTITY.name, shape.version, ids, caller_heis=call.callers)
    return shape.wrap(fragment for _, fragment in found)


_IDS = Parameter("omobility_id", required=True, repeatable=True, limit="max-omobility-ids")

IMOBILITIES = Api(
    name="imobilities",
    version="2.0.0",
    repository="ewp-specs-api-imobilities",
    entry=("get-url", "max-omobility-ids"),
    endpoints=(Endpoint("get", ("GET", "POST"), get, (_IDS,)),),
    entity="imobilities",
    identifier="omobility_id",
    pulled=True,
    asked_about="omobilities",
)

IMOBILITIES_1 = Api(
    name="imobilities",
    version="1.0.0",
    repository="ewp-specs-api-imobilities",
    entry=("get-url", "max-omobility-ids", "sends-notifications"),
    endpoints=(Endpoint("get", ("GET", "POST"), get, (Parameter("receiving_hei_id", required=True), _IDS)),),
    entity="imobilities",
    identifier="omobility_id",
    owner="receiving_hei_id",
    pulled=True,
    asked_about="omobilities",
    stated=(("sends-notifications", ""),),
)
