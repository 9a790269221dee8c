"""The rules of the learning agreement template: what is refused, and what people are warned of."""

from __future__ import annotations

from typing import Any

import pytest

from ewpgw.model.learning_agreement_parts import REASONS, TABLES
from ewpgw.model.learning_agreement_rules import problems, proposal_problems

from .stays import BLENDED, CHANGED, DOCTORAL, SEMESTER, SIGNATURE, agreement, given
from .strategies import OTHER, OWNER

TERM = {"term_number": 1, "total_terms": 2}
COURSE = {"title": "Logic", "term_id": TERM}
VIRTUAL = {"title": "Online", "short_description": "Meetings online."}
P = "changes_proposal"
A, B, C, BLEND, DOC = TABLES
SIGNED = SIGNATURE.model_dump(exclude_none=True)
BLANK_SIGNATURE = {"timestamp": "2026-05-20T09:00:00Z", "signer_name": " ", "signer_email": "a@b.example"}


def said(kind: str = SEMESTER, **changes: Any) -> set[tuple[str, str]]:
    """Severity and path of each problem of an example with changes."""
    return {(problem.severity, problem.path) for problem in problems(OWNER, agreement(kind, **changes))}


@pytest.mark.parametrize("kind", [SEMESTER, CHANGED, BLENDED, DOCTORAL])
def test_good_agreements_of_every_kind_give_no_problems_at_all(kind: str) -> None:
    assert said(kind) == set()


