"""How much two agreements are alike, to propose which copy of a partner belongs to which agreement of ours.

A score is no proof: a person confirms. It is gathered for each *flow*, which is a kind of mobility in one direction,
from all of its conditions together, so that neither the order of conditions nor how they are divided makes two
agreements unlike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from ewpgw.model.iia_compare import conditions, contradict, same_content
from ewpgw.model.iia_terms import INDEX, Placed, code, kind_title, placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ewpgw.model.iia import Iia

# What each thing is worth in a flow that both have; together 1.
_DIRECTION, _YEARS, _FIELDS, _PEOPLE, _CONDITIONS = (Fraction(n, 20) for n in (7, 4, 5, 3, 1))
_ALMOST = Fraction(99, 100)
_OTHER_AGREEMENT = Fraction(1, 4)
_DIGITS = 4

Flow = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """``score``: 0 for agreements between other institutions, 1 for the same content. ``reasons``: why, for people."""

    score: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class _Sum:
    """All conditions of one flow together. ``people`` is None where a condition leaves them open."""

    first: int = 9999
    last: int = 0
    codes: set[str] = field(default_factory=set)
    people: Decimal = Decimal(0)
    conditions: int = 0

    def add(self, one: Placed) -> None:
        condition = one.condition
        self.first = min(self.first, int(condition.receiving_first_academic_year_id[:4]))
        self.last = max(self.last, int(condition.receiving_last_academic_year_id[:4]))
        self.codes.update(code(area) for area in condition.subject_area)
        people = one.values[INDEX["mobilities_per_year"]]
        self.people += people if isinstance(people, Decimal) else 0
        self.conditions += 1


def likeness(a: Iia, b: Iia) -> Likeness:
    """Compare two agreements; the same score whichever comes first."""
    heis = [{partner.hei_id for partner in iia.partner} for iia in (a, b)]
    if heis[0] != heis[1]:
        return Likeness(0.0, ("they are between other institutions",))
    between = f"both are between {' and '.join(sorted(heis[0]))}"
    if same_content(a, b):
        return Likeness(1.0, (between, "all conditions say the same"))
    flows = _flows(a), _flows(b)
    reasons = [between, *_flow_reasons(*flows)]
    every = flows[0].keys() | flows[1].keys()
    shared = flows[0].keys() & flows[1].keys()
    score = sum((_flow(flows[0][flow], flows[1][flow]) for flow in shared), Fraction(0)) / max(1, len(every))
    if shared:
        reasons += _detail_reasons([(flows[0][flow], flows[1][flow]) for flow in sorted(shared)])
    if _other_identifiers(a, b):
        score *= _OTHER_AGREEMENT
        reasons.append("they name other identifiers for the same institution: each may belong to another agreement")
    return Likeness(round(float(min(score, _ALMOST)), _DIGITS), tuple(reasons))


def split_over(whole: Iia, parts: Sequence[Iia]) -> tuple[int, ...]:
    """Which of several agreements together have exactly the conditions of one, by their positions; empty for none.

    That one was split into several then, or the several were put into one, which the network forbids: both copies of an
    agreement have the same conditions (ewp-specs-api-iias 7, README, "Important rules").
    """
    heis = {partner.hei_id for partner in whole.partner}
    wanted, taken = conditions(whole), []
    for position, part in enumerate(parts):
        held = conditions(part)
        if held and held <= wanted and {partner.hei_id for partner in part.partner} == heis:
            wanted = wanted - held
            taken.append(position)
    return tuple(taken) if len(taken) > 1 and not wanted else ()


def _flows(iia: Iia) -> dict[Flow, _Sum]:
    flows: dict[Flow, _Sum] = {}
    for one in placed(iia):
        flows.setdefault(one.flow, _Sum()).add(one)
    return flows


def _flow(a: _Sum, b: _Sum) -> Fraction:
    return (
        _DIRECTION
        + _YEARS * _overlap(a, b)
        + _FIELDS * _nearness(a.codes, b.codes)
        + _PEOPLE * _ratio(a.people, b.people)
        + _CONDITIONS * _ratio(Decimal(a.conditions), Decimal(b.conditions))
    )


def _overlap(a: _Sum, b: _Sum) -> Fraction:
    """The years both have, of those either has."""
    common = min(a.last, b.last) - max(a.first, b.first) + 1
    either = max(a.last, b.last) - min(a.first, b.first) + 1
    return Fraction(max(0, common), either) if either > 0 else Fraction(0)


def _nearness(a: set[str], b: set[str]) -> Fraction:
    """How near the codes of fields are: 0312 is nearer to 0313 than 0322 is. No code at all is half near to any."""
    if not a or not b:
        return Fraction(1) if a == b else Fraction(1, 2)
    near = [
        _nearest(one, beginnings)
        for mine, others in ((a, b), (b, a))
        for beginnings in [_begin(others)]
        for one in mine
    ]
    return sum(near, Fraction(0)) / len(near)


def _begin(codes: set[str]) -> set[str]:
    return {code[:length] for code in codes for length in range(1, len(code) + 1)}


def _nearest(one: str, beginnings: set[str]) -> Fraction:
    common = max((length for length in range(1, len(one) + 1) if one[:length] in beginnings), default=0)
    return Fraction(common, len(one))


def _ratio(a: Decimal, b: Decimal) -> Fraction:
    return Fraction(1) if a == b else Fraction(min(a, b)) / Fraction(max(a, b))


def _other_identifiers(a: Iia, b: Iia) -> bool:
    ids = {partner.hei_id: partner.iia_id for partner in a.partner}
    return any(contradict(ids.get(partner.hei_id), partner.iia_id) for partner in b.partner)


def _flow_reasons(a: Mapping[Flow, _Sum], b: Mapping[Flow, _Sum]) -> Iterator[str]:
    for flow in sorted(a.keys() & b.keys()):
        yield f"both have {_named(flow)}"
    for flow in sorted(a.keys() ^ b.keys()):
        yield f"only one has {_named(flow)}"
    if not a and not b:
        yield "neither has conditions"


def _named(flow: Flow) -> str:
    kind, sending, receiving = flow
    return f"{kind_title(kind)}, {sending} → {receiving}"


def _detail_reasons(shared: Iterable[tuple[_Sum, _Sum]]) -> Iterator[str]:
    pairs = list(shared)
    if all((a.first, a.last) == (b.first, b.last) for a, b in pairs):
        yield "the academic years are the same"
    elif any(_overlap(a, b) for a, b in pairs):
        yield "the academic years overlap"
    else:
        yield "the academic years do not overlap"
    mine, theirs = (set().union(*(pair[side].codes for pair in pairs)) for side in (0, 1))
    if mine == theirs:
        yield "the fields of education are the same"
    elif mine & theirs:
        yield f"fields of education in common: {', '.join(sorted(mine & theirs))}"
    else:
        yield "no field of education in common"
    for title, values in (
        ("people a year", [sum((pair[side].people for pair in pairs), Decimal(0)) for side in (0, 1)]),
        ("conditions", [Decimal(sum(pair[side].conditions for pair in pairs)) for side in (0, 1)]),
    ):
        least, most = sorted(values)
        yield f"as many {title}: {most:f}" if least == most else f"{title}: {least:f} and {most:f}"
