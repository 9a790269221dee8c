"""Transcripts of records: to the elements of both versions of the API, and back from those of anybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as on
from hypothesis import settings
from lxml import etree

from ewpgw.documents.schemas import default
from ewpgw.model import elmo, elmo_writing, transcript_tor
from ewpgw.model.problems import DecodeProblem
from ewpgw.model.transcript import Transcript
from ewpgw.model.transcript_received import received

from .strategies import OTHER, OWNER
from .transcripts import Json, example, given, handed_in, read, response, transcripts

moderate = settings(max_examples=30, deadline=None)
PUBLISHED = "ewp-reference/examples/ewp-specs-api-imobility-tors-endpoints-get-response-example.xml"
NOT_SENT = ("sending_hei_id", "ready_for_recognition", "version", "start_date", "end_date")


def element_of(record: Transcript, version: int) -> etree._Element:
    (element,) = etree.fromstring(response(transcript_tor.encode(record, version).fragment, version))
    return element


@pytest.mark.parametrize("version", [2, 3])
def test_the_example_is_valid_for_ours_and_the_published_schemas(
    version: int, assert_published_schema_accepts: Callable[[bytes], None]
) -> None:
    document = response(transcript_tor.encode(example(), version).fragment, version)
    assert default().faults(etree.fromstring(document)) == []
    assert_published_schema_accepts(document)


@moderate
@on(transcripts)
def test_whatever_a_record_says_version_3_says_and_is_read_as_the_same(data: Json) -> None:
    record = read(data)
    found = received(element_of(record, 3))
    assert found.unplaced == ()
    assert found.record == record


@moderate
@on(transcripts)
def test_both_versions_are_valid_whatever_a_record_says(data: Json) -> None:
    record = read(data)
    for version in (2, 3):
        document = etree.fromstring(response(transcript_tor.encode(record, version).fragment, version))
        assert default().faults(document) == []


@moderate
@on(transcripts)
def test_version_2_loses_nothing_but_what_it_warns_of(data: Json) -> None:
    record = read(data)
    encoded = transcript_tor.encode(record, 2)
    back = received(element_of(record, 2)).record
    lost = {problem.path for problem in encoded.unsaid}
    assert back.student is not None
    assert record.student is not None
    for field in type(record.student).model_fields:
        same = getattr(back.student, field) == getattr(record.student, field)
        assert same or f"student.{field}" in lost
    assert back.course == record.course
    assert back.attachment == record.attachment


def test_the_same_record_is_always_the_same_bytes() -> None:
    assert example().encoded() == read(given()).encoded()


def test_the_example_comes_back_but_for_what_is_not_sent() -> None:
    record = example()
    expected = {name: value for name, value in record.to_json().items() if name not in NOT_SENT}
    assert received(element_of(record, 3)).record.to_json() == expected


def test_identifiers_stand_where_the_specification_wants_them() -> None:
    root = element_of(example(course__0__los_id=None, course__0__loi_id=None), 3)
    of_type = {
        found.get("type"): found.text for found in root.iter("{*}identifier") if found.get("type") in ("esi", "schac")
    }
    assert of_type == {"esi": f"urn:schac:personalUniqueCode:int:esi:{OTHER}:88123", "schac": OWNER}
    first = next(root.iter("{*}learningOpportunitySpecification"))
    assert [(one.get("type"), one.text) for one in first.iterchildren("{*}identifier")][:2] == [
        ("ewp-los-id", "CR/CS-201"),
        ("local", "CS-201"),
    ]
    loi = next(first.iter("{*}learningOpportunityInstance"))
    assert loi.findtext("{*}identifier[@type='ewp-loi-id']") == "CRI/CS-201:2026-09-01"


def test_nobody_sees_a_transcript_before_it_is_ready_for_recognition() -> None:
    assert example(ready_for_recognition=False).partners(OWNER) == frozenset()
    assert example(ready_for_recognition=None).partners(OWNER) == frozenset()
    assert example().partners(OWNER) == {OTHER}


def test_two_partners_may_use_the_same_identifier() -> None:
    assert example().record_id() == f"{OTHER}:S-2026-88"
    assert example(sending_hei_id="west.example").record_id() != example().record_id()


def test_the_files_of_attachments_are_named_with_their_place() -> None:
    record = example(attachment__0__content=None, attachment__0__file="tor-88")
    assert record.files() == {"attachment.0.file": "tor-88"}
    assert [problem.path for problem in transcript_tor.encode(record, 3).unsaid] == ["attachment.0.file"]


def test_a_whole_elmo_is_served_to_the_letter() -> None:
    text = elmo_writing.written(example(), 2).text.replace("<report>", "<!-- kept -->\r\n  <report >")
    fragment = transcript_tor.encode(handed_in(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'), 3).fragment
    assert text.encode() in fragment
    assert default().faults(etree.fromstring(response(fragment, 3))) == []


@pytest.mark.parametrize("given_in", [1, 2])
def test_a_whole_elmo_of_either_version_is_valid_for_partners_with_both(given_in: int) -> None:
    record = handed_in(elmo_writing.written(example(), given_in).text)
    for version in (2, 3):
        fragment = transcript_tor.encode(record, version).fragment
        assert default().faults(etree.fromstring(response(fragment, version))) == []


def test_xml_from_a_system_keeps_its_elmo_and_says_whose_mobility_it_is() -> None:
    record = example()
    again = Transcript.from_tree(record.to_tree())
    assert again.elmo is not None
    assert (again.record_id(), again.partners(OWNER)) == (record.record_id(), frozenset({OTHER}))
    assert again.to_tree().tag == record.to_tree().tag


def test_the_published_example_keeps_its_content(shared: Path) -> None:
    (tor,) = etree.parse(str(shared / PUBLISHED)).getroot()
    found = received(tor)
    record = found.record
    assert record.record_id() == "b1ab0888-a5ce-45e8-8c51-e3c6f677b58f"
    assert record.student is not None
    assert (record.student.family_name, record.student.birth_date) == ("Kowalski", "1983-01-01")
    (course,) = record.course
    assert course.title[0].value == "The importance of <br> in HTML"
    assert (course.grade, course.isced_code) == ("C", "0612")
    assert course.result_distribution is not None
    assert [(one.label, one.count) for one in course.result_distribution.category][3] == ("C", "135")
    assert record.grade_conversion_table[0].grade_frequency[1].percentage == "24.7"
    assert record.attachment[0].type == "Transcript of Records"
    assert found.unplaced == ("Signature",)
    assert "xmldsig" in found.elmo
    assert elmo.parse(found.elmo).signed


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")  # the sampler's, about XSD's own patterns
@pytest.mark.parametrize("version", [2, 3])
def test_whatever_the_published_schema_allows_is_read_and_what_has_no_place_is_named(
    version: int, published: Any, tools: Callable[[str], Any]
) -> None:
    sampler = tools("sample_documents").Sampler(published, transcript_tor.NAMESPACES[version])
    tors = [tor for document in sampler.valid(2, seed=3) for tor in document]
    assert tors
    for tor in tors:
        found = received(tor)
        again = received(element_of(found.record.model_copy(update={"receiving_academic_year_id": "2026/2027"}), 3))
        if not found.unplaced:
            kept = [course.title for course in found.record.courses()]
            assert [course.title for course in again.record.courses()] == kept


def test_unknown_elements_of_a_partner_are_passed_over_and_named() -> None:
    tor = element_of(example(), 3)
    report = next(tor.iter("{*}report"))
    etree.SubElement(report, f"{{{elmo.NAMESPACES[2]}}}mood", colour="blue").text = "good"
    found = received(tor)
    assert found.unplaced == ("report/mood",)
    assert found.record.course == example().course


def test_of_several_reports_the_first_is_read_and_the_others_are_named() -> None:
    tor = element_of(example(), 3)
    report = next(tor.iter("{*}report"))
    report.addnext(etree.fromstring(etree.tostring(report, with_tail=False)))
    assert received(tor).unplaced == ("report[2]",)


def test_a_transcript_without_elmo_cannot_be_decoded() -> None:
    tor = element_of(example(), 3)
    tor.remove(elmo.inside(tor))
    with pytest.raises(DecodeProblem, match="elmo: is missing"):
        received(tor)
