"""From what a handler answers, or why it fails, to a status, headers and bytes: what goes out, and what is kept."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import hdrs, web
from pydantic import BaseModel

from ewpgw.sis.errors import ApiError
from ewpgw.store import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.sis.operations import Answer

_log = structlog.get_logger(__name__)
_FRAMES = 12
_JSON: Final[dict[str, str]] = {hdrs.CONTENT_TYPE: "application/json"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes out, but for the headers that every answer has."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def with_header(self, name: str, value: str) -> Reply:
        """The same answer with one header more."""
        return replace(self, headers={**self.headers, name: value})

    def headers_text(self) -> str:
        """The headers as text to keep."""
        return json.dumps(dict(self.headers))

    def response(self) -> web.Response:
        """The answer for aiohttp."""
        return web.Response(status=self.status, headers=dict(self.headers), body=self.body)


def of_answer(answer: Answer) -> Reply:
    """What a handler answers."""
    if isinstance(answer.body, BaseModel):
        return Reply(answer.status, {**_JSON, **answer.headers}, answer.body.model_dump_json().encode())
    return Reply(answer.status, dict(answer.headers), answer.body or b"")


def of_error(error: ApiError) -> Reply:
    """Why a request failed."""
    return Reply(error.status, {**_JSON, **error.headers}, error.body().model_dump_json(exclude_none=True).encode())


def unreadable(status: int, said: str) -> web.Response:
    """The answer to what cannot be read as HTTP at all."""
    response = of_error(ApiError(status, "unreadable-request", said)).response()
    response.headers[hdrs.SERVER] = "ewpgw"
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response


def as_error(error: Exception) -> ApiError:
    """Any exception as the error that the client is told. What is a fault of the gateway is logged."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, web.HTTPException):
        return _from_http_exception(error)
    if isinstance(error, StoreUnavailable):
        _log.error("sis.store-unavailable", reason=error.reason)
        return ApiError(
            503,
            "store-unavailable",
            "the database of the gateway does not answer; send the same again later, repeating it is harmless",
            headers={hdrs.RETRY_AFTER: "10"},
        )
    # The words of the error may hold data of a record, so only its kind and place are logged.
    _log.error("sis.failed", error=type(error).__name__, frames=_frames(error))
    return ApiError(500, "internal-error", "the gateway failed; its log has the reason under this X-Request-Id")


def too_large(limit: int | None) -> ApiError:
    """The answer for a body that is larger than the gateway takes."""
    bound = "" if limit is None else f" of {limit} bytes"
    return ApiError(413, "body-too-large", f"the body is larger than the limit{bound}; send fewer records at a time")


def _frames(error: BaseException) -> list[str]:
    """Where it happened, the innermost place last: modules and lines, no values."""
    walked = traceback.walk_tb(error.__traceback__)
    return [f"{frame.f_globals.get('__name__')}:{line}" for frame, line in walked][-_FRAMES:]


def _from_http_exception(error: web.HTTPException) -> ApiError:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return ApiError(
            405, "method-not-allowed", f"this path takes {allowed}", headers={hdrs.ALLOW: error.headers["Allow"]}
        )
    if isinstance(error, web.HTTPNotFound):
        return ApiError(
            404, "unknown-path", "there is no such path; /docs describes those there are, /openapi.json for programs"
        )
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return too_large(None)
    return ApiError(error.status, "bad-request", f"the request cannot be answered: {error.reason}")
