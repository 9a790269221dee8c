"""Small response documents, built with lxml so that any text is escaped and impossible characters are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.apis.call import CallRefused

if TYPE_CHECKING:
    from collections.abc import Iterable


def document(namespace: str, root: str, children: Iterable[tuple[str, str]] = ()) -> bytes:
    """A document of flat children: ``[("hei-id", "north.example"), …]`` below ``root``, all in ``namespace``.

    Raises CallRefused (400) where a text holds characters that XML cannot carry; they came with the request.
    """
    top = element(root, namespace)
    try:
        for name, text in children:
            etree.SubElement(top, f"{{{namespace}}}{name}").text = text
    except ValueError:
        raise CallRefused(400, "a parameter value holds a control character, which XML cannot carry") from None
    return serialise(top)


def element(name: str, namespace: str, **prefixes: str) -> etree._Element:
    """An element in ``namespace``, written without a prefix; ``prefixes`` are further namespaces declared on it."""
    return etree.Element(f"{{{namespace}}}{name}", nsmap={None: namespace, **prefixes})


def serialise(root: etree._Element) -> bytes:
    """The bytes of a document, with its XML declaration."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