def test_every_problem_cites_its_source_and_reads_on_from_its_path() -> None:
    found = list(problems(OTHER, agreement(student={}, isced_f_code="061", end_year_month="2026-01")))
    assert len(found) > 5
    assert all(problem.source and not problem.message.endswith(".") for problem in found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sending_hei__hei_id": "third.example"}, ("refusal", "sending_hei.hei_id")),
        ({"receiving_hei__hei_id": OWNER}, ("refusal", "receiving_hei.hei_id")),
        ({"receiving_hei__hei_id": "uni example"}, ("refusal", "receiving_hei.hei_id")),
        ({"receiving_hei__hei_id": ""}, ("refusal", "receiving_hei.hei_id")),
        ({"sending_hei__ounit_name": None}, ("refusal", "sending_hei.ounit_name")),
        ({"sending_hei__ounit_name": " "}, ("refusal", "sending_hei.ounit_name")),
        ({"sending_hei__ounit_id": None}, ("warning", "sending_hei.ounit_id")),
        (
            {"receiving_hei__contact_person__family_name": ""},
            ("refusal", "receiving_hei.contact_person.family_name"),
        ),
        ({"sending_hei__contact_person__given_names": ""}, ("warning", "sending_hei.contact_person.given_names")),
        ({"sending_hei__contact_person__email": "a@b.c, d@e.f"}, ("warning", "sending_hei.contact_person.email")),
        (
            {"sending_hei__contact_person__phone_number": {"other_format": "1"}},
            ("warning", "sending_hei.contact_person.phone_number.e164"),
        ),
        ({"end_year_month": "2026-08"}, ("refusal", "end_year_month")),
        ({"receiving_academic_year_id": "2026/2028"}, ("refusal", "receiving_academic_year_id")),
        ({"receiving_academic_year_id": "2025/2025"}, ("warning", "receiving_academic_year_id")),
        ({"isced_f_code": "061"}, ("refusal", "isced_f_code")),
        ({"isced_f_code": "1234"}, ("warning", "isced_f_code")),
        ({"student__global_id": None}, ("refusal", "student.global_id")),
        ({"student__birth_date": None}, ("refusal", "student.birth_date")),
        ({"student__citizenship": None}, ("refusal", "student.citizenship")),
        ({"student__gender": None}, ("refusal", "student.gender")),
        ({"student__email": None}, ("refusal", "student.email")),
        ({"student__family_name": "\t"}, ("refusal", "student.family_name")),
        ({"student__global_id": "12345"}, ("warning", "student.global_id")),
        ({"student__global_id": "urn:schac:personalUniqueCode:int:esi:"}, ("refusal", "student.global_id")),
        ({"student__birth_date": "2024-05-31"}, ("warning", "student.birth_date")),
        ({"student__email": "a b@c.d"}, ("warning", "student.email")),
    ],
)
def test_who_goes_where_when_and_to_study_what(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert said(**changes) == {expected}


def test_days_count_where_both_ends_are_days() -> None:
    assert said(BLENDED, end_date="2027-02-28") == {("refusal", "end_date")}
    assert said(BLENDED, end_date="2027-03-01") == set()
    assert said(start_year_month=None, start_date="2026-09-30", end_year_month="2026-09") == set()


def test_a_southern_year_is_the_one_the_stay_starts_in() -> None:
    assert said(receiving_academic_year_id="2026/2026") == set()


@pytest.mark.parametrize(
    ("table", "content", "expected"),
    [
        (A, None, {("refusal", f"{P}.{A}")}),
        (B, None, {("refusal", f"{P}.{B}")}),
        (A, [], {("warning", f"{P}.{A}")}),
        (B, [], {("warning", f"{P}.{B}")}),
        (C, [], set()),
        (C, [VIRTUAL], set()),
        (BLEND, [VIRTUAL], {("refusal", f"{P}.{BLEND}")}),
        (DOC, [VIRTUAL], {("refusal", f"{P}.{DOC}"), ("warning", "eqf_level_studied_at_departure")}),
    ],
)
def test_a_semester_needs_tables_a_and_b_and_may_have_c(table: str, content: Any, expected: Any) -> None:
    assert said(**{f"{P}__{table}": content}) == expected


@pytest.mark.parametrize(("kind", "table"), [(BLENDED, BLEND), (DOCTORAL, DOC)])
def test_a_short_stay_has_its_own_table_alone_with_a_component_in_it(kind: str, table: str) -> None:
    assert ("refusal", f"{P}.{table}") in said(kind, **{f"{P}__{table}": []})
    nothing: Any = []
    for other in (A, B, C):
        assert said(kind, **{f"{P}__{other}": nothing}) == {("refusal", f"{P}.{table}")}


def test_a_version_without_any_table_is_none() -> None:
    nothing: dict[str, Any] = {f"{P}__{A}": None, f"{P}__{B}": None, f"{P}__{C}": None}
    assert ("refusal", P) in said(**nothing)
    assert said(CHANGED, **nothing) == set()  # it changes the student
    assert said(CHANGED, **nothing, **{f"{P}__student": None}) == {("refusal", P)}


@pytest.mark.parametrize(
    ("table", "component", "expected"),
    [
        (A, {"title": "Logic"}, {("refusal", "term_id")}),
        (B, {"title": "Logic"}, {("refusal", "term_id")}),
        (A, {**COURSE, "title": " "}, {("refusal", "title")}),
        (A, {**COURSE, "term_id": {"term_number": 3, "total_terms": 2}}, {("refusal", "term_id")}),
        (A, {**COURSE, "term_id": {"term_number": 0, "total_terms": 2}}, {("refusal", "term_id")}),
        (A, {**COURSE, "recognition_conditions": "A report."}, {("refusal", "recognition_conditions")}),
        (B, {**COURSE, "recognition_conditions": "A report."}, set()),
        (B, {**COURSE, "recognition_conditions": " "}, {("warning", "recognition_conditions")}),
        (A, {**COURSE, "short_description": "Logic."}, {("refusal", "short_description")}),
        (B, {**COURSE, "short_description": ""}, {("refusal", "short_description")}),
        (C, {"title": "Online"}, {("refusal", "short_description")}),
        (C, {"title": "Online", "short_description": " "}, {("refusal", "short_description")}),
        (C, VIRTUAL, set()),
        (C, {**VIRTUAL, "term_id": TERM, "recognition_conditions": "A report."}, set()),
        (A, {**COURSE, "status": "inserted"}, {("refusal", "status"), ("warning", "reason_code")}),
        (A, {**COURSE, "reason_code": "timetable-conflict"}, {("warning", "reason_code")}),
        (A, {**COURSE, "reason_text": "Why not"}, {("warning", "reason_text")}),
        (A, {**COURSE, "credit": [{"scheme": "ECTS", "value": 5}]}, {("warning", "credit.0.scheme")}),
        (A, {**COURSE, "credit": [{"scheme": "", "value": 5}]}, {("refusal", "credit.0.scheme")}),
        (A, {**COURSE, "credit": [{"scheme": "ects", "value": -1}]}, {("refusal", "credit.0.value")}),
        (A, {**COURSE, "credit": [{"scheme": "UK", "value": "-0.0"}]}, set()),
    ],
)
def test_what_stands_in_a_component_of_the_first_version(table: str, component: Any, expected: Any) -> None:
    tables: dict[str, Any] = {A: [COURSE], B: [COURSE], table: [component]}
    first = agreement(**{f"{P}__{name}": content for name, content in tables.items()}).changes_proposal
    assert first is not None
    found = {(one.severity, one.path.removeprefix(f"{P}.{table}.0.")) for one in proposal_problems(first, None)}
    assert found == expected


def test_one_blended_component_at_least_is_described() -> None:
    path = f"{P}__{BLEND}__1__short_description"
    assert said(BLENDED, **{path: None}) == {("refusal", f"{P}.{BLEND}")}
    assert said(BLENDED, **{path: ""}) == {("refusal", f"{P}.{BLEND}"), ("warning", f"{P}.{BLEND}.1.short_description")}


def test_a_doctoral_stay_is_for_doctoral_students() -> None:
    assert said(DOCTORAL, eqf_level_studied_at_departure=7) == {("warning", "eqf_level_studied_at_departure")}


def test_a_component_that_stands_in_a_table_twice_is_pointed_out() -> None:
    twice: Any = [COURSE, COURSE]
    assert said(**{f"{P}__{A}": twice}) == {("warning", f"{P}.{A}.1")}


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize("status", ["inserted", "deleted"])
def test_a_reason_code_fits_what_is_done(code: str, status: str) -> None:
    component = {
        **VIRTUAL,
        "status": status,
        "reason_code": code,
    }
    found = said(CHANGED, first_version__virtual_components=[VIRTUAL], **{f"{P}__{C}": [component]})
    fits = REASONS[code][0] == status
    assert found == (set() if fits else {("refusal", f"{P}.{C}.0.reason_code")})


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        ({**COURSE}, {("refusal", "status")}),
        ({**COURSE, "status": "inserted"}, {("warning", "reason_code")}),
        ({**COURSE, "status": "inserted", "reason_text": " "}, {("warning", "reason_code")}),
        ({**COURSE, "status": "inserted", "reason_text": "Found it"}, set()),
        ({**COURSE, "status": "inserted", "reason_code": "adding-virtual-component"}, {("warning", "reason_code")}),
        ({**COURSE, "status": "deleted", "reason_code": "not-available"}, {("warning", "")}),
    ],
)
def test_what_stands_in_a_list_of_changes(component: Any, expected: Any) -> None:
    found = said(CHANGED, **{f"{P}__{A}": [component]})
    assert {(severity, path.removeprefix(f"{P}.{A}.0").lstrip(".")) for severity, path in found} == expected


