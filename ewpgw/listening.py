"""Listening for HTTP: what cannot be read is answered in the listener's own way, and its bytes reach no log."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler

if TYPE_CHECKING:
    from collections.abc import Callable

    Refuse: TypeAlias = Callable[[int, str], web.Response]
    """Makes the answer to what cannot be read, of its status and what is wrong in words."""

_log = structlog.get_logger(__name__)


class Server(web.Server):
    """aiohttp's low-level server. Its own answer to what is no HTTP quotes it, and so does its log, with a traceback:
    a line end too many would put a token there.
    """

    def __init__(self, handler: Any, *, refuse: Refuse, **options: Any) -> None:
        """``handler`` and ``options`` are those of aiohttp."""
        super().__init__(handler, **options)
        self._refuse = refuse

    def __call__(self) -> RequestHandler:
        return _Connection(self, self._refuse, loop=self._loop, **self._kwargs)


class AppRunner(web.AppRunner):
    """The same for an application."""

    def __init__(self, app: web.Application, *, refuse: Refuse, **options: Any) -> None:
        """``app`` and ``options`` are those of aiohttp."""
        super().__init__(app, access_log=None, **options)
        self._refuse = refuse

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return Server(
            made.request_handler,
            refuse=self._refuse,
            request_factory=made.request_factory,
            loop=made._loop,
            **made._kwargs,
        )


class _Connection(RequestHandler):
    """One client's connection."""

    def __init__(self, server: web.Server, refuse: Refuse, **options: Any) -> None:
        super().__init__(server, **options)
        self._refuse = refuse

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that could not be read."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            super().handle_error(request, status, exc, message)  # writes the log; its answer is plain text
            said = "this node failed to process the request"
        else:
            _log.info("request.unreadable", peer=request.remote, reason=type(exc).__name__)
            said = "the request cannot be read as HTTP"
            if isinstance(exc, LineTooLong):
                said += f": its target may have {self.max_line_size} bytes, and each header {self.max_field_size}. "
                said += "Send many parameters in the body of a POST"
        refusal = self._refuse(status, said)
        refusal.force_close()
        return refusal
