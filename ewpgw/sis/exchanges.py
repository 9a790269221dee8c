"""The exchange log: what crossed the network, as evidence and for finding faults."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ewpgw.sis import cursors
from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.sis.parameters import ExchangePath, ExchangesQuery, HeiPath
from ewpgw.sis.views import BodyView, ExchangePage, ExchangeSummaryView, ExchangeView, MessageView
from ewpgw.store import exchanges

if TYPE_CHECKING:
    from ewpgw.store.exchanges import ExchangeSummary, Headers


async def _list(call: Call[HeiPath, ExchangesQuery, None]) -> Answer:
    query = call.query
    found = await exchanges.list_page(
        call.services.store,
        hei_id=call.path.hei_id,
        partner=query.partner,
        api=query.api,
        direction=query.direction,
        before=None if query.after is None else _position(query.after),
        limit=query.limit + 1,
    )
    page, last = cursors.cut(found, query.limit)
    return Answer(
        body=ExchangePage(
            items=[_summary(exchange) for exchange in page],
            next=None if last is None else cursors.encode(last.at.isoformat(), last.id),
        )
    )


async def _get(call: Call[ExchangePath, Nothing, None]) -> Answer:
    found = await exchanges.get(call.services.store, call.path.exchange_id)
    if found is None or found.hei_id != call.path.hei_id:
        raise ApiError(
            404,
            "unknown-exchange",
            "there is no such exchange of this HEI; exchanges are deleted after the time configured",
        )
    return Answer(
        body=ExchangeView(
            **_summary(found).model_dump(),
            request=_message(found.request_headers, found.request_body),
            response=_message(found.response_headers, found.response_body),
        )
    )


def _position(cursor: str) -> tuple[datetime, str]:
    at, exchange_id = cursors.decode(cursor, 2)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise cursors.unknown() from None
    if moment.tzinfo is None:
        raise cursors.unknown()
    return moment, exchange_id


def _summary(exchange: ExchangeSummary) -> ExchangeSummaryView:
    return ExchangeSummaryView(
        id=exchange.id,
        at=exchange.at,
        direction=exchange.direction,
        partner=exchange.partner,
        api=exchange.api,
        endpoint=exchange.endpoint,
        method=exchange.method,
        url=exchange.url,
        status=exchange.status,
        verdict=exchange.verdict,
        request_id=exchange.request_id,
        milliseconds=exchange.milliseconds,
    )


def _message(headers: Headers, body: bytes) -> MessageView:
    try:
        shown = BodyView(text=body.decode(), base64=None)
    except UnicodeDecodeError:
        shown = BodyView(text=None, base64=b64encode(body).decode())
    return MessageView(headers=list(headers), body=shown)


_ALL: Final = "/api/v1/heis/{hei_id}/exchanges"
_TAG: Final = "Exchanges"

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_exchanges",
        "GET",
        _ALL,
        _list,
        tag=_TAG,
        summary="List requests and responses",
        description="The newest first, without headers and bodies.",
        parameters=HeiPath,
        query=ExchangesQuery,
        body=NO_BODY,
        responses=[Response(200, "A page of exchanges.", ExchangePage)],
    ),
    operation(
        "get_exchange",
        "GET",
        _ALL + "/{exchange_id}",
        _get,
        tag=_TAG,
        summary="Read a request and its response",
        description="As they crossed the network; what they carry may be personal data.",
        parameters=ExchangePath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The exchange.", ExchangeView)],
    ),
)
