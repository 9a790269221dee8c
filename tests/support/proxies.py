"""A reverse proxy that ends TLS in front of a gateway, as operators put there."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate

import aiohttp
from aiohttp import web
from yarl import URL

from support.authority import server_tls

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade"}


class Proxy:
    """Takes requests below ``prefix``, cuts it off, puts the upstream's Host in, and passes them on.

    Answers get its own Date, whose clock is a minute ahead, and Server. ``seen`` holds the path of each request as the
    upstream got it.
    """

    def __init__(self, port: int, prefix: str, upstream: int) -> None:
        self.port = port
        self.prefix = prefix
        self._upstream = f"http://127.0.0.1:{upstream}"
        self.seen: list[str] = []
        self._connections: set[asyncio.Transport] = set()

    async def run(self, started: threading.Event, ended: asyncio.Event) -> None:
        connector = aiohttp.TCPConnector(limit=50)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self._session:
            runner = web.ServerRunner(web.Server(self._pass_on, auto_decompress=False))
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=server_tls()).start()
            started.set()
            await ended.wait()
            await runner.cleanup()
            for connection in self._connections:
                connection.abort()  # clients may take their time to end TLS in order
            await asyncio.sleep(0.1)  # closed transports are put away by the loop, which ends with this

    async def _pass_on(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            self._connections.add(request.transport)
        if not request.raw_path.startswith(self.prefix):
            return web.Response(status=404, text="not ours\n")
        path = request.raw_path.removeprefix(self.prefix)
        left_out = _HOP_BY_HOP | {"host"}
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in left_out]
        self.seen.append(path)
        async with self._session.request(
            request.method,
            URL(self._upstream + path, encoded=True),
            headers=headers,
            data=await request.read() or None,
            allow_redirects=False,
            skip_auto_headers=("Content-Type", "User-Agent", "Accept", "Accept-Encoding"),
        ) as answer:
            body = await answer.read()
            back = web.Response(status=answer.status, body=body)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP_BY_HOP | {"content-length", "content-type", "date", "server"}:
                    back.headers.add(name, value)
            back.headers["Content-Type"] = answer.headers["Content-Type"]
            back.headers["Date"] = formatdate(time.time() + 60, usegmt=True)
            back.headers["Server"] = "a proxy"
            return back


@contextmanager
def proxying(port: int, prefix: str, upstream: int) -> Iterator[Proxy]:
    """A proxy that runs in a thread of its own, so that a test may block."""
    proxy = Proxy(port, prefix, upstream)
    started = threading.Event()
    handles: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        ended = asyncio.Event()
        handles.append((asyncio.get_running_loop(), ended))
        await proxy.run(started, ended)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert started.wait(20), "the proxy has not started"
        yield proxy
    finally:
        for loop, ended in handles:
            loop.call_soon_threadsafe(ended.set)
        thread.join(20)
