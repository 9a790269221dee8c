"""Many records in one call, line by line: answered as they are stored, and what was answered stays."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from yarl import URL

from ewpgw.sis import bodies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from support.sis_api import Reply, Sis

UNITS = "north.example/records/organizational-units"
NDJSON = {"Content-Type": "application/x-ndjson"}


def unit(ounit_id: str, name: str = "Faculty of Law") -> dict[str, Any]:
    return {"ounit_id": ounit_id, "ounit_code": "LAW", "name": [{"value": name, "lang": "en"}]}


def lines(records: Iterable[object]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def items(reply: Reply) -> list[Any]:
    return [json.loads(line) for line in reply.body.splitlines()]


async def post(sis: Sis, body: object, **headers: str) -> Reply:
    return await sis.call("POST", UNITS, data=body, headers=NDJSON | headers)


async def stored(sis: Sis) -> dict[str, int]:
    listed = (await sis.get(f"{UNITS}?limit=1000")).json["items"]
    return {item["id"]: item["revision"] for item in listed}


async def test_each_line_is_answered_by_a_line_and_stands_for_itself(sis_on_both: Sis) -> None:
    await sis_on_both.put(f"{UNITS}/old", unit("old"))
    await sis_on_both.put(f"{UNITS}/gone", unit("gone"))
    await sis_on_both.call("DELETE", f"{UNITS}/gone")
    records = [unit("new"), {"ounit_id": "bad"}, unit("old"), unit("gone"), "no record at all", unit("new", "Again")]
    body = lines(records[:3]) + b"\r\n  \n{broken\n" + lines(records[3:]).rstrip(b"\n")
    posted = await post(sis_on_both, body)
    assert (posted.status, posted.headers["Content-Type"]) == (200, "application/x-ndjson")
    assert [(item["index"], item["id"], item["result"]) for item in items(posted)] == [
        (0, "new", "created"),
        (1, "bad", "refused"),
        (2, "old", "unchanged"),
        (3, None, "refused"),
        (4, "gone", "retired"),
        (5, None, "refused"),
        (6, "new", "refused"),
    ]
    assert "not JSON" in items(posted)[3]["problems"][0]["message"]
    assert "entry 0" in items(posted)[6]["problems"][-1]["message"]
    assert await stored(sis_on_both) == {"new": 1, "old": 1}


async def test_nothing_is_answered_by_nothing(sis: Sis) -> None:
    posted = await post(sis, b"")
    assert (posted.status, posted.body) == (200, b"")


async def test_more_records_than_a_list_may_have_are_taken(sis: Sis) -> None:
    posted = await post(sis, lines(unit(f"u{number}") for number in range(1500)))
    assert [item["result"] for item in items(posted)] == ["created"] * 1500
    assert [item["index"] for item in items(posted)] == list(range(1500))


async def test_the_results_come_while_the_records_are_still_sent(sis_on_both: Sis) -> None:
    answered = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield lines([unit("first")])
        await answered.wait()
        yield lines([unit("second")])

    async with asyncio.timeout(30), opened(sis_on_both, body()) as got:
        first = json.loads(await got.content.readline())
        assert (first["id"], first["result"]) == ("first", "created")
        assert await stored(sis_on_both) == {"first": 1}
        answered.set()
        assert json.loads(await got.content.readline())["id"] == "second"
        assert await got.content.read() == b""


def opened(sis: Sis, body: object) -> Any:
    headers = NDJSON | {"Authorization": f"Bearer {sis.token}"}
    return sis.session.post(URL(f"{sis.base}/api/v1/heis/{UNITS}"), data=body, headers=headers)


async def interrupted(sis: Sis, body: bytes, until: Callable[[bytes], bool], **headers: str) -> bytes:
    """What came back for the beginning of a body, over a connection that breaks off once that is enough."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sis.base.rpartition(":")[2]))
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST /api/v1/heis/{UNITS} HTTP/1.1\r\nHost: sis\r\nAuthorization: Bearer {sis.token}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n{more}\r\n"
    )
    writer.write(head.encode() + body)
    received = b""
    async with asyncio.timeout(30):
        while not until(received):
            received += await reader.read(65536)
    writer.transport.abort()
    return received


async def test_of_a_call_that_breaks_off_what_was_answered_is_stored(sis_on_both: Sis) -> None:
    begun = lines([unit("a"), {}, unit("b")]) + json.dumps(unit("c")).encode()[:-3]
    received = await interrupted(sis_on_both, begun, lambda text: text.count(b'"index"') == 3)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert await stored(sis_on_both) == {"a": 1, "b": 1}


