"""Simple Course Replication API 1: which courses of ours there are (ewp-specs-api-course-replication, v1.0.0-rc9).

Manifests have no room for the rest of a release candidate's number, so it is announced as 1.0.0.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ewpgw.apis.answers import document
from ewpgw.apis.call import CallRefused
from ewpgw.apis.declaration import Api, Endpoint, Parameter
from ewpgw.apis.values import date_time
from ewpgw.model.entities import ENTITIES
from ewpgw.store import records

if TYPE_CHECKING:
    from ewpgw.apis.call import Call

_ENTITY = ENTITIES["courses"]


async def course_replication(call: Call) -> bytes:
    """The ids of all courses, or of those that changed since a moment. Another HEI's id is refused with 400."""
    hei_id = call.parameters.text("hei_id")
    if hei_id != call.hei_id:
        raise CallRefused(400, f"hei_id {hei_id} is not served here; this URL lists the courses of {call.hei_id}")
    since = call.parameters.one("modified_since")
    ids = await records.index(
        call.store,
        call.hei_id,
        _ENTITY.name,
        call.callers,
        modified_since=since if isinstance(since, datetime) else None,
    )
    namespace = SIMPLE_COURSE_REPLICATION.index_namespace
    return document(namespace, "course-replication-response", [("los-id", los_id) for los_id in ids])


SIMPLE_COURSE_REPLICATION = Api(
    name="simple-course-replication",
    version="1.0.0",
    repository="ewp-specs-api-course-replication",
    entry=("url", "allows-anonymous-access", "supports-modified-since"),
    endpoints=(
        Endpoint(
            "",
            ("GET", "POST"),
            course_replication,
            (Parameter("hei_id", required=True), Parameter("modified_since", date_time)),
        ),
    ),
    about="courses",
    owner="hei_id",
    stated=(("allows-anonymous-access", "false"), ("supports-modified-since", "true")),
)
