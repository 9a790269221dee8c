"""What stands around a request: how its head may be written, how long it may be, and when its body comes."""

from __future__ import annotations

import asyncio
import logging
import ssl
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from support.authority import client_tls, key_of
from support.callers import FORM, Caller, Draft
from support.nodes import RunningNode, running_node

from ewpgw.apis import server
from ewpgw.security.signatures import format_parameters
from ewpgw.store import exchanges


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """These rules know no store; SQLite is enough."""
    return f"sqlite:///{tmp_path}/node.db"


class Wire:
    """A connection on which bytes are sent as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, node: RunningNode) -> Wire:
        return cls(*await asyncio.open_connection("localhost", node.port, ssl=client_tls()))

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 20)

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


def head_of(draft: Draft, target: str, **more: str) -> bytes:
    fields = {**draft.headers, "Content-Length": str(len(draft.body)), **more}
    lines = [f"{draft.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def signed_with_host(draft: Draft, host: str) -> Draft:
    """The same request, signed as a client does that writes the host in its own way."""
    fields = {name.lower(): value for name, value in draft.headers.items() if name != "Authorization"}
    target = "/north.example/echo/v2"
    values = {"(request-target)": f"{draft.method.lower()} {target}", **fields, "host": host}
    key = key_of("south.example")
    text = "\n".join(f"{name}: {value}" for name, value in values.items())
    signature = b64encode(key.sign(text.encode())).decode()
    authorization = f"Signature {format_parameters(key, list(values), signature)}"
    return draft.but(headers={**fields, "host": host, "authorization": authorization})


async def test_the_host_is_verified_as_the_client_wrote_it(node: RunningNode, south: Caller) -> None:
    draft = signed_with_host(south.draft(node.url("/echo/v2"), [("echo", "1")]), f"LocalHost:{node.port}")
    wire = await Wire.to(node)
    wire.writer.write(head_of(draft, "/north.example/echo/v2") + draft.body)
    assert (await wire.head()).startswith(b"HTTP/1.1 200 ")
    await wire.close()


async def test_the_port_of_https_may_be_written_out(tmp_path: Path, store_url: str) -> None:
    public = "https://localhost/north.example"
    async with running_node(store_url, tmp_path, public_url=public) as node:
        plain = Caller(None, key_of("south.example"), None)  # type: ignore[arg-type]  # it signs only
        draft = signed_with_host(plain.draft(f"{public}/echo/v2", [("echo", "1")]), "localhost:443")
        wire = await Wire.to(node)
        wire.writer.write(head_of(draft, "/north.example/echo/v2") + draft.body)
        assert (await wire.head()).startswith(b"HTTP/1.1 200 ")
        await wire.close()


async def test_a_client_that_waits_for_it_is_told_to_send_its_body(node: RunningNode, south: Caller) -> None:
    draft = south.draft(node.url("/echo/v2"), [("echo", "1")])
    wire = await Wire.to(node)
    wire.writer.write(head_of(draft, "/north.example/echo/v2", Expect="100-continue"))
    assert await wire.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.writer.write(draft.body)
    assert (await wire.head()).startswith(b"HTTP/1.1 200 ")
    await wire.close()


async def test_a_body_that_would_be_refused_is_not_asked_for(node: RunningNode) -> None:
    wire = await Wire.to(node)
    wire.writer.write(
        b"POST /north.example/echo/v2 HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        b"Content-Length: 1000000000\r\n\r\n"
    )
    assert (await wire.head()).startswith(b"HTTP/1.1 413 ")
    await wire.close()


async def test_a_body_that_stops_coming_is_given_up(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_BODY_SECONDS", 0.05)
    wire = await Wire.to(node)
    wire.writer.write(b"POST /north.example/echo/v2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\necho")
    assert (await wire.head()).startswith(b"HTTP/1.1 408 ")
    assert b"<error-response" in await asyncio.wait_for(wire.reader.read(), 20)
    await wire.close()


@pytest.mark.parametrize("begun", [b"", b"POST /north.example/echo/v2 HTTP/1.1\r\nHost: local"])
async def test_a_head_that_does_not_come_is_not_waited_for(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(server, "_IDLE_SECONDS", 0.2)
    async with running_node(store_url, tmp_path) as node:
        wire = await Wire.to(node)
        wire.writer.write(begun)
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(wire.reader.read(), 20) == b""
        await wire.close()


async def test_as_many_ids_as_are_allowed_fit_in_a_query(node: RunningNode, south: Caller) -> None:
    most = node.node.limits["max-omobility-ids"]
    pairs = [("omobility_id", f"{number:04}" + "/" * 60) for number in range(most)]  # each slash becomes three bytes
    reply = await south.send(south.draft(node.url("/omobilities/v3/get"), pairs, method="GET"))
    assert (reply.status, len(reply.root)) == (200, 0)


async def test_a_target_that_is_too_long_is_refused_with_what_to_do(node: RunningNode) -> None:
    wire = await Wire.to(node)
    wire.writer.write(b"GET /north.example/echo/v2?echo=" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 400 " in (await wire.head()).splitlines()[0]
    assert b"body of a POST" in await asyncio.wait_for(wire.reader.read(), 20)
    await wire.close()


@pytest.mark.parametrize(
    "request_line",
    [b"GET /north.example/omobilities/v3/index?global_id=%b HTTP/9.9", b"%b", b"GET / HTTP/1.1\r\n%b : x"],
)
async def test_what_cannot_be_read_is_no_error_of_ours_and_is_not_in_the_log(
    node: RunningNode, caplog: pytest.LogCaptureFixture, request_line: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        wire = await Wire.to(node)
        wire.writer.write(request_line % b"Elina-Virtanen" + b"\r\n\r\n")
        assert b" 400 " in (await wire.head()).splitlines()[0]
        await wire.close()
    (event,) = [entry for entry in logs if entry["event"] == "request.unreadable"]
    assert event["log_level"] == "info"
    assert "Virtanen" not in str(logs) + caplog.text
    assert "Traceback" not in caplog.text


async def test_a_large_body_is_kept_of_verified_requests_only(node: RunningNode, south: Caller) -> None:
    body = b"echo=" + b"a" * 100_000
    draft = south.draft(node.url("/echo/v2"), body=body)
    unsigned = draft.but(headers={"Host": draft.headers["Host"], "Content-Type": FORM})
    assert (await south.send(unsigned, verify=False)).status == 401
    assert (await south.send(draft)).status == 200
    await node.evidence.flush()
    kept = [await exchanges.get(node.store, each.id) for each in await exchanges.list_page(node.store)]
    assert {each.status: len(each.request_body) for each in kept if each is not None} == {401: 0, 200: len(body)}
