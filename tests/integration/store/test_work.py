"""Work rows: wanting, claiming, outcomes, leases."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from ewpgw.store import Store, work
from ewpgw.store.work import Claim, WorkKey, WorkKind, WorkRow, WorkState

NORTH, SOUTH, WEST = "north.example", "south.example", "west.example"
KEY = WorkKey(WorkKind.DELIVERY, NORTH, SOUTH, "iias", "a-1")
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


async def want(store: Store, now: datetime, *keys: WorkKey, delay: float = 0) -> None:
    async with store.transaction() as tx:
        await work.want_many(tx, keys or (KEY,), now, delay)


async def claim(
    store: Store,
    now: datetime,
    *kinds: WorkKind,
    owner: str = "me",
    limit: int = 10,
    lease_seconds: float = 60,
    per_partner_limit: int = 100,
) -> list[Claim]:
    return await work.claim(
        store,
        kinds or tuple(WorkKind),
        owner,
        limit=limit,
        now=now,
        lease_seconds=lease_seconds,
        per_partner_limit=per_partner_limit,
    )


async def finish(store: Store, claimed: Claim, now: datetime) -> bool:
    async with store.transaction() as tx:
        return await work.finish(tx, claimed, now, status=200)


async def retry(store: Store, claimed: Claim, now: datetime, at: datetime) -> bool:
    async with store.transaction() as tx:
        return await work.retry(tx, claimed, now, at=at, error="no answer", status=503)


async def row(store: Store, key: WorkKey = KEY) -> WorkRow:
    found = await work.get(store, key)
    assert found is not None
    return found


def items(claims: list[Claim]) -> list[str]:
    return [claimed.key.item for claimed in claims]


async def test_wanted_work_is_claimed_with_what_its_worker_must_know(store: Store, now: datetime) -> None:
    await want(store, now)
    (claimed,) = await claim(store, now + SECOND)
    assert claimed == Claim(KEY, 1, 0, now, "me", 1, now + 61 * SECOND, None)
    found = await row(store)
    assert (found.state, found.lease_owner, found.lease_until) == (WorkState.DUE, "me", now + 61 * SECOND)


async def test_several_wishes_are_one_piece_of_work(store: Store, now: datetime) -> None:
    for _ in range(3):
        await want(store, now)
    (claimed,) = await claim(store, now)
    assert claimed.wanted == 3
    assert await finish(store, claimed, now)
    found = await row(store)
    assert (found.wanted, found.done, found.state, found.last_status, found.last_at) == (3, 3, WorkState.DONE, 200, now)
    assert await claim(store, now + HOUR) == []


async def test_one_key_twice_in_a_call_is_one_wish(store: Store, now: datetime) -> None:
    await want(store, now, KEY, KEY)
    assert (await row(store)).wanted == 1


async def test_wanting_nothing_is_nothing(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        await work.want_many(tx, [], now)
    assert await work.list_rows(store) == []


async def test_delayed_work_is_not_due_before_its_time(store: Store, now: datetime) -> None:
    await want(store, now, delay=30)
    assert await claim(store, now + 29 * SECOND) == []
    assert items(await claim(store, now + 30 * SECOND)) == ["a-1"]


async def test_a_stream_of_delayed_wishes_does_not_put_work_off(store: Store, now: datetime) -> None:
    for seconds in range(0, 60, 10):
        await want(store, now + seconds * SECOND, delay=30)
    found = await row(store)
    assert (found.next_attempt_at, found.first_wanted_at, found.wanted) == (now + 30 * SECOND, now, 6)


async def test_a_wish_during_the_work_makes_it_due_again_at_once(store: Store, now: datetime) -> None:
    await want(store, now)
    (first,) = await claim(store, now)
    await want(store, now + SECOND)
    assert await claim(store, now + SECOND) == [], "its holder keeps it"
    assert await finish(store, first, now + 2 * SECOND)
    found = await row(store)
    assert (found.wanted, found.done, found.state, found.attempts) == (2, 1, WorkState.DUE, 0)
    (second,) = await claim(store, now + 2 * SECOND)
    assert (second.wanted, second.first_wanted_at, second.done_at) == (2, now + 2 * SECOND, now + 2 * SECOND)
    assert await finish(store, second, now + 3 * SECOND)
    assert (await row(store)).state is WorkState.DONE


async def test_a_failed_attempt_waits_and_counts(store: Store, now: datetime) -> None:
    await want(store, now)
    (claimed,) = await claim(store, now)
    assert await retry(store, claimed, now + SECOND, now + HOUR)
    found = await row(store)
    assert (found.state, found.attempts, found.next_attempt_at) == (WorkState.DUE, 1, now + HOUR)
    assert (found.last_error, found.last_status, found.last_at) == ("no answer", 503, now + SECOND)
    assert (found.lease_owner, found.lease_until, found.done) == (None, None, 0)
    assert await claim(store, now + HOUR - SECOND) == []
    (again,) = await claim(store, now + HOUR)
    assert (again.attempts, again.first_wanted_at) == (1, now)


async def test_a_new_wish_ends_the_waiting_of_a_failed_attempt(store: Store, now: datetime) -> None:
    await want(store, now)
    (claimed,) = await claim(store, now)
    await retry(store, claimed, now, now + HOUR)
    await want(store, now + SECOND)
    (again,) = await claim(store, now + SECOND)
    assert (again.attempts, again.first_wanted_at) == (0, now + SECOND)


async def test_a_wish_during_a_failing_attempt_is_tried_at_once(store: Store, now: datetime) -> None:
    await want(store, now)
    (claimed,) = await claim(store, now)
    await want(store, now + SECOND)
    assert await retry(store, claimed, now + 2 * SECOND, now + HOUR)
    (again,) = await claim(store, now + 2 * SECOND)
    assert (again.attempts, again.wanted) == (0, 2)


async def test_refused_and_expired_work_is_left_to_a_person_until_wanted_again(store: Store, now: datetime) -> None:
    for give_up, state in ((work.fail, WorkState.FAILED), (work.expire, WorkState.EXPIRED)):
        await want(store, now)
        (claimed,) = await claim(store, now)
        async with store.transaction() as tx:
            assert await give_up(tx, claimed, now, error="refused", status=400)
        found = await row(store)
        assert (found.state, found.attempts, found.last_error, found.last_status) == (state, 1, "refused", 400)
        assert await claim(store, now + 1000 * HOUR) == []
        assert await work.next_due(store, [WorkKind.DELIVERY]) is None
        assert [found.key for found in await work.list_rows(store, states={state})] == [KEY]
    await want(store, now)
    assert items(await claim(store, now)) == ["a-1"]


async def test_what_was_wanted_during_a_refused_attempt_is_still_due(store: Store, now: datetime) -> None:
    await want(store, now)
    (claimed,) = await claim(store, now)
    await want(store, now)
    async with store.transaction() as tx:
        assert await work.fail(tx, claimed, now, error="refused", status=400)
    found = await row(store)
    assert (found.state, found.attempts, found.last_error) == (WorkState.DUE, 0, "refused")
    assert items(await claim(store, now)) == ["a-1"]


async def test_the_time_of_the_last_success_survives_failures(store: Store, now: datetime) -> None:
    await want(store, now)
    (claimed,) = await claim(store, now)
    await finish(store, claimed, now)
    await want(store, now + HOUR)
    (claimed,) = await claim(store, now + HOUR)
    await retry(store, claimed, now + HOUR, now + HOUR)
    (claimed,) = await claim(store, now + HOUR)
    assert claimed.done_at == now
    found = await row(store)
    assert (found.done_at, found.last_at) == (now, now + HOUR)


async def test_success_clears_the_last_error(store: Store, now: datetime) -> None:
    await want(store, now)
    (claimed,) = await claim(store, now)
    await retry(store, claimed, now, now)
    (claimed,) = await claim(store, now)
    await finish(store, claimed, now)
    found = await row(store)
    assert (found.attempts, found.last_error, found.last_status) == (0, None, 200)


async def test_a_lease_that_ended_frees_the_row_and_refuses_the_former_holder(
    store: Store, replica: Store, now: datetime
) -> None:
    await want(store, now)
    (lost,) = await claim(store, now, owner="slow", lease_seconds=60)
    assert await claim(replica, now + 59 * SECOND, owner="heir") == []
    (taken,) = await claim(replica, now + 60 * SECOND, owner="heir")
    assert taken.number == lost.number + 1

    later = now + 61 * SECOND
    async with store.transaction() as tx:
        assert not await work.finish(tx, lost, later)
        assert not await work.retry(tx, lost, later, at=later, error="late")
        assert not await work.fail(tx, lost, later, error="late")
        assert not await work.expire(tx, lost, later, error="late")
        assert not await work.renew(tx, lost, later + HOUR)
    assert (await row(store)).lease_owner == "heir"
    assert await finish(replica, taken, later)


async def test_a_process_that_claims_anew_what_it_lost_cannot_use_its_old_claim(store: Store, now: datetime) -> None:
    await want(store, now)
    (old,) = await claim(store, now, lease_seconds=1)
    (new,) = await claim(store, now + SECOND)
    assert not await finish(store, old, now + SECOND)
    assert await finish(store, new, now + SECOND)


async def test_an_outcome_after_the_lease_ended_counts_if_nobody_took_over(store: Store, now: datetime) -> None:
    await want(store, now)
    (claimed,) = await claim(store, now, lease_seconds=1)
    assert await finish(store, claimed, now + HOUR)


async def test_a_second_outcome_of_one_claim_is_refused(store: Store, now: datetime) -> None:
    await want(store, now)
    (claimed,) = await claim(store, now)
    assert await finish(store, claimed, now)
    assert not await retry(store, claimed, now, now)
    assert (await row(store)).state is WorkState.DONE


async def test_a_renewed_lease_holds_longer(store: Store, now: datetime) -> None:
    await want(store, now)
    (claimed,) = await claim(store, now, lease_seconds=10)
    async with store.transaction() as tx:
        assert await work.renew(tx, claimed, now + HOUR)
    assert await claim(store, now + HOUR - SECOND) == []
    assert items(await claim(store, now + HOUR)) == ["a-1"]


async def test_a_stopping_process_gives_back_its_own_claims_only(store: Store, now: datetime) -> None:
    keys = [KEY._replace(item=f"{number}") for number in range(4)]
    await want(store, now, *keys)
    (first, second) = await claim(store, now, owner="stopping", limit=2)
    await claim(store, now, owner="other", limit=2)
    assert await work.release(store, "stopping") == 2
    assert sorted(items(await claim(store, now, owner="heir"))) == sorted([first.key.item, second.key.item])
    assert not await finish(store, first, now)


async def test_the_longest_due_comes_first(store: Store, now: datetime) -> None:
    for place, item in enumerate(("c", "a", "b")):
        await want(store, now + place * SECOND, KEY._replace(item=item))
    later = now + HOUR
    assert items(await claim(store, later, limit=2)) == ["c", "a"]
    assert items(await claim(store, later, limit=2)) == ["b"]
    assert await claim(store, later, limit=0) == []


async def test_only_the_kinds_asked_for_are_claimed(store: Store, now: datetime) -> None:
    pull = WorkKey(WorkKind.PULL, NORTH, SOUTH, "iias")
    await want(store, now, KEY, pull)
    assert [claimed.key for claimed in await claim(store, now, WorkKind.PULL, WorkKind.REFRESH)] == [pull]
    assert [claimed.key for claimed in await claim(store, now, WorkKind.DELIVERY)] == [KEY]


async def test_one_partner_does_not_take_all_places(store: Store, now: datetime) -> None:
    busy = [KEY._replace(item=f"{number:02}") for number in range(30)]
    await want(store, now, *busy)
    await want(store, now + SECOND, *(KEY._replace(partner=WEST, item=f"w{number}") for number in range(3)))
    later = now + HOUR
    claims = await claim(store, later, limit=8, per_partner_limit=2)
    assert Counter(claimed.key.partner for claimed in claims) == {SOUTH: 2, WEST: 2}
    assert await claim(store, later, limit=8, per_partner_limit=2) == []
    assert await finish(store, claims[0], later)
    assert [claimed.key.partner for claimed in await claim(store, later, per_partner_limit=2)] == [SOUTH]


async def test_the_limit_of_a_partner_spans_replicas_and_institutions(
    store: Store, replica: Store, now: datetime
) -> None:
    await want(store, now, KEY, KEY._replace(hei_id=WEST))
    assert len(await claim(store, now, per_partner_limit=1)) == 1
    assert await claim(replica, now, owner="other", per_partner_limit=1) == []


async def test_an_ended_lease_does_not_count_against_its_partner(store: Store, now: datetime) -> None:
    await want(store, now, KEY, KEY._replace(item="a-2"))
    await claim(store, now, limit=1, lease_seconds=1, per_partner_limit=1)
    assert len(await claim(store, now + SECOND, per_partner_limit=2)) == 2


async def test_replicas_never_claim_the_same_row(store: Store, replica: Store, now: datetime) -> None:
    keys = [KEY._replace(partner=f"p{number % 7}.example", item=f"{number:03}") for number in range(120)]
    await want(store, now, *keys)
    taken: list[Claim] = []

    async def worker(place: int) -> None:
        mine = (store, replica)[place % 2]
        while claims := await claim(mine, now, owner=f"worker {place}", limit=3, per_partner_limit=1000):
            taken.extend(claims)

    for _ in range(3):  # a pass may step over rows that another transaction holds just then
        await asyncio.wait_for(asyncio.gather(*(worker(place) for place in range(6))), 60)
    assert sorted(items(taken)) == [key.item for key in keys]
    assert len({claimed.owner for claimed in taken}) > 1


async def test_a_row_in_another_transaction_is_passed_over(postgres_url: str, now: datetime) -> None:
    one, other = await Store.open(postgres_url), await Store.open(postgres_url)
    await want(one, now, KEY, KEY._replace(item="a-2"))
    async with one.transaction() as tx:
        await work.want(tx, KEY, now)
        assert items(await asyncio.wait_for(claim(other, now), 30)) == ["a-2"]
    await one.close()
    await other.close()


async def test_replicas_that_want_the_same_rows_do_not_deadlock(store: Store, replica: Store, now: datetime) -> None:
    keys = [KEY._replace(item=f"{number:03}") for number in range(100)]
    await asyncio.wait_for(
        asyncio.gather(
            *(want((store, replica)[place % 2], now, *(keys if place % 3 else reversed(keys))) for place in range(10))
        ),
        60,
    )
    assert {found.wanted for found in await work.list_rows(store, limit=1000)} == {10}


async def test_the_next_due_time_counts_free_rows_and_ending_leases(store: Store, now: datetime) -> None:
    kinds = [WorkKind.DELIVERY]
    assert await work.next_due(store, kinds) is None
    await want(store, now, KEY, delay=100)
    await want(store, now, KEY._replace(item="a-2"), delay=50)
    await want(store, now, KEY._replace(kind=WorkKind.REFRESH))
    assert await work.next_due(store, kinds) == now + 50 * SECOND
    await claim(store, now + 50 * SECOND, WorkKind.DELIVERY, lease_seconds=10)
    assert await work.next_due(store, kinds) == now + 60 * SECOND
    (again,) = await claim(store, now + 60 * SECOND, WorkKind.DELIVERY, lease_seconds=HOUR.total_seconds())
    assert await work.next_due(store, kinds) == now + 100 * SECOND
    await finish(store, again, now)
    assert await work.next_due(store, kinds) == now + 100 * SECOND


async def test_rows_are_listed_by_filters_in_pages(store: Store, now: datetime) -> None:
    keys = [
        WorkKey(kind, hei_id, partner, "iias", "1")
        for hei_id in (NORTH, WEST)
        for partner in (SOUTH, "west.example")
        for kind in (WorkKind.DELIVERY, WorkKind.REFRESH)
    ]
    await want(store, now, *keys, KEY._replace(api="omobilities"))

    async def listed(**filters: Any) -> list[WorkKey]:
        return [found.key for found in await work.list_rows(store, **filters)]

    assert await listed(api="iias") == keys
    assert await listed(api="iias", hei_id=WEST, partner=SOUTH, kinds=[WorkKind.REFRESH]) == [keys[5]]
    assert await listed(api="iias", after=keys[2], limit=3) == keys[3:6]
    assert await listed(states={WorkState.DONE}) == []
    assert len(await listed(states={WorkState.DONE, WorkState.DUE})) == 9
    assert await work.counts(store) == {
        (WorkKind.DELIVERY, WorkState.DUE): 5,
        (WorkKind.REFRESH, WorkState.DUE): 4,
    }


async def test_work_that_is_wanted_in_a_rolled_back_transaction_is_not_done(store: Store, now: datetime) -> None:
    try:
        async with store.transaction() as tx:
            await work.want(tx, KEY, now)
            raise RuntimeError
    except RuntimeError:
        pass
    assert await claim(store, now) == []
