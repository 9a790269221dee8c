"""Deletions that wait for a person, because an adapter's source lost too much at once: see them, confirm them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ewpgw.sis.errors import ApiError
from ewpgw.sis.operations import NO_BODY, Answer, Call, Nothing, Operation, Response, model_body, operation
from ewpgw.sis.parameters import HeiPath
from ewpgw.store import held_deletions

if TYPE_CHECKING:
    from ewpgw.store.held_deletions import HeldDeletion


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class HeldDeletionView(_Model):
    """Records of one kind that are gone from an adapter's source, and not deleted yet."""

    set: str = Field(description="The name of exactly these records, to confirm them by.")
    entity: str
    source: str = Field(description="The kind of the adapter.")
    count: int = Field(description="How many records are gone.")
    total: int = Field(description="How many there were, these included.")
    ids: list[str]
    held_at: datetime
    confirmed_at: datetime | None = Field(description="When they were confirmed; they are deleted within seconds.")
    confirmed_by: str | None


class HeldDeletionsView(_Model):
    """All deletions of a HEI that wait."""

    items: list[HeldDeletionView]


class ConfirmDeletions(_Model):
    """Which deletions a person wants."""

    set: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")] = Field(
        description="The `set` of what was listed. Another set, with a record more, needs another confirmation."
    )


async def _list(call: Call[HeiPath, Nothing, None]) -> Answer:
    held = await held_deletions.list_all(call.services.store, call.path.hei_id)
    return Answer(body=HeldDeletionsView(items=[_view(each) for each in held]))


async def _confirm(call: Call[HeiPath, Nothing, ConfirmDeletions]) -> Answer:
    by = call.caller.token if call.caller is not None else ""
    async with call.services.store.transaction() as tx:
        held = await held_deletions.confirm(tx, call.path.hei_id, call.body.set, by, call.services.now())
        if held is not None:
            answer = Answer(202, _view(held))
            await call.keep(tx, answer)
            return answer
    raise ApiError(
        404, "unknown-set", "no deletions of this name wait; list them again, they may have changed or come back"
    )


def _view(held: HeldDeletion) -> HeldDeletionView:
    return HeldDeletionView(
        set=held.set,
        entity=held.key.entity,
        source=held.key.source,
        count=len(held.ids),
        total=held.total,
        ids=list(held.ids),
        held_at=held.held_at,
        confirmed_at=held.confirmed_at,
        confirmed_by=held.confirmed_by,
    )


_TAG: Final = "Work"

OPERATIONS: tuple[Operation, ...] = (
    operation(
        "list_held_deletions",
        "GET",
        "/api/v1/heis/{hei_id}/held-deletions",
        _list,
        tag=_TAG,
        summary="See which deletions wait for a person",
        description="Where an adapter's source suddenly lacks a large part of the records of a kind, none of them is "
        "deleted: a file may be missing from an export, and the id of a deleted record can never be used again.",
        parameters=HeiPath,
        query=Nothing,
        body=NO_BODY,
        responses=[Response(200, "One set for each kind of record at most.", HeldDeletionsView)],
    ),
    operation(
        "confirm_held_deletions",
        "POST",
        "/api/v1/heis/{hei_id}/held-deletions/confirmations",
        _confirm,
        tag=_TAG,
        summary="Confirm deletions that wait",
        description="They are deleted for good when the source is read next, within seconds, if they are still gone.",
        parameters=HeiPath,
        query=Nothing,
        body=model_body(ConfirmDeletions, "Which set.", {"set": "0f3a9c21b7de"}),
        responses=[Response(202, "The set, confirmed.", HeldDeletionView)],
        errors={404: "No such set waits."},
        scope="admin",
    ),
)
