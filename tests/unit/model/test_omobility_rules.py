"""Rules for nominations that no schema can state."""

from __future__ import annotations

from typing import Any

import pytest

from ewpgw.model.omobility_rules import problems

from .mobilities import omobility
from .strategies import OWNER

TERM, YEAR = "nomination.sending_academic_term_ewp_id", "nomination.receiving_academic_year_id"
ESI = "urn:schac:personalUniqueCode:int:esi:"


def said(**changes: Any) -> set[tuple[str, str]]:
    """Severity and path of each problem of the example with some fields changed."""
    return {(problem.severity, problem.path) for problem in problems(OWNER, omobility(**changes))}


def test_the_example_breaks_no_rule() -> None:
    assert said() == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"nomination__sending_hei__hei_id": "third.example"}, ("refusal", "nomination.sending_hei.hei_id")),
        ({"nomination__receiving_hei__hei_id": OWNER}, ("refusal", "nomination.receiving_hei.hei_id")),
        ({"nomination__receiving_hei__hei_id": "two words"}, ("refusal", "nomination.receiving_hei.hei_id")),
        ({"nomination__receiving_hei__hei_id": ""}, ("refusal", "nomination.receiving_hei.hei_id")),
        ({"nomination__receiving_hei__iia_id": None}, ("refusal", "nomination.receiving_hei.iia_id")),
        ({"nomination__sending_hei__iia_id": None}, ("warning", "nomination.sending_hei.iia_id")),
        ({"nomination__receiving_academic_year_id": "2026/2028"}, ("refusal", YEAR)),
        ({"nomination__receiving_academic_year_id": "2027/2026"}, ("refusal", YEAR)),
        ({"nomination__receiving_academic_year_id": "2027/2028"}, ("warning", TERM)),
        ({"nomination__receiving_academic_year_id": "2025/2025"}, ("warning", TERM)),
        ({"nomination__sending_academic_term_ewp_id": "2026/2027-3/2"}, ("refusal", TERM)),
        ({"nomination__sending_academic_term_ewp_id": "2026/2029-1/2"}, ("refusal", TERM)),
        ({"nomination__agreement_isced_f_code": "1234"}, ("warning", "nomination.agreement_isced_f_code")),
        ({"nomination__nominee_isced_f_code": "9000"}, ("warning", "nomination.nominee_isced_f_code")),
        (
            {"nomination__activity_attributes": "short-term-doctoral"},
            ("warning", "nomination.eqf_level_studied_at_departure"),
        ),
        ({"nomination__comment": " "}, ("warning", "nomination.comment")),
        ({"student__global_id": " "}, ("refusal", "student.global_id")),
        ({"student__global_id": "301245"}, ("warning", "student.global_id")),
        ({"student__global_id": f"{ESI}301245"}, ("refusal", "student.global_id")),
        ({"student__global_id": f"{ESI}north.example:å"}, ("refusal", "student.global_id")),
        ({"student__global_id": f"{ESI}north.example:1".upper()}, ("warning", "student.global_id")),
        ({"student__family_name": [" "]}, ("refusal", "student.family_name.0")),
        ({"student__given_names": [""]}, ("refusal", "student.given_names.0")),
        ({"student__email": "a@north.example, b@north.example"}, ("warning", "student.email")),
        ({"student__birth_date": "2026-05-31"}, ("warning", "student.birth_date")),
        ({"student__birth_date": "1904-05-31"}, ("warning", "student.birth_date")),
        ({"further__planned_departure_date": "2026-08-31"}, ("warning", "further.planned_departure_date")),
        ({"further__phone_number": [{"other_format": "123"}]}, ("warning", "further.phone_number.0.e164")),
    ],
)
def test_a_broken_rule_is_named_with_its_place(changes: Any, expected: tuple[str, str]) -> None:
    assert said(**changes) == {expected}


@pytest.mark.parametrize(
    "changes",
    [
        {"nomination__sending_hei__iia_id": "n", "nomination__receiving_hei__iia_id": "s"},
        {"nomination__receiving_academic_year_id": "2026/2026"},
        {"nomination__receiving_academic_year_id": "2027/2027"},
        {"nomination__sending_academic_term_ewp_id": "2026/2027-1/1"},
        {"nomination__sending_academic_term_ewp_id": None, "nomination__non_standard_mobility_period": True},
        {
            "nomination__activity_attributes": "short-term-doctoral",
            "nomination__eqf_level_studied_at_departure": "08",
        },
        {"student__global_id": f"{ESI}fi:0000000001"},
        {"student__birth_date": "2004-05-31+02:00"},
        {"further__planned_departure_date": "2026-09-01Z"},
        {"further": None},
        {"status": "cancelled"},
    ],
)
def test_what_breaks_no_rule_passes_without_a_word(changes: Any) -> None:
    assert said(**changes) == set()


def test_names_in_several_languages_have_to_say_in_which() -> None:
    names = [{"value": "Mäkelä", "lang": "fi"}, "Makela"]
    assert said(student__family_name=names) == {("warning", "student.family_name.1.lang")}


def test_every_problem_names_its_source_and_no_personal_data() -> None:
    record = omobility(
        student__global_id=f"{ESI}Secret",
        student__family_name=[" "],
        student__email="Secret@a.example Secret",
        nomination__comment="",
    )
    found = list(problems(OWNER, record))
    assert len(found) == 4
    for problem in found:
        assert "Secret" not in problem.message
        assert problem.source
