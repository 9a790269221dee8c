"""Rules for organizational units that the schema cannot express (Organizational Units API 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model.problems import Problem, dotted
from ewpgw.model.rules import (
    address_problems,
    contact_problems,
    english_problems,
    name_problems,
    refusal,
    warning,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ewpgw.model.organizational_unit import OrganizationalUnit

_SOURCE = "ewp-specs-api-ounits 2, response.xsd"


def problems(hei_id: str, record: OrganizationalUnit) -> Iterator[Problem]:
    """What is wrong with a unit of the institution ``hei_id``, as far as one unit alone shows it."""
    if record.parent_ounit_id == record.ounit_id:
        yield refusal(
            "parent_ounit_id", "names the unit itself; leave it out for the root unit", f"{_SOURCE}, parent-ounit-id"
        )
    yield from name_problems("name", record.name)
    yield from english_problems("name", record.name, f"{_SOURCE}, name")
    source = f"{_SOURCE}, mobility-factsheet-url"
    for position, page in enumerate(record.mobility_factsheet_url):
        if not page.lang:
            yield warning(dotted("mobility_factsheet_url", position, "lang"), "is missing", source)
    yield from english_problems("mobility_factsheet_url", record.mobility_factsheet_url, source)
    yield from address_problems("", record.street_address, record.mailing_address)
    yield from contact_problems("contact", record.contact)
