"""How moves with nominations end that are not made."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ewpgw.model.omobility_states import Refusal


class NominationRefused(Exception):
    """A move that is not possible; ``refusal`` says why."""

    def __init__(self, why: Refusal) -> None:
        super().__init__(f"{why.code}: {why.words}")
        self.refusal = why


class UnknownNomination(LookupError):
    """There is no nomination of this identifier."""
