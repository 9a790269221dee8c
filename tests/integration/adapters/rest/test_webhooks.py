"""Partners' records on their way to the receiver: signed, repeated until they are taken, and never out of order."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.rest_adapter import Maker
from support.rest_service import Asked, Says, rest_service
from support.waiting import eventually

from ewpgw.adapters import runner as runner_module
from ewpgw.adapters.contract import AdapterProblem, CopyDelivery, Decision
from ewpgw.adapters.rest.adapter import RestAdapter
from ewpgw.adapters.rest.webhooks import signature
from ewpgw.adapters.runner import AdapterRunner
from ewpgw.documents import schemas
from ewpgw.records import Records
from ewpgw.store import Store, copies
from ewpgw.store.copies import CopyKey, Received

NORTH, SOUTH = "north.example", "south.example"
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
KEYS = [bytes(range(32)), bytes(range(32, 64))]
SECRETS = [f"whsec_{base64.b64encode(key).decode()}" for key in KEYS]
COPY = CopyDelivery(NORTH, "iias", SOUTH, "S/1", "current", 3, b"<iia/>", {"eqf": ["\u00e9"]}, (), NOON)
DECISION = Decision(NORTH, 12, "nomination-rejected", "omobilities", SOUTH, None, "N/1", None, "zu spät", NOON)


def receiver(adapter: Maker, url: str, *secrets: str) -> RestAdapter:
    """An adapter whose webhook is at this URL; signed with the first secret unless told otherwise."""
    places = [adapter.secret(f"whsec{number}", secret) for number, secret in enumerate(secrets or SECRETS[:1])]
    return adapter("http://localhost:1", webhook={"url": url, "secrets": places})


def expected(asked: Asked, key: bytes) -> str:
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


async def test_a_copy_arrives_as_json_with_the_xml_as_it_was_received(adapter: Maker) -> None:
    async with rest_service(lambda _: Says(status=204)) as service:
        await receiver(adapter, f"{service.url}/ewp?from=gateway").deliver(COPY)
    [asked] = service.asked
    assert (asked.method, asked.path, asked.headers["Content-Type"]) == ("POST", "/ewp", "application/json")
    assert asked.json == {
        "event_id": asked.headers["webhook-id"],
        "hei_id": NORTH,
        "entity": "iias",
        "partner": SOUTH,
        "id": "S/1",
        "state": "current",
        "revision": 3,
        "at": "2026-09-01T12:00:00Z",
        "document": {"eqf": ["\u00e9"]},
        "received": base64.b64encode(b"<iia/>").decode(),
        "problems": [],
    }
    assert asked.headers["webhook-signature"] == expected(asked, KEYS[0])
    assert abs(int(asked.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60


async def test_a_decision_arrives_as_json_that_says_what_was_decided(adapter: Maker) -> None:
    async with rest_service(lambda _: Says(status=204)) as service:
        made = receiver(adapter, service.url)
        for decision in (DECISION, DECISION, replace(DECISION, number=13), replace(DECISION, hei_id=SOUTH)):
            await made.decided(decision)
    first, again, *others = service.asked
    assert first.json == {
        "event_id": first.headers["webhook-id"],
        "hei_id": NORTH,
        "entity": "omobilities",
        "partner": SOUTH,
        "id": None,
        "decision": "nomination-rejected",
        "number": 12,
        "our_id": "N/1",
        "verdict": None,
        "comment": "zu spät",
        "at": "2026-09-01T12:00:00Z",
    }
    assert first.headers["webhook-signature"] == expected(first, KEYS[0])
    assert (again.body, again.headers["webhook-id"]) == (first.body, first.headers["webhook-id"])
    assert len({asked.headers["webhook-id"] for asked in (first, *others)}) == 3


async def test_without_a_webhook_nothing_is_sent(adapter: Maker) -> None:
    made = adapter("http://localhost:1")
    await made.deliver(COPY)
    await made.decided(DECISION)


def test_the_signature_is_that_of_the_published_example() -> None:
    """The example that the libraries of Standard Webhooks are tested with."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_copy_that_is_gone_or_invalid_says_so(adapter: Maker) -> None:
    wrong = ({"path": "partner", "message": "is required"},)
    async with rest_service(lambda _: Says()) as service:
        made = receiver(adapter, service.url)
        await made.deliver(replace(COPY, state="gone", body=None, document=None))
        await made.deliver(replace(COPY, state="invalid", document=None, problems=wrong))
    gone, invalid = (asked.json for asked in service.asked)
    assert (gone["state"], gone["received"], gone["document"]) == ("gone", None, None)
    assert (invalid["state"], invalid["problems"]) == ("invalid", list(wrong))


