"""Mobility Factsheet API 1: served to everyone, to be cached (SQLite and PostgreSQL)."""

from __future__ import annotations

import pytest
from support.callers import Caller
from support.documents import factsheet
from support.nodes import RunningNode

from ewpgw.documents.schemas import default as schemas
from ewpgw.records import Incoming

URL = "/factsheet/v1"
OURS = ("hei_id", "north.example")


async def put(node: RunningNode, **changes: int) -> None:
    incoming = Incoming(None, document=factsheet("north.example", **changes))
    outcome = await node.records.put("north.example", "factsheet", incoming, source="test")
    assert outcome.result in ("created", "changed"), outcome


async def test_every_member_gets_the_factsheet(node: RunningNode, south: Caller, west: Caller) -> None:
    await put(node)
    for caller in (south, west):
        for reply in (await caller.get(node.url(URL), OURS), await caller.post(node.url(URL), OURS)):
            assert schemas().faults(reply.root) == []
            assert reply.texts("decision-weeks-limit") == ["4"]


async def test_unknown_institutions_are_left_out(node: RunningNode, south: Caller) -> None:
    await put(node)
    reply = await south.post(node.url(URL), ("hei_id", "nowhere.example"), OURS, OURS, ("hei_id", "NORTH.example"))
    assert reply.texts("hei-id") == ["north.example"]
    nobody = await south.post(node.url(URL), ("hei_id", "nowhere.example"))
    assert (nobody.status, len(nobody.root)) == (200, 0)


async def test_without_a_factsheet_the_answer_is_empty(node: RunningNode, south: Caller) -> None:
    reply = await south.get(node.url(URL), OURS)
    assert (reply.status, len(reply.root)) == (200, 0)
    assert schemas().faults(reply.root) == []


@pytest.mark.parametrize("said", ["{tag}", '"other", {tag}', "*"])
async def test_what_the_caller_has_already_is_not_sent_again(node: RunningNode, south: Caller, said: str) -> None:
    await put(node)
    first = await south.get(node.url(URL), OURS)
    assert first.header("cache-control") == "private, max-age=3600"
    tag = first.header("etag") or ""
    asking = {"If-None-Match": said.format(tag=tag)}
    again = await south.send(south.draft(node.url(URL), [OURS], method="GET", headers=asking))
    assert (again.status, again.body, again.header("etag")) == (304, b"", tag)
    await put(node, weeks=3)
    changed = await south.send(south.draft(node.url(URL), [OURS], method="GET", headers={"If-None-Match": tag}))
    assert (changed.status, changed.texts("decision-weeks-limit")) == (200, ["3"])
    assert changed.header("etag") != tag


async def test_a_header_that_nobody_signed_changes_nothing(node: RunningNode, south: Caller) -> None:
    await put(node)
    draft = south.draft(node.url(URL), [OURS], method="GET")
    reply = await south.send(draft.but(headers={**draft.headers, "If-None-Match": "*"}))
    assert reply.status == 200
