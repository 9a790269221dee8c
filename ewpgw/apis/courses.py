"""Courses API 0.7: courses, modules and degree programmes of ours (ewp-specs-api-courses, v0.7.1).

Every member of the network may ask; the specification lets servers take anonymous callers too, which this one does
not: with the list of all courses at hand, that would open the whole catalogue to every robot of the internet.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from ewpgw.apis.call import CallRefused
from ewpgw.apis.declaration import Api, Endpoint, Parameter
from ewpgw.apis.values import day
from ewpgw.model.course_instances import narrowed
from ewpgw.model.entities import ENTITIES
from ewpgw.store import records

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_ENTITY = ENTITIES["courses"]


async def courses(call: Call) -> bytes:
    """The asked-for courses, by id or by code, with their instances of the asked-for time; unknown ones are left out.

    Another HEI's id is refused with 400. A course is served as it is now, whatever ``los_at_date`` says: a server may
    know no other version (README, los_at_date).
    """
    hei_id = call.parameters.text("hei_id")
    if hei_id != call.hei_id:
        raise CallRefused(400, f"hei_id {hei_id} is not served here; this URL serves the courses of {call.hei_id}")
    los_ids = call.parameters.all("los_id")
    if not los_ids:
        codes = call.parameters.all("los_code")
        los_ids = tuple(await records.ids_of_codes(call.store, call.hei_id, _ENTITY.name, codes))
    shape = _ENTITY.newest
    found = await records.fragments(
        call.store, call.hei_id, _ENTITY.name, shape.version, los_ids, caller_heis=call.callers
    )
    before, after = _day(call, "lois_before"), _day(call, "lois_after")
    return shape.wrap(narrowed(fragment, before=before, after=after) for _, fragment in found)


def _day(call: Call, name: str) -> date | None:
    given = call.parameters.one(name)
    return given if isinstance(given, date) else None


COURSES = Api(
    name="courses",
    version="0.7.1",
    repository="ewp-specs-api-courses",
    entry=("url", "max-los-ids", "max-los-codes"),
    endpoints=(
        Endpoint(
            "",
            ("GET", "POST"),
            courses,
            (
                Parameter("hei_id", required=True),
                Parameter("los_id", repeatable=True, limit="max-los-ids"),
                Parameter("los_code", repeatable=True, limit="max-los-codes"),
                Parameter("lois_before", day),
                Parameter("lois_after", day),
                Parameter("los_at_date", day),
            ),
            exactly_one_of=("los_id", "los_code"),
        ),
    ),
    entity="courses",
    identifier="los_id",
    owner="hei_id",
    pulled=True,
    listed_by="simple-course-replication",
)
