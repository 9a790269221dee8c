"""Records are written as pydantic-xml and lxml would write them, byte by byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from lxml import etree
from pydantic_core import to_jsonable_python
from pydantic_xml.element.native.lxml import XmlElement

from ewpgw.model.base import XmlRecord
from ewpgw.model.entities import ENTITIES
from ewpgw.model.writing import to_xml

from .checking import accepted, accepted_iia
from .test_round_trips import RECORDS

few = settings(max_examples=50, deadline=None)


def by_the_libraries(record: XmlRecord) -> bytes:
    """The record as pydantic-xml makes it, element by element."""
    serializer = type(record).__xml_serializer__
    assert serializer is not None
    written = XmlElement(serializer.element_name)
    serializer.serialize(written, record, to_jsonable_python(record), exclude_none=True)
    declared: Any = {
        prefix or None: uri for prefix, uri in (type(record).__xml_nsmap__ or {}).items() if prefix != "xml"
    }
    root = etree.Element(written.tag, nsmap=declared)
    fill(root, written)
    etree.cleanup_namespaces(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=False)


def fill(target: etree._Element, written: Any) -> None:
    state = written._state
    target.text = state.text
    for name, value in (state.attrib or {}).items():
        target.set(name, value)
    for child in state.elements:
        fill(etree.SubElement(target, child.tag), child)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_written_as_the_libraries_write_it(name: str) -> None:
    @few
    @given(RECORDS[name])
    def same(data: Any) -> None:
        record = accepted(name, data)
        assert to_xml(record) == by_the_libraries(record)

    same()


@pytest.mark.parametrize("name", RECORDS)
def test_the_json_text_of_a_record_is_its_json_written_compactly(name: str) -> None:
    @few
    @given(RECORDS[name])
    def same(data: Any) -> None:
        record = accepted(name, data)
        assert record.json_text() == json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":"))

    same()


def test_a_changed_copy_of_a_completed_agreement_is_encoded_with_a_hash_of_its_own(iia_json: dict[str, Any]) -> None:
    record = accepted_iia(iia_json)
    encode = ENTITIES["iias"].newest.encode
    first = encode(record).fragment
    changed = record.model_copy(
        update={"partner": [record.partner[0], record.partner[1].model_copy(update={"iia_id": "S1"})]}
    )
    second = encode(changed).fragment
    assert b"S1" in second
    assert etree.fromstring(second).findtext("{*}iia-hash") != etree.fromstring(first).findtext("{*}iia-hash")
    assert second == encode(changed.completed()).fragment == encode(accepted_iia(changed.to_json())).fragment
    assert encode(record).fragment == first


def test_a_value_that_is_neither_text_nor_flag_is_not_written(iia_json: dict[str, Any]) -> None:
    record = accepted_iia(iia_json)
    with pytest.raises(TypeError, match="int"):
        to_xml(record, pdf_file=7)
