"""Puts declared operations into aiohttp's router: exact paths, a bounded body, and the declared answers only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from aiohttp import hdrs, web

from ewpgw.sis import access, bodies, idempotency, replies, streams
from ewpgw.sis.errors import ApiError
from ewpgw.sis.idempotency import Attempt
from ewpgw.sis.middleware import caller_of
from ewpgw.sis.operations import Operation, RawCall, Stream
from ewpgw.sis.replies import Reply
from ewpgw.store import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.sis.services import SisServices


def add_routes(
    router: web.UrlDispatcher, operations: Sequence[Operation], services: SisServices
) -> frozenset[web.AbstractRoute]:
    """A route for every operation; GET answers HEAD as well. Returns the routes that need no token."""
    public: list[web.AbstractRoute] = []
    for operation in operations:
        resource = router.add_resource(operation.router_path)
        answer = _Handler(operation, services).answer
        methods = (hdrs.METH_GET, hdrs.METH_HEAD) if operation.method == hdrs.METH_GET else (operation.method,)
        routes = [resource.add_route(method, answer, expect_handler=_continue_later) for method in methods]
        if operation.public:
            public.extend(routes)
    return frozenset(public)


class _Handler:
    """aiohttp's view of one operation."""

    def __init__(self, operation: Operation, services: SisServices) -> None:
        self._operation = operation
        self._services = services
        self._places = [
            (place, segment[1:-1])
            for place, segment in enumerate(operation.path.split("/"))
            if segment.startswith("{") and segment.endswith("}")
        ]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        operation, services, caller = self._operation, self._services, caller_of(request)
        path = self._segments(request)
        most = services.max_file_bytes
        if operation.content_type is None:
            most = max(services.max_body_bytes, services.body_bytes.get(path.get("entity", ""), 0))
        if caller is not None:
            access.check(caller, operation.scope, path)
        call = RawCall(
            services=services,
            path=path,
            query=list(request.rel_url.query.items()),
            headers=request.headers,
            read=lambda: bodies.whole(request, most),
            lines=lambda: bodies.lines(request, services.max_body_bytes),
            abandoned=lambda: request.transport is None or request.transport.is_closing(),
            caller=caller,
        )
        key = idempotency.key_of(request) if operation.writes and caller is not None else None
        if key is None or caller is None:
            done = await self._run(call)
            return await streams.send(request, done.lines) if isinstance(done, Stream) else done.response()
        if operation.streams(request.headers):
            return await self._stream_under_key(request, call, Attempt(services, request, caller.token, key, b""))
        body = await call.read()
        return await self._answer_once(call, body, Attempt(services, request, caller.token, key, body))

    async def _run(self, call: RawCall) -> Reply | Stream:
        answer = await self._operation.run(call)
        if isinstance(answer, Stream):
            return answer
        if not self._operation.expects(answer):
            raise TypeError(f"{self._operation.name} gave an answer that it does not declare")
        return replies.of_answer(answer)

    async def _answer_once(self, call: RawCall, body: bytes, attempt: Attempt) -> web.StreamResponse:
        """What was answered before under this key, or the operation's answer."""
        if before := await attempt.begin():
            return before.response()

        async def read() -> bytes:
            return body

        try:
            reply = await self._run(replace(call, read=read, attempt=attempt))
            assert isinstance(reply, Reply)  # it does not stream
        except ApiError as error:
            reply = replies.of_error(error)
        except BaseException:
            # Also where the gateway stops. The lease ends the claim where the store is away.
            with suppress(StoreUnavailable):
                await attempt.release()
            raise
        await attempt.finish(reply)
        return reply.response()

    async def _stream_under_key(self, request: web.Request, call: RawCall, attempt: Attempt) -> web.StreamResponse:
        """The stream, whose pieces are kept one by one; it may be repeated as soon as it has ended."""
        await attempt.begin(again=True)
        try:
            stream = await self._run(replace(call, attempt=attempt))
            assert isinstance(stream, Stream)
            return await streams.send(request, stream.lines)
        finally:
            with suppress(StoreUnavailable):
                await attempt.finish(Reply(200, {}, b""))

    def _segments(self, request: web.Request) -> dict[str, str]:
        """The placeholders' values, decoded once and exactly: ``%2F`` is a slash inside an id, ``+`` is a plus."""
        raw = request.rel_url.raw_path.split("/")
        try:
            return {name: unquote_to_bytes(raw[place]).decode("utf-8") for place, name in self._places}
        except UnicodeDecodeError:
            raise ApiError(
                400, "bad-parameter", "the path is not UTF-8 when percent-decoded; encode the id's own characters"
            ) from None


async def _continue_later(_request: web.Request) -> None:
    """Leave ``Expect: 100-continue`` unanswered until the body is wanted, so that a refused one is never sent."""
