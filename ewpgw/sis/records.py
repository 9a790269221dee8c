"""Our records: put, read, list, delete; and what was refused of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ewpgw.model.entities import ENTITIES
from ewpgw.records import Incoming, NotDeletable, Outcome, RevisionConflict
from ewpgw.sis import conditions, cursors, shown
from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import (
    NO_BODY,
    Answer,
    Body,
    Call,
    Nothing,
    Operation,
    Response,
    operation,
    unknown_entity,
)
from ewpgw.sis.parameters import EntityPath, HeiPath, Page, RecordPath, RefusalsQuery
from ewpgw.sis.views import (
    PutView,
    RecordPage,
    RecordSummary,
    RecordView,
    RefusalPage,
    RefusalView,
)
from ewpgw.store import records, refusals
from ewpgw.store.records import Record, RecordKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue
    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.store.engine import Store

SOURCE: Final = "sis"
_MOST_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON value and the text that it was read from."""

    value: JsonValue
    text: str


async def _find(store: Store, path: RecordPath) -> Record:
    """The record that the path names, refused (404) where there is none that is served."""
    found = await records.get(store, RecordKey(path.hei_id, path.entity, path.id))
    if found is None:
        refused = await refusals.get(store, path.hei_id, path.entity, path.id)
        raise ApiError(
            404,
            "unknown-record",
            "there is no such record"
            + ("" if refused is None else "; a version of it was refused, GET …/refusals has the reasons"),
        )
    if found.deleted:
        raise ApiError(404, "unknown-record", "the record was deleted; its id is never used again")
    return found


async def _list(call: Call[EntityPath, Page, None]) -> Answer:
    store, path, query = call.services.store, call.path, call.query
    found = await records.list_page(store, path.hei_id, path.entity, after=query.after, limit=query.limit + 1)
    page, last = cursors.cut(found, query.limit)
    refused = await _refused(call, page)
    return Answer(
        body=RecordPage(
            items=[
                RecordSummary(
                    id=record.key.id,
                    revision=record.revision,
                    modified_at=record.modified_at,
                    partners=_partners(record),
                    source=record.source,
                    refused=record.key.id in refused,
                )
                for record in page
            ],
            next=None if last is None else last.key.id,
        )
    )


async def _refused(call: Call[EntityPath, Page, None], page: Sequence[Record]) -> frozenset[str]:
    """The ids on this page of which a newer version was refused."""
    ids: set[str] = set()
    wanted = {record.key.id for record in page}
    after = (call.path.entity, call.query.after or "")
    while wanted:
        found = await refusals.list_page(
            call.services.store, call.path.hei_id, call.path.entity, after=after, limit=_MOST_AT_ONCE
        )
        ids.update(refusal.key for refusal in found)
        if len(found) < _MOST_AT_ONCE or found[-1].key > page[-1].key.id:
            break
        after = (call.path.entity, found[-1].key)
    return frozenset(wanted & ids)


async def _get(call: Call[RecordPath, Nothing, None]) -> Answer:
    record = await _find(call.services.store, call.path)
    headers = {"ETag": conditions.etag(record.revision), "Cache-Control": "private, no-cache"}
    if conditions.if_none_match(call.headers.get("If-None-Match"), record.revision):
        return Answer(304, headers=headers)
    view = RecordView(
        id=record.key.id,
        revision=record.revision,
        modified_at=record.modified_at,
        partners=_partners(record),
        source=record.source,
        document=shown.document(record.document),
    )
    return Answer(body=view, headers=headers)


async def _put(call: Call[RecordPath, Nothing, Document]) -> Answer:
    path = call.path
    incoming = Incoming(id=path.id, document=call.body.value, raw=call.body.text)

    async def keep(tx: AsyncConnection, outcome: Outcome) -> None:
        if outcome.result not in ("refused", "retired"):
            await call.keep(tx, put_answer(path.id, outcome))

    try:
        outcome = await call.services.records.put(
            path.hei_id,
            path.entity,
            incoming,
            source=SOURCE,
            only_if=conditions.condition(call.headers),
            within=keep,
        )
    except RevisionConflict as conflict:
        raise conditions.precondition_failed(conflict.current) from None
    call.services.bell.ring()
    return put_answer(path.id, outcome)


def put_answer(item: str, outcome: Outcome) -> Answer:
    """The answer to a put, refused (422, 409) where nothing was stored."""
    if outcome.result == "refused":
        raise ApiError(
            422,
            "record-refused",
            "the record is not accepted for the reasons in problems; partners keep seeing the last accepted version",
            problems=shown.problems(outcome.problems),
        )
    if outcome.result == "retired" or outcome.revision is None:
        raise ApiError(
            409, "id-retired", "a record of this id was deleted, and ids are never used again; give it a new id"
        )
    return Answer(
        201 if outcome.result == "created" else 200,
        PutView(
            id=item,
            result=outcome.result,
            revision=outcome.revision,
            warnings=shown.problems(outcome.problems),
        ),
        {"ETag": conditions.etag(outcome.revision)},
    )


