"""Rules on our own agreements: what the specification demands is refused, what it advises warned of.

The rules that agreements share with other records, and those on partners, years, marks and termination, are in
``test_rules``.
"""

from __future__ import annotations

from typing import Any

import pytest

from .checking import OTHER, OWNER, Json, check, condition, said

STUDIES = "cooperation_conditions.student_studies_mobility_spec"
XSD = "ewp-specs-api-iias 7, get-response.xsd"


def first(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["cooperation_conditions"]["student_studies_mobility_spec"][0]
    return found


def sources(data: dict[str, Any]) -> set[str]:
    return {problem.source for problem in check("iias", data).problems}


def staff(**changes: Any) -> dict[str, Any]:
    found = condition(OWNER, OTHER, total_days_per_year=5, **changes)
    for field in ("total_months_per_year", "blended", "eqf_level"):
        del found[field]
    return found


@pytest.mark.parametrize("kind", ["student_studies_mobility_spec", "staff_teacher_mobility_spec"])
def test_studies_and_teaching_need_a_language(kind: str, iia_json: dict[str, Any]) -> None:
    spec = condition(OWNER, OTHER) if kind.startswith("student") else staff()
    none: tuple[Json, ...] = ({"recommended_language_skill": []}, {})
    for skills in none:
        del spec["recommended_language_skill"]
        spec |= skills
        iia_json["cooperation_conditions"] = {kind: [spec]}
        path = f"cooperation_conditions.{kind}.0.recommended_language_skill"
        assert said(check("iias", iia_json)) == {("refusal", path)}
        spec["recommended_language_skill"] = []


@pytest.mark.parametrize("kind", ["student_traineeship_mobility_spec", "staff_training_mobility_spec"])
def test_traineeships_and_training_need_no_language(kind: str, iia_json: dict[str, Any]) -> None:
    spec = condition(OWNER, OTHER) if kind.startswith("student") else staff()
    del spec["recommended_language_skill"]
    iia_json["cooperation_conditions"] = {kind: [spec]}
    assert check("iias", iia_json).problems == ()


@pytest.mark.parametrize("code", ["031", "03", "3", "", "03141", "O314", "0314 "])
def test_codes_of_fields_have_four_digits(code: str, iia_json: dict[str, Any]) -> None:
    first(iia_json)["subject_area"] = [{"isced_f_code": code}]
    assert said(check("iias", iia_json)) == {("refusal", f"{STUDIES}.0.subject_area.0.isced_f_code.value")}
    first(iia_json)["subject_area"] = []
    first(iia_json)["recommended_language_skill"][0]["subject_area"] = {"isced_f_code": code}
    path = f"{STUDIES}.0.recommended_language_skill.0.subject_area.isced_f_code.value"
    assert said(check("iias", iia_json)) == {("refusal", path)}


@pytest.mark.parametrize("code", ["0317", "1111"])
def test_people_are_warned_of_codes_that_do_not_exist(code: str, iia_json: dict[str, Any]) -> None:
    first(iia_json)["subject_area"] = [{"isced_f_code": code}]
    assert said(check("iias", iia_json)) == {("warning", f"{STUDIES}.0.subject_area.0.isced_f_code")}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mobilities_per_year", 0),
        ("mobilities_per_year", "00"),
        ("mobilities_per_year", -1),
        ("mobilities_per_year", 1.5),
        ("total_months_per_year", 0),
        ("total_months_per_year", "0.00"),
        ("total_months_per_year", "0.001"),
        ("total_months_per_year", -3),
    ],
)
def test_no_number_of_people_or_months_is_zero(field: str, value: Any, iia_json: dict[str, Any]) -> None:
    first(iia_json)[field] = value
    [(severity, path)] = said(check("iias", iia_json))
    assert (severity, path.removesuffix(".value")) == ("refusal", f"{STUDIES}.0.{field}")


@pytest.mark.parametrize("value", [0, "0.0", "0.125"])
def test_no_number_of_days_is_zero(value: Any, iia_json: dict[str, Any]) -> None:
    iia_json["cooperation_conditions"] = {"staff_training_mobility_spec": [staff() | {"total_days_per_year": value}]}
    path = "cooperation_conditions.staff_training_mobility_spec.0.total_days_per_year"
    assert said(check("iias", iia_json)) == {("refusal", path)}


@pytest.mark.parametrize("number", [0, 1, 3])
def test_an_agreement_has_two_partners(number: int, iia_json: dict[str, Any]) -> None:
    iia_json["partner"] = (iia_json["partner"] * 2)[:number]
    assert said(check("iias", iia_json)) == {("refusal", "partner")}


@pytest.mark.parametrize("hei_id", ["", " ", "south example", " south.example"])
def test_both_partners_are_named(hei_id: str, iia_json: dict[str, Any]) -> None:
    iia_json["partner"][1]["hei_id"] = hei_id
    assert ("refusal", "partner.1.hei_id") in said(check("iias", iia_json))
    assert any("SCHAC" in source for source in sources(iia_json))


def test_an_agreement_in_effect_names_the_partners_copy(iia_json: dict[str, Any]) -> None:
    del iia_json["partner"][1]["iia_id"], iia_json["partner"][1]["iia_code"]
    assert said(check("iias", iia_json)) == set()
    iia_json["in_effect"] = True
    assert said(check("iias", iia_json)) == {("warning", "partner.1.iia_id")}


