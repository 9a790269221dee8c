"""What the student information system asks the gateway to do: fetch from a partner, notify partners once more."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from ewpgw.model.entities import ENTITIES
from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import Answer, Call, Nothing, Operation, Response, model_body, operation, unknown_entity
from ewpgw.sis.parameters import HeiPath, NotificationRequest, RefreshRequest
from ewpgw.sis.views import NotificationView, RefreshView
from ewpgw.store import records
from ewpgw.store.records import RecordKey


async def _refresh(call: Call[HeiPath, Nothing, RefreshRequest]) -> Answer:
    wanted = call.body
    if wanted.entity not in ENTITIES:
        raise unknown_entity()
    pulled = sorted(call.services.pulled)
    if wanted.id is None and wanted.entity not in pulled:
        raise ApiError(
            400,
            "id-required",
            f"partners have no index of {wanted.entity}; name the one to fetch by its id. Without an id there are "
            f"{', '.join(pulled)}",
            details={"entities": list[JsonValue](pulled)},
        )
    await call.services.request_refresh(call.path.hei_id, wanted.entity, wanted.partner, wanted.id)
    return Answer(202, RefreshView(entity=wanted.entity, partner=wanted.partner, id=wanted.id))


async def _notify(call: Call[HeiPath, Nothing, NotificationRequest]) -> Answer:
    wanted = call.body
    if wanted.entity not in ENTITIES:
        raise unknown_entity()
    record = await records.get(call.services.store, RecordKey(call.path.hei_id, wanted.entity, wanted.id))
    if record is None:
        raise ApiError(404, "unknown-record", "there is no such record, and there never was; nobody can be notified")
    count = await call.services.records.notify_again(call.path.hei_id, wanted.entity, wanted.id)
    return Answer(202, NotificationView(entity=wanted.entity, id=wanted.id, deliveries=count))


_TAG: Final = "Requests"

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "request_refresh",
        "POST",
        "/api/v1/heis/{hei_id}/refreshes",
        _refresh,
        tag=_TAG,
        summary="Fetch from a partner now",
        description="The fetch happens in the background; what it finds arrives in the changes, and how it goes is "
        "among the work. Entities that partners have no index of are fetched by their ids alone.",
        parameters=HeiPath,
        query=Nothing,
        body=model_body(
            RefreshRequest, "What to fetch.", {"entity": "iias", "partner": "south.example", "id": "S-0042"}
        ),
        responses=[Response(202, "It is asked for.", RefreshView)],
    ),
    operation(
        "request_notification",
        "POST",
        "/api/v1/heis/{hei_id}/notifications",
        _notify,
        tag=_TAG,
        summary="Notify the partners of a record once more",
        description="Partners are notified of changes anyway; this is for a partner that lost a notification.",
        parameters=HeiPath,
        query=Nothing,
        body=model_body(NotificationRequest, "Of which record.", {"entity": "iias", "id": "2024/17"}),
        responses=[Response(202, "It is asked for.", NotificationView)],
    ),
)
