"""Learning agreements: where each stands, ours and those of partners, and what a proposal would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import Field

from ewpgw.learning_agreements.nominated import nominated
from ewpgw.learning_agreements.received import with_copies
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_after import as_approved, as_proposed
from ewpgw.model.learning_agreement_diff import differences
from ewpgw.model.learning_agreement_standing import MEANINGS, Stage
from ewpgw.model.learning_agreement_states import ALLOWED, RECEIVER_MOVES, Move
from ewpgw.sis import conditions, cursors, shown
from ewpgw.sis.learning_agreement_paths import (
    RECEIVED,
    RECEIVED_ONE,
    SENT,
    SENT_ONE,
    TAG,
    ReceivedAgreementPath,
    SentAgreementPath,
    find_received,
    unknown_sent,
)
from ewpgw.sis.learning_agreement_views import (
    InFullView,
    PastView,
    ReceivedAgreementDetailView,
    ReceivedAgreementPage,
    ReceivedAgreementView,
    SentAgreementDetailView,
    SentAgreementPage,
    SentAgreementView,
)
from ewpgw.sis.nominations import decision_view, delivery_view
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.sis.parameters import HeiPath, Page, Partner
from ewpgw.store import learning_agreements, mobility_deliveries, records
from ewpgw.store.copies import CopyState
from ewpgw.store.learning_agreements import ENTITY
from ewpgw.store.records import RecordKey

if TYPE_CHECKING:
    from ewpgw.learning_agreements.received import ReceivedAgreement
    from ewpgw.model.learning_agreement_standing import Standing
    from ewpgw.store.learning_agreements import StoredAgreement
    from ewpgw.store.mobility_deliveries import Delivered


class AgreementsQuery(Page):
    """Learning agreements in all stages or one, with all partners or one."""

    partner: Partner | None = Field(default=None, description="Only agreements with this partner.")
    stage: Stage | None = Field(default=None, description="Only agreements in this stage.")


async def _list_sent(call: Call[HeiPath, AgreementsQuery, None]) -> Answer:
    store, hei_id, query = call.services.store, call.path.hei_id, call.query
    found = await learning_agreements.list_page(
        store,
        hei_id,
        sent=True,
        partner=query.partner,
        stage=query.stage,
        after=None if query.after is None else (hei_id, query.after),
        limit=query.limit + 1,
    )
    page, last = cursors.cut(found, query.limit)
    delivered = await mobility_deliveries.get_many(store, hei_id, ENTITY, [one.omobility_id for one in page])
    return Answer(
        body=SentAgreementPage(
            items=[_sent(one, delivered.get(one.omobility_id)) for one in page],
            next=None if last is None else last.omobility_id,
        )
    )


async def _get_sent(call: Call[SentAgreementPath, Nothing, None]) -> Answer:
    store, hei_id, item = call.services.store, call.path.hei_id, call.path.omobility_id
    one = await learning_agreements.get(store, hei_id, item)
    stored = await records.get(store, RecordKey(hei_id, ENTITY, item))
    if one is None or stored is None or stored.document is None:
        raise unknown_sent()
    record = LearningAgreement.model_validate_json(stored.document)
    nomination = (await nominated(store, hei_id, [item])).get(item)
    delivered = await mobility_deliveries.get_many(store, hei_id, ENTITY, [item])
    return Answer(
        body=SentAgreementDetailView(
            agreement=_sent(one, delivered.get(item)),
            document=shown.document(stored.document),
            in_full=_in_full(record),
            warnings=shown.problems(tuple(nomination.problems(record)) if nomination is not None else ()),
            history=_history(one.standing),
        ),
        headers={"ETag": conditions.etag(stored.revision)},
    )


async def _list_received(call: Call[HeiPath, AgreementsQuery, None]) -> Answer:
    store, hei_id, query = call.services.store, call.path.hei_id, call.query
    behind: tuple[str, str] | None = None
    if query.after is not None:
        partner, item = cursors.decode(query.after, 2)
        behind = (partner, item)
    found = await learning_agreements.list_page(
        store, hei_id, sent=False, partner=query.partner, stage=query.stage, after=behind, limit=query.limit + 1
    )
    page, last = cursors.cut(found, query.limit)
    return Answer(
        body=ReceivedAgreementPage(
            items=[_received(one) for one in await with_copies(store, hei_id, page)],
            next=None if last is None else cursors.encode(last.sending_hei_id, last.omobility_id),
        )
    )


async def _get_received(call: Call[ReceivedAgreementPath, Nothing, None]) -> Answer:
    known = await find_received(call.services.store, call.path)
    return Answer(
        body=ReceivedAgreementDetailView(
            agreement=_received(known),
            document=shown.document(known.copy.document),
            in_full=_in_full(as_it_stands(known)),
            history=_history(known.standing),
        )
    )


def as_it_stands(known: ReceivedAgreement) -> LearningAgreement:
    """A partner's agreement as it stands, with an answer of ours that the partner has taken.

    A proposal that we have commented on does not wait any more, though the partner may still show it.
    """
    here = known.standing
    versions = {
        "first_version": here.first_version,
        "approved_changes": here.approved_changes,
        "changes_proposal": here.current,
    }
    return known.record.model_copy(update=versions)


def _sent(one: StoredAgreement, delivered: Delivered | None) -> SentAgreementView:
    here = one.standing
    return SentAgreementView(
        **_common(one, here),
        delivered=delivery_view(delivered) if delivered is not None and delivered.number == one.number else None,
        answered_at=one.decided_at,
        answered_exchange=one.decided_exchange_id,
        shown=one.listed,
        deletable=Move.DELETE in ALLOWED[here.stage],
    )


def _received(known: ReceivedAgreement) -> ReceivedAgreementView:
    """A learning agreement of a partner's, as lists have it."""
    here, copy = known.standing, known.copy
    possible = here.current is not None and copy.state is not CopyState.GONE
    return ReceivedAgreementView(
        **_common(known.stored, here),
        decision=decision_view(known.decision, here.proposal_id) if known.decision is not None else None,
        copy_state=copy.state,
        fetched_at=copy.fetched_at,
        moves=[move for move in Move if possible and move in ALLOWED[here.stage] & RECEIVER_MOVES],
    )


