"""The work loop: leases, replicas, crashes, stopping, and a database that goes away."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs
from support.nodes import utc_now
from support.outgoing import SOUTH, Clock, Outgoing, agreement, delivery, refresh, working
from support.partners import FakePartner, Says, error
from support.stores import Cable, cabled_store
from support.waiting import eventually

from ewpgw.network.failures import Unreachable
from ewpgw.network.worker import Handler, LeaseLost, Patience, Worker
from ewpgw.store import Store, work
from ewpgw.store.feed import FeedKind, append
from ewpgw.store.work import Claim, WorkKind, WorkState

GET = "iias/v7/get"
LEASE = timedelta(seconds=120)


@pytest.fixture
async def replica(north: Outgoing, store_url: str) -> AsyncIterator[Store]:
    """Another store on the same database, as another process has it."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@dataclass
class Bench:
    """A handler that counts who does what at once; it waits for ``go`` and then finishes its row."""

    store: Store
    clock: Clock
    go: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: Counter[str] = field(default_factory=Counter)
    most_of_one: int = 0
    most: int = 0
    begun: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def on(self, store: Store) -> Handler:
        """The handler of a process with this store."""

        async def handle(claim: Claim) -> None:
            item = claim.key.item
            self.begun.append(item)
            self.at_once[item] += 1
            self.most_of_one = max(self.most_of_one, self.at_once[item])
            self.most = max(self.most, self.at_once.total())
            try:
                await self.go.wait()
                async with store.transaction() as tx:
                    if not await work.finish(tx, claim, self.clock()):
                        raise LeaseLost
                self.done.append(item)
            finally:
                self.at_once[item] -= 1

        return handle


@pytest.fixture
def bench(north: Outgoing, clock: Clock) -> Bench:
    return Bench(north.store, clock)


def refreshing(handler: Handler) -> dict[WorkKind, Handler]:
    return {WorkKind.REFRESH: handler}


async def test_two_replicas_never_do_one_row_twice_at_once_and_do_each_once(
    north: Outgoing, replica: Store, bench: Bench
) -> None:
    items = [f"s{number}" for number in range(40)]
    await north.want(*(refresh(item, f"p{number % 10}.example") for number, item in enumerate(items)))
    bench.go.set()
    one = north.worker(handlers=refreshing(bench.on(north.store)), concurrency=8)
    two = north.worker(store=replica, handlers=refreshing(bench.on(replica)), concurrency=8)
    async with working(one), working(two):
        await eventually(north.idle)
    assert sorted(bench.done) == sorted(items)
    assert bench.most_of_one == 1


async def test_a_row_in_work_is_not_taken_by_a_replica_however_often_it_is_wanted(
    north: Outgoing, replica: Store, bench: Bench
) -> None:
    await north.want(refresh("s1"))
    async with working(north.worker(handlers=refreshing(bench.on(north.store)))):
        await eventually(lambda: bench.begun)
        await north.want(refresh("s1"), refresh("s2", "west.example"))
        async with working(north.worker(store=replica, handlers=refreshing(bench.on(replica)))):
            await eventually(lambda: "s2" in bench.begun)
            assert bench.begun.count("s1") == 1
            bench.go.set()
            await eventually(lambda: bench.done.count("s1") == 2)
    assert bench.most_of_one == 1


async def test_no_more_is_done_at_once_than_was_asked_for(north: Outgoing, bench: Bench) -> None:
    await north.want(*(refresh(f"s{number}", f"p{number}.example") for number in range(10)))
    async with working(north.worker(handlers=refreshing(bench.on(north.store)), concurrency=3)):
        await eventually(lambda: bench.most == 3)
        bench.go.set()
        await eventually(north.idle)
    assert len(bench.done) == 10
    assert bench.most == 3


async def kill(worker_tasks: set[asyncio.Task[object]]) -> None:
    """Ends tasks as a process ends that is killed: nothing of theirs gets to the database any more."""
    while alive := {task for task in worker_tasks if not task.done()}:
        for task in alive:
            task.cancel()
        await asyncio.wait(alive)


