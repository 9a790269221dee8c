"""Courses: what is refused, what is warned of, what the gateway works out, and what of partners is passed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from ewpgw.documents.schemas import Schemas, default
from ewpgw.model.course import NAMESPACE, Course, understood
from ewpgw.model.entities import ENTITIES
from ewpgw.model.examples import example

from .checking import accepted, check, said

Json = dict[str, Any]
SHAPE = ENTITIES["courses"].newest
INSTANCE = "specifies.learning_opportunity_instance.0"


@pytest.fixture
def course() -> Json:
    """A course without a warning to it."""
    return example("courses")


def instance(course: Json) -> Json:
    (found,) = course["specifies"]["learning_opportunity_instance"]
    assert isinstance(found, dict)
    return found


def element(inside: str, los_id: str = "CR/1") -> etree._Element:
    """A partner's response with one course."""
    course = f"<learningOpportunitySpecification><los-id>{los_id}</los-id><title>T</title>{inside}"
    return etree.fromstring(
        f'<courses-response xmlns="{NAMESPACE}">{course}</learningOpportunitySpecification></courses-response>'
    )


def test_the_example_is_accepted_without_a_word(course: Json) -> None:
    assert check("courses", course).problems == ()


@pytest.mark.parametrize("los_id", ["1", "CR/", "cr/1", "CR/" + "x" * 41, "CR/a b", "XX/1", "CRI/1"])
def test_an_identifier_says_of_what_it_is_in_the_way_of_the_network(course: Json, los_id: str) -> None:
    course["los_id"] = los_id
    assert said(check("courses", course)) == {("refusal", "los_id")}


@pytest.mark.parametrize(
    ("los_id", "kind"), [("CR/1", "Course"), ("CLS/1", "Class"), ("MOD/1", "Module"), ("DEP/1", "Degree Programme")]
)
def test_the_type_is_told_by_the_identifier(los_id: str, kind: str) -> None:
    record = accepted("courses", {"los_id": los_id, "title": ["T"]})
    assert isinstance(record, Course)
    assert record.type == kind
    assert accepted("courses", {"los_id": los_id, "title": ["T"], "type": kind}) == record
    assert said(check("courses", {"los_id": los_id, "title": ["T"], "type": "Seminar"})) > {("refusal", "type")}


def test_a_type_that_is_not_the_identifiers_is_refused(course: Json) -> None:
    course["type"] = "Module"
    (problem,) = check("courses", course).problems
    assert problem.severity == "refusal"
    assert str(problem) == "type: is Module, but the identifier CR/5f0c7a52 is that of a Course"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda one: one.update(loi_id="MODI/1"), ("refusal", f"{INSTANCE}.loi_id")),
        (lambda one: one.update(start="2027-01-01"), ("refusal", f"{INSTANCE}.end")),
        (lambda one: one.pop("academic_term"), ("warning", f"{INSTANCE}.academic_term")),
        (lambda one: one.pop("language_of_instruction"), ("warning", f"{INSTANCE}.language_of_instruction")),
        (lambda one: one.pop("credit"), ("warning", f"{INSTANCE}.credit")),
        (lambda one: one["credit"][0].update(scheme="ECTS"), ("warning", f"{INSTANCE}.credit.0.scheme")),
        (lambda one: one["credit"][0].update(value=-1), ("refusal", f"{INSTANCE}.credit.0.value")),
        (lambda one: one["credit"][0].update(level="Doctor"), ("refusal", f"{INSTANCE}.credit.0.level")),
        (
            lambda one: one["result_distribution"]["category"][1].update(label="0"),
            ("warning", f"{INSTANCE}.result_distribution.category.1.label"),
        ),
        (
            lambda one: one["result_distribution"]["category"][1].update(count=-1),
            ("refusal", f"{INSTANCE}.result_distribution.category.1.count"),
        ),
        (
            lambda one: one["grading_scheme"].update(label=[{"value": "hyväksytty", "lang": "fi"}]),
            ("warning", f"{INSTANCE}.grading_scheme.label"),
        ),
    ],
)
def test_what_is_wrong_with_an_instance_is_told_with_its_place(
    course: Json, change: Callable[[Json], object], expected: tuple[str, str]
) -> None:
    change(instance(course))
    assert said(check("courses", course)) == {expected}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("academic_year_id", "2026/2028"),
        ("ewp_id", "2026/2027-3/2"),
        ("ewp_id", "2027/2028-1/2"),
        ("end_date", "2026-07-01"),
    ],
)
def test_a_term_that_cannot_be_is_refused(course: Json, field: str, value: str) -> None:
    instance(course)["academic_term"][field] = value
    assert ("refusal", f"{INSTANCE}.academic_term.{field}") in said(check("courses", course))


def test_two_instances_of_one_identifier_are_refused(course: Json) -> None:
    course["specifies"]["learning_opportunity_instance"] *= 2
    assert said(check("courses", course)) == {("refusal", "specifies.learning_opportunity_instance.1.loi_id")}


def test_a_programme_is_held_in_no_single_term_and_needs_no_language(course: Json) -> None:
    del instance(course)["language_of_instruction"]
    instance(course)["loi_id"] = "DEPI/1"
    course.update(los_id="DEP/1", type="Degree Programme", contains={"los_id": ["MOD/1", "CR/1", "DEP/2"]})
    assert said(check("courses", course)) == {("warning", f"{INSTANCE}.academic_term")}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["CLS/1", "CLS/2"], set()),
        (["CR/5f0c7a52"], {("refusal", "contains.los_id.0")}),
        (["CLS/1", "CLS/1"], {("warning", "contains.los_id.1")}),
        (["MOD/1"], {("warning", "contains.los_id.0")}),
    ],
)
def test_what_a_course_may_be_made_of(course: Json, parts: list[str], expected: set[tuple[str, str]]) -> None:
    course["contains"]["los_id"] = parts
    assert said(check("courses", course)) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"los_code": None}, ("warning", "los_code")),
        ({"title": [{"value": " ", "lang": "en"}]}, ("warning", "title.0")),
        ({"title": [{"value": "Ohjelmistotuotanto", "lang": "fi"}]}, ("warning", "title")),
        ({"isced_code": "0699"}, ("warning", "isced_code")),
    ],
)
def test_what_makes_a_course_of_less_use_is_warned_of(course: Json, change: Json, expected: tuple[str, str]) -> None:
    assert said(check("courses", {**course, **change})) == {expected}


@pytest.mark.parametrize(
    "later",
    ["<type>Microcredential</type>", "<contains><los-id>MC/1</los-id></contains>"],
)
def test_what_later_versions_may_have_added_is_passed_over(later: str) -> None:
    given = element(later)
    before = etree.tostring(given)
    schemas: Schemas = default()
    assert schemas.faults(given)
    known = understood(given)
    assert schemas.faults(known) == []
    assert etree.tostring(given) == before
    record = SHAPE.decode(known[0])
    assert isinstance(record, Course)
    assert (record.type, record.contains.los_id if record.contains else []) == (None, [])


@pytest.mark.parametrize(
    "broken",
    [
        "<type/>",
        "<contains><los-id>1234</los-id></contains>",
        "<contains><los-id>cr/1</los-id></contains>",
        "<contains><los-id>CR/</los-id></contains>",
        "<specifies><type>x</type></specifies>",
    ],
)
def test_what_no_version_allows_stays_and_is_refused(broken: str) -> None:
    assert default().faults(understood(element(broken)))


def test_a_course_of_an_unknown_kind_is_none() -> None:
    assert default().faults(understood(element("", los_id="MC/1")))
