"""Arrivals and departures, in both versions, and their rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from lxml import etree

from ewpgw.documents.schemas import Schemas
from ewpgw.model import imobility, imobility_v1
from ewpgw.model.imobility import ENVELOPE, Imobility
from ewpgw.model.imobility_rules import problems
from ewpgw.model.imobility_v1 import ImobilityV1, from_v1, to_v1
from ewpgw.model.omobility_examples import arrival

from .mobilities import imobilities, read_arrival
from .strategies import OTHER, OWNER
from .test_round_trips import meaning

moderate = settings(max_examples=40, deadline=None)
EXAMPLES = "ewp-reference/examples/ewp-specs-api-imobilities{}-endpoints-get-response-example.xml"


def response(namespace: str, *fragments: bytes) -> bytes:
    name = ENVELOPE.encode()
    return b'<%s xmlns="%s">%s</%s>' % (name, namespace.encode(), b"".join(fragments), name)


def said(**changes: Any) -> set[tuple[str, str]]:
    """Severity and path of each problem of the example with some fields changed; None takes a field away."""
    data = {**arrival(OWNER, OTHER), **changes}
    record = Imobility.model_validate({name: value for name, value in data.items() if value is not None})
    return {(problem.severity, problem.path) for problem in problems(OWNER, record)}


def test_the_published_examples_keep_their_content(shared: Path) -> None:
    (element,) = etree.parse(str(shared / EXAMPLES.format(""))).getroot()
    assert meaning(etree.fromstring(Imobility.from_tree(element).encoded())) == meaning(element)
    first = etree.parse(str(shared / EXAMPLES.format("-v1"))).getroot()
    assert len(first) == 4
    for told in first:
        record = from_v1(ImobilityV1.from_tree(told), OTHER)
        again = to_v1(record)
        assert meaning(etree.fromstring(again.record.encoded())) == meaning(told)
        assert again.problems == ()


@pytest.mark.parametrize(
    ("namespace", "model"), [(imobility.NAMESPACE, Imobility), (imobility_v1.NAMESPACE, ImobilityV1)]
)
def test_whatever_the_published_schema_allows_is_read_and_written_again(
    namespace: str, model: type[Imobility | ImobilityV1], published: Any, tools: Callable[[str], Any]
) -> None:
    sampler = tools("sample_documents").Sampler(published, namespace)
    elements = [element for document in sampler.valid(6, seed=2) for element in document]
    assert elements
    for element in elements:
        document = etree.fromstring(response(namespace, model.from_tree(element).encoded()))
        assert published.for_document(document).validate(document)
        assert meaning(document[0]) == meaning(element)


def test_what_we_accept_obeys_the_schemas_of_both_versions(
    assert_published_schema_accepts: Callable[[bytes], None],
) -> None:
    schemas = Schemas()

    @moderate
    @given(imobilities)
    def judged(data: Any) -> None:
        record = read_arrival(data)
        for namespace, fragment in (
            (imobility.NAMESPACE, record.encoded()),
            (imobility_v1.NAMESPACE, to_v1(record).record.encoded()),
        ):
            document = response(namespace, fragment)
            assert_published_schema_accepts(document)
            assert schemas.faults(etree.fromstring(document)) == []

    judged()


@moderate
@given(imobilities)
def test_nothing_is_lost_in_version_1(data: Any) -> None:
    record = read_arrival(data)
    back = from_v1(to_v1(record).record, record.sending_hei_id)
    assert back == record.model_copy(update={"status": record.status or "pending"})
    assert Imobility.model_validate(record.to_json(), extra="forbid") == record


def test_version_2_is_told_the_dates_alone() -> None:
    element = etree.fromstring(Imobility.model_validate(arrival(OWNER, OTHER)).encoded())
    assert [etree.QName(child).localname for child in element] == [
        "omobility-id",
        "actual-arrival-date",
        "actual-departure-date",
    ]


def test_xml_from_a_sis_may_have_what_is_not_sent() -> None:
    record = Imobility.model_validate(arrival(OWNER, OTHER))
    assert Imobility.from_tree(record.to_tree()) == record


def test_nominations_of_two_institutions_with_one_identifier_are_kept_apart() -> None:
    here, there = (Imobility(omobility_id="1", sending_hei_id=hei) for hei in ("a.example", "b.example"))
    assert here.record_id() != there.record_id()
    assert here.partners(OWNER) == {"a.example"}
    assert Imobility(omobility_id="1").partners(OWNER) == frozenset()


def test_a_rejection_without_a_comment_is_warned_of_in_version_1() -> None:
    record = Imobility(omobility_id="1", status="rejected", comment=" ")
    assert [problem.path for problem in to_v1(record).problems] == ["comment"]
    assert to_v1(record).record.status == "rejected"


def test_the_example_breaks_no_rule() -> None:
    assert said() == set()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sending_hei_id": None}, {("refusal", "sending_hei_id")}),
        ({"sending_hei_id": OWNER}, {("refusal", "sending_hei_id")}),
        ({"sending_hei_id": "two words"}, {("refusal", "sending_hei_id")}),
        ({"sending_hei_id": "a:b.example"}, {("refusal", "sending_hei_id")}),
        ({"sending_hei_id": "å.example"}, {("refusal", "sending_hei_id")}),
        ({"sending_hei_id": "x" * 256}, {("refusal", "sending_hei_id")}),
        ({"sending_hei_id": "x" * 255}, set()),
        ({"actual_departure_date": "2026-08-31"}, {("refusal", "actual_departure_date")}),
        ({"actual_departure_date": "2026-09-01"}, set()),
        ({"actual_departure_date": None}, set()),
        ({"actual_arrival_date": None}, {("warning", "actual_arrival_date")}),
        (
            {"status": "rejected", "comment": " ", "actual_departure_date": None},
            {("refusal", "comment"), ("warning", "actual_arrival_date")},
        ),
        (
            {"status": "rejected", "actual_arrival_date": None, "actual_departure_date": None},
            set(),
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_place(changes: Any, expected: Any) -> None:
    assert said(**changes) == expected
