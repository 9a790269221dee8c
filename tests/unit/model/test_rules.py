"""Rules beyond the schemas: what is refused, and what people are warned of."""

from __future__ import annotations

from typing import Any

import pytest

from ewpgw.model.academic_term import AcademicYear

from .checking import OTHER, OWNER, check, condition, said

SPEC = "cooperation_conditions.student_studies_mobility_spec"


def specs(data: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data["cooperation_conditions"]["student_studies_mobility_spec"]
    return found


def test_good_records_give_no_problems_at_all(
    iia_json: dict[str, Any], institution_json: dict[str, Any], unit_json: dict[str, Any]
) -> None:
    assert check("iias", iia_json).problems == ()
    assert check("institutions", institution_json).problems == ()
    assert check("organizational-units", unit_json).problems == ()


def test_every_problem_cites_its_source(iia_json: dict[str, Any]) -> None:
    iia_json["partner"].reverse()
    problems = check("iias", iia_json).problems
    assert problems
    assert all("7, get-response.xsd, partner" in problem.source for problem in problems)


def test_the_first_partner_is_the_owner_with_identifier_and_number(iia_json: dict[str, Any]) -> None:
    del iia_json["partner"][1]["iia_code"]
    iia_json["partner"].reverse()
    assert said(check("iias", iia_json)) == {("refusal", "partner.0.hei_id"), ("refusal", "partner.0.iia_code")}
    del iia_json["partner"][0]["iia_id"]
    assert ("refusal", "partner.0.iia_id") in said(check("iias", iia_json))


def test_the_second_partner_is_another_institution(iia_json: dict[str, Any]) -> None:
    iia_json["partner"][1]["hei_id"] = OWNER
    assert ("refusal", "partner.1.hei_id") in said(check("iias", iia_json))


def test_a_record_that_breaks_a_rule_is_read_all_the_same(iia_json: dict[str, Any]) -> None:
    iia_json["partner"][1]["hei_id"] = OWNER
    checked = check("iias", iia_json)
    assert checked.refused
    assert checked.record is not None


def test_warnings_alone_do_not_refuse(iia_json: dict[str, Any]) -> None:
    iia_json["partner"][0]["contact"] = [{"contact_name": ["Office"]}]
    checked = check("iias", iia_json)
    assert said(checked) == {("warning", "partner.0.contact.0.email")}
    assert not checked.refused


@pytest.mark.parametrize("field", ["sending_hei_id", "receiving_hei_id"])
def test_conditions_name_the_two_partners(field: str, iia_json: dict[str, Any]) -> None:
    specs(iia_json)[1][field] = "west.example"
    assert said(check("iias", iia_json)) == {("refusal", f"{SPEC}.1.{field}")}


def test_nobody_goes_to_the_institution_they_come_from(iia_json: dict[str, Any]) -> None:
    specs(iia_json)[0]["receiving_hei_id"] = OWNER
    assert said(check("iias", iia_json)) == {("refusal", f"{SPEC}.0.receiving_hei_id")}


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026/2027", "2026/2027", set()),
        ("2026/2026", "2028/2028", set()),
        ("2026/2027", "2025/2026", {("refusal", "last")}),
        ("2026/2027", "2026/2026", {("refusal", "last")}),
        ("2026/2026", "2026/2027", {("warning", "last")}),
        ("2026/2028", "2028/2029", {("refusal", "first")}),
        ("2026/2025", "2028/2020", {("refusal", "first"), ("refusal", "last")}),
    ],
)
def test_academic_years_are_years_and_in_order(
    first: str, last: str, expected: set[tuple[str, str]], iia_json: dict[str, Any]
) -> None:
    specs(iia_json)[0].update(receiving_first_academic_year_id=first, receiving_last_academic_year_id=last)
    assert said(check("iias", iia_json)) == {
        (severity, f"{SPEC}.0.receiving_{which}_academic_year_id") for severity, which in expected
    }