def _common(one: StoredAgreement, here: Standing) -> dict[str, Any]:
    return {
        "omobility_id": one.omobility_id,
        "partner": one.partner,
        "receiving_academic_year_id": one.year,
        "mobility_type": cast("Literal['semester', 'blended', 'doctoral']", one.mobility_type),
        "stage": here.stage,
        "meaning": MEANINGS[here.stage],
        "proposal_id": here.proposal_id,
        "comment": here.comment,
        "changed_at": one.changed_at,
    }


def _in_full(record: LearningAgreement) -> InFullView:
    approved, proposed = as_approved(record), as_proposed(record)
    return InFullView(
        approved=None if approved is None else approved.to_json(),
        proposed=None if proposed is None else proposed.to_json(),
        difference=differences(record),
    )


def _history(here: Standing) -> list[PastView]:
    return [
        PastView(
            proposal_id=one.proposal.id or "",
            approved=one.approved,
            comment=one.comment,
            signer=one.signature.signer_name if one.signature is not None else None,
            answered_at=one.signature.timestamp if one.signature is not None else None,
        )
        for one in here.past
    ]


OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_sent_learning_agreements",
        "GET",
        SENT,
        _list_sent,
        tag=TAG,
        summary="See where learning agreements of ours stand",
        description="What they say is among the records; this is what has become of them.",
        parameters=HeiPath,
        query=AgreementsQuery,
        body=NO_BODY,
        responses=[Response(200, "A page of learning agreements.", SentAgreementPage)],
    ),
    operation(
        "get_sent_learning_agreement",
        "GET",
        SENT_ONE,
        _get_sent,
        tag=TAG,
        summary="See one learning agreement of ours",
        description="With all changes applied, what a proposal would change, and every answer so far. To propose a "
        "first version or changes, put its record.",
        parameters=SentAgreementPath,
        query=Nothing,
        body=NO_BODY,
        responses=[
            Response(
                200,
                "The agreement.",
                SentAgreementDetailView,
                headers={"ETag": "The revision of its record, in quotes."},
            )
        ],
        errors={404: "There is no such learning agreement."},
    ),
    operation(
        "list_received_learning_agreements",
        "GET",
        RECEIVED,
        _list_received,
        tag=TAG,
        summary="See what partners propose for their students",
        parameters=HeiPath,
        query=AgreementsQuery,
        body=NO_BODY,
        responses=[Response(200, "A page of learning agreements.", ReceivedAgreementPage)],
    ),
    operation(
        "get_received_learning_agreement",
        "GET",
        RECEIVED_ONE,
        _get_received,
        tag=TAG,
        summary="See one learning agreement of a partner's",
        description="As it would stand after the proposal, and what that would change, component by component.",
        parameters=ReceivedAgreementPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The agreement.", ReceivedAgreementDetailView)],
        errors={404: "No such learning agreement has come."},
    ),
)
