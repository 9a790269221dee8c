"""What the receiving institution sends to the ``update`` endpoint: its signature under a proposal, or a comment on it.

Source: ewp-specs-api-omobility-las 1, update-request.xsd and update.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree
from pydantic import ValidationError

from ewpgw.model.base import NS, XmlModel, XmlRecord, maybe, one
from ewpgw.model.given_once import given_once
from ewpgw.model.learning_agreement_parts import NAMESPACE as LA_NAMESPACE
from ewpgw.model.learning_agreement_parts import Signature
from ewpgw.model.lexical import Identifier, Text
from ewpgw.model.problems import DecodeProblem, from_validation
from ewpgw.model.rules import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = f"{NS}ewp-specs-api-omobility-las/blob/stable-v1/endpoints/update-request.xsd"
ENVELOPE = "omobility-las-update-request"

_SOURCE = "ewp-specs-api-omobility-las 1, update-request.xsd"
_PREFIXES = {"u": NAMESPACE, "": LA_NAMESPACE}


class Answer(XmlModel, ns="u", nsmap=_PREFIXES):
    """What is said about one proposal of a learning agreement."""

    omobility_id: Identifier = one("omobility-id", "Agreement", "The sending institution's identifier of the stay.")
    changes_proposal_id: Text = one("changes-proposal-id", "Proposal", "The proposal that was seen and is answered.")


class ApproveProposal(Answer, tag="approve-proposal-v1", ns="u", nsmap=_PREFIXES):
    """The proposal is signed."""

    signature: Signature = one("signature", "Signature", "Who signs for the receiving institution, and when.", ns="u")


class CommentProposal(Answer, tag="comment-proposal-v1", ns="u", nsmap=_PREFIXES):
    """The proposal is not signed."""

    comment: Text = one("comment", "Comment", "Why not, and what should be changed.")
    signature: Signature = one(
        "signature", "Signature", "Who comments for the receiving institution, and when.", ns="u"
    )


class Update(XmlRecord, tag=ENVELOPE, ns="u", nsmap=_PREFIXES):
    """A request: an answer, and which institution's agreement it is about. Of the two answers one is given."""

    sending_hei_id: Identifier = one("sending-hei-id", "Sending institution", "Whose agreement is answered.")
    approve_proposal: ApproveProposal | None = maybe("approve-proposal-v1", "Approval", "The signature.")
    comment_proposal: CommentProposal | None = maybe("comment-proposal-v1", "Comment", "The comment.")

    @classmethod
    def of(cls, sending_hei_id: str, answer: ApproveProposal | CommentProposal) -> Update:
        """The request that sends an answer to the institution ``sending_hei_id``."""
        if isinstance(answer, ApproveProposal):
            return cls(sending_hei_id=sending_hei_id, approve_proposal=answer)
        return cls(sending_hei_id=sending_hei_id, comment_proposal=answer)

    @property
    def answer(self) -> ApproveProposal | CommentProposal:
        """The one answer that is given. Raises ValueError where there is none."""
        given = self.approve_proposal or self.comment_proposal
        if given is None:
            raise ValueError("the request has no answer in it")
        return given

    def record_id(self) -> str:
        """The agreement that is answered."""
        return self.answer.omobility_id


_KINDS: Mapping[str, type[Answer]] = {
    "approve-proposal-v1": ApproveProposal,
    "comment-proposal-v1": CommentProposal,
}


def encode(update: Update) -> bytes:
    """The whole request, in UTF-8."""
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + update.encoded() + b"\n"


def read(request: etree._Element) -> Update:
    """The answer in a request, elements that are not known passed over.

    Raises DecodeProblem where there is none, more than one, or one that lacks something (HTTP 400;
    ewp-specs-api-omobility-las 1, update.md, "Handling of invalid parameters").
    """
    if request.tag != f"{{{NAMESPACE}}}{ENVELOPE}":
        raise DecodeProblem([refusal("", f"is {request.tag}, not the element {ENVELOPE} of {NAMESPACE}", _SOURCE)])
    found = [child for name in _KINDS for child in request.iterchildren(f"{{{NAMESPACE}}}{name}")]
    if len(found) != 1:
        said = f"must have exactly one of {' and '.join(_KINDS)}, and has {len(found)}"
        raise DecodeProblem([refusal("", said, _SOURCE)])
    given_once(request, NAMESPACE, "sending-hei-id", source=_SOURCE)
    given_once(found[0], NAMESPACE, "omobility-id", "changes-proposal-id", "comment", "signature", source=_SOURCE)
    try:
        return Update.from_tree(request)
    except ValidationError as error:
        raise DecodeProblem(tuple(from_validation(error, Update, _SOURCE))) from error
