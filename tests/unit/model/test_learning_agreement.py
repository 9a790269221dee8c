"""Learning agreements: what is read and written, and that a proposal's identifier follows the content."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as whatever
from hypothesis import settings
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError

from ewpgw.documents.schemas import Schemas
from ewpgw.model import shape
from ewpgw.model.learning_agreement import ENVELOPE, LearningAgreement, understood
from ewpgw.model.learning_agreement_parts import NAMESPACE, REASONS, MobilityType, Proposal, proposal_of
from ewpgw.model.problems import from_validation

from .stays import BLENDED, CHANGED, DOCTORAL, SEMESTER, SIGNATURE, agreement, agreements, given, proposals, read
from .strategies import OTHER, OWNER
from .test_round_trips import meaning
from .test_writing import by_the_libraries

moderate = settings(max_examples=40, deadline=None)
EXAMPLE = "ewp-reference/examples/ewp-specs-api-omobility-las-examples-get-response-example.xml"


def response(*fragments: bytes) -> bytes:
    return b"".join((f'<{ENVELOPE} xmlns="{NAMESPACE}">'.encode(), *fragments, f"</{ENVELOPE}>".encode()))


def test_the_published_example_keeps_its_content(shared: Path) -> None:
    (element,) = etree.parse(str(shared / EXAMPLE)).getroot().iterchildren("{*}la")
    record = LearningAgreement.from_tree(element)
    assert meaning(etree.fromstring(record.encoded())) == meaning(element)
    assert record.proposal_id == "59B15BAF222F868493C167125FA32452E946"
    assert [name for name, _ in record.versions()] == ["first_version", "approved_changes", "changes_proposal"]
    assert LearningAgreement.model_validate(record.to_json(), extra="forbid") == record


def test_whatever_the_published_schema_allows_is_read_and_written_again(
    published: Any, tools: Callable[[str], Any]
) -> None:
    sampler = tools("sample_documents").Sampler(published, NAMESPACE)
    elements = [element for document in sampler.valid(15, seed=5) for element in document]
    assert elements
    for element in elements:
        document = etree.fromstring(response(LearningAgreement.from_tree(element).encoded()))
        assert published.for_document(document).validate(document)
        assert meaning(document[0]) == meaning(element)


def test_what_we_accept_as_json_obeys_the_published_schema_and_ours(
    assert_published_schema_accepts: Callable[[bytes], None],
) -> None:
    schemas = Schemas()

    @moderate
    @whatever(st.lists(agreements, max_size=2))
    def judged(given_records: list[Any]) -> None:
        document = response(*(read(data).encoded() for data in given_records))
        assert_published_schema_accepts(document)
        assert schemas.faults(etree.fromstring(document)) == []

    judged()


@moderate
@whatever(agreements)
def test_an_agreement_survives_its_own_json_and_xml(data: Any) -> None:
    record = read(data)
    assert LearningAgreement.model_validate(record.to_json(), extra="forbid") == record
    assert LearningAgreement.from_tree(etree.fromstring(record.encoded())) == record
    assert LearningAgreement.model_validate(data, extra="forbid").encoded() == record.encoded()


@moderate
@whatever(agreements)
def test_an_agreement_is_written_as_the_libraries_write_it(data: Any) -> None:
    record = read(data)
    assert record.encoded() == by_the_libraries(record)


def proposal(data: Any) -> Proposal:
    return Proposal.model_validate(data, extra="forbid")


def content(data: Any, field: str = "") -> Any:
    """What a proposal says, with the numbers as numbers and the blanks around moments away."""
    if isinstance(data, dict):
        return {name: content(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [content(value) for value in data]
    if field in ("value", "term_number", "total_terms", "gender"):
        return Decimal(str(data))
    return data.strip() if field == "timestamp" else data


@moderate
@whatever(proposals, proposals)
def test_two_proposals_have_the_same_id_exactly_where_their_content_is_the_same(one: Any, other: Any) -> None:
    same = without_empty(content(one)) == without_empty(content(other))
    assert (proposal(one).computed_id() == proposal(other).computed_id()) == same
    assert proposal(one).computed_id() == proposal(dict(reversed(one.items()))).computed_id()


def without_empty(said: Any) -> Any:
    """No credits and an empty list of credits are the same."""
    if isinstance(said, dict):
        return {name: without_empty(value) for name, value in said.items() if name != "credit" or value}
    return [without_empty(value) for value in said] if isinstance(said, list) else said


CHANGES: tuple[tuple[str, object], ...] = (
    ("components_studied__0__title", "Another"),
    ("components_studied__0__title", " Logic for computer scientists"),
    ("components_studied__0__term_id", {"term_number": 2, "total_terms": 2}),
    ("components_studied__0__credit__0__value", 6.25),
    ("components_studied__0__los_code", None),
    ("components_studied__0__status", "inserted"),
    ("components_recognized", None),
    ("virtual_components", []),
    ("student_signature__timestamp", "2026-05-11T10:15:01+03:00"),
    ("sending_hei_signature__signer_name", "Somebody else"),
    ("student", {"family_name": "Niemi"}),
    ("student", {}),
)


@pytest.mark.parametrize(("path", "value"), CHANGES)
def test_any_single_change_makes_another_proposal(path: str, value: Any) -> None:
    assert agreement(**{f"changes_proposal__{path}": value}).proposal_id != agreement().proposal_id


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("changes_proposal__components_studied__0__credit__0__value", " 06.00 "),
        ("changes_proposal__components_studied__0__term_id", {"term_number": "+1", "total_terms": "02"}),
        ("changes_proposal__id", "whatever"),
        ("student__email", "other@north.example"),
        ("sending_hei__ounit_name", "Elsewhere"),
    ],
)
def test_another_notation_and_what_is_not_proposed_leave_it_the_same(path: str, value: Any) -> None:
    assert agreement(**{path: value}).proposal_id == agreement().proposal_id


@moderate
@whatever(proposals)
def test_a_proposal_and_what_becomes_of_it_are_known_by_the_same_tables_and_signatures(data: Any) -> None:
    proposed = proposal(data)
    signed = proposed.signed(SIGNATURE)
    assert signed.receiving_hei_signature == SIGNATURE
    assert signed.fingerprint() == proposed.fingerprint() == proposal_of(signed).fingerprint()
    assert proposal_of(signed).id == proposed.model_copy(update={"student": None}).computed_id()


def test_a_partners_own_id_of_a_proposal_stays_as_it_is() -> None:
    sent = agreement().encoded().replace(str(agreement().proposal_id).encode(), b"their own")
    record = LearningAgreement.from_tree(etree.fromstring(sent))
    assert record.proposal_id == "their own"
    assert b'id="their own"' in record.encoded()


def test_a_table_is_a_plain_list_in_json_and_may_be_empty_or_left_out() -> None:
    record = agreement(changes_proposal__components_recognized=[], changes_proposal__virtual_components=None)
    shown = record.to_json()["changes_proposal"]
    assert shown["components_studied"][0]["title"] == "Logic for computer scientists"
    assert shown["components_recognized"] == []
    assert "virtual_components" not in shown
    assert b"<components-recognized/>" in record.encoded()
    assert b"virtual-components" not in record.encoded()


def test_a_fault_inside_a_table_is_named_by_its_place() -> None:
    data = given(changes_proposal__components_studied__1__titel="?", start_year_month="2026-13")
    with pytest.raises(ValidationError) as caught:
        LearningAgreement.model_validate(data, extra="forbid")
    found = {problem.path: problem.message for problem in from_validation(caught.value, LearningAgreement, "s")}
    assert found == {
        "changes_proposal.components_studied.1.titel": "is not a known field; did you mean 'title'?",
        "start_year_month": "must be a month such as 2026-09",
    }
    fields = {field.name: field for field in shape.fields(Proposal)}
    assert fields["components_studied"].repeated
    assert not fields["student_signature"].repeated


@pytest.mark.parametrize(
    "changes",
    [
        {"start_year_month": None},
        {"start_date": "2026-09-01"},
        {"end_date": "2026-09-01"},
        {"changes_proposal__student_signature__timestamp": "2026-05-11"},
        {"changes_proposal__student_signature__timestamp": "2026-05-11T24:00:01Z"},
        {"changes_proposal__student_signature__timestamp": "2026-02-29T10:00:00Z"},
        {"changes_proposal__components_studied__0__reason_code": "because"},
        {"changes_proposal__components_studied__0__los_id": "COURSE/1"},
        {"changes_proposal__components_studied__0__credit__0__value": "many"},
        {"eqf_level_studied_at_departure": 9},
    ],
)
def test_what_the_schema_cannot_have_is_not_read(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        agreement(**changes)


def test_codes_that_are_not_known_yet_count_as_not_given() -> None:
    sent = etree.fromstring(agreement(CHANGED).encoded())
    before = etree.tostring(sent)
    component = sent.find(f".//{{{NAMESPACE}}}approved-changes//{{{NAMESPACE}}}component")
    assert component is not None
    component.set("reason-code", "invented-next-year")
    etree.SubElement(component, f"{{{NAMESPACE}}}los-id").text = "XYZ/1"
    component.insert(0, component[-1])
    read_from = understood(sent)
    assert component.get("reason-code") == "invented-next-year"
    assert Schemas().faults(etree.fromstring(response(etree.tostring(read_from)))) == []
    record = LearningAgreement.from_tree(sent)
    assert record.approved_changes is not None
    assert record.approved_changes.components_studied is not None
    assert record.approved_changes.components_studied[0].reason_code is None
    assert record.approved_changes.components_studied[0].los_id is None
    known = etree.fromstring(before)
    assert understood(known) is known


def test_who_and_when_an_agreement_concerns() -> None:
    record = agreement()
    assert record.record_id() == "2026-301"
    assert record.partners(OWNER) == {OTHER}
    assert record.partners(OTHER) == frozenset()
    assert record.academic_years() == {"2026/2027"}
    assert (record.first_day, record.last_day) == ("2026-09", "2027-01")
    assert (agreement(BLENDED).first_day, agreement(BLENDED).last_day) == ("2027-03-01", "2027-03-12")


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        (SEMESTER, {}, (MobilityType.SEMESTER, False)),
        (SEMESTER, {"changes_proposal__virtual_components": []}, (MobilityType.SEMESTER, False)),
        (CHANGED, {}, (MobilityType.SEMESTER, True)),
        (CHANGED, {"changes_proposal__virtual_components__0__status": "deleted"}, (MobilityType.SEMESTER, False)),
        (BLENDED, {}, (MobilityType.BLENDED, True)),
        (DOCTORAL, {}, (MobilityType.DOCTORAL, True)),
        (
            DOCTORAL,
            {"changes_proposal__short_term_doctoral_components__1__short_description": " "},
            (MobilityType.DOCTORAL, False),
        ),
    ],
)
def test_the_kind_of_stay_and_the_virtual_component_follow_from_the_tables(
    kind: str, changes: dict[str, Any], expected: tuple[MobilityType, bool]
) -> None:
    record = agreement(kind, **changes)
    assert record.changes_proposal is not None
    assert (record.mobility_type, record.changes_proposal.virtual) == expected


def test_an_agreement_of_which_nothing_is_signed_is_not_listed() -> None:
    assert agreement().listed
    assert agreement(CHANGED, changes_proposal=None).listed
    assert not agreement(changes_proposal=None).listed
    assert agreement(changes_proposal=None).proposal_id is None


def test_each_reason_of_the_schema_is_known_here(shared: Path) -> None:
    path = shared / "ewp-reference/xsd/ewp-specs-api-omobility-las-v1.2.0/endpoints/get-response.xsd"
    xs = "{http://www.w3.org/2001/XMLSchema}"
    codes = etree.parse(str(path)).find(f".//{xs}attribute[@name='reason-code']")
    assert codes is not None
    assert [code.get("value") for code in codes.iter(f"{xs}enumeration")] == list(REASONS)
