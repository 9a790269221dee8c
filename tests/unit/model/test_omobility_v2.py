"""Nominations for partners with version 2, and theirs for us."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ewpgw.documents.schemas import Schemas
from ewpgw.model.omobility import Omobility, Status
from ewpgw.model.omobility_v2 import ENVELOPE, FROM_V2, NAMESPACE, TO_V2, OmobilityV2, decided, from_v2, to_v2, untold

from .mobilities import omobilities, omobility, read
from .test_round_trips import blanks_aside, meaning

moderate = settings(max_examples=40, deadline=None)
EXAMPLE = "ewp-reference/examples/ewp-specs-api-omobilities-v2-endpoints-get-response-example.xml"


def response(*fragments: bytes) -> bytes:
    name = ENVELOPE.encode()
    return b'<%s xmlns="%s">%s</%s>' % (name, NAMESPACE.encode(), b"".join(fragments), name)


def plain(element: etree._Element) -> Any:
    """Its meaning, the notation of flags aside."""
    for photo in element.iter(f"{{{NAMESPACE}}}photo-url"):
        if photo.get("public") in ("0", "1"):
            photo.set("public", "true" if photo.get("public") == "1" else "false")
    return blanks_aside(meaning(element))


def test_the_published_example_keeps_its_content_on_the_way_to_version_3_and_back(shared: Path) -> None:
    (element,) = etree.parse(str(shared / EXAMPLE)).getroot()
    told = OmobilityV2.from_tree(element)
    assert plain(etree.fromstring(told.encoded())) == plain(element)
    assert to_v2(from_v2(told)).record == told


def test_whatever_the_published_schema_allows_is_read_and_comes_back_from_version_3(
    published: Any, tools: Callable[[str], Any]
) -> None:
    sampler = tools("sample_documents").Sampler(published, NAMESPACE)
    elements = [element for document in sampler.valid(12, seed=3) for element in document]
    assert elements
    for element in elements:
        told = OmobilityV2.from_tree(element)
        again = to_v2(from_v2(told)).record
        document = etree.fromstring(response(again.encoded()))
        assert published.for_document(document).validate(document)
        assert plain(document[0]) == plain(element)


def test_what_we_tell_in_version_2_obeys_the_published_schema_and_ours(
    assert_published_schema_accepts: Callable[[bytes], None],
) -> None:
    schemas = Schemas()

    @moderate
    @given(st.lists(omobilities, max_size=2))
    def judged(given_records: list[Any]) -> None:
        document = response(*(to_v2(read(data)).record.encoded() for data in given_records))
        assert_published_schema_accepts(document)
        assert schemas.faults(etree.fromstring(document)) == []

    judged()


@moderate
@given(omobilities)
def test_what_is_lost_on_the_way_to_version_2_and_back_is_named(data: Any) -> None:
    record = read(data)
    told = to_v2(record)
    back = from_v2(told.record)
    named = {problem.path for problem in told.problems}
    assert all(problem.severity == "warning" for problem in told.problems)
    assert ("nomination.comment" in named) == (record.nomination.comment is not None)
    assert ("status" in named) == (record.standing is Status.REJECTED)
    assert back.nomination.agreement_isced_f_code is None
    assert "nomination.agreement_isced_f_code" in named
    assert ("student.nationality" in named) == (back.student.nationality != record.student.nationality)
    lost = {"agreement_isced_f_code": None, "comment": None, "proposal_id": None}
    assert back.nomination.__dict__ == {**record.nomination.__dict__, **lost} | {
        name: value
        for name, value in back.nomination.__dict__.items()
        if name in ("sending_hei", "receiving_hei", "non_standard_mobility_period")
    }
    assert to_v2(back).record == told.record


@pytest.mark.parametrize("status", Status)
def test_states_go_to_version_2_and_back(status: Status) -> None:
    told = to_v2(omobility(status=status.value)).record
    assert told.status == TO_V2[status]
    assert from_v2(told).standing is (Status.PENDING if status is Status.REJECTED else status)


def test_a_recognized_stay_is_approved_and_stays_recognized() -> None:
    told = to_v2(omobility(status="approved", further__recognized=True)).record
    assert told.status == "recognized"
    back = from_v2(told)
    assert back.standing is Status.APPROVED
    assert back.further is not None
    assert back.further.recognized is True
    assert to_v2(omobility(status="cancelled", further__recognized=True)).record.status == "cancelled"


@pytest.mark.parametrize("decision", [Status.PENDING, Status.APPROVED, Status.REJECTED])
def test_our_decision_counts_until_the_partner_has_gone_on(decision: Status) -> None:
    assert decided("nomination", decision) is decision
    for status in ("live", "recognized", "cancelled"):
        assert decided(status, decision) is FROM_V2[status]


def test_what_a_partner_with_version_2_does_not_tell_is_named() -> None:
    told = to_v2(omobility(further=None)).record
    student = told.student.model_copy(update={"birth_date": None, "email": None})
    scarce = told.model_copy(
        update={"student": student, "nominee_isced_f_code": "61", "activity_type": "student-traineeships"}
    )
    problems = list(untold(from_v2(scarce)))
    assert {problem.path for problem in problems} == {
        "nomination.agreement_isced_f_code",
        "student.birth_date",
        "student.email",
        "nomination.nominee_isced_f_code",
        "nomination.activity_type",
    }
    assert {problem.severity for problem in problems} == {"warning"}


def test_citizenship_is_told_where_it_is_another_than_the_nationality() -> None:
    assert to_v2(omobility(further__citizenship="SE")).record.student.citizenship == "SE"
    assert to_v2(omobility(further=None)).record.student.citizenship == "FI"


def test_a_nomination_as_version_2_tells_it_is_not_yet_one_of_version_3() -> None:
    back = from_v2(to_v2(omobility()).record)
    assert not isinstance(back, Omobility)
    assert back.proposal_id == back.nomination.computed_proposal_id()
