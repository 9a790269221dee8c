"""Requests that must not be answered twice."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from ewpgw.store import Store, nonces


async def remember(store: Store, key_id: str, request_id: str, expires_at: datetime) -> bool:
    async with store.transaction() as tx:
        return await nonces.remember(tx, key_id, request_id, expires_at)


async def test_a_request_is_new_once_for_each_key(store: Store, now: datetime) -> None:
    assert await remember(store, "key", "request", now)
    assert not await remember(store, "key", "request", now)
    assert await remember(store, "other key", "request", now)
    assert await remember(store, "key", "other request", now)


async def test_of_many_copies_at_once_one_is_new(store: Store, replica: Store, now: datetime) -> None:
    outcomes = await asyncio.gather(
        *(remember((store, replica)[number % 2], "key", "request", now) for number in range(12))
    )
    assert sorted(outcomes) == [False] * 11 + [True]


async def test_a_request_whose_transaction_was_rolled_back_is_still_new(store: Store, now: datetime) -> None:
    try:
        async with store.transaction() as tx:
            assert await nonces.remember(tx, "key", "request", now)
            raise RuntimeError
    except RuntimeError:
        pass
    assert await remember(store, "key", "request", now)


async def test_expired_requests_are_forgotten(store: Store, now: datetime) -> None:
    await remember(store, "key", "old", now - timedelta(seconds=1))
    await remember(store, "key", "new", now)
    async with store.transaction() as tx:
        assert await nonces.purge(tx, now) == 1
    assert await remember(store, "key", "old", now)
    assert not await remember(store, "key", "new", now)
