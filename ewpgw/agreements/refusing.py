"""How moves with agreements end that are not made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ewpgw.model.iia_states import Refusal
    from ewpgw.model.problems import Problem


class MoveRefused(Exception):
    """A move that is not possible; ``refusal`` says why. ``problems`` are those of the record it would have made."""

    def __init__(self, why: Refusal, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(f"{why.code}: {why.words}")
        self.refusal = why
        self.problems = problems


class UnknownAgreement(LookupError):
    """There is no agreement of this identifier, and no draft."""
