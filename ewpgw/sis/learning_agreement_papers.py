"""Learning agreements as PDF files, laid out like the official template."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from ewpgw.model.institution import Institution
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.sis.errors import ApiError
from ewpgw.sis.learning_agreement_paths import (
    RECEIVED_ONE,
    SENT_ONE,
    TAG,
    ReceivedAgreementPath,
    SentAgreementPath,
    find_received,
    unknown_sent,
)
from ewpgw.sis.learning_agreements import as_it_stands
from ewpgw.sis.operations import NO_BODY, Answer, Call, Operation, Response, operation
from ewpgw.store import copies, records
from ewpgw.store.copies import CopyKey
from ewpgw.store.learning_agreements import ENTITY
from ewpgw.store.records import RecordKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.prints.learning_agreement import State
    from ewpgw.sis.services import SisServices

_PDF = "application/pdf"


class PaperQuery(BaseModel):
    """Which of its two states a paper has."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    state: Literal["approved", "proposed"] = Field(
        default="approved",
        description="`approved`: what was approved last; `proposed`: what would be if the proposal were approved.",
    )


async def _print_sent(call: Call[SentAgreementPath, PaperQuery, None]) -> Answer:
    path = call.path
    stored = await records.get(call.services.store, RecordKey(path.hei_id, ENTITY, path.omobility_id))
    if stored is None or stored.document is None:
        raise unknown_sent()
    record = LearningAgreement.model_validate_json(stored.document)
    return await _paper(call.services, path.hei_id, record.receiving_hei.hei_id, record, call.query.state)


async def _print_received(call: Call[ReceivedAgreementPath, PaperQuery, None]) -> Answer:
    path = call.path
    known = await find_received(call.services.store, path)
    return await _paper(call.services, path.hei_id, path.partner, as_it_stands(known), call.query.state)


async def _paper(
    services: SisServices, hei_id: str, partner: str, record: LearningAgreement, state: Literal["approved", "proposed"]
) -> Answer:
    names = await _names(services, hei_id, partner)
    paper = await asyncio.to_thread(_printed, record, state, names)  # laying it out takes a while
    return Answer(body=paper, headers={"Content-Type": _PDF, "Content-Disposition": "attachment"})


def _printed(record: LearningAgreement, state: State, names: Mapping[str, str]) -> bytes:
    from ewpgw.prints.learning_agreement import NoSuchState, learning_agreement_pdf  # many megabytes, and rarely used

    try:
        return learning_agreement_pdf(record, state=state, names=names)
    except NoSuchState as problem:
        raise ApiError(409, "no-such-state", str(problem)) from None


async def _names(services: SisServices, hei_id: str, partner: str) -> dict[str, str]:
    """What the two institutions are called, as far as it is known: in English where there is such a name."""
    own = services.heis[hei_id].names
    names = {hei_id: own["en"] if "en" in own else next(iter(own.values()))} if own else {}
    copy = await copies.get(services.store, CopyKey(hei_id, "institutions", partner, partner))
    if copy is not None and copy.document is not None:
        told = Institution.model_validate_json(copy.document).name
        english = [one.value for one in told if (one.lang or "").startswith("en")]
        names |= {partner: (english or [one.value for one in told])[0]} if told else {}
    return names


_ERRORS = {409: "Nothing is approved so far, or nothing is proposed: ask for the other state."}

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "print_sent_learning_agreement",
        "GET",
        SENT_ONE + "/pdf",
        _print_sent,
        tag=TAG,
        summary="Get a learning agreement of ours as a paper",
        description="Laid out like the official template. The same agreement always gives the same file.",
        parameters=SentAgreementPath,
        query=PaperQuery,
        body=NO_BODY,
        responses=[Response(200, "The PDF file.", media_type=_PDF)],
        errors={404: "There is no such learning agreement.", **_ERRORS},
    ),
    operation(
        "print_received_learning_agreement",
        "GET",
        RECEIVED_ONE + "/pdf",
        _print_received,
        tag=TAG,
        summary="Get a learning agreement of a partner's as a paper",
        description="Laid out like the official template. The same agreement always gives the same file.",
        parameters=ReceivedAgreementPath,
        query=PaperQuery,
        body=NO_BODY,
        responses=[Response(200, "The PDF file.", media_type=_PDF)],
        errors={404: "No such learning agreement has come.", **_ERRORS},
    ),
)
