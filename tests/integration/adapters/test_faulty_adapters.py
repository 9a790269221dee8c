"""Adapters that break their contract: what they do is told, and ends neither the import for good nor the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.scripted_adapter import ScriptedAdapter

from ewpgw.adapters import runner as runner_module
from ewpgw.adapters.check import dry_run
from ewpgw.adapters.contract import AdapterProblem, Complete, CopyDelivery, Item, Partial, Reading, Unreadable
from ewpgw.adapters.importing import Importer
from ewpgw.adapters.runner import AdapterRunner
from ewpgw.adapters.syncing import Sync
from ewpgw.model.problems import Problem
from ewpgw.preparing import Incoming
from ewpgw.store import copies
from ewpgw.store.copies import CopyKey, Received

if TYPE_CHECKING:
    from support.folder_gateway import Gateway

    Agreement = Callable[..., object]
    Until = Callable[[Callable[[], object]], Awaitable[None]]

NORTH = "north.example"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
PROBLEM = Problem("", "is broken", "refusal", "test")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(runner_module, "_LONGEST_PAUSE", 0.02)


async def cancelled() -> None:
    """A task of its own is cancelled and waited for, as careless code does."""
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    await task


async def left() -> None:
    raise SystemExit("Jane Roe")


async def failed() -> None:
    raise ValueError("Jane Roe")


class Faulty(ScriptedAdapter):
    """Misbehaves once at each place where it is told to."""

    def __init__(self, place: str, misbehave: Callable[[], Awaitable[None]], *readings: Reading) -> None:
        super().__init__(*readings)
        self._due = {place}
        self._misbehave = misbehave
        self.delivered: list[str] = []

    async def _maybe(self, place: str) -> None:
        if place in self._due:
            self._due.remove(place)
            await self._misbehave()

    async def snapshot(self) -> AsyncGenerator[Reading, None]:
        await self._maybe("snapshot")
        async for reading in super().snapshot():
            yield reading

    async def changes(self) -> AsyncGenerator[None, None]:
        await self._maybe("changes")
        await asyncio.Event().wait()
        yield

    async def deliver(self, delivery: CopyDelivery) -> None:
        await self._maybe("deliver")
        self.delivered.append(delivery.id)


@pytest.mark.parametrize("place", ["snapshot", "changes", "deliver"])
@pytest.mark.parametrize(
    ("misbehave", "name"), [(cancelled, "CancelledError"), (left, "SystemExit"), (failed, "ValueError")]
)
async def test_whatever_an_adapter_raises_is_told_by_its_place_and_tried_again(
    gateway: Gateway,
    agreement: Agreement,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    misbehave: Callable[[], Awaitable[None]],
    name: str,
) -> None:
    told: list[str] = []
    fails = runner_module._Direction.fails

    def noted(direction: Any, reason: str) -> None:
        told.append(reason)
        fails(direction, reason)

    monkeypatch.setattr(runner_module._Direction, "fails", noted)
    async with gateway.store.transaction() as tx:
        received = Received(body=b"<a/>", document="{}", content_hash="x")
        await copies.put_received(tx, CopyKey(NORTH, "iias", "south.example", "S1"), received, NOW)
    item = Item("k", "iias", Incoming(id=None, document=agreement("1")), "d")
    adapter = Faulty(place, misbehave, item, Complete("iias"))
    runner = AdapterRunner(NORTH, adapter, gateway.store, gateway.records, lambda: NOW)
    task = asyncio.create_task(runner.run())
    try:
        await until(lambda: told and runner.problem is None and adapter.delivered == ["S1"])
        assert await gateway.served() == ["1"]
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await runner.close()
    (said,) = told
    assert said.startswith(f"the adapter 'scripted' raised {name} (")
    assert "Jane" not in said
    assert task.cancelled()


async def test_a_source_that_is_read_without_an_end_is_told_of(gateway: Gateway) -> None:
    asked, clock = asyncio.Event(), [NOW]

    async def hang() -> None:
        asked.set()
        await asyncio.Event().wait()

    adapter = Faulty("snapshot", hang)
    runner = AdapterRunner(NORTH, adapter, gateway.store, gateway.records, lambda: clock[0])
    task = asyncio.create_task(runner.run())
    try:
        await asyncio.wait_for(asked.wait(), 30)
        assert runner.problem is None
        clock[0] += timedelta(hours=1)
        assert runner.problem == "the source is being read since 2026-09-01 12:00 UTC, without an end so far"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


ODD: list[tuple[Any, str]] = [
    ({"key": "k"}, "a dict, which is no reading"),
    (None, "a NoneType, which is no reading"),
    (Item(None, "iias", Incoming(None, {}), "d"), "an Item without a key"),  # type: ignore[arg-type]
    (Item("", "iias", Incoming(None, {}), "d"), "an Item without a key"),
    (Item("k", None, Incoming(None, {}), "d"), "an Item without an entity, with the key k"),  # type: ignore[arg-type]
    (Unreadable(7, "iias", PROBLEM), "an Unreadable without a key"),  # type: ignore[arg-type]
    (Complete(None), "a Complete without an entity"),  # type: ignore[arg-type]
    (Partial(None), "a Partial without an entity"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("odd", "words"), ODD)
async def test_what_is_no_reading_is_named_by_every_command(gateway: Gateway, odd: Any, words: str) -> None:
    with pytest.raises(AdapterProblem, match=words):
        await Importer(NORTH, ScriptedAdapter(odd), gateway.store, gateway.records).take()
    with pytest.raises(AdapterProblem, match=words):
        await Sync(ScriptedAdapter(odd), gateway.store, gateway.records).take()
    with pytest.raises(AdapterProblem, match=words):
        await dry_run(ScriptedAdapter(odd))


async def test_something_unreadable_may_be_of_no_entity(gateway: Gateway) -> None:
    adapter = ScriptedAdapter(Unreadable("k", None, PROBLEM))
    assert await Importer(NORTH, adapter, gateway.store, gateway.records).take() is None


async def test_a_repeated_key_is_said_by_the_check_too(agreement: Agreement) -> None:
    item = Item("k", "iias", Incoming(id=None, document=agreement("1")), "d")
    with pytest.raises(AdapterProblem, match="the key k twice in one snapshot"):
        await dry_run(ScriptedAdapter(item, item))


async def test_a_misspelt_entity_counts_as_refused(gateway: Gateway, agreement: Agreement) -> None:
    item = Item("x", "iia", Incoming(id=None, document=agreement("1")), "d")
    report = await Sync(ScriptedAdapter(item, Complete("iia")), gateway.store, gateway.records).take()
    assert report.counts["iia"].refused == 1
    (refused,) = report.refusals
    assert (refused.key, refused.entity) == ("x", "iia")
    assert "is of an entity unknown here, iia; known are" in refused.message
