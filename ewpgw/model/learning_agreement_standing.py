"""Where a learning agreement stands: the proposal that waits, what was answered before, and what counts of it.

Both sides keep one of each agreement. Sources: ewp-specs-api-omobility-las 1, get-response.xsd and
examples/example-scenario.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from ewpgw.model.learning_agreement_parts import Proposal, Signature, Version

if TYPE_CHECKING:
    from collections.abc import Mapping


class Latest(StrEnum):
    """What became of the latest version (ewp-specs-api-omobility-las 1, stats-response.xsd)."""

    AWAITING = "awaiting"
    APPROVED = "approved"
    REJECTED = "rejected"


class Stage(StrEnum):
    """Where an agreement stands."""

    FIRST_PROPOSED = "first-proposed"
    FIRST_REJECTED = "first-rejected"
    AGREED = "agreed"
    CHANGES_PROPOSED = "changes-proposed"
    CHANGES_REJECTED = "changes-rejected"


MEANINGS: Mapping[Stage, str] = MappingProxyType(
    {
        Stage.FIRST_PROPOSED: "the first version waits for the receiving institution's signature",
        Stage.FIRST_REJECTED: "the receiving institution commented on the proposed first version, which ended it",
        Stage.AGREED: "all three have signed the latest version",
        Stage.CHANGES_PROPOSED: "changes wait for the receiving institution's signature; what was agreed on holds",
        Stage.CHANGES_REJECTED: "the receiving institution commented on changes, which ended them; the rest holds",
    }
)


@dataclass(frozen=True, slots=True)
class Past:
    """A proposal that has been answered: approved by a signature, or rejected by a comment.

    The receiving institution's ``signature`` is that under its answer. ``comment`` is None where it approved.
    """

    proposal: Proposal
    signature: Signature | None
    comment: str | None = None

    @property
    def approved(self) -> bool:
        """Whether the proposal became part of the agreement."""
        return self.comment is None

    @property
    def version(self) -> Version:
        """The tables with all three signatures."""
        return self.proposal.signed(self.signature)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an agreement stands: the proposal that waits for an answer, and those that were answered, oldest first."""

    current: Proposal | None = None
    past: tuple[Past, ...] = ()
    deleted: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing was answered and nothing waits, as where a partner took its only proposal back."""
        return self.current is None and not self.past

    @property
    def approved(self) -> tuple[Past, ...]:
        """The proposals that were approved: that of the first version, then the lists of changes to it."""
        return tuple(one for one in self.past if one.approved)

    @property
    def first_version(self) -> Version | None:
        """What all three signed first."""
        return self.approved[0].version if self.approved else None

    @property
    def approved_changes(self) -> Version | None:
        """The list of changes that was approved last; it replaces those before it."""
        return self.approved[-1].version if len(self.approved) > 1 else None

    @property
    def latest(self) -> Latest:
        """What became of the latest version."""
        if self.current is not None or not self.past:
            return Latest.AWAITING
        return Latest.APPROVED if self.past[-1].approved else Latest.REJECTED

    @property
    def stage(self) -> Stage:
        """Where the agreement stands, in one word."""
        return STAGES[self.latest, bool(self.approved)]

    @property
    def proposal_id(self) -> str | None:
        """The id of the proposal that waits for an answer; None where none does."""
        return self.current.id if self.current is not None else None

    @property
    def comment(self) -> str | None:
        """What the receiving institution said to the latest version; None where it did not comment on that."""
        return self.past[-1].comment if self.latest is Latest.REJECTED else None

    def json_text(self) -> str:
        """The standing as JSON text, for keeping; always the same for the same standing."""
        return _ADAPTER.dump_json(self, exclude_defaults=True).decode()

    @staticmethod
    def from_json_text(text: str) -> Standing:
        """The standing that was kept as text. Raises pydantic.ValidationError for another text."""
        return _ADAPTER.validate_json(text)


_ADAPTER: TypeAdapter[Standing] = TypeAdapter(Standing)
STAGES: Mapping[tuple[Latest, bool], Stage] = MappingProxyType(
    {
        (Latest.AWAITING, False): Stage.FIRST_PROPOSED,
        (Latest.REJECTED, False): Stage.FIRST_REJECTED,
        (Latest.APPROVED, True): Stage.AGREED,
        (Latest.AWAITING, True): Stage.CHANGES_PROPOSED,
        (Latest.REJECTED, True): Stage.CHANGES_REJECTED,
    }
)
"""The stage by what became of the latest version, and whether some version was approved."""
