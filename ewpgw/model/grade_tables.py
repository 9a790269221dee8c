"""Grade conversion tables: how often each grade is given in a field of education, computed from counts of results.

Sources: ewp-specs-api-imobility-tors 3, get-response.xsd, gradeConversionTable, which wants a table for each ISCED-F
code that the transcript has, with the failing grades; ECTS Users' Guide 2015, "Grade conversion", and the Egracons
project for what is counted: all results of a group of students in one field over two or three years.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from ewpgw.model.transcript_parts import GradeFrequency, IscedTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TENTH = Decimal("0.1")
_LEAST_DIGITS = 2


@dataclass(frozen=True, slots=True)
class GradeCount:
    """A grade, how many results were this grade, and whether one passes with it."""

    label: str
    count: int
    passing: bool = True


@dataclass(frozen=True, slots=True)
class GradeDistribution:
    """The results that an institution gave in one field.

    ``isced_code``: ISCED-F code of two to four digits, or empty for all fields that have no distribution of their own.
    ``grades``: from the best to the worst.
    """

    isced_code: str
    grades: tuple[GradeCount, ...]

    @property
    def total(self) -> int:
        """How many results were counted."""
        return sum(grade.count for grade in self.grades)


def distribution_for(code: str, distributions: Iterable[GradeDistribution]) -> GradeDistribution | None:
    """The distribution of a field, or of the narrowest wider field that has one: 0613, 061, 06, all fields."""
    known = {one.isced_code: one for one in distributions if one.total > 0}
    wider = [code[:length] for length in range(len(code), _LEAST_DIGITS - 1, -1)]
    return next((known[field] for field in (*wider, "") if field in known), None)


def table(code: str, distribution: GradeDistribution) -> IscedTable:
    """The table of a field, from the worst grade to the best as in the published example, with the failing grades.

    Percentages have one decimal place and add up to 100 exactly. Raises ValueError where nothing was counted.
    """
    shares = percentages([grade.count for grade in distribution.grades])
    grades = [
        GradeFrequency(label=grade.label, percentage=str(share))
        for grade, share in zip(distribution.grades, shares, strict=True)
    ]
    return IscedTable(isced_code=code, grade_frequency=list(reversed(grades)))


def tables(codes: Iterable[str], distributions: Sequence[GradeDistribution]) -> list[IscedTable]:
    """The tables of the fields that a transcript has, in the order of their codes; none for fields without counts."""
    wanted = sorted({code.strip() for code in codes if code.strip()})
    found = ((code, distribution_for(code, distributions)) for code in wanted)
    return [table(code, distribution) for code, distribution in found if distribution is not None]


def percentages(counts: Sequence[int]) -> list[Decimal]:
    """Counts as per cent with one decimal place that add up to 100: what rounding loses goes to the largest remainders.

    Raises ValueError where the counts add up to nothing.
    """
    total = sum(counts)
    if total <= 0 or any(count < 0 for count in counts):
        raise ValueError("there are no results to count")
    tenths = [divmod(count * 1000, total) for count in counts]
    missing = 1000 - sum(whole for whole, _ in tenths)
    by_rest = sorted(range(len(counts)), key=lambda place: (-tenths[place][1], place))
    raised = set(by_rest[:missing])
    return [
        (Decimal(whole + (place in raised)) / 10).quantize(_TENTH, ROUND_HALF_EVEN)
        for place, (whole, _) in enumerate(tenths)
    ]
