"""What became of an answer, as the partner's agreement shows: the table of all that can be seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from support.learning import NORTH, RETITLED, SOUTH, changes, learning

from ewpgw.learning_agreements.received import APPROVED, COMMENTED, LearningAgreementJudge
from ewpgw.learning_agreements.service import Signer
from ewpgw.model import learning_agreement_update
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_states import Moved, approve, put
from ewpgw.model.learning_agreement_update import ApproveProposal, CommentProposal, Update
from ewpgw.store.decisions import Decision, DecisionKey, DecisionState

NOW = datetime(2026, 5, 20, 9, tzinfo=UTC)
SIGNATURE = Signer("Anders Berg", "Coordinator", f"anders.berg@{SOUTH}").signature(NOW)


def proposed(before: Moved | None = None, **named: Any) -> Moved:
    """North proposes the first version or, where there is one, changes."""
    given = learning(NORTH, "n1", SOUTH, **named) if before is None else changes(NORTH, "n1", SOUTH, **named)
    record = LearningAgreement.model_validate(given)
    outcome = put(None, record) if before is None else put(before.standing, record, before.record)
    assert isinstance(outcome, Moved)
    return outcome


def signed(before: Moved, **parts: str) -> Moved:
    """South signs; its signature is kept with these parts written otherwise."""
    by = SIGNATURE.model_copy(update=parts)
    outcome = approve(before.standing, before.record, str(before.standing.proposal_id), by)
    assert isinstance(outcome, Moved)
    return outcome


def decision(verdict: str, about: Moved, sent_at: datetime | None = NOW) -> Decision:
    """South's answer to what is proposed, sent unless told."""
    proposal = str(about.standing.proposal_id)
    answer: ApproveProposal | CommentProposal
    if verdict == APPROVED:
        answer = ApproveProposal(omobility_id="n1", changes_proposal_id=proposal, signature=SIGNATURE)
    else:
        answer = CommentProposal(omobility_id="n1", changes_proposal_id=proposal, signature=SIGNATURE, comment="No")
    document = learning_agreement_update.encode(Update.of(NORTH, answer))
    key = DecisionKey(SOUTH, "omobility-las", NORTH, "n1")
    state = DecisionState.WAITING
    return Decision(key, 1, proposal, verdict, None, document, None, NOW, state, None, None, None, sent_at)


FIRST = proposed()
OTHER = proposed(**RETITLED)
AGREED = signed(FIRST)
CHANGING = proposed(AGREED)


@pytest.mark.parametrize(
    ("verdict", "about", "shown", "outcome"),
    [
        (APPROVED, FIRST, FIRST, "open"),
        (APPROVED, FIRST, AGREED, "made"),
        (APPROVED, FIRST, signed(FIRST, timestamp="2026-05-20T11:00:00.5+02:00", signer_name="A. Berg"), "made"),
        (APPROVED, FIRST, signed(FIRST, timestamp="2026-05-20T09:00:01Z"), "overtaken"),
        (APPROVED, FIRST, OTHER, "overtaken"),
        (APPROVED, FIRST, None, "impossible"),
        (APPROVED, CHANGING, CHANGING, "open"),
        (APPROVED, CHANGING, signed(CHANGING), "made"),
        (COMMENTED, FIRST, FIRST, "open"),
        (COMMENTED, FIRST, None, "made"),
        (COMMENTED, FIRST, OTHER, "overtaken"),
        (COMMENTED, CHANGING, AGREED, "made"),
        (COMMENTED, CHANGING, CHANGING, "open"),
    ],
)
def test_what_is_shown_tells_what_became_of_an_answer(
    verdict: str, about: Moved, shown: Moved | None, outcome: str
) -> None:
    document = shown.record.json_text() if shown is not None else None
    assert LearningAgreementJudge().outcome(document, decision(verdict, about)) == outcome


@pytest.mark.parametrize(("shown", "outcome"), [(FIRST, "open"), (None, "impossible"), (AGREED, "overtaken")])
def test_a_comment_that_was_never_sent_has_not_ended_what_the_partner_took_back(
    shown: Moved | None, outcome: str
) -> None:
    about = CHANGING if shown is AGREED else FIRST
    document = shown.record.json_text() if shown is not None else None
    assert LearningAgreementJudge().outcome(document, decision(COMMENTED, about, sent_at=None)) == outcome


def test_a_proposal_that_is_shown_beside_its_signed_version_is_signed() -> None:
    beside = AGREED.record.model_copy(update={"changes_proposal": FIRST.standing.current})
    assert LearningAgreementJudge().outcome(beside.json_text(), decision(APPROVED, FIRST)) == "made"
