"""Partner copies and what the feed says of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from ewpgw.store import Store, copies, feed
from ewpgw.store.copies import Copy, CopyChange, CopyKey, CopyState, Received
from ewpgw.store.feed import FeedKind

NORTH, SOUTH = "north.example", "south.example"
KEY = CopyKey(NORTH, "iias", SOUTH, "s-1")
FIRST = Received(b"<iia>1</iia>", '{"n":1}', "hash 1", "a-1")
HOUR = timedelta(hours=1)


async def receive(store: Store, now: datetime, received: Received = FIRST, key: CopyKey = KEY) -> CopyChange:
    async with store.transaction() as tx:
        return await copies.put_received(tx, key, received, now)


async def receive_invalid(store: Store, now: datetime, body: bytes = b"<broken/>") -> CopyChange:
    async with store.transaction() as tx:
        return await copies.put_invalid(tx, KEY, body, "[1]", now)


async def lose(store: Store, now: datetime) -> CopyChange | None:
    async with store.transaction() as tx:
        return await copies.mark_gone(tx, KEY, now)


async def kinds(store: Store) -> list[tuple[str, int | None]]:
    return [(entry.kind.value, entry.revision) for entry in await feed.read(store, NORTH)]


async def stored(store: Store) -> Copy:
    found = await copies.get(store, KEY)
    assert found is not None
    return found


async def test_a_first_copy_is_kept_as_received_and_announced(store: Store, now: datetime) -> None:
    assert await receive(store, now) == CopyChange(changed=True, created=True, revision=1, seq=1)
    assert await stored(store) == Copy(
        key=KEY,
        state=CopyState.CURRENT,
        revision=1,
        fetched_at=now,
        changed_at=now,
        body=FIRST.body,
        document=FIRST.document,
        content_hash=FIRST.content_hash,
        our_id="a-1",
        invalid_body=None,
        invalid_problems=None,
        invalid_at=None,
    )
    (entry,) = await feed.read(store, NORTH)
    assert entry == feed.FeedEntry(NORTH, 1, now, FeedKind.COPY_CHANGED, "iias", SOUTH, "s-1", 1)


async def test_the_same_content_again_is_silent_but_fetched(store: Store, now: datetime) -> None:
    await receive(store, now)
    respaced = replace(FIRST, body=b"<iia>1</iia >")
    assert await receive(store, now + HOUR, respaced) == CopyChange(False, False, 1, None)
    found = await stored(store)
    assert (found.fetched_at, found.changed_at, found.body) == (now + HOUR, now, respaced.body)
    assert await kinds(store) == [("copy-changed", 1)]


async def test_each_kind_of_change_is_announced(store: Store, now: datetime) -> None:
    versions = [
        FIRST,
        replace(FIRST, content_hash="hash 2"),
        replace(FIRST, content_hash="hash 2", document="{}"),
        replace(FIRST, content_hash="hash 2", document="{}", our_id=None),
    ]
    for number, version in enumerate(versions, 1):
        assert (await receive(store, now, version)).revision == number
    assert len(await kinds(store)) == 4


async def test_an_invalid_document_leaves_the_last_good_one(store: Store, now: datetime) -> None:
    await receive(store, now)
    assert await receive_invalid(store, now + HOUR) == CopyChange(True, False, 2, 2)
    found = await stored(store)
    assert (found.state, found.body, found.document) == (CopyState.INVALID, FIRST.body, FIRST.document)
    assert (found.invalid_body, found.invalid_problems, found.invalid_at) == (b"<broken/>", "[1]", now + HOUR)
    assert await kinds(store) == [("copy-changed", 1), ("copy-invalid", 2)]


async def test_the_same_invalid_document_again_is_silent(store: Store, now: datetime) -> None:
    await receive_invalid(store, now)
    assert not (await receive_invalid(store, now + HOUR)).changed
    assert (await receive_invalid(store, now + HOUR, b"<worse/>")).changed
    assert await kinds(store) == [("copy-invalid", 1), ("copy-invalid", 2)]


async def test_a_copy_that_was_never_valid_has_no_content(store: Store, now: datetime) -> None:
    assert await receive_invalid(store, now) == CopyChange(True, True, 1, 1)
    found = await stored(store)
    assert (found.state, found.body, found.document, found.content_hash) == (CopyState.INVALID, None, None, None)


async def test_a_valid_document_after_an_invalid_one_is_announced_even_if_it_is_the_old_one(
    store: Store, now: datetime
) -> None:
    await receive(store, now)
    await receive_invalid(store, now)
    assert (await receive(store, now)).changed
    found = await stored(store)
    assert (found.state, found.invalid_body, found.invalid_problems, found.invalid_at) == (
        CopyState.CURRENT,
        None,
        None,
        None,
    )
    assert await kinds(store) == [("copy-changed", 1), ("copy-invalid", 2), ("copy-changed", 3)]


async def test_a_copy_that_is_gone_is_announced_once_and_kept(store: Store, now: datetime) -> None:
    await receive(store, now)
    assert await lose(store, now + HOUR) == CopyChange(True, False, 2, 2)
    assert await lose(store, now + HOUR) == CopyChange(False, False, 2, None)
    found = await stored(store)
    assert (found.state, found.body) == (CopyState.GONE, FIRST.body)
    assert (await receive(store, now + 2 * HOUR)).changed, "it came back"
    assert await kinds(store) == [("copy-changed", 1), ("copy-gone", 2), ("copy-changed", 3)]


async def test_an_unknown_copy_cannot_be_gone(store: Store, now: datetime) -> None:
    assert await lose(store, now) is None
    assert await kinds(store) == []


async def test_a_rolled_back_change_is_not_announced(store: Store, now: datetime) -> None:
    try:
        async with store.transaction() as tx:
            await copies.put_received(tx, KEY, FIRST, now)
            raise RuntimeError
    except RuntimeError:
        pass
    assert await copies.get(store, KEY) is None
    assert await feed.last(store, NORTH) == 0


async def test_the_identifiers_of_a_partner_leave_out_what_is_gone(store: Store, now: datetime) -> None:
    for id_ in ("s-1", "s-2", "s-3"):
        await receive(store, now, key=replace(KEY, id=id_))
    await receive(store, now, key=replace(KEY, partner="west.example", id="w-1"))
    await lose(store, now)
    assert await copies.ids_of_partner(store, NORTH, "iias", SOUTH) == {"s-2", "s-3"}


async def test_copies_are_listed_in_pages_and_counted_by_state(store: Store, now: datetime) -> None:
    keys = [replace(KEY, partner=partner, id=id_) for partner in (SOUTH, "west.example") for id_ in ("s-1", "s-2")]
    for key in reversed(keys):
        await receive(store, now, key=key)
    await lose(store, now)
    first = await copies.list_page(store, NORTH, "iias", limit=3)
    rest = await copies.list_page(store, NORTH, "iias", after=(first[-1].key.partner, first[-1].key.id))
    assert [found.key for found in (*first, *rest)] == keys
    current = await copies.list_page(store, NORTH, "iias", partner=SOUTH, states={CopyState.CURRENT})
    assert [found.key.id for found in current] == ["s-2"]
    assert await copies.counts(store, NORTH) == {("iias", CopyState.CURRENT): 3, ("iias", CopyState.GONE): 1}


async def test_two_replicas_that_receive_the_same_new_copy_announce_it_once(
    store: Store, replica: Store, now: datetime
) -> None:
    changes = await asyncio.gather(*(receive((store, replica)[number % 2], now) for number in range(8)))
    assert sorted(change.changed for change in changes) == [False] * 7 + [True]
    assert await kinds(store) == [("copy-changed", 1)]


async def test_replicas_that_receive_different_versions_count_each(store: Store, replica: Store, now: datetime) -> None:
    await receive(store, now)
    versions = [replace(FIRST, document=f"{number}") for number in range(10)]
    changes = await asyncio.gather(
        *(receive((store, replica)[place % 2], now, version) for place, version in enumerate(versions))
    )
    assert sorted(change.revision for change in changes) == list(range(2, 12))
    assert await kinds(store) == [("copy-changed", revision) for revision in range(1, 12)]
