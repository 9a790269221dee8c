"""The feed: positions without gaps, visible in order."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from ewpgw.store import Store, feed
from ewpgw.store.feed import FeedKind

NORTH, WEST = "north.example", "west.example"


async def append(store: Store, hei_id: str, now: datetime) -> int:
    async with store.transaction() as tx:
        return await feed.append(tx, hei_id, FeedKind.RECORD_REFUSED, now, entity="iias")


async def test_an_empty_feed_is_at_zero(store: Store) -> None:
    assert await feed.last(store, NORTH) == 0
    assert await feed.read(store, NORTH) == []


async def test_each_hei_counts_for_itself(store: Store, now: datetime) -> None:
    assert [await append(store, hei_id, now) for hei_id in (NORTH, WEST, NORTH)] == [1, 1, 2]
    assert (await feed.last(store, NORTH), await feed.last(store, WEST)) == (2, 1)


async def test_reading_continues_behind_a_position(store: Store, now: datetime) -> None:
    for _ in range(5):
        await append(store, NORTH, now)
    assert [entry.seq for entry in await feed.read(store, NORTH, after=1, limit=2)] == [2, 3]
    assert [entry.seq for entry in await feed.read(store, NORTH, after=3)] == [4, 5]
    assert await feed.read(store, NORTH, after=5) == []


async def test_a_rolled_back_entry_leaves_no_gap(store: Store, now: datetime) -> None:
    with pytest.raises(RuntimeError):
        async with store.transaction() as tx:
            assert await feed.append(tx, NORTH, FeedKind.COPY_GONE, now, entity="iias") == 1
            raise RuntimeError
    assert await append(store, NORTH, now) == 1


async def test_a_reader_never_sees_a_later_entry_before_an_earlier_one(
    store: Store, replica: Store, now: datetime
) -> None:
    writers = [asyncio.create_task(append((store, replica)[number % 2], NORTH, now)) for number in range(60)]
    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < 60:
            seen.extend(entry.seq for entry in await feed.read(replica, NORTH, after=seen[-1] if seen else 0))
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(follow(), *writers), 60)
    assert seen == list(range(1, 61))


async def test_an_entry_stays_invisible_until_those_before_it_are_there(
    store: Store, replica: Store, now: datetime
) -> None:
    async with store.transaction() as tx:
        await feed.append(tx, NORTH, FeedKind.COPY_GONE, now, entity="iias")
        second = asyncio.create_task(append(replica, NORTH, now))
        other_hei = asyncio.create_task(append(replica, WEST, now)) if "postgresql" in store.url else None
        if other_hei is not None:
            assert await asyncio.wait_for(other_hei, 30) == 1, "another institution does not wait"
        assert await feed.read(replica, NORTH) == []
        assert not second.done()
    assert await asyncio.wait_for(second, 30) == 2
