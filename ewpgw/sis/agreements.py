"""Agreements: where each stands, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ewpgw.agreements.known import load, version
from ewpgw.model.iia_next_steps import next_step
from ewpgw.model.iia_states import MEANINGS, Move, State, conflict, refusal, state
from ewpgw.sis import conditions, cursors, shown
from ewpgw.sis.agreement_paths import ALL, ONE, TAG, AgreementPath, find
from ewpgw.sis.agreement_views import (
    AgreementDetailView,
    AgreementPage,
    AgreementView,
    RefusedMoveView,
    TheirCopyView,
)
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.sis.parameters import HeiPath, Page, Partner
from ewpgw.store import agreements, snapshots

if TYPE_CHECKING:
    from ewpgw.agreements.known import Known


class AgreementsQuery(Page):
    """Agreements in all states or one, with all partners or one."""

    partner: Partner | None = Field(
        default=None, description="Only agreements with this partner; not drafts that were never proposed."
    )
    state: State | None = Field(default=None, description="Only agreements in this state.")


async def _list(call: Call[HeiPath, AgreementsQuery, None]) -> Answer:
    store, hei_id, query = call.services.store, call.path.hei_id, call.query
    found = await agreements.ids_page(
        store, hei_id, partner=query.partner, state=query.state, after=query.after, limit=query.limit + 1
    )
    ids, last = cursors.cut(found, query.limit)
    known = await load(store, hei_id, ids)
    return Answer(body=AgreementPage(items=[_view(known[our_id]) for our_id in ids if our_id in known], next=last))


async def _get(call: Call[AgreementPath, Nothing, None]) -> Answer:
    store, path = call.services.store, call.path
    known = await find(store, path)
    facts, theirs = known.facts, known.theirs
    refused = [(move, refusal(move, facts)) for move in Move]
    draft = await snapshots.draft(store, path.hei_id, path.iia_id)
    etag = conditions.etag(version(known, draft.document if draft is not None else None))
    return Answer(
        headers={"ETag": etag},
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
        ),
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
        query=AgreementsQuery,
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
        responses=[
            Response(200, "The agreement.", AgreementDetailView, headers={"ETag": "For `If-Match` of its moves."})
        ],
    ),
)
