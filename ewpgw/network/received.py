"""What a partner served, looked at closely: is it the thing that was asked for, is it valid, what does it say?

Nothing is mended: a document is taken as it came or set aside with its reasons, and the bytes are kept in either case.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from lxml import etree

from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.model import elmo, iia_hash
from ewpgw.model.iia import Iia
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.omobility import KnownOmobility
from ewpgw.model.problems import DecodeProblem, Problem
from ewpgw.model.transcript import Transcript
from ewpgw.transcripts.received import Looking, content_hash, without_contents

if TYPE_CHECKING:
    from datetime import datetime

    from ewpgw.documents.schemas import Schemas
    from ewpgw.model.entity import Shape
    from ewpgw.transcripts.configured import Configuration

_WIRE = "EWP API specification"


Look: TypeAlias = Callable[[etree._Element, str, str], str]
"""What else is found out about a valid thing, as JSON text: its element, the HEI that asked, the one that answered."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How answers with things of one entity are read.

    ``max_bytes`` and ``most_elements``: how much is read; ``look``: what else is found out about each; ``kept``:
    whether the exchange log keeps good answers whole, which are kept as copies in any case.
    """

    max_bytes: int
    most_elements: int | None = None
    look: Look | None = None
    kept: bool = True


def reading_of_transcripts(configuration: Configuration, now: Callable[[], datetime]) -> Reading:
    """How answers with transcripts are read: they may be large, and bear signatures."""
    limits = configuration.limits
    return Reading(limits.largest_answer, limits.most_elements, Looking(configuration, now), kept=False)


@dataclass(frozen=True, slots=True)
class GoodCopy:
    """A valid copy: its JSON, the hash that stands for its content, the id of ours that it names, further findings."""

    document: str
    content_hash: str
    our_id: str | None
    findings: str | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The partner serves nothing under the id: deleted, or not ours to see."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """The document breaks the schema or a rule; why, in words."""

    problems: tuple[Problem, ...]


def examine(
    body: bytes,
    shape: Shape,
    item: str,
    *,
    hei_id: str,
    partner: str,
    schemas: Schemas,
    max_bytes: int,
    most_elements: int | None = None,
    look: Look | None = None,
) -> GoodCopy | Gone | Invalid:
    """What the answer to a ``get`` for one id holds.

    ``hei_id`` is the covered HEI that asked, ``partner`` the one that answered, ``max_bytes`` and ``most_elements`` the
    most that is read, ``look`` finds out what else is to be kept.
    """
    if most_elements is not None and (crowd := elmo.crowded(body, most_elements)):
        return _invalid("", f"the answer {crowd}")
    try:
        root = parse(body, max_bytes=max_bytes)
    except MalformedDocument as problem:
        return _invalid("", f"the answer is no XML that can be read: {problem.reason}")
    expected = f"{{{shape.namespace}}}{shape.envelope}"
    if root.tag != expected:
        return _invalid("", f"the answer is a <{etree.QName(root).localname}>, not a <{shape.envelope}>")
    if most_elements is not None and (count := elmo.elements(root)) > most_elements:
        return _invalid("", f"the answer has {count} elements; at most {most_elements} are read")
    root = shape.understood(root)
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
    if isinstance(record, KnownOmobility | LearningAgreement) and (wrong := _not_between(record, hei_id, partner)):
        return wrong
    findings = look(elements[0], hei_id, partner) if look is not None else None
    if isinstance(record, Transcript):
        document = json.dumps(without_contents(record).to_json())
        return GoodCopy(document, content_hash(elements[0]), None, findings)
    return GoodCopy(json.dumps(record.to_json()), sha256(body).hexdigest(), None, findings)


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


def _not_between(record: KnownOmobility | LearningAgreement, hei_id: str, partner: str) -> Invalid | None:
    """Why a nomination or learning agreement is not one that the partner may send us.

    Sources: ewp-specs-api-omobilities 3, and ewp-specs-api-omobility-las 1, get-response.xsd.
    """
    above, heis = ("", record) if isinstance(record, LearningAgreement) else ("nomination.", record.nomination)
    sending, receiving = heis.sending_hei.hei_id, heis.receiving_hei.hei_id
    if sending != partner:
        said = f"the student must come from the serving institution, {partner}, not from {sending}"
        return _invalid(f"{above}sending_hei.hei_id", said)
    if receiving != hei_id:
        return _invalid(f"{above}receiving_hei.hei_id", f"the student goes to {receiving}, not to {hei_id}")
    return None


def _invalid(path: str, message: str) -> Invalid:
    return Invalid((Problem(path, message, "refusal", _WIRE),))
