"""How moves with learning agreements end that are not made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ewpgw.model.learning_agreement_states import Refusal


class LearningAgreementRefused(Exception):
    """A move that is not possible; ``refusal`` says why."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(f"{why.code}: {why.words}")
        self.refusal = why


class UnknownLearningAgreement(LookupError):
    """There is no learning agreement of this identifier."""
