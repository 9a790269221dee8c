"""The public port: aiohttp around the dispatcher.

aiohttp's low-level server is used without its router: the raw request target decides, because signatures cover it as
the client sent it, and an Application would only cost time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import ClientConnectionError, ClientPayloadError, web
from aiohttp.web_protocol import RequestHandler

from ewpgw.apis.dispatch import XML, BodyTooLarge, Incoming, UnreadableBody
from ewpgw.documents import error_response

if TYPE_CHECKING:
    import ssl

    from ewpgw.apis.dispatch import Dispatcher


class _Connection(RequestHandler):
    """One client's connection; what is no HTTP at all is refused with an error-response, like everything else."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that could not be read."""
        super().handle_error(request, status, exc, message)  # writes the log; its answer is plain text
        said = "the request cannot be read as HTTP" if status < 500 else "this node failed to process the request"
        refusal = web.Response(status=status, body=error_response.build(said), headers={"Content-Type": XML})
        refusal.force_close()
        return refusal


class _Server(web.Server):
    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


_DRAIN_SECONDS = 60.0


class PublicServer:
    """Listens on the network's side. ``max_body_bytes`` bounds a request's body before it is read whole."""

    def __init__(self, dispatcher: Dispatcher, *, max_body_bytes: int) -> None:
        self._dispatcher = dispatcher
        self._max_body_bytes = max_body_bytes
        # Bodies are digested as they came, so nothing may decompress them on the way.
        # The rest of a body that was refused is read for two seconds, so that the client sees the answer.
        server = _Server(self._handle, auto_decompress=False, access_log=None, lingering_time=2.0)
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
        target = request.raw_path.encode("utf-8", "backslashreplace").decode()
        incoming = Incoming(request.method, target, headers)

        async def read_body() -> bytes:
            return await self._read(request)

        outgoing = await self._dispatcher.answer(incoming, read_body)
        sent = {**outgoing.headers, "Server": "ewpgw"}
        response = web.Response(status=outgoing.status, headers=sent, body=outgoing.body)
        if self._stopping or not request.content.at_eof():
            response.force_close()  # the rest of a refused body would be read as the next request
        return response

    async def _read(self, request: web.BaseRequest) -> bytes:
        if not request.can_read_body:
            return b""
        most = self._max_body_bytes
        if (request.content_length or 0) > most:
            raise BodyTooLarge(most)
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := await request.content.readany():
                size += len(piece)
                if size > most:
                    raise BodyTooLarge(most)
                pieces.append(piece)
        except (ClientPayloadError, ClientConnectionError, web.RequestPayloadError) as error:
            raise UnreadableBody("the request body did not arrive whole") from error
        return b"".join(pieces)
