"""When two copies of an agreement say the same."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings

from ewpgw.model.iia import Iia
from ewpgw.model.iia_compare import same_content

from .strategies import iias

moderate = settings(max_examples=40, deadline=None)


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    one, other = Iia.model_validate(a), Iia.model_validate(b)
    assert same_content(one, other) == same_content(other, one)
    return same_content(one, other)


def mirrored(data: dict[str, Any]) -> dict[str, Any]:
    """The partner's copy: the same agreement, all that is in no order turned round."""
    copy = deepcopy(data)
    copy["partner"].reverse()
    for kind in copy["cooperation_conditions"].values():
        kind.reverse()
        for spec in kind:
            for field in ("recommended_language_skill", "subject_area", "eqf_level"):
                spec.get(field, []).reverse()
    return copy


@moderate
@given(iias)
def test_order_does_not_matter(data: dict[str, Any]) -> None:
    assert same(data, mirrored(data))


def test_what_each_side_has_of_its_own_does_not_matter(iia_json: dict[str, Any]) -> None:
    other = mirrored(iia_json)
    other.update(in_effect=True, pdf_file="f-1", iia_hash="0" * 64)
    other["partner"][0].update(iia_code="S 9", contact=[{"contact_name": ["Office"]}], signing_date="2026-01-01")
    del other["partner"][1]["iia_id"]
    other["cooperation_conditions"]["student_studies_mobility_spec"][0]["sending_contact"] = [{"contact_name": ["A"]}]
    assert same(iia_json, other)


@pytest.mark.parametrize(
    ("field", "notation"),
    [
        ("mobilities_per_year", " 01 "),
        ("total_months_per_year", "5.00"),
        ("eqf_level", ["07", 6]),
        ("other_info_terms", ""),
        ("blended", "0"),
        ("recommended_language_skill", [{"language": "EN", "cefr_level": "B2"}]),
        ("subject_area", [{"isced_f_code": "0314", "isced_clarification": ""}]),
    ],
)
def test_notation_does_not_matter(field: str, notation: Any, iia_json: dict[str, Any]) -> None:
    other = deepcopy(iia_json)
    other["cooperation_conditions"]["student_studies_mobility_spec"][0][field] = notation
    assert same(iia_json, other)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sending_ounit_id", "u"),
        ("receiving_ounit_id", "u"),
        ("receiving_first_academic_year_id", "2027/2028"),
        ("receiving_last_academic_year_id", "2027/2028"),
        ("mobilities_per_year", 2),
        ("mobilities_per_year", {"value": 1, "not_yet_defined": True}),
        ("total_months_per_year", None),
        ("total_months_per_year", "5.01"),
        ("eqf_level", [6]),
        ("other_info_terms", "none"),
        ("blended", True),
        ("recommended_language_skill", [{"language": "en", "cefr_level": "B1"}]),
        ("recommended_language_skill", [{"language": "en", "cefr_level": "B2"}] * 2),
        ("subject_area", []),
        ("subject_area", [{"isced_f_code": "0315"}]),
        ("subject_area", [{"isced_f_code": "0314", "isced_clarification": "x"}]),
        ("subject_area", [{"isced_f_code": {"value": "0314", "v6_value": "031"}}]),
    ],
)
def test_each_term_of_a_condition_matters(field: str, value: Any, iia_json: dict[str, Any]) -> None:
    other = deepcopy(iia_json)
    other["cooperation_conditions"]["student_studies_mobility_spec"][1][field] = value
    assert not same(iia_json, other)


def test_the_number_of_equal_conditions_matters(iia_json: dict[str, Any]) -> None:
    other = deepcopy(iia_json)
    specs = other["cooperation_conditions"]["student_studies_mobility_spec"]
    specs.append(specs[0])
    assert not same(iia_json, other)
    iia_json["cooperation_conditions"]["student_studies_mobility_spec"].append(specs[1])
    assert not same(iia_json, other)


def test_the_kind_of_a_condition_matters(iia_json: dict[str, Any]) -> None:
    other = deepcopy(iia_json)
    conditions = other["cooperation_conditions"]
    conditions["student_traineeship_mobility_spec"] = conditions.pop("student_studies_mobility_spec")
    assert not same(iia_json, other)


def test_staff_conditions_are_told_apart_by_their_days(iia_json: dict[str, Any]) -> None:
    for spec in iia_json["cooperation_conditions"]["student_studies_mobility_spec"]:
        for field in ("total_months_per_year", "blended", "eqf_level"):
            del spec[field]
        spec["total_days_per_year"] = 8
    conditions = iia_json["cooperation_conditions"]
    conditions["staff_teacher_mobility_spec"] = conditions.pop("student_studies_mobility_spec")
    other = mirrored(iia_json)
    assert same(iia_json, other)
    other["cooperation_conditions"]["staff_teacher_mobility_spec"][0]["total_days_per_year"] = 9
    assert not same(iia_json, other)


@pytest.mark.parametrize("change", [{"hei_id": "west.example"}, {"iia_id": "s-10"}])
def test_another_partner_or_another_identifier_is_another_agreement(
    change: dict[str, str], iia_json: dict[str, Any]
) -> None:
    other = deepcopy(iia_json)
    other["partner"][1].update(change)
    assert not same(iia_json, other)


def test_termination_matters(iia_json: dict[str, Any]) -> None:
    other = deepcopy(iia_json)
    other["cooperation_conditions"]["terminated_as_a_whole"] = True
    assert not same(iia_json, other)
