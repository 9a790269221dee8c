"""The states of a nomination, and what each side may do in each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.model.omobility import Omobility, Status
from ewpgw.model.omobility_states import (
    ALLOWED,
    MEANINGS,
    RECEIVER_MOVES,
    SENDER_MOVES,
    Move,
    Moved,
    Outcome,
    Refusal,
    Standing,
    another,
    approve,
    cancel,
    delete,
    heard,
    put,
    reject,
    resubmit,
    standing,
    table,
)

from .mobilities import omobility

RECORD = omobility(status=None)
CHANGED = omobility(status=None, nomination__comment="changed")
P = RECORD.proposal_id
PENDING, APPROVED = Standing(P), Standing(P, Status.APPROVED)
REJECTED, CANCELLED = Standing(P, Status.REJECTED, "no place left"), Standing(P, Status.CANCELLED)
BY_STATUS = {
    Status.PENDING: PENDING,
    Status.APPROVED: APPROVED,
    Status.REJECTED: REJECTED,
    Status.CANCELLED: CANCELLED,
}
MOVES: dict[Move, Callable[[Standing], Outcome]] = {
    Move.PUT: lambda before: put(before, CHANGED, RECORD),
    Move.CANCEL: cancel,
    Move.RESUBMIT: resubmit,
    Move.DELETE: delete,
    Move.APPROVE: lambda before: approve(before, before.proposal_id),
    Move.REJECT: lambda before: reject(before, before.proposal_id, "no place left"),
}


def moved(outcome: Outcome) -> Moved:
    assert isinstance(outcome, Moved), outcome
    return outcome


def refused(outcome: Outcome) -> Refusal:
    assert isinstance(outcome, Refusal), outcome
    return outcome


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("move", Move)
def test_the_table_says_what_each_state_allows(status: Status, move: Move) -> None:
    outcome = MOVES[move](BY_STATUS[status])
    assert isinstance(outcome, Moved) == (move in ALLOWED[status])
    if isinstance(outcome, Refusal):
        assert not outcome.conflict
        assert outcome.words.endswith(".")


def test_a_new_nomination_is_pending_whatever_the_record_says_of_decisions() -> None:
    for status in (None, "pending", "approved", "rejected"):
        assert moved(put(None, omobility(status=status))) == Moved(PENDING, changed=True)
    assert moved(put(None, omobility(status="cancelled"))).standing == CANCELLED


@pytest.mark.parametrize("before", [PENDING, APPROVED, REJECTED])
def test_changed_content_is_pending_again(before: Standing) -> None:
    after = moved(put(before, CHANGED, RECORD))
    assert after == Moved(Standing(CHANGED.proposal_id), changed=True)


@pytest.mark.parametrize("before", BY_STATUS.values())
def test_changed_data_of_the_student_leave_the_decision_standing(before: Standing) -> None:
    married = omobility(status=None, student__family_name=["Virtanen"], student__email="new@north.example")
    assert moved(put(before, married, RECORD)) == Moved(before, changed=False)


@pytest.mark.parametrize("before", BY_STATUS.values())
def test_a_record_that_cancels_is_cancelled_in_every_state(before: Standing) -> None:
    after = moved(put(before, omobility(status="cancelled"), RECORD))
    assert after.standing == CANCELLED
    assert after.changed == (before != CANCELLED)


def test_a_cancellation_stands_until_the_record_says_otherwise() -> None:
    assert moved(put(CANCELLED, CHANGED, RECORD)).standing == Standing(CHANGED.proposal_id, Status.CANCELLED)
    assert moved(put(CANCELLED, omobility(status="pending"), RECORD)).standing == PENDING


def test_a_record_that_says_pending_takes_no_decision_back() -> None:
    for before in (APPROVED, REJECTED):
        assert moved(put(before, omobility(status="pending"), RECORD)) == Moved(before, changed=False)


def test_a_rejected_nomination_can_be_submitted_again_as_it_is() -> None:
    assert moved(resubmit(REJECTED)) == Moved(PENDING, changed=True)
    assert moved(resubmit(CANCELLED)).standing == PENDING
    assert moved(resubmit(PENDING)) == Moved(PENDING, changed=False)


@pytest.mark.parametrize("before", BY_STATUS.values())
def test_a_decision_about_another_proposal_is_a_conflict_in_every_state(before: Standing) -> None:
    for outcome in (approve(before, "older"), reject(before, "older", "no")):
        assert refused(outcome).conflict
        assert "newest version" in refused(outcome).words


def test_a_repeated_decision_is_a_success_that_changes_nothing() -> None:
    approved = moved(approve(PENDING, P))
    assert approved == Moved(APPROVED, changed=True)
    assert moved(approve(approved.standing, P)) == Moved(APPROVED, changed=False)
    rejected = moved(reject(PENDING, P, "no place left"))
    assert rejected == Moved(REJECTED, changed=True)
    assert moved(reject(rejected.standing, P, "no place left")) == Moved(REJECTED, changed=False)


def test_a_better_comment_replaces_that_of_a_rejection() -> None:
    after = moved(reject(REJECTED, P, "wrong field of education"))
    assert after.changed
    assert after.standing.comment == "wrong field of education"


def test_what_is_approved_is_not_rejected_afterwards() -> None:
    assert refused(reject(APPROVED, P, "changed our mind")).code == "approved"


def test_what_is_rejected_is_not_approved_before_it_is_submitted_again() -> None:
    assert refused(approve(REJECTED, P)).code == "rejected"
    assert moved(approve(moved(resubmit(REJECTED)).standing, P)).standing == APPROVED


@pytest.mark.parametrize("comment", ["", " \n"])
def test_a_rejection_needs_a_comment(comment: str) -> None:
    assert refused(reject(PENDING, P, comment)).code == "no-comment"


def test_a_deleted_nomination_does_not_come_back() -> None:
    deleted = moved(delete(APPROVED)).standing
    assert deleted.deleted
    assert moved(delete(deleted)) == Moved(deleted, changed=False)
    for outcome in (
        put(deleted, RECORD),
        cancel(deleted),
        resubmit(deleted),
        approve(deleted, P),
        reject(deleted, P, "no"),
    ):
        assert refused(outcome).code == "deleted"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nomination__sending_hei__hei_id": "third.example"}, "other-sending-hei"),
        ({"nomination__receiving_hei__hei_id": "third.example"}, "other-receiving-hei"),
        ({"student__global_id": "2", "student__birth_date": "2003-01-01"}, "other-student"),
        ({"student__global_id": "2", "student__family_name": ["Niemi"]}, "other-student"),
    ],
)
def test_institutions_and_student_never_change(changes: dict[str, object], code: str) -> None:
    after = omobility(**changes)
    assert refused(put(PENDING, after, RECORD)).code == code
    assert another(RECORD, after) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"student__global_id": "urn:schac:personalUniqueCode:int:esi:fi:corrected"},
        {"student__global_id": "URN:SCHAC:personaluniquecode:int:esi:NORTH.example:301245"},
        {"student__birth_date": "2004-06-01", "student__family_name": ["Niemi"]},
        {"nomination__receiving_hei__ounit_id": "elsewhere"},
    ],
)
def test_data_of_the_same_student_may_be_corrected(changes: dict[str, object]) -> None:
    assert another(RECORD, omobility(**changes)) is None


def test_a_copy_of_the_partner_says_where_it_stands() -> None:
    assert standing(omobility(status="rejected"), "no place left") == REJECTED


def test_a_published_decision_counts_once() -> None:
    rejected = heard(PENDING, Status.REJECTED, "no place left")
    assert rejected == Moved(REJECTED, changed=True)
    corrected = moved(put(rejected.standing, CHANGED, RECORD)).standing
    seen = (Status.REJECTED, "no place left")
    assert heard(corrected, *seen, last=seen) == Moved(corrected, changed=False)
    approved = heard(corrected, Status.APPROVED, None, last=seen)
    assert approved.standing == Standing(CHANGED.proposal_id, Status.APPROVED)


def test_what_a_partner_publishes_after_the_approval_no_longer_counts() -> None:
    for before in (APPROVED, CANCELLED, Standing(P, deleted=True)):
        assert heard(before, Status.REJECTED, "no") == Moved(before, changed=False)


def made(move: Move, here: Standing, record: Omobility, later: Omobility, proposal: str) -> Outcome:
    """What becomes of a move, of whichever side it is."""
    if move is Move.PUT:
        return put(here, later, record)
    if move in RECEIVER_MOVES:
        return approve(here, proposal) if move is Move.APPROVE else reject(here, proposal, "no")
    return MOVES[move](here)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Move), st.booleans(), st.sampled_from(["a", "b"])), max_size=12))
def test_whatever_is_done_the_rules_hold(steps: list[tuple[Move, bool, str]]) -> None:
    here, record = PENDING, RECORD
    for move, up_to_date, word in steps:
        proposal = here.proposal_id if up_to_date else "older"
        after_record = omobility(status=None, nomination__comment=word)
        outcome = made(move, here, record, after_record, proposal)
        if isinstance(outcome, Refusal):
            assert outcome.conflict == (move in RECEIVER_MOVES and not up_to_date and not here.deleted)
            continue
        there = outcome.standing
        assert outcome.changed == (there != here)
        assert here.deleted <= there.deleted
        assert (there.comment is not None) <= (there.status is Status.REJECTED)
        if move in RECEIVER_MOVES:
            assert there.proposal_id == here.proposal_id
            assert (here.status, there.status) != (Status.APPROVED, Status.REJECTED)
            assert Status.CANCELLED not in (here.status, there.status)
        else:
            assert there.status not in (Status.APPROVED, Status.REJECTED) or there.status is here.status
            assert there.proposal_id == here.proposal_id or there.status in (Status.PENDING, Status.CANCELLED)
        if move is Move.PUT:
            record = after_record
        here = there


def test_every_move_is_of_one_side_and_every_state_has_a_meaning() -> None:
    assert set(Move) == SENDER_MOVES | RECEIVER_MOVES
    assert not SENDER_MOVES & RECEIVER_MOVES
    assert set(MEANINGS) == set(ALLOWED) == set(Status)
    assert len(table().splitlines()) == 2 + len(Status)
    assert table() in (Path(__file__).parents[3] / "docs" / "nominations.md").read_text()
