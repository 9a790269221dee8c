"""Around every request to the SIS API: its id, its caller, errors as JSON, headers that keep browsers careful."""

from __future__ import annotations

import hashlib
import re
import time
import traceback
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import structlog
from aiohttp import hdrs, web

from ewpgw.sis.errors import ApiError
from ewpgw.store import StoreUnavailable, tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler, Middleware
    from pydantic import BaseModel

    from ewpgw.sis.services import SisServices

_log = structlog.get_logger(__name__)
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,512}=*)", re.IGNORECASE)
_FRAMES = 12
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "ewpgw",
}


def json_response(status: int, body: BaseModel, headers: dict[str, str]) -> web.Response:
    """A model as a JSON answer."""
    return web.Response(
        status=status, body=body.model_dump_json().encode(), headers=headers, content_type="application/json"
    )


def error_response(error: ApiError) -> web.Response:
    """The answer for an error."""
    return web.Response(
        status=error.status,
        body=error.body().model_dump_json(exclude_none=True).encode(),
        headers=dict(error.headers),
        content_type="application/json",
    )


def surround() -> Middleware:
    """The outermost middleware: request id, log line, headers, and an answer in JSON whatever happens inside."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = _request_id(request.headers.get("X-Request-Id"))
        started = time.perf_counter()
        # token_name is set once the token is known; it is bound here so that it does not outlive the request.
        with structlog.contextvars.bound_contextvars(request_id=request_id, token_name=None):
            response = await _answer(request, handler)
            response.headers["X-Request-Id"] = request_id
            for name, value in _SECURITY_HEADERS.items():
                response.headers.setdefault(name, value)
            resource = request.match_info.route.resource
            _log.debug(
                "sis.answered",
                method=request.method,
                route=None if resource is None else resource.canonical,
                status=response.status,
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
            )
        return response

    return middleware


def authenticate(services: SisServices, is_public: Callable[[web.Request], bool]) -> Middleware:
    """Let only bearers of a known token in; ``is_public`` names the requests that need none."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_public(request):
            return await handler(request)
        given = request.headers.getall(hdrs.AUTHORIZATION, [])
        match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        if match is None:
            raise _unauthorized(
                "no-token", "send one header Authorization: Bearer TOKEN; tokens are never taken from the URL", None
            )
        # Only the digest is looked up, so the time that it takes tells nothing about the tokens that exist.
        found = await tokens.find(services.store, hashlib.sha256(match.group(1).encode()).hexdigest())
        if found is None:
            raise _unauthorized(
                "unknown-token",
                "the token is not one of this gateway, or was revoked; ask its operator",
                "invalid_token",
            )
        structlog.contextvars.bind_contextvars(token_name=found.name)
        return await handler(request)

    return middleware


def _unauthorized(code: str, message: str, fault: str | None) -> ApiError:
    challenge = 'Bearer realm="ewpgw"' + (f', error="{fault}"' if fault else "")
    return ApiError(401, code, message, headers={hdrs.WWW_AUTHENTICATE: challenge})


def _request_id(given: str | None) -> str:
    """The client's request id where it is a UUID in its usual form; a new one otherwise."""
    if given is not None:
        try:
            parsed = str(UUID(given))
        except ValueError:
            pass
        else:
            if parsed == given.lower():
                return given
    return str(uuid4())


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return error_response(error)
    except web.HTTPException as error:
        return error_response(_from_http_exception(error))
    except StoreUnavailable as error:
        _log.error("sis.store-unavailable", reason=error.reason)
        return error_response(
            ApiError(
                503,
                "store-unavailable",
                "the database of the gateway does not answer; send the same again later, repeating it is harmless",
                headers={hdrs.RETRY_AFTER: "10"},
            )
        )
    except Exception as error:
        # The words of the error may hold data of a record, so only its kind and place are logged.
        _log.error("sis.failed", error=type(error).__name__, frames=_frames(error))
        return error_response(
            ApiError(500, "internal-error", "the gateway failed; its log has the reason under this X-Request-Id")
        )


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
        return ApiError(404, "unknown-path", "there is no such path; GET /openapi.json lists them")
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return too_large(None)
    return ApiError(error.status, "bad-request", f"the request cannot be answered: {error.reason}")


def too_large(limit: int | None) -> ApiError:
    """The answer for a body that is larger than the gateway takes."""
    bound = "" if limit is None else f" of {limit} bytes"
    return ApiError(413, "body-too-large", f"the body is larger than the limit{bound}; send fewer records at a time")
