"""Records keep their content on the way through JSON and XML, and what is encoded obeys the published schemas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia_hash import iia_hash, of_response, text_to_hash

from .checking import accepted
from .strategies import OWNER, courses, factsheets, iias, institutions, organizational_units

EXAMPLES = {
    "institutions": "ewp-specs-api-institutions-response-example.xml",
    "organizational-units": "ewp-specs-api-ounits-response-example.xml",
    "iias": "ewp-specs-api-iias-endpoints-get-response-example.xml",
    "factsheet": "ewp-specs-api-factsheet-response-example.xml",
    "omobilities": "ewp-specs-api-omobilities-endpoints-get-response-example.xml",
    "imobilities": "ewp-specs-api-imobilities-endpoints-get-response-example.xml",
    "courses": "ewp-specs-api-courses-response-example.xml",
    "omobility-las": "ewp-specs-api-omobility-las-examples-get-response-example.xml",
}
RECORDS = {
    "institutions": institutions,
    "organizational-units": organizational_units,
    "iias": iias,
    "factsheet": factsheets,
    "courses": courses,
}
WRITTEN_ANEW = [name for name in ENTITIES if name != "imobility-tors"]
"""A partner's transcript is kept as it came and never written anew; ``test_transcript`` has what holds for those."""
# Above all the encoding of random agreements is slow enough to make hypothesis fear for its deadline on a busy machine.
moderate = settings(max_examples=40, deadline=None)


def meaning(element: etree._Element) -> tuple[Any, ...]:
    """An element without what may differ: comments, blanks between elements, notation of booleans, the hash."""
    name = etree.QName(element).localname
    children = [meaning(child) for child in element.iterchildren("{*}*") if child.tag.rpartition("}")[2] != "iia-hash"]
    attributes = {key: flag(value, key) for key, value in element.attrib.items()}
    return element.tag, attributes, None if children else flag("".join(map(str, element.itertext())), name), children


def flag(text: Any, name: Any) -> str:
    if name in ("blended", "in-effect", "not-yet-defined", "terminated-as-a-whole"):
        return "true" if text in ("true", "1") else "false"
    return str(text)


@pytest.mark.parametrize("name", WRITTEN_ANEW)
def test_published_examples_keep_their_content(name: str, shared: Path) -> None:
    entity = ENTITIES[name]
    response = etree.parse(str(shared / "ewp-reference/examples" / EXAMPLES[name])).getroot()
    elements = list(response.iterchildren(f"{{{entity.newest.namespace}}}{entity.newest.element}"))
    assert elements
    for element in elements:
        record = entity.newest.decode(element)
        (again,) = etree.fromstring(entity.newest.wrap([entity.newest.encode(record).fragment]))
        expected, encoded = meaning(element), meaning(again)
        assert blanks_aside(encoded) == blanks_aside(expected)


def blanks_aside(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """An address with nothing but a comment in it holds blanks, which are no content of an element with children."""
    tag, attributes, text, children = found
    return tag, attributes, (text or "").strip() or None, [blanks_aside(child) for child in children]


def test_the_published_agreement_keeps_its_hash(shared: Path) -> None:
    entity = ENTITIES["iias"]
    element = list(etree.parse(str(shared / "ewp-reference/examples" / EXAMPLES["iias"])).getroot())[0:2][-1]
    published = "e950faa83a799cf45839e7915db88ed51575babe7845c1219dfde54ce30a61e4"
    (served,) = of_response(
        etree.fromstring(entity.newest.wrap([entity.newest.encode(entity.newest.decode(element)).fragment]))
    )
    assert served.iia_hash == published
    assert served.element.findtext("{*}iia-hash") == published


@pytest.mark.parametrize("name", WRITTEN_ANEW)
def test_whatever_the_published_schema_allows_is_read_and_written_again(
    name: str, published: Any, tools: Callable[[str], Any]
) -> None:
    entity = ENTITIES[name]
    sampler = tools("sample_documents").Sampler(published, entity.newest.namespace)
    elements = [element for document in sampler.valid(10, seed=5) for element in document]
    assert elements
    for element in elements:
        fragment = entity.newest.encode(entity.newest.decode(element)).fragment
        (again,) = document = etree.fromstring(entity.newest.wrap([fragment]))
        assert published.for_document(document).validate(document)
        assert meaning(again) == meaning(element)


@pytest.mark.parametrize("name", RECORDS)
def test_what_we_accept_as_json_obeys_the_published_schema(
    name: str, assert_published_schema_accepts: Callable[[bytes], None]
) -> None:
    entity = ENTITIES[name]

    @moderate
    @given(st.lists(RECORDS[name], max_size=2))
    def judged(given_records: list[Any]) -> None:
        fragments = [entity.newest.encode(accepted(name, data)).fragment for data in given_records]
        assert_published_schema_accepts(entity.newest.wrap(fragments))

    judged()


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_survives_its_own_json_and_xml(name: str) -> None:
    entity = ENTITIES[name]

    @moderate
    @given(RECORDS[name])
    def survives(data: Any) -> None:
        record = accepted(name, data)
        assert accepted(name, record.to_json()) == record
        fragment = entity.newest.encode(record).fragment
        assert entity.newest.decode(etree.fromstring(fragment)) == record
        by_xml = entity.from_xml(OWNER, etree.fromstring(fragment))
        assert not by_xml.refused
        assert by_xml.record == record
        assert entity.newest.encode(record).fragment == fragment

    survives()


@moderate
@given(iias)
def test_the_encoded_hash_is_the_one_a_receiver_computes(data: Any) -> None:
    entity = ENTITIES["iias"]
    record = accepted("iias", data)
    (received,) = of_response(etree.fromstring(entity.newest.wrap([entity.newest.encode(record).fragment])))
    assert received.element.findtext("{*}iia-hash") == received.iia_hash
    assert received.iia_hash == iia_hash(text_to_hash(etree.fromstring(entity.newest.encode(record).fragment)))
    assert record.to_json()["iia_hash"] == received.iia_hash
