"""An institution's own web service: what a test scripts, on a real socket, and a note of every request."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web


@dataclass(frozen=True)
class Asked:
    """A request as it came. ``query`` has the parameters decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Says:
    """An answer: ``content`` goes out as JSON unless it is bytes. ``cut``: the connection ends before the body does.

    ``held``: the answer waits for the event.
    """

    content: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    held: asyncio.Event | None = None


class RestService:
    """Answers by ``answer``; ``asked`` is what came, in order."""

    def __init__(self, answer: Callable[[Asked], Says]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.url = ""
        server = web.Server(self._handle, access_log=None)
        self._runner = web.ServerRunner(server, access_log=None, shutdown_timeout=0.2)

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"{'https' if tls else 'http'}://localhost:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    def paths(self) -> list[str]:
        return [each.path for each in self.asked]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        query = dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
        asked = Asked(request.method, request.path, query, request.headers.copy(), await request.read())
        self.asked.append(asked)
        said = self.answer(asked)
        if said.held is not None:
            await said.held.wait()
        body = said.content if isinstance(said.content, bytes) else json.dumps(said.content).encode()
        if said.status == 304:
            body = b""
        if not said.cut:
            headers = {"Content-Type": "application/json", **said.headers}
            return web.Response(body=body, status=said.status, headers=headers)
        response = web.StreamResponse(status=said.status, headers={"Content-Length": str(len(body) + 1)})
        await response.prepare(request)
        await response.write(body)
        assert request.transport is not None
        request.transport.abort()
        return response


@asynccontextmanager
async def rest_service(
    answer: Callable[[Asked], Says], tls: ssl.SSLContext | None = None
) -> AsyncIterator[RestService]:
    """A service in the loop of the test."""
    service = RestService(answer)
    await service.start(tls)
    try:
        yield service
    finally:
        await service.stop()


@contextmanager
def rest_service_apart(answer: Callable[[Asked], Says], tls: ssl.SSLContext | None = None) -> Iterator[RestService]:
    """A service in a thread of its own, for tests that wait without a loop."""
    ready = threading.Event()
    found: list[RestService] = []
    ends: list[Callable[[], object]] = []

    async def run() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with rest_service(answer, tls) as service:
            found.append(service)
            ends.append(lambda: loop.call_soon_threadsafe(ended.set))
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield found[0]
    finally:
        ends[0]()
        thread.join(20)
