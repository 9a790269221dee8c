"""Arrivals and departures of nominated students (Incoming Mobilities API 2), owned by the institution they go to.

Version 2 tells nothing but two dates. The record here also has what partners with version 1 are told (the decision and
a comment), and whose nomination it is: identifiers of nominations are those of the sending institution, and two
institutions may well use the same.
"""

from __future__ import annotations

from typing import Annotated

from lxml import etree

from ewpgw.model.base import NS, WRITTEN, XmlRecord, maybe, one
from ewpgw.model.lexical import Date, Identifier, Lexical, Text
from ewpgw.model.writing import to_xml

NAMESPACE = f"{NS}ewp-specs-api-imobilities/blob/stable-v2/endpoints/get-response.xsd"
NAMESPACE_V1 = f"{NS}ewp-specs-api-imobilities/blob/stable-v1/endpoints/get-response.xsd"
ENVELOPE = "imobilities-get-response"

Decision = Annotated[str, Lexical("pending, approved or rejected", "pending|approved|rejected")]

_NOT_SENT = "v1"


class Imobility(XmlRecord, tag="student-mobility", ns="", nsmap={"": NAMESPACE, _NOT_SENT: NAMESPACE_V1}):
    """What became of a nominated student, by the institution that receives the student."""

    omobility_id: Identifier = one(
        "omobility-id", "Identifier", "The sending institution's identifier of the nomination."
    )
    actual_arrival_date: Date | None = maybe(
        "actual-arrival-date", "Arrival", "The day the student really came: 2026-09-01."
    )
    actual_departure_date: Date | None = maybe(
        "actual-departure-date", "Departure", "The day the student really left: 2027-01-31."
    )
    sending_hei_id: Text | None = maybe(
        "sending-hei-id",
        "Sending institution",
        "Always there for records of yours: the SCHAC identifier of the institution whose nomination it is.",
        ns=_NOT_SENT,
    )
    status: Decision | None = maybe(
        "status",
        "Decision",
        "What was decided about the nomination: pending, approved or rejected. The gateway gives it; only partners "
        "with version 1 of the API are told.",
        ns=_NOT_SENT,
    )
    comment: Text | None = maybe(
        "comment",
        "Comment",
        "Why a nomination was rejected, or what else went otherwise than planned. Only partners with version 1 of the "
        "API are told, and there only the staff.",
        ns=_NOT_SENT,
    )

    def record_id(self) -> str:
        """What tells the nomination from all others received: the sending institution and its identifier."""
        return self.omobility_id if self.sending_hei_id is None else f"{self.sending_hei_id}:{self.omobility_id}"

    def partners(self, hei_id: str) -> frozenset[str]:
        """The sending institution (ewp-specs-api-imobilities 1, get.md, Permissions)."""
        return frozenset({self.sending_hei_id} if self.sending_hei_id else ()) - {hei_id}

    def encoded(self) -> bytes:
        """The dates as an element of version 2, which has no place for the rest."""
        return to_xml(self, sending_hei_id=None, status=None, comment=None)

    def to_tree(self) -> etree._Element:
        """All of the record as an element, as XML from a SIS may have it; what is not sent is in another namespace."""
        return etree.fromstring(to_xml(self), WRITTEN)
