"""Around every request to the SIS API: its id, its caller, errors as JSON, headers that keep browsers careful."""

from __future__ import annotations

import hashlib
import re
import time
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import structlog
from aiohttp import hdrs, web

from ewpgw.sis import replies
from ewpgw.sis.access import Caller
from ewpgw.sis.errors import ApiError
from ewpgw.sis.limits import Allowance, peer_of
from ewpgw.store import tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler, Middleware

    from ewpgw.sis.services import SisServices
    from ewpgw.store.tokens import Token

_log = structlog.get_logger(__name__)
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,512}=*)", re.IGNORECASE)
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_REQUEST_ID: Final = web.RequestKey("request_id", str)
_CALLER: Final = web.RequestKey("caller", Caller)
_ALLOWANCE: Final = web.RequestKey("allowance", Allowance)


def surround() -> Middleware:
    """The outermost middleware: request id, log line, and an answer in JSON whatever happens inside."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[_REQUEST_ID] = request_id = _request_id(request.headers.get("X-Request-Id"))
        started = time.perf_counter()
        # token_name is set once the token is known; it is bound here so that it does not outlive the request.
        with structlog.contextvars.bound_contextvars(request_id=request_id, token_name=None):
            try:
                response = await handler(request)
            except Exception as error:
                response = replies.of_error(replies.as_error(error)).response()
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


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Before an answer goes out: the headers that all answers have."""
    if _REQUEST_ID in request:
        response.headers["X-Request-Id"] = request[_REQUEST_ID]
    if _ALLOWANCE in request:
        response.headers.update(request[_ALLOWANCE].headers())
    response.headers[hdrs.SERVER] = "ewpgw"
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)


def authenticate(services: SisServices, is_public: Callable[[web.Request], bool]) -> Middleware:
    """Let only bearers of a valid token in, and of those not too many; ``is_public`` names the requests without."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_public(request):
            return await handler(request)
        digest, token = await _bearer(request, services)
        structlog.contextvars.bind_contextvars(token_name=token.name)
        request[_CALLER] = Caller.of(token)
        request[_ALLOWANCE] = allowance = services.limits.tokens.take(digest)
        if not allowance.granted:
            raise ApiError(
                429,
                "too-many-requests",
                f"the token is used more often than allowed; go on in {allowance.retry_after} s, "
                "or send many records in one call",
                headers={hdrs.RETRY_AFTER: str(allowance.retry_after)},
            )
        return await handler(request)

    return middleware


def caller_of(request: web.Request) -> Caller | None:
    """Whose token the request came with; None where it needs none."""
    return request.get(_CALLER)


async def _bearer(request: web.Request, services: SisServices) -> tuple[str, Token]:
    """The token of a request and the digest of its secret. Failures are counted for the address they come from.

    An address that failed too often is not looked at any more, but for tokens that were good a moment ago: many may
    come from one address.
    """
    limits, peer = services.limits, peer_of(request.remote)
    given = request.headers.getall(hdrs.AUTHORIZATION, [])
    match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    # Only the digest is looked up, so the time that it takes tells nothing about the tokens that exist.
    digest = hashlib.sha256(match.group(1).encode()).hexdigest() if match is not None else ""
    failures = limits.failures.look(peer)
    if not failures.granted and digest not in limits.tokens:
        raise ApiError(
            429,
            "too-many-failures",
            f"too many requests without a valid token came from this address; go on in {failures.retry_after} s",
            headers={hdrs.RETRY_AFTER: str(failures.retry_after)},
        )
    refusal = ApiError(
        401,
        "no-token",
        "send one header Authorization: Bearer TOKEN; tokens are never taken from the URL",
        headers=_challenge(None),
    )
    if match is not None:
        found = await tokens.find(services.store, digest)
        if found is not None and not found.expired(services.now()):
            return digest, found
        refusal = ApiError(
            401,
            "unknown-token" if found is None else "expired-token",
            "the token is not one of this gateway, or was revoked; ask its operator"
            if found is None
            else "the time of the token is over; ask the gateway's operator for a new one",
            headers=_challenge("invalid_token"),
        )
    limits.failures.take(peer)
    limits.tokens.forget(digest)
    raise refusal


def _challenge(fault: str | None) -> dict[str, str]:
    return {hdrs.WWW_AUTHENTICATE: 'Bearer realm="ewpgw"' + (f', error="{fault}"' if fault else "")}


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
