"""Two gateways under any moves with nominations, with any mishaps between them: both come to see the same.

North sends students, South receives them. Then the network heals, two days pass, and what both hold is compared.
``TWO_GATEWAYS_EXAMPLES=2000 pytest …`` tells that many other stories, and makes one that fails short.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule
from support.nominating import NOMINATIONS, NORTH, SOUTH, nominated
from support.stories import EXAMPLES, Stories, tell, tell_others
from support.two_gateways import Members

from ewpgw.model.omobility import Status
from ewpgw.nominations.received import load
from ewpgw.nominations.refusing import NominationRefused, UnknownNomination
from ewpgw.preparing import Incoming
from ewpgw.records import RevisionConflict
from ewpgw.store import feed, nominations
from ewpgw.store.copies import CopyState
from ewpgw.store.decisions import DecisionState
from ewpgw.store.feed import FeedKind

_IDS = ("n1", "n2")
_DECIDED = (FeedKind.NOMINATION_APPROVED, FeedKind.NOMINATION_REJECTED)

ids = st.sampled_from(["n1", "n1", "n1", "n2"])


class TwoOffices(Stories):
    """The moves of two international offices, and what happens to the network between them."""

    entity = NOMINATIONS

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, str] = {}

    def begin(self) -> None:
        self.a_record_is_put("n1", "first", None, 6)
        self.everything_is_carried()
        self.a_person_looks("n1")

    # What offices do

    @rule(
        omobility_id=ids,
        comment=st.sampled_from(["first", "second"]),
        status=st.sampled_from([None, None, "pending", "cancelled", "approved"]),
        email=st.integers(1, 2),
    )
    def a_record_is_put(self, omobility_id: str, comment: str, status: str | None, email: int) -> None:
        document = nominated(
            NORTH,
            omobility_id,
            SOUTH,
            nomination__comment=comment,
            status=status,
            student__email=f"s{email}@students.north.example",
        )
        self.run(self.north.records.put(NORTH, "omobilities", Incoming(omobility_id, document), source="test"))

    @rule(omobility_id=ids, what=st.sampled_from(["cancel", "resubmit", "resubmit"]))
    def it_is_cancelled_or_submitted_again(self, omobility_id: str, what: str) -> None:
        service = self.north.nominations
        how = service.cancel if what == "cancel" else service.resubmit
        self._move(how(NORTH, omobility_id))

    @rule(omobility_id=st.just("n2"))
    def it_is_deleted(self, omobility_id: str) -> None:
        self.run(self.north.records.delete(NORTH, "omobilities", omobility_id, source="test"))

    @rule(omobility_id=ids)
    def a_person_looks(self, omobility_id: str) -> None:
        known = self.run(load(self.south.store, SOUTH, NORTH, omobility_id))
        if known is not None:
            self.seen[omobility_id] = known.record.proposal_id

    @rule(omobility_id=ids, verdict=st.sampled_from(["approve", "approve", "reject", "reject with other words"]))
    def a_person_decides(self, omobility_id: str, verdict: str) -> None:
        """About what was seen last, which may be another by now."""
        service, seen = self.south.nominations, self.seen.get(omobility_id, "nothing")
        if verdict == "approve":
            self._move(service.approve(SOUTH, NORTH, omobility_id, proposal_id=seen))
        else:
            self._move(service.reject(SOUTH, NORTH, omobility_id, proposal_id=seen, comment=verdict))

    @rule(omobility_id=ids, day=st.sampled_from(["2026-09-01", "2026-09-02"]))
    def a_student_arrives(self, omobility_id: str, day: str) -> None:
        self._move(self.south.nominations.put_dates(SOUTH, NORTH, omobility_id, day, None, source="test"))

    # How both are compared

    async def both_see_the_same(self) -> None:
        heard = [entry for entry in await feed.read(self.north.store, NORTH, 0, 10_000) if entry.kind in _DECIDED]
        for omobility_id in _IDS:
            ours = await nominations.get(self.north.store, NORTH, omobility_id)
            theirs = await load(self.south.store, SOUTH, NORTH, omobility_id)
            if ours is None or (ours.standing.deleted and theirs is None):
                continue
            assert theirs is not None, f"{omobility_id} has never come"
            assert (theirs.copy.state is CopyState.GONE) is ours.standing.deleted
            decision = theirs.decision
            assert decision is None or decision.state is not DecisionState.WAITING, "a decision waits for ever"
            entered = [entry for entry in heard if entry.id == omobility_id]
            # one whose answer was lost is sent again where North has submitted the same anew: nobody can tell the two
            most = decision.number + ours.number - 1 if decision is not None else 0
            assert len(entered) <= most, "a decision was entered twice"
            if ours.standing.deleted:
                continue
            assert theirs.standing == ours.standing
            if ours.standing.status in (Status.APPROVED, Status.REJECTED):
                assert decision is not None
                assert (decision.state, decision.verdict) == (DecisionState.MADE, ours.standing.status.value)
            if decision is not None and decision.state is DecisionState.MADE:
                assert decision.verdict in [entry.kind.removeprefix("nomination-") for entry in entered]

    # How these are done

    def _move(self, move: Coroutine[Any, Any, object]) -> None:
        """Make a move, or see it refused, which always has a reason in words."""

        async def make() -> None:
            try:
                await move
            except NominationRefused as refused:
                assert refused.refusal.words
            except (UnknownNomination, RevisionConflict):
                return

        self.run(make())


@pytest.fixture(autouse=True, scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> None:
    TwoOffices.members = Members(tmp_path_factory.mktemp("gateways"))


def test_two_gateways_come_to_see_the_same() -> None:
    tell(TwoOffices, 15)


@pytest.mark.skipif(not EXAMPLES, reason="looks deeper, where TWO_GATEWAYS_EXAMPLES says how often")
def test_two_gateways_come_to_see_the_same_in_as_many_stories_as_wanted() -> None:
    tell_others(TwoOffices, EXAMPLES)
