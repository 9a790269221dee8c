"""The states of an agreement of ours, and the moves they allow: pure rules, no store.

A state is not kept and pushed along: it is read off the facts (both copies as they are, the approvals that stand, the
version both sides last approved), so that lost, doubled or reordered notifications cannot leave a wrong one behind.

Sources: ewp-specs-api-iias 7 (README, Important rules; get-response.xsd; scenarios-v6-v7) and
ewp-specs-api-iias-approval 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """Where an agreement of ours stands."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    COUNTER_CHANGED = "counter-changed"
    APPROVED_BY_US = "approved-by-us"
    APPROVED_BY_PARTNER = "approved-by-partner"
    MUTUALLY_APPROVED = "mutually-approved"
    MODIFIED = "modified"
    TERMINATED = "terminated"
    CONFLICT = "conflict"
    DELETED = "deleted"


MEANINGS: Mapping[State, str] = MappingProxyType(
    {
        State.DRAFT: "written here, and not shown to the partner yet",
        State.PROPOSED: "the partner can fetch our copy; nobody has approved yet",
        State.COUNTER_CHANGED: "the partner's copy says something else than ours; nobody has approved yet",
        State.APPROVED_BY_US: "we approved the partner's copy; the partner has not approved ours",
        State.APPROVED_BY_PARTNER: "the partner approved our copy; we have not approved the partner's",
        State.MUTUALLY_APPROVED: "each side approved the other's copy as it is now: the agreement is in effect",
        State.MODIFIED: "it was approved by both, and a copy has changed since; the approved version is kept",
        State.TERMINATED: "both sides approved its termination",
        State.CONFLICT: "the two sides contradict each other; a person has to look",
        State.DELETED: "deleted before both had approved it; its identifier is never used again",
    }
)


class MappingState(StrEnum):
    """OPEN: no copy of the partner is known to be of this agreement. MAPPED: one is. VANISHED: the partner deleted the
    one that was. CUT: a person said that the one that was is of something else."""

    OPEN = "open"
    MAPPED = "mapped"
    VANISHED = "vanished"
    CUT = "cut"


class Move(StrEnum):
    """What our side can do."""

    CHANGE = "change"
    PROPOSE = "propose"
    MAP = "map"
    UNMAP = "unmap"
    APPROVE = "approve"
    REVERT = "revert"
    TERMINATE = "terminate"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class TheirCopy:
    """The partner's copy.

    ``valid``: its newest version could be used; ``iia_hash`` is of the last one that could; ``our_id`` the agreement
    of ours that it names; ``approvable``: no value is "not yet defined" or of version 6.
    """

    iia_id: str
    iia_hash: str
    valid: bool = True
    our_id: str | None = None
    approvable: bool = True
    terminated: bool = False
    in_effect: bool = False


@dataclass(frozen=True, slots=True)
class OurCopy:
    """Our copy as the partner can fetch it. ``approvable``: no value is "not yet defined" or of version 6."""

    iia_hash: str
    terminated: bool = False
    in_effect: bool = False
    approvable: bool = True


@dataclass(frozen=True, slots=True)
class Agreed:
    """The hashes of the version that both sides approved last."""

    our_hash: str
    their_hash: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the state of one agreement depends on.

    - ``ours`` is None where we serve nothing; ``deleted`` says that we did; ``draft``: a version is being written
    - ``theirs`` is the copy that ours is mapped to, None where there is none or it was not fetched yet
    - ``given`` is the hash of the partner's copy that we approved last, ``received`` that of ours the partner approved
    - ``same``: the copies say the same, as far as approval goes; None where there are not two
    """

    iia_id: str
    partner: str = ""
    ours: OurCopy | None = None
    deleted: bool = False
    draft: bool = False
    mapping: MappingState = MappingState.OPEN
    their_id: str | None = None
    theirs: TheirCopy | None = None
    given: str | None = None
    received: str | None = None
    agreed: Agreed | None = None
    same: bool | None = None

    @property
    def given_counts(self) -> bool:
        """We approved the partner's copy as it is now.

        One that was not fetched yet is the one that both approved last, as far as is known: it is of API version 6.
        """
        if self.theirs is not None:
            return self.given == self.theirs.iia_hash
        is_mapped = self.mapping is MappingState.MAPPED
        return is_mapped and self.agreed is not None and self.given == self.agreed.their_hash

    @property
    def received_counts(self) -> bool:
        """The partner approved our copy as it is now."""
        return self.received is not None and self.ours is not None and self.received == self.ours.iia_hash

    @property
    def as_agreed(self) -> bool:
        """Both copies are as both sides approved them last."""
        return (
            self.at_agreed_version
            and self.agreed is not None
            and self.theirs is not None
            and (self.theirs.iia_hash == self.agreed.their_hash)
        )

    @property
    def at_agreed_version(self) -> bool:
        """Our copy is the one of the version that both approved last."""
        return self.agreed is not None and self.ours is not None and self.ours.iia_hash == self.agreed.our_hash


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a move is not possible: ``code`` for programs, ``words`` for the person who wanted it."""

    code: str
    words: str


