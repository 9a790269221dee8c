"""What a partner served, looked at closely: is it the thing that was asked for, is it valid, what does it say?

Nothing is mended: a document is taken as it came or set aside with its reasons, and the bytes are kept in either case.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.model import iia_hash
from ewpgw.model.iia import Iia
from ewpgw.model.problems import DecodeProblem, Problem

if TYPE_CHECKING:
    from ewpgw.documents.schemas import Schemas
    from ewpgw.model.entities import Shape

_WIRE = "EWP API specification"


@dataclass(frozen=True, slots=True)
class GoodCopy:
    """A valid copy: its JSON, the hash that stands for its content, and the id of ours that it names."""

    document: str
    content_hash: str
    our_id: str | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The partner serves nothing under the id: deleted, or not ours to see."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """The document breaks the schema or a rule; why, in words."""

    problems: tuple[Problem, ...]


def examine(
    body: bytes, shape: Shape, item: str, *, hei_id: str, partner: str, schemas: Schemas, max_bytes: int
) -> GoodCopy | Gone | Invalid:
    """What the answer to a ``get`` for one id holds.

    ``hei_id`` is the covered HEI that asked, ``partner`` the one that answered, ``max_bytes`` the most that is read.
    """
    try:
        root = parse(body, max_bytes=max_bytes)
    except MalformedDocument as problem:
        return _invalid("", f"the answer is no XML that can be read: {problem.reason}")
    expected = f"{{{shape.namespace}}}{shape.envelope}"
    if root.tag != expected:
        return _invalid("", f"the answer is a <{etree.QName(root).localname}>, not a <{shape.envelope}>")
    faults = schemas.faults(root)
    if faults:
        return Invalid(tuple(Problem(f.path, f.message, "refusal", _WIRE) for f in faults))
    elements = list(root)
    if not elements:
        return Gone()
    if len(elements) > 1:
        return _invalid("", f"one <{shape.element}> was asked for, {len(elements)} came")
    try:
        record = shape.decode(elements[0])
    except DecodeProblem as problem:
        return Invalid(problem.problems)
    if record.record_id() != item:
        return _invalid("", f"{item} was asked for, {record.record_id()} came")
    if isinstance(record, Iia):
        return _examine_iia(record, root, hei_id, partner)
    return GoodCopy(json.dumps(record.to_json()), sha256(body).hexdigest(), None)


def _examine_iia(record: Iia, root: etree._Element, hei_id: str, partner: str) -> GoodCopy | Invalid:
    """The partners' places and the hash (ewp-specs-api-iias, get-response: ``partner``; README: hash calculation)."""
    owner, other = record.partner
    if owner.hei_id != partner:
        return _invalid("partner.0.hei_id", f"the first partner must be the serving one, {partner}, not {owner.hei_id}")
    if other.hei_id != hei_id:
        return _invalid("partner.1.hei_id", f"the agreement is with {other.hei_id}, not with {hei_id}")
    computed = next(iia_hash.of_response(root)).iia_hash
    if record.iia_hash != computed:
        return _invalid("iia_hash", f"the document says {record.iia_hash}, its content yields {computed}")
    return GoodCopy(json.dumps(record.to_json()), computed, other.iia_id)


def _invalid(path: str, message: str) -> Invalid:
    return Invalid((Problem(path, message, "refusal", _WIRE),))
