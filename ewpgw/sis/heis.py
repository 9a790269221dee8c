"""The covered HEIs, and whether the gateway is alive and ready."""

from __future__ import annotations

from ewpgw.model.entities import ENTITIES
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.sis.views import CheckView, HeisView, HeiView, LivenessView, ReadinessView


async def _list(call: Call[Nothing, Nothing, None]) -> Answer:
    entities = sorted(ENTITIES)
    return Answer(
        body=HeisView(
            items=[
                HeiView(hei_id=hei_id, public_url=hei.public_url, names=dict(hei.names), entities=entities)
                for hei_id, hei in sorted(call.services.heis.items())
                if call.caller is None or call.caller.opens(hei_id)
            ]
        )
    )


async def _live(_call: Call[Nothing, Nothing, None]) -> Answer:
    return Answer(body=LivenessView())


async def _ready(call: Call[Nothing, Nothing, None]) -> Answer:
    readiness = await call.services.readiness()
    checks = [CheckView(name=check.name, ok=check.ok, detail=check.detail) for check in readiness.checks]
    return Answer(200 if readiness.ok else 503, ReadinessView(ok=readiness.ok, checks=checks))


OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_heis",
        "GET",
        "/api/v1/heis",
        _list,
        tag="Institutions",
        summary="List the covered HEIs",
        parameters=Nothing,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The HEIs that this gateway covers and the token opens.", HeisView)],
    ),
    operation(
        "health_live",
        "GET",
        "/health/live",
        _live,
        tag="Health",
        summary="Ask whether the process answers",
        parameters=Nothing,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "It does.", LivenessView)],
        public=True,
    ),
    operation(
        "health_ready",
        "GET",
        "/health/ready",
        _ready,
        tag="Health",
        summary="Ask whether the gateway can do its work",
        parameters=Nothing,
        query=Nothing,
        body=NO_BODY,
        responses=[
            Response(200, "Every check passed.", ReadinessView),
            Response(503, "At least one check failed.", ReadinessView),
        ],
        public=True,
    ),
)