def test_who_knows_the_partners_copy_knows_its_number(iia_json: dict[str, Any]) -> None:
    iia_json["partner"][1]["iia_code"] = ""
    assert said(check("iias", iia_json)) == {("warning", "partner.1.iia_code")}
    assert sources(iia_json) == {f"{XSD}, iia-code"}


def test_one_receiver_counts_its_years_in_one_way(iia_json: dict[str, Any]) -> None:
    southern = {
        "receiving_first_academic_year_id": "2026/2026",
        "receiving_last_academic_year_id": "2028/2028",
    }
    iia_json["cooperation_conditions"]["student_traineeship_mobility_spec"] = [condition(OWNER, OTHER, **southern)]
    path = "cooperation_conditions.student_traineeship_mobility_spec.0.receiving_first_academic_year_id"
    assert said(check("iias", iia_json)) == {("warning", path)}
    first(iia_json).update(southern)
    assert said(check("iias", iia_json)) == set()


@pytest.mark.parametrize(("year", "warned"), [(2020, True), (2021, False)])
def test_nothing_was_blended_before_there_were_blended_mobilities(
    year: int, warned: bool, iia_json: dict[str, Any]
) -> None:
    first(iia_json).update(blended=True, receiving_first_academic_year_id=f"{year}/{year + 1}")
    assert said(check("iias", iia_json)) == ({("warning", f"{STUDIES}.0.blended")} if warned else set())
    first(iia_json)["blended"] = False
    assert said(check("iias", iia_json)) == set()


@pytest.mark.parametrize(
    "text",
    [
        "Sociology and cultural studies",
        "social  and behavioural SCIENCES",
        "Social sciences, journalism and information",
    ],
)
def test_a_clarification_is_not_the_official_name_of_the_field(text: str, iia_json: dict[str, Any]) -> None:
    first(iia_json)["subject_area"][0]["isced_clarification"] = text
    assert said(check("iias", iia_json)) == {("refusal", f"{STUDIES}.0.subject_area.0.isced_clarification")}


def test_agreements_in_effect_may_keep_the_official_name_from_version_6(iia_json: dict[str, Any]) -> None:
    iia_json["in_effect"] = True
    first(iia_json)["subject_area"][0]["isced_clarification"] = "Sociology and cultural studies"
    assert said(check("iias", iia_json)) == {("warning", f"{STUDIES}.0.subject_area.0.isced_clarification")}


def test_a_clarification_that_says_nothing_is_left_empty(iia_json: dict[str, Any]) -> None:
    area = first(iia_json)["subject_area"][0]
    for text in ("", "Economics", "Nordic sociology"):
        area["isced_clarification"] = text
        assert said(check("iias", iia_json)) == set()
    area["isced_clarification"] = "-"
    assert said(check("iias", iia_json)) == {("warning", f"{STUDIES}.0.subject_area.0.isced_clarification")}


def test_who_signs_is_a_person_with_a_family_name(iia_json: dict[str, Any]) -> None:
    signer: dict[str, Any] = {"contact_name": ["A. Virtanen"], "email": ["av@north.example"]}
    iia_json["partner"][0]["signing_contact"] = signer
    expected = {("warning", "partner.0.signing_contact.person_family_name")}
    assert said(check("iias", iia_json)) == expected
    signer["person_given_names"] = ["Aino"]
    assert said(check("iias", iia_json)) == expected
    signer["person_family_name"] = ["Virtanen"]
    assert said(check("iias", iia_json)) == set()


@pytest.mark.parametrize(
    ("contact", "severity", "field"),
    [
        ({"contact_name": [" "]}, "refusal", "contact_name.0"),
        ({"contact_name": []}, "refusal", "contact_name"),
        ({"email": ["nobody"]}, "refusal", "email.0"),
        ({"email": ["a@north.example, b@north.example"]}, "warning", "email.0"),
        ({"email": ["a b@north.example"]}, "warning", "email.0"),
        ({"email": ["a@north.example;b"]}, "warning", "email.0"),
        ({"email": ["a@north."]}, "refusal", "email.0"),
        ({"email": ["a@north.example."]}, "warning", "email.0"),
        ({"person_given_names": ["Aino"]}, "warning", "person_family_name"),
        ({"person_family_name": ["Virtanen"]}, "warning", "person_given_names"),
        (
            {
                "person_family_name": [{"value": "Иванова", "lang": "ru"}, {"value": "Ivanova", "lang": "ru-Latn"}],
                "person_given_names": [{"value": "Анна", "lang": "ru"}],
            },
            "warning",
            "person_given_names",
        ),
        (
            {"contact_name": [{"value": "Toimisto", "lang": "fi"}, {"value": "Office", "lang": "en-GB"}]},
            "warning",
            "contact_name",
        ),
    ],
)
def test_contacts_can_be_reached_and_recognised(
    contact: dict[str, Any], severity: str, field: str, iia_json: dict[str, Any]
) -> None:
    good = {"contact_name": ["Office"], "email": ["office+iia@mail.north.example"]}
    first(iia_json)["sending_contact"] = [good]
    assert said(check("iias", iia_json)) == set()
    first(iia_json)["sending_contact"] = [good | contact]
    assert said(check("iias", iia_json)) == {(severity, f"{STUDIES}.0.sending_contact.0.{field}")}
