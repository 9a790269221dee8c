"""ELMO documents as such: hostile ones, other versions, and identifiers that are added."""

from __future__ import annotations

from base64 import b64encode

import pytest
from lxml import etree

from ewpgw.documents.schemas import default
from ewpgw.model import elmo, elmo_reading, elmo_writing, transcript_tor
from ewpgw.model.elmo_completion import Known, completed
from ewpgw.model.elmo_versions import converted

from .strategies import OTHER, OWNER
from .transcripts import example, handed_in, said

NS = elmo.NAMESPACES
ESI = f"urn:schac:personalUniqueCode:int:esi:{OTHER}:88123"
KNOWN = Known(OWNER, ESI, "2004-03-17")


def written(version: int) -> str:
    return elmo_writing.written(example(), version).text


def bomb() -> str:
    rows = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    return f'<!DOCTYPE elmo [<!ENTITY a0 "x">{rows}]><elmo xmlns="{NS[2]}">&a11;</elmo>'


HOSTILE = {
    "not well-formed": "<elmo",
    "no ELMO": "<elmo/>",
    "of a version that is not known": '<elmo xmlns="https://github.com/emrex-eu/elmo-schemas/tree/v3"/>',
    "an external entity": f'<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hosts">]><elmo xmlns="{NS[2]}">&x;</elmo>',
    "entities of entities": bomb(),
    "deeply nested": f'<elmo xmlns="{NS[2]}">' + "<a>" * 150 + "</a>" * 150 + "</elmo>",
    "nested beyond the parser": f'<elmo xmlns="{NS[2]}">' + "<a>" * 100_000 + "</a>" * 100_000 + "</elmo>",
    "a single text of 11 million characters": f'<elmo xmlns="{NS[2]}">{"a" * 11_000_000}</elmo>',
    "half a character": f'<elmo xmlns="{NS[2]}">\ud800</elmo>',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_could_harm_is_refused_in_words(text: str) -> None:
    with pytest.raises(elmo.BadElmo) as caught:
        elmo.parse(text)
    assert caught.value.words
    assert len(str(caught.value)) < 500


def test_a_document_of_50_mebibytes_is_refused_before_it_is_parsed() -> None:
    data = b64encode(bytes(50 * 2**20)).decode()
    with pytest.raises(elmo.BadElmo, match="at most 1000 are accepted"):
        elmo.parse(f'<elmo xmlns="{NS[2]}">{data}</elmo>', max_bytes=1000)
    with pytest.raises(elmo.BadElmo, match="bytes; at most"):
        elmo.parse(f'<elmo xmlns="{NS[2]}">{data}</elmo>')


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<a/>" * 401, "has about 403 tags, which is more than 100 elements need"),
        ("<a" + "".join(f' b{number}=""' for number in range(400)) + "/>", "has about 401 attributes"),
        ("<!---->" * 401, "403 tags"),
        ("<![CDATA[" + "<" * 401 + "]]>", "tags"),
    ],
)
def test_what_is_crowded_is_refused_before_anything_is_built_of_it(inside: str, words: str) -> None:
    text = f'<elmo xmlns="{NS[2]}">{inside}</elmo>'
    with pytest.raises(elmo.BadElmo, match=words):
        elmo.parse(text, most_elements=100)
    assert elmo.parse(text, most_elements=1000).version == 2


@pytest.mark.parametrize(
    ("encoding", "read"),
    [
        ("UTF-8", True),
        ("utf-16", True),
        ("ISO-8859-15", True),
        ("windows-1252", True),
        ("UTF-7", False),
        ("cp037", False),
    ],
)
def test_what_cannot_be_counted_is_not_read(encoding: str, read: bool) -> None:
    document = f'<?xml version="1.0" encoding="{encoding}"?><elmo/>'.encode("ascii")
    assert (elmo.crowded(document, 100) is None) is read


@pytest.mark.parametrize("version", [3, 2])
def test_what_the_settings_allow_beyond_the_usual_limits_goes_out(version: int) -> None:
    long = "<extension><a>" + "b" * 9_000_000 + "</a></extension>"
    text = written(2).replace("</elmo>", f"{long}{long}</elmo>")
    assert len(text) > elmo.LARGEST
    record = handed_in(text)
    assert "elmo" in {path for _, path in said(record)}
    assert "elmo" not in {path for _, path in said(record, largest_elmo=2 * elmo.LARGEST)}
    assert len(transcript_tor.encode(record, version).fragment) > elmo.LARGEST


def test_parts_of_parts_are_read_to_a_bounded_depth_and_the_rest_is_named() -> None:
    los, end = (
        "<learningOpportunitySpecification><title>a</title><hasPart>",
        "</hasPart></learningOpportunitySpecification>",
    )
    root = elmo.parse(f'<elmo xmlns="{NS[1]}"><report>{los * 40}{end * 40}</report></elmo>').root
    (unplaced,) = elmo_reading.read(root).unplaced
    assert unplaced.count("hasPart") == 21


