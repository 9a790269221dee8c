"""Work under way and the exchange log through the SIS API."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

import pytest

from ewpgw.store import exchanges, work
from ewpgw.store.exchanges import Direction, Exchange
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from support.sis_api import Sis

WORK = "north.example/work"
EXCHANGES = "north.example/exchanges"


async def want(sis: Sis, kind: WorkKind, partner: str, item: str = "", *, hei_id: str = "north.example") -> WorkKey:
    key = WorkKey(kind, hei_id, partner, "iia-cnr" if kind is WorkKind.DELIVERY else "iias", item)
    async with sis.store.transaction() as tx:
        await work.want(tx, key, sis.services.now())
    return key


async def attempt(sis: Sis, outcome: str) -> None:
    """Claim the one row that is due, and end the attempt."""
    now = sis.services.now() + timedelta(minutes=1)
    [claim] = await work.claim(
        sis.store, list(WorkKind), "me", limit=1, now=now, lease_seconds=120, per_partner_limit=1
    )
    async with sis.store.transaction() as tx:
        match outcome:
            case "done":
                assert await work.finish(tx, claim, now, 200)
            case "retry":
                assert await work.retry(tx, claim, now, at=now + timedelta(hours=1), error="no answer")
            case "failed":
                assert await work.fail(tx, claim, now, error="the partner says: unknown iia_id", status=400)


async def test_work_to_be_tried_again_shows_when_and_why(sis_on_both: Sis) -> None:
    await want(sis_on_both, WorkKind.DELIVERY, "south.example", "2024/17")
    await attempt(sis_on_both, "retry")
    [row] = (await sis_on_both.get(WORK)).json["items"]
    assert row == {
        "kind": "delivery",
        "partner": "south.example",
        "api": "iia-cnr",
        "item": "2024/17",
        "state": "due",
        "attempts": 1,
        "wanted": 1,
        "done": 0,
        "first_wanted_at": "2025-09-01T12:00:00Z",
        "next_attempt_at": "2025-09-01T13:01:00Z",
        "last_at": "2025-09-01T12:01:00Z",
        "last_error": "no answer",
        "last_status": None,
    }


async def test_work_that_a_partner_refused_is_found_by_its_state(sis_on_both: Sis) -> None:
    await want(sis_on_both, WorkKind.DELIVERY, "south.example", "a")
    await attempt(sis_on_both, "failed")
    await want(sis_on_both, WorkKind.DELIVERY, "south.example", "b")
    await attempt(sis_on_both, "done")
    await want(sis_on_both, WorkKind.REFRESH, "south.example", "c")
    [failed] = (await sis_on_both.get(f"{WORK}?state=failed")).json["items"]
    assert (failed["item"], failed["last_status"]) == ("a", 400)
    assert failed["last_error"] == "the partner says: unknown iia_id"
    assert failed["next_attempt_at"] is None
    by_state = {
        state: [row["item"] for row in (await sis_on_both.get(f"{WORK}?state={state}")).json["items"]]
        for state in ("due", "done", "expired")
    }
    assert by_state == {"due": ["c"], "done": ["b"], "expired": []}


async def test_work_is_filtered_by_kind_and_partner_and_belongs_to_one_hei(sis_on_both: Sis) -> None:
    await want(sis_on_both, WorkKind.DELIVERY, "south.example", "a")
    await want(sis_on_both, WorkKind.PULL, "east.example")
    await want(sis_on_both, WorkKind.PULL, "east.example", hei_id="west.example")
    pulls = (await sis_on_both.get(f"{WORK}?kind=pull")).json["items"]
    assert [(row["partner"], row["item"]) for row in pulls] == [("east.example", "")]
    of_partner = (await sis_on_both.get(f"{WORK}?partner=south.example")).json["items"]
    assert [row["item"] for row in of_partner] == ["a"]


async def test_work_is_listed_in_pages(sis_on_both: Sis) -> None:
    wanted = [("east.example", "a/1"), ("south.example", "a"), ("south.example", "b"), ("south.example", "c")]
    for partner, item in wanted:
        await want(sis_on_both, WorkKind.REFRESH, partner, item)
    seen, pages = [], 0
    after: str | None = ""
    while after is not None:
        page = (await sis_on_both.get(f"{WORK}?limit=2{after}")).json
        seen += [(row["partner"], row["item"]) for row in page["items"]]
        after = None if page["next"] is None else f"&after={quote(page['next'], safe='')}"
        pages += 1
    assert (seen, pages) == (wanted, 2)


async def log(
    sis: Sis,
    number: int,
    *,
    hei_id: str | None = "north.example",
    partner: str = "south.example",
    api: str = "iias",
    direction: Direction = "out",
    response: bytes = b"<ok>\xc3\xa5</ok>",
) -> str:
    exchange = Exchange(
        id=str(UUID(int=number)),
        at=sis.services.now() + timedelta(seconds=number // 2),
        direction=direction,
        hei_id=hei_id,
        partner=partner,
        api=api,
        endpoint="get",
        method="POST",
        url="https://ewp.south.example/iias/get",
        status=200,
        verdict="signed by south.example",
        request_id=str(UUID(int=1000 + number)),
        milliseconds=42,
        request_headers=(("Date", "Mon, 01 Sep 2025 12:00:00 GMT"), ("X-A", "1"), ("X-A", "2")),
        request_body=b"iia_id=S-1",
        response_headers=(("Content-Type", "application/xml"),),
        response_body=response,
    )
    async with sis.store.transaction() as tx:
        await exchanges.insert_many(tx, [exchanges.as_row(exchange)])
    return exchange.id


async def test_exchanges_are_listed_newest_first_in_pages_without_bodies(sis_on_both: Sis) -> None:
    ids = [await log(sis_on_both, number) for number in range(5)]
    await log(sis_on_both, 9, hei_id="west.example")
    await log(sis_on_both, 10, hei_id=None)
    seen: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        page = (await sis_on_both.get(f"{EXCHANGES}?limit=2{after}")).json
        seen += page["items"]
        after = None if page["next"] is None else f"&after={quote(page['next'], safe='')}"
    assert [item["id"] for item in seen] == ids[::-1]
    assert seen[-1] == {
        "id": ids[0],
        "at": "2025-09-01T12:00:00Z",
        "direction": "out",
        "partner": "south.example",
        "api": "iias",
        "endpoint": "get",
        "method": "POST",
        "url": "https://ewp.south.example/iias/get",
        "status": 200,
        "verdict": "signed by south.example",
        "request_id": str(UUID(int=1000)),
        "milliseconds": 42,
    }


async def test_exchanges_are_filtered(sis_on_both: Sis) -> None:
    await log(sis_on_both, 1, partner="east.example")
    await log(sis_on_both, 2, api="iia-cnr")
    await log(sis_on_both, 3, direction="in")
    for query, number in (("partner=east.example", 1), ("api=iia-cnr", 2), ("direction=in", 3)):
        found = (await sis_on_both.get(f"{EXCHANGES}?{query}")).json["items"]
        assert [item["id"] for item in found] == [str(UUID(int=number))]


async def test_an_exchange_is_shown_with_its_headers_in_order_and_its_bodies(sis_on_both: Sis) -> None:
    text, binary = await log(sis_on_both, 1), await log(sis_on_both, 2, response=b"\xff\x00")
    got = (await sis_on_both.get(f"{EXCHANGES}/{text}")).json
    assert got["request"] == {
        "headers": [["Date", "Mon, 01 Sep 2025 12:00:00 GMT"], ["X-A", "1"], ["X-A", "2"]],
        "body": {"text": "iia_id=S-1", "base64": None},
    }
    assert got["response"]["body"] == {"text": "<ok>å</ok>", "base64": None}
    assert got["verdict"] == "signed by south.example"
    other = (await sis_on_both.get(f"{EXCHANGES}/{binary}")).json
    assert other["response"]["body"] == {"text": None, "base64": b64encode(b"\xff\x00").decode()}


async def test_an_exchange_of_another_hei_is_not_shown(sis: Sis) -> None:
    mine, nobodys = await log(sis, 1), await log(sis, 2, hei_id=None)
    for path in (f"west.example/exchanges/{mine}", f"{EXCHANGES}/{nobodys}", f"{EXCHANGES}/unknown"):
        missing = await sis.get(path)
        assert (missing.status, missing.json["error"]["code"]) == (404, "unknown-exchange")


@pytest.mark.parametrize(
    "path",
    [
        f"{WORK}?state=stuck",
        f"{WORK}?kind=Delivery",
        f"{WORK}?partner=south%00example",
        f"{EXCHANGES}?direction=sideways",
        f"{EXCHANGES}?api=I%20A",
        f"{EXCHANGES}/a%20b",
    ],
)
async def test_a_filter_that_names_nothing_that_exists_is_refused(sis: Sis, path: str) -> None:
    refused = await sis.get(path)
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad-parameter")
