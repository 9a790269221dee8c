"""Two processes that import the same source at the same moment, as a gateway and ``ewpgw adapter sync`` do."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from ewpgw.adapters import importing
from ewpgw.adapters.contract import AdapterProblem, Complete, Reading
from ewpgw.adapters.syncing import EntitySync, Sync
from ewpgw.store import records
from ewpgw.store.records import RecordKey

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from support.folder_gateway import Gateway, Source

    Agreement = Callable[..., dict[str, object]]

NORTH = "north.example"


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_LONGEST_PAUSE", 0.0)


def meanwhile(gateway: Gateway, happens: Callable[[], Awaitable[object]], *, times: int = 1) -> None:
    """Let something happen when the source has been read, and before anything of it is imported or deleted."""
    snapshot, left = gateway.adapter.snapshot, [times]

    async def slow() -> AsyncGenerator[Reading, None]:
        async with aclosing(snapshot()) as readings:
            async for reading in readings:
                if isinstance(reading, Complete) and left[0]:
                    left[0] -= 1
                    await happens()
                yield reading

    gateway.adapter.snapshot = slow  # type: ignore[method-assign]


async def test_what_came_after_the_reading_and_was_imported_by_the_other_is_not_deleted(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    gone = source.write("iias/c.json", agreement("3"))
    await gateway.importer.take()
    other = gateway.restarted()
    gone.unlink()  # there is something to delete

    async def happens() -> None:
        source.write("iias/b.json", agreement("2"))
        await gateway.importer.take()

    meanwhile(other, happens)
    await other.importer.take()
    assert await gateway.served() == ["1", "2"]


async def test_a_file_that_came_to_hold_another_record_after_the_reading_does_not_delete_that(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    gone = source.write("iias/c.json", agreement("3"))
    await gateway.importer.take()
    other = gateway.restarted()
    gone.unlink()

    async def happens() -> None:
        source.write("iias/a.json", agreement("2"))
        await gateway.importer.take()

    meanwhile(other, happens)
    await other.importer.take()
    assert await gateway.served() == ["2"]


async def test_an_older_version_never_replaces_a_newer_one(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1", people=5))
    await gateway.importer.take()
    other = gateway.restarted()
    source.write("iias/a.json", agreement("1", people=6))

    async def happens() -> None:
        source.write("iias/a.json", agreement("1", people=7))
        await gateway.importer.take()

    meanwhile(other, happens)
    report = await Sync(other.adapter, other.store, other.records).take()
    assert report.counts["iias"] == EntitySync(read=1)
    assert await gateway.people("1") == 7
    stored = await records.get(gateway.store, RecordKey(NORTH, "iias", "1"))
    assert stored is not None
    assert stored.revision == 2


async def test_an_older_refusal_never_replaces_a_newer_good_version(
    gateway: Gateway, source: Source, agreement: Agreement
) -> None:
    source.write("iias/a.json", {**agreement("1"), "in_effect": "perhaps"})
    other = gateway.restarted()

    async def happens() -> None:
        source.write("iias/a.json", agreement("1"))
        await gateway.importer.take()

    meanwhile(other, happens)
    await other.importer.take()
    assert await gateway.served() == ["1"]
    assert await gateway.refused() == {}


async def test_who_is_overtaken_again_and_again_says_so(gateway: Gateway, source: Source, agreement: Agreement) -> None:
    source.write("iias/a.json", agreement("1"))
    other = gateway.restarted()
    people = [0]

    async def happens() -> None:
        people[0] += 2
        source.write("iias/a.json", agreement("1", people=people[0]))
        await gateway.importer.take()
        source.write("iias/a.json", agreement("1", people=people[0] + 1))

    meanwhile(other, happens, times=99)
    source.write("iias/a.json", agreement("1", people=1))
    with pytest.raises(AdapterProblem, match="another process imports from the same source"):
        await other.importer.take()
    assert await gateway.people("1") == people[0]
