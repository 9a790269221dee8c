"""The application that serves the SIS API."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from aiohttp import web

from ewpgw.listening import AppRunner
from ewpgw.sis import (
    agreement_comparison,
    agreement_legacy,
    agreement_mapping,
    agreement_moves,
    agreement_snapshots,
    agreements,
    bulk,
    changes,
    copies,
    deletions,
    exchanges,
    files,
    heis,
    learning_agreement_answers,
    learning_agreement_papers,
    learning_agreements,
    nomination_moves,
    nominations,
    records,
    requests,
    transcript_issuing,
    transcript_recognition,
    work,
)
from ewpgw.sis.descriptions import described
from ewpgw.sis.middleware import add_headers, authenticate, surround
from ewpgw.sis.replies import unreadable
from ewpgw.sis.routing import add_routes

if TYPE_CHECKING:
    from ewpgw.sis.operations import Operation
    from ewpgw.sis.services import SisServices

# Below this even unknown paths ask for a token, so that nobody without one learns which exist.
_PROTECTED = "/api/"


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation of the API, in the order of its documentation."""
    return described(
        (
            *heis.OPERATIONS,
            *records.OPERATIONS,
            *bulk.OPERATIONS,
            *copies.OPERATIONS,
            *agreements.OPERATIONS,
            *agreement_comparison.OPERATIONS,
            *agreement_mapping.OPERATIONS,
            *agreement_snapshots.OPERATIONS,
            *agreement_moves.OPERATIONS,
            *agreement_legacy.OPERATIONS,
            *nominations.OPERATIONS,
            *nomination_moves.OPERATIONS,
            *learning_agreements.OPERATIONS,
            *learning_agreement_answers.OPERATIONS,
            *learning_agreement_papers.OPERATIONS,
            *transcript_issuing.OPERATIONS,
            *transcript_recognition.OPERATIONS,
            *files.OPERATIONS,
            *changes.OPERATIONS,
            *requests.OPERATIONS,
            *work.OPERATIONS,
            *deletions.OPERATIONS,
            *exchanges.OPERATIONS,
        )
    )


def build_app(services: SisServices) -> web.Application:
    """The application; ``runner`` serves it."""
    public: frozenset[web.AbstractRoute] = frozenset()

    def is_public(request: web.Request) -> bool:
        route = request.match_info.route
        return route in public or (route.resource is None and not request.rel_url.path.startswith(_PROTECTED))

    app = web.Application(
        middlewares=[surround(), authenticate(services, is_public)],
        client_max_size=max(services.max_body_bytes, services.max_file_bytes, *services.body_bytes.values()),
    )
    public = add_routes(app.router, operations(), services)

    async def stop_waiting(_app: web.Application) -> None:
        services.bell.close()

    app.on_shutdown.append(stop_waiting)
    app.on_response_prepare.append(add_headers)
    return app


def runner(services: SisServices, *, shutdown_seconds: float) -> AppRunner:
    """The application, ready to be served on any socket, with or without TLS.

    It logs its requests itself, without the ids in their paths. Requests in flight have ``shutdown_seconds`` to end.
    """
    return AppRunner(build_app(services), refuse=unreadable, shutdown_timeout=shutdown_seconds)
