"""Moves that cross: a side changes its copy before it hears of the other's approval, and both still keep the same."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from support.sides import NORTH, SOUTH, Side, carry

from ewpgw.model.iia_next_steps import next_step
from ewpgw.model.iia_states import Agreed, State
from ewpgw.store import approvals, former_copies, snapshots
from ewpgw.store.approvals import ApprovalKey
from ewpgw.store.feed import FeedKind
from ewpgw.store.snapshots import Snapshot

Sides = tuple[Side, Side]


async def kept(side: Side, our_id: str) -> Snapshot:
    """The version that a side holds for the one that both approved last."""
    found = await snapshots.last(side.store, side.hei_id, our_id)
    assert found is not None
    return found


async def the_other_side_approves_what_is_about_to_change(sides: Sides) -> None:
    """North has approved, South has heard of it and approves; North does not hear of that yet."""
    north, south = sides
    await north.approve("n1")
    await carry(sides)
    await south.approve("s1")
    assert await south.state("s1") is State.MUTUALLY_APPROVED


async def both_hold_the_same(sides: Sides) -> None:
    north, south = sides
    mine, theirs = await kept(north, "n1"), await kept(south, "s1")
    assert (mine.our_hash, mine.their_hash) == (theirs.their_hash, theirs.our_hash)
    assert (mine.number, mine.terminated) == (theirs.number, theirs.terminated)
    assert json.loads(mine.our_document) == json.loads(theirs.their_document)


async def test_a_change_that_crosses_the_partners_approval_leaves_the_same_version_agreed_on_both_sides(
    mapped: Sides,
) -> None:
    north, south = mapped
    await the_other_side_approves_what_is_about_to_change(mapped)
    await north.put("n1", people=9)
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.MODIFIED, State.MODIFIED)
    await both_hold_the_same(mapped)
    assert (await north.document("n1"))["in_effect"] is True
    assert (FeedKind.MUTUALLY_APPROVED, "n1") in await north.told()
    await north.agreements.revert(NORTH, "n1", source="test")
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.MUTUALLY_APPROVED, State.MUTUALLY_APPROVED)
    assert len(await snapshots.list_all(north.store, NORTH, "n1")) == 1


async def test_the_same_is_agreed_where_both_change_before_they_hear_of_anything(mapped: Sides) -> None:
    north, south = mapped
    await north.approve("n1")
    await south.approve("s1")
    await north.put("n1", people=9)
    await south.put("s1", people=8)
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.MODIFIED, State.MODIFIED)
    await both_hold_the_same(mapped)
    for side, our_id in ((north, "n1"), (south, "s1")):
        await side.agreements.revert(side.hei_id, our_id, source="test")
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.MUTUALLY_APPROVED, State.MUTUALLY_APPROVED)


async def test_several_changes_that_cross_an_approval_are_reverted_to_what_both_approved(mapped: Sides) -> None:
    north, south = mapped
    await the_other_side_approves_what_is_about_to_change(mapped)
    await north.put("n1", people=9)
    await north.put("n1", people=7)
    await carry(mapped)
    assert (await kept(north, "n1")).our_hash == (await kept(south, "s1")).their_hash
    await north.agreements.revert(NORTH, "n1", source="test")
    await north.agreements.terminate(NORTH, "n1", source="test")
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.MODIFIED, State.MODIFIED)


async def test_an_approval_of_a_version_that_says_something_else_is_no_agreement(mapped: Sides) -> None:
    north, south = mapped
    await north.approve("n1")
    await carry(mapped)
    await north.put("n1", people=9)
    changed = (await north.document("n1"))["iia_hash"]
    await north.put("n1", people=7)
    # a partner that approves whatever it once saw
    async with north.store.transaction() as tx:
        await north.agreements.approval_received(tx, NORTH, SOUTH, "n1", changed, b"", None, north.clock())
    assert await snapshots.list_all(north.store, NORTH, "n1") == []
    assert await north.state("n1") is State.APPROVED_BY_US
    assert await south.state("s1") is State.APPROVED_BY_PARTNER


async def test_an_approval_of_a_version_that_never_was_ours_is_no_agreement(mapped: Sides) -> None:
    north, _ = mapped
    await north.approve("n1")
    async with north.store.transaction() as tx:
        await north.agreements.approval_received(tx, NORTH, SOUTH, "n1", "f" * 64, b"", None, north.clock())
    assert await snapshots.list_all(north.store, NORTH, "n1") == []
    assert await north.state("n1") is State.APPROVED_BY_US


async def test_whoever_missed_an_approval_says_that_the_partner_holds_it_for_agreed(mapped: Sides) -> None:
    """South's first approval is followed by a second before North asks; only the last one is ever published."""
    north, south = mapped
    await the_other_side_approves_what_is_about_to_change(mapped)
    await north.put("n1", people=9)
    await south.receive("n1", await north.served("n1"))
    await south.put("s1", people=9)
    await south.approve("s1")
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.APPROVED_BY_PARTNER, State.MODIFIED)
    words = next_step((await north.known("n1")).facts)
    assert "says that it is in effect" in words
    assert "We: approve the partner's copy." in words
    await north.approve("n1")
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.MUTUALLY_APPROVED, State.MUTUALLY_APPROVED)
    assert (await north.known("n1")).facts.agreed == Agreed(
        (await north.document("n1"))["iia_hash"], (await south.document("s1"))["iia_hash"]
    )


async def test_the_newest_former_versions_are_kept_until_the_agreement_is_deleted(mapped: Sides) -> None:
    north, _ = mapped
    hashes = []
    for people in range(10, 12 + former_copies.MOST):
        hashes.append((await north.document("n1"))["iia_hash"])
        await north.put("n1", people=people)
    assert all(one != other for one, other in pairwise(hashes))
    found = [await former_copies.get(north.store, NORTH, "n1", iia_hash) for iia_hash in hashes]
    assert [one is not None for one in found] == [False] * 2 + [True] * former_copies.MOST
    await north.agreements.delete(NORTH, "n1", source="test")
    assert await former_copies.get(north.store, NORTH, "n1", hashes[-1]) is None


@pytest.mark.parametrize("then", ["cut", "deleted"])
async def test_what_was_withdrawn_makes_no_agreement_later(mapped: Sides, then: str) -> None:
    north, _ = mapped
    await north.approve("n1")
    ours = (await north.document("n1"))["iia_hash"]
    if then == "cut":
        await north.agreements.unmap(NORTH, "n1")
    else:
        await north.agreements.delete(NORTH, "n1", source="test")
    async with north.store.transaction() as tx:
        await north.agreements.approval_received(tx, NORTH, SOUTH, "n1", ours, b"", None, north.clock())
    assert await snapshots.list_all(north.store, NORTH, "n1") == []
    assert await approvals.get(north.store, ApprovalKey(NORTH, True, SOUTH, "s1")) is None
