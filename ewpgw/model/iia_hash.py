"""The hash of an agreement: which text it covers, and whether the agreement can be approved.

The hash is the SHA-256 of a text gathered from the XML *as it was served*, so everything here works on elements, never
on decoded records. The rules are those of the published transformation for version 7
(ewp-specs-api-iias 7, resources/xsltKit/transform_version_7.xsl); elements and attributes count by their local names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, cast

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Named = tuple[str, etree._Element]
_TRUE = ("true", "1")
YEARS = ("receiving-first-academic-year-id", "receiving-last-academic-year-id")
CONTACTS = ("sending-contact", "receiving-contact")
OLD_VERSION_MARKS = ("not-yet-defined", "v6-value")
_LEFT_OVER = etree.XPath(
    "boolean(descendant-or-self::*[@not-yet-defined = 'true' or @not-yet-defined = '1' or @v6-value != ''])"
)


@dataclass(frozen=True, slots=True)
class HashedIia:
    """An agreement as it was served, with what its hash is computed from.

    ``iia_id`` is the serving HEI's own identifier, empty where it is missing. ``valid_for_approval`` is false where
    values are still those of, or missing since, version 6 of the API.
    """

    element: etree._Element
    iia_id: str
    text: str
    iia_hash: str
    valid_for_approval: bool


def of_response(response: etree._Element) -> Iterator[HashedIia]:
    """Each agreement in a whole get-response, given as its root element.

    One terminated agreement changes the hashes of all in the same response, and one with a value of version 6 makes
    all of them unfit for approval: the transformation looks for both in the whole document. That is why agreements are
    served one by one.
    """
    terminated, valid = _terminated(response), valid_for_approval(response)
    for iia in response.iter("{*}iia"):
        text = "".join(_parts(iia, terminated, _marked_above(iia, response)))
        partner = next(_children(iia, "partner"), None)
        iia_id = _first_value(partner, "iia-id") if partner is not None else ""
        yield HashedIia(element=iia, iia_id=iia_id, text=text, iia_hash=iia_hash(text), valid_for_approval=valid)


def text_to_hash(iia: etree._Element) -> str:
    """The text the hash of an agreement covers, the agreement being the only one of its response."""
    return "".join(hashed_parts(iia))


def hashed_parts(iia: etree._Element) -> list[str]:
    """That text in its parts: one for each identifier, attribute, leaf element and academic year."""
    return _parts(iia, _terminated(iia), _marked(iia))


def iia_hash(text: str) -> str:
    """The hash of such a text: SHA-256 of its UTF-8 bytes, in lower-case hexadecimal digits."""
    return sha256(text.encode()).hexdigest()


def valid_for_approval(document: etree._Element) -> bool:
    """Whether nothing in a response, or in a lone agreement, is marked as a left-over of version 6."""
    return not _LEFT_OVER(document)


def _parts(iia: etree._Element, terminated: bool, marked: bool) -> list[str]:
    parts = ["_@terminated-as-a-whole@_"] if terminated else []
    for position, partner in enumerate(_children(iia, "partner"), start=1):
        parts.append(f"_iia-id_{position}={_first_value(partner, 'iia-id')}_")
    for conditions in _children(iia, "cooperation-conditions"):
        above = marked or _marked(conditions)
        for name, condition in _inside(conditions):
            children = _inside(condition)
            if not above and name not in CONTACTS and not _marked(condition):
                _add(parts, children, "cooperation-conditions", name)
            years = dict.fromkeys(YEARS, "")
            for child_name, child in reversed(children):  # the first of each counts
                if child_name in years:
                    years[child_name] = _value(child, child_name)
            parts.extend(f"_{year}={value}_" for year, value in years.items())
    return parts


def _add(parts: list[str], elements: Iterable[_Named], grandparent: str, parent: str) -> None:
    """Add of each element its attributes, its text where it is a leaf, then all below it."""
    above = f"{grandparent}.{parent}."
    for name, element in elements:
        attributes = cast("list[tuple[str, str]]", element.items())
        if not attributes and not len(element):  # as most are
            if name not in YEARS:
                parts.append(f"_{above}{name}={element.text or ''}_")
            continue
        if _marked(element):
            continue
        children = _inside(element)
        if name not in YEARS:
            for attribute, value in attributes:
                if attribute not in OLD_VERSION_MARKS:
                    parts.append(f"_@{above}{name}.{_local(attribute)}={value}@_")
            if not children:
                parts.append(f"_{above}{name}={_value(element, name)}_")
        if name not in CONTACTS:
            _add(parts, children, parent, name)


def _inside(parent: etree._Element) -> list[_Named]:
    """The elements in an element, with their local names, which take as long to learn as all the rest."""
    return [(_local(tag), child) for child in parent if isinstance(tag := child.tag, str)]


def _value(element: etree._Element, name: str) -> str:
    former = element.get("v6-value") if name == "isced-f-code" else None
    if former or not len(element):
        return former or element.text or ""
    return "".join(map(str, element.itertext()))


def _first_value(parent: etree._Element, name: str) -> str:
    return next((_value(child, name) for child in _children(parent, name)), "")


def _children(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    return parent.iterchildren(f"{{*}}{name}")


def _attributes(element: etree._Element) -> Iterable[tuple[str, str]]:
    return cast("Iterable[tuple[str, str]]", element.attrib.items())


def _marked(element: etree._Element) -> bool:
    return element.get("not-yet-defined") in _TRUE


def _marked_above(iia: etree._Element, response: etree._Element) -> bool:
    """Whether the agreement, or an element around it up to the response, is marked as not yet defined."""
    element: etree._Element | None = iia
    while element is not None:
        if _marked(element):
            return True
        element = element.getparent() if element is not response else None
    return False


def _terminated(document: etree._Element) -> bool:
    return any(
        value in _TRUE and _local(name) == "terminated-as-a-whole"
        for conditions in document.iter("{*}cooperation-conditions")
        for name, value in _attributes(conditions)
    )


@lru_cache(maxsize=500)
def _local(name: str) -> str:
    return name.rpartition("}")[2]
