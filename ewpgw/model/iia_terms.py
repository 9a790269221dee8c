"""The terms of cooperation conditions: what each is called, what of it counts, and how it is shown to people.

Comparison, diff and likeness all look at agreements through this table, so that they never contradict each other.
Position and notation do not count: numbers are compared by value, lists as multisets, blanks in texts as one blank,
empty texts as absent ones. Codes that give way to those of version 6 count as the latter, and what is not yet defined
counts as absent, both as in the hash (ewp-specs-api-iias 7, resources/xsltKit).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from ewpgw.model.iia import Condition, CooperationConditions, StaffCondition, StudentCondition

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

    from ewpgw.model.contact import Contact
    from ewpgw.model.iia import Iia, RecommendedLanguageSkill, SubjectArea


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a condition says.

    ``field`` is its name in the record, ``title`` what people call it. Two conditions agree on it where ``value`` gives
    the same for both; ``shown`` puts it into words, None where the condition does not say it.
    """

    field: str
    title: str
    value: Callable[[Condition], Hashable]
    shown: Callable[[Condition], str | None]


@dataclass(frozen=True, slots=True)
class Placed:
    """A condition with the kind it is of, the JSON path it has in its copy, and the values of all ``TERMS``."""

    kind: str
    path: str
    condition: Condition
    values: tuple[Hashable, ...]

    @property
    def flow(self) -> tuple[str, str, str]:
        """Kind and direction: what is sent, from where, to where."""
        return (self.kind, self.condition.sending_hei_id, self.condition.receiving_hei_id)


def placed(iia: Iia) -> Iterator[Placed]:
    """The conditions of an agreement, in the order of its document."""
    for kind, conditions in iia.cooperation_conditions.kinds().items():
        for position, condition in enumerate(conditions):
            path = f"cooperation_conditions.{kind}.{position}"
            yield Placed(kind, path, condition, tuple(term.value(condition) for term in TERMS))


def left_overs(iia: Iia) -> Iterator[str]:
    """The JSON paths of what is marked as not yet defined, or as a value of version 6; a copy with any is not approved.

    For ``iia_hash.valid_for_approval``, which looks at the XML, these are the reasons.
    """
    for one in placed(iia):
        if one.condition.mobilities_per_year.not_yet_defined:
            yield f"{one.path}.mobilities_per_year"
        for position, skill in enumerate(one.condition.recommended_language_skill):
            path = f"{one.path}.recommended_language_skill.{position}"
            if skill.not_yet_defined:
                yield path
            if skill.subject_area is not None and skill.subject_area.isced_f_code.v6_value:
                yield f"{path}.subject_area.isced_f_code"
        for position, area in enumerate(one.condition.subject_area):
            if area.isced_f_code.v6_value:
                yield f"{one.path}.subject_area.{position}.isced_f_code"


def text_value(text: str | None) -> str | None:
    """A text without the blanks nobody sees; None where nothing is left."""
    return " ".join(text.split()) or None if text is not None else None


def number(text: str | None) -> Decimal | None:
    """The value of a number in any notation."""
    return Decimal(text.strip()) if text is not None else None


def code(area: SubjectArea) -> str:
    """The ISCED-F code that counts: that of version 6 where there is one."""
    return area.isced_f_code.v6_value or area.isced_f_code.value


def kind_title(kind: str) -> str:
    """What people call the conditions of one kind: "Students: studies"."""
    return CooperationConditions.model_fields[kind].title or kind


def contacts(listed: Iterable[Contact]) -> Hashable:
    """Contacts as a multiset."""
    return _multiset(contact.model_dump_json() for contact in listed)


def _multiset(items: Iterable[Hashable]) -> Hashable:
    return frozenset(Counter(items).items())


def _area(area: SubjectArea) -> Hashable:
    return (code(area), text_value(area.isced_clarification))


def _areas(condition: Condition) -> Hashable:
    return _multiset(_area(area) for area in condition.subject_area)


