"""Writes under an Idempotency-Key: done once, answered as often as they are sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ewpgw.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.sis_api import Reply, Sis

UNITS = "north.example/records/organizational-units"
UNIT = f"{UNITS}/law"
KEY = {"Idempotency-Key": '"5f0c0c5e-8a53-4f1c-9a0e-6a3b1f2c4d5e"'}


def unit(ounit_id: str = "law", name: str = "Faculty of Law") -> dict[str, Any]:
    return {"ounit_id": ounit_id, "ounit_code": "LAW", "name": [{"value": name, "lang": "en"}]}


async def put(sis: Sis, document: object = None, **headers: str) -> Reply:
    sent = KEY | {name.replace("_", "-"): value for name, value in headers.items()}
    return await sis.call("PUT", UNIT, json=unit() if document is None else document, headers=sent)


def replayed(reply: Reply) -> bool:
    return "Idempotency-Replayed" in reply.headers


async def test_a_repetition_is_answered_as_before_and_not_done_again(sis_on_both: Sis) -> None:
    first = await put(sis_on_both)
    assert (first.status, replayed(first)) == (201, False)
    other = await sis_on_both.put(UNIT, unit(name="Law School"))
    assert other.json["revision"] == 2
    again = await put(sis_on_both)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status, again.body, again.headers["ETag"]) == (201, first.body, '"1"')
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert (await sis_on_both.get(UNIT)).json["document"] == unit(name="Law School")


async def test_the_key_may_stand_without_its_quotes(sis: Sis) -> None:
    await put(sis)
    assert replayed(await put(sis, Idempotency_Key=KEY["Idempotency-Key"].strip('"')))


async def test_a_deletion_is_repeated_without_an_error(sis_on_both: Sis) -> None:
    await sis_on_both.put(UNIT, unit())
    for expected in (False, True):
        deleted = await sis_on_both.call("DELETE", UNIT, headers=KEY)
        assert (deleted.status, deleted.body, replayed(deleted)) == (204, b"", expected)


async def test_every_answer_below_500_is_kept(sis: Sis) -> None:
    refused = await put(sis, {})
    assert refused.status == 422
    again = await put(sis, {})
    assert (again.status, again.body, replayed(again)) == (422, refused.body, True)


async def test_a_key_is_not_used_for_another_request(sis_on_both: Sis) -> None:
    await put(sis_on_both)
    elsewhere = f"{UNITS}/arts"
    for reply in (
        await put(sis_on_both, unit(name="Law School")),
        await put(sis_on_both, If_Match='"1"'),
        await sis_on_both.call("PUT", elsewhere, json=unit("arts"), headers=KEY),
        await sis_on_both.call("DELETE", UNIT, headers=KEY),
        await sis_on_both.call("POST", UNITS, json=[unit("arts")], headers=KEY),
        await sis_on_both.call("POST", UNITS, data=b"{}", headers=KEY | {"Content-Type": "application/x-ndjson"}),
    ):
        assert (reply.status, reply.json["error"]["code"]) == (422, "idempotency-key-reused")
    listed = (await sis_on_both.get(UNITS)).json["items"]
    assert [(item["id"], item["revision"]) for item in listed] == [("law", 1)]


async def test_each_token_has_its_own_keys(sis: Sis) -> None:
    await put(sis)
    other = await put(await sis.with_token("other"), unit(name="Law School"))
    assert (other.status, other.json["result"]) == (200, "changed")


@pytest.mark.parametrize("key", ["", '""', '"a', 'a"b', "å", "a b", "x" * 256, 'a", "b'])
async def test_what_is_no_key_is_refused(sis: Sis, key: str) -> None:
    refused = await put(sis, Idempotency_Key=key)
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad-idempotency-key")
    assert (await sis.get(UNIT)).status == 404


async def test_reading_takes_no_key(sis: Sis) -> None:
    for _ in range(2):
        assert not replayed(await sis.call("GET", "/api/v1/heis", headers=KEY))


class Held:
    """Holds up puts after they have begun, until they are let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self._patch, self._prepare = monkeypatch, Records.prepare
        prepare = Records.prepare

        async def slow(records: Records, *arguments: Any, **more: Any) -> Any:
            self.begun.set()
            await self.go_on.wait()
            return await prepare(records, *arguments, **more)

        monkeypatch.setattr(Records, "prepare", slow)

    def only_the_first(self) -> None:
        self._patch.setattr(Records, "prepare", self._prepare)


@pytest.fixture
def held(sis_on_both: Sis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    holding = Held(monkeypatch)
    yield holding
    holding.go_on.set()


async def test_while_a_request_is_under_way_its_repetition_is_put_off(sis_on_both: Sis, held: Held) -> None:
    first = asyncio.create_task(put(sis_on_both))
    await held.begun.wait()
    second = await put(sis_on_both)
    assert (second.status, second.json["error"]["code"]) == (409, "request-in-progress")
    assert int(second.headers["Retry-After"]) > 0
    held.go_on.set()
    assert (await first).status == 201
    assert replayed(await put(sis_on_both))


async def test_a_key_whose_first_attempt_died_is_usable_again_and_the_dead_one_does_nothing_more(
    sis_on_both: Sis, held: Held
) -> None:
    lost = asyncio.create_task(put(sis_on_both))
    await held.begun.wait()
    held.only_the_first()
    sis_on_both.passes(seconds=61)
    second = await put(sis_on_both)
    assert (second.status, replayed(second)) == (201, False)
    await sis_on_both.put(UNIT, unit(name="Law School"))
    held.go_on.set()
    assert (await lost).status == 409
    assert (await sis_on_both.get(UNIT)).json["document"] == unit(name="Law School")


async def test_of_many_at_once_one_is_done(sis_on_both: Sis) -> None:
    replies = await asyncio.gather(*(put(sis_on_both) for _ in range(8)))
    assert {reply.status for reply in replies} <= {201, 409}
    assert [reply.status for reply in replies if not replayed(reply)].count(201) == 1
    assert (await sis_on_both.get(UNIT)).json["revision"] == 1


async def test_a_failure_of_the_gateway_before_the_effect_frees_the_key(
    sis: Sis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as fault:
        fault.setattr(sis.services.records, "put", None)
        assert (await put(sis)).status == 500
    repeated = await put(sis)
    assert (repeated.status, replayed(repeated)) == (201, False)


async def test_a_failure_after_the_effect_leaves_the_answer_with_it(sis: Sis, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as fault:
        fault.setattr(sis.services.bell, "ring", None)
        assert (await put(sis)).status == 500
    repeated = await put(sis)
    assert (repeated.status, repeated.json["result"], replayed(repeated)) == (201, "created", True)


async def test_a_key_is_forgotten_after_its_time(sis_on_both: Sis) -> None:
    await put(sis_on_both)
    sis_on_both.passes(hours=23, minutes=59)
    assert replayed(await put(sis_on_both))
    sis_on_both.passes(minutes=1)
    later = await put(sis_on_both)
    assert (later.status, later.json["result"], replayed(later)) == (200, "unchanged", False)


async def test_a_list_of_records_and_requests_take_keys_too(sis: Sis) -> None:
    refresh = {"entity": "iias", "partner": "south.example", "id": "S/1"}
    for method, path, body in (("POST", UNITS, [unit()]), ("POST", "north.example/refreshes", refresh)):
        headers = {"Idempotency-Key": f"for {path}".replace(" ", "-")}
        first = await sis.call(method, path, json=body, headers=headers)
        again = await sis.call(method, path, json=body, headers=headers)
        assert (again.status, again.body, replayed(again)) == (first.status, first.body, True)
    assert len(sis.refreshes) == 1
