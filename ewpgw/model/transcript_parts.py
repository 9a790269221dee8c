"""What a transcript of records is made of: the student, the institution, courses with their results, attachments.

The fields are those of ELMO that such a transcript needs, and are called so that a person who never saw ELMO can fill
them in; ``ewpgw.model.elmo_writing`` says which element each becomes.
"""

from __future__ import annotations

import re
from typing import Annotated

from ewpgw.model.base import (
    NS,
    StringWithOptionalLang,
    XmlModel,
    XmlText,
    content,
    many,
    maybe,
    one,
    required_attribute,
)
from ewpgw.model.lexical import CountryCode, Date, Gender, Identifier, Lexical, Text

NAMESPACE = f"{NS}ewp-specs-api-imobility-tors/blob/stable-v3/endpoints/get-response.xsd"

TRANSCRIPT = "Transcript of Records"
"""The type of the attachment that is the transcript itself (ewp-specs-api-imobility-tors 3, get-response.xsd, elmo)."""

LARGEST_ATTACHMENT = 5 * 2**20
"""How many bytes an attachment of ours may have; as base64 it must stay below what XML parsers take for one text."""

_TIME = re.compile(r"T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})")
_DAY = re.compile("-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})T")
_LAST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


def _is_moment(text: str) -> bool:
    found, day = _TIME.search(text), _DAY.search(text)
    if found is None or day is None:
        return False
    month = int(day["month"])
    return (
        int(found["hour"]) < 24
        and int(found["minute"]) < 60
        and int(found["second"]) < 60
        and 1 <= month <= 12
        and 1 <= int(day["day"]) <= _LAST.get(month, 31)
    )


