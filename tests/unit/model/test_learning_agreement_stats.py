"""The figures of learning agreements are those that a recount yields."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given as whatever
from hypothesis import settings
from hypothesis import strategies as st
from lxml import etree

from ewpgw.documents.schemas import Schemas
from ewpgw.model.learning_agreement_parts import Proposal
from ewpgw.model.learning_agreement_standing import Latest, Past, Standing
from ewpgw.model.learning_agreement_stats import (
    Fact,
    fact,
    incoming,
    incoming_response,
    outgoing,
    outgoing_response,
)

from .stays import SIGNATURE, agreement

PROPOSAL = agreement().changes_proposal
assert PROPOSAL is not None
WAITS: Proposal = PROPOSAL
YES, NO = Past(WAITS, SIGNATURE), Past(WAITS, SIGNATURE, "No.")


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing(WAITS), (False, False, Latest.AWAITING)),
        (Standing(WAITS, (NO,)), (False, False, Latest.AWAITING)),
        (Standing(None, (NO,)), (False, False, Latest.REJECTED)),
        (Standing(None, (YES,)), (True, False, Latest.APPROVED)),
        (Standing(None, (NO, NO, YES)), (True, False, Latest.APPROVED)),
        (Standing(WAITS, (YES,)), (True, True, Latest.AWAITING)),
        (Standing(None, (YES, NO)), (True, True, Latest.REJECTED)),
        (Standing(None, (YES, YES)), (True, True, Latest.APPROVED)),
        (Standing(WAITS, (YES, NO, YES)), (True, True, Latest.AWAITING)),
    ],
)
def test_what_counts_of_an_agreement(standing: Standing, expected: tuple[bool, bool, Latest]) -> None:
    assert fact("2026/2027", standing) == Fact("2026/2027", *expected)


def test_what_is_deleted_or_was_taken_back_does_not_count() -> None:
    assert fact("2026/2027", Standing(WAITS, deleted=True)) is None
    assert fact("2026/2027", Standing()) is None


def test_years_before_2021_2022_are_left_out_and_the_others_in_order() -> None:
    years = ["2026/2027", "2021/2021", "2020/2021", "2021/2022", "2022/2022", "1999/2007", "2026/2027"]
    facts = [Fact(year, True, False, Latest.APPROVED) for year in years]
    assert list(outgoing(facts)) == list(incoming(facts)) == ["2021/2022", "2022/2022", "2026/2027"]
    assert outgoing(facts)["2026/2027"]["la-outgoing-total"] == 2


_standings = st.builds(
    Standing, st.sampled_from([None, WAITS]), st.lists(st.sampled_from([YES, NO]), max_size=4).map(tuple)
).filter(lambda standing: not standing.empty)
_agreements = st.lists(st.tuples(st.sampled_from(["2025/2026", "2026/2026", "2026/2027"]), _standings), max_size=20)


def recount(standings: list[Standing]) -> dict[str, int]:
    """The figures by the words of the schema, one question after the other."""
    histories = [[*(one.approved for one in here.past), *([None] if here.current else [])] for here in standings]
    some = [history for history in histories if True in history]
    return {
        "total": len(histories),
        "some-version-approved": len(some),
        "not-modified-after-approval": sum(history.index(True) == len(history) - 1 for history in some),
        "modified-after-approval": sum(history.index(True) < len(history) - 1 for history in some),
        "latest-version-approved": sum(history[-1] is True for history in histories),
        "latest-version-rejected": sum(history[-1] is False for history in histories),
        "latest-version-awaiting": sum(history[-1] is None for history in histories),
    }


@settings(max_examples=50, deadline=None)
@whatever(_agreements)
def test_the_figures_are_those_of_a_recount(found: list[tuple[str, Standing]]) -> None:
    facts = [one for year, standing in found if (one := fact(year, standing)) is not None]
    years = sorted({year for year, _ in found})
    for prefix, figures in (("la-outgoing-", outgoing(facts)), ("la-incoming-", incoming(facts))):
        assert list(figures) == years
        for year in years:
            counted = recount([standing for here, standing in found if here == year])
            for name, number in figures[year].items():
                assert number == counted[name.removeprefix(prefix)], name


@pytest.mark.parametrize("made", [outgoing_response, incoming_response])
@pytest.mark.parametrize("number", [0, 3])
def test_the_responses_obey_the_schemas(
    made: Callable[[list[Fact]], bytes], number: int, assert_published_schema_accepts: Callable[[bytes], None]
) -> None:
    facts = [Fact(year, True, True, Latest.REJECTED) for year in ["2025/2026", "2026/2027"] * number]
    document = made(facts)
    assert_published_schema_accepts(document)
    root = etree.fromstring(document)
    assert Schemas().faults(root) == []
    assert len(root) == min(number, 2)
