"""Transcripts of ours: where each stands, its versions, and letting partners see it or taking it back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from pydantic import Field

from ewpgw.model.entities import ENTITIES
from ewpgw.model.transcript import Transcript
from ewpgw.records import RevisionConflict
from ewpgw.sis import conditions, cursors, shown
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.sis.parameters import HeiPath, Page, Partner
from ewpgw.sis.transcript_files import attachment, xml
from ewpgw.sis.transcript_paths import (
    ISSUED,
    ISSUED_ONE,
    TAG,
    AttachmentPath,
    TranscriptPath,
    VersionPath,
    unknown_issued,
    unknown_version,
)
from ewpgw.sis.transcript_views import (
    IssuedDetailView,
    IssuedMoveView,
    IssuedPage,
    IssuedState,
    IssuedView,
    LearntView,
    TranscriptMove,
    VersionView,
)
from ewpgw.store import records, transcripts
from ewpgw.store.records import RecordKey
from ewpgw.store.transcripts import ENTITY, VersionKey
from ewpgw.transcripts import issued
from ewpgw.transcripts.refusing import UnknownTranscript

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.store.transcripts import Delivered, IssuedTranscript, VersionSummary

_MEANINGS = {
    IssuedState.DRAFT: "Nobody sees it yet: it is not ready for recognition.",
    IssuedState.ISSUED: "The partner may see it.",
    IssuedState.WITHDRAWN: "It was issued and taken back: the partner is told, and sees it no longer.",
}


class IssuedQuery(Page):
    """Transcripts of all partners or one, those that partners see or those that they do not."""

    partner: Partner | None = Field(default=None, description="Only transcripts for this partner.")
    ready: bool | None = Field(default=None, description="`true`: only what partners see; `false`: only the others.")


async def _list(call: Call[HeiPath, IssuedQuery, None]) -> Answer:
    store, hei_id, query = call.services.store, call.path.hei_id, call.query
    found = await transcripts.list_page(
        store, hei_id, partner=query.partner, ready=query.ready, after=query.after, limit=query.limit + 1
    )
    page, last = cursors.cut(found, query.limit)
    delivered = await transcripts.deliveries_of(store, hei_id, page)
    return Answer(
        body=IssuedPage(
            items=[_view(one, delivered.get(one.id)) for one in page], next=None if last is None else last.id
        )
    )


async def _get(call: Call[TranscriptPath, Nothing, None]) -> Answer:
    services, path = call.services, call.path
    store, hei_id = services.store, path.hei_id
    one = await transcripts.get(store, hei_id, path.record_id)
    stored = await records.get(store, RecordKey(hei_id, ENTITY, path.record_id))
    if one is None or stored is None or stored.document is None:
        raise unknown_issued()
    version = services.transcripts.speaks(one.partner, ENTITY)
    record = Transcript.model_validate_json(stored.document)
    unsaid = (
        (await asyncio.to_thread(ENTITIES[ENTITY].shape(version).encode, record)).unsaid if version is not None else ()
    )
    key = VersionKey(hei_id, True, one.partner, one.omobility_id)
    delivered = await transcripts.deliveries(store, key)
    return Answer(
        body=IssuedDetailView(
            transcript=_view(one, delivered.get(one.number)),
            document=shown.document(stored.document),
            partner_version=version,
            not_told=shown.problems(problem for problem in unsaid if not problem.path.endswith(".file")),
            versions=[version_view(each, delivered) for each in await transcripts.versions(store, key)],
        ),
        headers={"ETag": conditions.etag(stored.revision)},
    )


async def _version(call: Call[VersionPath, Nothing, None]) -> Answer:
    path = call.path
    key = VersionKey(path.hei_id, True, path.partner, path.omobility_id)
    body = await transcripts.body(call.services.store, key, path.number)
    if body is None:
        raise unknown_version()
    return xml(body, "issued.xml")


async def _attachment(call: Call[AttachmentPath, Nothing, None]) -> Answer:
    path = call.path
    body = await issued.told(call.services.store, path.hei_id, path.record_id)
    if body is None:
        raise unknown_issued()
    return await attachment(body, path.place)


async def _ready(call: Call[TranscriptPath, Nothing, None]) -> Answer:
    return await _move(call, TranscriptMove.READY)


async def _withdraw(call: Call[TranscriptPath, Nothing, None]) -> Answer:
    return await _move(call, TranscriptMove.WITHDRAW)


async def _move(call: Call[TranscriptPath, Nothing, None], move: TranscriptMove) -> Answer:
    path = call.path

    def answer(changed: bool) -> Answer:
        return Answer(body=IssuedMoveView(omobility_id=path.omobility_id, move=move, already=not changed))

    try:
        changed = await call.services.transcripts.move(
            path.hei_id,
            path.partner,
            path.omobility_id,
            ready=move is TranscriptMove.READY,
            only_if=conditions.condition(call.headers),
            within=lambda tx, changed: call.keep(tx, answer(changed)),
        )
    except UnknownTranscript:
        raise unknown_issued() from None
    except RevisionConflict as conflict:
        raise conditions.precondition_failed(conflict.current) from None
    return answer(changed)


def version_view(one: VersionSummary, delivered: Mapping[int, Delivered] | None = None) -> VersionView:
    """A version of a transcript, ours or a partner's."""
    return VersionView(
        number=one.number,
        at=one.at,
        exchange=one.exchange_id,
        ended_at=one.ended_at,
        ended=one.ended,
        delivered=_learnt((delivered or {}).get(one.number)),
    )


