"""Answering what partners propose: sign it, or comment on it. Refused with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StringConstraints

from ewpgw.learning_agreements.refusing import LearningAgreementRefused, UnknownLearningAgreement
from ewpgw.learning_agreements.service import Signer
from ewpgw.sis.deciding import Comment, ProposalId, Request
from ewpgw.sis.errors import ApiError
from ewpgw.sis.learning_agreement_paths import RECEIVED_ONE, TAG, ReceivedAgreementPath, unknown_received
from ewpgw.sis.learning_agreement_views import AnsweredView
from ewpgw.sis.operations import Answer, Call, Nothing, Operation, Response, model_body, operation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from pydantic import JsonValue

    from ewpgw.learning_agreements.service import Answered

_Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern="^[^\x00-\x1f\x7f\ufffe\uffff]+$")]
_Email = Annotated[str, StringConstraints(max_length=200, pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+$")]


class SignerBody(Request):
    """Who signs for our institution. The partner gets all of it."""

    name: _Line = Field(description="Full name.")
    position: _Line = Field(description="The position in the institution.")
    email: _Email = Field(description="Where the partner can write to.")


class AgreementApproval(Request):
    """What is signed, and by whom."""

    proposal_id: ProposalId = Field(
        description="The `proposal_id` that the person saw; refused where it is another now."
    )
    signer: SignerBody


class AgreementComment(AgreementApproval):
    """What is not signed, and why."""

    comment: Comment = Field(description="Why not, and what should be changed. The student may read it.")


async def _approve(call: Call[ReceivedAgreementPath, Nothing, AgreementApproval]) -> Answer:
    path, wanted = call.path, call.body
    return await _tried(
        path,
        call.services.learning_agreements.approve(
            path.hei_id,
            path.partner,
            path.omobility_id,
            proposal_id=wanted.proposal_id,
            signer=_signer(wanted.signer),
            within=lambda tx, done: call.keep(tx, _answered(path, done)),
        ),
    )


async def _comment(call: Call[ReceivedAgreementPath, Nothing, AgreementComment]) -> Answer:
    path, wanted = call.path, call.body
    return await _tried(
        path,
        call.services.learning_agreements.comment(
            path.hei_id,
            path.partner,
            path.omobility_id,
            proposal_id=wanted.proposal_id,
            comment=wanted.comment,
            signer=_signer(wanted.signer),
            within=lambda tx, done: call.keep(tx, _answered(path, done)),
        ),
    )


def _signer(body: SignerBody) -> Signer:
    return Signer(body.name, body.position, body.email)


def _answered(path: ReceivedAgreementPath, done: Answered) -> Answer:
    return Answer(body=AnsweredView(omobility_id=path.omobility_id, verdict=done.verdict, already=done.already))


async def _tried(path: ReceivedAgreementPath, answer: Awaitable[Answered]) -> Answer:
    """What an answer leads to, or the words that say why it is not possible."""
    try:
        return _answered(path, await answer)
    except UnknownLearningAgreement:
        raise unknown_received() from None
    except LearningAgreementRefused as refused:
        why = refused.refusal
        raise ApiError(412 if why.conflict else 409, why.code, why.words) from None


_ERRORS: Final = {
    404: "No such learning agreement has come.",
    409: "It is not possible now; `code` and `message` say why.",
    412: "It has changed since it was looked at; the newest version is being fetched, look again.",
}
_SEEN: Final[Mapping[str, JsonValue]] = {
    "proposal_id": "9f2c6a3e0b7d4c1f8a5e2d9b6c3f0a7e4d1b8c5f2a9e6d3b0c7f4a1e8d5b2c9f",
    "signer": {
        "name": "João Silva",
        "position": "Departmental coordinator",
        "email": "joao.silva@south.example",
    },
}

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "approve_learning_agreement",
        "POST",
        RECEIVED_ONE + "/approve",
        _approve,
        tag=TAG,
        summary="Sign what a partner proposes",
        description="The first version, or a list of changes, that was seen. Approving twice is approving once. The "
        "signature is sent exactly once, however often the network fails; `decision` of the agreement says what became "
        "of it.",
        parameters=ReceivedAgreementPath,
        query=Nothing,
        body=model_body(AgreementApproval, "What was seen, and who signs.", {**_SEEN}),
        responses=[Response(200, "It is signed.", AnsweredView)],
        errors=_ERRORS,
        scope="decide",
    ),
    operation(
        "comment_learning_agreement",
        "POST",
        RECEIVED_ONE + "/comment",
        _comment,
        tag=TAG,
        summary="Do not sign what a partner proposes, and say why",
        description="That ends the proposal; what was agreed on before holds. The partner proposes anew.",
        parameters=ReceivedAgreementPath,
        query=Nothing,
        body=model_body(
            AgreementComment,
            "What was seen, why it is not signed, and who says so.",
            {**_SEEN, "comment": "CS-340 is not given in autumn."},
        ),
        responses=[Response(200, "It is commented on.", AnsweredView)],
        errors=_ERRORS,
        scope="decide",
    ),
)
