"""Telling partners of changes: once, again after failures, and not for ever (ewp-specs-architecture, CNR sender)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from support.outgoing import NORTH, NOTIFIED, SOUTH, WEST, Clock, Outgoing, delivery, outgoing, working
from support.partners import FakePartner, Says, catalogue_with, error, fake_partner
from support.stores import cabled_store
from support.waiting import eventually

from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkState

CNR = "iia-cnr/v3"


async def test_a_change_is_told_by_one_signed_post_with_the_id_in_the_body(north: Outgoing, south: FakePartner) -> None:
    south.script(CNR, Says(NOTIFIED))
    await north.want(delivery("n1"))
    await north.work_off()
    (sent,) = south.received
    assert (sent.method, sent.target, sent.parameters) == ("POST", "/south.example/iia-cnr/v3", [("iia_id", "n1")])
    row = await north.row(delivery("n1"))
    assert (row.state, row.last_status, row.last_error) == (WorkState.DONE, 200, None)
    assert await north.feed() == [], "what went well is no news to the SIS"


async def test_each_partner_and_each_thing_is_a_call_of_its_own(
    north: Outgoing, south: FakePartner, tmp_path: Path, clock: Clock
) -> None:
    async with fake_partner(tmp_path, clock, hei_id=WEST) as west:
        north.catalogue = catalogue_with(south.manifest(), west.manifest())
        for partner in (south, west):
            partner.script(CNR, Says(NOTIFIED))
        await north.want(delivery("n1"), delivery("n2"), delivery("n1", WEST))
        await north.work_off()
        assert sorted(sent.parameters for sent in south.received) == [[("iia_id", "n1")], [("iia_id", "n2")]]
        assert [sent.parameters for sent in west.received] == [[("iia_id", "n1")]]


async def test_several_changes_before_the_call_are_one_call(north: Outgoing, south: FakePartner) -> None:
    south.script(CNR, Says(NOTIFIED))
    for _ in range(5):
        await north.want(delivery())
    await north.work_off()
    assert len(south.received) == 1
    row = await north.row(delivery())
    assert (row.wanted, row.done) == (5, 5)


async def test_a_change_during_the_call_is_told_by_another_call(north: Outgoing, south: FakePartner) -> None:
    """The partner may have fetched before the change, so the call under way does not tell of it."""
    answer = asyncio.Event()
    south.script(CNR, Says(NOTIFIED, held=answer), Says(NOTIFIED))
    await north.want(delivery())
    async with working(north.worker()):
        await eventually(lambda: south.received)
        await north.want(delivery())
        answer.set()
        await eventually(lambda: len(south.received) == 2)
        await eventually(north.idle)
    assert (await north.row(delivery())).state is WorkState.DONE
    assert len(south.received) == 2


async def test_a_delivered_thing_that_changes_again_is_told_again(north: Outgoing, south: FakePartner) -> None:
    south.script(CNR, Says(NOTIFIED))
    for _ in range(2):
        await north.want(delivery())
        await north.work_off()
    assert len(south.received) == 2


@pytest.mark.parametrize(
    "failing",
    [
        error(500, "broken"),
        error(503, "maintenance"),
        error(429, "slowly"),
        Says(b"<html>Bad Gateway</html>", 502, signed=False, content_type="text/html"),
        Says(cut_after=-1),
        Says(NOTIFIED, signed=False),
    ],
    ids=["500", "503", "429", "html", "connection closed", "unsigned"],
)
async def test_a_failure_that_may_pass_is_retried_until_it_has(
    north: Outgoing, south: FakePartner, clock: Clock, failing: Says
) -> None:
    south.script(CNR, failing, failing, Says(NOTIFIED))
    await north.want(delivery())
    for attempts in (1, 2):
        await north.work_off()
        row = await north.row(delivery())
        assert (row.state, row.attempts) == (WorkState.DUE, attempts)
        assert row.last_error
        assert row.next_attempt_at > clock()
        clock.moment = row.next_attempt_at
    await north.work_off()
    row = await north.row(delivery())
    assert (row.state, row.attempts, row.last_error) == (WorkState.DONE, 0, None)
    assert len(south.received) == 3
    assert await north.feed() == []


async def test_the_pauses_between_retries_grow_to_the_longest(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    south.script(CNR, error(500, "broken"))
    await north.want(delivery())
    pauses: list[float] = []
    for _ in range(10):
        await north.work_off(north.worker(first_retry=timedelta(seconds=30), longest_retry=timedelta(seconds=3600)))
        pauses.append(((await north.row(delivery())).next_attempt_at - clock()).total_seconds())
        clock.pass_(seconds=pauses[-1])
    # Each pause is up to a quarter longer at random, so a doubled one is longer in any case.
    assert all(later > earlier for earlier, later in pairwise(pauses[:7]))
    assert 30 <= pauses[0] <= 37.5
    assert all(3600 <= pause <= 4500 for pause in pauses[7:])


async def test_nothing_is_sent_before_its_time(north: Outgoing, south: FakePartner, clock: Clock) -> None:
    south.script(CNR, error(500, "broken"), Says(NOTIFIED))
    await north.want(delivery())
    await north.work_off()
    clock.moment = (await north.row(delivery())).next_attempt_at - timedelta(seconds=1)
    await north.work_off()
    assert len(south.received) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 405])
async def test_a_refusal_is_not_repeated_but_shown_with_the_partners_words(
    north: Outgoing, south: FakePartner, clock: Clock, status: int
) -> None:
    south.script(CNR, error(status, "iia_id is not one of ours"))
    await north.want(delivery())
    await north.work_off()
    clock.pass_(days=30)
    await north.work_off()
    assert len(south.received) == 1
    row = await north.row(delivery())
    assert (row.state, row.last_status) == (WorkState.FAILED, status)
    assert row.last_error is not None
    assert "iia_id is not one of ours" in row.last_error
    (entry,) = await north.feed()
    assert (entry.kind, entry.hei_id, entry.partner, entry.id) == (FeedKind.DELIVERY_FAILED, NORTH, SOUTH, "n1")


async def test_an_error_under_status_200_is_not_taken_for_delivered(north: Outgoing, south: FakePartner) -> None:
    """PROTOCOL, What breaks in the field, 6."""
    south.script(CNR, error(200, "table iia_cnr is missing"))
    await north.want(delivery())
    await north.work_off()
    row = await north.row(delivery())
    assert row.state is WorkState.FAILED
    assert "table iia_cnr is missing" in (row.last_error or "")


async def test_a_new_change_after_a_refusal_is_told(north: Outgoing, south: FakePartner) -> None:
    south.script(CNR, error(400, "no"), Says(NOTIFIED))
    await north.want(delivery())
    await north.work_off()
    await north.want(delivery())
    await north.work_off()
    assert len(south.received) == 2
    assert (await north.row(delivery())).state is WorkState.DONE


async def test_a_new_change_does_not_wait_for_the_retry_of_an_older_one(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    south.script(CNR, error(500, "broken"), Says(NOTIFIED))
    await north.want(delivery())
    await north.work_off()
    await north.want(delivery())
    await north.work_off()
    assert len(south.received) == 2
    assert (await north.row(delivery())).state is WorkState.DONE


async def test_what_fails_for_longer_than_our_patience_expires_and_is_shown(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    patience = timedelta(hours=24)
    south.script(CNR, error(503, "closed for the summer"))
    began = clock()
    await north.want(delivery())
    state = WorkState.DUE
    for _ in range(40):
        await north.work_off(north.worker(give_up_after=patience, longest_retry=timedelta(hours=6)))
        row = await north.row(delivery())
        state = row.state
        if state is not WorkState.DUE:
            break
        clock.moment = row.next_attempt_at
    assert state is WorkState.EXPIRED
    assert clock() - began > patience, "the network demands at least a day"
    assert "closed for the summer" in (row.last_error or "")
    assert [entry.kind for entry in await north.feed()] == [FeedKind.DELIVERY_FAILED]
    calls = len(south.received)
    clock.pass_(days=30)
    await north.work_off()
    assert len(south.received) == calls


async def test_an_expired_delivery_begins_anew_with_the_next_change(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    south.script(CNR, error(503, "closed"))
    await north.want(delivery())
    await north.work_off()
    clock.pass_(days=4)
    await north.work_off()
    assert (await north.row(delivery())).state is WorkState.EXPIRED
    await north.want(delivery())
    await north.work_off()
    row = await north.row(delivery())
    assert (row.state, row.attempts) == (WorkState.DUE, 1), "the new change has its own full time of retries"
    assert len(await north.feed()) == 1


async def test_a_partner_that_the_catalogue_does_not_list_yet_is_told_when_it_does(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    listed, north.catalogue = north.catalogue, catalogue_with()
    south.script(CNR, Says(NOTIFIED))
    await north.want(delivery())
    await north.work_off()
    row = await north.row(delivery())
    assert row.state is WorkState.DUE
    assert "lists no iia-cnr API" in (row.last_error or "")
    north.catalogue = listed
    clock.moment = row.next_attempt_at
    await north.work_off()
    assert (await north.row(delivery())).state is WorkState.DONE


async def test_a_hanging_partner_does_not_stop_the_others(
    store_url: str, south: FakePartner, tmp_path: Path, clock: Clock
) -> None:
    async with fake_partner(tmp_path, clock, hei_id=WEST) as west:
        async with outgoing(store_url, tmp_path, clock, south, west) as north:
            answer = asyncio.Event()
            south.script(CNR, Says(NOTIFIED, held=answer))
            west.script(CNR, Says(NOTIFIED))
            await north.want(*(delivery(f"n{number}") for number in range(20)))
            clock.pass_(seconds=1)
            await north.want(*(delivery(f"n{number}", WEST) for number in range(10)))
            async with working(north.worker(concurrency=8)):
                # Everything due at south is due longer, and none of it ends.
                await eventually(lambda: len(west.received) == 10)
                assert len(south.received) == 2, "a quarter of the places at most"
                answer.set()
                await eventually(north.idle)
            assert len(south.received) == 20


async def test_a_call_that_outlived_its_lease_does_not_count_as_delivered(
    north: Outgoing, south: FakePartner, store_url: str, clock: Clock
) -> None:
    late = asyncio.Event()
    south.script(CNR, Says(NOTIFIED, held=late), Says(NOTIFIED))
    await north.want(delivery())
    with capture_logs() as logs:
        async with working(north.worker(lease=timedelta(seconds=120))):
            await eventually(lambda: south.received)
            clock.pass_(seconds=121)
            async with cabled_store(store_url) as (replica, _):
                await north.work_off(north.worker(store=replica, handlers=north.handlers_on(replica)))
            late.set()
    ends = [entry["event"] for entry in logs if entry.get("item") == "n1"]
    assert ends == ["work.done", "work.lease_lost"]
    assert (await north.row(delivery())).state is WorkState.DONE
