"""The next page's URL in a Link header (RFC 8288)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# every alternative begins with another character, so that no header makes the search slow
_TARGET = re.compile(r"\s*<([^<>]*)>")
_PARAMETER = re.compile(r'\s*;\s*([A-Za-z0-9!#$&+.^_`|~*-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?')
_SEPARATOR = re.compile(r"\s*,[\s,]*")


def next_link(headers: Iterable[str]) -> str | None:
    """The target of the first link with the relation "next", as it stands there; None without one.

    A relation of another context (``anchor``) is not meant. What is written against the grammar ends a header.
    """
    for header in headers:
        for target, parameters in _links(header):
            # of several "rel" the first counts (RFC 8288, section 3.3)
            relation = next((value for name, value in parameters if name == "rel"), "")
            anchored = any(name == "anchor" for name, _ in parameters)
            if "next" in relation.lower().split() and not anchored:
                return target
    return None


def _links(header: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    position = 0
    while found := _TARGET.match(header, position):
        target, position = found[1].strip(), found.end()
        parameters = []
        while parameter := _PARAMETER.match(header, position):
            quoted, plain = parameter[2], parameter[3]
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain or ""
            parameters.append((parameter[1].lower(), value))
            position = parameter.end()
        yield target, parameters
        separator = _SEPARATOR.match(header, position)
        if separator is None:
            return
        position = separator.end()
