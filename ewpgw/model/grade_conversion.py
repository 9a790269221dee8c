"""Suggestions for converting a grade, by the tables of both sides: grades that equally many students reach.

The method is that of the ECTS Users' Guide 2015 ("Grade conversion",
http://ec.europa.eu/education/ects/users-guide/grade-conversion_en.htm) and of the Egracons project (https://egracons.eu):
in each table the passing grades of one field of education, counted over two or three years, fill the range from 0 to
100 per cent, the best on top; a grade is converted into the grade whose range covers its own. Ranges mostly overlap
several. For that the guide asks the institution that recognises to decide beforehand whether the minimum, the average
or the maximum comparable grade counts: ``Overlap``. Not every grade is a number that has an average; in its place the
grade in the middle of the range is taken, which is what the middle one of all who got the given grade has there. The
others are named. It is a suggestion: the institution that recognises decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ewpgw.model.grade_tables import GradeDistribution
    from ewpgw.model.transcript_parts import IscedTable

Overlap: TypeAlias = Literal["lowest", "middle", "highest"]
"""Which of several comparable grades is suggested."""

_LETTERS = re.compile(r"(?P<letter>[A-F])X?(?P<mark>[+-]?)")
_ORDER_OF_MARKS = {"+": 0, "": 1, "-": 2}
_FEW = 50


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade in a scale, and its share of all passing grades in per cent."""

    label: str
    share: Decimal


@dataclass(frozen=True, slots=True)
class Scale:
    """The passing grades of one side in one field, from the best to the worst.

    ``name`` says whose scale it is, in words for people; ``failing`` are the grades one does not pass with.
    """

    name: str
    isced_code: str
    grades: tuple[Grade, ...]
    failing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a grade may be converted into. ``grade`` is None where nothing can be suggested.

    ``scale`` is the name of the scale that the grade is of, ``lowest`` and ``highest`` are the grades of that scale
    that the range of the given grade touches, ``reasoning`` says in sentences how it was found, or why it was not.
    """

    grade: str | None
    scale: str
    reasoning: str
    lowest: str | None = None
    highest: str | None = None


class UnknownOrder(ValueError):
    """A table does not say which of its grades is the best. ``words`` say so to a person."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def scale_of_distribution(name: str, distribution: GradeDistribution) -> Scale:
    """The scale of an institution whose counts are known, which also say what is a fail."""
    passing = [(grade.label, Decimal(grade.count)) for grade in distribution.grades if grade.passing]
    failing = frozenset(grade.label for grade in distribution.grades if not grade.passing)
    return _scale(name, distribution.isced_code, passing, failing)


def scale_of_table(
    name: str, table: IscedTable, *, failing: Collection[str] = (), best_first: bool | None = None
) -> Scale:
    """The scale in a table of a transcript.

    ``failing`` are the grades that one does not pass with, where they are known: those of failed courses of the
    transcript, say; F and FX count as such among letters. ``best_first`` says where the table begins; without it that
    is concluded from letters, or from the end at which failing grades stand. Raises UnknownOrder.
    """
    rows = [(" ".join(row.label.split()), Decimal(row.percentage.strip())) for row in table.grade_frequency]
    labels = [label for label, _ in rows]
    fails = {" ".join(label.split()) for label in failing}
    if _are_letters(labels):
        fails |= {label for label in labels if label in ("F", "FX")}
    if best_first is None:
        best_first = _best_first(labels, fails)
    if not best_first:
        rows.reverse()
    return _scale(name, table.isced_code, [row for row in rows if row[0] not in fails], frozenset(fails))


