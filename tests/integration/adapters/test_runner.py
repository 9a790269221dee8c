"""Both directions of an adapter, running."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import structlog

from ewpgw.adapters import runner as runner_module
from ewpgw.adapters.contract import AdapterProblem, CopyDelivery
from ewpgw.adapters.runner import AdapterRunner
from ewpgw.store import StoreUnavailable, copies, sources
from ewpgw.store.copies import CopyKey, Received

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from support.folder_gateway import Gateway, Source

    Until = Callable[[Callable[[], object]], Awaitable[None]]

NORTH, SOUTH = "north.example", "south.example"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow at once, so that tests wait for conditions alone."""
    monkeypatch.setattr(runner_module, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(runner_module, "_LONGEST_PAUSE", 0.02)


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[AdapterRunner]:
    runner = AdapterRunner(NORTH, gateway.adapter, gateway.store, gateway.records, lambda: NOW)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


async def _receive(gateway: Gateway, id_: str, text: str) -> None:
    received = Received(body=f"<{text}/>".encode(), document=json.dumps({"text": text}), content_hash=text)
    async with gateway.store.transaction() as tx:
        await copies.put_received(tx, CopyKey(NORTH, "iias", SOUTH, id_), received, NOW)


class Deliveries:
    """Stands between runner and adapter: notes deliveries, and fails where it is told to."""

    def __init__(self, gateway: Gateway) -> None:
        self.made: list[CopyDelivery] = []
        self.fault: Exception | None = None
        self._pass_on = gateway.adapter.deliver
        gateway.adapter.deliver = self._deliver  # type: ignore[method-assign]

    async def _deliver(self, delivery: CopyDelivery) -> None:
        self.made.append(delivery)
        if self.fault is not None:
            raise self.fault
        await self._pass_on(delivery)

    def states(self) -> list[tuple[str, str]]:
        return [(each.id, each.state) for each in self.made]


async def test_files_are_imported_at_the_start_and_whenever_they_change(
    gateway: Gateway, source: Source, agreement: Callable[..., object], until: Until
) -> None:
    async def served(*ids: str) -> bool:
        return await gateway.served() == list(ids)

    source.write("iias/a.json", agreement("1"))
    async with running(gateway) as runner:
        await until(lambda: served("1"))
        source.write("iias/b.json", agreement("2"))
        await until(lambda: served("1", "2"))
        (source.path / "iias/a.json").unlink()
        await until(lambda: served("2"))
        assert runner.problem is None


async def test_a_copy_is_delivered_into_the_inbox_and_leaves_it_when_it_is_gone(
    gateway: Gateway, source: Source, until: Until
) -> None:
    await _receive(gateway, "S/1", "first")
    inbox = source.path / "inbox/iias/south.example"
    async with running(gateway) as runner:
        await until((inbox / "S%2F1.json").exists)
        assert (inbox / "S%2F1.xml").read_bytes() == b"<first/>"
        assert json.loads((inbox / "S%2F1.json").read_bytes()) == {"text": "first"}
        async with gateway.store.transaction() as tx:
            await copies.mark_gone(tx, CopyKey(NORTH, "iias", SOUTH, "S/1"), NOW)
        runner.wake()
        await until((inbox / "S%2F1.gone.json").exists)
        assert [file.name for file in inbox.iterdir()] == ["S%2F1.gone.json"]


async def test_an_invalid_copy_is_delivered_with_its_reasons_after_the_last_good_one(
    gateway: Gateway, until: Until
) -> None:
    deliveries = Deliveries(gateway)
    await _receive(gateway, "S1", "first")
    async with gateway.store.transaction() as tx:
        await copies.put_invalid(tx, CopyKey(NORTH, "iias", SOUTH, "S1"), b"<bad/>", '[{"path": "x"}]', NOW)
    async with running(gateway):
        await until(lambda: len(deliveries.made) >= 2)
    good, bad = deliveries.made
    assert (good.state, good.body, good.document) == ("current", b"<first/>", {"text": "first"})
    assert (bad.state, bad.body, bad.document, bad.problems) == ("invalid", b"<bad/>", None, ({"path": "x"},))


async def test_a_delivery_is_repeated_when_the_process_ended_before_its_position_was_noted(
    gateway: Gateway, source: Source, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _receive(gateway, "S1", "first")
    await _receive(gateway, "S2", "second")
    deliveries = Deliveries(gateway)
    noted = asyncio.Event()

    async def killed(*_: object) -> None:
        noted.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(sources, "set_position", killed)
        async with running(gateway):
            await until(noted.is_set)
    assert deliveries.states() == [("S1", "current")]
    before = (source.path / "inbox/iias/south.example/S1.xml").read_bytes()
    again = gateway.restarted()
    deliveries = Deliveries(again)
    async with running(again):
        await until((source.path / "inbox/iias/south.example/S2.json").exists)
    assert deliveries.states() == [("S1", "current"), ("S2", "current")]
    assert (source.path / "inbox/iias/south.example/S1.xml").read_bytes() == before


async def test_what_was_delivered_is_not_delivered_again_after_a_restart(gateway: Gateway, until: Until) -> None:
    await _receive(gateway, "S1", "first")
    async with running(gateway):
        await until(lambda: sources.position(gateway.store, NORTH, "folder"))
    again = gateway.restarted()
    deliveries = Deliveries(again)
    await _receive(gateway, "S2", "second")
    async with running(again):
        await until(lambda: deliveries.made)
    assert deliveries.states() == [("S2", "current")]


async def test_a_delivery_that_fails_is_retried_shown_and_holds_the_later_ones_back(
    gateway: Gateway, source: Source, until: Until
) -> None:
    deliveries = Deliveries(gateway)
    deliveries.fault = AdapterProblem("the disk is full; make room")
    await _receive(gateway, "S1", "first")
    await _receive(gateway, "S2", "second")
    with structlog.testing.capture_logs() as logs:
        async with running(gateway) as runner:
            await until(lambda: len(deliveries.made) >= 3)
            assert set(deliveries.states()) == {("S1", "current")}
            assert runner.problem == "the disk is full; make room (since 2026-09-01 12:00 UTC)"
            deliveries.fault = None
            await until((source.path / "inbox/iias/south.example/S2.json").exists)
            await until(lambda: runner.problem is None)
    assert [log["event"] for log in logs] == ["adapter.fails", "adapter.works_again"]


async def test_of_several_changes_of_a_copy_only_the_newest_state_is_delivered(gateway: Gateway, until: Until) -> None:
    for text in ("first", "second", "third"):
        await _receive(gateway, "S1", text)
    deliveries = Deliveries(gateway)

    async def all_read() -> bool:
        return await sources.position(gateway.store, NORTH, "folder") == 3

    async with running(gateway):
        await until(all_read)
    assert [each.body for each in deliveries.made] == [b"<third/>"]


async def test_a_missing_folder_is_shown_and_import_goes_on_when_it_is_back(
    gateway: Gateway, source: Source, agreement: Callable[..., object], until: Until
) -> None:
    source.write("iias/a.json", agreement("1"))
    away = source.path.with_name("away")
    source.path.rename(away)
    async with running(gateway) as runner:
        await until(lambda: runner.problem)
        assert "cannot be listed" in (runner.problem or "")
        away.rename(source.path)
        await until(lambda: runner.problem is None)
        assert await gateway.served() == ["1"]


async def test_a_missing_entity_is_shown_until_it_is_back(
    gateway: Gateway, source: Source, agreement: Callable[..., object], until: Until
) -> None:
    source.write("iias/a.json", agreement("1"))
    await gateway.importer.take()
    (source.path / "iias").rename(source.path / ".iias")
    async with running(gateway) as runner:
        await until(lambda: runner.problem)
        assert "does not offer iias (1 before)" in (runner.problem or "")
        (source.path / ".iias").rename(source.path / "iias")
        await until(lambda: runner.problem is None)
    assert await gateway.served() == ["1"]


async def test_no_inbox_is_made_where_the_folder_is_missing(gateway: Gateway, source: Source, until: Until) -> None:
    await _receive(gateway, "S1", "first")
    source.path.rename(source.path.with_name("away"))
    async with running(gateway) as runner:
        await until(lambda: runner.problem and "mount or create it" in runner.problem)
    assert not source.path.exists()


async def test_a_fault_of_the_adapter_is_shown_by_its_place_and_not_by_its_text(gateway: Gateway, until: Until) -> None:
    deliveries = Deliveries(gateway)
    deliveries.fault = ValueError("Jane Roe")
    await _receive(gateway, "S1", "first")
    with structlog.testing.capture_logs() as logs:
        async with running(gateway) as runner:
            await until(lambda: runner.problem)
            assert (runner.problem or "").startswith("the adapter 'folder' raised ValueError (")
    assert "Jane" not in str(logs)


async def test_both_directions_go_on_when_the_store_was_away(
    gateway: Gateway, source: Source, agreement: Callable[..., object], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.write("iias/a.json", agreement("1"))
    await _receive(gateway, "S1", "first")
    away = StoreUnavailable("sqlite:///x", "it is locked")

    async def fail(*_: object, **__: object) -> None:
        raise away

    with monkeypatch.context() as patched:
        patched.setattr(sources, "items", fail)
        patched.setattr(sources, "position", fail)
        async with running(gateway) as runner:
            await until(lambda: runner.problem and runner.problem.count("it is locked") == 2)
            patched.undo()
            await until(lambda: runner.problem is None)
            await until((source.path / "inbox/iias/south.example/S1.json").exists)
    assert await gateway.served() == ["1"]
