"""Pairing two lists as cheaply as possible."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.model.assignment import cheapest_pairs

matrices = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, 9), min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]
    )
)


@settings(max_examples=50, deadline=None)
@given(matrices)
def test_no_other_pairing_is_cheaper(costs: list[list[int]]) -> None:
    pairs = cheapest_pairs(costs)
    rows, columns = len(costs), len(costs[0])
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == min(rows, columns)
    assert pairs == sorted(pairs)
    long, short = range(max(rows, columns)), range(min(rows, columns))
    cheapest = min(
        sum(
            costs[one][other] if rows <= columns else costs[other][one]
            for one, other in zip(short, chosen, strict=True)
        )
        for chosen in permutations(long, len(short))
    )
    assert sum(costs[row][column] for row, column in pairs) == cheapest


def test_empty_lists_have_no_pairs() -> None:
    assert cheapest_pairs([]) == []
    assert cheapest_pairs([[], []]) == []
