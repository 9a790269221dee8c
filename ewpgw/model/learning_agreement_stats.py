"""How many learning agreements an institution has, by academic year: going out, and coming in.

Sources: ewp-specs-api-omobility-las 1 and ewp-specs-api-omobility-la-cnr 1, stats-response.xsd;
ewp-specs-architecture 1, README, "EWP Statistics".
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.model.academic_term import AcademicYear
from ewpgw.model.base import NS
from ewpgw.model.learning_agreement_standing import Latest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ewpgw.model.learning_agreement_standing import Standing

OUTGOING_NAMESPACE = f"{NS}ewp-specs-api-omobility-las/blob/stable-v1/endpoints/stats-response.xsd"
INCOMING_NAMESPACE = f"{NS}ewp-specs-api-omobility-la-cnr/tree/stable-v1/endpoints/stats-response.xsd"
OUTGOING_ENVELOPE, INCOMING_ENVELOPE = "las-outgoing-stats-response", "las-incoming-stats-response"
FIRST_YEAR = AcademicYear(2021, 2022)


@dataclass(frozen=True, slots=True)
class Fact:
    """What counts of one agreement.

    - ``year``: the receiving academic year, as the agreement has it
    - ``approved``: whether the receiving institution has approved some version
    - ``modified``: whether a version followed the first that was approved
    - ``latest``: what became of the latest version
    """

    year: str
    approved: bool
    modified: bool
    latest: Latest


def fact(year: str, standing: Standing) -> Fact | None:
    """What counts of an agreement of a receiving academic year; None: nothing, it is deleted or was taken back."""
    if standing.deleted or standing.empty:
        return None
    first = next((position for position, one in enumerate(standing.past) if one.approved), None)
    followed = first is not None and (standing.current is not None or first + 1 < len(standing.past))
    return Fact(year, first is not None, followed, standing.latest)


_OUTGOING: Mapping[str, Callable[[Fact], bool]] = {
    "la-outgoing-total": lambda _: True,
    "la-outgoing-not-modified-after-approval": lambda one: one.approved and not one.modified,
    "la-outgoing-modified-after-approval": lambda one: one.approved and one.modified,
    "la-outgoing-latest-version-approved": lambda one: one.latest is Latest.APPROVED,
    "la-outgoing-latest-version-rejected": lambda one: one.latest is Latest.REJECTED,
    "la-outgoing-latest-version-awaiting": lambda one: one.latest is Latest.AWAITING,
}
_INCOMING: Mapping[str, Callable[[Fact], bool]] = {
    "la-incoming-total": lambda _: True,
    "la-incoming-some-version-approved": lambda one: one.approved,
    "la-incoming-latest-version-approved": lambda one: one.latest is Latest.APPROVED,
    "la-incoming-latest-version-rejected": lambda one: one.latest is Latest.REJECTED,
    "la-incoming-latest-version-awaiting": lambda one: one.latest is Latest.AWAITING,
}


def outgoing(facts: Iterable[Fact]) -> dict[str, dict[str, int]]:
    """The figures of agreements of students who go out: by year, the earliest first, then by element."""
    return _counted(facts, _OUTGOING)


def incoming(facts: Iterable[Fact]) -> dict[str, dict[str, int]]:
    """The figures of agreements of students who come in: by year, the earliest first, then by element."""
    return _counted(facts, _INCOMING)


def outgoing_response(facts: Iterable[Fact]) -> bytes:
    """The whole stats-response of the Outgoing Mobility Learning Agreements API."""
    return _response(OUTGOING_NAMESPACE, OUTGOING_ENVELOPE, outgoing(facts))


def incoming_response(facts: Iterable[Fact]) -> bytes:
    """The whole stats-response of the Outgoing Mobility Learning Agreement CNR API."""
    return _response(INCOMING_NAMESPACE, INCOMING_ENVELOPE, incoming(facts))


def _counted(facts: Iterable[Fact], figures: Mapping[str, Callable[[Fact], bool]]) -> dict[str, dict[str, int]]:
    by_year: defaultdict[str, list[Fact]] = defaultdict(list)
    for one in facts:
        if _reported(one.year):
            by_year[one.year].append(one)
    return {
        year: {name: sum(map(counts, by_year[year])) for name, counts in figures.items()} for year in sorted(by_year)
    }


def _reported(year: str) -> bool:
    """Whether a year is reported: 2021/2022 is the first. What is no year partners made up, and is left out."""
    try:
        return AcademicYear.read(year) >= FIRST_YEAR
    except ValueError:
        return False


def _response(namespace: str, envelope: str, figures: Mapping[str, Mapping[str, int]]) -> bytes:
    parts = [f'<?xml version="1.0" encoding="UTF-8"?>\n<{envelope} xmlns="{namespace}">']
    for year, counted in figures.items():
        parts.append(f"<academic-year-la-stats><receiving-academic-year-id>{year}</receiving-academic-year-id>")
        parts += [f"<{name}>{number}</{name}>" for name, number in counted.items()]
        parts.append("</academic-year-la-stats>")
    parts.append(f"</{envelope}>\n")
    return "".join(parts).encode()
