"""A transcript of records as a paper: what the record says, for people who read no ELMO.

Its parts are those that the ECTS Users' Guide 2015 names for a transcript of records: student, institution, courses
with credits and grades, the grading scheme and how grades are distributed. The sentences are ours.
"""

from __future__ import annotations

from decimal import Context, Decimal
from itertools import islice
from typing import TYPE_CHECKING

from ewpgw.model import isced
from ewpgw.model.learning_agreement_words import plain_number
from ewpgw.prints import words
from ewpgw.prints.pages import About, Edges
from ewpgw.prints.sheet import Column, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ewpgw.model.base import StringWithOptionalLang
    from ewpgw.model.transcript import Transcript
    from ewpgw.model.transcript_parts import ResultDistribution, TranscriptCourse

MOST_COURSES = 300
"""Of more courses, with their parts, no paper is made: to lay out so many takes seconds."""

_LONGEST = 400
_MOST_LISTED = 60
_EXACT = Context(prec=100_000)
_PART = "\N{EN DASH} "

_RESULTS = (
    Column("Code", 2),
    Column("Title", 5.5),
    Column("Term", 2.2),
    Column("Status", 1.6),
    Column("Hours", 1.2, "right"),
    Column("ECTS", 1.2, "right"),
    Column("Grade", 1.4, "right"),
)
_DETAILS = (
    Column("Course", 3),
    Column("Field of education", 3),
    Column("Level, language, dates", 3.5),
    Column("Other credits, comparison", 3.5),
)
_DISTRIBUTIONS = (Column("Course", 2), Column("Results of all students, grade by grade", 5), Column("Explanation", 3))
_SCHEMES = (Column("Scheme", 1), Column("Explanation", 5))
_TABLES = (Column("Field of education", 2), Column("Share of all results", 5))


class TooManyCourses(ValueError):
    """A transcript has more courses than a paper is made of. ``number``: how many."""

    def __init__(self, number: int) -> None:
        super().__init__(f"the transcript has {number} courses; a PDF is made of at most {MOST_COURSES}")
        self.number = number


def transcript_pdf(record: Transcript) -> bytes:
    """The transcript as a PDF file. The same record gives the same bytes.

    Long texts are cut, and of very long lists only the beginning is printed: what counts is the data. Raises
    TooManyCourses.
    """
    courses = list(_rows(record.course, 0))
    if len(courses) > MOST_COURSES:
        raise TooManyCourses(len(courses))
    sheet = Sheet()
    sheet.title("Transcript of records")
    _parties(sheet, record)
    _results(sheet, record, courses)
    _details(sheet, courses)
    _grades(sheet, record, courses)
    sheet.say(
        "Made of the data that this document was sent with. Where the two differ, the data counts.",
        "small",
    )
    issuer = _named(record.issuer.title) if record.issuer is not None else ""
    edges = Edges(
        left=_cut(f"Transcript of records · {issuer}"),
        right=_cut(f"{_student(record)} · {record.receiving_academic_year_id or ''}"),
        mark=None,
        bottom=f"Mobility {record.omobility_id}",
    )
    made = words.latest([record.issue_date] if record.issue_date is not None else [])
    return sheet.pdf(edges, About("Transcript of records", _cut(issuer), made))


def _parties(sheet: Sheet, record: Transcript) -> None:
    if (student := record.student) is not None:
        sheet.part("Student")
        born = [student.place_of_birth, student.country_of_birth]
        rows = [
            ("Family name", student.family_name),
            ("Given names", student.given_names),
            ("In another script", student.alternative_name.value if student.alternative_name is not None else None),
            ("Date of birth", words.day(student.birth_date) if student.birth_date is not None else None),
            ("Place of birth", ", ".join(part for part in born if part) or None),
            ("Name at birth", student.birth_name),
            ("Citizenship", student.citizenship),
            ("Gender", words.gender(student.gender) if student.gender is not None else None),
            ("European Student Identifier", student.global_id),
            *((one.type, one.value) for one in student.identifier[:_MOST_LISTED]),
        ]
        _fields(sheet, rows)
    if (issuer := record.issuer) is not None:
        sheet.part("Issuing institution")
        rows = [
            ("Name", " / ".join(title.value for title in issuer.title[:_MOST_LISTED])),
            ("HEI id", issuer.hei_id),
            ("Country", issuer.country),
            ("Web address", issuer.url),
            *((one.type, one.value) for one in issuer.identifier[:_MOST_LISTED]),
        ]
        _fields(sheet, rows)
    sheet.part("Stay")
    days = [words.day(each) for each in (record.start_date, record.end_date) if each is not None]
    rows = [
        ("Sending institution", record.sending_hei_id),
        ("Identifier of the mobility", record.omobility_id),
        ("Academic year", record.receiving_academic_year_id),
        ("Period", " to ".join(days) or None),
        ("Issued", words.moment(record.issue_date) if record.issue_date is not None else None),
        ("Version", record.version),
    ]
    _fields(sheet, rows)