async def test_the_work_of_a_killed_process_is_taken_over_when_its_lease_ends(
    north: Outgoing, store_url: str, south: FakePartner, clock: Clock
) -> None:
    south.script(GET, Says(agreement(), held=asyncio.Event()), Says(agreement(people=9)))
    await north.want(refresh())
    async with cabled_store(store_url) as (store, cable):
        before = asyncio.all_tasks()
        asyncio.create_task(north.worker(store=store, handlers=north.handlers_on(store), lease=LEASE).run())  # noqa: RUF006
        await eventually(lambda: south.received)
        cable.cut = True
        await kill(asyncio.all_tasks() - before)
    assert (await north.row(refresh())).lease_owner is not None, "nobody gave the row back"
    survivor = north.worker()
    async with working(survivor):
        clock.pass_(seconds=LEASE.total_seconds() - 1)
        await north.want(delivery("n1", "nobody.example"))
        survivor.wake()
        await eventually(lambda: attempts(north))
        assert len(south.received) == 1, "until then the row is the other's"
        clock.pass_(seconds=2)
        survivor.wake()
        await eventually(lambda: len(south.received) == 2)
        await eventually(north.idle)
    copy = await north.copy()
    assert copy is not None
    assert copy.body == agreement(people=9)


async def attempts(north: Outgoing) -> int:
    """How often the delivery to nobody.example was tried: a sign that a worker has looked."""
    return (await north.row(delivery("n1", "nobody.example"))).attempts


async def test_a_process_that_wakes_after_its_lease_changes_nothing(
    north: Outgoing, replica: Store, south: FakePartner, clock: Clock
) -> None:
    """It slept, or its machine did; meanwhile another has done the work, and newer news must stand."""
    late = asyncio.Event()
    south.script(GET, Says(agreement(people=1), held=late), Says(agreement(people=9)))
    await north.want(refresh())
    with capture_logs() as logs:
        async with working(north.worker(lease=LEASE)):
            await eventually(lambda: south.received)
            clock.pass_(seconds=LEASE.total_seconds() + 1)
            async with working(north.worker(store=replica, handlers=north.handlers_on(replica))):
                await eventually(north.copy)
            late.set()
            await eventually(lambda: any(entry["event"] == "work.lease_lost" for entry in logs))
    copy = await north.copy()
    assert copy is not None
    assert (copy.body, copy.revision) == (agreement(people=9), 1)
    assert [entry.kind for entry in await north.feed()] == [FeedKind.COPY_CHANGED]
    row = await north.row(refresh())
    assert (row.state, row.attempts, row.lease_owner) == (WorkState.DONE, 0, None)


async def test_a_failure_of_a_process_that_lost_its_lease_does_not_count(
    north: Outgoing, replica: Store, south: FakePartner, clock: Clock
) -> None:
    late = asyncio.Event()
    south.script(GET, Says(cut_after=-1, held=late), Says(agreement(people=9)))
    await north.want(refresh())
    async with working(north.worker(lease=LEASE)):
        await eventually(lambda: south.received)
        clock.pass_(seconds=LEASE.total_seconds() + 1)
        async with working(north.worker(store=replica, handlers=north.handlers_on(replica))):
            await eventually(north.copy)
        late.set()
    row = await north.row(refresh())
    assert (row.state, row.attempts, row.last_error) == (WorkState.DONE, 0, None)


async def test_a_lost_lease_rolls_the_whole_effect_back(north: Outgoing, clock: Clock) -> None:
    async def handle(claim: Claim) -> None:
        async with north.store.transaction() as tx:
            await append(tx, claim.key.hei_id, FeedKind.COPY_CHANGED, clock(), entity="iias")
            raise LeaseLost

    await north.want(refresh())
    with capture_logs() as logs:
        async with working(north.worker(handlers=refreshing(handle))):
            await eventually(lambda: any(entry["event"] == "work.lease_lost" for entry in logs))
    assert await north.feed() == []


async def test_a_long_job_keeps_its_lease(north: Outgoing, bench: Bench, clock: Clock) -> None:
    await north.want(refresh())
    lease = timedelta(seconds=0.3)
    async with working(north.worker(handlers=refreshing(bench.on(north.store)), lease=lease)):
        await eventually(lambda: bench.begun)
        for _ in range(3):
            clock.pass_(seconds=0.2)
            await eventually(lambda: held_until(north, clock() + lease))
        bench.go.set()
        await eventually(north.idle)
    assert bench.begun == ["s1"]
    assert bench.done == ["s1"]


