"""Whether two copies of an agreement say the same, as far as people are concerned.

Position and notation do not matter here: conditions are compared as a multiset, numbers by value, empty texts as
absent ones. Not compared is what each side has of its own: numbers and signatures of the agreement, contacts, the PDF.
This is not the hash.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from ewpgw.model.iia import (
    Condition,
    Iia,
    Partner,
    RecommendedLanguageSkill,
    StaffCondition,
    StudentCondition,
    SubjectArea,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable


def same_content(a: Iia, b: Iia) -> bool:
    """Whether both copies are of the same institutions and agree on all cooperation conditions.

    Identifiers of the agreement contradict each other only where both copies give one for the same institution.
    """
    return (
        _same_partners(a.partner, b.partner)
        and bool(a.cooperation_conditions.terminated_as_a_whole) == bool(b.cooperation_conditions.terminated_as_a_whole)
        and _conditions(a) == _conditions(b)
    )


def _same_partners(a: Iterable[Partner], b: Iterable[Partner]) -> bool:
    mine, theirs = ({partner.hei_id: partner for partner in copy} for copy in (a, b))
    return mine.keys() == theirs.keys() and all(
        _no_contradiction(partner.iia_id, theirs[hei_id].iia_id)
        and _no_contradiction(partner.ounit_id, theirs[hei_id].ounit_id)
        for hei_id, partner in mine.items()
    )


def _no_contradiction(a: str | None, b: str | None) -> bool:
    return a is None or b is None or a == b


def _conditions(copy: Iia) -> Counter[Hashable]:
    kinds = copy.cooperation_conditions.kinds()
    return Counter((kind, _condition(condition)) for kind, conditions in kinds.items() for condition in conditions)


def _condition(condition: Condition) -> Hashable:
    people = condition.mobilities_per_year
    return (
        condition.sending_hei_id,
        condition.sending_ounit_id,
        condition.receiving_hei_id,
        condition.receiving_ounit_id,
        condition.receiving_first_academic_year_id,
        condition.receiving_last_academic_year_id,
        None if people.not_yet_defined else _number(people.value),
        _multiset(_language(skill) for skill in condition.recommended_language_skill if not skill.not_yet_defined),
        _multiset(_subject_area(area) for area in condition.subject_area),
        condition.other_info_terms or None,
        _of_its_kind(condition),
    )


def _of_its_kind(condition: Condition) -> Hashable:
    if isinstance(condition, StudentCondition):
        levels = frozenset(_number(level) for level in condition.eqf_level)
        return (_number(condition.total_months_per_year), condition.blended, levels)
    if isinstance(condition, StaffCondition):
        return _number(condition.total_days_per_year)
    raise TypeError(f"{type(condition).__name__} is a kind of condition the comparison does not know")


def _language(skill: RecommendedLanguageSkill) -> Hashable:
    area = skill.subject_area
    return (skill.language.strip().lower(), skill.cefr_level, _subject_area(area) if area is not None else None)


def _subject_area(area: SubjectArea) -> Hashable:
    return (area.isced_f_code.v6_value or area.isced_f_code.value, area.isced_clarification or None)


def _multiset(items: Iterable[Hashable]) -> Hashable:
    return frozenset(Counter(items).items())


def _number(text: str | None) -> Decimal | None:
    return Decimal(text.strip()) if text is not None else None
