"""Keys of the SIS's writes: one claim at a time, answers that stay until they expire."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ewpgw.store import Store, idempotency
from ewpgw.store.idempotency import Found, Kept, OtherRequest, UnderWay, Use

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
USE = Use("sis", "key", "PUT", "/path", "fingerprint", "first", NOW + timedelta(hours=24))


async def claim(store: Store, use: Use, at: datetime = NOW, *, again: bool = False) -> Found | None:
    async with store.transaction() as tx:
        return await idempotency.claim(tx, use, at, at + LEASE, again=again)


async def keep(store: Store, use: Use) -> bool:
    async with store.transaction() as tx:
        return await idempotency.keep(tx, use, 201, '{"ETag": "1"}', b"answer")


def another(*, owner: str = "second", fingerprint: str = USE.fingerprint) -> Use:
    return replace(USE, owner=owner, fingerprint=fingerprint)


async def test_a_claim_stands_until_it_is_answered_and_the_answer_until_it_expires(store: Store) -> None:
    assert await claim(store, USE) is None
    assert await claim(store, another(), NOW + LEASE / 2) == UnderWay(NOW + LEASE)
    assert await claim(store, another(fingerprint="other")) == OtherRequest("PUT", "/path")
    assert await keep(store, USE)
    kept = Kept("fingerprint", 201, '{"ETag": "1"}', b"answer")
    assert await claim(store, another(), NOW + timedelta(hours=23)) == kept
    assert await claim(store, another(fingerprint="other"), NOW + timedelta(hours=24)) is None


async def test_a_claim_that_was_left_behind_is_taken_over_and_its_owner_can_keep_nothing_more(store: Store) -> None:
    assert await claim(store, USE) is None
    assert await claim(store, another(), NOW + LEASE) is None
    assert not await keep(store, USE)
    async with store.transaction() as tx:
        await idempotency.release(tx, USE)
        assert not await idempotency.extend(tx, USE, NOW + 3 * LEASE)
    assert await keep(store, another())


async def test_a_claim_that_is_released_is_free_and_an_answer_is_not(store: Store) -> None:
    assert await claim(store, USE) is None
    async with store.transaction() as tx:
        await idempotency.release(tx, USE)
    assert await claim(store, another()) is None
    assert await keep(store, another())
    async with store.transaction() as tx:
        await idempotency.release(tx, another())
    assert isinstance(await claim(store, USE), Kept)


async def test_of_many_claims_at_once_one_succeeds(store: Store) -> None:
    found = await asyncio.gather(*(claim(store, another(owner=str(number))) for number in range(8)))
    assert [each for each in found if each is None] == [None]


async def test_the_pieces_of_a_stream_stay_while_it_is_repeated_and_go_with_the_key(store: Store) -> None:
    assert await claim(store, USE) is None
    async with store.transaction() as tx:
        await idempotency.keep_part(tx, USE, 1, "of the piece", b"lines")
    assert await keep(store, USE)
    assert await claim(store, another(), again=True) is None
    assert await idempotency.part(store, USE, 1) == Kept("of the piece", 200, "{}", b"lines")
    assert await idempotency.part(store, USE, 2) is None
    assert await claim(store, another(), NOW + timedelta(hours=24)) is None
    assert await idempotency.part(store, USE, 1) is None


async def test_what_has_expired_is_purged(store: Store) -> None:
    await claim(store, USE)
    await claim(store, replace(USE, key="later", expires_at=NOW + timedelta(hours=48)))
    async with store.transaction() as tx:
        assert await idempotency.purge(tx, NOW + timedelta(hours=25)) == 1
    assert await claim(store, replace(USE, fingerprint="other")) is None
    assert isinstance(await claim(store, replace(USE, key="later", fingerprint="other")), OtherRequest)
