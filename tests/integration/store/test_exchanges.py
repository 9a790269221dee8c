"""The exchange log."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from ewpgw.store import Store, approvals, copies, exchanges
from ewpgw.store.approvals import Approval, ApprovalKey
from ewpgw.store.copies import CopyKey, Received
from ewpgw.store.exchanges import Exchange, ExchangeSummary, Headers

MINUTE = timedelta(minutes=1)


@pytest.fixture
def exchange(now: datetime) -> Exchange:
    return Exchange(
        id="00000000-0000-4000-8000-000000000000",
        at=now,
        direction="in",
        hei_id="north.example",
        partner="south.example",
        api="iias",
        endpoint="get",
        method="POST",
        url="https://ewp.north.example/iias/get",
        status=200,
        verdict="signed by a key of south.example",
        request_id="11111111-1111-4111-8111-111111111111",
        milliseconds=12,
        request_headers=(("Accept", "text/xml"), ("X-Twice", "é"), ("X-Twice", "2")),
        request_body=b"iia_id=1&\x00\xff",
        response_headers=(("Content-Type", "text/xml"),),
        response_body=b"<response/>",
    )


async def insert(store: Store, *new: Exchange) -> None:
    async with store.transaction() as tx:
        await exchanges.insert_many(tx, [exchanges.as_row(one) for one in new])


@pytest.mark.parametrize("headers", [(), (("X-Empty", ""),), (("X-Colons", "a: b: c"), ("X-Bracket", "[1]"))])
async def test_headers_of_any_form_come_back(store: Store, exchange: Exchange, headers: Headers) -> None:
    await insert(store, one := replace(exchange, request_headers=headers))
    assert await exchanges.get(store, one.id) == one


async def test_an_exchange_comes_back_as_it_was(store: Store, exchange: Exchange) -> None:
    nothing = replace(
        exchange,
        id="2",
        direction="out",
        hei_id=None,
        partner=None,
        api=None,
        endpoint=None,
        status=None,
        request_id=None,
        milliseconds=None,
        request_headers=(),
        request_body=b"",
        response_headers=(),
        response_body=b"",
    )
    await insert(store)
    await insert(store, exchange, nothing)
    assert await exchanges.get(store, exchange.id) == exchange
    assert await exchanges.get(store, "2") == nothing
    assert await exchanges.get(store, "3") is None


async def test_exchanges_are_listed_newest_first_in_pages(store: Store, exchange: Exchange) -> None:
    await insert(
        store,
        *(replace(exchange, id=f"{number}", at=exchange.at + (number // 2) * MINUTE) for number in range(6)),
    )
    first = await exchanges.list_page(store, limit=3)
    second = await exchanges.list_page(store, before=(first[-1].at, first[-1].id))
    assert [one.id for one in (*first, *second)] == ["5", "4", "3", "2", "1", "0"]
    expected = {field.name: getattr(exchange, field.name) for field in fields(ExchangeSummary)}
    assert second[-1] == ExchangeSummary(**{**expected, "id": "0"})


async def test_exchanges_are_filtered(store: Store, exchange: Exchange) -> None:
    await insert(
        store,
        exchange,
        replace(exchange, id="hei", hei_id="west.example"),
        replace(exchange, id="partner", partner="west.example"),
        replace(exchange, id="api", api="omobilities"),
        replace(exchange, id="direction", direction="out"),
    )
    for found, expected in (
        (await exchanges.list_page(store, hei_id="west.example"), "hei"),
        (await exchanges.list_page(store, partner="west.example"), "partner"),
        (await exchanges.list_page(store, api="omobilities"), "api"),
        (await exchanges.list_page(store, direction="out"), "direction"),
    ):
        assert [one.id for one in found] == [expected]


async def test_old_exchanges_are_deleted_in_portions_oldest_first(store: Store, exchange: Exchange) -> None:
    await insert(store, *(replace(exchange, id=f"{number}", at=exchange.at + number * MINUTE) for number in range(5)))
    removed = []
    for _ in range(3):
        async with store.transaction() as tx:
            removed.append(await exchanges.purge(tx, exchange.at + 3 * MINUTE, limit=2))
    assert removed == [2, 1, 0]
    assert [one.id for one in await exchanges.list_page(store)] == ["4", "3"]


async def test_what_an_approval_came_in_is_kept_as_long_as_the_approval(store: Store, exchange: Exchange) -> None:
    """The other side may take longer over its own approval than exchanges are kept."""
    await insert(store, replace(exchange, id="approved"), replace(exchange, id="other"))
    key = ApprovalKey("north.example", False, "south.example", "n1")
    async with store.transaction() as tx:
        await approvals.put(tx, Approval(key, "0" * 64, exchange.at, b"<yes/>", exchange_id="approved"))
        assert await exchanges.purge(tx, exchange.at + MINUTE, limit=10) == 1
    assert [one.id for one in await exchanges.list_page(store)] == ["approved"]
    async with store.transaction() as tx:
        await approvals.remove(tx, key)
        assert await exchanges.purge(tx, exchange.at + MINUTE, limit=10) == 1


async def test_what_an_agreements_copy_came_in_is_kept_as_long_as_the_copy(store: Store, exchange: Exchange) -> None:
    """It may be approved a long time after it was fetched."""
    await insert(store, *(replace(exchange, id=name) for name in ("first", "second", "third", "other")))
    copy = CopyKey("north.example", "iias", "south.example", "s1")
    of_institution = CopyKey("north.example", "institutions", "south.example", "south.example")
    async with store.transaction() as tx:
        await copies.put_received(tx, copy, Received(b"<1/>", "{}", "1", None, "first"), exchange.at)
        await copies.put_received(tx, of_institution, Received(b"<hei/>", "{}", "h", None, "other"), exchange.at)
        assert await exchanges.purge(tx, exchange.at + MINUTE, limit=10) == 3
    assert [one.id for one in await exchanges.list_page(store)] == ["first"]


async def test_headers_that_are_no_text_are_kept_readably(store: Store, exchange: Exchange) -> None:
    raw = b"caf\xe9".decode("utf-8", "surrogateescape")
    await insert(store, replace(exchange, request_headers=(("X-Odd", raw),)))
    kept = await exchanges.get(store, exchange.id)
    assert kept is not None
    assert kept.request_headers == (("X-Odd", "caf\\udce9"),)


def test_new_ids_are_uuids_in_the_order_of_time(now: datetime) -> None:
    ids = [exchanges.new_id(now), exchanges.new_id(now), exchanges.new_id(now + timedelta(milliseconds=1))]
    assert ids == sorted(set(ids))
    assert [UUID(one).version for one in ids] == [7, 7, 7]
    assert [str(UUID(one)) for one in ids] == ids
