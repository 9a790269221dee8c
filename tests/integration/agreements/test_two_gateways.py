"""Two gateways under any moves of both sides, with any mishaps between them: they come to agree, or say on what not.

Hypothesis chooses the moves and the mishaps. Then the network heals, a day passes, and what both sides hold is
compared (``support/converged.py``). ``TWO_GATEWAYS_EXAMPLES=2000 pytest …`` looks deeper, at other moves each time.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.converged import Ledger, agree_or_say_so, standings_are_true
from support.sides import NORTH, SOUTH, iia
from support.two_gateways import Fate, Gateway, Members, Ticking, Wire, a_day_passes, carry_all

from ewpgw.agreements.known import Known, load
from ewpgw.agreements.service import MoveRefused, UnknownAgreement
from ewpgw.model.iia_states import State
from ewpgw.preparing import Incoming
from ewpgw.store import agreements, copies, work
from ewpgw.store.copies import CopyKey
from ewpgw.store.work import WorkKey, WorkKind

_EXAMPLES = int(os.environ.get("TWO_GATEWAYS_EXAMPLES", "0"))
_T = TypeVar("_T")

sides = st.sampled_from([NORTH, SOUTH])
numbers = st.integers(1, 2)
people = st.sampled_from([2, 3])
fates = st.sampled_from(Fate)


def id_of(hei_id: str, number: int) -> str:
    """The identifiers of North's agreements are n1, n2; of South's s1, s2."""
    return f"{hei_id[0]}{number}"


class TwoGateways(RuleBasedStateMachine):
    """The moves of two universities and what happens to the network between them."""

    members: Members

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.wire, self.clock, self.ledger = Wire(), Ticking(), Ledger()
        self.broken = False
        folder = self.members.folder / uuid4().hex
        folder.mkdir()
        self.gateways = tuple(Gateway(self.members, hei_id, folder, self.wire, self.clock) for hei_id in (NORTH, SOUTH))
        for gateway in self.gateways:
            self._run(gateway.open())

    def teardown(self) -> None:
        """The end of every story: the network heals, and two quiet days pass."""
        try:
            if not self.broken:
                self._run(self._heal())
        finally:
            for gateway in self.gateways:
                self.runner.run(gateway.crash())
            self.runner.close()

    # What universities do

    @initialize(so_far=st.sampled_from(["nothing", "mapped", "agreed"]))
    def both_begin(self, so_far: str) -> None:
        if so_far == "nothing":
            return
        self.a_record_is_put(NORTH, 1, 2, None)
        self.everything_is_carried()
        self.a_copy_is_made(SOUTH, 1)
        self.everything_is_carried()
        if so_far == "agreed":
            self.it_is_approved(NORTH, 1, False)
            self.it_is_approved(SOUTH, 1, False)
            self.everything_is_carried()

    @rule(side=sides, number=numbers, people=people, names=st.none() | numbers)
    def a_record_is_put(self, side: str, number: int, people: int, names: int | None) -> None:
        """A system puts its record, which may name a copy of the partner, also a wrong one."""
        gateway = self._at(side)
        their_id = id_of(gateway.partner, names) if names is not None else None
        self._put(gateway, number, iia(side, id_of(side, number), gateway.partner, their_id=their_id, people=people))

    @rule(side=sides, number=numbers)
    def a_copy_is_made(self, side: str, number: int) -> None:
        """A system makes its copy of what the partner proposes, and names the partner's."""
        gateway = self._at(side)
        unmapped = self._run(agreements.unmapped_copies(gateway.store, side, gateway.partner, 10))
        if unmapped:
            self._adopt(gateway, number, unmapped[-1][1])

    @rule(side=sides, number=numbers)
    def the_partners_content_is_adopted(self, side: str, number: int) -> None:
        known = self._known(side, number)
        if known is not None and known.theirs is not None:
            self._adopt(self._at(side), number, known.theirs.id)

    @rule(side=sides, number=numbers, people=people)
    def a_draft_is_kept(self, side: str, number: int, people: int) -> None:
        document = iia(side, id_of(side, number), self._at(side).partner, people=people)
        self._move(self._at(side).agreements.keep_draft(side, id_of(side, number), document, source="test"))

    @rule(side=sides, number=numbers)
    def a_draft_is_proposed(self, side: str, number: int) -> None:
        self._move(self._at(side).agreements.propose(side, id_of(side, number), source="test"))

    @rule(side=sides, number=numbers, theirs=numbers)
    def a_mapping_is_confirmed(self, side: str, number: int, theirs: int) -> None:
        gateway = self._at(side)
        self._move(gateway.agreements.map(side, id_of(side, number), id_of(gateway.partner, theirs)))

    @rule(side=sides, number=numbers)
    def a_mapping_is_cut(self, side: str, number: int) -> None:
        self._move(self._at(side).agreements.unmap(side, id_of(side, number)))

    @rule(side=sides, number=numbers)
    def a_person_looks(self, side: str, number: int) -> None:
        known = self._known(side, number)
        if known is not None and known.theirs is not None:
            self.ledger.looks(side, number, known.theirs)

    @rule(side=sides, number=numbers, as_looked_at=st.booleans())
    def it_is_approved(self, side: str, number: int, as_looked_at: bool) -> None:
        """A person approves what is there now, or what was there when the person looked."""
        if not as_looked_at:
            self.a_person_looks(side, number)
        seen = self.ledger.seen.get((side, number))
        if seen is not None and self._move(self._at(side).agreements.approve(side, id_of(side, number), seen.iia_hash)):
            self.ledger.approves(side, number)

    @rule(side=sides, number=numbers)
    def it_is_reverted(self, side: str, number: int) -> None:
        self._move(self._at(side).agreements.revert(side, id_of(side, number), source="test"))

    @rule(side=sides, number=numbers)
    def its_end_is_proposed(self, side: str, number: int) -> None:
        self._move(self._at(side).agreements.terminate(side, id_of(side, number), source="test"))

    @rule(side=sides, number=numbers)
    def it_is_deleted(self, side: str, number: int) -> None:
        known = self._known(side, number)
        if self._move(self._at(side).agreements.delete(side, id_of(side, number), source="test")):
            assert known is not None
            if known.facts.ours is not None:
                self.ledger.retires(side, id_of(side, number), len(self.wire.served))

    # What happens between them

    @rule()
    def everything_is_carried(self) -> None:
        self._run(carry_all(self.gateways))

    @rule(side=sides, which=st.integers(0, 5), fate=fates)
    def some_work_is_done(self, side: str, which: int, fate: Fate) -> None:
        """One piece of work, not always the one that has waited longest; its call may go wrong."""
        gateway = self._at(side)
        if due := self._run(gateway.due()):
            self._run(gateway.work_on(due[which % len(due)], fate))

    @rule(side=sides)
    def all_notifications_are_lost_for_good(self, side: str) -> None:
        """A partner that is away for longer than anybody tries."""

        async def lose() -> None:
            for _ in range(2):
                for key in await self._at(side).due():
                    if key.kind is WorkKind.DELIVERY:
                        await self._at(side).work_on(key, Fate.LOST)
                self.clock.pass_(days=4)

        self._run(lose())

    @precondition(lambda self: self.wire.late)
    @rule(which=st.integers(0, 3))
    def a_late_request_arrives(self, which: int) -> None:
        self._run(self.wire.arrive(self.wire.late.pop(which % len(self.wire.late))))

    @precondition(lambda self: any(gateway.slow for gateway in self.gateways))
    @rule()
    def slow_answers_come(self) -> None:
        for gateway in self.gateways:
            self._run(gateway.let_return())

    @rule(side=sides)
    def a_gateway_crashes(self, side: str) -> None:
        self._run(self._at(side).crash())
        self._run(self._at(side).open())

    @rule(side=sides, api=st.sampled_from(["iias", "iias-approval"]))
    def a_pull_is_wanted(self, side: str, api: str) -> None:
        self._want(side, WorkKind.PULL, api, "")

    @rule(side=sides, number=numbers)
    def the_partner_is_told_again(self, side: str, number: int) -> None:
        self._run(self._at(side).records.notify_again(side, "iias", id_of(side, number)))

    @rule(parts=st.sampled_from([{"minutes": 1}, {"minutes": 10}, {"hours": 30}]))
    def time_passes(self, parts: dict[str, float]) -> None:
        self.clock.pass_(**parts)

    @invariant()
    def what_is_kept_is_what_the_facts_say(self) -> None:
        for gateway in self.gateways:
            self._run(standings_are_true(gateway))

    async def _heal(self) -> None:
        for gateway in self.gateways:
            await gateway.let_return()
        while self.wire.late:
            await self.wire.arrive(self.wire.late.pop())
        await a_day_passes(self.gateways)
        await agree_or_say_so(self.gateways, self.ledger, self.wire)
        before = [await gateway.revisions() for gateway in self.gateways]
        await a_day_passes(self.gateways)
        assert [await gateway.revisions() for gateway in self.gateways] == before, "a quiet day changed something"

    # How these are done

    def _run(self, does: Coroutine[Any, Any, _T]) -> _T:
        try:
            return self.runner.run(does)
        except BaseException:
            self.broken = True
            raise

    def _at(self, side: str) -> Gateway:
        return next(gateway for gateway in self.gateways if gateway.hei_id == side)

    def _known(self, side: str, number: int) -> Known | None:
        our_id = id_of(side, number)
        return self._run(load(self._at(side).store, side, [our_id])).get(our_id)

    def _move(self, move: Coroutine[Any, Any, object]) -> bool:
        """Make a move; False where it is refused, which always has a reason in words."""

        async def make() -> bool:
            try:
                await move
            except MoveRefused as refused:
                assert refused.refusal.words
                return False
            except UnknownAgreement:
                return False
            return True

        return self._run(make())

    def _put(self, gateway: Gateway, number: int, document: dict[str, Any]) -> None:
        our_id, known = id_of(gateway.hei_id, number), self._known(gateway.hei_id, number)
        incoming = Incoming(our_id, document)
        outcome = self._run(gateway.records.put(gateway.hei_id, "iias", incoming, source="test"))
        retired = (gateway.hei_id, our_id) in self.ledger.retired
        assert (outcome.result == "retired") == retired
        if outcome.result == "refused":
            assert known is not None
            assert known.standing is not None
            assert known.standing.state is State.TERMINATED, outcome.problems

    def _adopt(self, gateway: Gateway, number: int, their_id: str) -> None:
        """Put our record with what the partner's copy says."""
        copy = self._run(copies.get(gateway.store, CopyKey(gateway.hei_id, "iias", gateway.partner, their_id)))
        assert copy is not None
        assert copy.document is not None
        document = iia(gateway.hei_id, id_of(gateway.hei_id, number), gateway.partner, their_id=their_id)
        document["cooperation_conditions"] = json.loads(copy.document)["cooperation_conditions"]
        self._put(gateway, number, document)

    def _want(self, side: str, kind: WorkKind, api: str, item: str) -> None:
        async def want() -> None:
            async with self._at(side).store.transaction() as tx:
                key = WorkKey(kind, side, self._at(side).partner, api, item)
                await work.want(tx, key, self.clock())

        self._run(want())


def test_two_gateways_come_to_agree_or_say_on_what_they_do_not(tmp_path: Path) -> None:
    TwoGateways.members = Members(tmp_path)
    run_state_machine_as_test(
        TwoGateways,
        settings=settings(
            max_examples=_EXAMPLES or 30,
            stateful_step_count=40 if _EXAMPLES else 25,
            derandomize=not _EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
