"""Writing a transcript as ELMO 2 or ELMO 1: always the same text for the same record.

The text is put together directly, without a tree, because thousands of transcripts become due in the same week.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.model.elmo import ESI, LOCAL, LOI_ID, LOS_ID, NAMESPACES, SCHAC
from ewpgw.model.elmo_countries import COUNTRIES_OF_ELMO_1
from ewpgw.model.elmo_identifiers import sent_loi_id, sent_los_id
from ewpgw.model.problems import dotted
from ewpgw.model.rules import warning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.model.base import StringWithOptionalLang
    from ewpgw.model.problems import Problem
    from ewpgw.model.transcript import Transcript
    from ewpgw.model.transcript_parts import (
        ResultDistribution,
        TranscriptAttachment,
        TranscriptCourse,
        TranscriptIssuer,
        TranscriptStudent,
        TypedIdentifier,
    )

_SPECIAL = re.compile('[&<>"\r]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
_NEW_IN_2 = "ELMO 1, schema.xsd"
_PDF = "application/pdf"
_ONLY_IN_2 = {"Certificate of Enrolment": "Other"}


@dataclass(frozen=True, slots=True)
class Written:
    """A record as an ELMO element, and warnings of what that version has no place for."""

    text: str
    unsaid: tuple[Problem, ...]


def written(record: Transcript, version: int) -> Written:
    """The record's own fields as the element of ELMO 1 or 2. What the record lacks is left out, needed or not."""
    writer = _Writer(version)
    writer.elmo(record)
    return Written("".join(writer.parts), tuple(writer.unsaid))