async def held_until(north: Outgoing, moment: datetime) -> bool:
    return (await north.row(refresh())).lease_until == moment


async def test_stopping_waits_for_the_jobs_in_flight_and_claims_no_more(north: Outgoing, bench: Bench) -> None:
    await north.want(refresh("s1"))
    worker = north.worker(handlers=refreshing(bench.on(north.store)))
    running = asyncio.create_task(worker.run())
    await eventually(lambda: bench.begun)
    await north.want(refresh("s2", "west.example"))
    worker.stop()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(running), 0.1)
    bench.go.set()
    await asyncio.wait_for(running, 20)
    assert (bench.begun, bench.done) == (["s1"], ["s1"])
    assert (await north.row(refresh("s1"))).lease_owner is None
    assert (await north.row(refresh("s2", "west.example"))).state is WorkState.DUE


async def test_stopping_gives_back_what_was_claimed_and_not_done(north: Outgoing, bench: Bench) -> None:
    """A replica takes it at once instead of after the lease."""
    begun = asyncio.Event()

    async def vanish(claim: Claim) -> None:
        begun.set()
        raise asyncio.CancelledError

    await north.want(refresh())
    async with working(north.worker(handlers=refreshing(vanish), lease=LEASE)):
        await begun.wait()
        assert (await north.row(refresh())).lease_owner is not None
    bench.go.set()
    await north.work_off(north.worker(handlers=refreshing(bench.on(north.store))))
    assert bench.done == ["s1"]


async def test_a_cancelled_loop_finishes_its_jobs_and_gives_its_claims_back(north: Outgoing, bench: Bench) -> None:
    await north.want(refresh())
    running = asyncio.create_task(north.worker(handlers=refreshing(bench.on(north.store))).run())
    await eventually(lambda: bench.begun)
    running.cancel()
    bench.go.set()
    with suppress(asyncio.CancelledError):
        await running
    assert bench.done == ["s1"]
    assert (await north.row(refresh())).lease_owner is None


async def looks_in_vain(worker: Worker, cable: Cable) -> None:
    """Wakes the worker and waits until the database has refused it once more."""
    refused = cable.refused
    worker.wake()
    await eventually(lambda: cable.refused > refused)


async def test_a_database_that_is_away_does_not_end_the_loop(north: Outgoing, store_url: str, bench: Bench) -> None:
    bench.go.set()
    await north.want(refresh())
    async with cabled_store(store_url) as (store, cable):
        cable.cut = True
        worker = north.worker(store=store, handlers=refreshing(bench.on(store)))
        async with working(worker) as running:
            for _ in range(3):
                await looks_in_vain(worker, cable)
            assert not running.done()
            cable.cut = False
            worker.wake()
            await eventually(lambda: bench.done)


async def test_a_database_that_goes_away_in_the_middle_costs_a_lease_and_nothing_else(
    north: Outgoing, store_url: str, south: FakePartner, clock: Clock
) -> None:
    answer = asyncio.Event()
    south.script(GET, Says(agreement(), held=answer), Says(agreement()))
    await north.want(refresh())
    async with cabled_store(store_url) as (store, cable):
        worker = north.worker(store=store, handlers=north.handlers_on(store), lease=LEASE)
        async with working(worker) as running:
            await eventually(lambda: south.received)
            cable.cut = True
            refused = cable.refused
            answer.set()
            await eventually(lambda: cable.refused > refused)
            assert not running.done()
            cable.cut = False
            row = await north.row(refresh())
            assert (row.state, row.attempts) == (WorkState.DUE, 0), "it is no failure of the partner's"
            clock.pass_(seconds=LEASE.total_seconds() + 1)
            worker.wake()
            await eventually(lambda: len(south.received) == 2)
            await eventually(north.idle)
    assert await north.copy() is not None