async def test_a_repetition_has_the_id_of_the_first_and_no_other_delivery_has_it(adapter: Maker) -> None:
    others = [
        replace(COPY, revision=4),
        replace(COPY, state="gone"),
        replace(COPY, id="S/2"),
        replace(COPY, partner="west.example"),
        replace(COPY, entity="factsheet"),
        replace(COPY, hei_id=SOUTH),
    ]
    async with rest_service(lambda _: Says()) as service:
        made = receiver(adapter, service.url)
        for delivery in (COPY, COPY, *others):
            await made.deliver(delivery)
    first, second, *more = (asked.headers["webhook-id"] for asked in service.asked)
    assert first == second
    assert service.asked[0].body == service.asked[1].body
    assert len({first, *more}) == 1 + len(others)


async def test_while_a_secret_is_exchanged_both_sign_and_a_new_file_counts_at_once(adapter: Maker) -> None:
    async with rest_service(lambda _: Says()) as service:
        made = receiver(adapter, service.url, *SECRETS)
        await made.deliver(COPY)
        both = service.asked[0].headers["webhook-signature"].split(" ")
        assert both == [expected(service.asked[0], key) for key in KEYS]
        adapter.secret("whsec0", SECRETS[1])
        await made.deliver(COPY)
        assert service.asked[1].headers["webhook-signature"].split(" ")[0] == expected(service.asked[1], KEYS[1])


@pytest.mark.parametrize("secret", ["s3cret", "whsec_", "whsec_AAAA", "whsec_not base64", "AAAA" * 10])
async def test_a_secret_that_is_none_is_refused_before_anything_is_sent(adapter: Maker, secret: str) -> None:
    async with rest_service(lambda _: Says()) as service:
        made = receiver(adapter, service.url, secret)
        for act in (made.check(), made.deliver(COPY)):
            with pytest.raises(AdapterProblem, match="whsec_ and then 24 to 64") as caught:
                await act
            assert secret == "whsec_" or secret not in str(caught.value)
        assert service.asked == []


@pytest.mark.parametrize("status", [301, 400, 401, 410, 422, 500, 503])
async def test_anything_but_2xx_is_a_delivery_that_was_not_taken(adapter: Maker, status: int) -> None:
    async with rest_service(lambda _: Says("text of the receiver", status, {"Location": "/other"})) as service:
        with pytest.raises(AdapterProblem, match=f"HTTP {status}") as caught:
            await receiver(adapter, service.url).deliver(COPY)
        assert len(service.asked) == 1
    assert "S/1" not in str(caught.value)
    assert "text of" not in str(caught.value)


async def test_what_the_receiver_writes_besides_is_of_no_interest(adapter: Maker) -> None:
    async with rest_service(lambda _: Says(b"\xff" * 10_000_000, 202)) as service:
        await receiver(adapter, service.url).deliver(COPY)


async def test_a_busy_receiver_is_left_alone_as_long_as_it_asks(adapter: Maker) -> None:
    async with rest_service(lambda _: Says(status=429, headers={"Retry-After": "600"})) as service:
        made = receiver(adapter, service.url)
        for _ in range(3):
            with pytest.raises(AdapterProblem, match=r"HTTP 429|left alone"):
                await made.deliver(COPY)
        assert len(service.asked) == 1
        service.answer = lambda _: Says()
        adapter.clock.seconds += 601
        await made.deliver(COPY)


async def test_without_a_webhook_nothing_is_sent_and_nothing_waits(adapter: Maker) -> None:
    await adapter("http://localhost:1").deliver(COPY)


@asynccontextmanager
async def running(folder: Path, made: RestAdapter) -> AsyncIterator[tuple[Store, AdapterRunner]]:
    store = await Store.open(f"sqlite:///{folder / 'store.db'}")
    records = Records(store, schemas.default(), {}, lambda: datetime.now(UTC), lambda: None)
    runner = AdapterRunner(NORTH, made, store, records, lambda: NOON)
    task = asyncio.create_task(runner.run())
    try:
        yield store, runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()


async def test_a_receiver_that_refuses_is_seen_and_gets_everything_in_order_in_the_end(
    adapter: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(runner_module, "_LONGEST_PAUSE", 0.02)
    (tmp_path / "mappings").mkdir()
    async with rest_service(lambda _: Says(status=403)) as service:
        made = receiver(adapter, service.url)
        async with running(tmp_path, made) as (store, runner):
            for id_ in ("1", "2", "3"):
                received = Received(f"<{id_}/>".encode(), json.dumps({"id": id_}), id_)
                async with store.transaction() as tx:
                    await copies.put_received(tx, CopyKey(NORTH, "iias", SOUTH, id_), received, NOON)
            runner.wake()
            await eventually(lambda: "answered HTTP 403; see its log" in (runner.problem or ""))
            await eventually(lambda: len(service.asked) > 2)
            assert {asked.json["id"] for asked in service.asked} == {"1"}
            service.asked.clear()
            service.answer = lambda _: Says()
            await eventually(lambda: [asked.json["id"] for asked in service.asked][-3:] == ["1", "2", "3"])
            await eventually(lambda: "webhook" not in (runner.problem or ""))
