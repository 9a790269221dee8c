"""Bounds of request bodies, and signatures behind a reverse proxy."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

from support.authority import client_tls, key_of
from support.callers import calling
from support.nodes import running_node

from ewpgw.documents import error_response
from ewpgw.security.signatures import format_parameters
from ewpgw.store import exchanges


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def test_a_body_over_the_bound_is_413_before_it_is_read_whole(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/node.db", tmp_path, max_body_bytes=65536) as node:
        reader, writer = await asyncio.open_connection("localhost", node.port, ssl=client_tls())
        writer.write(
            b"POST /north.example/echo/v2 HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000000000\r\n\r\n" + b"a" * 1000
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        body = await asyncio.wait_for(reader.read(), 10)
        await closed(writer)
        assert head.startswith(b"HTTP/1.1 413")
        said = error_response.read(body)
        assert said is not None
        assert "65536" in said.developer_message


async def test_a_chunked_body_over_the_bound_is_413_too(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/node.db", tmp_path, max_body_bytes=65536) as node:
        reader, writer = await asyncio.open_connection("localhost", node.port, ssl=client_tls())
        writer.write(b"POST /north.example/echo/v2 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            writer.write(b"2000\r\n" + b"a" * 0x2000 + b"\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        await closed(writer)
        assert head.startswith(b"HTTP/1.1 413")


async def test_a_body_just_within_the_bound_is_taken(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/node.db", tmp_path, max_body_bytes=65536) as node:
        async with calling(key_of("south.example"), key_of("north.example").public) as south:
            body = b"echo=" + b"a" * (65536 - 5)
            assert (await south.send(south.draft(node.url("/echo/v2"), body=body))).status == 200


async def test_a_connection_stays_open_for_further_requests(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/node.db", tmp_path) as node:
        reader, writer = await asyncio.open_connection("localhost", node.port, ssl=client_tls())
        for _ in range(3):
            writer.write(b"GET /north.example/echo/v2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            assert b"connection: close" not in head.lower()
            length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length:"))
            await asyncio.wait_for(reader.readexactly(int(length.partition(b":")[2])), 10)
        await closed(writer)


async def test_a_compressed_body_is_digested_as_it_came_and_not_unpacked(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/node.db", tmp_path) as node:
        async with calling(key_of("south.example"), key_of("north.example").public) as south:
            draft = south.draft(node.url("/echo/v2"), body=b"\x1f\x8bnot really", headers={"Content-Encoding": "gzip"})
            reply = await south.send(draft)
            assert reply.status == 415
            assert "ewp-rsa-aes128gcm" in reply.developer_message


async def test_behind_a_proxy_the_public_url_decides_host_and_target(tmp_path: Path) -> None:
    """The proxy answers to ewp.north.example, cuts the path's beginning off, and names itself in the Host header."""
    public = "https://ewp.north.example/gateway/north.example"
    async with running_node(f"sqlite:///{tmp_path}/node.db", tmp_path, public_url=public, behind_proxy=True) as node:
        async with calling(key_of("south.example"), key_of("north.example").public) as south:
            draft = south.draft(f"{public}/echo/v2?echo=1", method="GET")
            forwarded = {**draft.headers, "Host": f"10.0.0.1:{node.port}"}
            cut = draft.but(url=node.url("/echo/v2?echo=1"), headers=forwarded)
            assert (await south.send(cut)).status == 200
            whole = south.draft(f"{public}/echo/v2?echo=2", method="GET")
            url = f"https://localhost:{node.port}/gateway/north.example/echo/v2?echo=2"
            assert (await south.send(whole.but(url=url))).status == 200


async def test_behind_a_proxy_a_request_signed_for_another_host_is_refused(tmp_path: Path) -> None:
    public = "https://ewp.north.example/north.example"
    async with running_node(f"sqlite:///{tmp_path}/node.db", tmp_path, public_url=public, behind_proxy=True) as node:
        async with calling(key_of("south.example"), key_of("north.example").public) as south:
            draft = south.draft("https://elsewhere.example/north.example/echo/v2", method="GET")
            reply = await south.send(draft.but(url=node.url("/echo/v2")))
            assert reply.status == 400
            assert "signature does not match" in reply.developer_message


async def test_the_public_port_speaks_tls_only(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/node.db", tmp_path) as node:
        reader, writer = await asyncio.open_connection("localhost", node.port)
        writer.write(b"GET /north.example/discovery/v6 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1 200" not in await asyncio.wait_for(reader.read(100), 10)
        await closed(writer)


async def test_a_header_that_is_no_text_is_verified_as_it_came_and_kept(tmp_path: Path) -> None:
    key, odd = key_of("south.example"), b"caf\xe9"
    async with running_node(f"sqlite:///{tmp_path}/node.db", tmp_path) as node:
        async with calling(key) as south:
            draft = south.draft(node.url("/echo/v2?echo=1"), method="GET")
        fields = {name.lower(): value for name, value in draft.headers.items() if name != "Authorization"}
        fields |= {"(request-target)": "get /north.example/echo/v2?echo=1", "x-odd": odd.decode("latin-1")}
        names = list(fields)
        signature = b64encode(key.sign("\n".join(f"{name}: {fields[name]}" for name in names).encode("latin-1")))
        fields["authorization"] = f"Signature {format_parameters(key, names, signature.decode())}"
        del fields["(request-target)"]
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        reader, writer = await asyncio.open_connection("localhost", node.port, ssl=client_tls())
        writer.write(f"GET /north.example/echo/v2?echo=1 HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        await closed(writer)
        assert answer.startswith(b"HTTP/1.1 200")
        await node.evidence.flush()
        (summary,) = await exchanges.list_page(node.store)
        kept = await exchanges.get(node.store, summary.id)
        assert kept is not None
        assert dict(kept.request_headers)["x-odd"] == "caf\\udce9"
