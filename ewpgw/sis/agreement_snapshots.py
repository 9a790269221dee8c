"""The versions of an agreement that both sides approved, with what proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ewpgw.agreements.completing import SHAPE
from ewpgw.sis import shown
from ewpgw.sis.agreement_paths import ONE, TAG, AgreementPath, find
from ewpgw.sis.agreement_views import SnapshotDetailView, SnapshotsView, SnapshotView
from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.store import snapshots

if TYPE_CHECKING:
    from ewpgw.store.engine import Store
    from ewpgw.store.snapshots import Snapshot, SnapshotSummary


class SnapshotPath(AgreementPath):
    """Paths of one version that both sides approved."""

    number: Annotated[int, Field(ge=1, le=2**31 - 1, description="Counted from 1 within the agreement.")]


class SnapshotPartPath(SnapshotPath):
    """Paths of one document of a snapshot."""

    part: Annotated[
        Literal["our-copy", "their-copy", "their-approval"],
        Field(description="Our copy as served, the partner's as received, or its answer that approves ours."),
    ]


async def _list_snapshots(call: Call[AgreementPath, Nothing, None]) -> Answer:
    await find(call.services.store, call.path)
    found = await snapshots.list_all(call.services.store, call.path.hei_id, call.path.iia_id)
    return Answer(body=SnapshotsView(items=[_snapshot(each) for each in found]))


async def _get_snapshot(call: Call[SnapshotPath, Nothing, None]) -> Answer:
    found = await _find_snapshot(call.services.store, call.path)
    return Answer(
        body=SnapshotDetailView(
            snapshot=_snapshot(found),
            ours=shown.document(found.our_document),
            theirs=shown.document(found.their_document),
        )
    )


async def _snapshot_part(call: Call[SnapshotPartPath, Nothing, None]) -> Answer:
    found = await _find_snapshot(call.services.store, call.path)
    parts = {
        "our-copy": SHAPE.wrap([found.our_body]),
        "their-copy": found.their_body,
        "their-approval": found.received_body,
    }
    part = call.path.part
    headers = {"Content-Type": "application/xml", "Content-Disposition": f'attachment; filename="{part}.xml"'}
    return Answer(body=parts[part], headers=headers)


async def _find_snapshot(store: Store, path: SnapshotPath) -> Snapshot:
    found = await snapshots.get(store, path.hei_id, path.iia_id, path.number)
    if found is None:
        raise ApiError(404, "unknown-snapshot", "there is no such version; GET …/snapshots lists them")
    return found


def _snapshot(found: SnapshotSummary) -> SnapshotView:
    return SnapshotView(
        number=found.number,
        at=found.at,
        partner=found.partner,
        their_id=found.their_id,
        our_hash=found.our_hash,
        their_hash=found.their_hash,
        terminated=found.terminated,
        approved_by_us_at=found.given_at,
        approved_by=found.given_by,
        approved_by_partner_at=found.received_at,
        their_copy_exchange=found.given_exchange_id,
        their_approval_exchange=found.received_exchange_id,
        our_approval_exchange=found.published_exchange_id,
    )


OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_snapshots",
        "GET",
        ONE + "/snapshots",
        _list_snapshots,
        tag=TAG,
        summary="List the versions that both sides approved",
        parameters=AgreementPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The versions, without their documents.", SnapshotsView)],
    ),
    operation(
        "get_snapshot",
        "GET",
        ONE + "/snapshots/{number}",
        _get_snapshot,
        tag=TAG,
        summary="Read a version that both sides approved",
        parameters=SnapshotPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The version, with both copies.", SnapshotDetailView)],
    ),
    operation(
        "get_snapshot_part",
        "GET",
        ONE + "/snapshots/{number}/{part}",
        _snapshot_part,
        tag=TAG,
        summary="Download the evidence of a version that both sides approved",
        description="As it crossed the network, byte by byte; the signed exchanges are among the exchanges.",
        parameters=SnapshotPartPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The XML.", media_type="application/xml")],
    ),
)
