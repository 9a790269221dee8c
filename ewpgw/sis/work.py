"""Work under way and work that is stuck: what the gateway has to tell to partners and to fetch from them."""

from __future__ import annotations

from typing import Final

from ewpgw.sis import cursors
from ewpgw.sis.operations import NO_BODY, Answer, Call, Operation, Response, operation
from ewpgw.sis.parameters import HeiPath, WorkQuery
from ewpgw.sis.views import WorkPage, WorkView
from ewpgw.store import work
from ewpgw.store.work import WorkKey, WorkKind, WorkRow, WorkState


async def _list(call: Call[HeiPath, WorkQuery, None]) -> Answer:
    query, hei_id = call.query, call.path.hei_id
    found = await work.list_rows(
        call.services.store,
        kinds=None if query.kind is None else [query.kind],
        states=None if query.state is None else [query.state],
        hei_id=hei_id,
        partner=query.partner,
        after=None if query.after is None else _key(hei_id, query.after),
        limit=query.limit + 1,
    )
    page, last = cursors.cut(found, query.limit)
    return Answer(
        body=WorkPage(
            items=[_view(row) for row in page],
            next=None if last is None else _cursor(last.key),
        )
    )


def _cursor(key: WorkKey) -> str:
    return cursors.encode(key.kind.value, key.partner, key.api, key.item)


def _key(hei_id: str, cursor: str) -> WorkKey:
    kind, partner, api, item = cursors.decode(cursor, 4)
    try:
        return WorkKey(WorkKind(kind), hei_id, partner, api, item)
    except ValueError:
        raise cursors.unknown() from None


def _view(row: WorkRow) -> WorkView:
    return WorkView(
        kind=row.key.kind,
        partner=row.key.partner,
        api=row.key.api,
        item=row.key.item,
        state=row.state,
        attempts=row.attempts,
        wanted=row.wanted,
        done=row.done,
        first_wanted_at=row.first_wanted_at,
        next_attempt_at=row.next_attempt_at if row.state is WorkState.DUE else None,
        last_at=row.last_at,
        last_error=row.last_error,
        last_status=row.last_status,
    )


_TAG: Final = "Work"

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_work",
        "GET",
        "/api/v1/heis/{hei_id}/work",
        _list,
        tag=_TAG,
        summary="See what is under way and what is stuck",
        description="One row for each thing to do, however often it was asked for. Rows that failed or expired need "
        "a person; a new change of the item, a notification or a refresh makes them due again.",
        parameters=HeiPath,
        query=WorkQuery,
        body=NO_BODY,
        responses=[Response(200, "A page of work.", WorkPage)],
    ),
)
