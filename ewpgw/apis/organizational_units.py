"""Organizational Units API 2: faculties, institutes and offices of ours (ewp-specs-api-ounits, stable-v2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.apis.call import CallRefused
from ewpgw.apis.declaration import Api, Endpoint, Parameter
from ewpgw.model.entities import ENTITIES
from ewpgw.store import records

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_ENTITY = ENTITIES["organizational-units"]


async def organizational_units(call: Call) -> bytes:
    """The asked-for units, by id or by code; unknown ones are left out. Another HEI's id is refused with 400."""
    hei_id = call.parameters.text("hei_id")
    if hei_id != call.hei_id:
        raise CallRefused(400, f"hei_id {hei_id} is not served here; this URL serves the units of {call.hei_id}")
    unit_ids = call.parameters.all("ounit_id")
    if not unit_ids:
        codes = call.parameters.all("ounit_code")
        unit_ids = tuple(await records.ids_of_codes(call.store, call.hei_id, _ENTITY.name, codes))
    found = await records.fragments(
        call.store, call.hei_id, _ENTITY.name, _ENTITY.newest.version, unit_ids, caller_heis=call.callers
    )
    return _ENTITY.newest.wrap(fragment for _, fragment in found)


ORGANIZATIONAL_UNITS = Api(
    name="organizational-units",
    version="2.1.1",
    repository="ewp-specs-api-ounits",
    entry=("url", "max-ounit-ids", "max-ounit-codes"),
    endpoints=(
        Endpoint(
            "",
            ("GET", "POST"),
            organizational_units,
            (
                Parameter("hei_id", required=True),
                Parameter("ounit_id", repeatable=True, limit="max-ounit-ids"),
                Parameter("ounit_code", repeatable=True, limit="max-ounit-codes"),
            ),
            exactly_one_of=("ounit_id", "ounit_code"),
        ),
    ),
    entity="organizational-units",
)