class _Writer:
    def __init__(self, version: int) -> None:
        self.parts: list[str] = []
        self.unsaid: list[Problem] = []
        self.newer = version > 1
        self.namespace = NAMESPACES[version]

    def elmo(self, record: Transcript) -> None:
        self.parts.append(f'<elmo xmlns="{self.namespace}">')
        self._element("generatedDate", record.issue_date)
        if record.student is not None:
            self._learner(record.student)
        self.parts.append("<report>")
        if record.issuer is not None:
            self._issuer(record.issuer)
        for place, course in enumerate(record.course):
            self._course(course, dotted("course", place))
        self._element("issueDate", record.issue_date)
        for scheme in record.grading_scheme:
            self.parts.append(f'<gradingScheme localId="{escaped(scheme.id)}">')
            self._texts("description", scheme.description)
            self.parts.append("</gradingScheme>")
        for place, attachment in enumerate(record.attachment):
            self._attachment(attachment, dotted("attachment", place))
        self.parts.append("</report></elmo>")

    def _learner(self, student: TranscriptStudent) -> None:
        self.parts.append("<learner>")
        self._country("citizenship", student.citizenship, "student.citizenship")
        self._identifier(ESI, student.global_id)
        self._identifiers(student.identifier)
        self._element("givenNames", student.given_names)
        self._element("familyName", student.family_name)
        if self.newer:
            if student.alternative_name is not None:
                self._texts("alternativeName", [student.alternative_name])
            else:
                self._element("alternativeName", f"{student.given_names} {student.family_name}".strip())
        elif student.alternative_name is not None:
            self._no_place("student.alternative_name")
        self._element("dateOfBirth" if self.newer else "bday", student.birth_date)
        self._element("placeOfBirth", student.place_of_birth)
        if self.newer:
            self._country("countryOfBirth", student.country_of_birth, "student.country_of_birth")
        elif student.country_of_birth is not None:
            self._no_place("student.country_of_birth")
        self._element("birthName", student.birth_name)
        self._element("gender", student.gender)
        self.parts.append("</learner>")

    def _issuer(self, issuer: TranscriptIssuer) -> None:
        self.parts.append("<issuer>")
        self._country("country", issuer.country, "issuer.country")
        self._identifier(SCHAC, issuer.hei_id)
        self._identifiers(issuer.identifier)
        self._texts("title", issuer.title)
        self._element("url", issuer.url)
        self.parts.append("</issuer>")

    def _course(self, course: TranscriptCourse, path: str) -> None:
        self.parts.append("<learningOpportunitySpecification>")
        self._identifier(LOS_ID, sent_los_id(course))
        self._identifier(LOCAL, course.code)
        self._identifiers(course.identifier)
        self._texts("title", course.title)
        self._element("type", course.type)
        self._element("subjectArea", course.subject_area)
        self._element("iscedCode", course.isced_code)
        self._element("url", course.url)
        self._texts("description", course.description)
        self.parts.append("<specifies>")
        self._instance(course)
        self.parts.append("</specifies>")
        for place, part in enumerate(course.part):
            self.parts.append("<hasPart>")
            self._course(part, dotted(path, "part", place))
            self.parts.append("</hasPart>")
        self.parts.append("</learningOpportunitySpecification>")

    def _instance(self, course: TranscriptCourse) -> None:
        self.parts.append("<learningOpportunityInstance>")
        self._identifier(LOI_ID, sent_loi_id(course))
        self._element("start", course.start_date)
        self._element("date", course.end_date)
        if course.term is not None:
            self.parts.append("<academicTerm>")
            self._texts("title", course.term.title)
            self._element("start", course.term.start_date)
            self._element("end", course.term.end_date)
            self.parts.append("</academicTerm>")
        self._element("status", course.status)
        self._element("gradingSchemeLocalId", course.grading_scheme)
        self._element("resultLabel", course.grade)
        if (compared := course.shortened_grading) is not None:
            self.parts.append("<shortenedGrading>")
            self._element("percentageLower", compared.percentage_lower)
            self._element("percentageEqual", compared.percentage_equal)
            self._element("percentageHigher", compared.percentage_higher)
            self.parts.append("</shortenedGrading>")
        if course.result_distribution is not None:
            self._distribution(course.result_distribution)
        self._credit("ects", course.ects, always=course.ects is not None)
        for credit in course.credit:
            self._credit(credit.scheme, credit.value, always=True)
        for level in course.level:
            self.parts.append("<level>")
            self._element("type", level.type)
            self._texts("description", [level.description] if level.description is not None else [])
            self._element("value", level.value)
            self.parts.append("</level>")
        self._element("languageOfInstruction", course.language_of_instruction)
        self._element("engagementHours", course.hours)
        self.parts.append("</learningOpportunityInstance>")

    def _distribution(self, distribution: ResultDistribution) -> None:
        self.parts.append("<resultDistribution>")
        for category in distribution.category:
            self.parts.append(f'<category label="{escaped(category.label)}" count="{escaped(category.count)}"/>')
        self._texts("description", distribution.description)
        self.parts.append("</resultDistribution>")

    def _credit(self, scheme: str, value: str | None, *, always: bool) -> None:
        if always:
            self.parts.append("<credit>")
            self._element("scheme", scheme)
            self._element("value", value)
            self.parts.append("</credit>")

    def _attachment(self, attachment: TranscriptAttachment, path: str) -> None:
        self.parts.append("<attachment>")
        self._texts("title", attachment.title)
        sort = (attachment.type or "").strip()
        if not self.newer and sort in _ONLY_IN_2:
            said = f"is no type of ELMO 1; partners with it are told {_ONLY_IN_2[sort]}"
            self.unsaid.append(warning(dotted(path, "type"), said, _NEW_IN_2))
            sort = _ONLY_IN_2[sort]
        self._element("type", sort or None)
        self._texts("description", attachment.description)
        if attachment.content is not None:
            language = f' xml:lang="{escaped(attachment.language)}"' if attachment.language else ""
            media_type = escaped(attachment.media_type or _PDF)
            data = escaped("".join(attachment.content.split()))
            self.parts.append(f"<content{language}>data:{media_type};base64,{data}</content>")
        elif attachment.file is not None:
            said = "is not sent along yet: its content was not put into the transcript"
            self.unsaid.append(warning(dotted(path, "file"), said, "ELMO 2, schema.xsd, Attachment"))
        self.parts.append("</attachment>")

    def _country(self, name: str, code: str | None, path: str) -> None:
        if code is None:
            return
        if self.newer:
            self.parts.append(f'<{name} type="ISO">{code}</{name}>')
        elif code in COUNTRIES_OF_ELMO_1:
            self.parts.append(f"<{name}>{code}</{name}>")
        else:
            self._no_place(path)

    def _identifier(self, sort: str, value: str | None) -> None:
        if value is not None:
            self.parts.append(f'<identifier type="{escaped(sort)}">{escaped(value)}</identifier>')

    def _identifiers(self, identifiers: Sequence[TypedIdentifier]) -> None:
        for identifier in identifiers:
            self._identifier(identifier.type, identifier.value)

    def _texts(self, name: str, texts: Sequence[StringWithOptionalLang]) -> None:
        for text in texts:
            language = f' xml:lang="{escaped(text.lang)}"' if text.lang is not None else ""
            self.parts.append(f"<{name}{language}>{escaped(text.value)}</{name}>")

    def _element(self, name: str, value: str | None) -> None:
        if value is not None:
            self.parts.append(f"<{name}>{escaped(value)}</{name}>")

    def _no_place(self, path: str) -> None:
        self.unsaid.append(
            warning(path, "is not told to partners with version 2 of the API: ELMO 1 has no place for it", _NEW_IN_2)
        )


def escaped(text: str) -> str:
    """A text as XML has it, within an element or an attribute."""
    return _SPECIAL.sub(_escape, text) if _SPECIAL.search(text) else text


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found[0]]
