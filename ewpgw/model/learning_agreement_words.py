"""What the components of a learning agreement say: what each field is called, what of it counts, and how it is shown.

The comparison and the papers look at components through this table, so that they never contradict each other. Numbers
are compared by value, blanks that nobody sees do not count, and an empty text is none.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from ewpgw.model.learning_agreement_parts import REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from ewpgw.model.learning_agreement_parts import Component, Credit, Student


@dataclass(frozen=True, slots=True)
class ComponentField:
    """One thing that a component says.

    ``name`` is the record's, ``title`` what people call it. Two components agree on it where ``value`` gives the same
    for both; ``shown`` puts it into words, None where the component does not say it.
    """

    name: str
    title: str
    value: Callable[[Component], Hashable]
    shown: Callable[[Component], str | None]


def said(text: str | None) -> str | None:
    """A text without the blanks nobody sees; None where nothing is left."""
    return " ".join(text.split()) or None if text is not None else None


def plain_number(number: Decimal) -> str:
    """A number without superfluous zeros: 5, 7.5."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_EXACT = Context(prec=100_000)
"""Adds without rounding: whoever compares or prints a number has to see the one that is in the record."""


def term(component: Component) -> str | None:
    """The term: "2 of 2"."""
    if component.term_id is None:
        return None
    number, total = (Decimal(part.strip()) for part in (component.term_id.term_number, component.term_id.total_terms))
    return f"{plain_number(number)} of {plain_number(total)}"


def credit_totals(components: Iterable[Component]) -> dict[str, Decimal]:
    """The sum of credits by scheme, in the order in which the schemes occur."""
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for component in components:
        for credit in component.credit:
            name = scheme(credit)
            totals[name] = _EXACT.add(totals[name], Decimal(credit.value.strip()))
    return dict(totals)


def scheme(credit: Credit) -> str:
    """What the credits are called: "ECTS", or the partner's own name."""
    name = said(credit.scheme) or "credits"
    return "ECTS" if name.casefold() == "ects" else name


def credits_in_words(totals: dict[str, Decimal]) -> str | None:
    """Sums of credits: "7.5 ECTS, 12 SWS"."""
    return ", ".join(f"{plain_number(value)} {name}" for name, value in totals.items()) or None


def reason(entry: Component) -> str | None:
    """Why an entry changes the agreement: its code in words, and what it says itself."""
    code = REASONS[entry.reason_code][1] if entry.reason_code is not None else None
    return ": ".join(part for part in (code, said(entry.reason_text)) if part) or None


def full_name(student: Student) -> str:
    """The student's name; empty where none is given."""
    return " ".join(part for part in (said(student.given_names), said(student.family_name)) if part)


def _text(name: str, title: str, about: Callable[[Component], str | None]) -> ComponentField:
    def value(component: Component) -> str | None:
        return said(about(component))

    return ComponentField(name, title, value, value)


def _credits(component: Component) -> Hashable:
    return frozenset(credit_totals([component]).items())


FIELDS: tuple[ComponentField, ...] = (
    _text("title", "Title", lambda each: each.title),
    _text("los_code", "Code", lambda each: each.los_code),
    ComponentField("term_id", "Term", term, term),
    ComponentField("credit", "Credits", _credits, lambda each: credits_in_words(credit_totals([each]))),
    _text("recognition_conditions", "Conditions of recognition", lambda each: each.recognition_conditions),
    _text("short_description", "Description", lambda each: each.short_description),
    _text("los_id", "Course", lambda each: each.los_id),
    _text("loi_id", "Course as held", lambda each: each.loi_id),
)
"""Everything a component says of a course."""

CHANGE_FIELDS = ("status", "reason_code", "reason_text")
"""What an entry says of the change it stands for, not of the course."""
