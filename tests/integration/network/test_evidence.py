"""The writer of the exchange log: batches, bounds, retention, and an orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs
from support.outgoing import Clock
from support.stores import cabled_store
from support.waiting import eventually

from ewpgw import evidence as module
from ewpgw.evidence import Evidence
from ewpgw.store import Store, exchanges, nonces
from ewpgw.store.errors import StoreUnavailable
from ewpgw.store.exchanges import Exchange


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
def evidence(store: Store, clock: Clock) -> Evidence:
    return Evidence(store, keep_days=10, now=clock)


def exchange(clock: Clock, *, days_ago: float = 0, body: bytes = b"") -> Exchange:
    return Exchange(
        id=str(uuid4()),
        at=clock() - timedelta(days=days_ago),
        direction="out",
        hei_id="north.example",
        partner="south.example",
        api="iias",
        endpoint="get",
        method="POST",
        url="https://localhost/iias",
        status=200,
        request_headers=(("Date", "x"),),
        request_body=b"",
        response_headers=(),
        response_body=body,
        verdict="verified",
        request_id=str(uuid4()),
        milliseconds=1,
    )


async def written(store: Store) -> set[str]:
    return {each.id for each in await exchanges.list_page(store, limit=10_000)}


@asynccontextmanager
async def running(evidence: Evidence) -> AsyncIterator[None]:
    task = asyncio.create_task(evidence.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_what_is_added_is_written_by_itself_and_whole(store: Store, evidence: Evidence, clock: Clock) -> None:
    one = exchange(clock, body=b"<answer/>")
    async with running(evidence):
        evidence.add(one)
        await eventually(lambda: written(store))
    assert await exchanges.get(store, one.id) == one


async def test_adding_writes_nothing_itself(store: Store, evidence: Evidence, clock: Clock) -> None:
    evidence.add(exchange(clock))
    assert await written(store) == set()


async def test_many_exchanges_are_written_in_few_transactions(store_url: str, clock: Clock) -> None:
    async with cabled_store(store_url) as (store, cable):
        evidence = Evidence(store, keep_days=10, now=clock)
        many = [exchange(clock) for _ in range(1200)]
        for each in many:
            evidence.add(each)
        await evidence.flush()
        assert cable.transactions == 3
        assert await written(store) == {each.id for each in many}


async def test_the_end_writes_what_is_left(store: Store, evidence: Evidence, clock: Clock) -> None:
    many = [exchange(clock) for _ in range(700)]
    async with running(evidence):
        await asyncio.sleep(0)
        for each in many:
            evidence.add(each)
    assert await written(store) == {each.id for each in many}


async def test_what_an_exchange_is_evidence_of_is_noted_with_it(store: Store, evidence: Evidence, clock: Clock) -> None:
    one, other, noted = exchange(clock), exchange(clock), list[str]()

    async def note(tx: AsyncConnection, exchange_id: str) -> None:
        assert await exchanges.get(tx, exchange_id) is not None, "in the same transaction"
        noted.append(exchange_id)

    evidence.add(one, note)
    evidence.add(other)
    await evidence.flush()
    assert noted == [one.id]


async def test_a_note_that_cannot_be_made_costs_no_exchange(store: Store, evidence: Evidence, clock: Clock) -> None:
    one, other = exchange(clock), exchange(clock)

    async def note(_tx: AsyncConnection, _exchange_id: str) -> None:
        raise ValueError("no")

    evidence.add(one, note)
    evidence.add(other)
    await evidence.flush()
    assert await written(store) == {one.id, other.id}
    assert evidence.dropped == 0


async def test_over_the_bound_the_oldest_are_dropped_and_counted(
    store: Store, evidence: Evidence, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING_BYTES", 100_000)
    many = [exchange(clock, body=b"x" * 20_000) for _ in range(10)]
    for each in many:
        evidence.add(each)
    assert evidence.dropped == 6
    await evidence.flush()
    assert await written(store) == {each.id for each in many[6:]}
    again = [exchange(clock, body=b"x" * 20_000) for _ in range(4)]
    for each in again:
        evidence.add(each)
    assert evidence.dropped == 6, "what is written no longer counts as waiting"
    await evidence.flush()
    assert await written(store) == {each.id for each in many[6:] + again}


async def test_many_small_exchanges_are_bounded_too(
    evidence: Evidence, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING_BYTES", 100_000)
    for _ in range(1000):
        evidence.add(exchange(clock))
    assert evidence.dropped > 900


async def test_of_requests_that_prove_nothing_few_are_kept_an_hour(
    store: Store, evidence: Evidence, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_UNPROVEN", 3)

    async def kept(*, proven: bool) -> int:
        before = await written(store)
        for _ in range(5):
            evidence.add(exchange(clock), proven=proven)
        await evidence.flush()
        return len(await written(store) - before)

    with capture_logs() as logs:
        assert [await kept(proven=False), await kept(proven=False), await kept(proven=True)] == [3, 0, 5]
    assert [entry["event"] for entry in logs] == ["evidence.too_many_unproven"]
    clock.pass_(minutes=61)
    assert await kept(proven=False) == 3


async def test_while_the_database_is_away_everything_waits_and_is_written_once_it_is_back(
    store_url: str, clock: Clock
) -> None:
    async with cabled_store(store_url) as (store, cable):
        evidence = Evidence(store, keep_days=10, now=clock)
        cable.cut = True
        many = [exchange(clock) for _ in range(3)]
        with capture_logs() as logs:
            async with running(evidence):
                for each in many:
                    evidence.add(each)
                await eventually(lambda: logs)
                assert logs[0]["event"] == "evidence.waits"
                cable.cut = False
                await eventually(lambda: written(store))
        assert await written(store) == {each.id for each in many}
        assert evidence.dropped == 0


async def test_flushing_says_that_the_database_is_away(store_url: str, clock: Clock) -> None:
    async with cabled_store(store_url) as (store, cable):
        evidence = Evidence(store, keep_days=10, now=clock)
        evidence.add(exchange(clock))
        cable.cut = True
        with pytest.raises(StoreUnavailable):
            await evidence.flush()
        cable.cut = False
        await evidence.flush()
        assert len(await written(store)) == 1


async def test_an_end_while_the_database_is_away_is_still_an_end(store_url: str, clock: Clock) -> None:
    async with cabled_store(store_url) as (store, cable):
        evidence = Evidence(store, keep_days=10, now=clock)
        async with running(evidence):
            await asyncio.sleep(0)
            evidence.add(exchange(clock))
            cable.cut = True
        assert cable.refused


async def test_an_exchange_that_the_database_refuses_costs_itself_alone(
    store: Store, evidence: Evidence, clock: Clock
) -> None:
    """Half a character, as a stranger's URL may hold, is no text to any database."""
    many = [exchange(clock) for _ in range(5)]
    refused = replace(exchange(clock), url="https://localhost/\udcff")
    with capture_logs() as logs:
        for each in (*many[:3], refused, *many[3:]):
            evidence.add(each)
        await evidence.flush()
    assert await written(store) == {each.id for each in many}
    assert evidence.dropped == 1
    assert [entry["event"] for entry in logs] == ["evidence.refused"]
    evidence.add(one_more := exchange(clock))
    await evidence.flush()
    assert await written(store) == {each.id for each in (*many, one_more)}