async def test_stopping_while_the_database_is_away_ends_all_the_same(
    north: Outgoing, store_url: str, bench: Bench
) -> None:
    async with cabled_store(store_url) as (store, cable):
        cable.cut = True
        async with working(north.worker(store=store, handlers=refreshing(bench.on(store)))):
            await eventually(lambda: cable.refused)


async def test_an_error_of_our_own_is_logged_retried_and_shown_without_its_text(north: Outgoing, clock: Clock) -> None:
    async def handle(claim: Claim) -> None:
        raise ZeroDivisionError("maria@private.example")

    await north.want(refresh("s1"), refresh("s2", "west.example"))
    with capture_logs() as logs:
        await north.work_off(north.worker(handlers=refreshing(handle)))
    assert sum(entry["event"] == "work.broken" for entry in logs) == 2, "the loop goes on"
    row = await north.row(refresh("s1"))
    assert (row.state, row.attempts) == (WorkState.DUE, 1)
    assert row.last_error == "an unexpected error; the log has the details"


@pytest.mark.parametrize("status", [200, 400, 503])
async def test_what_a_partner_says_is_kept_with_the_row_and_is_not_in_the_log(
    north: Outgoing, south: FakePartner, status: int
) -> None:
    south.script(GET, error(status, "cannot save Maria Kowalska"))
    await north.want(refresh("s1"))
    with capture_logs() as logs:
        await north.work_off()
    assert "Kowalska" in str((await north.row(refresh("s1"))).last_error)
    (event,) = [entry for entry in logs if entry["event"] == "work.failed"]
    assert f"HTTP {status}" in event["reason"]
    assert "Kowalska" not in str(logs)


async def test_a_statement_that_fails_rolls_back_and_the_row_is_retried(north: Outgoing, clock: Clock) -> None:
    async def handle(claim: Claim) -> None:
        async with north.store.transaction() as tx:
            await work.finish(tx, claim, clock())
            await tx.execute(text("SELECT * FROM no_such_table"))

    await north.want(refresh())
    with capture_logs():
        await north.work_off(north.worker(handlers=refreshing(handle)))
    row = await north.row(refresh())
    assert (row.state, row.attempts, row.done) == (WorkState.DUE, 1, 0)


async def test_a_retry_comes_by_itself_when_its_time_has_come(north: Outgoing) -> None:
    """On the real clock, and nobody wakes the loop."""
    tried: list[str] = []

    async def handle(claim: Claim) -> None:
        tried.append(claim.key.item)
        if len(tried) < 3:
            raise Unreachable("not yet")
        async with north.store.transaction() as tx:
            await work.finish(tx, claim, utc_now())

    async with north.store.transaction() as tx:
        await work.want(tx, refresh(), utc_now())
    worker = Worker(
        north.store,
        refreshing(handle),
        entities={},
        owner=uuid4().hex,
        patience=Patience(timedelta(seconds=0.02), timedelta(seconds=0.1), timedelta(hours=24)),
        concurrency=2,
        lease=LEASE,
        now=utc_now,
    )
    async with working(worker):
        await eventually(lambda: len(tried) == 3)
        await eventually(lambda: done(north))


async def done(north: Outgoing) -> bool:
    return (await north.row(refresh())).state is WorkState.DONE


async def test_a_wake_is_heard_at_once_also_while_the_loop_looks(north: Outgoing, bench: Bench) -> None:
    bench.go.set()
    worker = north.worker(handlers=refreshing(bench.on(north.store)))

    async def heard(item: str) -> None:
        await north.want(refresh(item))
        worker.wake()
        await eventually(lambda: item in bench.done, within=4)

    async with working(worker):
        for number in range(20):
            await heard(f"s{number}")


async def test_a_row_whose_work_nobody_here_does_is_left_alone(north: Outgoing, bench: Bench) -> None:
    bench.go.set()
    await north.want(refresh("s1"))
    async with north.store.transaction() as tx:
        await work.want(tx, work.WorkKey(WorkKind.PULL, "north.example", SOUTH, "iias"), north.clock())
    async with working(north.worker(handlers=refreshing(bench.on(north.store)))):
        await eventually(lambda: bench.done)
    rows = await work.list_rows(north.store, kinds=[WorkKind.PULL])
    assert [row.state for row in rows] == [WorkState.DUE]
