"""Safe parsing of XML that comes from outside."""

from __future__ import annotations

import re
from functools import lru_cache

from lxml import etree

_POSITION = re.compile(r",? line \d+, column \d+.*$", re.DOTALL)
_HTML = re.compile(rb"\s*<(?:!doctype\s+)?html\b", re.IGNORECASE)


class MalformedDocument(ValueError):
    """Bytes that are not an XML document we accept.

    ``reason`` is a sentence for a person; ``line`` is the line of the document (from 1) where it is known.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.reason = reason
        self.line = line


def parse(data: bytes, *, max_bytes: int = 5 * 2**20, max_depth: int = 100) -> etree._Element:
    """The root element of the document in ``data``.

    Text is kept exactly as it stands; comments and processing instructions are removed without splitting the text
    around them. Nothing outside ``data`` is ever read.

    Raises MalformedDocument for what is larger than ``max_bytes``, nested deeper than ``max_depth`` elements (256 at
    most, where libxml2 itself stops), not well-formed, or has a document type declaration: EWP documents never need
    one, and entities are the classic way to blow up or to reach into a parser.
    """
    root = _parsed(data, _parser(), max_bytes)  # one of its own for each document: no two threads ever share one
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedDocument("the document has a document type declaration (DOCTYPE); remove it", 1)
    if _deeper_than(max_depth)(root):
        raise MalformedDocument(f"the elements are nested more than {max_depth} deep")
    return root


def parse_written(data: bytes, *, max_bytes: int) -> etree._Element:
    """The same of a document that was written here, which is as deep as its model and has no document type.

    It takes half the time, as nothing of that is looked for, and nothing made anew. Raises MalformedDocument.
    """
    return _parsed(data, _WRITTEN, max_bytes)


def _parsed(data: bytes, parser: etree.XMLParser, max_bytes: int) -> etree._Element:
    if len(data) > max_bytes:
        raise MalformedDocument(f"the document has {len(data)} bytes; at most {max_bytes} are accepted")
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        if _HTML.match(data):
            raise MalformedDocument("this is an HTML page, not an XML document", error.lineno) from None
        raise MalformedDocument(_reason(error), error.lineno) from None


def _parser() -> etree.XMLParser:
    # The option collect_ids must stay as it is: switched off, lxml makes libxml2 read external DTDs.
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )


_WRITTEN = _parser()


def _reason(error: etree.XMLSyntaxError) -> str:
    """libxml2's own words, without the position it appends."""
    text = _POSITION.sub("", error.msg or "").strip().rstrip(".")
    return f"this is not well-formed XML: {text}" if text else "this is not well-formed XML"


@lru_cache(maxsize=8)
def _deeper_than(depth: int) -> etree.XPath:
    """An expression that is true where an element has ``depth`` ancestors or more; evaluated in C, level by level."""
    return etree.XPath(f"boolean({'/*' * (depth + 1)})")
