"""Answers that are sent while the request is still arriving: a line for each line of it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

from ewpgw.sis import replies
from ewpgw.sis.lines import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_SEND_SECONDS: Final = 60
_UNREAD_BYTES: Final = 8 * 2**20
"""What is held for a client that sends everything before it reads anything: if the gateway then waited for it, both
would wait for each other."""


async def send(request: web.Request, lines: AsyncGenerator[bytes, None]) -> web.StreamResponse:
    """Send the lines as they come.

    A fault before the first of them is raised; what fails later is the last line, ``{"error": …}``, since the status is
    out by then. Nothing more is done for a client that has gone, or does not read for a minute.
    """
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: MEDIA_TYPE})
    async with aclosing(lines) as pieces:
        try:
            first = await anext(pieces, b"")
            if request.transport is not None:
                request.transport.set_write_buffer_limits(high=_UNREAD_BYTES)
            await response.prepare(request)
            await _write(response, first)
            async for piece in pieces:
                await _write(response, piece)
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
            return response
        except Exception as error:
            if not response.prepared:
                raise
            await _write(response, replies.of_error(replies.as_error(error)).body + b"\n")
            # The rest of the body was not read.
            response.force_close()
        await response.write_eof()
    return response


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    async with asyncio.timeout(_SEND_SECONDS):
        await response.write(piece)