def test_academic_years_know_their_order_and_hemisphere() -> None:
    north, south = AcademicYear.read("2026/2027"), AcademicYear.read("2026/2026")
    assert (north.southern, south.southern) == (False, True)
    assert sorted([AcademicYear.read("2027/2028"), north, south]) == [south, north, AcademicYear(2027, 2028)]


@pytest.mark.parametrize("text", ["2026/2028", "2027/2026", "2026", "2026/2027 ", "٢٠٢٦/٢٠٢٧"])
def test_other_texts_are_no_academic_years(text: str) -> None:
    with pytest.raises(ValueError, match="no academic year"):
        AcademicYear.read(text)


@pytest.mark.parametrize(
    ("in_effect", "flag", "refused"), [(True, True, False), (False, True, True), (True, False, True)]
)
def test_left_overs_of_older_versions_are_for_agreements_once_approved(
    in_effect: bool, flag: bool, refused: bool, iia_json: dict[str, Any]
) -> None:
    iia_json["in_effect"] = in_effect
    first, second = specs(iia_json)
    first["mobilities_per_year"] = {"value": 1, "not_yet_defined": flag}
    second["recommended_language_skill"][0]["not_yet_defined"] = flag
    expected = {
        ("refusal", f"{SPEC}.0.mobilities_per_year.not_yet_defined"),
        ("refusal", f"{SPEC}.1.recommended_language_skill.0.not_yet_defined"),
    }
    assert said(check("iias", iia_json)) == (expected if refused else set())


@pytest.mark.parametrize("in_effect", [True, False])
def test_codes_of_version_6_are_for_agreements_once_approved(in_effect: bool, iia_json: dict[str, Any]) -> None:
    iia_json["in_effect"] = in_effect
    first, second = specs(iia_json)
    first["subject_area"][0]["isced_f_code"] = {"value": "0314", "v6_value": "031"}
    second["recommended_language_skill"][0]["subject_area"] = {"isced_f_code": {"value": "0314", "v6_value": "03"}}
    expected = {
        ("refusal", f"{SPEC}.0.subject_area.0.isced_f_code.v6_value"),
        ("refusal", f"{SPEC}.1.recommended_language_skill.0.subject_area.isced_f_code.v6_value"),
    }
    assert said(check("iias", iia_json)) == (set() if in_effect else expected)


@pytest.mark.parametrize(
    ("in_effect", "flag", "refused"), [(True, True, False), (False, True, True), (True, False, True)]
)
def test_termination_is_for_agreements_once_approved(
    in_effect: bool, flag: bool, refused: bool, iia_json: dict[str, Any]
) -> None:
    iia_json["in_effect"] = in_effect
    iia_json["cooperation_conditions"]["terminated_as_a_whole"] = flag
    expected = {("refusal", "cooperation_conditions.terminated_as_a_whole")}
    assert said(check("iias", iia_json)) == (expected if refused else set())


def test_people_are_warned_of_agreements_that_agree_on_nothing_or_twice_on_the_same(iia_json: dict[str, Any]) -> None:
    specs(iia_json)[1] = dict(specs(iia_json)[0])
    assert said(check("iias", iia_json)) == {("warning", f"{SPEC}.1")}
    specs(iia_json).clear()
    assert said(check("iias", iia_json)) == {("warning", "cooperation_conditions")}


def test_people_are_warned_of_blanks_that_change_the_hash(iia_json: dict[str, Any]) -> None:
    specs(iia_json)[0]["other_info_terms"] = "none "
    specs(iia_json)[1]["subject_area"][0]["isced_clarification"] = "\n"
    assert said(check("iias", iia_json)) == {
        ("warning", f"{SPEC}.0.other_info_terms"),
        ("warning", f"{SPEC}.1.subject_area.0.isced_clarification"),
    }


def test_people_are_warned_of_a_blank_agreement_number(iia_json: dict[str, Any]) -> None:
    iia_json["partner"][0]["iia_code"] = " "
    assert said(check("iias", iia_json)) == {("warning", "partner.0.iia_code")}


