"""Puts declared operations into aiohttp's router: exact paths, a bounded body, and the declared answers only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from aiohttp import HttpVersion11, hdrs, web

from ewpgw.sis.errors import ApiError
from ewpgw.sis.middleware import json_response, too_large
from ewpgw.sis.operations import Operation, RawCall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.sis.services import SisServices

_BODY_SECONDS = 60


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
        operation = self._operation
        call = RawCall(
            services=self._services,
            path=self._segments(request),
            query=list(request.rel_url.query.items()),
            headers=request.headers,
            read=lambda: _bounded_body(request, self._services.max_body_bytes),
            abandoned=lambda: request.transport is None or request.transport.is_closing(),
        )
        answer = await operation.run(call)
        if not operation.expects(answer):
            raise TypeError(f"{operation.name} gave an answer that it does not declare")
        headers = dict(answer.headers)
        if answer.body is None or isinstance(answer.body, bytes):
            return web.Response(status=answer.status, body=answer.body, headers=headers)
        return json_response(answer.status, answer.body, headers)

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


async def _bounded_body(request: web.Request, limit: int) -> bytes:
    if request.content_length is not None and request.content_length > limit:
        raise too_large(limit)
    expectation = request.headers.get(hdrs.EXPECT)
    if expectation is not None and request.version == HttpVersion11:
        if expectation.lower() != "100-continue":
            raise ApiError(417, "unknown-expectation", "the gateway knows only Expect: 100-continue; leave it out")
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # The interim answer is not part of the response, whose headers are still to come.
        request.writer.output_size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large(limit) from None
    except TimeoutError:
        raise ApiError(
            408, "body-too-slow", f"the body did not arrive within {_BODY_SECONDS} s; send it again"
        ) from None
    except (web.RequestPayloadError, ConnectionError):
        raise ApiError(400, "bad-body", "the body broke off; send it again, whole") from None
