"""A nomination held against the agreement it names."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ewpgw.model.examples import example
from ewpgw.model.iia import Iia
from ewpgw.model.omobility_checks import TAKING, Places, Terms, agreement_problems, places

from .checking import condition
from .mobilities import known, omobility
from .strategies import OTHER, OWNER

FIELD, LEVEL = "nomination.agreement_isced_f_code", "nomination.eqf_level_studied_at_departure"
YEAR, KIND = "nomination.receiving_academic_year_id", "nomination.activity_attributes"
AGREEMENT = "nomination.receiving_hei.iia_id"


def there(**changes: Any) -> dict[str, Any]:
    """A condition that covers the example: two students a year of software development, bachelor and master."""
    return condition(OWNER, OTHER, **{"mobilities_per_year": 2, "subject_area": [{"isced_f_code": "0613"}], **changes})


def agreement(*conditions: dict[str, Any], **changes: Any) -> Iia:
    """The agreement that the example names, as its owner has it."""
    return Iia.model_validate(
        {
            "partner": [
                {"hei_id": OWNER, "iia_id": "2026-17", "iia_code": "17"},
                {"hei_id": OTHER, "iia_id": "S-0042"},
            ],
            "in_effect": True,
            "cooperation_conditions": {"student_studies_mobility_spec": list(conditions) or [there()]},
            **changes,
        },
        extra="forbid",
    )


def taking(others: Any) -> Counter[Terms]:
    """How many of these take a place, by their terms."""
    return Counter(Terms.of(other.nomination) for other in others if other.standing in TAKING)


def warned(record: Any, iia: Iia | None, others: Any = ()) -> dict[str, str]:
    """What is said, by its path."""
    found = list(agreement_problems(record, iia, taking(others)))
    assert {problem.severity for problem in found} <= {"warning"}
    return {problem.path: problem.message for problem in found}


def test_a_nomination_that_the_agreement_covers_passes_without_a_word() -> None:
    assert warned(omobility(), agreement(there(), condition(OTHER, OWNER))) == {}


def test_the_example_of_a_nomination_is_covered_by_the_example_of_an_agreement() -> None:
    assert warned(omobility(), Iia.model_validate(example("iias", OWNER, OTHER))) == {}


def test_a_copy_of_either_side_will_do() -> None:
    swapped = agreement()
    assert warned(omobility(), swapped.model_copy(update={"partner": swapped.partner[::-1]})) == {}


def test_an_agreement_that_is_not_named_or_not_known_is_said() -> None:
    nameless = omobility(nomination__sending_hei__iia_id=None, nomination__receiving_hei__iia_id=None)
    assert "names no agreement" in warned(nameless, agreement())[AGREEMENT]
    assert "no such agreement" in warned(omobility(), None)[AGREEMENT]


def test_an_agreement_that_does_not_hold_is_said() -> None:
    assert "not in effect" in warned(omobility(), agreement(in_effect=False))[AGREEMENT]
    ended = {"terminated_as_a_whole": True, "student_studies_mobility_spec": [there()]}
    assert "terminated" in warned(omobility(), agreement(cooperation_conditions=ended))[AGREEMENT]


def test_an_agreement_with_somebody_else_or_under_another_identifier_is_said() -> None:
    third = omobility(nomination__receiving_hei__hei_id="third.example")
    assert warned(third, agreement()) == {
        "nomination.receiving_hei.hei_id": "is third.example, which is no partner of the agreement"
    }
    other = omobility(nomination__receiving_hei__iia_id="S-1")
    assert warned(other, agreement()) == {AGREEMENT: "is S-1, but the agreement has the identifier S-0042 there"}


def test_the_other_direction_does_not_count() -> None:
    found = warned(omobility(), agreement(condition(OTHER, OWNER)))
    assert list(found) == ["nomination.receiving_hei.hei_id"]
    assert "go from north.example there to study" in found["nomination.receiving_hei.hei_id"]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            {"nomination__receiving_academic_year_id": "2029/2030"},
            YEAR,
            "is 2029/2030, but the agreement is for 2026/2027 to 2028/2029",
        ),
        (
            {"nomination__receiving_academic_year_id": "2026/2026"},
            YEAR,
            "is 2026/2026, but the agreement is for 2026/2027 to 2028/2029",
        ),
        ({"nomination__agreement_isced_f_code": "0314"}, FIELD, "is 0314, but the agreement is about 0613"),
        (
            {"nomination__eqf_level_studied_at_departure": "08"},
            LEVEL,
            "is 8, but the agreement is for EQF level 6 and 7",
        ),
        (
            {"nomination__activity_attributes": "short-term-blended"},
            KIND,
            "is short-term-blended, but the agreement has no blended mobility for such students",
        ),
    ],
)
def test_what_does_not_fit_is_said_with_what_is_agreed(changes: Any, path: str, words: str) -> None:
    assert warned(omobility(**changes), agreement()) == {path: words}


def test_everything_that_does_not_fit_is_said_at_once() -> None:
    record = omobility(nomination__agreement_isced_f_code="0314", nomination__eqf_level_studied_at_departure=8)
    assert set(warned(record, agreement())) == {FIELD, LEVEL}


def test_conditions_that_fit_only_together_do_not_cover_a_nomination() -> None:
    apart = agreement(there(eqf_level=[8]), there(subject_area=[{"isced_f_code": "0314"}]))
    assert list(warned(omobility(), apart)) == ["nomination"]
    assert places(omobility(), apart, {}) is None


@pytest.mark.parametrize(
    ("area", "covered"),
    [
        ({"isced_f_code": "0613"}, True),
        ({"isced_f_code": "0610"}, True),
        ({"isced_f_code": "0600"}, True),
        ({"isced_f_code": "0619"}, False),
        ({"isced_f_code": "0710"}, False),
        ({"isced_f_code": {"value": "0688", "v6_value": "06"}}, True),
        ({"isced_f_code": {"value": "0688", "v6_value": "07"}}, False),
    ],
)
def test_a_wide_field_covers_the_narrow_ones_in_it(area: Any, covered: bool) -> None:
    assert (warned(omobility(), agreement(there(subject_area=[area]))) == {}) == covered


def test_an_agreement_without_fields_or_levels_is_for_all() -> None:
    assert warned(omobility(), agreement(there(subject_area=[], eqf_level=[]))) == {}


def test_what_is_not_known_of_a_nomination_is_not_held_against_it() -> None:
    record = known(nomination__agreement_isced_f_code=None, nomination__eqf_level_studied_at_departure=None)
    assert warned(record, agreement()) == {}


def nominated_too(number: int, **changes: Any) -> Any:
    return known(omobility_id=f"other-{number}", **changes)


def test_places_are_counted_by_year_and_by_what_the_condition_covers() -> None:
    others = [
        nominated_too(1),
        nominated_too(2, status="approved"),
        nominated_too(3, status="rejected"),
        nominated_too(4, status="cancelled"),
        nominated_too(5, nomination__receiving_academic_year_id="2027/2028"),
        nominated_too(6, nomination__agreement_isced_f_code="0314"),
    ]
    room = places(omobility(), agreement(there(mobilities_per_year=3)), taking(others))
    assert room == Places(3, 2)
    assert room.left == 1
    assert warned(omobility(), agreement(there(mobilities_per_year=3)), others) == {}
    assert warned(omobility(), agreement(), others) == {
        "nomination": "is not covered: the agreement gives 2 places for such nominations in 2026/2027, and 2 are taken "
        "without this one"
    }


def test_places_of_all_conditions_that_cover_a_nomination_add_up() -> None:
    both = agreement(there(mobilities_per_year="02"), there(eqf_level=[6]))
    assert places(omobility(), both, {}) == Places(4, 0)
