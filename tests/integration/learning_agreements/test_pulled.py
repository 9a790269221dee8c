"""The nightly pull of learning agreements: what no notification told of is found in the partner's index.

North's notifications never leave; all that South knows comes from its own looking.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.learning import ENTITY, NORTH, SOUTH, P, changes, learning, signer
from support.two_gateways import Gateway, Members, Ticking, Wire

from ewpgw.learning_agreements.received import load
from ewpgw.model.learning_agreement_standing import Stage
from ewpgw.preparing import Incoming
from ewpgw.store import copies, feed, work
from ewpgw.store.copies import CopyKey, CopyState
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkKey, WorkKind

GET, INDEX = (f"/{NORTH}/omobility-las/v1/{name}" for name in ("get", "index"))


class Night:
    """Two gateways, and the nights between them."""

    def __init__(self, folder: Path) -> None:
        self.wire, self.clock, members = Wire(conflicts=True), Ticking(), Members(folder)
        self.north, self.south = (Gateway(members, hei, folder, self.wire, self.clock) for hei in (NORTH, SOUTH))

    async def put(self, omobility_id: str, partner: str = SOUTH, **named: Any) -> None:
        given = Incoming(omobility_id, learning(NORTH, omobility_id, partner, **named))
        assert (await self.north.records.put(NORTH, ENTITY, given, source="test")).result in ("created", "changed")

    async def change(self, omobility_id: str) -> None:
        given = Incoming(omobility_id, changes(NORTH, omobility_id, SOUTH))
        assert (await self.north.records.put(NORTH, ENTITY, given, source="test")).result == "changed"

    async def passes(self) -> list[str]:
        """South looks after a day, if anything calls for it; what of North's it asked for, in order."""
        before = len(self.wire.served)
        self.clock.pass_(hours=25)
        await self.south.schedule.want_missing()
        self.clock.pass_(hours=2)
        await self.work()
        return [path for _, path, _ in self.wire.served[before:] if path in (GET, INDEX)]

    async def work(self) -> None:
        while due := [key for key in await self.south.due() if key.api == ENTITY]:
            await self.south.work_on(due[0])

    async def stage(self, omobility_id: str) -> Stage:
        """Where an agreement stands, as South knows it."""
        known = await load(self.south.store, SOUTH, NORTH, omobility_id)
        assert known is not None
        return known.standing.stage

    async def told(self) -> list[tuple[FeedKind, str | None]]:
        entries = await feed.read(self.south.store, SOUTH, 0, 1000)
        return [(entry.kind, entry.id) for entry in entries if entry.entity == ENTITY]


@pytest.fixture
async def night(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Night]:
    """South has found the agreements n1 and n2 by a first look, as a new partner's are found."""
    made = await asyncio.to_thread(Night, tmp_path_factory.mktemp("night"))
    for gateway in (made.north, made.south):
        await gateway.open()
    await made.put("n1")
    await made.put("n2")
    await made.put("w1", "west.example")
    made.clock.pass_(hours=2)  # what changed within an hour before a look is fetched once more
    async with made.south.store.transaction() as tx:
        await work.want(tx, WorkKey(WorkKind.PULL, SOUTH, NORTH, ENTITY, ""), made.clock())
    await made.work()
    yield made
    for gateway in (made.north, made.south):
        await gateway.crash()


async def test_what_a_partner_proposes_is_found_without_a_notification(night: Night) -> None:
    assert [await night.stage(item) for item in ("n1", "n2")] == [Stage.FIRST_PROPOSED] * 2
    assert await night.told() == [(FeedKind.COPY_CHANGED, "n1"), (FeedKind.COPY_CHANGED, "n2")]
    assert await load(night.south.store, SOUTH, NORTH, "w1") is None, "it is with another institution"


async def test_each_night_only_what_is_new_or_changed_is_fetched(night: Night) -> None:
    assert await night.passes() == [INDEX, INDEX], "what there is, and what has changed since"
    await night.put("n1", **{f"{P}__components_studied__0__title": "Set theory"})
    await night.put("n3")
    assert await night.passes() == [INDEX, INDEX, GET, GET]
    assert (await night.told())[2:] == [(FeedKind.COPY_CHANGED, "n1"), (FeedKind.COPY_CHANGED, "n3")]
    assert await night.passes() == [INDEX, INDEX]


async def test_an_agreement_that_is_no_longer_listed_is_seen_to_be_gone(night: Night) -> None:
    assert await night.north.records.delete(NORTH, ENTITY, "n2", source="test")
    assert await night.passes() == [INDEX, INDEX, GET]
    copy = await copies.get(night.south.store, CopyKey(SOUTH, ENTITY, NORTH, "n2"))
    assert copy is not None
    assert copy.state is CopyState.GONE
    assert (await night.told())[-1] == (FeedKind.COPY_GONE, "n2")


async def test_a_whole_life_is_followed_by_pulls_alone(night: Night) -> None:
    service, store = night.south.learning_agreements, night.south.store

    async def seen() -> str:
        known = await load(store, SOUTH, NORTH, "n1")
        assert known is not None
        return str(known.standing.proposal_id)

    await service.approve(SOUTH, NORTH, "n1", proposal_id=await seen(), signer=signer(SOUTH))
    await night.passes()
    assert await night.stage("n1") is Stage.AGREED
    await night.change("n1")
    await night.passes()
    assert await night.stage("n1") is Stage.CHANGES_PROPOSED
    await service.comment(SOUTH, NORTH, "n1", proposal_id=await seen(), comment="No", signer=signer(SOUTH))
    await night.passes()
    assert await night.stage("n1") is Stage.CHANGES_REJECTED
