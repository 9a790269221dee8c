"""Stories of two gateways that hypothesis tells: North sends students, South receives them, and the network fails.

What the two do is in subclasses. Here is what happens between them, and how every story ends: the network heals, and
two quiet days pass.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from ewpgw.store import feed, work
from ewpgw.store.work import WorkKey, WorkKind
from support.sides import NORTH, SOUTH
from support.two_gateways import Fate, Gateway, Members, Ticking, Wire, a_day_passes, carry_all

_T = TypeVar("_T")

EXAMPLES = int(os.environ.get("TWO_GATEWAYS_EXAMPLES", "0"))
"""How many stories a deeper look tells."""


class Stories(RuleBasedStateMachine):
    """What happens between two gateways that exchange records of North's, and what South decides about them.

    ``entity`` names them; ``both_see_the_same`` compares what both hold at the end.
    """

    members: ClassVar[Members]
    entity: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.wire, self.clock = Wire(conflicts=True), Ticking()
        self.folder = self.members.folder / uuid4().hex
        self.folder.mkdir()
        self.north, self.south = (
            Gateway(self.members, hei_id, self.folder, self.wire, self.clock) for hei_id in (NORTH, SOUTH)
        )
        self.gateways = (self.north, self.south)
        self.broken = False

    def begin(self) -> None:
        """The first moves of every story."""

    async def both_see_the_same(self) -> None:
        """Fails where the two gateways do not agree in the end."""
        raise NotImplementedError

    @initialize()
    def both_begin(self) -> None:
        for gateway in self.gateways:
            self.run(gateway.open())
        self.begin()

    def teardown(self) -> None:
        """The end of every story: the network heals, and two quiet days pass."""
        try:
            if not self.broken:
                self.run(self._heal())
        finally:
            for gateway in self.gateways:
                self.run(gateway.crash())
            self.runner.close()
            shutil.rmtree(self.folder)

    @rule()
    def everything_is_carried(self) -> None:
        self.run(carry_all(self.gateways))

    @rule(side=st.sampled_from([NORTH, SOUTH]), which=st.integers(0, 5), fate=st.sampled_from(Fate))
    def some_work_is_done(self, side: str, which: int, fate: Fate) -> None:
        gateway = self._at(side)
        if due := self.run(gateway.due()):
            self.run(gateway.work_on(due[which % len(due)], fate))

    @rule(fate=st.sampled_from(Fate))
    def a_decision_is_sent(self, fate: Fate) -> None:
        for key in self.run(self.south.due()):
            if key.kind is WorkKind.UPDATE:
                self.run(self.south.work_on(key, fate))

    @precondition(lambda self: self.wire.late)
    @rule(which=st.integers(0, 3))
    def a_late_request_arrives(self, which: int) -> None:
        self.run(self.wire.arrive(self.wire.late.pop(which % len(self.wire.late))))

    @precondition(lambda self: any(gateway.slow for gateway in self.gateways))
    @rule()
    def slow_answers_come(self) -> None:
        for gateway in self.gateways:
            self.run(gateway.let_return())

    @rule(side=st.sampled_from([NORTH, SOUTH]))
    def a_gateway_crashes(self, side: str) -> None:
        self.run(self._at(side).crash())
        self.run(self._at(side).open())

    @rule()
    def a_pull_is_wanted(self) -> None:
        self.run(self._want(WorkKey(WorkKind.PULL, SOUTH, NORTH, self.entity, "")))

    @rule(parts=st.sampled_from([{"minutes": 1}, {"minutes": 10}, {"hours": 30}]))
    def time_passes(self, parts: dict[str, float]) -> None:
        self.clock.pass_(**parts)

    def run(self, does: Coroutine[Any, Any, _T]) -> _T:
        """What this comes to. A story in which something breaks does not go on."""
        try:
            return self.runner.run(does)
        except BaseException:
            self.broken = True
            raise

    async def _heal(self) -> None:
        for gateway in self.gateways:
            await gateway.let_return()
        while self.wire.late:
            await self.wire.arrive(self.wire.late.pop())
        await a_day_passes(self.gateways)
        await self.both_see_the_same()
        before = [await feed.last(gateway.store, gateway.hei_id) for gateway in self.gateways]
        await a_day_passes(self.gateways)
        after = [await feed.last(gateway.store, gateway.hei_id) for gateway in self.gateways]
        assert after == before, "a quiet day changed something"

    async def _want(self, key: WorkKey) -> None:
        async with self.south.store.transaction() as tx:
            await work.want(tx, key, self.clock())

    def _at(self, side: str) -> Gateway:
        return self.north if side == NORTH else self.south


def tell(stories: type[Stories], how_many: int) -> None:
    """Tells these many stories, the same every time."""
    run_state_machine_as_test(
        stories,
        settings=settings(
            max_examples=how_many,
            stateful_step_count=20,
            derandomize=True,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def tell_others(stories: type[Stories], how_many: int) -> None:
    """Tells other stories each time; a failing one is made short and printed as the calls that make it."""
    run_state_machine_as_test(
        stories,
        settings=settings(
            max_examples=how_many, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
