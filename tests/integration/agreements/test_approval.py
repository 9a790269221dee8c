"""Approving agreements: what counts, when it lapses, and what both sides come to see."""

from __future__ import annotations

import asyncio

import pytest
from support.sides import NORTH, SOUTH, Side, carry

from ewpgw.agreements.service import MoveRefused, UnknownAgreement
from ewpgw.model.iia_states import State
from ewpgw.store import agreements, approvals, snapshots, work
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkKey, WorkKind, WorkState

Sides = tuple[Side, Side]


async def test_both_approve_and_the_agreement_is_in_effect_on_both_sides(mapped: Sides) -> None:
    north, south = mapped
    assert await south.approve("s1") is False
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.APPROVED_BY_PARTNER, State.APPROVED_BY_US)
    await north.approve("n1")
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.MUTUALLY_APPROVED, State.MUTUALLY_APPROVED)
    assert (await north.document("n1"))["in_effect"] is True
    assert (await south.document("s1"))["in_effect"] is True
    assert (FeedKind.MUTUALLY_APPROVED, "n1") in await north.told()
    assert (FeedKind.MUTUALLY_APPROVED, "s1") in await south.told()
    assert await agreements.approvals(north.store, NORTH) == agreements.Approvals(0, 0, 1)


async def test_mutual_approval_keeps_both_copies_both_approvals_and_where_they_came_from(agreed: Sides) -> None:
    north, south = agreed
    (summary,) = await snapshots.list_all(north.store, NORTH, "n1")
    kept = await snapshots.get(north.store, NORTH, "n1", summary.number)
    assert kept is not None
    ours, theirs = await north.document("n1"), await south.document("s1")
    assert (kept.number, kept.our_hash, kept.their_hash) == (1, ours["iia_hash"], theirs["iia_hash"])
    assert b"n1" in kept.our_body
    assert kept.their_body.startswith(b"<?xml")
    assert b"s1" in kept.their_body
    assert kept.received_body == b"<approved/>"
    assert kept.received_exchange_id == "exchange of approval"
    assert kept.given_exchange_id is not None
    assert len(await snapshots.list_all(south.store, SOUTH, "s1")) == 1


async def test_what_is_published_is_the_hash_of_the_bytes_received(mapped: Sides) -> None:
    north, south = mapped
    await north.approve("n1")
    (given,) = await approvals.given_for(north.store, NORTH, [SOUTH], ["s1"])
    assert given.iia_hash == (await south.document("s1"))["iia_hash"]
    assert await approvals.given_for(north.store, NORTH, ["west.example"], ["s1"]) == []
    assert await approvals.given_for(north.store, NORTH, [SOUTH], ["n1"]) == []


async def test_the_copy_that_was_approved_is_fetched_again_so_that_a_stale_approval_is_seen(mapped: Sides) -> None:
    north, south = mapped
    await south.put("s1", people=9)  # and North does not hear of it
    await north.approve("n1")
    assert await north.state("n1") is State.APPROVED_BY_US
    row = await work.get(north.store, WorkKey(WorkKind.REFRESH, NORTH, SOUTH, "iias", "s1"))
    assert row is not None
    assert row.state is WorkState.DUE
    await north.receive("s1", await south.served("s1"))
    assert await north.state("n1") is State.COUNTER_CHANGED
    assert (FeedKind.GIVEN_APPROVAL_LAPSED, "n1") in await north.told()


async def test_approving_twice_is_approving_once(mapped: Sides) -> None:
    north, _ = mapped
    iia_hash = await north.hash_of_theirs("n1")
    results = await asyncio.gather(*(north.agreements.approve(NORTH, "n1", iia_hash) for _ in range(4)))
    assert sorted(result.already for result in results) == [False, True, True, True]
    told = [entry for entry in await north.told() if entry[0] is FeedKind.APPROVAL_GIVEN]
    assert told == [(FeedKind.APPROVAL_GIVEN, "n1")]


