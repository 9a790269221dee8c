"""Nominations: what is read and written, and that a proposal's identifier follows the content."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pydantic import ValidationError

from ewpgw.documents.schemas import Schemas
from ewpgw.model.omobility import NAMESPACE, KnownOmobility, Omobility, Status
from ewpgw.model.omobility_examples import nomination as example

from .mobilities import known, nominated, nominations, omobilities, omobility, read
from .strategies import OTHER, OWNER
from .test_round_trips import meaning

moderate = settings(max_examples=40, deadline=None)
EXAMPLE = "ewp-reference/examples/ewp-specs-api-omobilities-endpoints-get-response-example.xml"


def response(*fragments: bytes) -> bytes:
    return b'<omobilities-get-response xmlns="%s">%s</omobilities-get-response>' % (
        NAMESPACE.encode(),
        b"".join(fragments),
    )


def test_the_published_example_keeps_its_content(shared: Path) -> None:
    (element,) = etree.parse(str(shared / EXAMPLE)).getroot()
    record = Omobility.from_tree(element)
    assert meaning(etree.fromstring(record.encoded())) == meaning(element)
    assert record.proposal_id == "AE61266750D019063512516C7EE01968012C81F25A89"
    assert record.standing is Status.APPROVED


def test_whatever_the_published_schema_allows_is_read_and_written_again(
    published: Any, tools: Callable[[str], Any]
) -> None:
    sampler = tools("sample_documents").Sampler(published, NAMESPACE)
    elements = [element for document in sampler.valid(10, seed=5) for element in document]
    assert elements
    for element in elements:
        fragment = Omobility.from_tree(element).encoded()
        document = etree.fromstring(response(fragment))
        assert published.for_document(document).validate(document)
        assert meaning(document[0]) == meaning(element)


def test_what_we_accept_as_json_obeys_the_published_schema_and_ours(
    assert_published_schema_accepts: Callable[[bytes], None],
) -> None:
    schemas = Schemas()

    @moderate
    @given(st.lists(omobilities, max_size=2))
    def judged(given_records: list[Any]) -> None:
        document = response(*(read(data).encoded() for data in given_records))
        assert_published_schema_accepts(document)
        assert schemas.faults(etree.fromstring(document)) == []

    judged()


@moderate
@given(omobilities)
def test_a_nomination_survives_its_own_json_and_xml(data: Any) -> None:
    record = read(data)
    assert Omobility.model_validate(record.to_json(), extra="forbid") == record
    sent = Omobility.from_tree(etree.fromstring(record.encoded()))
    assert sent == record.model_copy(update={"further": None, "status": record.standing.value})
    assert KnownOmobility.model_validate(record.to_json()).to_json() == record.to_json()


@moderate
@given(nominations)
def test_the_same_content_in_another_notation_is_the_same_proposal(nomination: Any) -> None:
    here = read(nominated(nomination=nomination))
    number = int(str(nomination["eqf_level_studied_at_departure"]))
    there = read(nominated(nomination={**nomination, "eqf_level_studied_at_departure": f" +0{number}\n"}))
    assert there.proposal_id == here.proposal_id
    reordered = dict(reversed(nomination.items()))
    assert read(nominated(nomination=reordered)).proposal_id == here.proposal_id


@moderate
@given(nominations)
def test_a_proposal_survives_the_way_through_xml(nomination: Any) -> None:
    record = read(nominated(nomination=nomination))
    sent = Omobility.from_tree(etree.fromstring(record.encoded()))
    assert sent.nomination.computed_proposal_id() == record.proposal_id


@moderate
@given(nominations, nominations)
def test_two_proposals_are_the_same_exactly_where_their_content_is(one: Any, other: Any) -> None:
    same = _content(one) == _content(other)
    here, there = read(nominated(nomination=one)), read(nominated(nomination=other))
    assert (here.proposal_id == there.proposal_id) == same


def _content(nomination: Any) -> Any:
    return {**nomination, "eqf_level_studied_at_departure": int(str(nomination["eqf_level_studied_at_departure"]))}


@moderate
@given(nominations, st.data())
def test_any_single_change_of_the_content_makes_another_proposal(nomination: Any, data: st.DataObject) -> None:
    changed: Any = deepcopy(nomination)
    field = data.draw(st.sampled_from([*sorted(nomination), "added"]))
    if field in ("sending_hei", "receiving_hei"):
        changed[field]["iia_id"] = changed[field].get("iia_id", "")[:63] + "x"
        if changed == nomination:
            changed[field]["iia_id"] = "y"
    elif field == "comment" or (field == "added" and "comment" not in nomination):
        changed["comment"] = nomination.get("comment", "") + " "
    elif field == "added":
        del changed["comment"]
    elif field in ("sending_academic_term_ewp_id", "non_standard_mobility_period"):
        del changed[field]
        changed["sending_academic_term_ewp_id"] = "2031/2032-1/2"
    else:
        values = {
            "receiving_academic_year_id": "2031/2032",
            "activity_attributes": {"long-term": "short-term-blended"}.get(
                nomination["activity_attributes"], "long-term"
            ),
            "eqf_level_studied_at_departure": int(str(nomination["eqf_level_studied_at_departure"])) % 8 + 1,
            "agreement_isced_f_code": str((int(nomination["agreement_isced_f_code"]) + 1) % 10_000).zfill(4),
            "nominee_isced_f_code": str((int(nomination["nominee_isced_f_code"]) + 1) % 10_000).zfill(4),
        }
        if field not in values:  # activity_type has one value only
            return
        changed[field] = values[field]
    before, after = read(nominated(nomination=nomination)), read(nominated(nomination=changed))
    assert after.proposal_id != before.proposal_id


def test_an_empty_comment_is_another_proposal_than_none() -> None:
    assert omobility(nomination__comment="").proposal_id != omobility(nomination__comment=None).proposal_id


def test_data_of_the_student_and_further_details_are_no_part_of_the_proposal() -> None:
    here = omobility()
    there = omobility(student__email="new@north.example", further=None, status="cancelled", omobility_id="other")
    assert there.proposal_id == here.proposal_id


def test_a_proposal_given_for_a_nomination_of_ours_is_replaced() -> None:
    given_one = omobility(nomination__proposal_id="of their own making")
    assert given_one.proposal_id == omobility().proposal_id
    assert known(nomination__proposal_id="the partner's").proposal_id == "the partner's"


def test_further_details_are_not_sent_in_version_3() -> None:
    record = omobility()
    assert record.further is not None
    assert record.encoded() == omobility(further=None).encoded()
    assert b"further" not in record.encoded()
    assert record.encoded().count(b"xmlns") == 1


def test_xml_from_a_sis_may_have_the_further_details() -> None:
    record = omobility(further__recognized=True)
    assert Omobility.from_tree(record.to_tree()) == record


@pytest.mark.parametrize(("given_flag", "there"), [("true", True), (1, True), ("false", False), ("0", False)])
def test_a_period_outside_of_all_terms_may_be_said_as_a_table_would(given_flag: object, there: bool) -> None:
    term = None if there else "2026/2027-1/2"
    record = omobility(
        nomination__sending_academic_term_ewp_id=term, nomination__non_standard_mobility_period=given_flag
    )
    assert (record.nomination.non_standard_mobility_period is not None) == there


def test_a_nomination_without_a_status_is_sent_as_pending() -> None:
    record = omobility(status=None)
    assert record.status is None
    assert etree.fromstring(record.encoded()).findtext("{*}status") == "pending"


def test_a_period_outside_of_all_terms_is_true_in_json_and_an_empty_element_in_xml() -> None:
    record = omobility(nomination__sending_academic_term_ewp_id=None, nomination__non_standard_mobility_period=True)
    assert record.to_json()["nomination"]["non_standard_mobility_period"] is True
    element = etree.fromstring(record.encoded()).find(".//{*}non-standard-mobility-period")
    assert element is not None
    assert len(element) == 0
    assert not element.text
    assert omobility(nomination__non_standard_mobility_period=False) == omobility()


def test_a_period_element_that_holds_something_counts_as_empty() -> None:
    tree = etree.fromstring(
        omobility(
            nomination__sending_academic_term_ewp_id=None, nomination__non_standard_mobility_period=True
        ).encoded()
    )
    element = tree.find(".//{*}non-standard-mobility-period")
    assert element is not None
    etree.SubElement(element, "weeks").text = "7"
    element.set("from", "July")
    assert Omobility.from_tree(tree).nomination.non_standard_mobility_period is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"nomination__sending_academic_term_ewp_id": None},
        {"nomination__non_standard_mobility_period": True},
        {"nomination__non_standard_mobility_period": "yes"},
        {"nomination__agreement_isced_f_code": None},
        {"nomination__agreement_isced_f_code": "061"},
        {"nomination__nominee_isced_f_code": "61"},
        {"nomination__activity_type": "student-traineeships"},
        {"nomination__activity_attributes": "medium-term"},
        {"nomination__eqf_level_studied_at_departure": 9},
        {"nomination__sending_academic_term_ewp_id": "2026/2027"},
        {"student__birth_date": None},
        {"student__email": None},
        {"student__nationality": "Finland"},
        {"student__family_name": []},
        {"status": "live"},
        {"omobility_id": "with space"},
        {"further__additional_requirement": [{"name": "Letter"}]},
        {"further__additional_requirement": [{"name": "Letter", "file": "1", "url": "https://a.example/b"}]},
        {"further__photo_url": ["http://insecure.example/photo.jpg"]},
    ],
)
def test_what_version_3_does_not_allow_is_no_nomination_of_ours(changes: Any) -> None:
    with pytest.raises(ValidationError):
        omobility(**changes)


def test_of_a_partners_nomination_less_may_be_known() -> None:
    record = known(
        nomination__agreement_isced_f_code=None,
        nomination__nominee_isced_f_code="61",
        nomination__activity_type="student-traineeships",
        nomination__eqf_level_studied_at_departure=None,
        student__birth_date=None,
        student__gender=None,
    )
    assert record.proposal_id == record.nomination.computed_proposal_id()


def test_only_the_receiving_institution_sees_a_nomination() -> None:
    record = omobility()
    assert record.partners(OWNER) == {OTHER}
    assert record.academic_years() == {"2026/2027"}
    assert record.record_id() == "2026-301"


def test_files_of_requirements_are_found_by_their_paths() -> None:
    letters = [{"name": "Letter", "url": "https://a.example/b"}, {"name": "Portfolio", "file": "f-7"}]
    record = omobility(further__additional_requirement=letters)
    assert record.files() == {"further.additional_requirement.1.file": "f-7"}


def test_the_example_has_every_field_that_can_be_filled_in() -> None:
    data: Any = example(OWNER, OTHER)
    record = read(data)
    assert record.further is not None
    left_out = {"recognized"}
    assert {name for name, value in record.further.__dict__.items() if value in (None, [])} == left_out
    assert {name for name, value in record.nomination.__dict__.items() if value is None} == {
        "non_standard_mobility_period"
    }
