"""The hashes of agreements as version 6 of the IIAs API served them.

There are two. The ``conditions-hash`` is what partners approved while version 6 was in use (ewp-specs-api-iias 6,
get-response.xsd, conditions-hash). The ``iia-hash`` is what the same approval is worth since: it is gathered from the
XML of the approved agreement as version 6 served it, by a transformation of its own (ewp-specs-api-iias 7,
resources/xsltKit/transform_version_6.xsl; ewp-specs-api-iias-approval 2, README, "Upgrade to v2 steps"), and the same
agreement brought to version 7 has the same hash.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.model.base import NS
from ewpgw.model.iia_hash import iia_hash

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = f"{NS}ewp-specs-api-iias/blob/stable-v6/endpoints/get-response.xsd"

_YEAR = "receiving-academic-year-id"
_CONTACTS = ("sending-contact", "receiving-contact")


@dataclass(frozen=True, slots=True)
class HashedFormerIia:
    """An agreement in the form of version 6, with its hashes.

    ``stated`` is the conditions-hash it came with, None where it has none; ``conditions_hash`` the one computed from
    its conditions. Where both are the same, the document is still what was approved. ``iia_hash`` and the ``text`` it
    covers are those of an approval today.
    """

    element: etree._Element
    iia_id: str
    stated: str | None
    conditions_hash: str
    text: str
    iia_hash: str


def is_former(document: etree._Element) -> bool:
    """Whether a document, or a lone agreement, is of version 6."""
    return etree.QName(document).namespace == NAMESPACE


def of_response(response: etree._Element) -> Iterator[HashedFormerIia]:
    """Each agreement of a get-response of version 6, or the one that is given."""
    for iia in response.iter("{*}iia"):
        text = text_to_hash(iia)
        yield HashedFormerIia(
            element=iia,
            iia_id=_text(iia.find("{*}partner/{*}iia-id")),
            stated=iia.findtext("{*}conditions-hash"),
            conditions_hash=conditions_hash(iia),
            text=text,
            iia_hash=iia_hash(text),
        )


def text_to_hash(iia: etree._Element) -> str:
    """The text that the iia-hash of an agreement of version 6 covers."""
    return "".join(hashed_parts(iia))


def hashed_parts(iia: etree._Element) -> list[str]:
    """That text in its parts: one for each identifier, leaf element and academic year."""
    parts = [
        f"_iia-id_{position}={_text(partner.find('{*}iia-id'))}_"
        for position, partner in enumerate(iia.iterchildren("{*}partner"), start=1)
    ]
    for conditions in iia.iterchildren("{*}cooperation-conditions"):
        for condition in conditions.iterchildren("{*}*"):
            if _name(condition) not in _CONTACTS:
                parts.extend(_leaves(condition, (_name(conditions), _name(condition))))
            years = [_text(year) for year in condition.iterchildren(f"{{*}}{_YEAR}")] or [""]
            parts.append(f"_receiving-first-academic-year-id={years[0]}_")
            parts.append(f"_receiving-last-academic-year-id={years[-1]}_")
    return parts


def conditions_hash(iia: etree._Element) -> str:
    """The SHA-256 of the conditions without their contacts, in exclusive canonical XML; empty without conditions."""
    found = iia.find("{*}cooperation-conditions")
    if found is None:
        return ""
    conditions = deepcopy(found)
    conditions.tail = None
    for name in _CONTACTS:
        for contact in list(conditions.iter(f"{{*}}{name}")):
            _remove(contact)
    return sha256(etree.tostring(conditions, method="c14n", exclusive=True, with_comments=False)).hexdigest()


def _leaves(parent: etree._Element, above: tuple[str, str]) -> Iterator[str]:
    """The texts of the leaf elements below an element. ``above``: its parent's name and its own."""
    for child in parent.iterchildren("{*}*"):
        name = _name(child)
        if name != _YEAR and next(child.iterchildren("{*}*"), None) is None:
            yield f"_{above[0]}.{above[1]}.{name}={_text(child)}_"
        if name not in _CONTACTS:
            yield from _leaves(child, (above[1], name))


def _remove(element: etree._Element) -> None:
    """Take an element out and leave the blanks that followed it, which the hash covers."""
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "")
    else:
        parent.text = (parent.text or "") + (element.tail or "")
    parent.remove(element)


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _text(element: etree._Element | None) -> str:
    return "".join(map(str, element.itertext())) if element is not None else ""