async def test_after_the_most_records_the_last_line_says_so(sis: Sis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_LINES", 3)
    posted = await post(sis, lines(unit(f"u{number}") for number in range(5)))
    *results, last = items(posted)
    assert [item["id"] for item in results] == ["u0", "u1", "u2"]
    assert last["error"]["code"] == "too-many-records"
    assert len(await stored(sis)) == 3


async def test_a_line_that_is_too_long_ends_the_call_and_what_came_before_holds(sis: Sis) -> None:
    long = unit("long", "x" * sis.services.max_body_bytes)
    alone = await post(sis, lines([long]))
    assert (alone.status, alone.json["error"]["code"]) == (413, "line-too-long")
    posted = await post(sis, lines([unit("a"), long, unit("b")]))
    result, last = items(posted)
    assert (result["id"], last["error"]["code"]) == ("a", "line-too-long")
    assert await stored(sis) == {"a": 1}


async def test_a_store_that_goes_away_is_told_in_the_last_line(sis_on_both: Sis) -> None:
    gone = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield lines([unit("first")])
        await gone.wait()
        yield lines([unit("second")])

    async with asyncio.timeout(30), opened(sis_on_both, body()) as got:
        assert json.loads(await got.content.readline())["result"] == "created"
        await sis_on_both.store.close()
        gone.set()
        assert json.loads(await got.content.readline())["error"]["code"] == "store-unavailable"


@pytest.mark.parametrize("path", ["north.example/refreshes", f"{UNITS}/law"])
async def test_lines_are_taken_only_where_many_records_are(sis: Sis, path: str) -> None:
    method = "PUT" if path.startswith(UNITS) else "POST"
    refused = await sis.call(method, path, data=lines([unit("law")]), headers=NDJSON)
    assert refused.status == 415


async def test_a_repeated_call_under_a_key_is_answered_as_before(sis_on_both: Sis) -> None:
    body = lines([*(unit(f"u{number}") for number in range(150)), {"ounit_id": "bad"}, unit("u0", "Again")])
    first = await post(sis_on_both, body, **{"Idempotency-Key": "export-1"})
    assert [item["result"] for item in items(first)] == ["created"] * 150 + ["refused"] * 2
    await sis_on_both.put(f"{UNITS}/u7", unit("u7", "Law School"))
    again = await post(sis_on_both, body, **{"Idempotency-Key": "export-1"})
    assert again.body == first.body
    assert {name for name, revision in (await stored(sis_on_both)).items() if revision > 1} == {"u7"}


async def test_a_call_that_broke_off_goes_on_under_its_key_where_it_ended(sis_on_both: Sis) -> None:
    body = lines(unit(f"u{number}") for number in range(250))
    key = {"Idempotency-Key": "export-1"}
    begun = b"".join(body.splitlines(keepends=True)[:220])
    await interrupted(sis_on_both, begun, lambda text: text.count(b'"index"') == 200, **key)
    await sis_on_both.put(f"{UNITS}/u7", unit("u7", "Law School"))
    again = await until_free(sis_on_both, body, key)
    assert [item["result"] for item in items(again)] == ["created"] * 250
    assert {name for name, revision in (await stored(sis_on_both)).items() if revision > 1} == {"u7"}


async def until_free(sis: Sis, body: bytes, key: dict[str, str]) -> Reply:
    """The answer as soon as the gateway has seen that the call before broke off."""
    async with asyncio.timeout(30):
        while (reply := await post(sis, body, **key)).status == 409:
            assert reply.json["error"]["code"] == "request-in-progress"
    return reply


async def test_another_body_under_the_same_key_is_refused_where_it_differs(sis_on_both: Sis) -> None:
    records = [unit(f"u{number}") for number in range(40)]
    key = {"Idempotency-Key": "export-1"}
    first = await post(sis_on_both, lines(records), **key)
    other = await post(sis_on_both, lines([unit("u0", "Other"), *records[1:]]), **key)
    assert (other.status, other.json["error"]["code"]) == (422, "idempotency-key-reused")
    longer = await post(sis_on_both, lines([*records, unit("one more")]), **key)
    assert longer.body.splitlines()[:25] == first.body.splitlines()[:25]
    assert json.loads(longer.body.splitlines()[25])["error"]["code"] == "idempotency-key-reused"
    assert set((await stored(sis_on_both)).values()) == {1}


@pytest.mark.parametrize("count", [0, 25, 50, 75, 99, 101, 125])
async def test_a_body_with_more_or_fewer_lines_is_another_request(sis_on_both: Sis, count: int) -> None:
    key = {"Idempotency-Key": "export-1"}
    first = await post(sis_on_both, lines(unit(f"u{number}") for number in range(100)), **key)
    assert len(items(first)) == 100
    other = await post(sis_on_both, lines(unit(f"u{number}") for number in range(count)), **key)
    assert b"idempotency-key-reused" in other.body
    assert other.status == (422 if count == 0 else 200)
    assert len(await stored(sis_on_both)) == 100
    again = await post(sis_on_both, lines(unit(f"u{number}") for number in range(100)), **key)
    assert again.body == first.body


async def test_nothing_under_a_key_stays_nothing(sis_on_both: Sis) -> None:
    key = {"Idempotency-Key": "export-1"}
    assert [(await post(sis_on_both, b"", **key)).status for _ in range(2)] == [200, 200]
    assert (await post(sis_on_both, lines([unit("u0")]), **key)).status == 422
    assert await stored(sis_on_both) == {}