def _results(sheet: Sheet, record: Transcript, courses: Sequence[tuple[int, TranscriptCourse]]) -> None:
    sheet.section("Courses and results")
    rows = [
        (
            _cut(course.code or ""),
            _cut(_PART * depth + " / ".join(title.value for title in course.title[:_MOST_LISTED])),
            _cut(_named(course.term.title)) if course.term is not None else "",
            course.status or "",
            course.hours or "",
            course.ects or "",
            _cut(course.grade or ""),
        )
        for depth, course in courses
    ]
    total = plain_number(_awarded(record.course))
    sheet.table(_RESULTS, rows, last=("", "ECTS credits of all courses that are passed", "", "", "", total, ""))


def _details(sheet: Sheet, courses: Sequence[tuple[int, TranscriptCourse]]) -> None:
    rows = [row for _, course in courses if any((row := _detail(course))[1:])]
    if rows:
        sheet.part("More about the courses")
        sheet.table(_DETAILS, rows)


def _detail(course: TranscriptCourse) -> tuple[str, str, str, str]:
    levels = [" ".join(part for part in (one.type, one.value) if part) for one in course.level[:_MOST_LISTED]]
    language = [words.language(course.language_of_instruction)] if course.language_of_instruction else []
    days = [words.day(each) for each in (course.start_date, course.end_date) if each is not None]
    other = [" ".join(part for part in (one.value, one.scheme) if part) for one in course.credit[:_MOST_LISTED]]
    if (seen := course.shortened_grading) is not None:
        other.append(
            f"{seen.percentage_lower} % of the students have a lower grade, {seen.percentage_equal} % the same, "
            f"{seen.percentage_higher} % a higher one"
        )
    about = [*levels, *language, *([" to ".join(days)] if days else [])]
    return _short(course), _cut(_field(course.isced_code)), _cut("; ".join(about)), _cut("; ".join(other))


def _grades(sheet: Sheet, record: Transcript, courses: Sequence[tuple[int, TranscriptCourse]]) -> None:
    known = [(course, course.result_distribution) for _, course in courses]
    distributed = [_distribution(course, of) for course, of in known if of is not None]
    if record.grading_scheme or distributed or record.grade_conversion_table:
        sheet.section("Grades")
    if record.grading_scheme:
        sheet.part("Grading schemes")
        schemes = record.grading_scheme[:_MOST_LISTED]
        sheet.table(_SCHEMES, [(_cut(one.id), _cut(_all_of(one.description))) for one in schemes])
    if distributed:
        sheet.part("Result distributions")
        sheet.table(_DISTRIBUTIONS, distributed)
    if record.grade_conversion_table:
        sheet.part("Grade conversion tables")
        rows = []
        for table in record.grade_conversion_table[:_MOST_LISTED]:
            shares = (f"{one.label}: {one.percentage} %" for one in table.grade_frequency)
            rows.append((_cut(_field(table.isced_code)), _listed(shares)))
        sheet.table(_TABLES, rows)


def _distribution(course: TranscriptCourse, of: ResultDistribution) -> tuple[str, str, str]:
    counts = (f"{one.label}: {one.count}" for one in of.category)
    return _short(course), _listed(counts), _cut(_all_of(of.description))


def _rows(courses: Sequence[TranscriptCourse], depth: int) -> Iterator[tuple[int, TranscriptCourse]]:
    """The courses in the order of the document, each before its parts; not many more than are printed."""
    waiting = [(depth, course) for course in reversed(courses)]
    while waiting:
        below, course = waiting.pop()
        yield below, course
        waiting.extend((below + 1, part) for part in reversed(course.part))


def _awarded(courses: Sequence[TranscriptCourse]) -> Decimal:
    """The sum of ECTS credits of what is passed; of parts only where the whole has none of its own."""
    total, waiting = Decimal(), list(courses)
    while waiting:
        course = waiting.pop()
        if course.status is not None and course.status.strip() != "passed":
            continue
        if course.ects is not None:
            total = _EXACT.add(total, Decimal(course.ects.strip()))
        else:
            waiting.extend(course.part)
    return total


def _fields(sheet: Sheet, rows: Sequence[tuple[str, str | None]]) -> None:
    sheet.fields([(_cut(label), _cut(value)) for label, value in rows if value], in_a_row=3)


def _student(record: Transcript) -> str:
    return f"{record.student.given_names} {record.student.family_name}" if record.student is not None else ""


def _short(course: TranscriptCourse) -> str:
    return _cut(course.code or _named(course.title))


def _field(code: str | None) -> str:
    """A field of education by its code and, where there is one, its name."""
    known = (code or "").strip()
    return " ".join(part for part in (known, isced.NAMES.get(known)) if part)


def _named(texts: Sequence[StringWithOptionalLang]) -> str:
    """The English text of several, or the first."""
    english = next((text for text in texts if (text.lang or "").lower().startswith("en")), None)
    return english.value if english is not None else texts[0].value if texts else ""


def _all_of(texts: Sequence[StringWithOptionalLang]) -> str:
    return " / ".join(text.value for text in texts[:_MOST_LISTED])


def _listed(texts: Iterator[str]) -> str:
    return _cut(", ".join(islice(texts, _MOST_LISTED)), 3 * _LONGEST)


def _cut(text: str, longest: int = _LONGEST) -> str:
    shown = " ".join(text[: 2 * longest].split())
    return shown if len(shown) <= longest and len(text) <= 2 * longest else f"{shown[:longest]}…"
