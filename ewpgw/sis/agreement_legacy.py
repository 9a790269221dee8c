"""Taking over agreements that were approved under API version 6, with their approvals."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from ewpgw.agreements.legacy import ApprovedCopy, FormerAgreement
from ewpgw.sis import shown
from ewpgw.sis.agreement_moves import tried
from ewpgw.sis.agreement_paths import TAG
from ewpgw.sis.agreement_views import TakenOverView
from ewpgw.sis.operations import Answer, Call, Nothing, Operation, Response, model_body, operation
from ewpgw.sis.parameters import HeiPath
from ewpgw.sis.records import SOURCE

_BASE64 = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$"


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ApprovedCopyRequest(_Request):
    """One copy as it was approved under version 6."""

    document: Annotated[str, StringConstraints(pattern=_BASE64)] = Field(
        description="The get-response of version 6 with this one agreement, byte by byte, in base64 on one line."
    )
    approval: Annotated[str, StringConstraints(min_length=64, max_length=100_000)] = Field(
        description="The conditions-hash that was approved, or the response of the IIAs Approval API, version 1, that "
        "says so."
    )


class IscedChoice(_Request):
    """The ISCED-F code that stands for one of fewer than four digits."""

    short: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}$")]
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]


class TakeOverRequest(_Request):
    """An agreement from the time of version 6: our copy that the partner approved, the partner's that we did."""

    our_copy: ApprovedCopyRequest | None = None
    their_copy: ApprovedCopyRequest | None = None
    isced: list[IscedChoice] = Field(default=[], description="Codes that a person chose.")
    by: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = Field(
        default=None, description="Who approved for us, to be kept with the approval. It stays in this house."
    )


async def _take_over(call: Call[HeiPath, Nothing, TakeOverRequest]) -> Answer:
    wanted, hei_id = call.body, call.path.hei_id
    codes = {choice.short: choice.code for choice in wanted.isced}
    former = FormerAgreement(_copy(wanted.our_copy), _copy(wanted.their_copy), codes, wanted.by)
    taken = await tried(call.services.agreements.take_over(hei_id, former, source=SOURCE))
    return Answer(
        body=TakenOverView(
            iia_id=taken.standing.our_id,
            state=taken.standing.state,
            created=taken.created,
            problems=shown.problems(taken.problems),
        )
    )


def _copy(given: ApprovedCopyRequest | None) -> ApprovedCopy | None:
    return ApprovedCopy(b64decode(given.document), given.approval.encode()) if given is not None else None


_EXAMPLE: Final[JsonValue] = {"our_copy": {"document": "PGlpYXMtZ2V0LXJlc3BvbnNlPuKApg==", "approval": "0" * 64}}

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "take_over_agreement",
        "POST",
        "/api/v1/heis/{hei_id}/legacy-agreements",
        _take_over,
        tag=TAG,
        summary="Take over an agreement that was approved under version 6",
        description="With one approval, or both. Where the gateway has no record of it, one is made of our copy; what "
        "version 7 needs beside is filled with marked placeholders. Nobody is notified. Taking over twice is taking "
        "over once.",
        parameters=HeiPath,
        query=Nothing,
        body=model_body(TakeOverRequest, "The approved copies, at least one.", _EXAMPLE),
        responses=[Response(200, "It is taken over, and the approvals count.", TakenOverView)],
        errors={
            409: "A document is not what was approved, or something was approved since; `code` and `message` say what.",
            422: "A copy cannot be brought to version 7; `problems` say where.",
        },
        scope="decide",
    ),
)