def test_changes_need_not_have_all_tables_and_may_take_everything_back() -> None:
    assert said(CHANGED, **{f"{P}__{A}": None, f"{P}__{B}": None}) == set()
    assert said(CHANGED, **{f"{P}__{A}": [], f"{P}__{B}": None, f"{P}__{C}": None}) == set()


@pytest.mark.parametrize(("kind", "table"), [(BLENDED, BLEND), (DOCTORAL, DOC)])
def test_short_stays_are_not_changed_after_the_first_version(kind: str, table: str) -> None:
    proposal = agreement(kind).changes_proposal
    assert proposal is not None
    first = proposal.signed(SIGNATURE)
    assert ("refusal", P) in {(one.severity, one.path) for one in proposal_problems(proposal, first)}
    component = {**VIRTUAL, "status": "inserted", "reason_text": "New"}
    assert ("refusal", P) in said(kind, **{f"{P}__{table}": [component]})


def test_changes_stay_with_the_kind_of_the_first_version() -> None:
    component = {**VIRTUAL, "status": "inserted", "reason_text": "New"}
    changes = {f"{P}__{name}": None for name in (A, B, C)}
    assert said(CHANGED, **changes, **{f"{P}__{BLEND}": [component]}) == {("refusal", P)}


def test_a_proposal_that_was_approved_meanwhile_may_still_be_handed_in() -> None:
    data = given(CHANGED)
    for answered in ("first_version", "approved_changes"):
        proposal = {name: value for name, value in data[answered].items() if name != "receiving_hei_signature"}
        assert said(CHANGED, changes_proposal=proposal) == set()


def test_changes_alone_are_taken_for_what_they_look_like() -> None:
    assert said(CHANGED, first_version=None, approved_changes=None) == set()
    assert said(CHANGED, first_version=None, changes_proposal=None) == set()
    assert said(changes_proposal=None) == set()


@pytest.mark.parametrize(
    ("version", "changes", "expected"),
    [
        (P, {"receiving_hei_signature": SIGNED}, {("refusal", "receiving_hei_signature")}),
        ("first_version", {"receiving_hei_signature": None}, {("refusal", "receiving_hei_signature")}),
        ("approved_changes", {"receiving_hei_signature": None}, {("refusal", "receiving_hei_signature")}),
        (P, {"student_signature__signer_name": "Elina"}, {("warning", "student_signature.signer_name")}),
        (P, {"sending_hei_signature__signer_name": None}, {("refusal", "sending_hei_signature.signer_name")}),
        (P, {"sending_hei_signature__signer_position": ""}, {("refusal", "sending_hei_signature.signer_position")}),
        (P, {"sending_hei_signature__signer_email": "nobody"}, {("warning", "sending_hei_signature.signer_email")}),
        (P, {"sending_hei_signature__signer_app": None}, set()),
        (
            "first_version",
            {"receiving_hei_signature": BLANK_SIGNATURE},
            {
                ("refusal", "receiving_hei_signature.signer_name"),
                ("refusal", "receiving_hei_signature.signer_position"),
            },
        ),
    ],
)
def test_signatures_stand_where_they_belong(version: str, changes: Any, expected: Any) -> None:
    found = said(CHANGED, **{f"{version}__{path}": value for path, value in changes.items()})
    assert {(severity, path.removeprefix(f"{version}.")) for severity, path in found} == expected


@pytest.mark.parametrize(
    ("student", "expected"),
    [
        ({"family_name": "Niemi"}, set()),
        ({"email": "new@north.example"}, {("warning", "email")}),
        ({"family_name": " "}, {("refusal", "family_name")}),
        ({"global_id": "1"}, {("warning", "global_id")}),
        ({}, {("warning", "")}),
    ],
)
def test_a_proposal_changes_of_the_student_only_what_is_agreed_on(student: Any, expected: Any) -> None:
    found = said(CHANGED, **{f"{P}__student": student})
    assert {(severity, path.removeprefix(f"{P}.student").lstrip(".")) for severity, path in found} == expected
