"""The guard against mass deletions: nothing goes before a person says so, and then just what that person saw."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import structlog

from ewpgw.adapters import runner as runner_module
from ewpgw.adapters.guard import DeletionLimits, Guard
from ewpgw.adapters.importing import Importer
from ewpgw.adapters.runner import AdapterRunner
from ewpgw.store import feed, held_deletions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.folder_gateway import Gateway, Source

    from ewpgw.store.held_deletions import HeldDeletion

    Agreement = Callable[..., dict[str, object]]
    Until = Callable[[Callable[[], object]], Awaitable[None]]

NORTH = "north.example"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


@pytest.fixture
async def full(gateway: Gateway, source: Source, agreement: Agreement) -> Gateway:
    """A gateway that has imported twenty agreements."""
    for number in range(20):
        source.write(f"iias/{number:02}.json", agreement(f"{number:02}"))
    await gateway.importer.take()
    assert len(await gateway.served()) == 20
    return gateway


def _lose(source: Source, *numbers: int) -> None:
    for number in numbers:
        (source.path / f"iias/{number:02}.json").unlink()


async def _held(gateway: Gateway) -> HeldDeletion:
    [held] = await held_deletions.list_all(gateway.store, NORTH)
    return held


async def _confirm(gateway: Gateway, name: str) -> HeldDeletion | None:
    async with gateway.store.transaction() as tx:
        return await held_deletions.confirm(tx, NORTH, name, "somebody", NOW)


async def test_when_too_much_is_gone_nothing_is_deleted_and_that_is_said_once(
    full: Gateway, source: Source, agreement: Agreement
) -> None:
    _lose(source, *range(6))
    source.write("iias/new.json", agreement("new"))
    with structlog.testing.capture_logs() as logs:
        said = await full.importer.take()
        again = await full.importer.take()
        after_a_restart = await full.restarted().importer.take()
    assert said == again == after_a_restart
    assert said is not None
    assert said.startswith("6 of 21 iias are gone from the source, more than may be deleted unasked, so none was")
    assert len(await full.served()) == 21
    held = await _held(full)
    assert held.set in said
    assert held.ids == tuple(f"{number:02}" for number in range(6))
    assert (held.total, held.confirmed_at) == (21, None)
    assert [each["event"] for each in logs].count("adapter.deletions_held") == 1
    assert [entry.kind.value for entry in await feed.read(full.store, NORTH)].count("deletions-held") == 1


async def test_a_few_deletions_and_those_below_the_share_need_nobody(full: Gateway, source: Source) -> None:
    _lose(source, 0, 1, 2, 3, 4)
    assert await full.importer.take() is None
    assert len(await full.served()) == 15


@pytest.mark.parametrize(
    ("doomed", "total", "allowed"),
    [(5, 5, True), (6, 30, True), (6, 29, False), (6, 6, False), (200, 1000, True), (201, 1000, False)],
)
def test_the_share_and_the_few_are_as_configured(doomed: int, total: int, allowed: bool) -> None:
    assert DeletionLimits().allow(doomed, total) is allowed
    assert DeletionLimits(percent=100).allow(doomed, total)
    assert not DeletionLimits(percent=0, few=0).allow(doomed, total)


async def test_what_a_person_confirmed_is_deleted_even_after_a_restart(full: Gateway, source: Source) -> None:
    _lose(source, *range(10))
    await full.importer.take()
    assert await _confirm(full, (await _held(full)).set) is not None
    restarted = full.restarted()
    assert await restarted.importer.take() is None
    assert await full.served() == [f"{number:02}" for number in range(10, 20)]
    assert await held_deletions.list_all(full.store, NORTH) == []


async def test_a_confirmation_holds_for_no_record_more(full: Gateway, source: Source) -> None:
    _lose(source, *range(10))
    await full.importer.take()
    first = await _held(full)
    await _confirm(full, first.set)
    _lose(source, 10)
    assert await full.importer.take() is not None
    assert len(await full.served()) == 20
    second = await _held(full)
    assert second.set != first.set
    assert second.confirmed_at is None
    assert await _confirm(full, first.set) is None


async def test_a_confirmed_deletion_that_was_cut_short_goes_on(full: Gateway, source: Source) -> None:
    _lose(source, *range(10))
    await full.importer.take()
    await _confirm(full, (await _held(full)).set)
    await full.records.delete(NORTH, "iias", "03", source="folder")
    assert await full.importer.take() is None
    assert len(await full.served()) == 10


async def test_what_comes_back_is_held_no_more_and_its_confirmation_is_void(
    full: Gateway, source: Source, agreement: Agreement
) -> None:
    _lose(source, *range(10))
    await full.importer.take()
    await _confirm(full, (await _held(full)).set)
    restarted = full.restarted()
    for number in range(10):
        source.write(f"iias/{number:02}.json", agreement(f"{number:02}"))
    assert await restarted.importer.take() is None
    assert await held_deletions.list_all(full.store, NORTH) == []
    _lose(source, *range(10))
    assert await restarted.importer.take() is not None
    assert len(await full.served()) == 20


async def test_a_running_gateway_deletes_within_moments_of_the_confirmation(
    full: Gateway, source: Source, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "_LOOK_SECONDS", 0.05)
    runner = AdapterRunner(NORTH, full.adapter, full.store, full.records, lambda: NOW)
    task = asyncio.create_task(runner.run())
    try:
        _lose(source, *range(10))
        await until(lambda: runner.problem is not None)
        assert "confirm-deletions" in (runner.problem or "")
        await _confirm(full, (await _held(full)).set)
        await until(lambda: runner.problem is None)
        assert len(await full.served()) == 10
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


async def test_limits_of_the_configuration_are_the_importers(full: Gateway, source: Source) -> None:
    strict = Importer(NORTH, full.adapter, full.store, full.records, DeletionLimits(percent=0, few=0))
    _lose(source, 0)
    assert await strict.take() is not None
    assert len(await full.served()) == 20


async def test_a_source_that_crumbles_away_is_held_even_after_restarts(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    for number in range(60):
        source.write(f"iias/{number:02}.json", agreement(f"{number:02}"))
    await gateway.importer.take()
    _lose(source, *range(5))
    assert await gateway.restarted().importer.take() is None
    _lose(source, *range(5, 10))
    assert await gateway.restarted().importer.take() is None
    _lose(source, *range(10, 15))
    said = await gateway.restarted().importer.take()
    assert said is not None
    assert said.startswith(
        "5 of 50 iias are gone from the source, after 10 in the last day, more than may be deleted unasked, so none of"
    )
    assert len(await gateway.served()) == 50


async def test_what_was_confirmed_counts_no_more_nor_what_was_deleted_before(full: Gateway, source: Source) -> None:
    _lose(source, 0, 1, 2, 3)
    await full.importer.take()
    _lose(source, 4, 5)
    assert await full.importer.take() is not None
    await _confirm(full, (await _held(full)).set)
    assert await full.importer.take() is None
    _lose(source, 6, 7, 8)
    restarted = full.restarted()
    assert await restarted.importer.take() is None
    _lose(source, 9, 10, 11)
    assert await restarted.importer.take() is not None
    assert (await _held(full)).ids == ("09", "10", "11")
    assert len(await full.served()) == 11
    async with full.store.transaction() as tx:
        assert await held_deletions.confirm(tx, NORTH, "", "somebody", NOW) is None


async def test_after_a_day_deletions_are_forgotten_unless_they_keep_others_back(full: Gateway, source: Source) -> None:
    now = datetime.now(UTC)
    guard = Guard(NORTH, "folder", full.store, DeletionLimits(), lambda: now)
    _lose(source, 0, 1, 2, 3)
    await full.importer.take()
    now = datetime.now(UTC) + timedelta(hours=23)
    assert not await guard.lets("iias", ["04", "05"], 16)
    now += timedelta(hours=2)
    assert not await guard.lets("iias", ["04", "05"], 16)
    await guard.over("iias")
    assert await guard.lets("iias", ["04", "05"], 16)
