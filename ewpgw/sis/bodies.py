"""Bodies of requests, bounded: as a whole, or line by line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import HttpVersion11, hdrs, web

from ewpgw.sis.errors import ApiError
from ewpgw.sis.lines import Lines
from ewpgw.sis.replies import too_large

if TYPE_CHECKING:
    from collections.abc import Awaitable

_BODY_SECONDS = 60
MOST_LINES: Final = 10_000
"""Lines in one body; between two pieces of it, no more than a minute may pass."""


async def whole(request: web.Request, limit: int) -> bytes:
    """The body of a request. Refused (413) where it is larger than ``limit``, before it is sent where possible."""
    if request.content_length is not None and request.content_length > limit:
        raise too_large(limit)
    await _ask_for_it(request)
    try:
        body = await _in_time(request.read())
    except web.HTTPRequestEntityTooLarge:
        raise too_large(limit) from None
    if len(body) > limit:  # the application's own limit is the largest of all operations
        raise too_large(limit)
    return body


def lines(request: web.Request, longest: int) -> Lines:
    """The body of a request, line by line; only the length of a line is limited, and how many there are."""
    asked = False

    async def read() -> bytes:
        nonlocal asked
        if not asked:
            asked = True
            await _ask_for_it(request)
        return await _in_time(request.content.readany())

    return Lines(read, longest=longest, most=MOST_LINES)


async def _ask_for_it(request: web.Request) -> None:
    """Tell a client that waits before it sends its body to go on."""
    expectation = request.headers.get(hdrs.EXPECT)
    if expectation is None or request.version != HttpVersion11:
        return
    if expectation.lower() != "100-continue":
        raise ApiError(417, "unknown-expectation", "the gateway knows only Expect: 100-continue; leave it out")
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # The interim answer is not part of the response, whose headers are still to come.
    request.writer.output_size = 0


async def _in_time(reading: Awaitable[bytes]) -> bytes:
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await reading
    except TimeoutError:
        raise ApiError(
            408, "body-too-slow", f"nothing of the body arrived within {_BODY_SECONDS} s; send it again"
        ) from None
    except (web.RequestPayloadError, ConnectionError):
        raise ApiError(400, "bad-body", "the body broke off; send it again, whole") from None
