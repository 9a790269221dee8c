"""Small response documents: whatever the texts, they are read back as they were, or refused."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ewpgw.apis.answers import document
from ewpgw.apis.call import CallRefused
from ewpgw.documents.parsing import parse

_carried = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"))
_CONTROLS = {chr(code) for code in range(32)} - set("\t\n\r")


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(_carried.filter(lambda text: not _CONTROLS & set(text)), max_size=5))
@example(texts=["S-1", "&", "<", ">", "a\rb", "\t\n", "]]>", "\U0010ffff", "'\""])
def test_texts_are_read_back_as_they_were(texts: list[str]) -> None:
    root = parse(document("urn:x", "answer", [("id", text) for text in texts]))
    assert [each.text or "" for each in root] == texts


@pytest.mark.parametrize("text", [*sorted(_CONTROLS), "\ufffe", "\uffff", "\ud800"])
def test_what_xml_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(CallRefused):
        document("urn:x", "answer", [("id", f"a{text}b")])
