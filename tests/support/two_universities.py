"""Two universities and the network between their gateways, as a machine that hypothesis, or a test, makes moves on.

Every move is one that a person, a system or the network could make at any moment. Between the moves, what is kept of
each agreement is held against its facts; at the end of every story the network heals, and both sides are compared.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Coroutine
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import (
    Rule,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from ewpgw.agreements.known import Known, load
from ewpgw.agreements.service import MoveRefused, UnknownAgreement
from ewpgw.model.iia_states import State, state
from ewpgw.preparing import Incoming
from ewpgw.store import agreements, copies, work
from ewpgw.store.copies import CopyKey
from ewpgw.store.work import WorkKey, WorkKind
from support.converged import Ledger, agree_or_say_so, standings_are_true
from support.sides import NORTH, SOUTH, iia
from support.two_gateways import Fate, Gateway, Members, Ticking, Wire, a_day_passes, carry_all

_T = TypeVar("_T")
_RULE = "hypothesis_stateful_rule"
"""Under this name hypothesis keeps what a rule is made of."""

BEGINNINGS: dict[str, tuple[Path, datetime, Ledger]] = {}
"""Databases, time and ledger of the beginnings that were played."""

sides = st.sampled_from([NORTH, SOUTH])
numbers = st.sampled_from([1, 1, 1, 2])
people = st.sampled_from([2, 3])
fates = st.sampled_from(Fate)


def id_of(hei_id: str, number: int) -> str:
    """The identifiers of North's agreements are n1, n2; of South's s1, s2."""
    return f"{hei_id[0]}{number}"


class TwoUniversities(RuleBasedStateMachine):
    """The moves of two universities and what happens to the network between them."""

    members: Members

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.wire, self.clock, self.ledger = Wire(), Ticking(), Ledger()
        self.broken = False
        self.folder = self.members.folder / uuid4().hex
        self.folder.mkdir()
        north, south = (Gateway(self.members, hei_id, self.folder, self.wire, self.clock) for hei_id in (NORTH, SOUTH))
        self.gateways = (north, south)

    def teardown(self) -> None:
        """The end of every story: the network heals, and two quiet days pass."""
        try:
            if not self.broken:
                self.the_network_heals()
        finally:
            self._run_all(Gateway.crash)
            self.runner.close()
            shutil.rmtree(self.folder)

    # What universities do

    @initialize(so_far=st.sampled_from(["mapped", "approved by one", "mapped", "agreed", "nothing"]))
    def both_begin(self, so_far: str) -> None:
        """Begin where n1 and s1 are of one agreement already; each such beginning is played once, and then copied."""
        self._run_all(Gateway.open)
        if so_far == "nothing":
            return
        if so_far not in BEGINNINGS:
            self._play(so_far)
            self._run_all(Gateway.crash)
            BEGINNINGS[so_far] = (self.folder, self.clock.moment, deepcopy(self.ledger))
            self.folder = self.members.folder / uuid4().hex
            self.folder.mkdir()
        else:
            self._run_all(Gateway.crash)
        played, self.clock.moment, ledger = BEGINNINGS[so_far]
        self.ledger = deepcopy(ledger)
        for gateway in self.gateways:
            gateway.file = Path(shutil.copy(played / gateway.file.name, self.folder))
        self._run_all(Gateway.open)

    def _play(self, so_far: str) -> None:
        self.a_record_is_put(NORTH, 1, 2, None)
        self.everything_is_carried()
        self.a_copy_is_made(SOUTH, 1)
        self.everything_is_carried()
        for side in {"approved by one": [SOUTH], "agreed": [SOUTH, NORTH]}.get(so_far, []):
            self.it_is_approved(side, 1, "carried")

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

    @rule(side=sides, number=numbers, people=people, ready=st.booleans())
    def a_draft_is_kept(self, side: str, number: int, people: int, ready: bool) -> None:
        document = iia(side, id_of(side, number), self._at(side).partner, people=people)
        moves = self._at(side).agreements
        self._move(moves.keep_draft(side, id_of(side, number), document, source="test"))
        if ready:
            self._move(moves.propose(side, id_of(side, number), source="test"))

    @rule(side=sides, number=numbers, afterwards=st.sampled_from(["nothing", "carried", "lost"]))
    def it_is_approved(self, side: str, number: int, afterwards: str) -> None:
        """A person looks, and approves what is there."""
        self._look(side, number)
        self._approve(side, number)
        if afterwards == "carried":
            self.everything_is_carried()
        elif afterwards == "lost":
            self.all_notifications_are_lost_for_good(side)

    @rule(side=sides, number=numbers, people=people)
    def the_partner_changes_while_a_person_looks(self, side: str, number: int, people: int) -> None:
        """What is approved then is what the person has looked at, or nothing."""
        self._look(side, number)
        self.a_record_is_put(self._at(side).partner, number, people, None)
        self.everything_is_carried()
        self.the_partners_content_is_adopted(side, number)
        self._approve(side, number)

    @rule(side=sides, number=numbers)
    def it_is_deleted(self, side: str, number: int) -> None:
        known = self._known(side, number)
        if self._move(self._at(side).agreements.delete(side, id_of(side, number), source="test")):
            assert known is not None
            if known.facts.ours is not None:
                self.ledger.retires(side, id_of(side, number), len(self.wire.served))

    @rule(side=sides, number=numbers)
    def a_mapping_is_cut(self, side: str, number: int) -> None:
        self._move(self._at(side).agreements.unmap(side, id_of(side, number)))

    @rule(side=sides, number=numbers, move=st.sampled_from(["terminate", "revert", "map 1", "map 2"]))
    def a_person_decides(self, side: str, number: int, move: str) -> None:
        moves, our_id = self._at(side).agreements, id_of(side, number)
        match move:
            case "terminate":
                self._move(moves.terminate(side, our_id, source="test"))
            case "revert":
                self._move(moves.revert(side, our_id, source="test"))
            case _:
                self._move(moves.map(side, our_id, id_of(self._at(side).partner, int(move[-1]))))

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

    @rule(side=sides, number=numbers, how=st.sampled_from(["iias", "iias-approval", "again"]))
    def somebody_makes_sure(self, side: str, number: int, how: str) -> None:
        """A pull is wanted, or the partner is told once more."""
        if how == "again":
            self._run(self._at(side).records.notify_again(side, "iias", id_of(side, number)))
        else:
            self._want(side, WorkKind.PULL, how, "")

    @rule(parts=st.sampled_from([{"minutes": 1}, {"minutes": 10}, {"hours": 30}]))
    def time_passes(self, parts: dict[str, float]) -> None:
        self.clock.pass_(**parts)

    @invariant()
    def what_is_kept_is_what_the_facts_say(self) -> None:
        for gateway in self.gateways:
            self._run(standings_are_true(gateway))

    def the_network_heals(self) -> None:
        """All that is under way arrives, two days pass, and both sides are compared."""
        self._run(self._heal())

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

    def state(self, side: str, number: int = 1) -> State:
        known = self._known(side, number)
        assert known is not None
        return state(known.facts)

    @classmethod
    def moves(cls) -> st.SearchStrategy[tuple[Rule, dict[str, Any]]]:
        """Any one move, with what it is made on."""
        rules = [made.hypothesis_stateful_rule for made in vars(cls).values() if hasattr(made, _RULE)]
        return st.one_of(*(st.tuples(st.just(rule), st.fixed_dictionaries(rule.arguments)) for rule in rules))

    def make(self, move: Rule, made_on: dict[str, Any]) -> None:
        """Make one of these moves, where it is possible."""
        if all(possible(self) for possible in move.preconditions):
            try:
                move.function(self, **made_on)
                self.what_is_kept_is_what_the_facts_say()
            except BaseException:
                self.broken = True
                raise

    # How these are done

    def _run(self, does: Coroutine[Any, Any, _T]) -> _T:
        try:
            return self.runner.run(does)
        except BaseException:
            self.broken = True
            raise

    def _run_all(self, does: Callable[[Gateway], Coroutine[Any, Any, None]]) -> None:
        for gateway in self.gateways:
            self._run(does(gateway))

    def _at(self, side: str) -> Gateway:
        return next(gateway for gateway in self.gateways if gateway.hei_id == side)

    def _known(self, side: str, number: int) -> Known | None:
        our_id = id_of(side, number)
        return self._run(load(self._at(side).store, side, [our_id])).get(our_id)

    def _look(self, side: str, number: int) -> None:
        known = self._known(side, number)
        if known is not None and known.theirs is not None:
            self.ledger.looks(side, number, known.theirs)

    def _approve(self, side: str, number: int) -> None:
        """Approve what the person has looked at."""
        seen = self.ledger.seen.get((side, number))
        if seen is None:
            return
        if self._move(self._at(side).agreements.approve(side, id_of(side, number), seen.iia_hash)):
            self.ledger.approves(side, number)

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
            ended = known is not None and known.standing is not None and known.standing.state is State.TERMINATED
            ends = document["cooperation_conditions"].get("terminated_as_a_whole") and not document["in_effect"]
            assert ended or ends, outcome.problems

    def _adopt(self, gateway: Gateway, number: int, their_id: str) -> None:
        """Put our record with what the partner's copy says."""
        copy = self._run(copies.get(gateway.store, CopyKey(gateway.hei_id, "iias", gateway.partner, their_id)))
        assert copy is not None
        assert copy.document is not None
        document = iia(gateway.hei_id, id_of(gateway.hei_id, number), gateway.partner, their_id=their_id)
        known = self._known(gateway.hei_id, number)
        if known is not None and known.standing is not None:
            document["in_effect"] = known.standing.in_effect
        document["cooperation_conditions"] = json.loads(copy.document)["cooperation_conditions"]
        self._put(gateway, number, document)

    def _want(self, side: str, kind: WorkKind, api: str, item: str) -> None:
        async def want() -> None:
            async with self._at(side).store.transaction() as tx:
                key = WorkKey(kind, side, self._at(side).partner, api, item)
                await work.want(tx, key, self.clock())

        self._run(want())
