"""Academic terms, and the same time in the calendar of a partner: north to south and back.

A term is the part of an academic year that its identifier says (ewp-specs-types-academic-term 1, EwpAcademicTermId):
the year is thought to be cut into equal pieces, from the month in which it begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from ewpgw.model.academic_term import AcademicYear
from ewpgw.model.lexical import Lexical

if TYPE_CHECKING:
    from collections.abc import Iterator

AcademicTermId = Annotated[str, Lexical("an academic term such as 2026/2027-1/2", "[0-9]{4}/[0-9]{4}-[1-9]/[1-9]")]

_TERM = re.compile("([0-9]{4}/[0-9]{4})-([1-9])/([1-9])")
_MONTHS = 12


@dataclass(frozen=True, slots=True, order=True)
class AcademicTerm:
    """Term ``number`` of ``total`` equal ones in a year; 1 of 1 is the whole year."""

    year: AcademicYear
    number: int
    total: int

    @classmethod
    def read(cls, text: str) -> AcademicTerm:
        """The term an EwpAcademicTermId stands for. Raises ValueError, with what is wrong, where there is no such."""
        found = _TERM.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no academic term such as 2026/2027-1/2")
        number, total = int(found[2]), int(found[3])
        if number > total:
            raise ValueError(f"a year of {total} terms has no term {number}")
        return cls(AcademicYear.read(found[1]), number, total)

    def __str__(self) -> str:
        return f"{year_id(self.year)}-{self.number}/{self.total}"


@dataclass(frozen=True, slots=True)
class Calendar:
    """How an institution counts its academic years: a partner's setting.

    - ``southern``: a year is named after one calendar year (2026/2026), else after two (2026/2027)
    - ``first_month``: the month (1 to 12) in which a year begins; None: September in the north, January in the south
    - ``year_of_stay``: the year that a stay reaching over two is counted to: the one ``most`` of it lies in, the
      earlier where both have as much; or the one of its ``start``

    A southern year that begins after January still bears the name of the calendar year in which it begins.
    Raises ValueError for a month there is not.
    """

    southern: bool = False
    first_month: int | None = None
    year_of_stay: Literal["most", "start"] = "most"

    def __post_init__(self) -> None:
        if self.first_month is not None and not 1 <= self.first_month <= _MONTHS:
            raise ValueError(f"first_month must be a month from 1 to 12, not {self.first_month}")

    @property
    def begins(self) -> int:
        """The month in which a year begins, from 1 to 12."""
        return self.first_month or (1 if self.southern else 9)

    def year(self, first: int) -> AcademicYear:
        """The academic year that begins in the calendar year ``first``."""
        return AcademicYear(first, first if self.southern else first + 1)

    def start(self, year: AcademicYear) -> int:
        """The first month of an academic year, counted from the beginning of our era."""
        return year.first * _MONTHS + self.begins - 1


NORTH, SOUTH = Calendar(), Calendar(southern=True)


def year_id(year: AcademicYear) -> str:
    """The identifier of an academic year: 2026/2027."""
    return f"{year.first:04}/{year.last:04}"


def usual_calendar(year: AcademicYear) -> Calendar:
    """The calendar that a year is probably of, by the look of its identifier."""
    return SOUTH if year.southern else NORTH


def receiving_year(term: AcademicTerm, sending: Calendar, receiving: Calendar) -> AcademicYear:
    """The academic year of the receiving institution that a stay during a term of the sending one is counted to.

    Source: ewp-specs-api-omobilities 3, get-response.xsd, receiving-academic-year-id.
    """
    span = _span(term, sending)
    if receiving.year_of_stay == "start":
        span = span[0], span[0] + 1
    return max(
        _years_around(span, receiving), key=lambda year: (_shared(_year_span(year, receiving), span), -year.first)
    )


def matching_term(term: AcademicTerm, here: Calendar, there: Calendar) -> AcademicTerm:
    """The term of the other institution, of as many in a year, that shares the most time with a term of this one.

    Where two share as much, the earlier. ``2026/2027-1/2`` in the north is ``2026/2026-2/2`` in the south.
    """
    span = _span(term, here)
    terms = [
        AcademicTerm(year, number, term.total)
        for year in _years_around(span, there)
        for number in range(1, term.total + 1)
    ]
    return max(terms, key=lambda one: (_shared(_span(one, there), span), -_span(one, there)[0]))


def overlap(term: AcademicTerm, sending: Calendar, year: AcademicYear, receiving: Calendar) -> bool:
    """Whether a term of the one institution and an academic year of the other have any time in common."""
    return _shared(_span(term, sending), _year_span(year, receiving)) > 0


_Span = tuple[float, float]
"""The first month, and the first one after."""


def _span(term: AcademicTerm, calendar: Calendar) -> _Span:
    start, length = calendar.start(term.year), _MONTHS / term.total
    return start + (term.number - 1) * length, start + term.number * length


def _year_span(year: AcademicYear, calendar: Calendar) -> _Span:
    start = calendar.start(year)
    return start, start + _MONTHS


def _shared(one: _Span, other: _Span) -> float:
    # pieces of a month come from years cut into five, seven, eight or nine: two ways to the same sum differ by a hair
    return round(max(0.0, min(one[1], other[1]) - max(one[0], other[0])), 6)


def _years_around(span: _Span, calendar: Calendar) -> Iterator[AcademicYear]:
    around = int(span[0]) // _MONTHS
    return (calendar.year(first) for first in range(max(0, around - 1), around + 3))
