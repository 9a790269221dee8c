"""JSON that a person wrote: what is taken, and how faults are explained."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ewpgw.model.entities import ENTITIES

from .checking import accepted, accepted_iia, check

SPEC = "cooperation_conditions.student_studies_mobility_spec.0"


def first_spec(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["cooperation_conditions"]["student_studies_mobility_spec"][0]
    return found


def faults(data: object, entity: str = "iias") -> dict[str, str]:
    return {problem.path: problem.message for problem in check(entity, data).problems if problem.severity == "refusal"}


def test_every_fault_is_named_at_once_with_its_place(iia_json: dict[str, Any]) -> None:
    spec = first_spec(iia_json)
    del spec["blended"]
    spec.update(subject_areas=[], recommended_language_skill=[], mobilities_per_year=0)
    iia_json["partner"][0]["iia_id"] = "with space"
    iia_json["partner"][1]["contact"] = {}
    iia_json["partner"][1]["signing_contact"] = "me"
    iia_json["in_effect"] = "yes"
    assert faults(iia_json) == {
        f"{SPEC}.blended": "is required",
        f"{SPEC}.subject_areas": "is not a known field; did you mean 'subject_area'?",
        f"{SPEC}.recommended_language_skill": "must have at least 1 item",
        f"{SPEC}.mobilities_per_year.value": "must be a whole number above zero",
        "partner.0.iia_id": "must be 1 to 64 visible ASCII characters without spaces",
        "partner.1.contact": "must be a list",
        "partner.1.signing_contact": "must be an object with named fields",
        "in_effect": "must be true or false",
    }


def test_a_field_that_resembles_none_is_answered_with_those_known(iia_json: dict[str, Any]) -> None:
    first_spec(iia_json)["subject_area"][0]["xyz"] = 1
    assert faults(iia_json) == {
        f"{SPEC}.subject_area.0.xyz": "is not a known field; known here: isced_f_code, isced_clarification"
    }


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_something_else_than_an_object_is_refused(data: object) -> None:
    assert faults(data) == {"": "must be an object with named fields"}


@pytest.mark.parametrize("key", ["\ud800", "x" * 100_000, "a\nb", "\0"])
def test_unusable_keys_are_named_in_a_way_that_can_be_stored(key: str, iia_json: dict[str, Any]) -> None:
    (path,) = faults({**iia_json, key: 1})
    assert path.isprintable()
    assert len(path.encode()) < 80


@pytest.mark.parametrize("entity", ENTITIES)
def test_faults_do_not_repeat_what_was_given(entity: str) -> None:
    checked = check(entity, {"partner": "Secret", "name": "Secret", "hei_id": ["Secret"], "ounit_id": "Secret name"})
    assert checked.refused
    assert "Secret" not in repr(checked.problems)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mobilities_per_year", -1),
        ("mobilities_per_year", 1.5),
        ("mobilities_per_year", True),
        ("mobilities_per_year", "٣"),
        ("mobilities_per_year", None),
        ("mobilities_per_year", float("inf")),
        ("total_months_per_year", 0),
        ("total_months_per_year", "5.001"),
        ("total_months_per_year", "1e2"),
        ("total_months_per_year", float("nan")),
        ("eqf_level", [9]),
        ("eqf_level", [0]),
        ("eqf_level", 6),
        ("blended", "maybe"),
        ("blended", 2),
        ("blended", None),
        ("receiving_first_academic_year_id", "2026-2027"),
        ("receiving_first_academic_year_id", "2026/2027\n"),
        ("recommended_language_skill", [{"language": "english language"}]),
        ("recommended_language_skill", [{"language": "en", "cefr_level": "b2"}]),
        ("recommended_language_skill", [{"language": "en", "cefr_level": "NS"}]),
        ("subject_area", [{"isced_f_code": "031"}]),
        ("subject_area", [{"isced_f_code": 314}]),
        ("other_info_terms", "bell \x07"),
        ("other_info_terms", "half \ud800"),
        ("other_info_terms", "\ufffe"),
        ("sending_ounit_id", "x" * 65),
        ("sending_ounit_id", ""),
        ("sending_ounit_id", "ä"),
    ],
)
def test_values_out_of_bounds_are_refused(field: str, value: Any, iia_json: dict[str, Any]) -> None:
    first_spec(iia_json)[field] = value
    assert list(faults(iia_json)), "accepted"
    assert all(path.startswith(f"{SPEC}.{field}") for path in faults(iia_json))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("signing_date", "2026-02-29"),
        ("signing_date", "2026-13-01"),
        ("signing_date", "01.02.2026"),
        ("signing_date", date(2026, 1, 1)),
        ("signing_contact", {"contact_name": []}),
        ("signing_contact", {"contact_name": ["a"], "email": ["nobody"]}),
        ("signing_contact", {"contact_name": ["a"], "person_gender": 3}),
        ("signing_contact", {"contact_name": ["a"], "phone_number": [{"e164": "+358 20"}]}),
        ("signing_contact", {"contact_name": [{"value": "a", "lang": ""}]}),
        ("signing_contact", {"contact_name": ["a"], "street_address": {"country": "fi"}}),
        ("signing_contact", {"contact_name": ["a"], "street_address": {"address_line": list("12345")}}),
        ("signing_contact", {"contact_name": ["a"], "street_address": {"address_line": ["1"], "floor": "2"}}),
    ],
)
def test_partner_details_out_of_bounds_are_refused(field: str, value: Any, iia_json: dict[str, Any]) -> None:
    iia_json["partner"][1][field] = value
    assert list(faults(iia_json)), "accepted"
    assert all(path.startswith(f"partner.1.{field}") for path in faults(iia_json))


@pytest.mark.parametrize("text", ["2024-02-29", "2026-09-01Z", "2026-09-01+02:00"])
def test_dates_of_the_calendar_are_taken(text: str, iia_json: dict[str, Any]) -> None:
    iia_json["partner"][1]["signing_date"] = text
    assert accepted_iia(iia_json).partner[1].signing_date == text


@pytest.mark.parametrize("count", [1, 3])
def test_an_agreement_has_exactly_two_partners(count: int, iia_json: dict[str, Any]) -> None:
    iia_json["partner"] = (iia_json["partner"] * 2)[:count]
    assert faults(iia_json) == {"partner": f"must have at {'least' if count < 2 else 'most'} 2 items"}


def test_a_bare_text_stands_for_one_without_attributes(institution_json: dict[str, Any]) -> None:
    short = accepted("institutions", {**institution_json, "name": ["North"]})
    assert short == accepted("institutions", {**institution_json, "name": [{"value": "North"}]})
    assert short.to_json()["name"] == [{"value": "North"}]


def test_json_of_a_record_leaves_absent_fields_out(unit_json: dict[str, Any]) -> None:
    assert accepted("organizational-units", unit_json).to_json() == unit_json


def test_a_record_cannot_be_changed(iia_json: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="frozen"):
        accepted_iia(iia_json).in_effect = True  # type: ignore[misc]  # the checker knows, too


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_json_schema_explains_every_field_and_forbids_others(entity: str) -> None:
    schema = ENTITIES[entity].model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    shapes = [part for part in parts if part.get("type") != "array"]
    objects = [part for shape in shapes for part in shape.get("anyOf", [shape]) if part.get("type") == "object"]
    assert len(objects) == len(shapes)
    for shape in objects:
        assert shape["additionalProperties"] is False
        assert shape["description"]
        for name, field in shape["properties"].items():
            assert field.get("title") or field.get("$ref"), (shape["title"], name)
            assert field.get("description", "").endswith("."), (shape["title"], name)


def test_the_json_schema_allows_numbers_as_numbers_and_as_texts() -> None:
    people, whole = ENTITIES["iias"].model.model_json_schema()["$defs"]["MobilitiesPerYear"]["anyOf"]
    assert [kind["type"] for kind in people["anyOf"]] == ["integer", "string"]
    assert whole["properties"]["value"]["anyOf"] == people["anyOf"]
