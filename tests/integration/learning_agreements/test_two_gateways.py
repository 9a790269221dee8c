"""Two gateways under any moves with learning agreements, with any mishaps between them: both come to see the same.

North proposes, South signs or comments. Then the network heals, two days pass, and what both hold is compared.
``TWO_GATEWAYS_EXAMPLES=2000 pytest …`` tells that many other stories, and makes one that fails short.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule
from support.learning import ENTITY, NORTH, SOUTH, P, changes, learning, signer
from support.stories import EXAMPLES, Stories, tell, tell_others
from support.two_gateways import Members

from ewpgw.learning_agreements.received import ReceivedAgreement, load
from ewpgw.learning_agreements.refusing import LearningAgreementRefused, UnknownLearningAgreement
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_standing import Standing
from ewpgw.model.learning_agreement_stats import fact
from ewpgw.preparing import Incoming
from ewpgw.records import NotDeletable
from ewpgw.store import feed, learning_agreements, mobility_deliveries, records
from ewpgw.store.copies import CopyState
from ewpgw.store.decisions import DecisionState
from ewpgw.store.feed import FeedKind
from ewpgw.store.learning_agreements import StoredAgreement
from ewpgw.store.records import RecordKey

_IDS = ("n1", "n2")
_ANSWERS = {FeedKind.LEARNING_AGREEMENT_APPROVED: True, FeedKind.LEARNING_AGREEMENT_COMMENTED: False}

ids = st.sampled_from(["n1", "n1", "n1", "n2"])


class TwoOffices(Stories):
    """The moves of two international offices, and what happens to the network between them."""

    entity = ENTITY

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, str] = {}
        self.withdrawn: set[str] = set()
        """Whose proposal was once taken back, so that South cannot tell what ended it."""
        self.imported: set[str | None] = set()
        """Proposals that were signed before the gateway had them."""

    def begin(self) -> None:
        self.a_record_is_put("n1", "first version", "Logic", 1)
        self.everything_is_carried()
        self.a_person_looks("n1")

    # What offices do

    @rule(
        omobility_id=ids,
        what=st.sampled_from(["first version", "first version", "changes", "changes", "changes", "nothing", "signed"]),
        title=st.sampled_from(["Logic", "Knots"]),
        day=st.integers(1, 3),
    )
    def a_record_is_put(self, omobility_id: str, what: str, title: str, day: int) -> None:
        """Whatever the system believes to be the case; what cannot be is refused, and says why."""
        other = {f"{P}__components_studied__0__title": title, "student__email": f"s{day}@students.north.example"}
        if what == "first version":
            document = learning(NORTH, omobility_id, SOUTH, **other)
        elif what == "changes":
            document = changes(NORTH, omobility_id, SOUTH, f"2026-10-0{day}", **other)
        elif what == "signed":
            document = learning(NORTH, omobility_id, SOUTH, "changed")
        else:
            document = learning(NORTH, omobility_id, SOUTH, changes_proposal=None)
        self.run(self._put(omobility_id, document))

    @rule(omobility_id=st.just("n2"))
    def it_is_deleted(self, omobility_id: str) -> None:
        self.run(self._delete(omobility_id))

    @rule(omobility_id=ids)
    def a_person_looks(self, omobility_id: str) -> None:
        known = self.run(load(self.south.store, SOUTH, NORTH, omobility_id))
        if known is not None and known.record.proposal_id is not None:
            self.seen[omobility_id] = known.record.proposal_id

    @rule(omobility_id=ids, verdict=st.sampled_from(["approve", "approve", "comment", "comment otherwise"]))
    def a_person_answers(self, omobility_id: str, verdict: str) -> None:
        """About what was seen last, which may be another by now."""
        service, seen, who = self.south.learning_agreements, self.seen.get(omobility_id, "nothing"), signer(SOUTH)
        if verdict == "approve":
            move = service.approve(SOUTH, NORTH, omobility_id, proposal_id=seen, signer=who)
        else:
            move = service.comment(SOUTH, NORTH, omobility_id, proposal_id=seen, comment=verdict, signer=who)
        self.run(_made_or_refused(move))

    # How both are compared

    async def both_see_the_same(self) -> None:
        counted: list[object] = []
        for omobility_id in _IDS:
            ours = await learning_agreements.get(self.north.store, NORTH, omobility_id)
            theirs = await load(self.south.store, SOUTH, NORTH, omobility_id)
            if ours is None or (ours.standing.deleted and theirs is None):
                continue
            assert theirs is not None, f"{omobility_id} has never come"
            assert (theirs.copy.state is CopyState.GONE) is (ours.standing.deleted or not ours.listed)
            assert theirs.copy.state is not CopyState.INVALID
            self._both_stand_alike(ours.standing, theirs.standing, omobility_id)
            self._the_decision_is_settled(ours.standing, theirs)
            await self._north_heard_each_answer_once(ours)
            counted.append(fact(ours.year, ours.standing))
            if not ours.standing.deleted:
                await self._the_record_says_so(ours)
        found = await learning_agreements.counted(self.north.store, NORTH, sent=True)
        assert sum(number for _, number in found) == len([one for one in counted if one is not None])
        assert all(counted.count(one) == number for one, number in found)

    def _both_stand_alike(self, here: Standing, there: Standing, omobility_id: str) -> None:
        assert there.approved == here.approved
        if here.deleted:
            assert there.current is None
            return
        assert there.current == here.current
        if omobility_id not in self.withdrawn:
            assert there.stage is here.stage
        if here.current is None and omobility_id not in self.withdrawn:
            assert there.comment == here.comment

    def _the_decision_is_settled(self, here: Standing, theirs: ReceivedAgreement) -> None:
        decision = theirs.decision
        if decision is None:
            return
        assert decision.state is not DecisionState.WAITING, "an answer waits for ever"
        answers = {one.proposal.id: one for one in here.past}
        entered = answers.get(decision.proposal_id)
        if decision.state is DecisionState.MADE and entered is None:
            # a comment on what was taken back: nothing shows whether it was read before that
            assert decision.verdict == "commented"
            assert decision.key.id in self.withdrawn or here.deleted
        elif entered is not None and entered.approved:
            assert (decision.state, decision.verdict) == (DecisionState.MADE, "approved")
        elif decision.state is DecisionState.MADE:
            assert entered is not None
            assert (entered.approved, entered.comment) == (decision.verdict == "approved", decision.comment)

    async def _north_heard_each_answer_once(self, ours: StoredAgreement) -> None:
        entries = await feed.read(self.north.store, NORTH, 0, 10_000)
        heard = [_ANSWERS[one.kind] for one in entries if one.kind in _ANSWERS and one.id == ours.omobility_id]
        ours_by_south = [one.approved for one in ours.standing.past if one.proposal.id not in self.imported]
        assert heard == ours_by_south, "an answer was entered twice, or not told"

    async def _the_record_says_so(self, ours: StoredAgreement) -> None:
        stored = await records.get(self.north.store, RecordKey(NORTH, ENTITY, ours.omobility_id))
        assert stored is not None
        assert stored.document is not None
        record, here = LearningAgreement.model_validate_json(stored.document), ours.standing
        versions = (record.first_version, record.approved_changes, record.changes_proposal)
        assert versions == (here.first_version, here.approved_changes, here.current)
        if ours.listed:
            delivered = await mobility_deliveries.get_many(self.north.store, NORTH, ENTITY, [ours.omobility_id])
            assert delivered[ours.omobility_id].number == ours.number, "nobody can say that South knows of it"

    # How these are done

    async def _put(self, omobility_id: str, document: dict[str, Any]) -> None:
        before = await learning_agreements.get(self.north.store, NORTH, omobility_id)
        outcome = await self.north.records.put(NORTH, ENTITY, Incoming(omobility_id, document), source="test")
        refusals = [one.message for one in outcome.problems if one.severity == "refusal"]
        assert (outcome.result in ("refused", "retired")) is bool(refusals), outcome
        after = await learning_agreements.get(self.north.store, NORTH, omobility_id)
        if before is not None and after is not None and before.standing.current and not after.standing.current:
            self.withdrawn.add(omobility_id)
        if after is not None:
            known = before.standing.past if before is not None else ()
            self.imported |= {one.proposal.id for one in after.standing.past[len(known) :]}

    async def _delete(self, omobility_id: str) -> None:
        try:
            await self.north.records.delete(NORTH, ENTITY, omobility_id, source="test")
        except NotDeletable:
            known = await learning_agreements.get(self.north.store, NORTH, omobility_id)
            assert known is not None
            assert known.standing.approved


async def _made_or_refused(move: Coroutine[Any, Any, object]) -> None:
    """Make a move, or see it refused, which always has a reason in words."""
    try:
        await move
    except LearningAgreementRefused as refused:
        assert refused.refusal.words
    except UnknownLearningAgreement:
        return


@pytest.fixture(autouse=True, scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> None:
    TwoOffices.members = Members(tmp_path_factory.mktemp("gateways"))


def test_two_gateways_come_to_see_the_same() -> None:
    tell(TwoOffices, 15)


@pytest.mark.skipif(not EXAMPLES, reason="looks deeper, where TWO_GATEWAYS_EXAMPLES says how often")
def test_two_gateways_come_to_see_the_same_in_as_many_stories_as_wanted() -> None:
    tell_others(TwoOffices, EXAMPLES)
