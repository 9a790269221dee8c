"""Rules for arrivals and departures that the schema cannot express (Incoming Mobilities API 2 and 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model.days import day
from ewpgw.model.rules import is_domain, refusal, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.imobility import Imobility
    from ewpgw.model.problems import Problem

_SOURCE = "ewp-specs-api-imobilities 2, get-response.xsd"
_SOURCE_1 = "ewp-specs-api-imobilities 1, get-response.xsd"
_PERMISSIONS = "ewp-specs-api-imobilities 1, get.md, Permissions"
_UPDATE = "ewp-specs-api-omobilities 3, update-request.xsd, reject-proposal-v1"
_SCHAC = 'ewp-specs-api-registry 1, README, "SCHAC identifiers"'


def problems(hei_id: str, record: Imobility) -> Iterator[Problem]:
    """What is wrong with what the institution ``hei_id`` publishes about a student it receives."""
    sending = record.sending_hei_id
    if sending is None:
        yield refusal("sending_hei_id", "is required: whose nomination this is about", _PERMISSIONS)
    elif not is_domain(sending):
        yield refusal("sending_hei_id", "must be the domain that identifies the institution", _SCHAC)
    elif sending == hei_id:
        yield refusal("sending_hei_id", "must be another institution: the one that sends the student", _PERMISSIONS)
    if record.status == "rejected":
        if not (record.comment or "").strip():
            yield refusal("comment", "is required where a nomination is rejected: say why", _UPDATE)
        for field in ("actual_arrival_date", "actual_departure_date"):
            if getattr(record, field) is not None:
                said = "is given, though the nomination is rejected"
                yield warning(field, said, f"{_SOURCE_1}, {field.replace('_', '-')}")
    arrival, departure = record.actual_arrival_date, record.actual_departure_date
    if departure is not None and arrival is None:
        said = "is missing, and there is a departure"
        yield warning("actual_arrival_date", said, f"{_SOURCE}, actual-arrival-date")
    if departure is not None and arrival is not None and day(departure) < day(arrival):
        yield refusal("actual_departure_date", "must not be before actual_arrival_date", f"{_SOURCE}")
