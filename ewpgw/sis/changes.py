"""The feed of changes: what the student information system has to hear, in order, waiting where there is nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import NO_BODY, Answer, Call, Operation, Response, operation
from ewpgw.sis.parameters import ChangesQuery, HeiPath
from ewpgw.sis.views import ChangesView, ChangeView
from ewpgw.store import feed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.store.feed import FeedEntry

# The bell tells of this process's changes at once; those of other replicas are found by looking.
_LOOK_EVERY_SECONDS: Final = 1.0


async def _changes(call: Call[HeiPath, ChangesQuery, None]) -> Answer:
    after = int(call.query.after)
    found = await _read(call, after)
    cursor = found[-1].seq if found else after
    return Answer(
        body=ChangesView(
            items=[
                ChangeView(
                    cursor=str(entry.seq),
                    at=entry.at,
                    kind=entry.kind,
                    entity=entry.entity,
                    partner=entry.partner,
                    id=entry.id,
                    revision=entry.revision,
                )
                for entry in found
            ],
            cursor=str(cursor),
        )
    )


async def _read(call: Call[HeiPath, ChangesQuery, None], after: int) -> Sequence[FeedEntry]:
    """What follows ``after``, as soon as there is something, or nothing at the end of the waiting time."""
    store, hei_id, bell = call.services.store, call.path.hei_id, call.services.bell
    loop = asyncio.get_running_loop()
    deadline = loop.time() + call.query.wait
    checked = False
    while True:
        ring = bell.next_ring()
        found = await feed.read(store, hei_id, after, call.query.limit)
        if found:
            return found
        if not checked:
            await _check_cursor(call, after)
            checked = True
        remaining = deadline - loop.time()
        if remaining <= 0 or bell.closed or call.abandoned():
            return found
        await bell.wait(ring, min(remaining, _LOOK_EVERY_SECONDS))


async def _check_cursor(call: Call[HeiPath, ChangesQuery, None], after: int) -> None:
    """Refuse a cursor ahead of the feed, behind which nothing would ever come and changes would be missed."""
    last = await feed.last(call.services.store, call.path.hei_id)
    if after > last:
        raise ApiError(
            400,
            "unknown-cursor",
            f"the cursor is ahead of this HEI's feed, which ends at {last}: it is another HEI's, or the database was "
            "restored; start again from 0",
            details={"last": str(last)},
        )


OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_changes",
        "GET",
        "/api/v1/heis/{hei_id}/changes",
        _changes,
        tag="Changes",
        summary="Follow the changes",
        description="Store the cursor of each answer once its changes are dealt with, and give it as `after` the next "
        "time: nothing is skipped, whoever restarts in between. A change says what to read, not what it was: several "
        "changes of one item may be read at once.",
        parameters=HeiPath,
        query=ChangesQuery,
        body=NO_BODY,
        responses=[Response(200, "The changes behind the cursor; none where the waiting time ended.", ChangesView)],
    ),
)
