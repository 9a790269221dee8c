"""Where an element stands in its document, for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml import etree

_STEP = re.compile(r"(?:(?P<prefix>[^:/\[\]]+):)?(?P<name>[^:/\[\]]+)(?:\[(?P<position>\d+)\])?$")


def local_name(name: str) -> str:
    """``{namespace}name`` or ``name`` → ``name``."""
    return name.rpartition("}")[2]


def namespace_of(name: str) -> str:
    """``{namespace}name`` → ``namespace``; empty where there is none."""
    return name[1:].partition("}")[0] if name.startswith("{") else ""


def children(element: etree._Element) -> list[etree._Element]:
    """The child elements, without comments, processing instructions and entities."""
    return [child for child in element if isinstance(child.tag, str)]


def line_of(element: etree._Element) -> int | None:
    """The line of the source that the element starts on, from 1."""
    line: object = element.sourceline
    return line if isinstance(line, int) else None


def path_of(element: etree._Element) -> str:
    """The path from the document's root by local names, with a position only where siblings repeat.

    For example ``/iias-get-response/iia[1]/cooperation-conditions/student-studies-mobility-spec[2]/blended``.
    """
    steps: list[str] = []
    step: etree._Element | None = element
    while step is not None:
        parent = step.getparent()
        name = local_name(str(step.tag))
        before = sum(1 for _ in step.itersiblings(f"{{*}}{name}", preceding=True))
        alone = not before and next(step.itersiblings(f"{{*}}{name}"), None) is None
        steps.append(name if alone or parent is None else f"{name}[{before + 1}]")
        step = parent
    return "/" + "/".join(reversed(steps))


def path_of_missing(parent: etree._Element, name: str) -> str:
    """The path that a missing child element would have."""
    present = sum(1 for _ in parent.iterchildren(f"{{*}}{name}"))
    return f"{path_of(parent)}/{name}" + (f"[{present + 1}]" if present else "")


def find(top: etree._Element, node_path: str) -> etree._Element:
    """The element that libxml2 means by a node path such as ``/*/*[2]/p:name``, seen from ``top``.

    ``top`` is the element that was validated. Falls back to the nearest ancestor that is found.
    """
    element = top
    for step in node_path.split("/")[2:]:
        match = _STEP.match(step)
        if match is None:
            return element
        candidates = children(element)
        if match["name"] != "*":
            candidates = [
                c for c in candidates if (c.prefix, local_name(str(c.tag))) == (match["prefix"], match["name"])
            ]
        position = int(match["position"] or 1)
        if position > len(candidates):
            return element
        element = candidates[position - 1]
    return element
