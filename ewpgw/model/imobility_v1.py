"""What version 1 of the Incoming Mobilities API tells of a nominated student, and the way to version 2 and back.

In version 1 the receiving institution publishes its decision about the nomination here (and version 2 of the Outgoing
Mobilities API has no place for it); from version 3 of that API on it sends the decision to the sending institution.
Sources: ewp-specs-api-imobilities 1, get-response.xsd; release notes of its version 2.0.0 and of
ewp-specs-api-omobilities 3.0.0, which renamed verified to approved.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from ewpgw.model import imobility
from ewpgw.model.base import XmlRecord, maybe, one
from ewpgw.model.imobility import Imobility
from ewpgw.model.lexical import Date, Identifier, Lexical, Text
from ewpgw.model.rules import warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.model.problems import Problem

NAMESPACE = imobility.NAMESPACE_V1
ELEMENT = "student-mobility-for-studies"

_SOURCE = "ewp-specs-api-imobilities 1, get-response.xsd"

NominationStatus = Annotated[str, Lexical("pending, verified or rejected", "pending|verified|rejected")]

TO_V1: Mapping[str, str] = MappingProxyType({"pending": "pending", "approved": "verified", "rejected": "rejected"})
FROM_V1: Mapping[str, str] = MappingProxyType({told: ours for ours, told in TO_V1.items()})


class ImobilityV1(XmlRecord, tag=ELEMENT, ns="", nsmap={"": NAMESPACE}):
    """What became of a nominated student, in the form of version 1."""

    omobility_id: Identifier = one("omobility-id", "Identifier", "The sending institution's identifier.")
    status: NominationStatus = one("status", "Decision", "pending, verified or rejected.")
    comment: Text | None = maybe("comment", "Comment", "A comment for the staff of the sending institution.")
    actual_arrival_date: Date | None = maybe("actual-arrival-date", "Arrival", "The day the student really came.")
    actual_departure_date: Date | None = maybe("actual-departure-date", "Departure", "The day the student really left.")

    def record_id(self) -> str:
        """The sending institution's identifier of the nomination."""
        return self.omobility_id


@dataclass(frozen=True, slots=True)
class AsV1:
    """The record for partners with version 1, and warnings."""

    record: ImobilityV1
    problems: tuple[Problem, ...]


def to_v1(record: Imobility) -> AsV1:
    """The record in the form of version 1. Where nothing was decided, the nomination is pending."""
    status = TO_V1[record.status or "pending"]
    told = ImobilityV1(
        omobility_id=record.omobility_id,
        status=status,
        comment=record.comment,
        actual_arrival_date=record.actual_arrival_date,
        actual_departure_date=record.actual_departure_date,
    )
    problems: tuple[Problem, ...] = ()
    if status == "rejected" and not (record.comment or "").strip():
        said = "is missing, so that a partner with version 1 of the API does not learn why it was rejected"
        problems = (warning("comment", said, f"{_SOURCE}, comment"),)
    return AsV1(told, problems)


def from_v1(told: ImobilityV1, sending_hei_id: str | None = None) -> Imobility:
    """The record that a partner tells in the form of version 1, about a nomination of ``sending_hei_id``."""
    return Imobility(
        omobility_id=told.omobility_id,
        actual_arrival_date=told.actual_arrival_date,
        actual_departure_date=told.actual_departure_date,
        sending_hei_id=sending_hei_id,
        status=FROM_V1[told.status],
        comment=told.comment,
    )
