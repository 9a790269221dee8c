"""Learning agreements in each stage of their lives, for the tests of the model."""

from __future__ import annotations

from typing import Any

from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_standing import Stage
from ewpgw.model.learning_agreement_states import Moved, Outcome, Refusal, approve, comment, put

from .stays import CHANGED, SIGNATURE, agreement

P = "changes_proposal"


def moved(outcome: Outcome) -> Moved:
    assert isinstance(outcome, Moved), outcome
    return outcome


def refused(outcome: Outcome) -> Refusal:
    assert isinstance(outcome, Refusal), outcome
    assert outcome.words.endswith(".")
    return outcome


def changes(day: str = "2026-10-02", **more: Any) -> LearningAgreement:
    """What a SIS hands in during the stay: changes alone, signed on a day."""
    signed = f"{day}T10:15:00+03:00"
    return agreement(
        CHANGED,
        first_version=None,
        approved_changes=None,
        **{f"{P}__student": None, f"{P}__student_signature__timestamp": signed, **more},
    )


def answered(before: Moved, words: str | None = None) -> Moved:
    """The receiving institution signs what is proposed, or comments on it."""
    proposal = str(before.standing.proposal_id)
    if words is None:
        return moved(approve(before.standing, before.record, proposal, SIGNATURE))
    return moved(comment(before.standing, before.record, proposal, words, SIGNATURE))


PROPOSED = moved(put(None, agreement()))
REJECTED = answered(PROPOSED, "The course is not held.")
AGREED = answered(PROPOSED)
CHANGING = moved(put(AGREED.standing, changes(), AGREED.record))
CHANGES_REJECTED = answered(CHANGING, "Not in English.")
CHANGES_AGREED = answered(CHANGING)
BY_STAGE = {
    Stage.FIRST_PROPOSED: PROPOSED,
    Stage.FIRST_REJECTED: REJECTED,
    Stage.AGREED: AGREED,
    Stage.CHANGES_PROPOSED: CHANGING,
    Stage.CHANGES_REJECTED: CHANGES_REJECTED,
}


def latest_id(here: Moved) -> str:
    """The proposal that waits or, where none does, the one that was answered last."""
    return here.standing.proposal_id or str(here.standing.past[-1].proposal.id)
