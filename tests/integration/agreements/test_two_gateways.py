"""Two gateways under any moves of both sides, with any mishaps between them: they come to agree, or say on what not.

Hypothesis chooses the moves and the mishaps (``support/two_universities.py``). Then the network heals, a day passes,
and what both sides hold is compared (``support/converged.py``). The stories are the same every time;
``TWO_GATEWAYS_EXAMPLES=2000 pytest …`` adds that many others, and makes one that fails short.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Rule, run_state_machine_as_test
from support.sides import NORTH, SOUTH
from support.two_gateways import Members
from support.two_universities import TwoUniversities

from ewpgw.model.iia_states import State

_EXAMPLES = int(os.environ.get("TWO_GATEWAYS_EXAMPLES", "0"))


@pytest.fixture(autouse=True, scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> None:
    TwoUniversities.members = Members(tmp_path_factory.mktemp("gateways"))


@pytest.fixture
def story() -> Iterator[TwoUniversities]:
    """A story that is told by hand; at its end too both sides are compared."""
    told = TwoUniversities()
    yield told
    told.teardown()


def test_a_change_that_crosses_the_partners_approval_leaves_a_modified_agreement(
    story: TwoUniversities,
) -> None:
    story.both_begin("approved by one")
    story.it_is_approved(NORTH, 1, "nothing")
    assert story.state(NORTH) is State.MUTUALLY_APPROVED
    story.a_record_is_put(SOUTH, 1, 3, None)
    story.the_network_heals()
    assert (story.state(NORTH), story.state(SOUTH)) == (State.MODIFIED, State.MODIFIED)
    story.a_record_is_put(SOUTH, 1, 2, None)
    story.the_network_heals()
    assert (story.state(NORTH), story.state(SOUTH)) == (State.MUTUALLY_APPROVED, State.MUTUALLY_APPROVED)


def test_a_deletion_that_crosses_the_partners_approval_is_a_conflict_that_is_named(story: TwoUniversities) -> None:
    story.both_begin("approved by one")
    story.it_is_approved(NORTH, 1, "nothing")
    story.it_is_deleted(SOUTH, 1)
    story.the_network_heals()
    assert (story.state(NORTH), story.state(SOUTH)) == (State.CONFLICT, State.DELETED)


def test_a_cut_that_crosses_the_partners_approval_is_mended_by_mapping_and_approving(
    story: TwoUniversities,
) -> None:
    story.both_begin("approved by one")
    story.it_is_approved(NORTH, 1, "nothing")
    story.a_mapping_is_cut(SOUTH, 1)
    story.the_network_heals()
    assert (story.state(NORTH), story.state(SOUTH)) == (State.MODIFIED, State.PROPOSED)
    story.a_person_decides(SOUTH, 1, "map 1")
    story.the_network_heals()
    for side in (NORTH, SOUTH):
        story.it_is_approved(side, 1, "nothing")
    story.the_network_heals()
    assert (story.state(NORTH), story.state(SOUTH)) == (State.MUTUALLY_APPROVED, State.MUTUALLY_APPROVED)


def test_going_back_while_the_partner_approves_the_end_ends_nothing(story: TwoUniversities) -> None:
    story.both_begin("agreed")
    for side in (NORTH, SOUTH):
        story.a_person_decides(side, 1, "terminate")
    story.everything_is_carried()
    story.it_is_approved(NORTH, 1, "nothing")
    story.everything_is_carried()
    story.it_is_approved(SOUTH, 1, "nothing")
    assert (story.state(NORTH), story.state(SOUTH)) == (State.MODIFIED, State.TERMINATED)
    story.a_person_decides(NORTH, 1, "revert")
    story.the_network_heals()
    assert (story.state(NORTH), story.state(SOUTH)) == (State.MODIFIED, State.MODIFIED)


def test_an_approval_whose_notification_is_lost_for_good_is_found_by_the_daily_pull(story: TwoUniversities) -> None:
    story.both_begin("mapped")
    story.it_is_approved(SOUTH, 1, "lost")
    assert story.state(NORTH) is State.PROPOSED
    story.the_network_heals()
    assert story.state(NORTH) is State.APPROVED_BY_PARTNER


def test_a_deletion_whose_notification_is_lost_for_good_is_found_by_the_daily_pull(story: TwoUniversities) -> None:
    story.both_begin("approved by one")
    story.it_is_deleted(NORTH, 1)
    story.all_notifications_are_lost_for_good(NORTH)
    assert story.state(SOUTH) is State.APPROVED_BY_US
    story.the_network_heals()
    assert story.state(SOUTH) is State.PROPOSED


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    st.sampled_from(["mapped", "approved by one", "mapped", "agreed", "nothing"]),
    st.lists(TwoUniversities.moves(), min_size=20, max_size=20),
)
def test_two_gateways_come_to_agree_or_say_on_what_they_do_not(
    so_far: str, moves: list[tuple[Rule, dict[str, Any]]]
) -> None:
    story = TwoUniversities()
    try:
        story.both_begin(so_far)
        for move, made_on in moves:
            story.make(move, made_on)
    finally:
        story.teardown()


@pytest.mark.skipif(not _EXAMPLES, reason="looks deeper, where TWO_GATEWAYS_EXAMPLES says how often")
def test_two_gateways_come_to_agree_in_as_many_stories_as_wanted() -> None:
    """At other stories each time; a failing one is made short and printed as the calls that make it."""
    run_state_machine_as_test(
        TwoUniversities,
        settings=settings(
            max_examples=_EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
