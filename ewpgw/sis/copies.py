"""Partner copies: what partners last served, decoded and as received."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ewpgw.sis import cursors, shown
from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, operation
from ewpgw.sis.parameters import CopiesQuery, CopyPath, EntityPath, ReceivedQuery
from ewpgw.sis.views import CopyPage, CopyView, InvalidView
from ewpgw.store import copies
from ewpgw.store.copies import Copy, CopyKey

if TYPE_CHECKING:
    from ewpgw.store.engine import Store


async def _list(call: Call[EntityPath, CopiesQuery, None]) -> Answer:
    query = call.query
    behind: tuple[str, str] | None = None
    if query.after is not None:
        partner, item = cursors.decode(query.after, 2)
        behind = (partner, item)
    found = await copies.list_page(
        call.services.store,
        call.path.hei_id,
        call.path.entity,
        partner=query.partner,
        states=None if query.state is None else [query.state],
        after=behind,
        limit=query.limit + 1,
        bodies=False,
    )
    page, last = cursors.cut(found, query.limit)
    return Answer(
        body=CopyPage(
            items=[_view(copy) for copy in page],
            next=None if last is None else cursors.encode(last.key.partner, last.key.id),
        )
    )


async def _get(call: Call[CopyPath, Nothing, None]) -> Answer:
    return Answer(body=_view(await _find(call.services.store, call.path)))


async def _received(call: Call[CopyPath, ReceivedQuery, None]) -> Answer:
    copy = await _find(call.services.store, call.path)
    body = copy.body if call.query.version == "current" else copy.invalid_body
    if body is None:
        words = (
            "no version that could be used was ever received; ?version=invalid has the newest one"
            if call.query.version == "current"
            else "the newest version could be used, so there is no invalid one"
        )
        raise ApiError(404, "no-such-version", words)
    # The name says nothing of the partner's id, which may hold any character.
    headers = {"Content-Type": "application/xml", "Content-Disposition": 'attachment; filename="received.xml"'}
    return Answer(body=body, headers=headers)


async def _find(store: Store, path: CopyPath) -> Copy:
    copy = await copies.get(store, CopyKey(path.hei_id, path.entity, path.partner, path.id))
    if copy is None:
        raise ApiError(
            404,
            "unknown-copy",
            "nothing of this id was ever fetched from this partner; POST …/refreshes asks for it",
        )
    return copy


def _view(copy: Copy) -> CopyView:
    invalid = None
    if copy.invalid_at is not None:
        invalid = InvalidView(at=copy.invalid_at, problems=shown.stored_problems(copy.invalid_problems))
    return CopyView(
        partner=copy.key.partner,
        id=copy.key.id,
        state=copy.state,
        revision=copy.revision,
        fetched_at=copy.fetched_at,
        changed_at=copy.changed_at,
        our_id=copy.our_id,
        hash=copy.content_hash,
        document=shown.document(copy.document),
        invalid=invalid,
    )


_ALL: Final = "/api/v1/heis/{hei_id}/partner-copies/{entity}"
_ONE: Final = _ALL + "/{partner}/{id}"
_TAG: Final = "Partner copies"

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_partner_copies",
        "GET",
        _ALL,
        _list,
        tag=_TAG,
        summary="List what partners serve",
        description="Copies that are gone stay in the list, with their last content.",
        parameters=EntityPath,
        query=CopiesQuery,
        body=NO_BODY,
        responses=[Response(200, "A page of copies.", CopyPage)],
    ),
    operation(
        "get_partner_copy",
        "GET",
        _ONE,
        _get,
        tag=_TAG,
        summary="Read a partner copy",
        parameters=CopyPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "The copy.", CopyView)],
    ),
    operation(
        "get_received",
        "GET",
        _ONE + "/received",
        _received,
        tag=_TAG,
        summary="Get the bytes as a partner sent them",
        description="For evidence, and for hashes, which are computed over what was received.",
        parameters=CopyPath,
        query=ReceivedQuery,
        body=NO_BODY,
        responses=[Response(200, "The document, unchanged.", media_type="application/xml")],
    ),
)
