"""Incoming Mobilities API 2 and 1, and the notifications of nominations and arrivals (SQLite and PostgreSQL)."""

from __future__ import annotations

from typing import Any

import pytest
from support.callers import Caller, Reply
from support.nodes import RunningNode, utc_now

from ewpgw.apis.running import notifications
from ewpgw.documents.schemas import default as schemas
from ewpgw.records import Incoming, Records
from ewpgw.store import work
from ewpgw.store.work import WorkKind

NORTH, SOUTH, WEST = "north.example", "south.example", "west.example"
GET, GET_1 = "/imobilities/v2/get", "/imobilities/v1/get"
OURS = ("receiving_hei_id", NORTH)


@pytest.fixture
def ours(node: RunningNode) -> Records:
    """The way in for records, without what decisions add to them."""
    return Records(node.store, schemas(), notifications(), utc_now, lambda: None)


async def put(ours: Records, omobility_id: str, partner: str = SOUTH, **given: Any) -> None:
    document = {"omobility_id": omobility_id, "sending_hei_id": partner, **given}
    outcome = await ours.put(NORTH, "imobilities", Incoming(None, document=document), source="test")
    assert outcome.result in ("created", "changed"), outcome


def ids(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    assert schemas().faults(reply.root) == []
    return reply.texts("omobility-id")


async def test_the_sending_institution_gets_the_dates_and_in_version_1_the_decision(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    await put(ours, "s1", actual_arrival_date="2026-09-01", status="rejected", comment="No room.")
    newer = await south.post(node.url(GET), ("omobility_id", "s1"))
    older = await south.get(node.url(GET_1), OURS, ("omobility_id", "s1"))
    assert ids(newer) == ids(older) == ["s1"]
    assert newer.texts("actual-arrival-date") == older.texts("actual-arrival-date") == ["2026-09-01"]
    assert (newer.texts("status"), newer.texts("comment")) == ([], [])
    assert (older.texts("status"), older.texts("comment")) == (["rejected"], ["No room."])


async def test_what_was_approved_is_verified_in_version_1(node: RunningNode, ours: Records, south: Caller) -> None:
    await put(ours, "s1", status="approved")
    await put(ours, "s2")
    reply = await south.get(node.url(GET_1), OURS, ("omobility_id", "s1"), ("omobility_id", "s2"))
    assert reply.texts("status") == ["verified", "pending"]


async def test_two_institutions_with_the_same_identifier_each_get_their_own(
    node: RunningNode, ours: Records, south: Caller, west: Caller
) -> None:
    await put(ours, "m1", SOUTH, actual_arrival_date="2026-09-01")
    await put(ours, "m1", WEST, actual_arrival_date="2026-10-10")
    await put(ours, "m2", WEST)
    asked = [("omobility_id", "m1"), ("omobility_id", "m2")]
    reply = await south.post(node.url(GET), *asked)
    assert (ids(reply), reply.texts("actual-arrival-date")) == (["m1"], ["2026-09-01"])
    reply = await west.post(node.url(GET_1), OURS, *asked)
    assert (ids(reply), reply.texts("actual-arrival-date")) == (["m1", "m2"], ["2026-10-10"])
    assert ids(await south.post(node.url(GET), ("omobility_id", f"{WEST}:m1"))) == []


async def test_in_version_1_another_institutions_students_are_none(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    await put(ours, "s1")
    assert ids(await south.post(node.url(GET_1), ("receiving_hei_id", WEST), ("omobility_id", "s1"))) == []


async def wanted(node: RunningNode) -> set[tuple[str, str, str]]:
    found = await work.list_rows(node.store, kinds=[WorkKind.REFRESH])
    return {(row.key.partner, row.key.api, row.key.item) for row in found}


@pytest.mark.parametrize(
    ("path", "owner", "api"),
    [
        ("/omobility-cnr/v2", None, "omobilities"),
        ("/omobility-cnr/v1", "sending_hei_id", "omobilities"),
        ("/imobility-cnr/v2", None, "imobilities"),
        ("/imobility-cnr/v1", "receiving_hei_id", "imobilities"),
    ],
)
async def test_a_notification_makes_the_caller_be_asked_for_each_id(
    node: RunningNode, south: Caller, path: str, owner: str | None, api: str
) -> None:
    named = [(owner, SOUTH)] if owner else []
    reply = await south.post(node.url(path), *named, ("omobility_id", "m1"), ("omobility_id", "m2"))
    assert reply.status == 200
    assert schemas().faults(reply.root) == []
    assert await wanted(node) == {(SOUTH, api, "m1"), (SOUTH, api, "m2")}
    assert len(node.woken) == 1


@pytest.mark.parametrize(
    ("path", "owner"), [("/omobility-cnr/v1", "sending_hei_id"), ("/imobility-cnr/v1", "receiving_hei_id")]
)
async def test_nobody_tells_of_changes_at_another_institution(
    node: RunningNode, south: Caller, path: str, owner: str
) -> None:
    reply = await south.post(node.url(path), (owner, WEST), ("omobility_id", "m1"))
    assert reply.status == 400
    assert (WEST in reply.developer_message, SOUTH in reply.developer_message) == (True, True)
    assert await wanted(node) == set()


@pytest.mark.parametrize("omobility_id", ["", "a b", "x" * 65])
async def test_what_cannot_be_an_identifier_is_400(node: RunningNode, south: Caller, omobility_id: str) -> None:
    reply = await south.post(node.url("/omobility-cnr/v2"), ("omobility_id", "m1"), ("omobility_id", omobility_id))
    assert reply.status == 400
    assert await wanted(node) == set()
