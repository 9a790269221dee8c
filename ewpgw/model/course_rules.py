"""Rules for courses that the schema cannot express (Courses API 0.7)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from ewpgw.model import isced
from ewpgw.model.academic_term import AcademicYear
from ewpgw.model.academic_years import AcademicTerm
from ewpgw.model.course import TYPES, type_of
from ewpgw.model.days import day
from ewpgw.model.problems import Problem, dotted
from ewpgw.model.rules import english_problems, name_problems, refusal, repeated, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ewpgw.model.course import Course, CourseCredit, CourseInstance, CourseTerm

_SOURCE = "ewp-specs-api-courses 0.7, response.xsd"
_IDENTIFIERS = "ewp-specs-api-courses 0.7, README, LO identifiers"
_TERM = "ewp-specs-types-academic-term 1, schema.xsd, AcademicTerm"

_MAY_CONTAIN: Mapping[str, tuple[str, ...]] = {
    "Degree Programme": ("Module", "Course", "Degree Programme"),
    "Module": ("Course",),
    "Course": ("Class",),
    "Class": (),
}


def problems(hei_id: str, record: Course) -> Iterator[Problem]:
    """What is wrong with a course of the institution ``hei_id``, as far as one record alone shows it."""
    kind = type_of(record.los_id)
    if record.type is not None and record.type != kind:
        said = f"is {record.type}, but the identifier {record.los_id} is that of a {kind}"
        if record.type not in TYPES.values():
            said = f"must be {', '.join(TYPES.values())}, or be left out"
        yield refusal("type", said, f"{_IDENTIFIERS}; {_SOURCE}, type")
    if not record.los_code:
        yield warning("los_code", "is missing: people have nothing but the title to tell courses apart", _SOURCE)
    yield from _titles(record)
    if record.isced_code is not None and not isced.is_code(record.isced_code.strip()):
        said = f"is {record.isced_code}, which is no code of ISCED-F 2013"
        yield warning("isced_code", said, f"{_SOURCE}, iscedCode")
    yield from _instances(record, kind)
    yield from _parts(record, kind)


def _titles(record: Course) -> Iterator[Problem]:
    source = f"{_SOURCE}, title"
    for position, title in enumerate(record.title):
        if not title.value.strip():
            said = "is blank: partners have nothing to show; make one of the type and the code, if nothing else"
            yield warning(dotted("title", position), said, source)
    yield from name_problems("title", record.title, source)
    yield from english_problems("title", record.title, source)


def _instances(record: Course, kind: str) -> Iterator[Problem]:
    path = "specifies.learning_opportunity_instance"
    for position in repeated([instance.loi_id for instance in record.instances]):
        yield refusal(dotted(path, position, "loi_id"), "stands here before: each instance has its own", _IDENTIFIERS)
    for position, instance in enumerate(record.instances):
        yield from _instance(dotted(path, position), instance, record.los_id, kind)


def _instance(path: str, instance: CourseInstance, los_id: str, kind: str) -> Iterator[Problem]:
    prefix = f"{los_id.partition('/')[0]}I/"
    if not instance.loi_id.startswith(prefix):
        said = f"is {instance.loi_id}, but the identifiers of a {kind}'s instances begin with {prefix}"
        yield refusal(dotted(path, "loi_id"), said, _IDENTIFIERS)
    if day(instance.end) < day(instance.start):
        said = f"is {instance.end}, before the start on {instance.start}"
        yield refusal(dotted(path, "end"), said, f"{_SOURCE}, start, end")
    source = f"{_SOURCE}, academic-term"
    if instance.academic_term is not None:
        yield from _term(dotted(path, "academic_term"), instance.academic_term)
        if kind == "Degree Programme":
            yield warning(dotted(path, "academic_term"), "is given, but a programme takes several terms", source)
    elif kind == "Course":
        yield warning(dotted(path, "academic_term"), "is missing: a course is held in one term", source)
    if instance.grading_scheme is not None:
        scheme, where = instance.grading_scheme, dotted(path, "grading_scheme")
        yield from english_problems(dotted(where, "label"), scheme.label, f"{_SOURCE}, gradingScheme")
        yield from english_problems(dotted(where, "description"), scheme.description, f"{_SOURCE}, gradingScheme")
    if instance.result_distribution is not None:
        labels = [category.label for category in instance.result_distribution.category]
        for position in repeated(labels):
            where = dotted(path, "result_distribution", "category", position, "label")
            yield warning(where, f"is {labels[position]} once more", f"{_SOURCE}, resultDistribution")
    yield from _credits(path, instance.credit)
    if instance.language_of_instruction is None and kind in ("Course", "Class"):
        said = "is missing: students and partners look for it; leave it out only where there is no main language"
        yield warning(dotted(path, "language_of_instruction"), said, f"{_SOURCE}, languageOfInstruction")


def _term(path: str, term: CourseTerm) -> Iterator[Problem]:
    try:
        AcademicYear.read(term.academic_year_id)
    except ValueError as error:
        yield refusal(dotted(path, "academic_year_id"), f"is no academic year: {error}", _TERM)
    if term.ewp_id is not None:
        try:
            AcademicTerm.read(term.ewp_id)
        except ValueError as error:
            yield refusal(dotted(path, "ewp_id"), f"is no term there can be: {error}", _TERM)
        if not term.ewp_id.startswith(f"{term.academic_year_id}-"):
            said = f"is {term.ewp_id}, which is no term of the year {term.academic_year_id}"
            yield refusal(dotted(path, "ewp_id"), said, _TERM)
    if day(term.end_date) < day(term.start_date):
        said = f"is {term.end_date}, before the start on {term.start_date}"
        yield refusal(dotted(path, "end_date"), said, _TERM)


def _credits(path: str, given: list[CourseCredit]) -> Iterator[Problem]:
    source = f"{_SOURCE}, credit"
    if not any(credit.scheme.strip().lower() == "ects" for credit in given):
        yield warning(dotted(path, "credit"), "has no ECTS credits, by which partners recognise courses", source)
    for position, credit in enumerate(given):
        where = dotted(path, "credit", position)
        if credit.scheme != "ects" and credit.scheme.strip().lower() == "ects":
            said = f"is written {credit.scheme!r}; partners know ECTS credits by the word 'ects' only"
            yield warning(dotted(where, "scheme"), said, source)
        if Decimal(credit.value.strip()) < 0:
            yield refusal(dotted(where, "value"), "is below zero", source)


def _parts(record: Course, kind: str) -> Iterator[Problem]:
    parts = record.contains.los_id if record.contains is not None else []
    source = f"{_SOURCE}, contains"
    again = set(repeated(parts))
    for position, part in enumerate(parts):
        path = dotted("contains", "los_id", position)
        if part == record.los_id:
            yield refusal(path, "names the course itself as a part of it", source)
        elif position in again:
            yield warning(path, f"names {part} once more", source)
        elif (of := type_of(part)) not in _MAY_CONTAIN[kind]:
            yield warning(path, f"is {part}, but a {kind} does not consist of things of type {of}", f"{_SOURCE}, type")
