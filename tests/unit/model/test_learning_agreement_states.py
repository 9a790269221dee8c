"""The life of a learning agreement: what each side may do in each stage, and what the record then looks like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as whatever
from hypothesis import settings
from hypothesis import strategies as st

from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_parts import Signature
from ewpgw.model.learning_agreement_rules import problems
from ewpgw.model.learning_agreement_standing import MEANINGS, Latest, Stage, Standing
from ewpgw.model.learning_agreement_states import (
    ALLOWED,
    RECEIVER_MOVES,
    SENDER_MOVES,
    Move,
    Moved,
    Outcome,
    Refusal,
    another,
    approve,
    comment,
    delete,
    put,
    stranger,
    table,
)

from .lives import (
    AGREED,
    BY_STAGE,
    CHANGES_AGREED,
    CHANGES_REJECTED,
    CHANGING,
    PROPOSED,
    REJECTED,
    P,
    answered,
    changes,
    latest_id,
    moved,
    refused,
)
from .stays import BLENDED, CHANGED, DOCTORAL, SEMESTER, SIGNATURE, agreement, given, read
from .strategies import OTHER, OWNER

MOVES: dict[Move, Callable[[Moved], Outcome]] = {
    Move.PUT: lambda here: put(
        here.standing, changes("2026-11-01") if here.standing.approved else agreement(isced_f_code="0611"), here.record
    ),
    Move.DELETE: lambda here: delete(here.standing, here.record),
    Move.APPROVE: lambda here: approve(here.standing, here.record, latest_id(here), SIGNATURE),
    Move.COMMENT: lambda here: comment(here.standing, here.record, latest_id(here), "Once more.", SIGNATURE),
}


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("move", Move)
def test_the_table_says_what_each_stage_allows(stage: Stage, move: Move) -> None:
    here = BY_STAGE[stage]
    assert here.standing.stage is stage
    outcome = MOVES[move](here)
    assert isinstance(outcome, Moved) == (move in ALLOWED[stage]), outcome
    if isinstance(outcome, Refusal):
        assert outcome.conflict == (move in RECEIVER_MOVES)
        refused(outcome)


def test_every_move_is_of_one_side_and_every_stage_has_a_meaning() -> None:
    assert set(Move) == SENDER_MOVES | RECEIVER_MOVES
    assert not SENDER_MOVES & RECEIVER_MOVES
    assert set(MEANINGS) == set(ALLOWED) == set(Stage)
    assert len(table().splitlines()) == 2 + len(Stage)
    assert table() in (Path(__file__).parents[3] / "docs" / "learning-agreements.md").read_text()


def test_a_proposal_that_is_signed_is_the_first_version_with_three_signatures() -> None:
    assert PROPOSED.record == agreement()
    assert PROPOSED.changed
    record = AGREED.record
    assert record.changes_proposal is None
    assert record.first_version is not None
    assert record.first_version.receiving_hei_signature == SIGNATURE
    assert PROPOSED.standing.current is not None
    assert record.first_version.fingerprint() == PROPOSED.standing.current.fingerprint()
    assert AGREED.standing.latest is Latest.APPROVED
    assert list(problems(OWNER, record)) == []


def test_a_comment_ends_the_proposal_and_the_agreement_is_no_longer_shown() -> None:
    assert REJECTED.record.changes_proposal is None
    assert not REJECTED.record.listed
    assert REJECTED.standing.comment == "The course is not held."
    assert REJECTED.standing.latest is Latest.REJECTED


def test_a_comment_on_changes_leaves_what_was_agreed_on() -> None:
    assert CHANGES_REJECTED.record == AGREED.record
    assert CHANGES_REJECTED.record.listed


def test_the_changes_approved_last_take_the_place_of_those_before() -> None:
    assert CHANGES_AGREED.record.first_version == AGREED.record.first_version
    first_changes = CHANGES_AGREED.record.approved_changes
    assert first_changes is not None
    again = moved(put(CHANGES_AGREED.standing, changes("2026-11-01"), CHANGES_AGREED.record))
    assert again.record.approved_changes == first_changes
    assert again.record.proposal_id == again.standing.proposal_id
    done = answered(again)
    assert done.record.approved_changes is not None
    assert done.record.approved_changes.fingerprint() != first_changes.fingerprint()
    assert len(done.standing.approved) == 3
    assert list(problems(OWNER, done.record)) == []


def test_what_was_answered_is_not_proposed_again_by_being_handed_in_again() -> None:
    for here, record in ((AGREED, agreement()), (CHANGES_AGREED, changes())):
        again = moved(put(here.standing, record, here.record))
        assert again == Moved(here.standing, here.record, changed=False)
    for here, record in ((REJECTED, agreement()), (CHANGES_REJECTED, changes())):
        again = moved(put(here.standing, record, here.record))
        assert (again.standing, again.record, again.changed) == (here.standing, here.record, False)
        assert [one.path for one in again.warnings] == [P]


def test_a_proposal_that_is_signed_anew_is_a_new_one() -> None:
    anew = agreement(**{f"{P}__student_signature__timestamp": "2026-05-30T10:15:00+03:00"})
    again = moved(put(REJECTED.standing, anew, REJECTED.record))
    assert again.standing.stage is Stage.FIRST_PROPOSED
    assert again.standing.proposal_id not in (None, PROPOSED.standing.proposal_id)
    assert again.standing.past == REJECTED.standing.past


def test_another_proposal_takes_the_place_of_one_that_waits() -> None:
    other = moved(put(CHANGING.standing, changes("2026-10-03"), CHANGING.record))
    assert other.standing.proposal_id != CHANGING.standing.proposal_id
    assert other.standing.past == CHANGING.standing.past
    back = moved(put(CHANGING.standing, agreement(changes_proposal=None), CHANGING.record))
    assert back == Moved(AGREED.standing, AGREED.record, changed=True)


def test_other_data_change_without_a_proposal_and_are_told() -> None:
    written = agreement(student__email="new@north.example", isced_clarification="Else")
    after = moved(put(AGREED.standing, written, AGREED.record))
    assert after.standing == AGREED.standing
    assert after.changed
    assert after.record.student.email == "new@north.example"
    assert after.warnings == ()


def test_an_agreement_needs_something_signed() -> None:
    nothing = agreement(changes_proposal=None)
    assert refused(put(None, nothing)).code == "nothing-proposed"
    assert refused(put(PROPOSED.standing, nothing, PROPOSED.record)).code == "nothing-proposed"
    assert moved(put(REJECTED.standing, nothing, REJECTED.record)).standing == REJECTED.standing


@pytest.mark.parametrize(
    ("here", "record"),
    [
        (None, changes()),
        (AGREED, agreement(**{f"{P}__student_signature__timestamp": "2026-06-01T00:00:00Z"})),
    ],
)
def test_a_first_version_is_no_list_of_changes_and_a_list_of_changes_no_first_version(
    here: Moved | None, record: LearningAgreement
) -> None:
    before, earlier = (here.standing, here.record) if here is not None else (None, None)
    refusal = refused(put(before, record, earlier))
    assert refusal.code == "proposal"
    assert refusal.problems
    assert not refusal.conflict


@pytest.mark.parametrize("kind", [BLENDED, DOCTORAL])
def test_short_stays_are_signed_once_and_not_changed(kind: str) -> None:
    first = moved(put(None, agreement(kind)))
    agreed = answered(first)
    assert agreed.record.mobility_type.value == kind
    again = agreement(kind, **{f"{P}__student_signature__timestamp": "2027-02-01T00:00:00Z"})
    assert "not changed once" in refused(put(agreed.standing, again, agreed.record)).words
    renamed = moved(put(agreed.standing, agreement(kind, student__family_name="Niemi"), agreed.record))
    assert renamed.record.student.family_name == "Niemi"


def test_an_agreement_that_was_signed_elsewhere_is_taken_over_with_all_it_says() -> None:
    after = moved(put(None, agreement(CHANGED)))
    assert after.standing.stage is Stage.CHANGES_PROPOSED
    assert [one.approved for one in after.standing.past] == [True, True]
    assert after.record == agreement(CHANGED)
    assert moved(put(after.standing, agreement(CHANGED), after.record)) == Moved(
        after.standing, after.record, changed=False
    )
    late = agreement(first_version=given(CHANGED)["first_version"], changes_proposal=None)
    assert moved(put(REJECTED.standing, late, REJECTED.record)).standing.stage is Stage.AGREED


@pytest.mark.parametrize(
    ("here", "record", "code"),
    [
        (None, agreement(CHANGED, first_version=None), "no-first-version"),
        (AGREED, agreement(CHANGED), "other-approved-changes"),
        (
            AGREED,
            agreement(CHANGED, first_version__student_signature__timestamp="2026-01-01T00:00:00Z"),
            "other-first-version",
        ),
    ],
)
def test_approvals_are_never_taken_from_the_sis_once_the_partner_has_approved_something(
    here: Moved | None, record: LearningAgreement, code: str
) -> None:
    before, earlier = (here.standing, here.record) if here is not None else (None, None)
    assert refused(put(before, record, earlier)).code == code


def test_a_sis_that_has_not_heard_of_the_newest_approval_is_no_fault() -> None:
    again = answered(moved(put(CHANGES_AGREED.standing, changes("2026-11-01"), CHANGES_AGREED.record)))
    stale = CHANGES_AGREED.record.model_copy(update={"student": again.record.student})
    assert moved(put(again.standing, stale, again.record)) == Moved(again.standing, again.record, changed=False)


def test_changed_names_are_proposed_and_agreed_on_before_they_count() -> None:
    renamed = {"student__family_name": "Niemi", "student__email": "niemi@north.example"}
    waiting = moved(put(AGREED.standing, agreement(**renamed), AGREED.record))
    assert waiting.record.student.family_name == "Mäkelä"
    assert waiting.record.student.email == "niemi@north.example"
    assert [one.path for one in waiting.warnings] == ["student.family_name"]
    proposed = moved(put(waiting.standing, changes(**renamed), waiting.record))
    assert proposed.warnings == ()
    assert proposed.record.student.family_name == "Mäkelä"
    assert proposed.record.changes_proposal is not None
    assert proposed.record.to_json()[P]["student"] == {"family_name": "Niemi"}
    assert proposed.record.proposal_id != changes().proposal_id
    handed_back = moved(put(proposed.standing, proposed.record, proposed.record))
    assert not handed_back.changed
    done = answered(proposed)
    assert done.record.student.family_name == "Niemi"
    assert not moved(put(done.standing, changes(**renamed), done.record)).changed


def test_before_the_first_approval_names_just_change() -> None:
    changed: Any = {"family_name": "Niemi"}
    after = moved(put(PROPOSED.standing, agreement(**{f"{P}__student": changed}), PROPOSED.record))
    assert after.record.student.family_name == "Niemi"
    assert after.record.changes_proposal is not None
    assert after.record.changes_proposal.student is None
    assert after.standing.proposal_id == PROPOSED.standing.proposal_id


@pytest.mark.parametrize("here", [*BY_STAGE.values(), CHANGES_AGREED])
def test_an_answer_to_another_proposal_is_a_conflict_in_every_stage(here: Moved) -> None:
    for outcome in (
        approve(here.standing, here.record, "older", SIGNATURE),
        comment(here.standing, here.record, "older", "No.", SIGNATURE),
    ):
        assert refused(outcome).conflict
        assert "newest version" in refused(outcome).words


def test_the_answer_to_a_former_proposal_is_a_conflict_once_another_waits() -> None:
    former = str(PROPOSED.standing.proposal_id)
    assert refused(approve(CHANGING.standing, CHANGING.record, former, SIGNATURE)).code == "proposal-changed"


def test_a_repeated_answer_is_a_success_that_changes_nothing() -> None:
    again = approve(AGREED.standing, AGREED.record, str(PROPOSED.standing.proposal_id), SIGNATURE)
    assert again == Moved(AGREED.standing, AGREED.record, changed=False)
    words = str(REJECTED.standing.comment)
    commented = comment(REJECTED.standing, REJECTED.record, str(PROPOSED.standing.proposal_id), words, SIGNATURE)
    assert commented == Moved(REJECTED.standing, REJECTED.record, changed=False)


@pytest.mark.parametrize("field", ["signer_name", "signer_position", "signer_email"])
def test_an_approval_says_who_signed(field: str) -> None:
    signature = SIGNATURE.model_copy(update={field: None})
    proposal = str(PROPOSED.standing.proposal_id)
    refusal = refused(approve(PROPOSED.standing, PROPOSED.record, proposal, signature))
    assert (refusal.code, refusal.conflict) == ("signature", False)
    assert [one.path for one in refusal.problems] == [f"signature.{field}"]
    bare = Signature(timestamp="2026-05-20T09:00:00Z")
    assert isinstance(comment(PROPOSED.standing, PROPOSED.record, proposal, "No.", bare), Moved)


@pytest.mark.parametrize("words", ["", " \n"])
def test_a_comment_says_something(words: str) -> None:
    outcome = comment(PROPOSED.standing, PROPOSED.record, str(PROPOSED.standing.proposal_id), words, SIGNATURE)
    assert refused(outcome).code == "no-comment"


def test_only_what_is_not_signed_by_all_is_deleted_and_it_does_not_come_back() -> None:
    assert refused(delete(AGREED.standing, AGREED.record)).code == "agreed"
    gone = moved(delete(PROPOSED.standing, PROPOSED.record))
    assert gone.standing.deleted
    assert moved(delete(gone.standing, gone.record)) == Moved(gone.standing, gone.record, changed=False)
    for outcome in (put(gone.standing, agreement()), *(MOVES[move](gone) for move in RECEIVER_MOVES)):
        assert refused(outcome).code == "deleted"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ({"sending_hei__hei_id": "third.example"}, "other-sending-hei"),
        ({"receiving_hei__hei_id": "third.example"}, "other-receiving-hei"),
        ({"student__global_id": "2", "student__birth_date": "2003-01-01"}, "other-student"),
        ({"student__global_id": "2", "student__family_name": "Niemi"}, "other-student"),
    ],
)
def test_institutions_and_student_never_change(written: dict[str, Any], code: str) -> None:
    assert refused(put(PROPOSED.standing, agreement(**written), PROPOSED.record)).code == code


@pytest.mark.parametrize(
    "written",
    [
        {"student__global_id": "urn:schac:personalUniqueCode:int:esi:fi:corrected"},
        {"student__birth_date": "2004-06-01", "student__family_name": "Niemi"},
        {"student__global_id": "2", "student__family_name": " mÄkelä "},
    ],
)
def test_data_of_the_same_student_may_be_corrected(written: dict[str, Any]) -> None:
    assert another(agreement(), agreement(**written)) is None


@pytest.mark.parametrize(
    ("record", "sender", "callers", "code"),
    [
        (agreement(), OWNER, {OTHER}, None),
        (agreement(), OWNER, {"third.example", OTHER}, None),
        (None, OWNER, {OTHER}, "unknown"),
        (agreement(), OWNER, {"third.example"}, "unknown"),
        (agreement(), OWNER, {OWNER}, "unknown"),
        (agreement(), OWNER, set(), "unknown"),
        (agreement(), "third.example", {OTHER}, "other-sender"),
        (agreement(), "third.example", {OWNER}, "unknown"),
    ],
)
def test_only_the_receiving_institution_has_a_say(
    record: LearningAgreement | None, sender: str, callers: set[str], code: str | None
) -> None:
    refusal = stranger(record, sender, callers)
    assert (refusal.code if refusal is not None else None) == code
    assert refusal is None or not refusal.conflict


@pytest.mark.parametrize("here", [*BY_STAGE.values(), CHANGES_AGREED])
def test_a_standing_is_kept_as_text(here: Moved) -> None:
    text = here.standing.json_text()
    assert Standing.from_json_text(text) == here.standing
    assert Standing.from_json_text(text).json_text() == text


steps = st.lists(
    st.tuples(st.sampled_from(Move), st.booleans(), st.sampled_from(["2026-10-02", "2026-10-03"])), max_size=12
)


def made(move: Move, here: Moved, written: LearningAgreement, proposal: str) -> Outcome:
    """What becomes of a move, of whichever side it is."""
    if move is Move.PUT:
        return put(here.standing, written, here.record)
    if move is Move.DELETE:
        return delete(here.standing, here.record)
    if move is Move.APPROVE:
        return approve(here.standing, here.record, proposal, SIGNATURE)
    return comment(here.standing, here.record, proposal, "No.", SIGNATURE)


@settings(max_examples=50, deadline=None)
@whatever(steps)
def test_whatever_is_done_the_rules_hold(done: list[tuple[Move, bool, str]]) -> None:
    here = PROPOSED
    for move, up_to_date, day in done:
        proposal = latest_id(here) if up_to_date else "older"
        first = agreement(**{f"{P}__student_signature__timestamp": f"{day}T00:00:00Z"})
        written = changes(day) if here.standing.approved else first
        outcome = made(move, here, written, proposal)
        if isinstance(outcome, Refusal):
            assert not outcome.conflict or move in RECEIVER_MOVES
            assert here.standing.deleted or outcome.code == "agreed" or move in RECEIVER_MOVES
            continue
        before, after, record = here.standing, outcome.standing, outcome.record
        assert outcome.changed == ((after, record) != (before, here.record))
        assert after.past[: len(before.past)] == before.past
        assert before.deleted <= after.deleted
        if not after.deleted:
            assert record.first_version == after.first_version
            assert record.approved_changes == after.approved_changes
            assert record.changes_proposal == after.current
            assert all(one.severity == "warning" for one in problems(OWNER, record))
            assert read(record.to_json()) == record
        if move in SENDER_MOVES:
            assert after.approved == before.approved
        here = outcome


def test_a_semester_that_was_never_approved_keeps_its_kind_open() -> None:
    assert agreement(SEMESTER).mobility_type.value == SEMESTER
    other = agreement(BLENDED, omobility_id="2026-301")
    assert moved(put(PROPOSED.standing, other, PROPOSED.record)).record.mobility_type.value == BLENDED
