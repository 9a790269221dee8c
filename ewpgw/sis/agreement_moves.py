"""Moves with agreements: propose, map, approve, revert, terminate, delete. Each is refused with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from ewpgw.agreements.service import MoveRefused, UnknownAgreement
from ewpgw.model.iia_states import Move
from ewpgw.sis import agreement_paths, conditions, shown
from ewpgw.sis.agreement_paths import ONE, TAG, AgreementPath
from ewpgw.sis.agreement_views import DraftView, MovedView
from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import NO_BODY, Answer, Body, Call, Nothing, Operation, Response, model_body, operation
from ewpgw.sis.records import EXAMPLE, SOURCE

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.agreements.service import Within
    from ewpgw.sis.operations import BodyT

_Move = Call[AgreementPath, Nothing, None]
DoneT = TypeVar("DoneT")


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class ApprovalRequest(_Request):
    """What is approved, and by whom."""

    iia_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="The hash of the partner's copy that the person saw, `their_hash`; refused where it is another now."
    )
    by: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = Field(
        default=None, description="Who approves, to be kept with the approval. It stays in this house."
    )
    pdf_file: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,255}$")] | None = Field(
        default=None,
        description="A file of ours, by its id: the agreement as a signed PDF, which the partner can fetch.",
    )


class MappingRequest(_Request):
    """Which copy of the partner is of the agreement."""

    partner_iia_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")] = Field(
        description="As the partner numbers it."
    )


async def _approve(call: Call[AgreementPath, Nothing, ApprovalRequest]) -> Answer:
    path, wanted = call.path, call.body
    answer = _moved(path, Move.APPROVE)
    await tried(
        call.services.agreements.approve(
            path.hei_id,
            path.iia_id,
            wanted.iia_hash,
            by=wanted.by,
            pdf_file=wanted.pdf_file,
            only_if=conditions.condition(call.headers),
            within=_keeping(call, answer),
        )
    )
    return answer


async def _map(call: Call[AgreementPath, Nothing, MappingRequest]) -> Answer:
    path, answer = call.path, _moved(call.path, Move.MAP)
    within = _keeping(call, answer)
    await tried(
        call.services.agreements.map(
            path.hei_id,
            path.iia_id,
            call.body.partner_iia_id,
            only_if=conditions.condition(call.headers),
            within=within,
        ),
    )
    return answer


async def _unmap(call: _Move) -> Answer:
    path, answer = call.path, Answer(204)
    await tried(
        call.services.agreements.unmap(
            path.hei_id, path.iia_id, only_if=conditions.condition(call.headers), within=_keeping(call, answer)
        )
    )
    return answer


async def _propose(call: _Move) -> Answer:
    path, answer = call.path, _moved(call.path, Move.PROPOSE)
    within = _keeping(call, answer)
    await tried(
        call.services.agreements.propose(
            path.hei_id, path.iia_id, source=SOURCE, only_if=conditions.condition(call.headers), within=within
        )
    )
    return answer


async def _revert(call: _Move) -> Answer:
    path, answer = call.path, _moved(call.path, Move.REVERT)
    within = _keeping(call, answer)
    await tried(
        call.services.agreements.revert(
            path.hei_id, path.iia_id, source=SOURCE, only_if=conditions.condition(call.headers), within=within
        )
    )
    return answer


async def _terminate(call: _Move) -> Answer:
    path, answer = call.path, _moved(call.path, Move.TERMINATE)
    within = _keeping(call, answer)
    await tried(
        call.services.agreements.terminate(
            path.hei_id, path.iia_id, source=SOURCE, only_if=conditions.condition(call.headers), within=within
        )
    )
    return answer


async def _delete(call: _Move) -> Answer:
    path, answer = call.path, Answer(204)
    within = _keeping(call, answer)
    await tried(
        call.services.agreements.delete(
            path.hei_id, path.iia_id, source=SOURCE, only_if=conditions.condition(call.headers), within=within
        )
    )
    return answer


async def _keep_draft(call: Call[AgreementPath, Nothing, JsonValue]) -> Answer:
    path = call.path
    try:
        problems = await call.services.agreements.keep_draft(
            path.hei_id, path.iia_id, call.body, source=SOURCE, only_if=conditions.condition(call.headers)
        )
    except MoveRefused as refused:
        raise _answer_to(refused) from None
    return Answer(body=DraftView(iia_id=path.iia_id, problems=shown.problems(problems)))


async def _drop_draft(call: _Move) -> Answer:
    path, answer = call.path, Answer(204)
    await tried(
        call.services.agreements.drop_draft(
            path.hei_id, path.iia_id, only_if=conditions.condition(call.headers), within=_keeping(call, answer)
        )
    )
    return answer


def _moved(path: AgreementPath, move: Move) -> Answer:
    return Answer(body=MovedView(iia_id=path.iia_id, move=move))


def _keeping(call: Call[AgreementPath, Nothing, BodyT], answer: Answer) -> Within:
    """Keeps the answer with the move, for repetitions under the same Idempotency-Key."""

    async def keep(tx: AsyncConnection) -> None:
        await call.keep(tx, answer)

    return keep


async def tried(move: Awaitable[DoneT]) -> DoneT:
    """What a move gives, or the answer that says why it is not possible."""
    try:
        return await move
    except UnknownAgreement:
        raise agreement_paths.unknown() from None
    except MoveRefused as refused:
        raise _answer_to(refused) from None


def _answer_to(refused: MoveRefused) -> ApiError:
    why = refused.refusal
    if refused.problems:
        return ApiError(422, why.code, why.words, problems=shown.problems(refused.problems))
    return ApiError(412 if why.code in _SEEN_ANOTHER else 409, why.code, why.words)


_SEEN_ANOTHER = ("copy-changed", "changed-meanwhile")
_NONE = "There is no such agreement."
_REFUSED = "It is not possible now; `code` and `message` say why."
_CHANGED = "It has changed since it was looked at; look again."
_ERRORS: Final = {404: _NONE, 409: _REFUSED, 412: _CHANGED}
_IF_MATCH: Final = {"If-Match": "The ETag of the agreement as it was looked at; 412 where anything has changed since."}
_FAULTY = "What would be served has faults, which are in problems."


def _as_draft(value: JsonValue, _text: str) -> JsonValue:
    if not isinstance(value, dict):
        raise ApiError(400, "bad-parameter", "the body does not fit: a draft is an object; send an agreement")
    return value


_DRAFT: Final[Body[JsonValue]] = Body(
    description="The agreement, by the schema of agreements as far as it is written; it may still have any fault.",
    schema={"type": "object"},
    read=_as_draft,
    example=EXAMPLE,
)

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "keep_draft",
        "PUT",
        ONE + "/draft",
        _keep_draft,
        tag=TAG,
        summary="Keep a draft of an agreement, or of a change",
        description="Neither served nor announced, until it is proposed. Records that are put otherwise are proposed "
        "at once.",
        parameters=AgreementPath,
        query=Nothing,
        body=_DRAFT,
        request_headers={**_IF_MATCH, "If-None-Match": "`*`: only where there is neither an agreement nor a draft."},
        responses=[Response(200, "It is kept, with these faults and warnings.", DraftView)],
        errors={409: _REFUSED, 412: _CHANGED},
    ),
    operation(
        "drop_draft",
        "DELETE",
        ONE + "/draft",
        _drop_draft,
        tag=TAG,
        summary="Give up a draft",
        parameters=AgreementPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(204, "It is gone; what is served stays as it is.", media_type=None)],
        errors={404: "There is no draft.", 412: _CHANGED},
    ),
    operation(
        "propose_agreement",
        "POST",
        ONE + "/propose",
        _propose,
        tag=TAG,
        summary="Propose a draft to the partner",
        description="It is served from now on, and the partner is told.",
        parameters=AgreementPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(200, "It is proposed.", MovedView)],
        errors={**_ERRORS, 422: _FAULTY},
    ),
    operation(
        "map_agreement",
        "POST",
        ONE + "/mapping",
        _map,
        tag=TAG,
        summary="Confirm which copy of the partner is of an agreement",
        description="Our copy names it from now on, and the partner is told.",
        parameters=AgreementPath,
        query=Nothing,
        body=model_body(MappingRequest, "Which copy.", {"partner_iia_id": "S-0042"}),
        request_headers=_IF_MATCH,
        responses=[Response(200, "It is mapped.", MovedView)],
        errors=_ERRORS,
        scope="decide",
    ),
    operation(
        "unmap_agreement",
        "DELETE",
        ONE + "/mapping",
        _unmap,
        tag=TAG,
        summary="Say that the mapped copy is of something else",
        description="Our copy no longer names it, an approval of it is withdrawn, and the partner is told. It is not "
        "mapped by itself again.",
        parameters=AgreementPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(204, "The mapping is cut.", media_type=None)],
        errors=_ERRORS,
        scope="decide",
    ),
    operation(
        "approve_agreement",
        "POST",
        ONE + "/approve",
        _approve,
        tag=TAG,
        summary="Approve the partner's copy",
        description="The copy as it was seen. Approving twice is approving once. When both have approved, the version "
        "is kept with its evidence, and the agreement is in effect.",
        parameters=AgreementPath,
        query=Nothing,
        body=model_body(ApprovalRequest, "What was seen.", {"iia_hash": "0" * 64, "by": "A. Coordinator"}),
        request_headers=_IF_MATCH,
        responses=[Response(200, "It is approved, and the partner is told.", MovedView)],
        errors=_ERRORS,
        scope="decide",
    ),
    operation(
        "revert_agreement",
        "POST",
        ONE + "/revert",
        _revert,
        tag=TAG,
        summary="Go back to the version that both sides approved last",
        description="The partner's approval of that version counts again, unless it has approved a later one.",
        parameters=AgreementPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(200, "That version is served again, and the partner is told.", MovedView)],
        errors={**_ERRORS, 422: _FAULTY},
        scope="decide",
    ),
    operation(
        "terminate_agreement",
        "POST",
        ONE + "/terminate",
        _terminate,
        tag=TAG,
        summary="Propose to terminate an agreement as a whole",
        description="Only before anybody has gone abroad under it; afterwards, change its last academic years instead. "
        "It ends when both sides have approved that.",
        parameters=AgreementPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(200, "The termination is proposed, and the partner is told.", MovedView)],
        errors={**_ERRORS, 422: _FAULTY},
        scope="decide",
    ),
    operation(
        "delete_agreement",
        "DELETE",
        ONE,
        _delete,
        tag=TAG,
        summary="Delete an agreement that both sides never approved",
        description="With its draft. The partner is told; the identifier is never used again, unless it was a draft "
        "alone.",
        parameters=AgreementPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(204, "It is deleted.", media_type=None)],
        errors=_ERRORS,
        scope="decide",
    ),
)