async def test_what_the_person_did_not_see_is_not_approved(mapped: Sides) -> None:
    north, south = mapped
    seen = await north.hash_of_theirs("n1")
    await south.put("s1", people=9)
    await carry(mapped)
    with pytest.raises(MoveRefused) as refused:
        await north.agreements.approve(NORTH, "n1", seen)
    assert refused.value.refusal.code == "copy-changed"


async def test_an_approval_lapses_when_the_copy_changes_and_counts_again_when_it_changes_back(mapped: Sides) -> None:
    north, south = mapped
    await north.approve("n1")
    await carry(mapped)
    assert await south.state("s1") is State.APPROVED_BY_PARTNER
    await south.put("s1", people=9)
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.COUNTER_CHANGED, State.COUNTER_CHANGED)
    assert (FeedKind.GIVEN_APPROVAL_LAPSED, "n1") in await north.told()
    assert (FeedKind.RECEIVED_APPROVAL_LAPSED, "s1") in await south.told()
    await south.put("s1")
    await carry(mapped)
    assert (await north.state("n1"), await south.state("s1")) == (State.APPROVED_BY_US, State.APPROVED_BY_PARTNER)


async def test_copies_that_differ_are_not_approved(mapped: Sides) -> None:
    north, south = mapped
    await south.put("s1", people=9)
    await carry(mapped)
    with pytest.raises(MoveRefused, match="copies-differ"):
        await north.approve("n1")
    await north.put("n1", people=9)
    await carry(mapped)
    assert await north.approve("n1") is False


async def test_a_copy_that_does_not_name_ours_is_not_approved(sides: Sides) -> None:
    north, south = sides
    await north.put("n1")
    await south.put("s1")
    await carry(sides)
    await north.agreements.map(NORTH, "n1", "s1")
    with pytest.raises(MoveRefused, match="partner-has-not-mapped"):
        await north.approve("n1")


async def test_an_agreement_that_nobody_has_mapped_is_not_approved(sides: Sides) -> None:
    north, _ = sides
    await north.put("n1")
    with pytest.raises(MoveRefused, match="not-mapped"):
        await north.agreements.approve(NORTH, "n1", "0" * 64)
    with pytest.raises(UnknownAgreement):
        await north.agreements.approve(NORTH, "n2", "0" * 64)


async def test_an_invalid_copy_is_not_approved_but_former_approvals_count_on(agreed: Sides) -> None:
    north, _ = agreed
    await north.receive("s1", b"<html>Sorry</html>")
    assert await north.state("n1") is State.MUTUALLY_APPROVED
    with pytest.raises(MoveRefused):
        await north.agreements.approve(NORTH, "n1", "0" * 64)


async def test_a_partner_that_takes_its_approval_back_is_believed(agreed: Sides) -> None:
    north, _ = agreed
    now = north.clock()
    async with north.store.transaction() as tx:
        await north.agreements.approval_received(tx, NORTH, SOUTH, "n1", None, b"<none/>", "x", now)
    assert await north.state("n1") is State.MODIFIED
    assert (FeedKind.RECEIVED_APPROVAL_LAPSED, "n1") in await north.told()


async def test_an_approval_of_an_agreement_that_is_not_ours_or_not_with_that_partner_is_not_kept(mapped: Sides) -> None:
    north, _ = mapped
    for partner, our_id in ((SOUTH, "n9"), ("west.example", "n1")):
        async with north.store.transaction() as tx:
            await north.agreements.approval_received(tx, NORTH, partner, our_id, "0" * 64, b"", None, north.clock())
        key = approvals.ApprovalKey(NORTH, False, partner, our_id)
        assert await approvals.get(north.store, key) is None


async def test_approvals_and_new_copies_at_the_same_moment_end_as_the_facts_are(mapped: Sides) -> None:
    north, south = mapped
    seen = await north.hash_of_theirs("n1")
    await south.put("s1", people=9)
    body = await south.served("s1")
    await asyncio.gather(
        north.agreements.approve(NORTH, "n1", seen),
        *(north.receive("s1", body) for _ in range(3)),
        return_exceptions=True,
    )
    assert await north.state("n1") is State.COUNTER_CHANGED
    standing = await agreements.get(north.store, NORTH, "n1")
    assert standing is not None
    assert (standing.given, standing.same) == (False, False)
