"""Records as sources give them: whole or packed, they are the same."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ewpgw.preparing import Incoming

DOCUMENTS = [
    {"partner": [{"hei_id": "north.example"}], "in_effect": False, "people": 3, "months": 2.5, "nothing": None},
    ["a list", {}, "\ud800 half a character", "\N{GRINNING FACE}"],
    "a text",
    0,
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_packed_document_is_the_one_that_was_given(document: object) -> None:
    incoming = Incoming("7", document, raw="as it came", place="here")
    incoming.pack()
    incoming.pack()
    assert incoming.document == document
    assert incoming == Incoming("7", document, raw="as it came", place="here")
    assert incoming != Incoming("7", document, raw="as it came", place="elsewhere")


def test_packing_holds_no_more_than_bytes() -> None:
    document: dict[str, object] = {"partner": []}
    incoming = Incoming(None, document)
    assert incoming.document is document
    incoming.pack()
    assert incoming.document is not document
    assert incoming.as_handed()[1] is None


def test_an_adapters_own_objects_stay_as_they_are() -> None:
    document = {"months": Decimal("2.50")}
    incoming = Incoming(None, document)
    incoming.pack()
    assert incoming.document is document


def test_a_record_is_handed_over_whole_or_without_the_text_that_is_kept() -> None:
    incoming = Incoming("7", {"a": 1}, raw="as it came", place="here")
    incoming.pack()
    assert Incoming.handed(*incoming.as_handed()) == incoming
    assert Incoming.handed(*incoming.as_handed(raw=False)) == Incoming("7", {"a": 1}, place="here")
    assert incoming.at("there") == Incoming("7", {"a": 1}, raw="as it came", place="there")
