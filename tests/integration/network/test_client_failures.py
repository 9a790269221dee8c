"""Partners that cannot be reached or called, in clear words; the current catalogue; the exchange log."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import trustme
from support.authority import client_tls, key_of
from support.outgoing import NORTH, SOUTH, Clock, Outgoing, agreement, outgoing
from support.partners import (
    FakePartner,
    Says,
    catalogue_with,
    error,
    fake_partner,
    with_server_keys,
    with_url,
    without_method,
)
from support.waiting import eventually

from ewpgw.network.client import Answer
from ewpgw.network.failures import CallFailed, NotListed, Unreachable

GET = "iias/v7/get"


async def failure_of(side: Outgoing) -> CallFailed:
    with pytest.raises(CallFailed) as raised:
        await side.call_iias("get", ("iia_id", "s1"))
    return raised.value


async def unreachable(side: Outgoing) -> str:
    """Why nothing came; it will be tried again, and the exchange log has the request and the same words."""
    failure = await failure_of(side)
    assert isinstance(failure, Unreachable), failure
    assert failure.retryable
    (exchange,) = await side.exchanged()
    assert (exchange.verdict, exchange.request_body) == (failure.reason, b"iia_id=s1")
    assert exchange.status == failure.status
    return failure.reason


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


async def test_a_partner_that_takes_too_long_is_unreachable(tmp_path: Path, clock: Clock, south: FakePartner) -> None:
    async with outgoing(f"sqlite:///{tmp_path}/n.db", tmp_path, clock, south, timeout_seconds=0.2) as side:
        south.script(GET, Says(agreement(), held=asyncio.Event()))
        assert await unreachable(side) == "no answer within 0.2 seconds"


async def test_a_refused_connection_is_told_with_host_and_port(caller: Outgoing, south: FakePartner) -> None:
    port = free_port()
    url = f"https://localhost:{port}/south.example/iias/v7/get"
    caller.catalogue = catalogue_with(with_url(south.manifest(), "iias", "get-url", url))
    reason = await unreachable(caller)
    assert f"localhost:{port}" in reason
    assert "refused" in reason.lower()
    assert "object at 0x" not in reason


async def test_a_name_that_does_not_exist_is_told(caller: Outgoing, south: FakePartner) -> None:
    url = "https://nowhere.invalid/iias/get"
    caller.catalogue = catalogue_with(with_url(south.manifest(), "iias", "get-url", url))
    assert await unreachable(caller) == "the name nowhere.invalid is not known to the DNS"


async def test_a_certificate_of_an_authority_that_nobody_trusts_is_refused(tmp_path: Path, clock: Clock) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with fake_partner(tmp_path, clock, tls=context) as south:
        async with outgoing(f"sqlite:///{tmp_path}/n.db", tmp_path, clock, south) as side:
            south.script(GET, Says(agreement()))
            reason = await unreachable(side)
            assert reason.startswith("the TLS certificate of localhost is not trusted: ")
            assert "_ssl.c" not in reason
            assert south.received == []


async def test_a_certificate_for_another_name_is_refused(caller: Outgoing, south: FakePartner) -> None:
    url = f"https://127.0.0.2:{south.port}/south.example/iias/v7/get"
    caller.catalogue = catalogue_with(with_url(south.manifest(), "iias", "get-url", url))
    failure = await failure_of(caller)
    assert isinstance(failure, Unreachable)
    assert south.received == []


async def test_a_server_without_tls_is_told(tmp_path: Path, caller: Outgoing, south: FakePartner) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"https://localhost:{port}/iias"
        caller.catalogue = catalogue_with(with_url(south.manifest(), "iias", "get-url", url))
        assert (await unreachable(caller)).startswith(f"TLS with localhost:{port} cannot be set up: ")


async def test_a_connection_closed_before_the_answer_is_told(caller: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement(), cut_after=-1))
    reason = await unreachable(caller)
    assert "closed" in reason or "reset" in reason
    assert len(south.received) == 1, "a POST is not repeated behind the caller's back"


async def test_a_connection_closed_in_the_middle_of_the_answer_is_told(caller: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement(), cut_after=20))
    reason = await unreachable(caller)
    assert "closed" in reason or "reset" in reason


async def test_something_that_is_no_http_is_told(caller: Outgoing, south: FakePartner) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority = trustme.CA()
    authority.issue_cert("localhost").configure_cert(context)
    trusting = client_tls()
    authority.configure_trust(trusting)

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.south.example ESMTP\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(other, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"https://localhost:{port}/iias"
        caller.catalogue = catalogue_with(with_url(south.manifest(), "iias", "get-url", url))
        await caller.client.close()
        caller.tls = trusting
        await caller.start()
        assert "no HTTP" in await unreachable(caller)


async def test_a_failed_partner_is_reached_again_as_soon_as_it_is_back(caller: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(cut_after=-1), Says(agreement()))
    assert isinstance(await failure_of(caller), Unreachable)
    assert isinstance(await caller.call_iias("get", ("iia_id", "s1")), Answer)


async def test_before_the_first_catalogue_nothing_is_called(caller: Outgoing) -> None:
    caller.catalogue = None
    failure = await failure_of(caller)
    assert isinstance(failure, NotListed)
    assert "catalogue" in failure.reason


async def test_a_partner_without_the_api_is_not_listed(caller: Outgoing) -> None:
    with pytest.raises(NotListed, match=r"no iias API in version 6 for south\.example"):
        await caller.client.call(NORTH, SOUTH, "iias", 6, "get")
    with pytest.raises(NotListed, match=r"no iias API in version 7 for nobody\.example"):
        await caller.client.call(NORTH, "nobody.example", "iias", 7, "get")
    with pytest.raises(NotListed, match="no approve URL"):
        await caller.call_iias("approve")
    assert await caller.exchanged() == [], "nothing crossed the network"


async def test_an_api_that_takes_no_signed_requests_is_not_called(caller: Outgoing, south: FakePartner) -> None:
    caller.catalogue = catalogue_with(without_method(south.manifest(), "client-auth", "httpsig"))
    failure = await failure_of(caller)
    assert isinstance(failure, NotListed)
    assert "takes no HTTP signatures" in failure.reason


@pytest.mark.parametrize("url", ["https://süd.example/iias", "https://south.example:70000/iias"])
async def test_a_url_that_cannot_be_called_is_the_catalogues_fault(
    caller: Outgoing, south: FakePartner, url: str
) -> None:
    caller.catalogue = catalogue_with(with_url(south.manifest(), "iias", "get-url", url))
    failure = await failure_of(caller)
    assert isinstance(failure, NotListed)
    assert "the catalogue's URL of the iias API cannot be called" in failure.reason


async def test_the_url_and_the_key_of_the_current_catalogue_are_used(
    caller: Outgoing, south: FakePartner, tmp_path: Path, clock: Clock
) -> None:
    """PROTOCOL, What breaks in the field, 12: a partner moved, with another key; no restart is needed."""
    south.script(GET, Says(agreement()))
    assert isinstance(await caller.call_iias("get", ("iia_id", "s1")), Answer)
    async with fake_partner(tmp_path, clock) as moved:
        new_key = key_of("south.example, second key")
        moved.script(GET, Says(agreement(people=7), key=new_key))
        caller.catalogue = catalogue_with(with_server_keys(moved.manifest(), new_key.public))
        answer = await caller.call_iias("get", ("iia_id", "s1"))
        assert isinstance(answer, Answer)
        assert answer.body == agreement(people=7)
        assert (len(south.received), len(moved.received)) == (1, 1)
        moved.script(GET, Says(agreement()))
        assert "server key" in (await failure_of(caller)).reason, "the former key no longer counts"


async def test_every_exchange_is_kept_whole_with_its_verdict(north: Outgoing, south: FakePartner, clock: Clock) -> None:
    south.script(GET, Says(agreement()), error(500, "broken"), Says(agreement(), signed=False), Says(cut_after=-1))
    answer = await north.call_iias("get", ("iia_id", "s1"))
    for _ in range(3):
        clock.pass_(seconds=1)
        await failure_of(north)
    first, second, third, fourth = await north.exchanged()
    assert isinstance(answer, Answer)
    assert first.id == answer.exchange_id
    assert [each.status for each in (first, second, third, fourth)] == [200, 500, 200, None]
    assert [each.verdict for each in (first, second)] == ["verified", "verified"]
    assert "signature does not hold" in third.verdict
    assert "closed" in fourth.verdict or "reset" in fourth.verdict
    sent = south.received[0]
    assert (first.direction, first.hei_id, first.partner, first.api, first.endpoint) == (
        "out",
        NORTH,
        SOUTH,
        "iias",
        "get",
    )
    assert (first.method, first.url) == ("POST", f"https://localhost:{south.port}{sent.target}")
    assert first.request_body == sent.body
    assert first.response_body == agreement()
    assert first.request_id == sent.header("x-request-id")
    assert dict(first.request_headers)["Authorization"] == sent.header("authorization")
    assert any(name == "Signature" for name, _ in first.response_headers)
    assert first.milliseconds is not None


async def test_a_call_that_is_given_up_from_inside_is_kept_too(caller: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement(), held=asyncio.Event()))
    call = asyncio.create_task(caller.call_iias("get", ("iia_id", "s1")))
    await eventually(lambda: south.received)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    (exchange,) = await caller.exchanged()
    assert (exchange.status, exchange.verdict) == (None, "no answer")
