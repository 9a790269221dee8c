"""Which partners' indexes are to be read: all we share something with, once in each period."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

import pytest
from support.outgoing import NORTH, SOUTH, WEST, Clock, Outgoing, agreement, index, pull
from support.partners import FakePartner, Says, error
from support.waiting import eventually

from ewpgw.apis.running import APIS, chosen
from ewpgw.documents.schemas import default as schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.network.pulls import PullSchedule
from ewpgw.records import Incoming, Records
from ewpgw.store import Store, copies, work
from ewpgw.store.copies import CopyKey
from ewpgw.store.copies import Received as ReceivedCopy
from ewpgw.store.work import WorkKind, WorkState

INDEX = "iias/v7/index"
DAY = timedelta(hours=24)
_WITH_AGREEMENTS = {api.name for api in APIS if api.one_per_hei or "iias" in (api.subject, api.expected_from)}
APIS_PULLED = len({api.name for api in APIS if api.pulled} & _WITH_AGREEMENTS)
"""Each partner of an agreement is pulled by so many APIs."""


async def have_copy(north: Outgoing, partner: str, *, gone: bool = False) -> None:
    key = CopyKey(NORTH, "iias", partner, "x1")
    async with north.store.transaction() as tx:
        await copies.put_received(tx, key, ReceivedCopy(b"", "{}", "x1"), north.clock())
    if gone:
        async with north.store.transaction() as tx:
            await copies.mark_gone(tx, key, north.clock())


async def have_record(north: Outgoing, partner: str) -> None:
    records = Records(north.store, schemas(), {}, north.clock, lambda: None)
    xml = agreement("n1", owner=NORTH, other=partner)
    outcome = await records.put(NORTH, "iias", Incoming("n1", xml=xml), source="test")
    assert outcome.result == "created", outcome


async def wanted(north: Outgoing) -> set[str]:
    """The partners whose pull is due, now or later."""
    rows = await work.list_rows(north.store, kinds=[WorkKind.PULL], states=[WorkState.DUE])
    return {row.key.partner for row in rows}


async def test_partners_of_records_and_of_copies_are_pulled_and_nobody_else(
    north: Outgoing, south: FakePartner
) -> None:
    await have_record(north, SOUTH)
    await have_copy(north, WEST)
    assert await north.schedule().want_missing() == 2 * APIS_PULLED
    assert await wanted(north) == {SOUTH, WEST}
    assert north.woken == 1


async def test_a_partner_of_records_and_copies_is_pulled_once(north: Outgoing) -> None:
    await have_record(north, SOUTH)
    await have_copy(north, SOUTH)
    assert await north.schedule().want_missing() == APIS_PULLED


async def test_a_partner_whose_copies_are_all_gone_is_pulled_still(north: Outgoing) -> None:
    """It may make a new agreement, and its notification may be lost."""
    await have_copy(north, SOUTH, gone=True)
    assert await north.schedule().want_missing() == APIS_PULLED


async def test_without_partners_nothing_is_pulled(north: Outgoing) -> None:
    assert await north.schedule().want_missing() == 0
    assert north.woken == 0


async def test_an_api_that_the_hei_does_not_run_is_not_pulled(north: Outgoing) -> None:
    await have_copy(north, SOUTH)
    without = [api for api in chosen(("institutions",)) if api.entity in ENTITIES]
    schedule = PullSchedule(north.store, {NORTH: without}, every=DAY, now=north.clock, on_work=lambda: None)
    assert await schedule.want_missing() == 0


async def test_pulls_are_spread_over_the_next_hour(north: Outgoing, clock: Clock) -> None:
    partners = [f"p{number}.example" for number in range(30)]
    for partner in partners:
        await have_copy(north, partner)
    await north.schedule().want_missing()
    delays = {(await north.row(pull(partner))).next_attempt_at - clock() for partner in partners}
    assert len(delays) > 20
    assert all(timedelta(0) < delay <= timedelta(hours=1) for delay in delays)


async def test_a_pull_that_is_due_is_not_wanted_twice(north: Outgoing, clock: Clock) -> None:
    await have_copy(north, SOUTH)
    await north.schedule().want_missing()
    clock.pass_(days=3)
    assert await north.schedule().want_missing() == 0
    assert (await north.row(pull())).wanted == 1


@pytest.mark.parametrize(
    ("answers", "state"),
    [([Says(index())], WorkState.DONE), ([error(400, "no")], WorkState.FAILED)],
    ids=["done", "failed"],
)
async def test_a_pull_is_wanted_again_after_its_period_and_not_before_also_after_a_restart(
    north: Outgoing, south: FakePartner, clock: Clock, store_url: str, answers: Iterable[Says], state: WorkState
) -> None:
    await have_copy(north, SOUTH)
    south.script(INDEX, *answers)
    await north.schedule(every=DAY).want_missing()
    clock.pass_(hours=1)
    await north.work_off_only(WorkKind.PULL)
    assert (await north.row(pull())).state is state
    restarted = await Store.open(store_url)
    try:
        schedule = PullSchedule(restarted, {NORTH: APIS}, every=DAY, now=clock, on_work=lambda: None)
        assert await schedule.want_missing() == 0
        clock.pass_(hours=23)
        assert await schedule.want_missing() == 0
        clock.pass_(hours=2)
        assert await schedule.want_missing() == APIS_PULLED
        assert await schedule.want_missing() == 0
    finally:
        await restarted.close()
    assert (await north.row(pull())).wanted == 2


async def test_the_schedule_looks_as_soon_as_it_runs(north: Outgoing) -> None:
    await have_copy(north, SOUTH)
    running = asyncio.create_task(north.schedule().run())
    await eventually(lambda: wanted(north))
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