DateTime = Annotated[
    str,
    Lexical(
        "a moment with its time zone, such as 2027-02-15T12:00:00+02:00",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?",
        collapses=True,
        accepts=_is_moment,
    ),
]
Number = Annotated[str, Lexical("a number", r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", collapses=True, numeric=True)]
Count = Annotated[
    str,
    Lexical(
        "a whole number, zero or more",
        r"\+?[0-9]+|-0+",
        collapses=True,
        numeric=True,
        number={"type": "integer", "minimum": 0},
    ),
]
CourseStatus = Annotated[str, Lexical("passed, failed or in-progress", "passed|failed|in-progress", collapses=True)]
CourseType = Annotated[
    str,
    Lexical("Degree Programme, Module, Course or Class", "Degree Programme|Module|Course|Class", collapses=True),
]
AttachmentType = Annotated[
    str,
    Lexical(
        "a type of attachment that ELMO knows, such as Transcript of Records, Diploma Supplement or Other",
        "Diploma|Diploma Supplement|Transcript of Records|EMREX transcript|Micro Credential|Letter of Nomination"
        "|Certificate of Training|Learning Agreement|Certificate of Enrolment|Other",
        collapses=True,
    ),
]


class TranscriptElement(XmlModel, ns="", nsmap={"": NAMESPACE}):
    """A part of a transcript."""


class TypedIdentifier(XmlText, ns="", nsmap={"": NAMESPACE}):
    """An identifier and what sort of identifier it is."""

    value: Text = content("Identifier", "The identifier itself.")
    type: Text = required_attribute(
        "type", "Sort", "What sort of identifier this is: erasmus, pic, nationalIdentifier."
    )


class TranscriptStudent(TranscriptElement):
    """The student whose results these are."""

    given_names: Text = one("given-names", "Given names", "All given names, in Latin script.")
    family_name: Text = one("family-name", "Family name", "The family name, in Latin script.")
    alternative_name: StringWithOptionalLang | None = maybe(
        "alternative-name",
        "Name in another script",
        "The full name as it is written in another script than the Latin one. Where you leave it out, partners get the "
        "given names and the family name here once more, because ELMO 2 demands the element.",
    )
    global_id: Text | None = maybe(
        "global-id",
        "European Student Identifier",
        "The student's identifier in all of Europe: urn:schac:personalUniqueCode:int:esi:, then the domain of the "
        "institution or the country that gave it, a colon, and the code.",
    )
    identifier: list[TypedIdentifier] = many("identifier", "Other identifiers", "What else the student is known by.")
    birth_date: Date | None = maybe("birth-date", "Date of birth", "The day the student was born: 2004-05-31.")
    citizenship: CountryCode | None = maybe("citizenship", "Citizenship", "Country as two capital letters: FI.")
    place_of_birth: Text | None = maybe("place-of-birth", "Place of birth", "The town the student was born in.")
    country_of_birth: CountryCode | None = maybe(
        "country-of-birth", "Country of birth", "Country as two capital letters: FI."
    )
    birth_name: Text | None = maybe(
        "birth-name", "Name at birth", "Given and family names that the student had at birth."
    )
    gender: Gender | None = maybe(
        "gender", "Gender", "By ISO/IEC 5218: 0 not known, 1 male, 2 female, 9 not applicable."
    )


class TranscriptIssuer(TranscriptElement):
    """The institution that issues the transcript: yours."""

    hei_id: Text | None = maybe(
        "hei-id", "HEI", "Always there for records of yours: the SCHAC identifier of your institution, its domain."
    )
    identifier: list[TypedIdentifier] = many("identifier", "Other identifiers", "Erasmus code, PIC and the like.")
    title: list[StringWithOptionalLang] = many(
        "title", "Name", "Name of the institution, once for each language, in English too.", at_least=1
    )
    url: Text = one("url", "Web address", "The institution's web page.")
    country: CountryCode | None = maybe("country", "Country", "Country as two capital letters: FI.")


class CourseTerm(TranscriptElement):
    """The academic term that a course was in."""

    title: list[StringWithOptionalLang] = many(
        "title", "Name", "What the term is called, once for each language: Autumn 2026.", at_least=1
    )
    start_date: Date = one("start-date", "First day", "The first day of the term: 2026-09-01.")
    end_date: Date = one("end-date", "Last day", "The last day of the term: 2026-12-31.")


class ResultCategory(TranscriptElement):
    """A grade, and how many students got it."""

    label: Text = required_attribute("label", "Grade", "The grade, or a range of grades: C, 20-30.")
    count: Count = required_attribute("count", "Students", "How many students of the course got it.")


class ResultDistribution(TranscriptElement):
    """The results of all students of the course, also of those who failed."""

    category: list[ResultCategory] = many("category", "Grades", "Each grade with its students.", at_least=1)
    description: list[StringWithOptionalLang] = many(
        "description", "Explanation", "What somebody has to know who reads it, once for each language."
    )


class ShortenedGrading(TranscriptElement):
    """How the student did in comparison with the others of the course."""

    percentage_lower: Number = one("percentage-lower", "Lower", "Per cent of students with a lower grade.")
    percentage_equal: Number = one("percentage-equal", "Equal", "Per cent of students with the same grade.")
    percentage_higher: Number = one("percentage-higher", "Higher", "Per cent of students with a higher grade.")


class OtherCredit(TranscriptElement):
    """Credits of another scheme than ECTS."""

    scheme: Text = one("scheme", "Scheme", "What the credits are called.")
    value: Number | None = maybe("value", "Credits", "How many.")


class CourseLevel(TranscriptElement):
    """A level of education, by some framework."""

    type: Text = one("type", "Framework", "EQF, NQF, or what your country has agreed on.")
    value: Text | None = maybe("value", "Level", "The level in this framework: 6.")
    description: StringWithOptionalLang | None = maybe("description", "Explanation", "What the level means.")


class TranscriptCourse(TranscriptElement):
    """A course, module, class or programme, and what the student achieved in it."""

    los_id: Text | None = maybe(
        "los-id",
        "Identifier of the course",
        "As the Courses API has it: CR/ (module MOD/, class CLS/, programme DEP/) and up to 40 characters.",
    )
    code: Text | None = maybe("code", "Code", "The code of the course that people know: CS-101.")
    loi_id: Text | None = maybe(
        "loi-id",
        "Identifier of the instance",
        "Of the course in this term, as the Courses API has it: CRI/ and up to 40 characters.",
    )
    identifier: list[TypedIdentifier] = many("identifier", "Other identifiers", "What else the course is known by.")
    title: list[StringWithOptionalLang] = many("title", "Title", "The title, once for each language.", at_least=1)
    type: CourseType | None = maybe("type", "Sort", "Degree Programme, Module, Course or Class.")
    subject_area: Text | None = maybe("subject-area", "Subject area", "The old Erasmus subject area code.")
    isced_code: Text | None = maybe(
        "isced-code", "Field of education", "ISCED-F code; grades can be converted only where it is given: 0613."
    )
    url: Text | None = maybe("url", "Web address", "A page about the course.")
    description: list[StringWithOptionalLang] = many("description", "Description", "In plain text, by language.")
    start_date: Date | None = maybe("start-date", "Begun", "The day the student began the course: 2026-09-01.")
    end_date: Date | None = maybe("end-date", "Finished", "The day of the examination, or the last day: 2026-12-18.")
    term: CourseTerm | None = maybe("term", "Term", "The academic term the course was in.")
    status: CourseStatus | None = maybe("status", "Status", "passed, failed or in-progress.")
    grading_scheme: Text | None = maybe(
        "grading-scheme", "Grading scheme", "The id of one of the transcript's grading schemes."
    )
    grade: Text | None = maybe("grade", "Grade", "The grade, as the official documents have it.")
    shortened_grading: ShortenedGrading | None = maybe(
        "shortened-grading", "Comparison", "How the student did in comparison with the others."
    )
    result_distribution: ResultDistribution | None = maybe(
        "result-distribution", "Result distribution", "How many students got which grade in this course."
    )
    ects: Number | None = maybe("ects", "ECTS credits", "ECTS credits that the student was awarded: 5.")
    credit: list[OtherCredit] = many("credit", "Other credits", "Credits of other schemes than ECTS.")
    level: list[CourseLevel] = many("level", "Level", "The level of the course, such as EQF 6.")
    language_of_instruction: Text | None = maybe(
        "language-of-instruction", "Language", "The language it was taught in: en."
    )
    hours: Number | None = maybe("hours", "Hours", "How many hours of teaching the student took part in.")
    part: list[TranscriptCourse] = many("part", "Parts", "The courses of a module, the classes of a course.")


class GradingScheme(TranscriptElement):
    """A grading scheme, explained."""

    id: Text = required_attribute("id", "Id", "How the courses of this transcript refer to it.")
    description: list[StringWithOptionalLang] = many("description", "Explanation", "Once for each language.")


class GradeFrequency(TranscriptElement):
    """A grade, and how often it is given."""

    label: Text = required_attribute("label", "Grade", "The grade, as it stands in the results of courses.")
    percentage: Number = required_attribute("percentage", "Per cent", "Per cent of all results that are this grade.")


class IscedTable(TranscriptElement):
    """How grades are distributed in one field of education."""

    isced_code: Text = required_attribute("isced-code", "Field of education", "ISCED-F code, as the courses have it.")
    grade_frequency: list[GradeFrequency] = many("grade-frequency", "Grades", "Each grade.", at_least=1)


class TranscriptAttachment(TranscriptElement):
    """A file that belongs to the transcript. Give its content in base64, or the id of a file that you uploaded."""

    title: list[StringWithOptionalLang] = many("title", "Title", "What it is called, once for each language.")
    type: AttachmentType | None = maybe(
        "type", "Sort", "The transcript as a document for people is a Transcript of Records."
    )
    description: list[StringWithOptionalLang] = many("description", "Explanation", "Once for each language.")
    media_type: Text | None = maybe("media-type", "Media type", "application/pdf, where nothing else is said.")
    language: Text | None = maybe("language", "Language", "The language of the file: en.")
    content: Text | None = maybe("content", "Content", "The file itself, in base64.")
    file: Identifier | None = maybe("file", "File", "The id of a file that you uploaded, in place of the content.")
