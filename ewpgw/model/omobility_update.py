"""What the receiving institution asks for at the ``update`` endpoint (Outgoing Mobilities API 3): its decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree
from pydantic import ValidationError

from ewpgw.model.base import NS, XmlRecord, one
from ewpgw.model.given_once import given_once
from ewpgw.model.lexical import Identifier, Text
from ewpgw.model.problems import DecodeProblem, from_validation
from ewpgw.model.rules import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = f"{NS}ewp-specs-api-omobilities/blob/stable-v3/endpoints/update-request.xsd"
ENVELOPE = "omobilities-update-request"

_SOURCE = "ewp-specs-api-omobilities 3, update-request.xsd"


class Update(XmlRecord, ns="", nsmap={"": NAMESPACE}):
    """A decision about one proposal of a nomination."""

    omobility_id: Identifier = one("omobility-id", "Nomination", "The sending institution's identifier of it.")
    proposal_id: Text = one("proposal-id", "Proposal", "The proposal that was seen and is decided about.")

    def record_id(self) -> str:
        """The nomination that is decided about."""
        return self.omobility_id


class ApproveProposal(Update, tag="approve-proposal-v1", ns="", nsmap={"": NAMESPACE}):
    """The student is accepted."""


class RejectProposal(Update, tag="reject-proposal-v1", ns="", nsmap={"": NAMESPACE}):
    """The student is not accepted as nominated."""

    comment: Text = one("comment", "Comment", "Why not, and what should be changed.")


_KINDS: Mapping[str, type[ApproveProposal | RejectProposal]] = {
    "approve-proposal-v1": ApproveProposal,
    "reject-proposal-v1": RejectProposal,
}


def encode(update: ApproveProposal | RejectProposal) -> bytes:
    """The whole request, in UTF-8."""
    start = f'<?xml version="1.0" encoding="UTF-8"?>\n<{ENVELOPE} xmlns="{NAMESPACE}">'
    return b"".join((start.encode(), update.encoded(), f"</{ENVELOPE}>\n".encode()))


def read(request: etree._Element) -> ApproveProposal | RejectProposal:
    """The decision in a request, elements that are not known passed over.

    Raises DecodeProblem where there is none, more than one, or one that lacks something (HTTP 400;
    ewp-specs-api-omobility-las 1, update.md, "Handling of invalid parameters", says so of the same endpoint there).
    """
    if request.tag != f"{{{NAMESPACE}}}{ENVELOPE}":
        raise DecodeProblem([refusal("", f"is {request.tag}, not the element {ENVELOPE} of {NAMESPACE}", _SOURCE)])
    found = [child for name in _KINDS for child in request.iterchildren(f"{{{NAMESPACE}}}{name}")]
    if len(found) != 1:
        said = f"must have exactly one of {' and '.join(_KINDS)}, and has {len(found)}"
        raise DecodeProblem([refusal("", said, _SOURCE)])
    given_once(found[0], NAMESPACE, "omobility-id", "proposal-id", "comment", source=_SOURCE)
    model = _KINDS[etree.QName(found[0]).localname]
    try:
        return model.from_tree(found[0])
    except ValidationError as error:
        raise DecodeProblem(tuple(from_validation(error, model, _SOURCE))) from error
