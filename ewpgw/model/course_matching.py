"""Courses of a transcript held against what was agreed: what has a result, what is missing, what came unplanned.

A course is that of a planned component where both have the same identifier (los id) or, failing that, the same code.
The network gives nothing else to go by: titles are translated and change (ewp-specs-api-omobility-las 1, get-response,
components; ewp-specs-api-imobility-tors 3, get-response.xsd, elmo).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ewpgw.model.transcript import Transcript
    from ewpgw.model.transcript_parts import TranscriptCourse


class By(StrEnum):
    """What a course and a component have in common."""

    LOS_ID = "los id"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class PlannedComponent:
    """A component of the learning agreement that was to be studied at the receiving institution."""

    title: str
    los_id: str | None = None
    code: str | None = None
    ects: str | None = None


@dataclass(frozen=True, slots=True)
class AchievedCourse:
    """A course of the transcript. ``status``: passed, failed or in-progress; None stands for passed (ELMO, status)."""

    title: str
    los_id: str | None = None
    code: str | None = None
    status: str | None = None
    grade: str | None = None
    ects: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the student has passed it."""
        return self.status in (None, "passed")


@dataclass(frozen=True, slots=True)
class Match:
    """A planned component and its result."""

    component: PlannedComponent
    course: AchievedCourse
    by: By


@dataclass(frozen=True, slots=True)
class Matching:
    """What became of the plan: each component and each course is in exactly one of the three."""

    matched: tuple[Match, ...]
    missing: tuple[PlannedComponent, ...]
    unplanned: tuple[AchievedCourse, ...]


def match(planned: Sequence[PlannedComponent], achieved: Sequence[AchievedCourse]) -> Matching:
    """Held against each other, in the order of the plan.

    A component gets one course and a course one component. Where several courses would do, because one was taken
    again, the one that was passed is taken, and of such the last.
    """
    found: dict[int, Match] = {}
    free = list(range(len(achieved)))
    for by, key in _KEYS:
        for place, component in enumerate(planned):
            wanted = key(component)
            if place in found or wanted is None:
                continue
            chosen = max(
                (course for course in free if key(achieved[course]) == wanted),
                key=lambda course: (achieved[course].passed, course),
                default=None,
            )
            if chosen is not None:
                free.remove(chosen)
                found[place] = Match(component, achieved[chosen], by)
    return Matching(
        tuple(found[place] for place in sorted(found)),
        tuple(component for place, component in enumerate(planned) if place not in found),
        tuple(achieved[course] for course in free),
    )


def achieved_courses(record: Transcript) -> tuple[AchievedCourse, ...]:
    """The courses of a transcript that can answer to a component: those with credits or a grade, and the lowest ones.

    A programme or module that only holds other courses together answers to none, nor does a class of a course that has
    the credits.
    """
    found: list[AchievedCourse] = []
    waiting = [(course, False) for course in reversed(record.course)]
    while waiting:
        course, counted = waiting.pop()
        own = course.ects is not None or course.grade is not None
        if own or not (counted or course.part):
            found.append(_achieved(course))
        waiting.extend((part, counted or own) for part in reversed(course.part))
    return tuple(found)


def _achieved(course: TranscriptCourse) -> AchievedCourse:
    english = next((title for title in course.title if (title.lang or "").lower().startswith("en")), None)
    title = english or (course.title[0] if course.title else None)
    return AchievedCourse(
        title=title.value if title is not None else "",
        los_id=course.los_id,
        code=course.code,
        status=course.status.strip() if course.status is not None else None,
        grade=course.grade,
        ects=course.ects,
    )


def _by_los_id(one: PlannedComponent | AchievedCourse) -> str | None:
    """Identifiers are the same where they are the same text (ewp-specs-architecture 1, Identifiers)."""
    return (one.los_id or "").strip() or None


def _by_code(one: PlannedComponent | AchievedCourse) -> str | None:
    """Codes are typed by people: case and blanks do not count."""
    return "".join((one.code or "").split()).casefold() or None


_KEYS: tuple[tuple[By, Callable[[PlannedComponent | AchievedCourse], str | None]], ...] = (
    (By.LOS_ID, _by_los_id),
    (By.CODE, _by_code),
)
