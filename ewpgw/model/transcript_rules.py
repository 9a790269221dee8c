"""Rules for transcripts of records that the schemas cannot express (Incoming Mobility ToRs API 3 and 2)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ewpgw.model import elmo, elmo_completion, elmo_reading
from ewpgw.model.academic_term import AcademicYear
from ewpgw.model.days import day
from ewpgw.model.omobility_rules import esi_problems
from ewpgw.model.problems import Problem, dotted, from_validation
from ewpgw.model.rules import english_problems, is_domain, refusal, repeated, warning
from ewpgw.model.transcript import Transcript
from ewpgw.model.transcript_attachment_rules import attachment_problems
from ewpgw.model.transcript_course_rules import course_problems
from ewpgw.model.transcript_parts import LARGEST_ATTACHMENT
from ewpgw.model.transcript_tor import known_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.transcript_parts import IscedTable, TranscriptStudent

_PERMISSIONS = "ewp-specs-api-imobility-tors 2, README, Security and permissions"
_ELMO = "ewp-specs-api-imobility-tors 3, get-response.xsd, elmo"
_YEAR = "ewp-specs-api-imobility-tors 3, get-response.xsd, receiving-academic-year-id"
_TABLE = "ewp-specs-api-imobility-tors 3, get-response.xsd, gradeConversionTable"
_SCHAC = 'ewp-specs-api-registry 1, README, "SCHAC identifiers"'
_ISSUER = "ELMO 2, schema.xsd, Issuer"
_REPORT = "ELMO 2, schema.xsd, report"
_ROUNDING = Decimal("1.5")


def problems(
    hei_id: str,
    record: Transcript,
    *,
    largest_attachment: int = LARGEST_ATTACHMENT,
    largest_elmo: int = elmo.LARGEST,
    most_elements: int = elmo.MOST_ELEMENTS,
) -> Iterator[Problem]:
    """What is wrong with a transcript that the institution ``hei_id`` issues.

    ``largest_attachment`` and ``largest_elmo``: the most bytes of an attachment, and of a whole ELMO in UTF-8;
    ``most_elements``: the most elements of an ELMO, and a hundred times the most courses.
    """
    yield from _mobility_problems(hei_id, record)
    if record.elmo is not None:
        yield from _elmo_problems(hei_id, record, largest_attachment, largest_elmo, most_elements)
        return
    courses = sum(1 for _ in record.courses())
    if courses > max(1, most_elements // 100):
        yield refusal("course", f"are {courses}; at most {max(1, most_elements // 100)} are accepted", _REPORT)
        return
    yield from _identity_problems(hei_id, record)
    yield from course_problems(record)
    yield from _table_problems(record)
    for place, attachment in enumerate(record.attachment):
        yield from attachment_problems(dotted("attachment", place), attachment, largest_attachment)


def _mobility_problems(hei_id: str, record: Transcript) -> Iterator[Problem]:
    sending = record.sending_hei_id
    if sending is None:
        yield refusal("sending_hei_id", "is required: whose student this is about", _PERMISSIONS)
    elif not is_domain(sending):
        yield refusal("sending_hei_id", "must be the domain that identifies the institution", _SCHAC)
    elif sending == hei_id:
        yield refusal("sending_hei_id", "must be another institution: the one that sent the student", _PERMISSIONS)
    year = record.receiving_academic_year_id
    if year is None:
        yield refusal("receiving_academic_year_id", "is required: the academic year of the stay", _YEAR)
    else:
        try:
            AcademicYear.read(year)
        except ValueError:
            yield refusal("receiving_academic_year_id", "must be two years that follow each other, or the same", _YEAR)
    if record.start_date is not None and record.end_date is not None and day(record.end_date) < day(record.start_date):
        yield refusal("end_date", "must not be before start_date", _REPORT)


def _identity_problems(hei_id: str, record: Transcript) -> Iterator[Problem]:
    for field in ("student", "issuer", "issue_date"):
        if getattr(record, field) is None:
            yield refusal(field, "is required, unless the whole ELMO is given", _ELMO)
    if record.student is not None:
        yield from _student_problems(record.student)
    if (issuer := record.issuer) is not None:
        if issuer.hei_id is None:
            yield refusal("issuer.hei_id", "is required: the SCHAC identifier of your institution", _ELMO)
        elif issuer.hei_id != hei_id:
            yield refusal("issuer.hei_id", f"must be {hei_id}, whose transcript this is", _ELMO)
        yield from english_problems("issuer.title", issuer.title, _ISSUER)
        if not issuer.url.strip():
            yield warning("issuer.url", "is blank: it is what people turn to where they do not know you", _ISSUER)
    if not record.course:
        yield warning("course", "is empty: the sending institution has nothing to recognise", _REPORT)


def _student_problems(student: TranscriptStudent) -> Iterator[Problem]:
    if student.global_id is None:
        yield refusal("student.global_id", "is required: the European Student Identifier", _ELMO)
    else:
        yield from esi_problems("student.global_id", student.global_id, _ELMO)
    if student.birth_date is None:
        yield refusal("student.birth_date", "is required", _ELMO)
    for field in ("given_names", "family_name"):
        if not getattr(student, field).strip():
            yield warning(dotted("student", field), "is blank", "ELMO 2, schema.xsd, learner")


def _elmo_problems(
    hei_id: str, record: Transcript, largest_attachment: int, largest: int, most_elements: int
) -> Iterator[Problem]:
    """The same rules for a whole ELMO, and whether what it lacks can be added."""
    for field in ("course", "grading_scheme", "attachment"):
        if getattr(record, field):
            yield refusal(field, "is given beside a whole ELMO, which would have to have it", _REPORT)
    try:
        document = elmo.parse(record.elmo or "", max_bytes=largest, most_elements=most_elements)
    except elmo.BadElmo as error:
        where = f" (line {error.line})" if error.line is not None else ""
        yield refusal("elmo", f"{error.words}{where}", _REPORT)
        return
    if (count := elmo.elements(document.root)) > most_elements:
        yield refusal("elmo", f"has {count} elements; at most {most_elements} are accepted", _REPORT)
        return
    completed = elmo_completion.completed(document, known_of(record))
    yield from completed.problems
    reading = elmo_reading.read(completed.document.root, hei_id)
    try:
        said = Transcript.model_validate(
            {"omobility_id": record.omobility_id, "grade_conversion_table": record.grade_conversion_table}
            | reading.fields
        )
    except ValidationError as error:
        for problem in from_validation(error, Transcript, _REPORT):
            yield Problem(dotted("elmo", problem.path), problem.message, problem.severity, problem.source)
        return
    issuer = said.issuer.hei_id if said.issuer is not None else None
    if issuer is not None and issuer != hei_id:
        yield refusal("elmo.report.issuer", f"must have the SCHAC identifier {hei_id}, not {issuer}", _ELMO)
    if said.student is not None and said.student.global_id is not None:
        yield from esi_problems("elmo.learner.identifier", said.student.global_id)
    inner = [*course_problems(said, identifiers=False)]
    for place, attachment in enumerate(said.attachment):
        inner += attachment_problems(dotted("attachment", place), attachment, largest_attachment, received=True)
    for problem in inner:
        yield Problem(dotted("elmo", problem.path), problem.message, problem.severity, problem.source)
    yield from _table_problems(said)


def _table_problems(record: Transcript) -> Iterator[Problem]:
    fields = {course.isced_code for course in record.courses() if course.isced_code is not None}
    grades: dict[str, set[str]] = {}
    for course in record.courses():
        if course.isced_code is not None and course.grade is not None and course.status != "in-progress":
            grades.setdefault(course.isced_code, set()).add(" ".join(course.grade.split()))
    tables = record.grade_conversion_table
    codes = [table.isced_code for table in tables]
    for place in repeated(codes):
        yield refusal(dotted("grade_conversion_table", place, "isced_code"), "is there already", _TABLE)
    for place, table in enumerate(tables):
        path = dotted("grade_conversion_table", place)
        if table.isced_code not in fields:
            yield warning(f"{path}.isced_code", "is the field of no course of the transcript", _TABLE)
        yield from _one_table_problems(path, table, grades.get(table.isced_code, set()))
    if tables:
        for code in sorted(fields - set(codes)):
            said = f"has no table for {code}: grades of its courses cannot be converted"
            yield warning("grade_conversion_table", said, _TABLE)
    elif fields:
        said = "is missing: the sending institution cannot convert the grades"
        yield warning("grade_conversion_table", said, _TABLE)


def _one_table_problems(path: str, table: IscedTable, grades: set[str]) -> Iterator[Problem]:
    labels = [" ".join(grade.label.split()) for grade in table.grade_frequency]
    for place in repeated(labels):
        yield refusal(dotted(path, "grade_frequency", place, "label"), "is there already", _TABLE)
    percentages = [Decimal(grade.percentage.strip()) for grade in table.grade_frequency]
    total = sum(percentages, Decimal())
    if any(share < 0 or share > 100 for share in percentages):
        yield refusal(path, "has a percentage below 0 or above 100", _TABLE)
    elif abs(total - 100) > _ROUNDING:
        yield warning(path, f"adds up to {total} per cent, not to 100", _TABLE)
    for grade in sorted(grades - set(labels)):
        yield warning(path, f"lacks the grade {grade}, which a course of this field has", _TABLE)