def test_thousands_of_unknown_elements_are_not_all_named() -> None:
    reading = elmo_reading.read(elmo.parse(f'<elmo xmlns="{NS[2]}">{"<a/>" * 5000}</elmo>').root)
    assert len(reading.unplaced) == 51


def test_a_value_that_the_record_does_not_take_is_named_and_does_not_harm_the_others() -> None:
    text = written(2).replace(">PT</citizenship>", ">https://example.eu/country/PRT</citizenship>", 1)
    reading = elmo_reading.read(elmo.parse(text).root)
    assert reading.unplaced == ("learner/citizenship",)
    assert isinstance(reading.fields["student"], dict)
    assert reading.fields["student"]["family_name"] == "Silva"


def test_version_1_becomes_a_valid_version_2_that_says_the_same() -> None:
    old = elmo.parse(written(1))
    new = converted(old.root, 2)
    assert default().faults(etree.fromstring(new.text)) == []
    assert elmo_reading.read(new.root).fields == elmo_reading.read(old.root).fields
    assert new.unsaid == ()


def test_version_2_becomes_a_valid_version_1_and_what_is_lost_is_named() -> None:
    text = written(2).replace("<status>passed</status>", "<duration>P5M</duration><status>passed</status>", 1)
    old = converted(elmo.parse(text).root, 1)
    assert default().faults(etree.fromstring(old.text)) == []
    assert {problem.path for problem in old.unsaid} == {
        "elmo.learner.alternativeName",
        "elmo.learner.countryOfBirth",
        "elmo.learningOpportunityInstance.duration",
    }


def test_the_level_of_credits_becomes_a_level_of_the_course() -> None:
    text = written(1).replace("<scheme>ects</scheme>", "<scheme>ects</scheme><level>Master</level>")
    text = text.replace("<type>EQF</type>", "<type>NQF</type>")
    new = converted(elmo.parse(text).root, 2)
    assert default().faults(etree.fromstring(new.text)) == []
    levels = [(one.findtext("{*}type"), one.findtext("{*}value")) for one in new.root.iter("{*}level")]
    assert ("EQF", "7") in levels


def test_a_signature_is_left_out_of_another_version_with_a_warning() -> None:
    signed = written(1).replace("</elmo>", '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></elmo>')
    other = converted(elmo.parse(signed).root, 2)
    assert [problem.path for problem in other.unsaid] == ["elmo.Signature"]
    assert "Signature" not in other.text


def test_a_document_that_lacks_nothing_stays_as_it_is_to_the_letter() -> None:
    document = elmo.parse(written(2))
    assert completed(document, Known()).document is document


def without_identifiers(version: int) -> str:
    root = etree.fromstring(written(version))
    for found in list(root.iter("{*}identifier")):
        parent = found.getparent()
        if found.get("type") in ("esi", "schac", "ewp-los-id", "ewp-loi-id") and parent is not None:
            parent.remove(found)
    for name in ("dateOfBirth", "bday"):
        for born in list(root.iter(f"{{*}}{name}")):
            parent = born.getparent()
            assert parent is not None
            parent.remove(born)
    lab = next(los for los in root.iter("{*}learningOpportunitySpecification") if los.findtext("{*}type") == "Class")
    local = etree.Element(f"{{{NS[version]}}}identifier", type="local")
    local.text = "CS-201-L"
    lab.insert(0, local)
    return elmo.text_of(root)


@pytest.mark.parametrize("version", [1, 2])
def test_missing_identifiers_are_added_where_they_are_known(version: int) -> None:
    found = completed(elmo.parse(without_identifiers(version)), KNOWN)
    assert {problem.severity for problem in found.problems} == {"warning"}
    root = found.document.root
    assert default().faults(root) == []
    sorts = {str(one.get("type")): one.text for one in root.iter("{*}identifier")}
    assert (sorts["esi"], sorts["schac"]) == (ESI, OWNER)
    ids = [one.text for one in root.iter("{*}identifier") if one.get("type") in ("ewp-los-id", "ewp-loi-id")]
    assert ids == [
        "CR/CS-201",
        "CRI/CS-201:2026-09-01",
        "CLS/CS-201-L",
        "CLSI/CS-201-L:2026-09-01",
        "CR/MA-110",
        "CRI/MA-110:2026-09-01",
    ]


def test_what_is_not_known_is_refused_and_names_what_to_give() -> None:
    found = completed(elmo.parse(without_identifiers(2)), Known())
    refused = {problem.path for problem in found.problems if problem.severity == "refusal"}
    assert refused == {"elmo.learner.identifier", "elmo.learner.dateOfBirth", "elmo.report.0.issuer.identifier"}


def test_nothing_is_added_to_a_signed_document() -> None:
    signature = '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></elmo>'
    document = elmo.parse(without_identifiers(2).replace("</elmo>", signature))
    found = completed(document, KNOWN)
    assert found.document is document
    assert {problem.severity for problem in found.problems} == {"refusal"}