def suggest(grade: str, given: Scale, wanted: Scale, overlap: Overlap = "middle") -> Suggestion:
    """What a grade of one scale may be converted into in another.

    - ``grade``: the grade as it stands in the transcript
    - ``given``: the scale of the institution that gave it; ``wanted``: that of the institution that recognises it
    - ``overlap``: what that institution has decided for ranges that touch several of its grades
    """
    label = " ".join(grade.split())
    if not _same_field(given.isced_code, wanted.isced_code):
        said = (
            f"The table of {given.name} is for the field {given.isced_code}, that of {wanted.name} for "
            f"{wanted.isced_code}; only tables of the same field are compared."
        )
        return Suggestion(None, wanted.name, said)
    if label in given.failing:
        return Suggestion(None, wanted.name, f"{label} is a fail at {given.name}; fails are not converted.")
    span = _span(label, given)
    if span is None:
        known = ", ".join(one.label for one in given.grades[:_FEW])
        said = f"{label} is not in the table of {given.name} for this field, which has {known}."
        return Suggestion(None, wanted.name, said)
    if not wanted.grades:
        return Suggestion(None, wanted.name, f"The table of {wanted.name} has no passing grades.")
    low, high = span
    touched = [one for one in wanted.grades if _touches(span, _span_of(one, wanted))]
    middle = (low + high) / 2
    found = next(one for one in wanted.grades if _span_of(one, wanted)[0] <= middle)
    reached = (
        f"With {label}, students of {given.name} are better than {_per_cent(low)} and not better than "
        f"{_per_cent(100 - high)} of those who pass in this field."
    )
    if len(touched) <= 1:
        said = f"{reached} At {wanted.name} {found.label} covers all of that range."
        return Suggestion(found.label, wanted.name, said, found.label, found.label)
    parts = ", ".join(f"{one.label} ({_per_cent(_common(span, _span_of(one, wanted)))})" for one in touched)
    shared = f"{reached} At {wanted.name} that range is shared by {parts}"
    if overlap == "middle":
        said = f"{shared}; in its middle, at {_per_cent(middle)}, is {found.label}."
    else:
        found = touched[0] if overlap == "highest" else touched[-1]
        said = f"{shared}; {wanted.name} has decided for the {overlap}, {found.label}."
    return Suggestion(found.label, wanted.name, said, touched[-1].label, touched[0].label)


def _scale(name: str, code: str, rows: Sequence[tuple[str, Decimal]], failing: frozenset[str]) -> Scale:
    total = sum((share for _, share in rows), Decimal())
    if total <= 0:
        return Scale(name, code, (), failing)
    return Scale(name, code, tuple(Grade(label, share * 100 / total) for label, share in rows if share > 0), failing)


def _span(label: str, scale: Scale) -> tuple[Decimal, Decimal] | None:
    found = next((one for one in scale.grades if one.label == label), None)
    return None if found is None else _span_of(found, scale)


def _span_of(grade: Grade, scale: Scale) -> tuple[Decimal, Decimal]:
    """The range of a grade in per cent of those who pass, from the worst upwards."""
    below = Decimal()
    for one in reversed(scale.grades):
        if one is grade:
            break
        below += one.share
    return below, below + grade.share


def _touches(one: tuple[Decimal, Decimal], other: tuple[Decimal, Decimal]) -> bool:
    """Whether two ranges have more in common than their ends, and more than rounding can explain."""
    return _common(one, other) > Decimal("0.1")


def _common(one: tuple[Decimal, Decimal], other: tuple[Decimal, Decimal]) -> Decimal:
    return max(Decimal(), min(one[1], other[1]) - max(one[0], other[0]))


def _same_field(given: str, wanted: str) -> bool:
    """Whether one field is the other or a part of it; the empty code is all fields."""
    one, other = given.strip(), wanted.strip()
    return one.startswith(other) or other.startswith(one)


def _per_cent(share: Decimal) -> str:
    rounded = format(share.quantize(Decimal("0.1")).normalize(), "f")
    return f"{rounded} %"


def _are_letters(labels: Sequence[str]) -> bool:
    return len(labels) > 1 and all(_LETTERS.fullmatch(label) for label in labels)


def _best_first(labels: Sequence[str], failing: Collection[str]) -> bool:
    if _are_letters(labels):
        ranks = [_rank(label) for label in labels]
        if ranks == sorted(ranks):
            return True
        if ranks == sorted(ranks, reverse=True):
            return False
    if labels and (labels[0] in failing) != (labels[-1] in failing):
        return labels[-1] in failing
    raise UnknownOrder("The table does not say which of its grades is the best; whoever knows the scale has to say so.")


def _rank(label: str) -> tuple[str, int, int]:
    found = _LETTERS.fullmatch(label)
    if found is None:
        return label, 0, 0
    return found["letter"], "X" not in label, _ORDER_OF_MARKS[found["mark"]]
