"""The next page's URL in a Link header (RFC 8288)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# every alternative begins with another character, so that no header makes the search slow
_TARGET = re.compile(r"\s*<([^<>]*)>")
_PARAMETER = re.compile(r'\s*;\s*(?:([A-Za-z0-9!#$&+.^_`|~*-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?)?')
_SEPARATOR = re.compile(r"\s*,[\s,]*")


class BadLinks(Exception):
    """A Link header against the grammar: nobody knows whether it names a next page."""


def next_link(headers: Iterable[str]) -> str | None:
    """The target of the first link with the relation "next", as it stands there; None without one.

    A relation of another context (``anchor``) is not meant. Raises BadLinks where something that cannot be read comes
    before any such link.
    """
    for header in headers:
        for target, parameters in _links(header):
            # of several "rel" the first counts (RFC 8288, section 3.3)
            relation = next((value for name, value in parameters if name == "rel"), "")
            anchored = any(name == "anchor" for name, _ in parameters)
            if relation.startswith("'"):  # rel='next', where only double quotes are quotes
                raise BadLinks
            if "next" in relation.lower().split() and not anchored:
                return target
    return None


def _links(header: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    # elements of a list may be empty (RFC 9110, 5.6.1)
    position = len(header) - len(header.lstrip(", \t"))
    while found := _TARGET.match(header, position):
        target, position = found[1].strip(), found.end()
        parameters = []
        while parameter := _PARAMETER.match(header, position):
            quoted, plain = parameter[2], parameter[3]
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain or ""
            if parameter[1]:  # a semicolon too many does no harm (RFC 8288, B.3)
                parameters.append((parameter[1].lower(), value))
            position = parameter.end()
        yield target, parameters
        separator = _SEPARATOR.match(header, position)
        if separator is None:
            break
        position = separator.end()
    if header[position:].strip():
        raise BadLinks
