"""A source of which only changes were read, or that broke off: what was yielded is taken, and nothing is deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.documents import iia
from support.scripted_adapter import ScriptedAdapter

from ewpgw.adapters.contract import Complete, Item, Partial, Reading, Unreadable
from ewpgw.adapters.guard import DeletionLimits
from ewpgw.adapters.importing import Importer
from ewpgw.documents import schemas
from ewpgw.model.problems import Problem
from ewpgw.preparing import Incoming
from ewpgw.records import Records
from ewpgw.store import Store, records, refusals

NORTH, SOUTH = "north.example", "south.example"
INSTITUTION = {"hei_id": NORTH, "name": [{"value": "North", "lang": "en"}]}


class Gateway:
    def __init__(self, store: Store, **limits: int) -> None:
        self.store = store
        self.adapter = ScriptedAdapter()
        made = Records(store, schemas.default(), {}, lambda: datetime.now(UTC), lambda: None)
        self.importer = Importer(NORTH, self.adapter, store, made, DeletionLimits(**limits))

    async def take(self, *readings: Reading) -> str | None:
        self.adapter.readings = readings
        return await self.importer.take()

    async def served(self) -> list[str]:
        return await records.index(self.store, NORTH, "iias", [SOUTH])

    async def document(self, entity: str, id_: str) -> str:
        found = await records.get(self.store, records.RecordKey(NORTH, entity, id_))
        assert found is not None
        assert found.document is not None
        return found.document.replace(" ", "")

    async def refused(self) -> list[str]:
        return [each.key for each in await refusals.list_page(self.store, NORTH)]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield Gateway(store)
    await store.close()


def item(key: str, id_: str | None = None, *, people: int = 5, good: bool = True) -> Item:
    document = iia(id_ or key, people=people)
    if not good:
        document["in_effect"] = "perhaps"
    digest = hashlib.sha256(json.dumps(document).encode()).hexdigest()
    return Item(f"iias/{key}", "iias", Incoming(id=None, document=document), digest)


PARTIAL, COMPLETE = Partial("iias"), Complete("iias")


async def test_what_changed_is_taken_and_what_was_not_read_stays(gateway: Gateway) -> None:
    assert await gateway.take(item("1"), item("2"), COMPLETE) is None
    assert await gateway.take(item("2", people=7), item("3"), PARTIAL) is None
    assert await gateway.served() == ["1", "2", "3"]
    assert await gateway.take(PARTIAL) is None
    assert await gateway.served() == ["1", "2", "3"]
    await gateway.take(item("1"), item("3"), COMPLETE)
    assert await gateway.served() == ["1", "3"]


async def test_why_a_source_broke_off_is_told(gateway: Gateway) -> None:
    await gateway.take(item("1"), COMPLETE)
    assert await gateway.take(Partial("iias", "page 3 is missing")) == "iias: page 3 is missing"
    assert await gateway.served() == ["1"]


async def test_nothing_is_taken_of_what_broke_off_while_the_rest_of_the_source_is(gateway: Gateway) -> None:
    """Not even refusals are touched; what cannot be read of another entity may stand among the items."""
    await gateway.take(item("1"), item("2"), item("bad", good=False), COMPLETE)
    broken = Partial("iias", "page 2 is missing", taken=False)
    amiss = Problem("", "is no record", "refusal", "adapter")
    readings = (
        item("1", people=9),
        Unreadable("organizational-units/law", "organizational-units", amiss),
        item("3"),
        item("4", good=False),
        Unreadable("iias/5", "iias", amiss),
        broken,
        Item("institution", "institutions", Incoming(NORTH, INSTITUTION), "1"),
        Complete("institutions"),
        Complete("organizational-units"),
    )
    for more in ((), (COMPLETE,)):  # an adapter that says both is not believed the worse
        assert await gateway.take(*readings, *more) == "iias: page 2 is missing"
        assert await gateway.served() == ["1", "2"]
        assert '"total_months_per_year":"50"' in await gateway.document("iias", "1")
        assert await gateway.refused() == ["bad", "scripted:organizational-units/law"]
        assert await gateway.document("institutions", NORTH)
    assert await gateway.take(item("1", people=9), item("3"), item("4", good=False), COMPLETE) is not None
    assert await gateway.served() == ["1", "3"]
    assert '"total_months_per_year":"90"' in await gateway.document("iias", "1")
    assert "4" in await gateway.refused()
    assert "bad" not in await gateway.refused()


async def test_an_item_that_came_to_hold_another_record_frees_the_old_one_at_the_next_full_reading(
    gateway: Gateway,
) -> None:
    await gateway.take(item("a", "1"), COMPLETE)
    await gateway.take(item("a", "2"), PARTIAL)
    assert await gateway.served() == ["1", "2"]
    await gateway.take(item("a", "2"), COMPLETE)
    assert await gateway.served() == ["2"]


async def test_a_refusal_found_in_changes_is_forgotten_with_its_item(gateway: Gateway) -> None:
    await gateway.take(item("1"), COMPLETE)
    await gateway.take(item("2", good=False), PARTIAL)
    await gateway.take(PARTIAL)
    assert await gateway.refused() == ["2"]
    await gateway.take(item("1"), COMPLETE)
    assert await gateway.refused() == []


async def test_while_deletions_wait_a_full_reading_is_wanted(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    gateway = Gateway(store, percent=20, few=0)
    await gateway.take(item("1"), item("2"), COMPLETE)
    assert "may be deleted unasked" in str(await gateway.take(item("1"), COMPLETE))
    assert "may be deleted unasked" in str(await gateway.take(PARTIAL))
    assert await gateway.take(item("1"), item("2"), COMPLETE) is None
    await gateway.take(COMPLETE)
    await store.close()
    assert gateway.adapter.wanted_in_full == [False, False, True, True, False]
