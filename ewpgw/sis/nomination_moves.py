"""What can be done with nominations: approve, reject, cancel, submit again, tell who came. Refused with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from pydantic import Field, StringConstraints

from ewpgw.model.omobility_states import Move
from ewpgw.nominations.refusing import NominationRefused, UnknownNomination
from ewpgw.records import RevisionConflict
from ewpgw.sis import conditions
from ewpgw.sis.deciding import Comment, ProposalId, Request
from ewpgw.sis.errors import ApiError
from ewpgw.sis.nomination_paths import (
    RECEIVED_ONE,
    SENT_ONE,
    TAG,
    ReceivedPath,
    SentPath,
    unknown_received,
    unknown_sent,
)
from ewpgw.sis.nomination_views import DecidedView, SentMoveView
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, model_body, operation
from ewpgw.sis.records import SOURCE, put_answer
from ewpgw.sis.views import PutView

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.nominations.service import Decided
    from ewpgw.records import Outcome

DoneT = TypeVar("DoneT")
_By = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Date = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class NominationApproval(Request):
    """What is approved, and by whom."""

    proposal_id: ProposalId = Field(
        description="The `proposal_id` that the person saw; refused where it is another now."
    )
    by: _By | None = Field(default=None, description="Who decides, to be kept. It stays in this house.")


class NominationRejection(NominationApproval):
    """What is rejected, why, and by whom."""

    comment: Comment = Field(description="Why, and what should be changed. The partner's staff reads it.")


class Dates(Request):
    """When the student came and left."""

    actual_arrival_date: _Date | None = Field(default=None, description="Left out: not here yet.")
    actual_departure_date: _Date | None = Field(default=None, description="Left out: still here.")


async def _approve(call: Call[ReceivedPath, Nothing, NominationApproval]) -> Answer:
    path, wanted = call.path, call.body
    done = await _tried(
        call.services.nominations.approve(
            path.hei_id,
            path.partner,
            path.omobility_id,
            proposal_id=wanted.proposal_id,
            by=wanted.by,
            within=lambda tx, done: call.keep(tx, _decided(path, done)),
        ),
        unknown_received(),
    )
    return Answer(
        body=DecidedView(omobility_id=path.omobility_id, status=done.status, how=done.how, already=done.already)
    )


async def _reject(call: Call[ReceivedPath, Nothing, NominationRejection]) -> Answer:
    path, wanted = call.path, call.body
    done = await _tried(
        call.services.nominations.reject(
            path.hei_id,
            path.partner,
            path.omobility_id,
            proposal_id=wanted.proposal_id,
            comment=wanted.comment,
            by=wanted.by,
            within=lambda tx, done: call.keep(tx, _decided(path, done)),
        ),
        unknown_received(),
    )
    return Answer(
        body=DecidedView(omobility_id=path.omobility_id, status=done.status, how=done.how, already=done.already)
    )


async def _cancel(call: Call[SentPath, Nothing, None]) -> Answer:
    path = call.path
    changed = await _tried(
        call.services.nominations.cancel(
            path.hei_id,
            path.omobility_id,
            only_if=conditions.condition(call.headers),
            within=lambda tx, changed: call.keep(tx, _moved(path, Move.CANCEL, changed=changed)),
        ),
        unknown_sent(),
    )
    return _moved(path, Move.CANCEL, changed=changed)


async def _resubmit(call: Call[SentPath, Nothing, None]) -> Answer:
    path = call.path
    changed = await _tried(
        call.services.nominations.resubmit(
            path.hei_id,
            path.omobility_id,
            only_if=conditions.condition(call.headers),
            within=lambda tx, changed: call.keep(tx, _moved(path, Move.RESUBMIT, changed=changed)),
        ),
        unknown_sent(),
    )
    return _moved(path, Move.RESUBMIT, changed=changed)


async def _put_dates(call: Call[ReceivedPath, Nothing, Dates]) -> Answer:
    path, dates = call.path, call.body
    item = f"{path.partner}:{path.omobility_id}"

    async def keep(tx: AsyncConnection, outcome: Outcome) -> None:
        if outcome.result not in ("refused", "retired"):
            await call.keep(tx, put_answer(item, outcome))

    outcome = await _tried(
        call.services.nominations.put_dates(
            path.hei_id,
            path.partner,
            path.omobility_id,
            dates.actual_arrival_date,
            dates.actual_departure_date,
            source=SOURCE,
            only_if=conditions.condition(call.headers),
            within=keep,
        ),
        unknown_received(),
    )
    call.services.bell.ring()
    return put_answer(item, outcome)


def _decided(path: ReceivedPath, done: Decided) -> Answer:
    return Answer(
        body=DecidedView(omobility_id=path.omobility_id, status=done.status, how=done.how, already=done.already)
    )


def _moved(path: SentPath, move: Move, *, changed: bool) -> Answer:
    return Answer(body=SentMoveView(omobility_id=path.omobility_id, move=move, already=not changed))


async def _tried(move: Awaitable[DoneT], unknown: ApiError) -> DoneT:
    """What a move gives, or the answer that says why it is not possible."""
    try:
        return await move
    except UnknownNomination:
        raise unknown from None
    except NominationRefused as refused:
        why = refused.refusal
        raise ApiError(412 if why.conflict else 409, why.code, why.words) from None
    except RevisionConflict as conflict:
        raise conditions.precondition_failed(conflict.current) from None


_NONE = "There is no such nomination."
_REFUSED = "It is not possible now; `code` and `message` say why."
_CHANGED = "It has changed since it was looked at; the newest version is being fetched, look again."
_OTHER_REVISION = "The record is not at the revision that If-Match names."
_ERRORS: Final = {404: _NONE, 409: _REFUSED}
_IF_MATCH: Final = {"If-Match": "The ETag that the change is based on; 412 where the record is at another revision."}
_SEEN: Final = {"proposal_id": "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "approve_nomination",
        "POST",
        RECEIVED_ONE + "/approve",
        _approve,
        tag=TAG,
        summary="Accept a student",
        description="As nominated by the proposal that was seen. Approving twice is approving once. The decision is "
        "sent exactly once, however often the network fails; `decision` of the nomination says what became of it.",
        parameters=ReceivedPath,
        query=Nothing,
        body=model_body(NominationApproval, "What was seen.", {**_SEEN, "by": "A. Coordinator"}),
        responses=[Response(200, "It is decided.", DecidedView)],
        errors={**_ERRORS, 412: _CHANGED},
        scope="decide",
    ),
    operation(
        "reject_nomination",
        "POST",
        RECEIVED_ONE + "/reject",
        _reject,
        tag=TAG,
        summary="Do not accept a student as nominated",
        description="With a comment, which the partner gets. What is approved cannot be rejected any more.",
        parameters=ReceivedPath,
        query=Nothing,
        body=model_body(
            NominationRejection,
            "What was seen, and why not.",
            {**_SEEN, "comment": "No places are left."},
        ),
        responses=[Response(200, "It is decided.", DecidedView)],
        errors={**_ERRORS, 412: _CHANGED},
        scope="decide",
    ),
    operation(
        "put_arrival_dates",
        "PUT",
        RECEIVED_ONE + "/dates",
        _put_dates,
        tag=TAG,
        summary="Tell when a student came and left",
        description="Both dates each time; the partner is told.",
        parameters=ReceivedPath,
        query=Nothing,
        body=model_body(Dates, "The dates.", {"actual_arrival_date": "2026-09-01"}),
        request_headers=_IF_MATCH,
        responses=[
            Response(200, "There were dates: changed, or unchanged.", PutView, headers={"ETag": "The revision."}),
            Response(201, "These are the first.", PutView, headers={"ETag": "The revision."}),
        ],
        errors={**_ERRORS, 412: _OTHER_REVISION, 422: "The dates are refused, for the reasons in problems."},
    ),
    operation(
        "cancel_nomination",
        "POST",
        SENT_ONE + "/cancel",
        _cancel,
        tag=TAG,
        summary="Call off the stay of a student of ours",
        description="The partner is told. It can be submitted again.",
        parameters=SentPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(200, "It is cancelled.", SentMoveView)],
        errors={**_ERRORS, 412: _OTHER_REVISION},
        scope="decide",
    ),
    operation(
        "resubmit_nomination",
        "POST",
        SENT_ONE + "/resubmit",
        _resubmit,
        tag=TAG,
        summary="Submit again, as it is, what was rejected or cancelled",
        description="To change it, put its record; that submits it again by itself.",
        parameters=SentPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(200, "It is pending.", SentMoveView)],
        errors={**_ERRORS, 412: _OTHER_REVISION},
        scope="decide",
    ),
)