async def test_flushing_twice_at_once_writes_once(store: Store, evidence: Evidence, clock: Clock) -> None:
    many = [exchange(clock) for _ in range(1000)]
    for each in many:
        evidence.add(each)
    await asyncio.gather(evidence.flush(), evidence.flush())
    assert await written(store) == {each.id for each in many}
    assert evidence.dropped == 0


async def test_exchanges_are_kept_for_the_days_of_the_settings_and_no_longer(
    store: Store, evidence: Evidence, clock: Clock
) -> None:
    """They hold personal data: what is too old goes, as many as there are."""
    old = [exchange(clock, days_ago=10.1) for _ in range(1500)]
    kept = [exchange(clock, days_ago=days) for days in (0, 5, 9.9)]
    async with running(evidence):
        for each in (*old, *kept):
            evidence.add(each)
        await eventually(lambda: only(store, kept))


async def test_what_becomes_too_old_goes_within_the_hour(store: Store, evidence: Evidence, clock: Clock) -> None:
    early, late = exchange(clock, days_ago=8), exchange(clock)
    async with running(evidence):
        evidence.add(early)
        evidence.add(late)
        await eventually(lambda: only(store, [early, late]))
        clock.pass_(days=3)
        await eventually(lambda: only_minutes_later(store, [late], clock))


async def only_minutes_later(store: Store, expected: list[Exchange], clock: Clock) -> bool:
    clock.pass_(minutes=10)
    return await only(store, expected)


async def only(store: Store, expected: list[Exchange]) -> bool:
    return await written(store) == {each.id for each in expected}


async def test_request_ids_that_can_no_longer_be_replayed_go_too(
    store: Store, evidence: Evidence, clock: Clock
) -> None:
    request_id = str(uuid4())
    async with store.transaction() as tx:
        assert await nonces.remember(tx, "a" * 64, request_id, clock() + timedelta(minutes=10))
    clock.pass_(minutes=11)
    async with running(evidence):
        await eventually(lambda: forgotten(store, request_id, clock))


async def forgotten(store: Store, request_id: str, clock: Clock) -> bool:
    """Whether a request id is new to the store; asking does not make it known."""
    with suppress(_Undo):
        async with store.transaction() as tx:
            found = await nonces.remember(tx, "a" * 64, request_id, clock())
            raise _Undo
    return found


class _Undo(Exception):
    """Rolls a transaction back."""