async def _delete(call: Call[RecordPath, Nothing, None]) -> Answer:
    path = call.path
    answer = Answer(204)
    try:
        deleted = await call.services.records.delete(
            path.hei_id,
            path.entity,
            path.id,
            source=SOURCE,
            only_if=conditions.condition(call.headers),
            within=lambda tx: call.keep(tx, answer),
        )
    except RevisionConflict as conflict:
        raise conditions.precondition_failed(conflict.current) from None
    except NotDeletable as kept:
        raise ApiError(409, "not-deletable", f"the record is not deleted: {kept.reason}") from None
    if not deleted:
        raise ApiError(404, "unknown-record", "there is no such record, and nothing was refused under its id")
    call.services.bell.ring()
    return answer


async def _list_refusals(call: Call[HeiPath, RefusalsQuery, None]) -> Answer:
    query = call.query
    if query.entity is not None and query.entity not in ENTITIES:
        raise unknown_entity()
    behind: tuple[str, str] | None = None
    if query.after is not None:
        entity, key = cursors.decode(query.after, 2)
        behind = (entity, key)
    found = await refusals.list_page(
        call.services.store, call.path.hei_id, query.entity, after=behind, limit=query.limit + 1
    )
    page, last = cursors.cut(found, query.limit)
    return Answer(
        body=RefusalPage(
            items=[
                RefusalView(
                    entity=refusal.entity,
                    key=refusal.key,
                    at=refusal.at,
                    source=refusal.source,
                    problems=shown.stored_problems(refusal.problems),
                    document=refusal.document,
                )
                for refusal in page
            ],
            next=None if last is None else cursors.encode(last.entity, last.key),
        )
    )


def _partners(record: Record) -> list[str] | None:
    return None if record.partners is None else sorted(record.partners)


EXAMPLE: Final[JsonValue] = {
    "partner": [
        {"hei_id": "north.example", "iia_id": "2024/17", "iia_code": "N-17"},
        {"hei_id": "south.example"},
    ],
    "in_effect": False,
    "cooperation_conditions": {},
}
_RECORD: Final = Body(
    description="The record, by the schema of its kind.", schema={"x-record": True}, read=Document, example=EXAMPLE
)
_ONE: Final = "/api/v1/heis/{hei_id}/records/{entity}/{id}"
_ALL: Final = "/api/v1/heis/{hei_id}/records/{entity}"
TAG: Final = "Our records"
_IF_MATCH: Final = {"If-Match": "The ETag that the change is based on; 412 where the record is at another revision."}
_CONDITIONS: Final = _IF_MATCH | {"If-None-Match": "`*` to create the record only where there is none; else 412."}
_ETAG: Final = {"ETag": "The revision, in quotes."}

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_records",
        "GET",
        _ALL,
        _list,
        tag=TAG,
        summary="List records",
        description="Deleted records, and records of which no version was ever accepted, are not listed.",
        parameters=EntityPath,
        query=Page,
        body=NO_BODY,
        responses=[Response(200, "A page of records, without their content.", RecordPage)],
    ),
    operation(
        "get_record",
        "GET",
        _ONE,
        _get,
        tag=TAG,
        summary="Read a record",
        parameters=RecordPath,
        query=Nothing,
        body=NO_BODY,
        request_headers={"If-None-Match": "The ETag of the revision that the client has; 304 where it is the newest."},
        responses=[
            Response(200, "The record.", RecordView, headers=_ETAG),
            Response(304, "The client has the newest revision.", media_type=None, headers=_ETAG),
        ],
    ),
    operation(
        "put_record",
        "PUT",
        _ONE,
        _put,
        tag=TAG,
        summary="Create or change a record",
        description="Send the whole record each time; the same content again changes nothing and notifies nobody. "
        "Partners that may see it are notified of every change.",
        parameters=RecordPath,
        query=Nothing,
        body=_RECORD,
        request_headers=_CONDITIONS,
        responses=[
            Response(200, "The record was there: changed, or unchanged.", PutView, headers=_ETAG),
            Response(201, "The record is new.", PutView, headers=_ETAG),
        ],
        errors={
            409: "A record of this id was deleted; ids are never used again.",
            412: "The record is not at the revision that If-Match names, or If-None-Match forbids that there is one.",
            422: "The record is refused, for the reasons in problems.",
        },
    ),
    operation(
        "delete_record",
        "DELETE",
        _ONE,
        _delete,
        tag=TAG,
        summary="Delete a record",
        description="Partners do not see it any more and are notified. Its id is never used again. A version that was "
        "refused under its id is forgotten.",
        parameters=RecordPath,
        query=Nothing,
        body=NO_BODY,
        request_headers=_IF_MATCH,
        responses=[Response(204, "It is deleted.", media_type=None)],
        errors={
            409: "Its state forbids that it is deleted.",
            412: "The record is not at the revision that If-Match names.",
        },
    ),
    operation(
        "list_refusals",
        "GET",
        "/api/v1/heis/{hei_id}/refusals",
        _list_refusals,
        tag=TAG,
        summary="List refused versions",
        description="Each stays until an accepted version replaces it.",
        parameters=HeiPath,
        query=RefusalsQuery,
        body=NO_BODY,
        responses=[Response(200, "A page of refusals, with their reasons.", RefusalPage)],
    ),
)
