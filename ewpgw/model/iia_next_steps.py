"""What has to be done next about an agreement, and by whom, in words for a coordinator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.model.iia_states import MappingState, State, conflict, state

if TYPE_CHECKING:
    from ewpgw.model.iia_states import Facts, TheirCopy


def next_step(facts: Facts) -> str:
    """What has to be done next, and by whom, in words for a coordinator."""
    here = state(facts)
    if here is State.DRAFT:
        return "We: finish the draft and propose it."
    if here in _ENDED:
        return _ENDED[here]
    if (found := conflict(facts)) is not None:
        return f"{found.words[0].upper()}{found.words[1:]}."
    if facts.mapping is MappingState.VANISHED:
        return f"The partner deleted its copy {facts.their_id}. We: delete ours too, or confirm another copy."
    if facts.mapping is not MappingState.MAPPED:
        return (
            "We: confirm which copy of the partner is of this agreement, where there is one. "
            "The partner: make a copy that names ours."
        )
    theirs = facts.theirs
    if theirs is None:
        return f"The partner's copy {facts.their_id} has yet to be fetched."
    steps = _towards_approval(facts, theirs)
    if theirs.in_effect and facts.agreed is None and facts.ours is not None and not facts.ours.in_effect:
        return (
            "The partner's copy says that it is in effect, but here no version is known that both approved. "
            f"We: ask the partner which version it means. {steps}"
        )
    return steps


def _towards_approval(facts: Facts, theirs: TheirCopy) -> str:
    """What keeps the two copies from being approved by both."""
    if not theirs.valid:
        return "The partner: mend its copy, whose newest version is not valid."
    if theirs.our_id is None:
        return f"The partner: name our {facts.iia_id} in its copy, so that both know they are of one agreement."
    if facts.same is False:
        return _towards_equal_copies(facts, theirs)
    if not theirs.approvable:
        return "The partner: fill in the values that are not yet defined, or of version 6."
    if not facts.given_counts:
        step = "We: approve the partner's copy."
        return step if facts.received_counts else f"{step} The partner: approve ours."
    return "The partner: approve our copy."


def _towards_equal_copies(facts: Facts, theirs: TheirCopy) -> str:
    """Who has to move where the copies differ: whoever has not changed what both approved takes over the change."""
    ours, agreed = facts.ours, facts.agreed
    if ours is None or agreed is None:
        return "Either side: make the copies equal; the comparison names each difference."
    if ours.terminated is not theirs.terminated:
        if theirs.terminated:
            return "The partner proposes to terminate it. We: terminate it too, or ask the partner to take that back."
        return "We propose to terminate it. The partner: terminate it too. We: revert, to take that back."
    if facts.at_agreed_version:
        return "The partner has changed its copy. We: take the change over, or ask the partner to go back."
    if theirs.iia_hash == agreed.their_hash:
        return "We have changed our copy. The partner: take the change over. We: revert, to take it back."
    return "Either side: make the copies equal, or go back to what both approved; the comparison names each difference."


_ENDED = {
    State.DELETED: "Nothing: it is deleted.",
    State.TERMINATED: "Nothing: it is terminated.",
    State.MUTUALLY_APPROVED: "Nothing: it is in effect.",
}
