"""Partner copies and the feed of changes through the SIS API."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from ewpgw.store import Store, copies, feed
from ewpgw.store.copies import CopyKey, Received
from ewpgw.store.feed import FeedKind

if TYPE_CHECKING:
    from datetime import datetime

    from support.sis_api import Sis

COPIES = "north.example/partner-copies/iias"
BYTES = b'<?xml version="1.0"?>\n<iias-get-response>\xc3\xa5 &lt;</iias-get-response>\r\n'
PROBLEMS = [{"path": "partner", "message": "is required", "severity": "refusal", "source": "the schema"}]


async def receive(sis: Sis, item: str, *, partner: str = "south.example", hei_id: str = "north.example") -> None:
    document = json.dumps({"iia": item})
    async with sis.store.transaction() as tx:
        key = CopyKey(hei_id, "iias", partner, item)
        await copies.put_received(tx, key, Received(BYTES, document, f"hash of {item}", "2024/17"), sis.services.now())


async def spoil(sis: Sis, item: str, *, later: timedelta = timedelta(0)) -> datetime:
    at = sis.services.now() + later
    async with sis.store.transaction() as tx:
        key = CopyKey("north.example", "iias", "south.example", item)
        await copies.put_invalid(tx, key, b"\xff<not><xml", json.dumps(PROBLEMS), at)
    return at


async def append(sis: Sis, item: str, *, hei_id: str = "north.example") -> None:
    async with sis.store.transaction() as tx:
        await feed.append(
            tx, hei_id, FeedKind.COPY_CHANGED, sis.services.now(), entity="iias", partner="south.example", id=item
        )


async def test_a_partner_copy_is_shown_decoded(sis_on_both: Sis) -> None:
    await receive(sis_on_both, "S/1")
    got = await sis_on_both.get(f"{COPIES}/south.example/S%2F1")
    assert got.status == 200
    assert got.json == {
        "partner": "south.example",
        "id": "S/1",
        "state": "current",
        "revision": 1,
        "fetched_at": "2025-09-01T12:00:00Z",
        "changed_at": "2025-09-01T12:00:00Z",
        "our_id": "2024/17",
        "hash": "hash of S/1",
        "document": {"iia": "S/1"},
        "invalid": None,
    }


async def test_an_invalid_version_is_explained_beside_the_last_good_one(sis_on_both: Sis) -> None:
    await receive(sis_on_both, "S-1")
    await spoil(sis_on_both, "S-1", later=timedelta(hours=1))
    got = (await sis_on_both.get(f"{COPIES}/south.example/S-1")).json
    assert got["state"] == "invalid"
    assert got["document"] == {"iia": "S-1"}
    assert got["invalid"] == {"at": "2025-09-01T13:00:00Z", "problems": PROBLEMS}


async def test_the_bytes_are_given_back_exactly_as_they_were_received(sis_on_both: Sis) -> None:
    await receive(sis_on_both, "S-1")
    await spoil(sis_on_both, "S-1")
    good = await sis_on_both.get(f"{COPIES}/south.example/S-1/received")
    assert (good.status, good.body) == (200, BYTES)
    assert good.headers["Content-Type"] == "application/xml"
    assert good.headers["Content-Disposition"].startswith("attachment")
    assert good.headers["X-Content-Type-Options"] == "nosniff"
    bad = await sis_on_both.get(f"{COPIES}/south.example/S-1/received?version=invalid")
    assert (bad.status, bad.body) == (200, b"\xff<not><xml")


async def test_a_version_that_was_never_received_is_not_found(sis: Sis) -> None:
    await receive(sis, "good")
    await spoil(sis, "bad")
    for path in ("good/received?version=invalid", "bad/received"):
        missing = await sis.get(f"{COPIES}/south.example/{path}")
        assert (missing.status, missing.json["error"]["code"]) == (404, "no-such-version")
    assert (await sis.get(f"{COPIES}/south.example/bad")).json["document"] is None


async def test_a_copy_that_was_never_fetched_is_not_found(sis: Sis) -> None:
    await receive(sis, "S-1")
    for path in ("south.example/S-2", "east.example/S-1", "south.example/S-2/received"):
        missing = await sis.get(f"{COPIES}/{path}")
        assert (missing.status, missing.json["error"]["code"]) == (404, "unknown-copy")


async def test_copies_are_listed_in_pages_by_partner_and_id(sis_on_both: Sis) -> None:
    await receive(sis_on_both, "b", partner="south.example")
    await receive(sis_on_both, "a/1", partner="south.example")
    await receive(sis_on_both, "z", partner="east.example")
    await receive(sis_on_both, "other", hei_id="west.example")
    seen, after = [], ""
    for _ in range(4):
        page = (await sis_on_both.get(f"{COPIES}?limit=1{after}")).json
        seen += [(item["partner"], item["id"]) for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={quote(page['next'], safe='')}"
    assert seen == [("east.example", "z"), ("south.example", "a/1"), ("south.example", "b")]


async def test_copies_are_filtered_by_partner_and_state(sis_on_both: Sis) -> None:
    await receive(sis_on_both, "a")
    await receive(sis_on_both, "b", partner="east.example")
    await spoil(sis_on_both, "c")
    by_partner = (await sis_on_both.get(f"{COPIES}?partner=east.example")).json["items"]
    assert [item["id"] for item in by_partner] == ["b"]
    by_state = (await sis_on_both.get(f"{COPIES}?state=invalid")).json["items"]
    assert [item["id"] for item in by_state] == ["c"]


@pytest.mark.parametrize("cursor", ["x", "W10", "WzFd", "WyJhIiwxXQ", "WyJhIiwiXHUwMDAwIl0", "%00", "é"])
async def test_a_cursor_that_was_not_given_out_is_refused(sis: Sis, cursor: str) -> None:
    for path in (COPIES, "north.example/work", "north.example/exchanges", "north.example/refusals"):
        refused = await sis.get(f"{path}?after={quote(cursor, safe='%')}")
        assert (refused.status, refused.json["error"]["code"]) == (400, "bad-parameter")


async def test_changes_come_in_order_and_none_is_left_out(sis_on_both: Sis) -> None:
    for number in range(5):
        await append(sis_on_both, f"S-{number}")
    await append(sis_on_both, "elsewhere", hei_id="west.example")
    seen, cursor = [], "0"
    while True:
        page = (await sis_on_both.get(f"north.example/changes?after={cursor}&limit=2")).json
        if not page["items"]:
            break
        seen += [item["id"] for item in page["items"]]
        assert page["cursor"] == page["items"][-1]["cursor"]
        cursor = page["cursor"]
    assert seen == [f"S-{number}" for number in range(5)]
    assert page["cursor"] == cursor == "5"


async def test_a_change_says_what_to_read(sis_on_both: Sis) -> None:
    await receive(sis_on_both, "S/1")
    await sis_on_both.put("north.example/records/iias/7", {})
    changes = (await sis_on_both.get("north.example/changes")).json["items"]
    assert changes == [
        {
            "cursor": "1",
            "at": "2025-09-01T12:00:00Z",
            "kind": "copy-changed",
            "entity": "iias",
            "partner": "south.example",
            "id": "S/1",
            "revision": 1,
        },
        {
            "cursor": "2",
            "at": "2025-09-01T12:00:00Z",
            "kind": "record-refused",
            "entity": "iias",
            "partner": None,
            "id": "7",
            "revision": None,
        },
    ]


async def until_waiting(sis: Sis) -> None:
    """Until a request waits for the bell."""
    while not sis.services.bell.waiting:
        await asyncio.sleep(0)


async def test_a_waiting_request_is_answered_when_this_process_appends(sis_on_both: Sis) -> None:
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        waiting = group.create_task(sis_on_both.get("north.example/changes?wait=60"))
        await until_waiting(sis_on_both)
        await append(sis_on_both, "S-1")
        sis_on_both.services.bell.ring()
    assert [item["id"] for item in waiting.result().json["items"]] == ["S-1"]


async def test_a_waiting_request_is_answered_when_another_replica_appends(sis_on_both: Sis, store_url: str) -> None:
    replica = await Store.open(store_url)
    try:
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            waiting = group.create_task(sis_on_both.get("north.example/changes?wait=60"))
            await until_waiting(sis_on_both)
            async with replica.transaction() as tx:
                await feed.append(tx, "north.example", FeedKind.COPY_GONE, sis_on_both.services.now(), entity="iias")
    finally:
        await replica.close()
    assert [item["kind"] for item in waiting.result().json["items"]] == ["copy-gone"]


async def test_a_record_refused_through_the_api_wakes_who_waits(sis: Sis) -> None:
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        waiting = group.create_task(sis.get("north.example/changes?wait=60"))
        await until_waiting(sis)
        await sis.put("north.example/records/iias/7", {})
    assert [item["kind"] for item in waiting.result().json["items"]] == ["record-refused"]


async def test_the_changes_of_another_hei_leave_a_waiting_request_waiting_to_its_end(sis: Sis) -> None:
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        waiting = group.create_task(sis.get("north.example/changes?wait=0.2"))
        await until_waiting(sis)
        await append(sis, "elsewhere", hei_id="west.example")
        sis.services.bell.ring()
    assert waiting.result().json == {"items": [], "cursor": "0"}


async def test_a_process_that_stops_answers_those_who_wait(sis: Sis) -> None:
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        waiting = group.create_task(sis.get("north.example/changes?wait=60"))
        await until_waiting(sis)
        await sis.close()
    assert waiting.result().json == {"items": [], "cursor": "0"}


async def test_nobody_keeps_waiting_for_a_client_that_went_away(sis: Sis) -> None:
    async with asyncio.timeout(30), ClientSession() as session:
        headers = {"Authorization": f"Bearer {sis.token}"}
        url = f"{sis.base}/api/v1/heis/north.example/changes?wait=60"
        going = asyncio.create_task(session.get(url, headers=headers))
        await until_waiting(sis)
        going.cancel()
        await asyncio.wait([going])
    async with asyncio.timeout(30):
        while sis.services.bell.waiting:
            sis.services.bell.ring()
            await asyncio.sleep(0)


async def test_a_cursor_ahead_of_the_feed_is_refused_instead_of_missing_changes(sis_on_both: Sis) -> None:
    await append(sis_on_both, "S-1")
    ahead = await sis_on_both.get("north.example/changes?after=2&wait=60")
    assert (ahead.status, ahead.json["error"]["code"]) == (400, "unknown-cursor")
    assert ahead.json["error"]["details"] == {"last": "1"}


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=x", "after=1.5", "after=", f"after={10**18}", "wait=61", "wait=-1", "wait=nan"],
)
async def test_a_cursor_or_waiting_time_out_of_bounds_is_refused(sis: Sis, query: str) -> None:
    refused = await sis.get(f"north.example/changes?{query}")
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad-parameter")
    assert refused.json["error"]["details"]["parameters"][0]["name"] == query.partition("=")[0]