def test_contacts_are_looked_at_wherever_they_are(iia_json: dict[str, Any]) -> None:
    mute = {"contact_name": ["Office"]}
    iia_json["partner"][1]["signing_contact"] = {**mute, "person_given_names": ["A"], "person_family_name": ["B"]}
    staff = condition(OWNER, OTHER, sending_contact=[mute], receiving_contact=[mute], total_days_per_year=5)
    for field in ("total_months_per_year", "blended", "eqf_level"):
        del staff[field]
    iia_json["cooperation_conditions"]["staff_training_mobility_spec"] = [staff]
    assert said(check("iias", iia_json)) == {
        ("warning", "partner.1.signing_contact.email"),
        ("warning", "cooperation_conditions.staff_training_mobility_spec.0.sending_contact.0.email"),
        ("warning", "cooperation_conditions.staff_training_mobility_spec.0.receiving_contact.0.email"),
    }


def test_people_are_warned_of_contacts_others_cannot_use(institution_json: dict[str, Any]) -> None:
    institution_json["contact"] = [
        {
            "contact_name": ["Office", {"value": "Toimisto", "lang": "fi"}],
            "email": ["iro@north.example"],
            "phone_number": [{"e164": "+35820123456"}, {"other_format": "020 123456"}],
            "fax_number": [{}],
            "street_address": {"locality": "Vaasa"},
            "mailing_address": {"country": "FI"},
        }
    ]
    assert said(check("institutions", institution_json)) == {
        ("warning", "contact.0.contact_name.0.lang"),
        ("warning", "contact.0.phone_number.1.e164"),
        ("warning", "contact.0.fax_number.0.e164"),
        ("warning", "contact.0.street_address.country"),
        ("warning", "contact.0.mailing_address.locality"),
    }


def test_an_institutions_record_is_its_own(institution_json: dict[str, Any]) -> None:
    institution_json["hei_id"] = OTHER
    assert said(check("institutions", institution_json)) == {("refusal", "hei_id")}


def test_people_are_warned_of_what_an_institution_leaves_open(institution_json: dict[str, Any]) -> None:
    del institution_json["mobility_factsheet_url"]
    institution_json.update(
        contact=[],
        name=["North", "Pohjoinen"],
        other_id=[{"type": "euc", "value": "1"}],
        ounit_id=["science", "science"],
        street_address={},
    )
    assert said(check("institutions", institution_json)) == {
        ("warning", "contact"),
        ("warning", "mobility_factsheet_url"),
        ("warning", "name.0.lang"),
        ("warning", "name.1.lang"),
        ("warning", "other_id.0.type"),
        ("warning", "ounit_id"),
        ("warning", "ounit_id.1"),
        ("warning", "street_address.locality"),
        ("warning", "street_address.country"),
    }


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (["https://x.example"], {"mobility_factsheet_url.0.lang"}),
        ([{"value": "https://x.example", "lang": "fi"}], {"mobility_factsheet_url"}),
        ([{"value": "https://x.example", "lang": "en-GB"}], set()),
    ],
)
def test_factsheets_say_their_language_and_one_is_in_english(
    pages: list[Any], expected: set[str], institution_json: dict[str, Any], unit_json: dict[str, Any]
) -> None:
    for entity, data in (("institutions", institution_json), ("organizational-units", unit_json)):
        data["mobility_factsheet_url"] = pages
        assert said(check(entity, data)) == {("warning", path) for path in expected}


def test_a_unit_is_not_its_own_parent(unit_json: dict[str, Any]) -> None:
    unit_json["parent_ounit_id"] = "science"
    assert said(check("organizational-units", unit_json)) == {("refusal", "parent_ounit_id")}


def test_people_are_warned_of_units_without_an_english_name(unit_json: dict[str, Any]) -> None:
    unit_json["name"] = [{"value": "Tiede", "lang": "fi"}]
    assert said(check("organizational-units", unit_json)) == {("warning", "name")}