def _languages(condition: Condition) -> Hashable:
    return _multiset(
        (
            skill.language.strip().lower(),
            skill.cefr_level,
            _area(skill.subject_area) if skill.subject_area is not None else None,
        )
        for skill in condition.recommended_language_skill
        if not skill.not_yet_defined
    )


def _people(condition: Condition) -> Decimal | None:
    people = condition.mobilities_per_year
    return None if people.not_yet_defined else number(people.value)


def _months(condition: Condition) -> Decimal | None:
    return number(condition.total_months_per_year) if isinstance(condition, StudentCondition) else None


def _days(condition: Condition) -> Decimal | None:
    return number(condition.total_days_per_year) if isinstance(condition, StaffCondition) else None


def _blended(condition: Condition) -> bool | None:
    return condition.blended if isinstance(condition, StudentCondition) else None


def _levels(condition: Condition) -> Hashable:
    levels = condition.eqf_level if isinstance(condition, StudentCondition) else ()
    return frozenset(number(level) for level in levels)


def _listed(items: Iterable[str]) -> str | None:
    return ", ".join(items) or None


def _area_shown(area: SubjectArea) -> str:
    shown, clarification = area.isced_f_code.value, text_value(area.isced_clarification)
    if area.isced_f_code.v6_value:
        shown = f"{shown} (in version 6: {area.isced_f_code.v6_value})"
    return f"{shown} {clarification}" if clarification else shown


def _skill_shown(skill: RecommendedLanguageSkill) -> str:
    if skill.not_yet_defined:
        return "not yet defined"
    shown = f"{skill.language.strip()} {skill.cefr_level}" if skill.cefr_level else skill.language.strip()
    return f"{shown} for {_area_shown(skill.subject_area)}" if skill.subject_area is not None else shown


def _people_shown(condition: Condition) -> str:
    people = condition.mobilities_per_year
    return "not yet defined" if people.not_yet_defined else _plain(number(people.value)) or ""


def _plain(value: Decimal | None) -> str | None:
    if value is None:
        return None
    digits = format(value, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _levels_shown(condition: Condition) -> str | None:
    levels = condition.eqf_level if isinstance(condition, StudentCondition) else ()
    return _listed(sorted({level.strip().lstrip("+0") for level in levels}))


def _blended_shown(condition: Condition) -> str | None:
    blended = _blended(condition)
    return None if blended is None else ("yes" if blended else "no")


def _title(field: str) -> str:
    for model in (Condition, StudentCondition, StaffCondition):
        if field in model.model_fields:
            return model.model_fields[field].title or field
    raise LookupError(f"no condition has a field {field}")


def _attribute(field: str) -> Callable[[Condition], str | None]:
    def read(condition: Condition) -> str | None:
        found: str | None = getattr(condition, field)
        return found

    return read


def _term(
    field: str,
    value: Callable[[Condition], Hashable] | None = None,
    shown: Callable[[Condition], str | None] | None = None,
) -> Term:
    return Term(field, _title(field), value or _attribute(field), shown or _attribute(field))


TERMS = (
    _term("sending_hei_id"),
    _term("receiving_hei_id"),
    _term("sending_ounit_id"),
    _term("receiving_ounit_id"),
    _term("receiving_first_academic_year_id"),
    _term("receiving_last_academic_year_id"),
    _term("mobilities_per_year", _people, _people_shown),
    _term("recommended_language_skill", _languages, lambda c: _listed(map(_skill_shown, c.recommended_language_skill))),
    _term("subject_area", _areas, lambda c: _listed(map(_area_shown, c.subject_area))),
    _term("other_info_terms", lambda c: text_value(c.other_info_terms), lambda c: text_value(c.other_info_terms)),
    _term("total_months_per_year", _months, lambda c: _plain(_months(c))),
    _term("total_days_per_year", _days, lambda c: _plain(_days(c))),
    _term("blended", _blended, _blended_shown),
    _term("eqf_level", _levels, _levels_shown),
)
"""What both copies have to agree on, in the order of the document."""

INDEX: Mapping[str, int] = {term.field: position for position, term in enumerate(TERMS)}
"""Where the value of a field stands in ``Placed.values``."""
