"""Decisions of ours about partners' things: one at a time for each, and what becomes of them (both databases)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ewpgw.store import Store, decisions
from ewpgw.store.decisions import DecisionKey, DecisionState, NewDecision
from ewpgw.store.work import WorkKey, WorkKind

KEY = DecisionKey("north.example", "omobilities", "south.example", "s1")
YES = NewDecision(KEY, "p1", "approved", None, b"<approve/>", "liisa")
NO = NewDecision(KEY, "p1", "rejected", "no room", b"<reject/>")


async def put(store: Store, new: NewDecision, now: datetime) -> bool:
    async with store.transaction() as tx:
        return await decisions.put(tx, new, now)


async def settle(store: Store, number: int, state: DecisionState, now: datetime, words: str | None = None) -> bool:
    async with store.transaction() as tx:
        return await decisions.settle(tx, KEY, number, state, now, words=words, exchange_id="e1")


async def test_a_decision_waits_until_it_is_known_what_became_of_it(store: Store, now: datetime) -> None:
    assert await decisions.get(store, KEY) is None
    assert await put(store, YES, now)
    kept = await decisions.get(store, KEY)
    assert kept is not None
    assert (kept.number, kept.verdict, kept.document, kept.by, kept.at) == (1, "approved", b"<approve/>", "liisa", now)
    assert (kept.state, kept.answered_at, kept.exchange_id) == (DecisionState.WAITING, None, None)
    later = now + timedelta(minutes=1)
    assert await settle(store, 1, DecisionState.MADE, later, "Welcome")
    made = await decisions.get(store, KEY)
    assert made == replace(kept, state=DecisionState.MADE, words="Welcome", answered_at=later, exchange_id="e1")
    assert KEY.work == WorkKey(WorkKind.UPDATE, "north.example", "south.example", "omobilities", "s1")


async def test_while_one_waits_no_other_is_taken(store: Store, now: datetime) -> None:
    assert await put(store, YES, now)
    assert not await put(store, YES, now)
    assert not await put(store, NO, now)


async def test_what_is_made_is_not_decided_twice_but_may_be_decided_otherwise(store: Store, now: datetime) -> None:
    await put(store, NO, now)
    await settle(store, 1, DecisionState.MADE, now)
    assert not await put(store, replace(NO, comment="other words"), now)
    assert await put(store, YES, now)
    kept = await decisions.get(store, KEY)
    assert kept is not None
    assert (kept.number, kept.words, kept.exchange_id) == (2, None, None)


async def test_the_same_proposal_that_was_handed_in_again_is_decided_again(store: Store, now: datetime) -> None:
    await put(store, NO, now)
    await settle(store, 1, DecisionState.MADE, now)
    assert not await put(store, replace(NO, seen_at=now - timedelta(seconds=1)), now), "seen before it was made"
    assert await put(store, replace(NO, seen_at=now + timedelta(seconds=1)), now)


@pytest.mark.parametrize("state", [DecisionState.REFUSED, DecisionState.OVERTAKEN])
async def test_what_was_not_made_can_be_decided_again(store: Store, now: datetime, state: DecisionState) -> None:
    await put(store, YES, now)
    await settle(store, 1, state, now)
    assert await put(store, YES, now)


async def test_what_becomes_of_an_earlier_decision_says_nothing_of_the_present_one(store: Store, now: datetime) -> None:
    await put(store, YES, now)
    await settle(store, 1, DecisionState.OVERTAKEN, now)
    await put(store, replace(YES, proposal_id="p2"), now)
    assert not await settle(store, 1, DecisionState.MADE, now)
    kept = await decisions.get(store, KEY)
    assert kept is not None
    assert kept.state is DecisionState.WAITING


@pytest.mark.parametrize(
    ("before", "after", "possible"),
    [
        (DecisionState.REFUSED, DecisionState.MADE, True),
        (DecisionState.REFUSED, DecisionState.OVERTAKEN, False),
        (DecisionState.MADE, DecisionState.REFUSED, False),
        (DecisionState.MADE, DecisionState.OVERTAKEN, False),
        (DecisionState.OVERTAKEN, DecisionState.MADE, False),
    ],
)
async def test_nothing_turns_a_success_into_a_failure_afterwards(
    store: Store, now: datetime, before: DecisionState, after: DecisionState, possible: bool
) -> None:
    await put(store, YES, now)
    await settle(store, 1, before, now)
    assert await settle(store, 1, after, now) is possible


async def test_it_is_kept_that_a_decision_was_about_to_be_sent(store: Store, now: datetime) -> None:
    async def begins(number: int) -> bool:
        async with store.transaction() as tx:
            return await decisions.note_sent(tx, KEY, number, now)

    async def refused(number: int, *, untaken: bool) -> None:
        async with store.transaction() as tx:
            assert await decisions.settle(tx, KEY, number, DecisionState.REFUSED, now, untaken=untaken)

    await put(store, YES, now)
    assert await begins(1)
    assert not await begins(1), "another did"
    await refused(1, untaken=False)
    await put(store, YES, now)
    assert not await begins(2), "the same that was given up may be there"
    await refused(2, untaken=True)
    await put(store, YES, now)
    assert await begins(3), "the partner was seen not to have it"
    await refused(3, untaken=False)
    assert not await begins(3), "it no longer waits"
    await put(store, NO, now)
    assert await begins(4), "another decision"


async def test_decisions_about_several_things_are_read_at_once(store: Store, now: datetime) -> None:
    others = [replace(KEY, partner="west.example"), replace(KEY, id="s2"), replace(KEY, entity="omobility-las")]
    for key in (KEY, *others):
        await put(store, replace(YES, key=key), now)
    wanted = {KEY, others[0], replace(KEY, partner="west.example", id="s9")}
    found = await decisions.get_many(store, wanted)
    assert found == {key: await decisions.get(store, key) for key in (KEY, others[0])}
    assert await decisions.get_many(store, set()) == {}
