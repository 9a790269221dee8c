"""Refused versions of records."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ewpgw.store import Store, refusals
from ewpgw.store.refusals import Refusal


@pytest.fixture
def refused(now: datetime) -> Refusal:
    return Refusal("north.example", "iias", "a-1", '{"iia": }', '[{"path": "$"}]', "a.json", now)


async def put(store: Store, *refused: Refusal) -> list[bool]:
    async with store.transaction() as tx:
        return [await refusals.put(tx, one) for one in refused]


async def test_the_newest_refused_version_is_kept(store: Store, refused: Refusal) -> None:
    newer = replace(refused, document="{}", problems="[]", source="b.json", at=refused.at + timedelta(hours=1))
    assert await put(store, refused, newer) == [True, True]
    assert await refusals.get(store, "north.example", "iias", "a-1") == newer
    assert await refusals.count(store, "north.example") == 1


async def test_the_same_refusal_again_keeps_its_time(store: Store, refused: Refusal) -> None:
    assert await put(store, refused, replace(refused, at=refused.at + timedelta(hours=1))) == [True, False]
    assert await refusals.get(store, "north.example", "iias", "a-1") == refused


async def test_a_refusal_can_be_removed_once(store: Store, refused: Refusal) -> None:
    await put(store, refused)
    async with store.transaction() as tx:
        assert await refusals.remove(tx, "north.example", "iias", "a-1")
        assert not await refusals.remove(tx, "north.example", "iias", "a-1")
    assert await refusals.get(store, "north.example", "iias", "a-1") is None


async def test_refusals_are_listed_by_entity_and_key_in_pages(store: Store, refused: Refusal) -> None:
    keys = [("iias", "a"), ("iias", "b"), ("omobilities", "a")]
    await put(store, *(replace(refused, entity=entity, key=key) for entity, key in reversed(keys)))
    await put(store, replace(refused, hei_id="west.example"))
    first = await refusals.list_page(store, "north.example", limit=2)
    second = await refusals.list_page(store, "north.example", after=(first[-1].entity, first[-1].key))
    assert [(one.entity, one.key) for one in (*first, *second)] == keys
    assert [one.key for one in await refusals.list_page(store, "north.example", "iias")] == ["a", "b"]
