"""A decision on its way from one gateway's client to another's server, and back into the first one's copy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.nodes import RunningNode, running_node
from support.nominating import nominated
from support.outgoing import NORTH, SOUTH, Clock, Outgoing, outgoing

from ewpgw.apis.running import notifications
from ewpgw.intake import intake
from ewpgw.model.omobility import KnownOmobility, Status
from ewpgw.nominations.received import load
from ewpgw.records import Incoming, Records
from ewpgw.store import decisions, nominations
from ewpgw.store.decisions import DecisionKey, DecisionState
from ewpgw.store.work import WorkKey, WorkKind

KEY = DecisionKey(NORTH, "omobilities", SOUTH, "s1")
REFRESH = WorkKey(WorkKind.REFRESH, NORTH, SOUTH, "omobilities", "s1")


@pytest.fixture
async def sending(tmp_path: Path, clock: Clock) -> AsyncIterator[RunningNode]:
    """South's public side."""
    store = f"sqlite:///{tmp_path}/south.db"
    async with running_node(store, tmp_path, hei_id=SOUTH, others=(NORTH,), now=clock) as node:
        yield node


@pytest.fixture
async def receiving(tmp_path: Path, clock: Clock, sending: RunningNode) -> AsyncIterator[Outgoing]:
    """North's calling side."""
    async with outgoing(f"sqlite:///{tmp_path}/north.db", tmp_path, clock) as side:
        side.catalogue = sending.catalogue
        yield side


@pytest.fixture
def souths(sending: RunningNode, clock: Clock) -> Records:
    return intake(sending.store, notifications(), clock, lambda: None).records


async def nominate(souths: Records, **changes: object) -> None:
    given = nominated(SOUTH, "s1", NORTH, **changes)
    assert (await souths.put(SOUTH, "omobilities", Incoming(None, document=given), source="test")).revision


async def look(north: Outgoing) -> KnownOmobility:
    """North fetches the nomination."""
    await north.want(REFRESH)
    await north.work_off_only(WorkKind.REFRESH)
    found = await load(north.store, NORTH, SOUTH, "s1")
    assert found is not None
    return found.record


async def status(node: RunningNode) -> Status:
    sent = await nominations.get(node.store, SOUTH, "s1")
    assert sent is not None
    return sent.standing.status


async def test_a_rejection_and_then_an_approval_arrive_and_are_seen_by_both(
    sending: RunningNode, receiving: Outgoing, souths: Records, clock: Clock
) -> None:
    await nominate(souths)
    seen = await look(receiving)
    first = seen.proposal_id
    await receiving.nominations.reject(NORTH, SOUTH, "s1", proposal_id=first, comment="Term?", by="liisa")
    await receiving.work_off_only(WorkKind.UPDATE)
    assert await status(sending) is Status.REJECTED
    assert (await look(receiving)).status == "rejected"
    clock.pass_(minutes=10)
    await nominate(souths, nomination__comment="The whole year.")
    seen = await look(receiving)
    assert (seen.status, seen.proposal_id != first) == ("pending", True)
    await receiving.nominations.approve(NORTH, SOUTH, "s1", proposal_id=seen.proposal_id)
    await receiving.work_off_only(WorkKind.UPDATE)
    assert await status(sending) is Status.APPROVED
    kept = await decisions.get(receiving.store, KEY)
    assert kept is not None
    assert (kept.state, kept.number) == (DecisionState.MADE, 2)


async def test_a_nomination_that_changed_meanwhile_is_not_decided_and_the_reason_comes_back(
    sending: RunningNode, receiving: Outgoing, souths: Records
) -> None:
    await nominate(souths)
    seen = await look(receiving)
    await receiving.nominations.approve(NORTH, SOUTH, "s1", proposal_id=seen.proposal_id)
    await nominate(souths, nomination__comment="The whole year.")
    await receiving.work_off_only(WorkKind.UPDATE)
    assert await status(sending) is Status.PENDING
    kept = await decisions.get(receiving.store, KEY)
    assert kept is not None
    assert kept.state is DecisionState.OVERTAKEN
    exchange = next(each for each in await receiving.exchanged() if each.endpoint == "update")
    assert (exchange.status, (kept.words or "no words") in exchange.response_body.decode()) == (409, True)
    await receiving.work_off_only(WorkKind.REFRESH)
    again = await load(receiving.store, NORTH, SOUTH, "s1")
    assert again is not None
    assert again.record.nomination.comment == "The whole year.", "the new proposal was fetched by itself"
    assert again.standing.status is Status.PENDING
    await receiving.nominations.approve(NORTH, SOUTH, "s1", proposal_id=again.record.proposal_id)
    await receiving.work_off_only(WorkKind.UPDATE)
    assert await status(sending) is Status.APPROVED