def state(facts: Facts) -> State:
    """Where the agreement stands."""
    if facts.deleted:
        return State.DELETED
    if facts.ours is None:
        return State.DRAFT
    if conflict(facts) is not None:
        return State.CONFLICT
    if facts.given_counts and facts.received_counts:
        both_end = facts.ours.terminated and facts.theirs is not None and facts.theirs.terminated
        return State.TERMINATED if both_end else State.MUTUALLY_APPROVED
    if facts.agreed is not None:
        return State.MODIFIED
    if facts.given_counts:
        return State.APPROVED_BY_US
    if facts.received_counts:
        return State.APPROVED_BY_PARTNER
    return State.COUNTER_CHANGED if facts.same is False else State.PROPOSED


def conflict(facts: Facts) -> Refusal | None:
    """What contradicts what, in words; None where nothing does."""
    if facts.ours is None or facts.deleted:
        return None
    if facts.mapping is MappingState.VANISHED and facts.agreed is not None:
        return Refusal(
            "partner-copy-vanished",
            f"the partner no longer serves its copy {facts.their_id} of an agreement that both sides approved, which "
            f"must not be deleted; ask the partner for it, or for a new copy that names {facts.iia_id}",
        )
    theirs = facts.theirs
    if theirs is None:
        return None
    if theirs.our_id is not None and theirs.our_id != facts.iia_id:
        return Refusal(
            "partner-names-another",
            f"the partner's copy {theirs.iia_id} says that it is of our agreement {theirs.our_id}, not of this one; "
            "cut the mapping here, or ask the partner to name the right one",
        )
    # what both approved under API version 6 stays approved, also where placeholders differ
    if facts.given_counts and facts.received_counts and facts.same is False and not facts.as_agreed:
        return Refusal(
            "approved-copies-differ",
            "each side approved the other's copy, but the copies differ; make them equal and approve again",
        )
    return None


_PUT = frozenset({Move.CHANGE, Move.PROPOSE})
ALLOWED: Mapping[State, frozenset[Move]] = MappingProxyType(
    {
        State.DRAFT: frozenset({Move.PROPOSE, Move.DELETE}),
        State.PROPOSED: _PUT | {Move.MAP, Move.UNMAP, Move.APPROVE, Move.DELETE},
        State.COUNTER_CHANGED: _PUT | {Move.UNMAP, Move.DELETE},
        State.APPROVED_BY_US: _PUT | {Move.UNMAP, Move.DELETE},
        State.APPROVED_BY_PARTNER: _PUT | {Move.MAP, Move.UNMAP, Move.APPROVE, Move.DELETE},
        State.MUTUALLY_APPROVED: _PUT | {Move.TERMINATE},
        State.MODIFIED: _PUT | {Move.APPROVE, Move.REVERT, Move.TERMINATE},
        State.TERMINATED: frozenset(),
        State.CONFLICT: _PUT | {Move.MAP, Move.UNMAP, Move.REVERT, Move.DELETE},
        State.DELETED: frozenset(),
    }
)
"""The moves that a state does not rule out. What else has to be so, ``refusal`` says."""

_LOOKED_AT = (State.COUNTER_CHANGED, State.APPROVED_BY_US)
_STATE_WORDS = {
    State.DRAFT: "it is a draft that the partner has not seen; propose it first",
    State.TERMINATED: "both sides approved its termination; make a new agreement",
    State.DELETED: "it was deleted, and its identifier is never used again; make a new agreement",
}
_MOVE_WORDS = {
    Move.MAP: "it is mapped to a copy of the partner already; cut that mapping first, where that is still possible",
    Move.UNMAP: "both sides approved it with the copy it is mapped to; a mapping that was approved is not cut",
    Move.REVERT: "there is no version that both sides approved and that it has left since; change the record instead",
    Move.DELETE: "both sides approved it, so it is no longer deleted but terminated, with the partner's approval",
    Move.APPROVE: "each side approved the other's copy as it is now; there is nothing left to approve",
}


