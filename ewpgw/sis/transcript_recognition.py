"""Transcripts of partners: what they say, as they came, and what helps to recognise them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import Field, TypeAdapter

from ewpgw.model.transcript import Transcript
from ewpgw.sis import cursors, shown
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.sis.parameters import HeiPath, Page, Partner
from ewpgw.sis.transcript_files import attachment, xml
from ewpgw.sis.transcript_issuing import version_view
from ewpgw.sis.transcript_paths import (
    RECEIVED,
    RECEIVED_ONE,
    TAG,
    AttachmentPath,
    TranscriptPath,
    VersionPath,
    find_received,
    unknown_version,
)
from ewpgw.sis.transcript_views import (
    AchievedView,
    ComponentView,
    CoursesView,
    GradesView,
    GradeView,
    MatchView,
    ReceivedTranscriptDetailView,
    ReceivedTranscriptPage,
    ReceivedTranscriptView,
    SignatureView,
)
from ewpgw.store import copies, transcripts
from ewpgw.store.copies import CopyState
from ewpgw.store.transcripts import ENTITY, VersionKey
from ewpgw.transcripts import received, recognising

if TYPE_CHECKING:
    from ewpgw.model.course_matching import AchievedCourse, PlannedComponent
    from ewpgw.store.copies import Copy

_SIGNATURE = TypeAdapter(SignatureView | None)


class ReceivedTranscriptsQuery(Page):
    """Transcripts of all partners or one, in all states or one."""

    partner: Partner | None = Field(default=None, description="Only transcripts of this partner.")
    state: CopyState | None = Field(default=None, description="Only transcripts in this state.")


async def _list(call: Call[HeiPath, ReceivedTranscriptsQuery, None]) -> Answer:
    query = call.query
    behind: tuple[str, str] | None = None
    if query.after is not None:
        partner, item = cursors.decode(query.after, 2)
        behind = (partner, item)
    found = await copies.list_page(
        call.services.store,
        call.path.hei_id,
        ENTITY,
        partner=query.partner,
        states=None if query.state is None else [query.state],
        after=behind,
        limit=query.limit + 1,
        bodies=False,
    )
    page, last = cursors.cut(found, query.limit)
    return Answer(
        body=ReceivedTranscriptPage(
            items=[_view(copy, record) for copy in page if (record := received.record_of(copy)) is not None],
            next=None if last is None else cursors.encode(last.key.partner, last.key.id),
        )
    )


async def _get(call: Call[TranscriptPath, Nothing, None]) -> Answer:
    store, path = call.services.store, call.path
    copy = await find_received(store, path)
    known = received.findings(copy)
    versions = await transcripts.versions(store, _versions(path))
    return Answer(
        body=ReceivedTranscriptDetailView(
            transcript=_view(copy, _record(copy)),
            document=shown.document(copy.document),
            signature=_SIGNATURE.validate_python(known.get("signature")),
            warnings=list(known.get("warnings", ())),
            unplaced=list(known.get("unplaced", ())),
            versions=[version_view(one) for one in versions],
        )
    )


async def _elmo(call: Call[TranscriptPath, Nothing, None]) -> Answer:
    copy = await find_received(call.services.store, call.path)
    text = await asyncio.to_thread(received.original, copy.body or b"")
    return xml(text.encode(), "elmo.xml")


async def _version(call: Call[VersionPath, Nothing, None]) -> Answer:
    body = await transcripts.body(call.services.store, _versions(call.path), call.path.number)
    if body is None:
        raise unknown_version()
    return xml(body, "received.xml")


async def _attachment(call: Call[AttachmentPath, Nothing, None]) -> Answer:
    copy = await find_received(call.services.store, call.path)
    return await attachment(copy.body or b"", call.path.place)


async def _grades(call: Call[TranscriptPath, Nothing, None]) -> Answer:
    path = call.path
    record = _record(await find_received(call.services.store, path))
    configured = call.services.transcripts.configuration.hei(path.hei_id)
    return Answer(
        body=GradesView(
            items=[
                GradeView(
                    title=one.title,
                    los_id=one.los_id,
                    code=one.code,
                    isced_code=one.isced_code,
                    grade=one.grade,
                    suggestion=one.suggestion.grade,
                    lowest=one.suggestion.lowest,
                    highest=one.suggestion.highest,
                    reasoning=one.suggestion.reasoning,
                )
                for one in recognising.graded(record, path.hei_id, path.partner, configured)
            ]
        )
    )


async def _courses(call: Call[TranscriptPath, Nothing, None]) -> Answer:
    store, path = call.services.store, call.path
    record = _record(await find_received(store, path))
    plan = await recognising.planned(store, path.hei_id, path.partner, path.omobility_id)
    found = recognising.matched(record, plan)
    return Answer(
        body=CoursesView(
            plan=plan.by,
            matched=[
                MatchView(component=_component(one.component), course=_achieved(one.course), by=one.by.value)
                for one in found.matched
            ],
            missing=[_component(one) for one in found.missing],
            unplanned=[_achieved(one) for one in found.unplanned],
        )
    )


def _record(copy: Copy) -> Transcript:
    assert copy.document is not None, "such copies are not found"
    return Transcript.model_validate_json(copy.document)


def _versions(path: TranscriptPath) -> VersionKey:
    return VersionKey(path.hei_id, False, path.partner, path.omobility_id)


def _view(copy: Copy, record: Transcript) -> ReceivedTranscriptView:
    signature = received.findings(copy).get("signature") or {}
    return ReceivedTranscriptView(
        omobility_id=copy.key.id,
        partner=copy.key.partner,
        receiving_academic_year_id=record.receiving_academic_year_id,
        courses=sum(1 for _ in record.courses()),
        signature=signature.get("verdict"),
        copy_state=copy.state,
        fetched_at=copy.fetched_at,
        changed_at=copy.changed_at,
    )


def _component(one: PlannedComponent) -> ComponentView:
    return ComponentView(title=one.title, los_id=one.los_id, code=one.code, ects=one.ects)


def _achieved(one: AchievedCourse) -> AchievedView:
    return AchievedView(
        title=one.title,
        los_id=one.los_id,
        code=one.code,
        ects=one.ects,
        status=one.status,
        grade=one.grade,
        passed=one.passed,
    )


_NONE = {404: "No such transcript has come."}

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_received_transcripts",
        "GET",
        RECEIVED,
        _list,
        tag=TAG,
        summary="See which transcripts partners have issued",
        parameters=HeiPath,
        query=ReceivedTranscriptsQuery,
        body=NO_BODY,
        responses=[Response(200, "A page of transcripts.", ReceivedTranscriptPage)],
    ),
    operation(
        "get_received_transcript",
        "GET",
        RECEIVED_ONE,
        _get,
        tag=TAG,
        summary="See one transcript of a partner's",
        description="As the simple record, with the report about its signature, what the record does not repeat, and "
        "the versions that came.",
        parameters=TranscriptPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The transcript.", ReceivedTranscriptDetailView)],
        errors=_NONE,
    ),
    operation(
        "get_received_elmo",
        "GET",
        RECEIVED_ONE + "/elmo",
        _elmo,
        tag=TAG,
        summary="Get the original ELMO document",
        parameters=TranscriptPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The document.", media_type="application/xml")],
        errors=_NONE,
    ),
    operation(
        "get_received_version",
        "GET",
        RECEIVED_ONE + "/versions/{number}",
        _version,
        tag=TAG,
        summary="Get a version of a partner's transcript as it came",
        description="The partner's whole answer. Versions are kept as evidence, also of what was replaced since.",
        parameters=VersionPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The document, unchanged.", media_type="application/xml")],
        errors={404: "There is no such version."},
    ),
    operation(
        "get_received_attachment",
        "GET",
        RECEIVED_ONE + "/attachments/{place}",
        _attachment,
        tag=TAG,
        summary="Get an attachment of a partner's transcript",
        description="Such as the transcript as PDF. Check what it is before you show it: the content type is what the "
        "partner says.",
        parameters=AttachmentPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The bytes.", media_type="*/*")],
        errors={404: "There is no such attachment."},
    ),
    operation(
        "get_received_grades",
        "GET",
        RECEIVED_ONE + "/grades",
        _grades,
        tag=TAG,
        summary="See what grades may be converted into",
        description="By the tables of both sides, the partner's in the transcript and yours in the settings. They are "
        "suggestions, each with its reasoning: whoever recognises the results decides.",
        parameters=TranscriptPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "A suggestion for each grade.", GradesView)],
        errors=_NONE,
    ),
    operation(
        "get_received_courses",
        "GET",
        RECEIVED_ONE + "/courses",
        _courses,
        tag=TAG,
        summary="See what became of the plan",
        description="The courses beside the components of your learning agreement for the same stay: by their "
        "identifiers, then by their codes.",
        parameters=TranscriptPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "What has a result, what is missing, what came unplanned.", CoursesView)],
        errors=_NONE,
    ),
)
