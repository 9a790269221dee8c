"""What the copies of an agreement say differently: both as they are, or one then and now."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ewpgw.agreements import comparing
from ewpgw.agreements.comparing import Version
from ewpgw.agreements.completing import ENTITY, SHAPE
from ewpgw.sis.agreement_paths import ONE, TAG, AgreementPath, find
from ewpgw.sis.agreement_views import ComparedConditionView, ComparisonView, DifferenceView, HashPartingView
from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.store import records, snapshots
from ewpgw.store.records import RecordKey

if TYPE_CHECKING:
    from ewpgw.agreements.comparing import Comparison
    from ewpgw.agreements.known import Known
    from ewpgw.store.snapshots import Snapshot


class ComparisonQuery(Nothing):
    """What to compare."""

    of: Literal["both-copies", "our-changes", "their-changes"] = Field(
        default="both-copies",
        description="`both-copies`: ours and the partner's as they are now; `our-changes`, `their-changes`: the "
        "version that both approved last, and that side's copy now.",
    )


async def _compare(call: Call[AgreementPath, ComparisonQuery, None]) -> Answer:
    store, path, of = call.services.store, call.path, call.query.of
    known = await find(store, path)
    agreed = await snapshots.last(store, path.hei_id, path.iia_id)
    ours, theirs = await _ours(call, known), _theirs(known)
    pair = {
        "both-copies": (ours, theirs),
        "our-changes": (_then(agreed, ours=True), ours),
        "their-changes": (_then(agreed, ours=False), theirs),
    }[of]
    a, b = pair
    if a is None or b is None:
        words = (
            "there are not two copies to compare: ours is not proposed, or the partner's is not mapped or not fetched"
            if of == "both-copies"
            else "no version that both sides approved is kept, or the copy is not there now"
        )
        raise ApiError(404, "nothing-to-compare", words)
    names = None if of == "both-copies" else ("the approved version", "the version now")
    return Answer(body=_comparison(await asyncio.to_thread(comparing.compare, a, b, names)))


async def _ours(call: Call[AgreementPath, ComparisonQuery, None], known: Known) -> Version | None:
    if known.ours is None or known.ours.document is None:
        return None
    key = RecordKey(call.path.hei_id, ENTITY, call.path.iia_id)
    body = await records.fragment(call.services.store, key, SHAPE.version)
    return Version(known.ours.document, body) if body is not None else None


def _theirs(known: Known) -> Version | None:
    return Version(known.theirs.document, known.theirs.body) if known.theirs is not None else None


def _then(agreed: Snapshot | None, *, ours: bool) -> Version | None:
    if agreed is None:
        return None
    if ours:
        return Version(agreed.our_document, agreed.our_body)
    return Version(agreed.their_document, agreed.their_body)


def _comparison(found: Comparison) -> ComparisonView:
    diff, parting = found.diff, found.parting
    return ComparisonView(
        a=diff.a,
        b=diff.b,
        prevents_approval=diff.prevents_approval,
        differences=[
            DifferenceView(
                path_a=each.path_a,
                path_b=each.path_b,
                field=each.field,
                a=each.a,
                b=each.b,
                prevents_approval=each.prevents_approval,
                words=each.words,
            )
            for each in diff.differences
        ],
        conditions=[
            ComparedConditionView(
                title=each.title, outcome=each.outcome, paths_a=list(each.paths_a), paths_b=list(each.paths_b)
            )
            for each in diff.conditions
        ],
        notes=list(diff.notes),
        hash_parting=None
        if parting is None
        else HashPartingView(
            condition=parting.condition, before=parting.before, a=parting.a, b=parting.b, words=parting.words
        ),
    )


OPERATIONS: tuple[Operation, ...] = (
    operation(
        "compare_agreement",
        "GET",
        ONE + "/comparison",
        _compare,
        tag=TAG,
        summary="Compare the copies of an agreement",
        description="Condition by condition, matched by what they say. Hashes of the two copies are never equal, since "
        "each begins with its owner's identifier; `hash_parting` shows what else is unlike.",
        parameters=AgreementPath,
        query=ComparisonQuery,
        body=NO_BODY,
        responses=[Response(200, "The differences; none where they say the same.", ComparisonView)],
    ),
)
