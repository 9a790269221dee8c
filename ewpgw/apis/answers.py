"""Small response documents, in which any text is escaped and characters that XML cannot carry are refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast
from xml.sax.saxutils import escape

from lxml import etree

from ewpgw.apis.call import CallRefused, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ewpgw.apis.call import Call


_DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>\n"
_IMPOSSIBLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no ``Char`` of XML 1.0 (section 2.2)."""
_SPECIAL = re.compile("[^\t\n -%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What cannot stand in an element as it is; most texts have none of it, and an index has many texts."""
_LINE_END = {"\r": "&#13;"}  # a bare one would be read as a line feed


Child = tuple[str, "str | Iterable[Child]"]
"""An element's name with its text, or with its children."""


def document(namespace: str, root: str, children: Iterable[Child] = ()) -> bytes:
    """A document of small children: ``[("hei-id", "north.example"), …]`` below ``root``, all in ``namespace``.

    Written as text, since to build a tree for it takes three times as long. Raises CallRefused (400) where a text holds
    characters that XML cannot carry; they came with the request.
    """
    parts = [f'{_DECLARATION}<{root} xmlns="{namespace}">']
    _write(parts, children)
    parts.append(f"</{root}>")
    return "".join(parts).encode()


def _write(parts: list[str], children: Iterable[Child]) -> None:
    for name, content in children:
        if not isinstance(content, str):
            parts.append(f"<{name}>")
            _write(parts, content)
            parts.append(f"</{name}>")
        elif not _SPECIAL.search(content):
            parts.append(f"<{name}>{content}</{name}>")
        elif _IMPOSSIBLE.search(content):
            raise CallRefused(400, "a parameter value holds a control character, which XML cannot carry")
        else:
            parts.append(f"<{name}>{escape(content, _LINE_END)}</{name}>")


def element(name: str, namespace: str, **prefixes: str) -> etree._Element:
    """An element in ``namespace``, written without a prefix; ``prefixes`` are further namespaces declared on it."""
    declared = cast("dict[str, str]", {None: namespace, **prefixes})  # the stubs do not know the default namespace
    return etree.Element(f"{{{namespace}}}{name}", nsmap=declared)


def serialise(root: etree._Element) -> bytes:
    """The bytes of a document, with its XML declaration."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def cacheable(call: Call, body: bytes, tag: str, headers: Mapping[str, str], *, kept: bool = True) -> Reply:
    """An answer that the caller may cache; 304 without content where it names ``tag`` as what it has already.

    The tag is a weak one (RFC 9110, Validators): encryption makes other bytes of the same content. Only a signed
    If-None-Match counts, like every header.
    """
    etag = f'W/"{tag}"'
    headers = {**headers, "ETag": etag}
    known = [each.strip() for each in call.headers.get("if-none-match", "").split(",")]
    if etag in known or etag.removeprefix("W/") in known or known == ["*"]:
        return Reply(b"", headers, 304, kept=kept)
    return Reply(body, headers, kept=kept)
