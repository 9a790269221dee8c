"""Transcripts of records (Incoming Mobility ToRs API 3), owned by the institution that received the student.

The record has the student, the courses and their results, and the gateway makes ELMO of it; or it has a whole ELMO
document of the institution's own system, which is served as it is. Identifiers of mobilities are those of the sending
institution, and two institutions may well use the same, so the record names that institution too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from lxml import etree

from ewpgw.model import elmo, transcript_tor
from ewpgw.model.academic_term import AcademicYearId
from ewpgw.model.base import WRITTEN, XmlRecord, many, maybe, one
from ewpgw.model.lexical import Date, Flag, Identifier, PositiveInteger, Text
from ewpgw.model.transcript_parts import (
    NAMESPACE,
    DateTime,
    GradingScheme,
    IscedTable,
    TranscriptAttachment,
    TranscriptCourse,
    TranscriptIssuer,
    TranscriptStudent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ENVELOPE = "imobility-tors-get-response"
ELEMENT = "tor"


class Transcript(XmlRecord, tag=ELEMENT, ns="", nsmap={"": NAMESPACE}):
    """What a student achieved at the institution that received the student."""

    omobility_id: Identifier = one(
        "omobility-id", "Identifier", "The sending institution's identifier of the mobility."
    )
    sending_hei_id: Text | None = maybe(
        "sending-hei-id",
        "Sending institution",
        "Always there for records of yours: the SCHAC identifier of the institution that the student comes from.",
    )
    receiving_academic_year_id: AcademicYearId | None = maybe(
        "receiving-academic-year-id",
        "Academic year",
        "Always there for records of yours: the academic year of the stay, as you call it: 2026/2027.",
    )
    ready_for_recognition: Flag | None = maybe(
        "ready-for-recognition",
        "Ready for recognition",
        "Whether the sending institution may see the transcript. Nothing is served before this is true.",
    )
    version: PositiveInteger | None = maybe(
        "version", "Version", "1 for the first issue, 2 for the one that replaces it. Partners are not told."
    )
    start_date: Date | None = maybe("start-date", "Begin of the stay", "For the printed document: 2026-09-01.")
    end_date: Date | None = maybe("end-date", "End of the stay", "For the printed document: 2027-01-31.")
    issue_date: DateTime | None = maybe(
        "issue-date", "Issued", "When the transcript was issued: 2027-02-15T12:00:00+02:00."
    )
    student: TranscriptStudent | None = maybe("student", "Student", "The student whose results these are.")
    issuer: TranscriptIssuer | None = maybe("issuer", "Issuer", "The institution that issues the transcript: yours.")
    course: list[TranscriptCourse] = many(
        "course", "Courses", "What the student did, with the results; failed courses too."
    )
    grading_scheme: list[GradingScheme] = many("grading-scheme", "Grading schemes", "Explained once for all courses.")
    grade_conversion_table: list[IscedTable] = many(
        "grade-conversion-table",
        "Grade conversion table",
        "For each field of education how often each grade is given. The gateway makes it of the distributions that "
        "your institution configures, unless you give it.",
    )
    attachment: list[TranscriptAttachment] = many("attachment", "Attachments", "The transcript as PDF, and what else.")
    elmo: Text | None = maybe(
        "elmo",
        "ELMO",
        "A whole ELMO document (version 1 or 2) as XML, in place of student, issuer, courses and attachments. It is "
        "served as it is; where an identifier is missing that partners need, the gateway adds it.",
    )

    def record_id(self) -> str:
        """What tells the transcript from all others: the sending institution and its identifier of the mobility."""
        return self.omobility_id if self.sending_hei_id is None else f"{self.sending_hei_id}:{self.omobility_id}"

    def partners(self, hei_id: str) -> frozenset[str]:
        """The sending institution, once the transcript is ready for recognition; nobody before that.

        Source: ewp-specs-api-imobility-tors 2, README, "Security and permissions".
        """
        if not self.ready_for_recognition or self.sending_hei_id is None:
            return frozenset()
        return frozenset({self.sending_hei_id}) - {hei_id}

    def academic_years(self) -> frozenset[str]:
        """The academic year of the stay, by which transcripts are counted."""
        return frozenset({self.receiving_academic_year_id} if self.receiving_academic_year_id else ())

    def files(self) -> dict[str, str]:
        """The uploaded files that are attachments."""
        named = ((f"attachment.{place}.file", attached.file) for place, attached in enumerate(self.attachment))
        return {path: file for path, file in named if file is not None}

    def courses(self) -> Iterator[TranscriptCourse]:
        """All courses, those that are parts of others included, in the order of the document."""
        waiting = list(reversed(self.course))
        while waiting:
            course = waiting.pop()
            yield course
            waiting.extend(reversed(course.part))

    def encoded(self) -> bytes:
        """The transcript as an element of version 3."""
        return transcript_tor.encode(self, 3).fragment

    def to_tree(self) -> etree._Element:
        """The transcript as an element, with what partners are not told, as XML from a SIS may have it."""
        tree = etree.fromstring(self.encoded(), WRITTEN)
        for field, text in (
            ("sending-hei-id", self.sending_hei_id),
            ("ready-for-recognition", None if self.ready_for_recognition is None else str(self.ready_for_recognition)),
        ):
            if text is not None:
                etree.SubElement(tree, f"{{{elmo.NOT_SENT}}}{field}").text = text.lower()
        return tree

    @classmethod
    def from_tree(cls, tree: etree._Element) -> Self:
        """The transcript in an element of either version, its ELMO as it stands.

        Whose mobility it is and whether it is ready may stand in elements of any namespace beside it. Raises
        pydantic.ValidationError.
        """
        return cls.model_validate(transcript_tor.as_handed_in(tree))
