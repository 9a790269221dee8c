"""Which conditions of two copies of an agreement belong together: matched by what they say, not by where they stand.

Conditions that say the same are paired first. What is left of the same kind and direction is searched for conditions
that one side has whole and the other in parts; the rest is paired so that there are as few differences as possible.
Conditions of another kind or direction are paired last, and only where they hardly differ otherwise: somebody then
mistook the kind or the direction. What still is left, only one side has.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from ewpgw.model.assignment import cheapest_pairs
from ewpgw.model.iia_terms import INDEX, Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

# What a difference costs. Two conditions of the same kind and direction are paired up to _MOST, about a half of what
# they could differ in; others only up to _MOST_ELSEWHERE beyond the kind and direction themselves.
_KIND = 3000
_COSTS = {
    "sending_hei_id": 2000,
    "receiving_hei_id": 2000,
    "sending_ounit_id": 600,
    "receiving_ounit_id": 600,
    "receiving_first_academic_year_id": 500,
    "receiving_last_academic_year_id": 500,
    "mobilities_per_year": 400,
    "recommended_language_skill": 400,
    "subject_area": 1200,
    "other_info_terms": 200,
    "total_months_per_year": 400,
    "total_days_per_year": 400,
    "blended": 300,
    "eqf_level": 500,
}
_BY_INDEX = tuple(_COSTS[field] for field in INDEX)
_LISTS = tuple(INDEX[field] for field in ("recommended_language_skill", "subject_area", "eqf_level"))
_AREAS = INDEX["subject_area"]
_AMOUNTS = tuple(INDEX[field] for field in ("mobilities_per_year", "total_months_per_year", "total_days_per_year"))
_UNITS = tuple(INDEX[field] for field in ("sending_ounit_id", "receiving_ounit_id"))
_YEARS = tuple(INDEX[f"receiving_{which}_academic_year_id"] for which in ("first", "last"))
_INDIVISIBLE = tuple(index for index in range(len(INDEX)) if index not in {*_LISTS, *_AMOUNTS, *_UNITS, *_YEARS})
_MOST = 3000
_MOST_ELSEWHERE = 1000
_APART = 2 * _MOST + 1  # dearer than any pair: these two stay alone

MOST_COMPARED = 250
"""Longer lists of unequal conditions are paired in the order of what they say; nobody could read that diff anyway."""


@dataclass(frozen=True, slots=True)
class Match:
    """Conditions of the first copy (``a``) and of the second (``b``) that belong together.

    Mostly one on each side. One side is empty where only the other has the condition; one side has several where a
    condition of the other is split.
    """

    a: tuple[Placed, ...]
    b: tuple[Placed, ...]


def matches(a: Sequence[Placed], b: Sequence[Placed]) -> list[Match]:
    """Every condition of both copies in one match, in the order of the first copy, then of the second."""
    found, rest_a, rest_b = _equal(a, b)
    for same_a, same_b in _by_flow(rest_a, rest_b):
        found += _split(same_a, same_b)
        found += [Match(parts.b, parts.a) for parts in _split(same_b, same_a)]
        found += _closest(same_a, same_b, _MOST)
        rest_a += same_a
        rest_b += same_b
    found += _closest(rest_a, rest_b, _MOST_ELSEWHERE)
    found += [Match((one,), ()) for one in rest_a]
    found += [Match((), (one,)) for one in rest_b]
    order = {id(one): position for position, one in enumerate((*a, *b))}
    return sorted(found, key=lambda match: order[id((match.a or match.b)[0])])


def _equal(a: Sequence[Placed], b: Sequence[Placed]) -> tuple[list[Match], list[Placed], list[Placed]]:
    """Pairs that say the same; what is left of either copy."""
    waiting: defaultdict[Hashable, list[Placed]] = defaultdict(list)
    for one in reversed(b):
        waiting[(one.kind, one.values)].append(one)
    found: list[Match] = []
    left: list[Placed] = []
    for one in a:
        same = waiting.get((one.kind, one.values))
        if same:
            found.append(Match((one,), (same.pop(),)))
        else:
            left.append(one)
    unpaired = {id(one) for same in waiting.values() for one in same}
    return found, left, [one for one in b if id(one) in unpaired]


def _by_flow(a: list[Placed], b: list[Placed]) -> list[tuple[list[Placed], list[Placed]]]:
    """The conditions taken out of both lists, grouped by kind and direction."""
    groups: dict[tuple[str, str, str], tuple[list[Placed], list[Placed]]] = {}
    for side, listed in enumerate((a, b)):
        for one in listed:
            groups.setdefault(one.flow, ([], []))[side].append(one)
        listed.clear()
    return list(groups.values())


def _split(wholes: list[Placed], pieces: list[Placed]) -> list[Match]:
    """Conditions of the first list that the second has in several parts; both are taken out of their lists."""
    if len(pieces) < 2 or len(wholes) > MOST_COMPARED or len(pieces) > MOST_COMPARED:
        return []
    near: defaultdict[Hashable, list[Placed]] = defaultdict(list)
    for one in pieces:
        for key in _keys(one):
            near[key].append(one)
    found: list[Match] = []
    for whole in list(wholes):
        candidates = {id(one) for key in _keys(whole) for one in near[key]}
        parts = [one for one in pieces if id(one) in candidates and _is_part(one, whole)]
        if len(parts) > 1 and _make_up(parts, whole):
            found.append(Match((whole,), tuple(parts)))
            _remove(wholes, [whole])
            _remove(pieces, parts)
            for key in _keys(whole):
                _remove(near[key], parts)
    return found


def _keys(one: Placed) -> list[Hashable]:
    """What a condition and its parts have in common: all that is not divided, and at least one field of education."""
    rest = _indivisible(one)
    return [(rest, area) for area in _items(one, _AREAS) or (None,)]


def _indivisible(one: Placed) -> Hashable:
    return tuple(one.values[index] for index in _INDIVISIBLE)


def _is_part(part: Placed, whole: Placed) -> bool:
    """Whether a condition says nothing that goes beyond another of the same kind and direction."""
    larger, smaller = whole.values, part.values
    for index in _LISTS:
        if smaller[index] != larger[index] and not (smaller[index] and _items(part, index) <= _items(whole, index)):
            return False
    for index in _UNITS:
        if larger[index] not in (None, smaller[index]):
            return False
    for index in _AMOUNTS:
        if smaller[index] != larger[index] and _amount(part, index) > _amount(whole, index):
            return False
    first, last = _YEARS
    return str(larger[first]) <= str(smaller[first]) and str(smaller[last]) <= str(larger[last])


def _make_up(parts: Sequence[Placed], whole: Placed) -> bool:
    """Whether such parts, taken together, are the whole."""
    for index in _LISTS:
        if frozenset().union(*(_items(part, index) for part in parts)) != _items(whole, index):
            return False
    first, last = _YEARS
    spans = sorted((_calendar(part, first), _calendar(part, last)) for part in parts)
    reached = _calendar(whole, first) - 1
    for begins, ends in spans:
        if begins > reached + 1:
            return False
        reached = max(reached, ends)
    if reached < _calendar(whole, last):
        return False
    apart = (*_LISTS, *_YEARS, *_UNITS)
    if any(all(part.values[index] == whole.values[index] for index in apart) for part in parts):
        # One part says it all by itself but for the numbers, so it is the numbers that have to be divided.
        people = _AMOUNTS[0]
        return whole.values[people] is not None and sum(_amount(part, people) for part in parts) == _amount(
            whole, people
        )
    return True


def _items(one: Placed, index: int) -> frozenset[Hashable]:
    found = one.values[index]
    if not isinstance(found, frozenset):
        raise TypeError(f"the values at {index} are not a list")
    return found


def _amount(one: Placed, index: int) -> Decimal:
    found = one.values[index]
    return found if isinstance(found, Decimal) else Decimal(0)


def _calendar(one: Placed, index: int) -> int:
    return int(str(one.values[index])[:4])


def _closest(a: list[Placed], b: list[Placed], most: int) -> list[Match]:
    """Pairs with as few differences as possible; both are taken out of their lists."""
    if not a or not b:
        return []
    if len(a) > MOST_COMPARED or len(b) > MOST_COMPARED:
        return _in_order(a, b)
    costs = _costs(a, b, most)
    found = [Match((a[row],), (b[column],)) for row, column in cheapest_pairs(costs) if costs[row][column] < _APART]
    _remove(a, [match.a[0] for match in found])
    _remove(b, [match.b[0] for match in found])
    return found


def _in_order(a: list[Placed], b: list[Placed]) -> list[Match]:
    if a[0].flow != b[0].flow or any(one.flow != a[0].flow for one in (*a, *b)):
        return []
    in_order = (sorted(side, key=lambda one: [_sortable(value) for value in one.values]) for side in (a, b))
    found = [Match((one,), (other,)) for one, other in zip(*in_order, strict=False)]
    _remove(a, [match.a[0] for match in found])
    _remove(b, [match.b[0] for match in found])
    return found


def _sortable(value: Hashable) -> list[str]:
    return sorted(map(str, value)) if isinstance(value, frozenset) else [str(value)]


def _costs(a: Sequence[Placed], b: Sequence[Placed], most: int) -> list[list[int]]:
    """What each pair would cost. Values become small numbers first, and what is the same everywhere is left out."""
    costs = [[0] * len(b) for _ in a]
    structural = [[0] * len(b) for _ in a]
    kinds = ([one.kind for one in a], [one.kind for one in b])
    _add(structural, *kinds, lambda _one, _other: _KIND)
    for index, cost in enumerate(_BY_INDEX):
        values = ([one.values[index] for one in a], [one.values[index] for one in b])
        _add(structural if index < 2 else costs, *values, _graded(cost))
    return [
        [
            fixed + cost if cost <= (most if not fixed else _MOST_ELSEWHERE) else _APART
            for fixed, cost in zip(fixed_row, cost_row, strict=True)
        ]
        for fixed_row, cost_row in zip(structural, costs, strict=True)
    ]


def _add(
    costs: list[list[int]],
    a: Sequence[Hashable],
    b: Sequence[Hashable],
    cost: Callable[[Hashable, Hashable], int],
) -> None:
    """Add what one term costs in every pair."""
    if len({*a, *b}) == 1:
        return
    different = list(dict.fromkeys(b))
    place = {value: position for position, value in enumerate(different)}
    columns = [place[value] for value in b]
    known: dict[Hashable, list[int]] = {}
    for row, value in zip(costs, a, strict=True):
        if value not in known:
            known[value] = [0 if value == other else cost(value, other) for other in different]
        prices = known[value]
        row[:] = [sum_so_far + prices[column] for sum_so_far, column in zip(row, columns, strict=True)]


def _graded(cost: int) -> Callable[[Hashable, Hashable], int]:
    """What two different values cost: the closer they are, the less, and never less than half."""

    def graded(one: Hashable, other: Hashable) -> int:
        if isinstance(one, frozenset) and isinstance(other, frozenset):
            return cost - cost * len(one & other) // (2 * len(one | other))
        if isinstance(one, Decimal) and isinstance(other, Decimal):
            return cost - int(cost * min(one, other) / (2 * max(one, other)))
        return cost

    return graded


def _remove(listed: list[Placed], gone: Iterable[Placed]) -> None:
    ids = {id(one) for one in gone}
    listed[:] = [one for one in listed if id(one) not in ids]
