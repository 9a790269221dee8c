"""The JSON of the SIS API's answers about transcripts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from ewpgw.sis.errors import ProblemView
from ewpgw.store.copies import CopyState
from ewpgw.store.transcripts import Ended


class IssuedState(StrEnum):
    """Where a transcript of ours stands."""

    DRAFT = "draft"
    ISSUED = "issued"
    WITHDRAWN = "withdrawn"


class TranscriptMove(StrEnum):
    """What can be done with a transcript of ours beside putting its record."""

    READY = "ready"
    WITHDRAW = "withdraw"


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class LearntView(_View):
    """When the partner learnt of a version of a transcript."""

    notified_at: datetime | None = Field(description="It took the notification.")
    notified_exchange: str | None = Field(description="The logged exchange that proves it.")
    fetched_at: datetime | None = Field(description="It fetched the transcript.")
    fetched_exchange: str | None


class IssuedView(_View):
    """Where a transcript of ours stands."""

    omobility_id: str
    partner: str = Field(description="The sending institution.")
    receiving_academic_year_id: str
    state: IssuedState
    meaning: str = Field(description="The state in words.")
    version: int | None = Field(description="The version that the partner sees, or saw last; null: none yet.")
    delivered: LearntView | None = Field(
        description="Null as long as nobody can say that the partner knows of this version."
    )
    changed_at: datetime
    moves: list[TranscriptMove] = Field(description="What can be done now. Records are put and deleted as records.")


class IssuedPage(_View):
    """Transcripts by partner and identifier."""

    items: list[IssuedView]
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


class VersionView(_View):
    """A version of a transcript."""

    number: int
    at: datetime = Field(description="Since when partners saw it, or when it came.")
    exchange: str | None = Field(description="The logged exchange in which a partner's version came.")
    ended_at: datetime | None = Field(description="Until when; null: it holds.")
    ended: Ended | None = Field(description="Why it holds no longer.")
    delivered: LearntView | None = Field(description="When the partner learnt of a version of ours.")


class IssuedDetailView(_View):
    """A transcript of ours, with all that is to be said of it."""

    transcript: IssuedView
    document: JsonValue = Field(description="The record, completed with what is configured.")
    partner_version: int | None = Field(
        description="The version of the imobility-tors API that is used with this partner; null: it has none."
    )
    not_told: list[ProblemView] = Field(description="What that version has no place for, so the partner is not told.")
    versions: list[VersionView] = Field(description="The newest first.")


class IssuedMoveView(_View):
    """The move is made."""

    omobility_id: str
    move: TranscriptMove
    already: bool = Field(description="It was so before; nothing was done, and nobody told.")


class SignerView(_View):
    """Who claims to have signed, by the certificate in the signature."""

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str = Field(description="SHA-256 of the certificate, in lower-case hex.")


class SignatureView(_View):
    """What is known of the signature of a transcript."""

    verdict: Literal["unsigned", "valid", "invalid"]
    words: str = Field(description="The same for people, with what is not known.")
    trust: Literal["trusted", "self-signed", "unknown issuer", "bare key"] | None = Field(
        description="Whether the signer's certificate is trusted here; null unless the signature is valid."
    )
    signer: SignerView | None
    checked_at: datetime = Field(description="When it came, and was looked at.")


class ReceivedTranscriptView(_View):
    """A transcript of a partner's, as lists have it."""

    omobility_id: str
    partner: str = Field(description="The institution that received the student.")
    receiving_academic_year_id: str | None
    courses: int = Field(description="How many, parts of others included.")
    signature: Literal["unsigned", "valid", "invalid"] | None
    copy_state: CopyState = Field(
        description="`current`; `invalid`: a newer version cannot be used, this is the last that could; `gone`: the "
        "partner has taken it back."
    )
    fetched_at: datetime
    changed_at: datetime


class ReceivedTranscriptPage(_View):
    """Transcripts by partner and identifier."""

    items: list[ReceivedTranscriptView]
    next: str | None = Field(description="Give it as `after` to get the next page; null on the last one.")


class ReceivedTranscriptDetailView(_View):
    """A transcript of a partner's, with all that is to be said of it."""

    transcript: ReceivedTranscriptView
    document: JsonValue = Field(description="The simple record. Attachments are described; fetch their contents.")
    signature: SignatureView | None
    warnings: list[str] = Field(description="What a person should know before the transcript is recognised.")
    unplaced: list[str] = Field(
        description="The parts of the original document that the record does not repeat; look there for them."
    )
    versions: list[VersionView] = Field(description="The newest first.")


class GradeView(_View):
    """A course with its grade, and what the grade may be converted into."""

    title: str
    los_id: str | None
    code: str | None
    isced_code: str | None
    grade: str
    suggestion: str | None = Field(description="A grade of yours; null where nothing can be suggested.")
    lowest: str | None = Field(description="The lowest of your grades that the range of the partner's touches.")
    highest: str | None
    reasoning: str = Field(description="How it was found, or why there is none.")


class GradesView(_View):
    """Suggestions, which decide nothing."""

    items: list[GradeView]


class ComponentView(_View):
    """A component of the learning agreement."""

    title: str
    los_id: str | None
    code: str | None
    ects: str | None


class AchievedView(ComponentView):
    """A course of the transcript."""

    status: str | None
    grade: str | None
    passed: bool


class MatchView(_View):
    """A planned component and its result."""

    component: ComponentView
    course: AchievedView
    by: Literal["los id", "code"] = Field(description="What the two have in common.")


class CoursesView(_View):
    """The courses of a transcript beside what was planned: each is in exactly one of the three lists."""

    plan: Literal["approved", "proposed"] | None = Field(
        description="Which version of your learning agreement for the stay says what was planned; null: there is none."
    )
    matched: list[MatchView]
    missing: list[ComponentView] = Field(description="Planned, and without a result.")
    unplanned: list[AchievedView]
