"""IIA CNR API 3: a notification is stored before it is answered, once, whatever the id (SQLite and PostgreSQL)."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.authority import key_of
from support.callers import Caller, calling
from support.nodes import RunningNode, running_node

from ewpgw.store import work
from ewpgw.store.work import WorkKey, WorkKind

CNR = "/iia-cnr/v3"


async def rows(node: RunningNode) -> dict[str, int]:
    """How often each id's refresh is wanted."""
    found = await work.list_rows(node.store, kinds=[WorkKind.REFRESH])
    return {f"{row.key.partner} {row.key.item}": row.wanted for row in found}


async def test_a_notification_becomes_a_refresh_of_the_callers_id(node: RunningNode, south: Caller) -> None:
    reply = await south.post(node.url(CNR), ("iia_id", "theirs-1"))
    assert reply.status == 200
    row = await work.get(node.store, WorkKey(WorkKind.REFRESH, "north.example", "south.example", "iias", "theirs-1"))
    assert row is not None
    assert row.state == work.WorkState.DUE
    assert len(node.woken) == 1, "the work loop is told at once"


async def test_several_notifications_of_one_id_are_one_piece_of_work(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    for _ in range(3):
        assert (await south.post(node.url(CNR), ("iia_id", "x"))).status == 200
    assert (await west.post(node.url(CNR), ("iia_id", "x"))).status == 200
    assert await rows(node) == {"south.example x": 3, "west.example x": 1}


async def test_a_replayed_notification_is_400_and_not_counted(node: RunningNode, south: Caller) -> None:
    draft = south.draft(node.url(CNR), [("iia_id", "x")])
    assert (await south.send(draft)).status == 200
    again = await south.send(draft)
    assert again.status == 400
    assert "used before" in again.developer_message
    assert await rows(node) == {"south.example x": 1}


async def test_a_notification_replayed_at_another_replica_is_400(store_url: str, tmp_path: Path) -> None:
    url = "https://localhost:9999/north.example"
    async with (
        running_node(store_url, tmp_path, public_url=url, behind_proxy=True) as one,
        running_node(store_url, tmp_path, public_url=url, behind_proxy=True) as two,
        calling(key_of("south.example"), key_of("north.example").public) as south,
    ):
        draft = south.draft(f"{url}{CNR}", [("iia_id", "x")])
        assert (await south.send(draft.but(url=one.url(CNR)))).status == 200
        assert (await south.send(draft.but(url=two.url(CNR)))).status == 400
        assert await rows(one) == {"south.example x": 1}


async def test_the_same_request_id_of_another_key_is_another_request(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    request_id = "dc05b425-4e86-4106-8dde-1257fccf53e5"
    for caller in (south, west):
        draft = caller.draft(node.url(CNR), [("iia_id", "x")], request_id=request_id)
        assert (await caller.send(draft)).status == 200


async def test_a_refused_notification_uses_no_request_id_up(node: RunningNode, south: Caller) -> None:
    request_id = "dc05b425-4e86-4106-8dde-1257fccf53e5"
    assert (await south.send(south.draft(node.url(CNR), request_id=request_id))).status == 400
    draft = south.draft(node.url(CNR), [("iia_id", "x")], request_id=request_id)
    assert (await south.send(draft)).status == 200


@pytest.mark.parametrize("iia_id", ["", "a b", "ä", "x" * 65, "a\nb"])
async def test_what_cannot_be_an_identifier_is_400(node: RunningNode, south: Caller, iia_id: str) -> None:
    reply = await south.post(node.url(CNR), ("iia_id", iia_id))
    assert reply.status == 400
    assert await rows(node) == {}


async def test_an_id_that_nobody_has_is_still_200(node: RunningNode, south: Caller) -> None:
    assert (await south.post(node.url(CNR), ("iia_id", "never-existed"))).status == 200
