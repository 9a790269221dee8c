"""Rules for institutions that the schema cannot express (Institutions API 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model.problems import Problem, dotted
from ewpgw.model.rules import (
    address_problems,
    contact_problems,
    english_problems,
    name_problems,
    refusal,
    repeated,
    warning,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.institution import Institution

_SOURCE = "ewp-specs-api-institutions 2, response.xsd"
_IDENTIFIER_TYPES = "ewp-specs-api-registry 1, catalogue.xsd, OtherHeiId"


def problems(hei_id: str, record: Institution) -> Iterator[Problem]:
    """What is wrong with the record of the institution ``hei_id``."""
    if record.hei_id != hei_id:
        yield refusal("hei_id", f"must be {hei_id}, the institution whose record this is", f"{_SOURCE}, hei-id")
    yield from _units(record)
    for position, other in enumerate(record.other_id):
        if other.type == "euc":
            yield warning(dotted("other_id", position, "type"), "is outdated; use erasmus-charter", _IDENTIFIER_TYPES)
    yield from name_problems("name", record.name)
    yield from _factsheets(record)
    yield from address_problems("", record.street_address, record.mailing_address)
    if not record.contact:
        yield warning("contact", "is missing: partners do not know whom to turn to", f"{_SOURCE}, contact")
    yield from contact_problems("contact", record.contact)


def _units(record: Institution) -> Iterator[Problem]:
    if record.root_ounit_id is not None and record.root_ounit_id not in record.ounit_id:
        yield warning("ounit_id", "lacks the unit that root_ounit_id names; list it as well", f"{_SOURCE}, ounit-id")
    for position in repeated(record.ounit_id):
        yield warning(dotted("ounit_id", position), "is listed more than once", f"{_SOURCE}, ounit-id")


def _factsheets(record: Institution) -> Iterator[Problem]:
    source = f"{_SOURCE}, mobility-factsheet-url"
    if not record.mobility_factsheet_url:
        yield warning("mobility_factsheet_url", "is missing: it is what incoming students need most", source)
    for position, page in enumerate(record.mobility_factsheet_url):
        if not page.lang:
            yield warning(dotted("mobility_factsheet_url", position, "lang"), "is missing", source)
    yield from english_problems("mobility_factsheet_url", record.mobility_factsheet_url, source)
