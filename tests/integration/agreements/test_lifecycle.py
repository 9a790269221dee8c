"""Drafts, changes, reverting, terminating and deleting agreements."""

from __future__ import annotations

import pytest
from support.sides import NORTH, SOUTH, Side, carry, iia

from ewpgw.agreements.service import MoveRefused, UnknownAgreement
from ewpgw.model.iia_states import State
from ewpgw.records import NotDeletable
from ewpgw.store import agreements, approvals, refusals, snapshots
from ewpgw.store.feed import FeedKind

Sides = tuple[Side, Side]


async def test_a_draft_is_neither_served_nor_announced_until_it_is_proposed(sides: Sides) -> None:
    north, _ = sides
    assert await north.agreements.keep_draft(NORTH, "n1", iia(NORTH, "n1", SOUTH), source="test") == ()
    assert await north.state("n1") is State.DRAFT
    assert b"n1" not in await north.served("n1")
    assert await north.due() == []
    outcome = await north.agreements.propose(NORTH, "n1", source="test")
    assert outcome.result == "created"
    assert [key.item for key in await north.due()] == ["n1"]
    assert await north.state("n1") is State.PROPOSED
    with pytest.raises(MoveRefused, match="no-draft"):
        await north.agreements.propose(NORTH, "n1", source="test")
    with pytest.raises(UnknownAgreement):
        await north.agreements.propose(NORTH, "n2", source="test")


async def test_a_draft_may_have_faults_but_is_not_proposed_with_them(sides: Sides) -> None:
    north, _ = sides
    faulty = iia(NORTH, "n1", SOUTH)
    del faulty["partner"][0]["iia_code"]
    problems = await north.agreements.keep_draft(NORTH, "n1", faulty, source="test")
    assert [problem.path for problem in problems] == ["partner.0.iia_code"]
    with pytest.raises(MoveRefused) as refused:
        await north.agreements.propose(NORTH, "n1", source="test")
    assert refused.value.problems == problems
    assert await north.state("n1") is State.DRAFT
    assert await refusals.get(north.store, NORTH, "iias", "n1") is None
    await north.agreements.delete(NORTH, "n1", source="test")
    with pytest.raises(UnknownAgreement):
        await north.agreements.delete(NORTH, "n1", source="test")


async def test_a_draft_of_a_change_leaves_what_is_served_as_it_is(agreed: Sides) -> None:
    north, _ = agreed
    await north.agreements.keep_draft(NORTH, "n1", iia(NORTH, "n1", SOUTH, people=8), source="test")
    assert await north.state("n1") is State.MUTUALLY_APPROVED
    await north.agreements.propose(NORTH, "n1", source="test")
    assert await north.state("n1") is State.MODIFIED
    assert await north.named("n1") == "s1"


async def test_a_change_is_approved_anew_and_becomes_the_second_snapshot(agreed: Sides) -> None:
    north, south = agreed
    await north.put("n1", people=5)
    await carry(agreed)
    assert (await north.state("n1"), await south.state("s1")) == (State.MODIFIED, State.MODIFIED)
    assert len(await snapshots.list_all(north.store, NORTH, "n1")) == 1
    await south.put("s1", people=5)
    await carry(agreed)
    await south.approve("s1")
    await north.approve("n1")
    await carry(agreed)
    assert (await north.state("n1"), await south.state("s1")) == (State.MUTUALLY_APPROVED, State.MUTUALLY_APPROVED)
    assert [each.number for each in await snapshots.list_all(north.store, NORTH, "n1")] == [2, 1]


async def test_either_side_goes_back_to_the_version_both_approved(agreed: Sides) -> None:
    north, south = agreed
    first = await north.document("n1")
    await north.put("n1", people=5)
    await south.put("s1", people=7)
    await carry(agreed)
    assert (await north.state("n1"), await south.state("s1")) == (State.MODIFIED, State.MODIFIED)
    await north.agreements.revert(NORTH, "n1", source="test")
    await carry(agreed)
    assert await north.document("n1") == first
    with pytest.raises(MoveRefused, match="nothing-to-revert"):
        await north.agreements.revert(NORTH, "n1", source="test")
    await south.agreements.revert(SOUTH, "s1", source="test")
    await carry(agreed)
    assert (await north.state("n1"), await south.state("s1")) == (State.MUTUALLY_APPROVED, State.MUTUALLY_APPROVED)
    assert len(await snapshots.list_all(north.store, NORTH, "n1")) == 1
    with pytest.raises(MoveRefused, match="state-mutually-approved"):
        await north.agreements.revert(NORTH, "n1", source="test")


