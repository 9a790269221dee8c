"""Parsing what comes from outside: what is refused, and what is kept exactly."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.documents.parsing import MalformedDocument, parse


def refusal(data: bytes, **bounds: int) -> MalformedDocument:
    with pytest.raises(MalformedDocument) as caught:
        parse(data, **bounds)
    return caught.value


def laughs(use: str) -> bytes:
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
    return f'<!DOCTYPE r [<!ENTITY a "ha">{entities}]>{use}'.encode()


def test_text_is_kept_exactly() -> None:
    root = parse("<r>  Åbo\n\tAkademi </r>".encode())
    assert root.text == "  Åbo\n\tAkademi "


def test_comments_and_processing_instructions_do_not_split_text() -> None:
    root = parse(b"<?xml-model x?><!-- a --><r>1<!-- b -->2<?c d?>3<![CDATA[<4>]]>5<e/>6<!-- f -->7</r><!-- g -->")
    assert root.text == "123<4>5"
    assert root[0].tail == "67"
    assert len(root) == 1
    assert root.getprevious() is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_a_document_in_a_declared_encoding_is_read(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    root = parse(f'<?xml version="1.0" encoding="{declared}"?><r>é</r>'.encode(encoding))
    assert root.text == "é"


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE r [<!ENTITY x "y">]><r>&x;</r>',
        b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>',
        b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/r.dtd"><r/>',
        b"<!-- hidden --><!DOCTYPE r><r/>",
        "<!DOCTYPE r><r/>".encode("utf-16"),
    ],
)
def test_a_document_type_declaration_is_refused(data: bytes) -> None:
    assert "DOCTYPE" in refusal(data).reason


def test_an_external_dtd_is_not_even_opened(tmp_path: Path) -> None:
    dtd = tmp_path / "secret.dtd"
    dtd.write_text("<!ELEMENT not finished")  # had it been read, this would be the mistake reported
    for declaration in (f'SYSTEM "{dtd}"', f'SYSTEM "{dtd.as_uri()}"', f'[<!ENTITY % p SYSTEM "{dtd}"> %p;]'):
        assert "DOCTYPE" in refusal(f"<!DOCTYPE r {declaration}><r/>".encode()).reason


@pytest.mark.parametrize("use", ["<r>&j;</r>", '<r x="&j;"/>'])
def test_a_billion_laughs_is_refused(use: str) -> None:
    refusal(laughs(use))


def test_the_word_doctype_in_a_text_is_no_declaration() -> None:
    assert parse(b"<r><![CDATA[<!DOCTYPE r>]]></r>").text == "<!DOCTYPE r>"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"\0",
        b"<r>\0</r>",
        b"{}",
        b"<r>",
        b"<r/><r/>",
        b"<r>&unknown;</r>",
        b"<p:r/>",
        b"<r a='1' a='2'/>",
        b'<?xml version="1.0" encoding="UTF-8"?><r>\xff</r>',
        b'<?xml version="1.0" encoding="klingon"?><r/>',
        "<r/>".encode("utf-16-le"),
        b"<r>&#1;</r>",
    ],
)
def test_what_is_not_well_formed_is_refused_as_such(data: bytes) -> None:
    assert "not well-formed XML" in refusal(data).reason


def test_the_line_of_the_mistake_is_named() -> None:
    error = refusal(b"<r>\n  <a>\n  </b>\n</r>")
    assert error.line == 3
    assert "mismatch: a line 2 and b" in error.reason
    assert "column" not in error.reason


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html><br></html>", b"\n<HTML><body><p>502</body></HTML>"])
def test_an_html_page_is_called_one(page: bytes) -> None:
    assert refusal(page).reason == "this is an HTML page, not an XML document"


def test_nesting_is_bounded() -> None:
    def nested(depth: int) -> bytes:
        return b"<a>" * depth + b"</a>" * depth

    assert parse(nested(100)).tag == "a"
    assert refusal(nested(101)).reason == "the elements are nested more than 100 deep"
    assert refusal(nested(4), max_depth=3).reason == "the elements are nested more than 3 deep"
    refusal(nested(100_000))


def test_size_is_bounded_before_parsing() -> None:
    assert parse(b"<r>1</r>", max_bytes=8).text == "1"
    assert refusal(b"<r>12</r>", max_bytes=8).reason == "the document has 9 bytes; at most 8 are accepted"


def test_a_huge_attribute_is_read_or_refused_but_harmless() -> None:
    root = parse(b'<r a="' + b"x" * 4_000_000 + b'"/>')
    assert len(root.get("a") or "") == 4_000_000


def test_an_xinclude_reads_nothing() -> None:
    root = parse(b'<r xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="/etc/passwd" parse="text"/></r>')
    assert root[0].tag == "{http://www.w3.org/2001/XInclude}include"


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    try:
        parse(data)
    except MalformedDocument as error:
        assert error.reason


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=60))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert (parse(f"<r>{escaped}</r>".encode()).text or "") == text
