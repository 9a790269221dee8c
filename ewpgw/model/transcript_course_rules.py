"""Rules for the courses of a transcript."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from ewpgw.model import elmo_identifiers, isced
from ewpgw.model.days import day
from ewpgw.model.problems import dotted
from ewpgw.model.rules import name_problems, refusal, repeated, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.problems import Problem
    from ewpgw.model.transcript import Transcript
    from ewpgw.model.transcript_parts import TranscriptCourse

_API = "ewp-specs-api-imobility-tors 3, get-response.xsd, elmo"
_COURSES = "ewp-specs-api-courses 0.7, response.xsd"
_CREDIT = "ELMO 2, schema.xsd, LearningOpportunitySpecification, credit"
_INSTANCE = "ELMO 2, schema.xsd, LearningOpportunitySpecification"
_SCHEMES = "ELMO 2, schema.xsd, report, gradingScheme"
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class _Placed:
    """A course, where it stands, and whether its ECTS credits are those of the course that it is a part of."""

    path: str
    course: TranscriptCourse
    depth: int
    counted_above: bool

    @property
    def counts(self) -> bool:
        """Whether the course is the one to be recognised: neither what it is part of nor its own parts are."""
        return not self.counted_above and (self.course.ects is not None or not _any_ects(self.course))


def course_problems(record: Transcript, *, identifiers: bool = True) -> Iterator[Problem]:
    """What is wrong with the courses of a transcript; without ``identifiers``, theirs are not looked at."""
    schemes = {" ".join(scheme.id.split()) for scheme in record.grading_scheme}
    for place in repeated([scheme.id for scheme in record.grading_scheme]):
        yield refusal(dotted("grading_scheme", place, "id"), "is there already", _SCHEMES)
    instances: set[str] = set()
    for placed in _placed(record):
        course, path = placed.course, placed.path
        if placed.depth > _DEEPEST:
            yield refusal(path, f"is a part of a part more than {_DEEPEST} times", _INSTANCE)
            return
        if identifiers:
            yield from _identifier_problems(path, course, demanded=placed.counts)
            sent = elmo_identifiers.sent_loi_id(course)
            if sent is not None and sent in instances:
                yield warning(f"{path}.loi_id", "is that of another course of this transcript too", _COURSES)
            instances.add(sent or "")
        yield from _demanded(placed)
        yield from _result_problems(path, course, schemes)
        yield from _other_problems(path, course, counts=placed.counts)


def _placed(record: Transcript) -> Iterator[_Placed]:
    waiting = [_Placed(dotted("course", place), course, 0, False) for place, course in enumerate(record.course)]
    waiting.reverse()
    while waiting:
        placed = waiting.pop()
        yield placed
        above = placed.counted_above or placed.course.ects is not None
        parts = [
            _Placed(dotted(placed.path, "part", place), part, placed.depth + 1, above)
            for place, part in enumerate(placed.course.part)
        ]
        waiting.extend(reversed(parts))


def _any_ects(course: TranscriptCourse) -> bool:
    return any(part.ects is not None or _any_ects(part) for part in course.part)


def _identifier_problems(path: str, course: TranscriptCourse, *, demanded: bool) -> Iterator[Problem]:
    fields = (
        ("los_id", course.los_id, elmo_identifiers.sent_los_id(course), elmo_identifiers.is_los_id, "CR/ or the like"),
        ("loi_id", course.loi_id, elmo_identifiers.sent_loi_id(course), elmo_identifiers.is_loi_id, "CRI/ or the like"),
    )
    for field, given, sent, good, begins in fields:
        where = f"{path}.{field}"
        if given is not None and not good(given):
            yield refusal(where, f"must begin with {begins}, and have 1 to 40 characters after it", _COURSES)
        elif given is None and sent is not None:
            yield warning(where, f"is missing; {sent} is sent", _API)
        elif sent is None and (demanded or field == "los_id"):
            made_of = "code" if field == "los_id" else "code and term"
            yield refusal(where, f"is required, and there is no short {made_of} to make it of", _API)


def _demanded(placed: _Placed) -> Iterator[Problem]:
    """What version 3 demands of each course; of parts that have no credits of their own it cannot."""
    course, path = placed.course, placed.path
    if placed.counted_above and course.ects is not None:
        yield refusal(f"{path}.ects", "is given, though the course it is a part of has ECTS credits already", _CREDIT)
    if not placed.counts:
        return
    fields = ["term", "ects"]
    if course.status == "in-progress":
        yield warning(f"{path}.status", "is in-progress: there is no result yet to be recognised", _INSTANCE)
    else:
        fields += ["grade", "result_distribution"]
    for field in fields:
        if getattr(course, field) is None:
            yield refusal(f"{path}.{field}", "is required", _API)


def _result_problems(path: str, course: TranscriptCourse, schemes: set[str]) -> Iterator[Problem]:
    if course.ects is not None and Decimal(course.ects.strip()) < 0:
        yield refusal(f"{path}.ects", "must not be below zero", _CREDIT)
    if course.grading_scheme is not None and " ".join(course.grading_scheme.split()) not in schemes:
        yield warning(f"{path}.grading_scheme", "is none of the transcript's grading schemes", _SCHEMES)
    if (distribution := course.result_distribution) is not None:
        labels = [" ".join(category.label.split()) for category in distribution.category]
        where = f"{path}.result_distribution"
        for place in repeated(labels):
            yield refusal(dotted(where, "category", place, "label"), "is there already", _INSTANCE)
        if not any(int(category.count) for category in distribution.category):
            yield warning(where, "has no student in it", _INSTANCE)


def _other_problems(path: str, course: TranscriptCourse, *, counts: bool) -> Iterator[Problem]:
    yield from name_problems(f"{path}.title", course.title)
    if counts and course.status is None:
        yield warning(f"{path}.status", "is missing: partners will take the course as passed", _INSTANCE)
    if course.isced_code is not None:
        if not isced.is_code(course.isced_code.strip()):
            yield warning(f"{path}.isced_code", "is no code of ISCED-F 2013", _INSTANCE)
    elif counts:
        yield warning(f"{path}.isced_code", "is missing: the grade cannot be converted without it", _API)
    periods = [("end_date", course.start_date, course.end_date)]
    if course.term is not None:
        periods.append(("term.end_date", course.term.start_date, course.term.end_date))
    for field, start, end in periods:
        if start is not None and end is not None and day(end) < day(start):
            yield refusal(f"{path}.{field}", "must not be before the first day", _INSTANCE)
