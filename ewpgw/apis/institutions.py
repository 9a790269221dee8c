"""Institutions API 2: who we are (ewp-specs-api-institutions, stable-v2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.declaration import Api, Endpoint, Parameter
from ewpgw.model.entities import ENTITIES
from ewpgw.store import records

if TYPE_CHECKING:
    from ewpgw.apis.call import Call
    from ewpgw.identity import Identity

_ENTITY = ENTITIES["institutions"]


async def institutions(call: Call) -> bytes:
    """The asked-for institutions that this URL serves, which is its own HEI; unknown ids are left out.

    Where the SIS gave no record, the names and other ids of the settings are served: the API is never empty about us.
    """
    asked = call.parameters.all("hei_id")
    found = await records.fragments(
        call.store, call.hei_id, _ENTITY.name, _ENTITY.newest.version, asked, caller_heis=call.callers
    )
    fragments = dict(found)
    if call.hei_id in asked and call.hei_id not in fragments:
        fragments[call.hei_id] = from_settings(call.node.identity)
    return _ENTITY.newest.wrap(fragments.values())


def from_settings(identity: Identity) -> bytes:
    """The institution as the settings describe it, as a fragment of the response."""
    settings = identity.settings
    record = _ENTITY.model.model_validate(
        {
            "hei_id": identity.hei_id,
            "other_id": [{"type": other.type, "value": other.value} for other in settings.other_ids],
            "name": [{"value": name.text, "lang": name.lang} for name in settings.names],
        }
    )
    return _ENTITY.newest.encode(record).fragment


INSTITUTIONS = Api(
    name="institutions",
    version="2.2.0",
    repository="ewp-specs-api-institutions",
    entry=("url", "max-hei-ids"),
    endpoints=(
        Endpoint(
            "",
            ("GET", "POST"),
            institutions,
            (Parameter("hei_id", required=True, repeatable=True, limit="max-hei-ids"),),
        ),
    ),
    entity="institutions",
)
