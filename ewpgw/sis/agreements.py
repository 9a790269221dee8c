"""Agreements: where each stands, what differs, and which copy of the partner it is mapped to."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, StringConstraints

from ewpgw.agreements import comparing
from ewpgw.agreements.comparing import Version
from ewpgw.agreements.completing import KIND
from ewpgw.agreements.known import Known, load
from ewpgw.model.iia_states import MEANINGS, Move, conflict, next_step, refusal, state
from ewpgw.sis import cursors, shown
from ewpgw.sis.agreement_views import (
    AgreementDetailView,
    AgreementPage,
    AgreementView,
    ComparedConditionView,
    ComparisonView,
    DifferenceView,
    HashPartingView,
    MappingProposalsView,
    MappingProposalView,
    RefusedMoveView,
    SnapshotDetailView,
    SnapshotsView,
    SnapshotView,
    TheirCopyView,
    UnmappedCopiesView,
    UnmappedCopyView,
)
from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.sis.parameters import HeiPath, Page
from ewpgw.store import agreements, records, snapshots
from ewpgw.store.records import RecordKey

if TYPE_CHECKING:
    from ewpgw.agreements.comparing import Comparison
    from ewpgw.store.engine import Store
    from ewpgw.store.snapshots import Snapshot, SnapshotSummary

_IiaId = Annotated[
    str, StringConstraints(pattern=r"^[!-~]{1,64}$"), Field(description="Our identifier.", examples=["2024/17"])
]
_MOST_UNMAPPED = 1000


class AgreementPath(HeiPath):
    """Paths of one agreement of ours."""

    iia_id: _IiaId


class SnapshotPath(AgreementPath):
    """Paths of one version that both sides approved."""

    number: Annotated[int, Field(ge=1, le=2**31 - 1, description="Counted from 1 within the agreement.")]


class SnapshotPartPath(SnapshotPath):
    """Paths of one document of a snapshot."""

    part: Annotated[
        Literal["our-copy", "their-copy", "their-approval"],
        Field(description="Our copy as served, the partner's as received, or its answer that approves ours."),
    ]


class ComparisonQuery(Nothing):
    """What to compare."""

    of: Literal["both-copies", "our-changes", "their-changes"] = Field(
        default="both-copies",
        description="`both-copies`: ours and the partner's as they are now; `our-changes`, `their-changes`: the "
        "version that both approved last, and that side's copy now.",
    )


class UnmappedQuery(Nothing):
    """Copies of all partners, or one."""

    partner: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")] | None = Field(
        default=None, description="Only copies of this partner."
    )


async def find(store: Store, path: AgreementPath) -> Known:
    """The agreement that the path names, refused (404) where there is none."""
    known = (await load(store, path.hei_id, [path.iia_id])).get(path.iia_id)
    if known is None:
        raise unknown()
    return known


def unknown() -> ApiError:
    """The answer for an agreement that is not there."""
    return ApiError(404, "unknown-agreement", "there is no such agreement of ours, and no draft of one")


async def _list(call: Call[HeiPath, Page, None]) -> Answer:
    store, hei_id, query = call.services.store, call.path.hei_id, call.query
    found = await agreements.ids_page(store, hei_id, after=query.after, limit=query.limit + 1)
    ids, last = cursors.cut(found, query.limit)
    known = await load(store, hei_id, ids)
    return Answer(body=AgreementPage(items=[_view(known[our_id]) for our_id in ids if our_id in known], next=last))


async def _get(call: Call[AgreementPath, Nothing, None]) -> Answer:
    store, path = call.services.store, call.path
    known = await find(store, path)
    facts, theirs = known.facts, known.theirs
    refused = [(move, refusal(move, facts)) for move in Move]
    draft = await snapshots.draft(store, path.hei_id, path.iia_id)
    return Answer(
        body=AgreementDetailView(
            agreement=_view(known),
            refused_moves=[
                RefusedMoveView(move=move, code=why.code, words=why.words) for move, why in refused if why is not None
            ],
            ours=shown.document(known.ours.document if known.ours is not None else None),
            theirs=None
            if theirs is None or facts.theirs is None
            else TheirCopyView(
                iia_id=theirs.id,
                valid=facts.theirs.valid,
                iia_hash=theirs.iia_hash,
                our_id=theirs.our_id,
                approvable=facts.theirs.approvable,
                document=shown.document(theirs.document),
            ),
            draft=shown.document(draft.document if draft is not None else None),
        )
    )


def _view(known: Known) -> AgreementView:
    facts, standing = known.facts, known.standing
    here, found = state(facts), conflict(facts)
    return AgreementView(
        iia_id=facts.iia_id,
        partner=facts.partner,
        their_id=facts.their_id,
        mapping=facts.mapping,
        how=standing.how if standing is not None else None,
        state=here,
        meaning=MEANINGS[here],
        next=next_step(facts),
        conflict=found.words if found is not None else None,
        copies_equal=facts.same,
        our_hash=facts.ours.iia_hash if facts.ours is not None else None,
        their_hash=facts.theirs.iia_hash if facts.theirs is not None else None,
        our_approval=facts.given,
        their_approval=facts.received,
        approved_by_us=facts.given_counts,
        approved_by_partner=facts.received_counts,
        ever_approved_by_both=facts.agreed is not None,
        draft=facts.draft,
        moves=[move for move in Move if refusal(move, facts) is None],
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
    return Answer(body=_comparison(await asyncio.to_thread(comparing.compare, a, b)))


async def _ours(call: Call[AgreementPath, ComparisonQuery, None], known: Known) -> Version | None:
    if known.ours is None or known.ours.document is None:
        return None
    key = RecordKey(call.path.hei_id, KIND.name, call.path.iia_id)
    body = await records.fragment(call.services.store, key, KIND.version)
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


async def _propose_mapping(call: Call[AgreementPath, Nothing, None]) -> Answer:
    store, path = call.services.store, call.path
    known = await find(store, path)
    if known.ours is None or known.ours.document is None:
        return Answer(body=MappingProposalsView(items=[], split=[]))
    copies = await comparing.candidates(store, path.hei_id, known.ours.document)
    found = await asyncio.to_thread(comparing.proposals, path.iia_id, known.ours.document, copies)
    return Answer(
        body=MappingProposalsView(
            items=[
                MappingProposalView(
                    iia_id=item.iia_id,
                    iia_code=item.iia_code,
                    iia_hash=item.iia_hash,
                    score=item.score,
                    reasons=list(item.reasons),
                )
                for item in found.items
            ],
            split=list(found.split),
        )
    )


async def _unmapped(call: Call[HeiPath, UnmappedQuery, None]) -> Answer:
    store, hei_id = call.services.store, call.path.hei_id
    pairs = await agreements.unmapped_copies(store, hei_id, call.query.partner, _MOST_UNMAPPED)
    copies = await agreements.their_records(store, hei_id, [iia_id for _, iia_id in pairs])
    return Answer(
        body=UnmappedCopiesView(
            items=[
                UnmappedCopyView(
                    partner=copy.partner,
                    iia_id=copy.id,
                    iia_code=json.loads(copy.document)["partner"][0].get("iia_code"),
                    our_id=copy.our_id,
                )
                for pair in pairs
                if (copy := copies.get(pair)) is not None
            ]
        )
    )


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
        "our-copy": KIND.wrap([found.our_body]),
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
    )


ALL: Final = "/api/v1/heis/{hei_id}/agreements"
ONE: Final = ALL + "/{iia_id}"
TAG: Final = "Agreements"

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_agreements",
        "GET",
        ALL,
        _list,
        tag=TAG,
        summary="See where agreements stand",
        description="Ours, and drafts. What they say is among the records; this is what has become of them.",
        parameters=HeiPath,
        query=Page,
        body=NO_BODY,
        responses=[Response(200, "A page of agreements.", AgreementPage)],
    ),
    operation(
        "get_agreement",
        "GET",
        ONE,
        _get,
        tag=TAG,
        summary="See one agreement with both copies",
        description="With all that can be done now, and why the rest cannot.",
        parameters=AgreementPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The agreement.", AgreementDetailView)],
    ),
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
    operation(
        "propose_mappings",
        "GET",
        ONE + "/mapping-proposals",
        _propose_mapping,
        tag=TAG,
        summary="Find the partner's copy of an agreement",
        description="Copies that name our agreement are mapped by themselves. For the others there is a score, with "
        "its reasons; a person confirms (POST …/mapping).",
        parameters=AgreementPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "What may be its copy.", MappingProposalsView)],
    ),
    operation(
        "list_unmapped_copies",
        "GET",
        "/api/v1/heis/{hei_id}/unmapped-copies",
        _unmapped,
        tag=TAG,
        summary="See which copies of partners are of no agreement of ours",
        parameters=HeiPath,
        query=UnmappedQuery,
        body=NO_BODY,
        responses=[Response(200, "The copies.", UnmappedCopiesView)],
    ),
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
