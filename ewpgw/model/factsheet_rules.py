"""Rules for factsheets that the schema cannot express (Mobility Factsheet API 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model.problems import Problem, dotted
from ewpgw.model.rules import phone_problems, refusal, repeated, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ewpgw.model.base import HttpWithOptionalLang
    from ewpgw.model.factsheet import AdditionalRequirement, Factsheet, InformationEntry

_SOURCE = "ewp-specs-api-factsheet 1, response.xsd"
_MOST_WEEKS = 5
FIXED_REQUIREMENTS = (
    "Motivation letter",
    "Transcript of Records",
    "Language certificate",
    "Reference letter",
    "Portfolio",
    "CV",
    "Other document",
)
"""What students hand in through the Outgoing Mobilities API; the names must match exactly."""


def problems(hei_id: str, record: Factsheet) -> Iterator[Problem]:
    """What is wrong with the factsheet of the institution ``hei_id``."""
    if record.hei_id != hei_id:
        yield refusal("hei_id", f"must be {hei_id}, the institution whose factsheet this is", f"{_SOURCE}, hei-id")
    for path, entry in _entries(record):
        yield from phone_problems(dotted(path, "phone_number"), entry.phone_number)
        yield from _websites(dotted(path, "website_url"), entry.website_url)
    yield from _requirements(record.additional_requirement)
    yield from _weeks("decision_weeks_limit", record.decision_weeks_limit)
    yield from _weeks("tor_weeks_limit", record.tor_weeks_limit)


def _entries(record: Factsheet) -> Iterator[tuple[str, InformationEntry]]:
    """Every entry that says whom to ask, with its path."""
    yield "application_info", record.application_info
    for position, support in enumerate(record.accessibility):
        yield dotted("accessibility", position, "information"), support.information
    yield "housing_info", record.housing_info
    yield "visa_info", record.visa_info
    yield "insurance_info", record.insurance_info
    for position, further in enumerate(record.additional_info):
        yield dotted("additional_info", position, "info"), further.info


def _requirements(requirements: Sequence[AdditionalRequirement]) -> Iterator[Problem]:
    source = f"{_SOURCE}, additional-requirement"
    for position, requirement in enumerate(requirements):
        fixed = next((name for name in FIXED_REQUIREMENTS if _alike(name, requirement.name)), None)
        if fixed is not None and fixed != requirement.name:
            said = f"is not written as the network has it: {fixed!r}; as it stands, students cannot hand it in"
            yield warning(dotted("additional_requirement", position, "name"), said, source)
        yield from _websites(
            dotted("additional_requirement", position, "information_website"), requirement.information_website
        )
    names = [requirement.name for requirement in requirements]
    for position in repeated(names):
        yield warning(dotted("additional_requirement", position, "name"), "stands in the list before", source)


def _alike(one: str, other: str) -> bool:
    return one.casefold() == " ".join(other.casefold().split())


def _weeks(path: str, written: str) -> Iterator[Problem]:
    source = f"{_SOURCE}, {path.replace('_', '-')}"
    weeks = int(written) if len(written.strip()) < 20 else _MOST_WEEKS + 1
    if weeks > _MOST_WEEKS:
        yield warning(path, f"is more than {_MOST_WEEKS} weeks, the longest it should take", source)
    elif weeks < 0:
        yield warning(path, "is below zero; give a number of weeks", source)


def _websites(path: str, pages: Sequence[HttpWithOptionalLang]) -> Iterator[Problem]:
    source = "ewp-specs-architecture 1, common-types.xsd, HTTPWithOptionalLang"
    if len(pages) > 1:
        for position, page in enumerate(pages):
            if not page.lang:
                yield warning(
                    dotted(path, position, "lang"), "is missing: nobody can tell which page is for whom", source
                )
