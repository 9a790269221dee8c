"""The slow round: a partner that shares nothing with us yet, and whose first notification was lost, is found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from lxml import etree
from support.outgoing import NORTH, SOUTH, Clock, Outgoing, agreement, index, pull, refresh
from support.partners import FakePartner, Says, catalogue_with, error
from support.waiting import eventually

from ewpgw.apis.running import APIS
from ewpgw.network.catalogue import Catalogue
from ewpgw.network.slow_round import SlowRound
from ewpgw.store import copies, feed, work
from ewpgw.store.copies import CopyKey
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkKind, WorkState

WEEK = timedelta(days=7)
INDEX, GET = "iias/v7/index", "iias/v7/get"


def slow_round(north: Outgoing, every: timedelta = WEEK) -> SlowRound:
    def woken() -> None:
        north.woken += 1

    return SlowRound(north.store, {NORTH: APIS}, lambda: north.catalogue, every=every, now=north.clock, on_work=woken)


async def asked(north: Outgoing) -> set[str]:
    """The partners whose list of agreements is, or was, to be read."""
    rows = await work.list_rows(north.store, kinds=[WorkKind.PULL], api="iias", limit=1000)
    return {row.key.partner for row in rows}


def network_of(south: FakePartner, members: Iterable[str]) -> Catalogue:
    """The catalogue of a network whose members all offer what South does."""
    pattern = replace(south.manifest(), client_keys=(), server_keys=())
    assert pattern.institution is not None
    manifests = []
    for name in members:
        texts = [etree.tostring(api).replace(SOUTH.encode(), name.encode()) for api in pattern.apis]
        apis, institution = tuple(map(etree.fromstring, texts)), replace(pattern.institution, hei_id=name)
        manifests.append(replace(pattern, url=f"https://{name}/", institution=institution, apis=apis))
    return catalogue_with(*manifests)


async def test_an_agreement_whose_notification_was_lost_is_found_though_nothing_was_shared(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    assert await north.schedule().want_missing() == 0, "nothing is shared"
    south.script(INDEX, Says(index("s1")))
    south.script(GET, Says(agreement("s1")))
    await slow_round(north).want_next()
    assert north.woken == 1
    clock.pass_(minutes=10)
    await north.work_off_only(WorkKind.PULL)
    assert (await north.row(refresh())).state is WorkState.DUE
    await north.work_off_only(WorkKind.REFRESH)
    assert await copies.get(north.store, CopyKey(NORTH, "iias", SOUTH, "s1")) is not None
    assert await north.schedule().want_missing() > 0, "from now on it is a partner"


async def test_everybody_is_asked_once_in_a_period_and_never_many_at_once(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    members = [f"p{number:03}.example" for number in range(100)]
    north.catalogue = network_of(south, [*members, NORTH])
    the_round, sizes = slow_round(north, timedelta(minutes=250)), set[int]()
    for _ in range(25):
        before = await asked(north)
        await the_round.want_next()
        sizes.add(len(await asked(north) - before))
        clock.pass_(minutes=10)
    assert await asked(north) == set(members), "all but ourselves"
    assert sizes == {4}


async def test_whoever_was_asked_is_not_asked_again_before_its_time(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    south.script(INDEX, Says(index()))
    assert await slow_round(north).want_next() > 0
    assert await slow_round(north).want_next() == 0
    clock.pass_(minutes=10)
    await north.work_off_only(WorkKind.PULL)
    clock.pass_(days=6)
    assert await slow_round(north).want_next() == 0
    clock.pass_(days=2)
    assert await slow_round(north).want_next() > 0


async def test_without_a_catalogue_nobody_is_asked(north: Outgoing) -> None:
    north.catalogue = None
    assert await slow_round(north).want_next() == 0


async def test_a_stranger_that_is_away_is_left_until_its_next_turn_and_nobody_is_told(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    south.script(INDEX, error(503, "away"))
    await slow_round(north).want_next()
    clock.pass_(minutes=10)
    await north.work_off_only(WorkKind.PULL)
    row = await north.row(pull())
    assert (row.state, row.last_status) == (WorkState.FAILED, 503)
    assert [entry.kind for entry in await feed.read(north.store, NORTH, 0, 100)] == []


async def test_a_partner_that_is_away_is_asked_until_a_person_is_told(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    async with north.store.transaction() as tx:
        key = CopyKey(NORTH, "iias", SOUTH, "s1")
        await copies.put_received(tx, key, copies.Received(b"", "{}", "s1"), clock())
    south.script(INDEX, error(503, "away"), error(400, "no"))
    await north.schedule().want_missing()
    clock.pass_(hours=1)
    await north.work_off_only(WorkKind.PULL)
    assert (await north.row(pull())).state is WorkState.DUE
    clock.pass_(hours=1)
    await north.work_off_only(WorkKind.PULL)
    assert (await north.row(pull())).state is WorkState.FAILED
    assert FeedKind.PULL_FAILED in [entry.kind for entry in await feed.read(north.store, NORTH, 0, 100)]


async def test_the_round_begins_as_soon_as_it_runs(north: Outgoing) -> None:
    running = asyncio.create_task(slow_round(north).run())
    await eventually(lambda: asked(north))
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
