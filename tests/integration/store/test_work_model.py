"""A work row against a model of it, under any order of wishes, claims, outcomes, passing time and lost leases."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ewpgw.store import Store, work
from ewpgw.store.work import Claim, WorkKey, WorkKind, WorkState

KEY = WorkKey(WorkKind.DELIVERY, "north.example", "south.example", "iias", "a-1")
LEASE = 60
START = datetime(2025, 9, 1, tzinfo=UTC)
OUTCOMES = ("finish", "retry", "fail", "expire")
GIVEN_UP = {"finish": WorkState.DONE, "fail": WorkState.FAILED, "expire": WorkState.EXPIRED}


@dataclass
class Model:
    """What the row should be; ``holder`` is the place of the claim that counts among all claims made."""

    wanted: int = 0
    done: int = 0
    state: WorkState = WorkState.DONE
    attempts: int = 0
    due: datetime = START
    holder: int | None = None
    lease_end: datetime = START


class WorkRowMachine(RuleBasedStateMachine):
    """On SQLite only: the statements are the same on both, and their concurrency is tested elsewhere."""

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = TemporaryDirectory()
        self.store = self.loop.run_until_complete(Store.open(f"sqlite:///{Path(self.folder.name) / 'store.db'}"))
        self.now = START
        self.model = Model()
        self.claims: list[Claim] = []

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.loop.run_until_complete(self.store.close())
            self.loop.close()
            self.folder.cleanup()

    @rule(delay=st.sampled_from([0, 30, 300]))
    def want(self, delay: int) -> None:
        async def act() -> None:
            async with self.store.transaction() as tx:
                await work.want(tx, KEY, self.now, delay)

        self.loop.run_until_complete(act())
        model, due = self.model, self.now + timedelta(seconds=delay)
        model.due = min(model.due, due) if model.state is WorkState.DUE else due
        model.wanted, model.state, model.attempts = model.wanted + 1, WorkState.DUE, 0

    @rule(owner=st.sampled_from(["one", "two"]))
    def claim(self, owner: str) -> None:
        claims = self.loop.run_until_complete(
            work.claim(
                self.store,
                [WorkKind.DELIVERY],
                owner,
                limit=5,
                now=self.now,
                lease_seconds=LEASE,
                per_partner_limit=5,
            )
        )
        model = self.model
        free = model.holder is None or model.lease_end <= self.now
        expected = model.state is WorkState.DUE and model.due <= self.now and free
        assert len(claims) == int(expected)
        if claims:
            assert (claims[0].wanted, claims[0].attempts) == (model.wanted, model.attempts)
            self.claims += claims
            model.holder, model.lease_end = len(self.claims) - 1, claims[0].lease_until

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES), wait=st.sampled_from([0, 45, 600]))
    def end(self, data: st.DataObject, outcome: str, wait: int) -> None:
        place = data.draw(st.integers(max(0, len(self.claims) - 3), len(self.claims) - 1))
        claimed, at = self.claims[place], self.now + timedelta(seconds=wait)

        async def act() -> bool:
            async with self.store.transaction() as tx:
                match outcome:
                    case "finish":
                        return await work.finish(tx, claimed, self.now)
                    case "retry":
                        return await work.retry(tx, claimed, self.now, at=at, error="no answer")
                    case "fail":
                        return await work.fail(tx, claimed, self.now, error="refused")
                    case _:
                        return await work.expire(tx, claimed, self.now, error="too late")

        model = self.model
        assert self.loop.run_until_complete(act()) == (model.holder == place)
        if model.holder != place:
            return
        model.holder = None
        if outcome == "finish":
            model.done = claimed.wanted
        if model.wanted > claimed.wanted:
            model.state, model.attempts, model.due = WorkState.DUE, 0, self.now
        elif outcome == "retry":
            model.attempts, model.due = claimed.attempts + 1, at
        else:
            model.state = GIVEN_UP[outcome]
            model.attempts = 0 if outcome == "finish" else claimed.attempts + 1

    @rule(owner=st.sampled_from(["one", "two"]))
    def release(self, owner: str) -> None:
        freed = self.loop.run_until_complete(work.release(self.store, owner))
        held = self.model.holder is not None and self.claims[self.model.holder].owner == owner
        assert freed == int(held)
        if held:
            self.model.holder = None

    @rule(seconds=st.sampled_from([1, 29, 60, 600]))
    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def the_row_is_as_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        row = self.loop.run_until_complete(work.get(self.store, KEY))
        model = self.model
        if row is None:
            assert model.wanted == 0
            return
        assert (row.wanted, row.done, row.state, row.attempts) == (
            model.wanted,
            model.done,
            model.state,
            model.attempts,
        )
        assert (row.lease_owner is None) == (model.holder is None)
        assert row.done <= row.wanted
        if model.state is WorkState.DUE:
            assert row.next_attempt_at == model.due
            expected = model.due if model.holder is None else model.lease_end
            assert self.loop.run_until_complete(work.next_due(self.store, [WorkKind.DELIVERY])) == expected


TestWorkRow = WorkRowMachine.TestCase
TestWorkRow.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
