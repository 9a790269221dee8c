"""Factsheets: what is refused, and what people are warned of."""

from __future__ import annotations

from typing import Any

import pytest

from ewpgw.model.factsheet_rules import FIXED_REQUIREMENTS

from .checking import OTHER, OWNER, Json, accepted, check, said

PAGE = {"value": "https://north.example/incoming", "lang": "en"}
HELP = {"email": "help@north.example", "phone_number": {"e164": "+358401234567"}, "website_url": [PAGE]}
TERMS = {"autumn_term": "--04-30", "spring_term": "--10-31"}


@pytest.fixture
def factsheet_json() -> Json:
    """A factsheet without a warning to it."""
    return {
        "hei_id": OWNER,
        "calendar": {"student_nominations": dict(TERMS), "student_applications": dict(TERMS)},
        "application_info": dict(HELP),
        "additional_requirement": [{"name": "CV", "details": "At most two pages", "information_website": [PAGE]}],
        "decision_weeks_limit": 4,
        "tor_weeks_limit": 5,
        "accessibility": [{"type": "service", "name": "Interpreters", "information": dict(HELP)}],
        "housing_info": dict(HELP),
        "visa_info": dict(HELP),
        "insurance_info": dict(HELP),
        "additional_info": [{"type": "Tutors", "info": dict(HELP)}],
    }


def test_a_good_factsheet_gives_no_problems_at_all(factsheet_json: Json) -> None:
    assert check("factsheet", factsheet_json).problems == ()


def test_a_factsheet_is_that_of_the_institution_itself(factsheet_json: Json) -> None:
    factsheet_json["hei_id"] = OTHER
    assert said(check("factsheet", factsheet_json)) == {("refusal", "hei_id")}


@pytest.mark.parametrize("day", ["--02-29", "--12-31", " --01-01 ", "--04-30Z", "--04-30+02:00", "--04-30-14:00"])
def test_days_of_the_year_are_taken_as_the_schema_has_them(day: str, factsheet_json: Json) -> None:
    factsheet_json["calendar"]["student_nominations"] = {"autumn_term": day, "spring_term": "--01-01"}
    encoded: Any = accepted("factsheet", factsheet_json).to_json()
    assert encoded["calendar"]["student_nominations"]["autumn_term"] == day


@pytest.mark.parametrize("day", ["--02-30", "--13-01", "--00-10", "04-30", "2026-04-30", "--04-30+15:00", "--4-30", ""])
def test_what_is_no_day_of_the_year_is_refused(day: str, factsheet_json: Json) -> None:
    factsheet_json["calendar"]["student_applications"] = {"autumn_term": day, "spring_term": "--01-01"}
    assert said(check("factsheet", factsheet_json)) == {("refusal", "calendar.student_applications.autumn_term")}


@pytest.mark.parametrize("field", ["decision_weeks_limit", "tor_weeks_limit"])
@pytest.mark.parametrize(
    ("weeks", "warned"), [(0, False), (5, False), (6, True), ("+05", False), (-1, True), ("9" * 5000, True)]
)
def test_more_than_five_weeks_are_warned_of(field: str, weeks: object, warned: bool, factsheet_json: Json) -> None:
    factsheet_json[field] = weeks
    assert said(check("factsheet", factsheet_json)) == ({("warning", field)} if warned else set())


def test_names_of_requirements_that_students_hand_in_have_to_match_exactly(factsheet_json: Json) -> None:
    names = [*FIXED_REQUIREMENTS, "motivation Letter", "Transcript  of records", "Privacy statement", "CVs"]
    factsheet_json["additional_requirement"] = [{"name": name, "details": ""} for name in names]
    assert said(check("factsheet", factsheet_json)) == {
        ("warning", "additional_requirement.7.name"),
        ("warning", "additional_requirement.8.name"),
    }


def test_a_requirement_that_stands_in_the_list_twice_is_warned_of(factsheet_json: Json) -> None:
    factsheet_json["additional_requirement"] *= 2
    assert said(check("factsheet", factsheet_json)) == {("warning", "additional_requirement.1.name")}


@pytest.mark.parametrize(
    ("where", "path"),
    [
        (("application_info",), "application_info"),
        (("accessibility", 0, "information"), "accessibility.0.information"),
        (("housing_info",), "housing_info"),
        (("visa_info",), "visa_info"),
        (("insurance_info",), "insurance_info"),
        (("additional_info", 0, "info"), "additional_info.0.info"),
    ],
)
def test_numbers_nobody_can_dial_and_pages_nobody_can_tell_apart_are_warned_of(
    where: tuple[Any, ...], path: str, factsheet_json: Json
) -> None:
    entry: Any = factsheet_json
    for step in where:
        entry = entry[step]
    entry["phone_number"] = {"other_format": "ask the porter"}
    entry["website_url"] = [PAGE, {"value": "https://north.example/"}]
    assert said(check("factsheet", factsheet_json)) == {
        ("warning", f"{path}.phone_number.e164"),
        ("warning", f"{path}.website_url.1.lang"),
    }


@pytest.mark.parametrize("kind", ["Service", "building", ""])
def test_support_is_infrastructure_or_service(kind: str, factsheet_json: Json) -> None:
    factsheet_json["accessibility"][0]["type"] = kind
    assert said(check("factsheet", factsheet_json)) == {("refusal", "accessibility.0.type")}