def _view(one: IssuedTranscript, delivered: Delivered | None) -> IssuedView:
    state = IssuedState.ISSUED if one.ready else IssuedState.WITHDRAWN if one.number else IssuedState.DRAFT
    return IssuedView(
        omobility_id=one.omobility_id,
        partner=one.partner,
        receiving_academic_year_id=one.year,
        state=state,
        meaning=_MEANINGS[state],
        version=one.number or None,
        delivered=_learnt(delivered),
        changed_at=one.changed_at,
        moves=[TranscriptMove.WITHDRAW if one.ready else TranscriptMove.READY],
    )


def _learnt(delivered: Delivered | None) -> LearntView | None:
    if delivered is None:
        return None
    return LearntView(
        notified_at=delivered.notified_at,
        notified_exchange=delivered.notified_exchange_id,
        fetched_at=delivered.fetched_at,
        fetched_exchange=delivered.fetched_exchange_id,
    )


_NONE = "There is no such transcript."
_ERRORS: Final = {404: _NONE, 412: "The record is not at the revision that If-Match names."}
_IF_MATCH: Final = {"If-Match": "The ETag that the change is based on; 412 where the record is at another revision."}

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_issued_transcripts",
        "GET",
        ISSUED,
        _list,
        tag=TAG,
        summary="See where transcripts of ours stand",
        description="What they say is among the records (`imobility-tors`); this is what has become of them.",
        parameters=HeiPath,
        query=IssuedQuery,
        body=NO_BODY,
        responses=[Response(200, "A page of transcripts.", IssuedPage)],
    ),
    operation(
        "get_issued_transcript",
        "GET",
        ISSUED_ONE,
        _get,
        tag=TAG,
        summary="See one transcript of ours",
        description="With what the partner is not told, its versions, and when the partner learnt of each.",
        parameters=TranscriptPath,
        query=Nothing,
        body=NO_BODY,
        responses=[
            Response(
                200, "The transcript.", IssuedDetailView, headers={"ETag": "The revision of its record, in quotes."}
            )
        ],
        errors={404: _NONE},
    ),
    operation(
        "get_issued_version",
        "GET",
        ISSUED_ONE + "/versions/{number}",
        _version,
        tag=TAG,
        summary="Get a version of a transcript as partners saw it",
        description="Versions are kept as evidence, also of what was replaced, taken back or deleted.",
        parameters=VersionPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The document.", media_type="application/xml")],
        errors={404: "There is no such version."},
    ),
    operation(
        "get_issued_attachment",
        "GET",
        ISSUED_ONE + "/attachments/{place}",
        _attachment,
        tag=TAG,
        summary="Get an attachment of a transcript of ours",
        description="As the partner gets it, or will once the transcript is ready: such as the transcript as PDF. One "
        "that the gateway makes stands behind the record's own attachments.",
        parameters=AttachmentPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The bytes.", media_type="*/*")],
        errors={404: "There is no such attachment."},
    ),
    operation(
        "make_transcript_ready",
        "POST",
        ISSUED_ONE + "/ready",
        _ready,
        tag=TAG,
        summary="Let the partner see a transcript",
        description="It is ready for recognition from now on; the partner is told. Doing it twice is doing it once.",
        parameters=TranscriptPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(200, "The partner may see it.", IssuedMoveView)],
        errors=_ERRORS,
        scope="decide",
    ),
    operation(
        "withdraw_transcript",
        "POST",
        ISSUED_ONE + "/withdraw",
        _withdraw,
        tag=TAG,
        summary="Take a transcript back",
        description="The partner is told, and sees it no longer. Putting the same record again does not undo this; "
        "`ready` does, and so does a change.",
        parameters=TranscriptPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(200, "Nobody sees it any more.", IssuedMoveView)],
        errors=_ERRORS,
        scope="decide",
    ),
)
