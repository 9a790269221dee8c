"""Mobility Factsheet API 1: what incoming students need to know of us (ewp-specs-api-factsheet, stable-v1)."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from ewpgw.apis.answers import cacheable
from ewpgw.apis.declaration import Api, Endpoint, Parameter
from ewpgw.model.entities import ENTITIES
from ewpgw.store import records

if TYPE_CHECKING:
    from ewpgw.apis.call import Call, Reply

_ENTITY = ENTITIES["factsheet"]
_CACHING = {"Cache-Control": "private, max-age=3600"}


async def factsheets(call: Call) -> Reply:
    """The asked-for factsheets that this URL serves, which is its own HEI's; unknown ids are left out.

    Servers are recommended to let clients cache (ewp-specs-api-factsheet, Caching); an hour's delay does no harm to
    what is rarely changed.
    """
    asked = call.parameters.all("hei_id")
    found = await records.fragments(
        call.store, call.hei_id, _ENTITY.name, _ENTITY.newest.version, asked, caller_heis=call.callers
    )
    body = _ENTITY.newest.wrap(fragment for _, fragment in found)
    return cacheable(call, body, sha256(body).hexdigest()[:32], _CACHING)


FACTSHEET = Api(
    name="factsheet",
    version="1.2.0",
    repository="ewp-specs-api-factsheet",
    entry=("url", "max-hei-ids"),
    endpoints=(
        Endpoint(
            "",
            ("GET", "POST"),
            factsheets,
            (Parameter("hei_id", required=True, repeatable=True, limit="max-hei-ids"),),
        ),
    ),
    entity="factsheet",
    identifier="hei_id",
    one_per_hei=True,
    pulled=True,
)