def refusal(move: Move, facts: Facts, iia_hash: str | None = None) -> Refusal | None:
    """Why our side cannot make a move now; None where it can.

    ``iia_hash`` is the version of the partner's copy that is to be approved, as the person saw it. Approving a version
    that is approved already is no move and is not refused: whoever clicks twice means it once.
    """
    if move is Move.APPROVE and facts.given_counts and iia_hash == facts.given:
        return None
    here = state(facts)
    if move is Move.APPROVE and here is State.CONFLICT:
        return conflict(facts)
    if move is Move.TERMINATE and here not in _STATE_WORDS and facts.agreed is None:
        return Refusal(
            "never-approved", "only what both sides approved is terminated; an agreement before that is deleted"
        )
    # what keeps these two from being approved is better said by the facts
    if move not in ALLOWED[here] and not (move is Move.APPROVE and here in _LOOKED_AT):
        words = _STATE_WORDS.get(here) or _MOVE_WORDS.get(move) or f"that is not possible while it is {here}"
        return Refusal(f"state-{here}", words)
    further = _FURTHER.get(move)
    return further(facts, iia_hash) if further is not None else None


def _propose(facts: Facts, _iia_hash: str | None) -> Refusal | None:
    if not facts.draft:
        return Refusal("no-draft", "there is no draft of it; PUT …/draft keeps one")
    return None


def _map(facts: Facts, _iia_hash: str | None) -> Refusal | None:
    if facts.mapping is MappingState.MAPPED:
        return Refusal("mapped-already", f"it is mapped to the partner's copy {facts.their_id}; cut that mapping first")
    return None


def _unmap(facts: Facts, _iia_hash: str | None) -> Refusal | None:
    if facts.mapping is not MappingState.MAPPED:
        return Refusal("not-mapped", "it is not mapped to any copy of the partner")
    if facts.agreed is not None:
        return Refusal("state-approved", _MOVE_WORDS[Move.UNMAP])
    return None


def _approve(facts: Facts, iia_hash: str | None) -> Refusal | None:
    theirs = facts.theirs
    if facts.mapping is not MappingState.MAPPED:
        return Refusal(
            "not-mapped",
            "it is not known which copy of the partner is of this agreement; confirm a mapping first",
        )
    if theirs is None:
        return Refusal("no-copy", f"the partner's copy {facts.their_id} has not been fetched yet; ask for a refresh")
    if not theirs.valid:
        return Refusal(
            "copy-invalid",
            f"the newest version of the partner's copy {theirs.iia_id} is not valid; its problems are listed with the "
            "copy, and the partner has to mend it",
        )
    if theirs.our_id is None:
        return Refusal(
            "partner-has-not-mapped",
            f"the partner's copy {theirs.iia_id} does not name our {facts.iia_id} yet; as soon as it does, its hash "
            "changes, so an approval now would be lost",
        )
    if not theirs.approvable:
        return Refusal(
            "old-values",
            "the partner's copy holds values that are not yet defined, or of version 6; the partner has to give them",
        )
    if iia_hash is not None and iia_hash != theirs.iia_hash:
        return Refusal(
            "copy-changed",
            "the partner's copy is not the version you saw; look at it again and approve what you see then",
        )
    if facts.same is False:
        return Refusal(
            "copies-differ",
            "the two copies differ; the comparison names each difference: change ours, or ask the partner to",
        )
    return None


def _revert(facts: Facts, _iia_hash: str | None) -> Refusal | None:
    if facts.agreed is None:
        return Refusal("never-approved", _MOVE_WORDS[Move.REVERT])
    if facts.at_agreed_version:
        return Refusal(
            "nothing-to-revert", "our copy is the version that both approved; it is the partner's that has changed"
        )
    return None


def _terminate(facts: Facts, _iia_hash: str | None) -> Refusal | None:
    if facts.ours is not None and facts.ours.terminated:
        return Refusal("terminated-already", "its termination is proposed already, and waits for both approvals")
    if not facts.at_agreed_version:
        return Refusal(
            "changed-since", "our copy has changed since both approved it; revert to that version, then terminate it"
        )
    if facts.ours is not None and not facts.ours.approvable:
        return Refusal(
            "old-values",
            "our copy holds values that are not yet defined, or of version 6: an agreement keeps them only as long as "
            "it is as it was approved, and its termination could not be approved with them; put the record with these "
            "values given, and with terminated_as_a_whole",
        )
    return None


def _delete(facts: Facts, _iia_hash: str | None) -> Refusal | None:
    return Refusal("state-approved", _MOVE_WORDS[Move.DELETE]) if facts.agreed is not None else None


_FURTHER = MappingProxyType(
    {
        Move.PROPOSE: _propose,
        Move.MAP: _map,
        Move.UNMAP: _unmap,
        Move.APPROVE: _approve,
        Move.REVERT: _revert,
        Move.TERMINATE: _terminate,
        Move.DELETE: _delete,
    }
)


def table() -> str:
    """The states and their moves as a table in Markdown, for the documentation."""
    lines = [f"| State | Means | {' | '.join(Move)} |", f"|---|---|{'---|' * len(Move)}"]
    for here in State:
        marks = " | ".join("yes" if move in ALLOWED[here] else "no" for move in Move)
        lines.append(f"| `{here}` | {MEANINGS[here]} | {marks} |")
    return "\n".join(lines)
