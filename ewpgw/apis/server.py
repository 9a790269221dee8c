"""The public port: aiohttp around the dispatcher.

aiohttp's low-level server is used without its router: the raw request target decides, because signatures cover it as
the client sent it, and an Application would only cost time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import ClientConnectionError, ClientPayloadError, HttpVersion11, web

from ewpgw.apis.dispatch import XML, BodyTooLarge, Incoming, SlowBody, UnreadableBody
from ewpgw.documents import error_response
from ewpgw.listening import Server
from ewpgw.security.dates import format_http_date

if TYPE_CHECKING:
    import ssl

    from aiohttp import StreamReader

    from ewpgw.apis.dispatch import Dispatcher, Outgoing


_LONGEST_TARGET = 32 * 1024
"""As many identifiers as a manifest allows fit in a query, also where all of them are percent-encoded."""
_LONGEST_FIELD = 8190

_AT_ONCE = 64 * 1024
"""Answers of up to so many bytes are written in one piece."""


class _Answer(web.StreamResponse):
    """A short answer, written in one piece to a connection that takes it at once.

    aiohttp's own response completes headers, puts them in order and copies them. Ours are complete, and that would be
    a twentieth of the time that a request takes.
    """

    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__(status=outgoing.status)
        self._outgoing = outgoing

    async def prepare(self, request: web.BaseRequest) -> None:
        """Writes it. Raises ConnectionResetError where nobody is there any more."""
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError
        outgoing = self._outgoing
        lines = [f"HTTP/1.1 {outgoing.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in outgoing.headers.items()]
        lines.append("Server: ewpgw")
        if "Date" not in outgoing.headers:
            lines.append(f"Date: {format_http_date(datetime.now(UTC))}")
        lines.append(f"Content-Length: {len(outgoing.body)}")
        if self.keep_alive is None:
            self._keep_alive = request.keep_alive  # aiohttp closes connections of which nothing is said
        if not self.keep_alive:
            lines.append("Connection: close")
        elif request.version < HttpVersion11:
            lines.append("Connection: keep-alive")
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) - 1:
            raise ValueError("a header of an answer has a line break in it")
        request.transport.write(b"".join((head.encode("latin-1"), b"\r\n\r\n", outgoing.body)))

    async def write_eof(self, data: bytes = b"") -> None:
        """There is nothing more to write."""


_DRAIN_SECONDS = 60.0
_IDLE_SECONDS = 120.0
"""So long a connection may stand, or take for the head of a request; longer than reverse proxies keep theirs."""
_BODY_SECONDS = 60.0
"""So long may pass between two pieces of a body."""


def _refusal(status: int, said: str) -> web.Response:
    """Also what is no HTTP at all is refused with an error-response."""
    return web.Response(status=status, body=error_response.build(said), headers={"Content-Type": XML})


class PublicServer:
    """Listens on the network's side. ``max_body_bytes`` bounds a request's body before it is read whole."""

    def __init__(self, dispatcher: Dispatcher, *, max_body_bytes: int) -> None:
        self._dispatcher = dispatcher
        self._max_body_bytes = max_body_bytes
        # Bodies are digested as they came, so nothing may decompress them on the way.
        # The rest of a body that was refused is read for two seconds, so that the client sees the answer.
        server = Server(
            self._handle,
            refuse=_refusal,
            auto_decompress=False,
            access_log=None,
            keepalive_timeout=_IDLE_SECONDS,
            lingering_time=2.0,
            max_line_size=_LONGEST_TARGET,
            max_field_size=_LONGEST_FIELD,
        )
        self._runner = web.ServerRunner(server, access_log=None)
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = False

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Begins to listen; returns the port (of interest where 0 was asked for)."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls, backlog=1024)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stops listening and waits for the requests in flight, up to a minute."""
        self._stopping = True
        for site in tuple(self._runner.sites):
            await site.stop()
        # The runner throws away what arrives from now on, and with it the rest of a body, so it waits for these.
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._idle.wait()
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._in_flight += 1
        self._idle.clear()
        try:
            return await self._answer(request)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = list(request.headers.items())  # what is no text in them arrives as surrogate escapes
        # Bytes that are no UTF-8 arrive as lone surrogates, which neither match a route nor fit a database.
        target = request.raw_path
        if not target.isascii():
            target = target.encode("utf-8", "backslashreplace").decode()
        incoming = Incoming(request.method, target, headers)

        async def read_body() -> bytes:
            return await self._read(request)

        outgoing = await self._dispatcher.answer(incoming, read_body)
        response = _response(request, outgoing)
        if self._stopping or not request.content.at_eof():
            response.force_close()  # the rest of a refused body would be read as the next request
        return response

    async def _read(self, request: web.BaseRequest) -> bytes:
        if not request.can_read_body:
            return b""
        most = self._max_body_bytes
        if (request.content_length or 0) > most:
            raise BodyTooLarge(most)
        content = request.content
        if content.is_eof() and content.exception() is None:  # all of it came with the head, as it mostly does
            if len(body := content.read_nowait()) > most:
                raise BodyTooLarge(most)
            return body
        _ask_for_it(request)
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := await _in_time(content):
                size += len(piece)
                if size > most:
                    raise BodyTooLarge(most)
                pieces.append(piece)
        except (ClientPayloadError, ClientConnectionError, web.RequestPayloadError) as error:
            raise UnreadableBody("the request body did not arrive whole") from error
        return b"".join(pieces)


def _ask_for_it(request: web.BaseRequest) -> None:
    """Tells a client to go on that waits for that before it sends its body (RFC 9110, section 10.1.1)."""
    waits = request.headers.get("Expect", "").lower() == "100-continue" and request.version >= HttpVersion11
    if waits and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def _in_time(content: StreamReader) -> bytes:
    """The next piece of a body. Raises SlowBody where there is none for too long."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await content.readany()
    except TimeoutError:
        raise SlowBody(f"nothing of the request body came for {_BODY_SECONDS:.0f} seconds; send it again") from None


def _response(request: web.BaseRequest, outgoing: Outgoing) -> web.StreamResponse:
    """The answer in the form that suits it: aiohttp's waits for slow readers, and knows what has no body."""
    plain = request.method in ("GET", "POST") and outgoing.status != HTTPStatus.NOT_MODIFIED
    transport = request.transport
    if plain and transport is not None and len(outgoing.body) <= _AT_ONCE and not transport.get_write_buffer_size():
        return _Answer(outgoing)
    return web.Response(status=outgoing.status, headers={**outgoing.headers, "Server": "ewpgw"}, body=outgoing.body)
