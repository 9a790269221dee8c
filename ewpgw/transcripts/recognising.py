"""What helps to recognise a transcript: suggestions for its grades, and its courses beside what was planned.

Both are worked out when somebody asks: the settings and the learning agreement may change after a transcript came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ewpgw.model.course_matching import Matching, PlannedComponent, achieved_courses, match
from ewpgw.model.grade_conversion import Suggestion, UnknownOrder, scale_of_distribution, scale_of_table, suggest
from ewpgw.model.grade_tables import distribution_for
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_after import as_approved, as_proposed
from ewpgw.store import records
from ewpgw.store.records import RecordKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.learning_agreement_after import FullAgreement
    from ewpgw.model.learning_agreement_parts import Component
    from ewpgw.model.transcript import Transcript
    from ewpgw.model.transcript_parts import TranscriptCourse
    from ewpgw.store.engine import Readable
    from ewpgw.transcripts.configured import Configured

LEARNING_AGREEMENTS = "omobility-las"


@dataclass(frozen=True, slots=True)
class GradedCourse:
    """A course with a grade, and what that may be converted into."""

    title: str
    los_id: str | None
    code: str | None
    isced_code: str | None
    grade: str
    suggestion: Suggestion


@dataclass(frozen=True, slots=True)
class Planned:
    """What was to be studied. ``by`` says whether it is approved or only proposed; None: there is no agreement."""

    components: tuple[PlannedComponent, ...]
    by: Literal["approved", "proposed"] | None


def graded(record: Transcript, hei_id: str, partner: str, configured: Configured) -> list[GradedCourse]:
    """The courses that have a grade, in the order of the transcript, each with a suggestion or why there is none.

    Source: ewpgw.model.grade_conversion.
    """
    scales = _Scales(record, hei_id, partner, configured)
    return [
        GradedCourse(
            title=_title(course),
            los_id=course.los_id,
            code=course.code,
            isced_code=course.isced_code,
            grade=course.grade,
            suggestion=scales.suggest(course, course.grade),
        )
        for course in record.courses()
        if course.grade is not None
    ]


async def planned(source: Readable, hei_id: str, partner: str, omobility_id: str) -> Planned:
    """What our learning agreement for the same stay says is to be studied at the partner.

    What was approved last counts and, as long as nothing is approved, what is proposed.
    """
    stored = await records.get(source, RecordKey(hei_id, LEARNING_AGREEMENTS, omobility_id))
    if stored is None or stored.document is None:
        return Planned((), None)
    agreement = LearningAgreement.model_validate_json(stored.document)
    if agreement.receiving_hei.hei_id != partner:
        return Planned((), None)
    approved, proposed = as_approved(agreement), as_proposed(agreement)
    if approved is not None:
        return Planned(tuple(_components(approved)), "approved")
    return Planned((), None) if proposed is None else Planned(tuple(_components(proposed)), "proposed")


def matched(record: Transcript, plan: Planned) -> Matching:
    """The courses of a transcript beside what was planned."""
    return match(plan.components, achieved_courses(record))


def _components(agreement: FullAgreement) -> Iterator[PlannedComponent]:
    for name, table in agreement.tables.items():
        if name in _STUDIED:
            for component in table.components:
                yield PlannedComponent(component.title, component.los_id, component.los_code, _ects(component))


def _ects(component: Component) -> str | None:
    found = (credit.value for credit in component.credit if credit.scheme.strip().lower() == "ects")
    return next((str(value).strip() for value in found), None)


_STUDIED = (
    "components_studied",
    "virtual_components",
    "blended_mobility_components",
    "short_term_doctoral_components",
)


class _Scales:
    """The tables of both sides, by field of education."""

    def __init__(self, record: Transcript, hei_id: str, partner: str, configured: Configured) -> None:
        self._tables = {" ".join(table.isced_code.split()): table for table in record.grade_conversion_table}
        self._failing = frozenset(
            " ".join(course.grade.split())
            for course in record.courses()
            if course.status == "failed" and course.grade is not None
        )
        self._hei_id, self._partner = hei_id, partner
        self._configured = configured

    def suggest(self, course: TranscriptCourse, grade: str) -> Suggestion:
        """What a grade may be converted into."""
        code = " ".join((course.isced_code or "").split())
        if not code:
            return self._none("The course has no field of education, so it is not known which tables to compare.")
        table = self._tables.get(code)
        if table is None:
            return self._none(f"The transcript has no grade conversion table for the field {code}.")
        distribution = distribution_for(code, self._configured.distributions)
        if distribution is None:
            return self._none(
                f"{self._hei_id} has configured no distribution of its grades for the field {code} (settings, "
                "transcripts.grade_distributions)."
            )
        try:
            given = scale_of_table(
                self._partner,
                table,
                failing=self._failing,
                best_first=self._configured.best_first.get(self._partner),
            )
        except UnknownOrder as unknown:
            return self._none(f"{unknown.words} Say so in the settings, transcripts.partner_scales.")
        wanted = scale_of_distribution(self._hei_id, distribution)
        return suggest(grade, given, wanted, self._configured.overlap)

    def _none(self, why: str) -> Suggestion:
        return Suggestion(None, self._hei_id, why)


def _title(course: TranscriptCourse) -> str:
    english = next((title for title in course.title if (title.lang or "").lower().startswith("en")), None)
    return english.value if english is not None else course.title[0].value