async def test_what_was_never_approved_by_both_cannot_be_reverted_or_terminated(mapped: Sides) -> None:
    north, _ = mapped
    with pytest.raises(MoveRefused):
        await north.agreements.revert(NORTH, "n1", source="test")
    with pytest.raises(MoveRefused, match="never-approved"):
        await north.agreements.terminate(NORTH, "n1", source="test")


async def test_a_termination_is_approved_by_both_like_any_change(agreed: Sides) -> None:
    north, south = agreed
    await north.agreements.terminate(NORTH, "n1", source="test")
    await carry(agreed)
    assert (await north.state("n1"), await south.state("s1")) == (State.MODIFIED, State.MODIFIED)
    with pytest.raises(MoveRefused, match="terminated-already"):
        await north.agreements.terminate(NORTH, "n1", source="test")
    with pytest.raises(MoveRefused, match="copies-differ"):
        await south.approve("s1")
    await south.agreements.terminate(SOUTH, "s1", source="test")
    await carry(agreed)
    await south.approve("s1")
    await north.approve("n1")
    await carry(agreed)
    assert (await north.state("n1"), await south.state("s1")) == (State.TERMINATED, State.TERMINATED)
    assert (FeedKind.AGREEMENT_TERMINATED, "n1") in await north.told()
    (last, first) = await snapshots.list_all(north.store, NORTH, "n1")
    assert (last.terminated, first.terminated) == (True, False)
    outcome = await north.put("n1", people=9)
    assert outcome.result == "refused"
    assert "terminated" in outcome.problems[0].message
    for move in (north.agreements.revert, north.agreements.terminate, north.agreements.delete):
        with pytest.raises(MoveRefused, match="state-terminated"):
            await move(NORTH, "n1", source="test")


async def test_a_termination_can_be_taken_back_while_the_partner_has_not_approved_it(agreed: Sides) -> None:
    north, south = agreed
    await north.agreements.terminate(NORTH, "n1", source="test")
    await carry(agreed)
    await north.agreements.revert(NORTH, "n1", source="test")
    await carry(agreed)
    assert (await north.state("n1"), await south.state("s1")) == (State.MUTUALLY_APPROVED, State.MUTUALLY_APPROVED)


async def test_only_the_agreed_version_is_terminated(agreed: Sides) -> None:
    north, _ = agreed
    await north.put("n1", people=5)
    with pytest.raises(MoveRefused, match="changed-since"):
        await north.agreements.terminate(NORTH, "n1", source="test")


async def test_a_proposal_is_deleted_with_all_that_was_said_of_it(mapped: Sides) -> None:
    north, south = mapped
    await south.approve("s1")
    await carry(mapped)
    await north.agreements.delete(NORTH, "n1", source="test")
    await carry(mapped)
    assert await north.state("n1") is State.DELETED
    assert await agreements.get(north.store, NORTH, "n1") is None
    assert await approvals.get(north.store, approvals.ApprovalKey(NORTH, False, SOUTH, "n1")) is None
    assert await south.named("s1") is None
    assert (FeedKind.AGREEMENT_UNMAPPED, "s1") in await south.told()
    assert await approvals.given_for(south.store, SOUTH, [NORTH], ["n1"]) == []
    with pytest.raises(MoveRefused, match="state-deleted"):
        await north.agreements.delete(NORTH, "n1", source="test")


async def test_what_both_approved_is_not_deleted_whoever_asks(agreed: Sides) -> None:
    north, _ = agreed
    with pytest.raises(MoveRefused, match="state-mutually-approved"):
        await north.agreements.delete(NORTH, "n1", source="test")
    with pytest.raises(NotDeletable, match="terminated"):
        await north.records.delete(NORTH, "iias", "n1", source="test")
    assert b"n1" in await north.served("n1")


async def test_approvals_of_copies_that_differ_are_a_conflict_that_is_named(mapped: Sides) -> None:
    north, south = mapped
    await north.approve("n1")
    await north.put("n1", people=9)
    await carry(mapped)
    # a partner that approves whatever it sees
    changed = (await north.document("n1"))["iia_hash"]
    async with north.store.transaction() as tx:
        await north.agreements.approval_received(tx, NORTH, SOUTH, "n1", changed, b"", None, north.clock())
    assert await north.state("n1") is State.CONFLICT
    assert await snapshots.list_all(north.store, NORTH, "n1") == []
    await south.put("s1", people=9)
    await carry(mapped)
    assert await north.state("n1") is not State.CONFLICT
