"""The kept catalogue, tokens, and what adapters remember."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ewpgw.store import Store, catalogues, sources, tokens
from ewpgw.store.catalogues import StoredCatalogue
from ewpgw.store.sources import SourceItem
from ewpgw.store.tokens import Token, TokenNameTaken

URL = "https://registry.example/catalogue-v1.xml"
HOUR = timedelta(hours=1)


async def test_there_is_no_catalogue_at_first(store: Store) -> None:
    assert await catalogues.load(store) is None


async def test_the_last_catalogue_is_kept(store: Store, now: datetime) -> None:
    first = StoredCatalogue(URL, b"<catalogue/>", '"etag"', "Mon, 01 Sep 2025 12:00:00 GMT", now, now)
    second = StoredCatalogue("https://other.example/", b"<catalogue></catalogue>", None, None, now + HOUR, now + HOUR)
    for one in (first, second):
        async with store.transaction() as tx:
            await catalogues.save(tx, one)
        assert await catalogues.load(store) == one


async def test_a_catalogue_that_is_still_current_keeps_its_content(store: Store, now: datetime) -> None:
    kept = StoredCatalogue(URL, b"<catalogue/>", '"etag"', None, now, now)
    async with store.transaction() as tx:
        await catalogues.save(tx, kept)
        await catalogues.checked(tx, now + HOUR)
    assert await catalogues.load(store) == replace(kept, checked_at=now + HOUR)


async def test_a_token_is_found_by_its_digest_until_revoked(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        await tokens.create(tx, "sis", "ab" * 32, now)
    assert await tokens.find(store, "ab" * 32) == Token("sis", "ab" * 32, now, None)
    assert await tokens.find(store, "cd" * 32) is None
    async with store.transaction() as tx:
        assert await tokens.revoke(tx, "sis", now + HOUR)
        assert not await tokens.revoke(tx, "sis", now + HOUR)
        assert not await tokens.revoke(tx, "unknown", now + HOUR)
    assert await tokens.find(store, "ab" * 32) is None
    assert await tokens.list_all(store) == [Token("sis", "ab" * 32, now, now + HOUR)]


async def test_a_name_of_a_token_is_used_once_even_after_it_was_revoked(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        await tokens.create(tx, "sis", "first", now)
        await tokens.revoke(tx, "sis", now)
        with pytest.raises(TokenNameTaken, match=r"'sis'.*choose another"):
            await tokens.create(tx, "sis", "second", now)
    assert [one.sha256 for one in await tokens.list_all(store)] == ["first"]


async def test_what_an_adapter_imported_is_kept_for_each_source(store: Store) -> None:
    one, two = SourceItem("a.json", "iias", "a-1", "digest"), SourceItem("b.json", None, None, "digest")
    async with store.transaction() as tx:
        await sources.put_items(tx, "north.example", "folder", [one, two])
        await sources.put_items(tx, "north.example", "other folder", [one])
        await sources.put_items(tx, "north.example", "folder", [])
    assert await sources.items(store, "north.example", "folder") == {"a.json": one, "b.json": two}
    changed = SourceItem("b.json", "iias", "b-1", "new digest")
    async with store.transaction() as tx:
        await sources.put_items(tx, "north.example", "folder", [changed])
        await sources.remove_items(tx, "north.example", "folder", ["a.json", "unknown.json"])
        await sources.remove_items(tx, "north.example", "folder", [])
    assert await sources.items(store, "north.example", "folder") == {"b.json": changed}
    assert await sources.items(store, "north.example", "other folder") == {"a.json": one}
    assert await sources.items(store, "west.example", "folder") == {}


async def test_an_adapter_continues_where_it_was(store: Store) -> None:
    assert await sources.position(store, "north.example", "folder") == 0
    for reached in (3, 7):
        async with store.transaction() as tx:
            await sources.set_position(tx, "north.example", "folder", reached)
    assert await sources.position(store, "north.example", "folder") == 7
    assert await sources.position(store, "west.example", "folder") == 0
