"""The states of an agreement, and what each lets our side do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ewpgw.model.iia_next_steps import next_step
from ewpgw.model.iia_states import (
    ALLOWED,
    MEANINGS,
    Agreed,
    Facts,
    MappingState,
    Move,
    OurCopy,
    State,
    TheirCopy,
    conflict,
    refusal,
    state,
    table,
)

OURS, THEIRS = OurCopy("our hash"), TheirCopy("s1", "their hash", our_id="n1")
MAPPED = Facts("n1", "south.example", ours=OURS, mapping=MappingState.MAPPED, their_id="s1", theirs=THEIRS, same=True)
BOTH = replace(MAPPED, given="their hash", received="our hash", agreed=Agreed("our hash", "their hash"))
ENDED = replace(BOTH, ours=OurCopy("our hash", terminated=True), theirs=replace(THEIRS, terminated=True))
CHANGED = replace(BOTH, ours=OurCopy("new hash"), same=False)
BY_STATE = {
    State.DRAFT: Facts("n1", draft=True),
    State.PROPOSED: MAPPED,
    State.COUNTER_CHANGED: replace(MAPPED, same=False),
    State.APPROVED_BY_US: replace(MAPPED, given="their hash"),
    State.APPROVED_BY_PARTNER: replace(MAPPED, received="our hash"),
    State.MUTUALLY_APPROVED: BOTH,
    State.MODIFIED: CHANGED,
    State.TERMINATED: ENDED,
    State.CONFLICT: replace(BOTH, same=False, agreed=Agreed("former hash", "their former hash")),
    State.DELETED: Facts("n1", deleted=True),
}


@pytest.mark.parametrize("expected", State)
def test_a_state_is_read_off_the_facts(expected: State) -> None:
    assert state(BY_STATE[expected]) is expected


def test_an_approval_of_another_version_does_not_count() -> None:
    assert state(replace(MAPPED, given="old", received="older")) is State.PROPOSED
    assert state(replace(BOTH, received="older")) is State.MODIFIED


def test_what_both_approved_as_it_is_stays_approved_though_it_is_not_the_same() -> None:
    assert state(replace(BOTH, same=False)) is State.MUTUALLY_APPROVED


def test_a_copy_that_was_not_fetched_yet_is_taken_to_be_the_one_both_approved() -> None:
    legacy = replace(BOTH, theirs=None)
    assert state(legacy) is State.MUTUALLY_APPROVED
    assert state(replace(legacy, agreed=None)) is State.APPROVED_BY_PARTNER
    assert state(replace(legacy, given="another hash")) is State.MODIFIED
    assert state(replace(legacy, mapping=MappingState.OPEN)) is State.MODIFIED


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ("new", "their hash", "We have changed our copy"),
        ("our hash", "new", "The partner has changed its copy"),
        ("new", "new", "go back to what both approved"),
    ],
)
def test_whoever_has_to_move_after_a_change_is_named(ours: str, theirs: str, said: str) -> None:
    changed = replace(BOTH, ours=OurCopy(ours), theirs=replace(THEIRS, iia_hash=theirs), same=False)
    assert said in next_step(changed)
    ended = replace(changed, ours=OurCopy(ours, terminated=True))
    assert next_step(ended).startswith("We propose to terminate it.")
    both_end = replace(ended, theirs=replace(THEIRS, iia_hash=theirs, terminated=True))
    assert said in next_step(both_end)
    theirs_ends = replace(changed, theirs=replace(THEIRS, iia_hash=theirs, terminated=True))
    assert next_step(theirs_ends).startswith("The partner proposes to terminate it.")


def test_a_partner_that_holds_for_agreed_what_is_not_agreed_here_is_named() -> None:
    theirs = replace(THEIRS, in_effect=True)
    assert "which version it means" in next_step(replace(MAPPED, theirs=theirs))
    assert "which version it means" not in next_step(replace(MAPPED, theirs=theirs, ours=replace(OURS, in_effect=True)))
    assert "which version it means" not in next_step(replace(CHANGED, theirs=theirs))


def test_going_back_to_the_approved_version_brings_the_approvals_back() -> None:
    assert state(replace(CHANGED, ours=OURS, same=True)) is State.MUTUALLY_APPROVED


def test_a_termination_that_one_side_alone_wants_is_a_modification() -> None:
    ours = OurCopy("ending", terminated=True)
    assert state(replace(BOTH, ours=ours, same=False)) is State.MODIFIED


def test_the_table_allows_exactly_what_can_happen_in_a_state() -> None:
    possible: dict[State, set[Move]] = {here: set() for here in State}
    for facts in _all_facts():
        here = state(facts)
        for move in set(Move) - possible[here]:
            approved_already = move is Move.APPROVE and facts.given_counts and facts.given == "a"
            if not approved_already and refusal(move, facts, "a") is None:
                possible[here].add(move)
    assert possible == {here: set(moves) for here, moves in ALLOWED.items()}


def _all_facts() -> Iterator[Facts]:
    """Every combination that the rules tell apart."""
    ours = [None, *(OurCopy(iia_hash, terminated) for iia_hash, terminated in product("ab", (False, True)))]
    theirs = [
        TheirCopy("s1", iia_hash, our_id=our_id, terminated=terminated)
        for iia_hash, our_id, terminated in product("ab", (None, "n1", "n2"), (False, True))
    ]
    pairs: list[tuple[MappingState, TheirCopy | None]] = [(mapping, None) for mapping in MappingState]
    pairs += [(MappingState.MAPPED, copy) for copy in theirs]
    agreed = [None, Agreed("a", "a"), Agreed("b", "b")]
    for mine, draft, (mapping, copy) in product(ours, (False, True), pairs):
        for given_hash, received, both, same in product((None, "a", "b"), (None, "a", "b"), agreed, (False, True)):
            compared = same if mine is not None and copy is not None else None
            yield Facts(
                "n1", "south.example", mine, False, draft, mapping, "s1", copy, given_hash, received, both, compared
            )
    yield Facts("n1", deleted=True)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (replace(MAPPED, mapping=MappingState.OPEN, theirs=None, same=None), "not-mapped"),
        (replace(MAPPED, theirs=None, same=None), "no-copy"),
        (replace(MAPPED, theirs=replace(THEIRS, valid=False)), "copy-invalid"),
        (replace(MAPPED, theirs=replace(THEIRS, our_id=None)), "partner-has-not-mapped"),
        (replace(MAPPED, theirs=replace(THEIRS, approvable=False)), "old-values"),
        (replace(MAPPED, same=False), "copies-differ"),
        (replace(MAPPED, theirs=replace(THEIRS, our_id="n9")), "partner-names-another"),
        (replace(MAPPED, given="their hash"), "copy-changed"),
        (Facts("n1", draft=True), "state-draft"),
        (Facts("n1", deleted=True), "state-deleted"),
        (BOTH, "state-mutually-approved"),
    ],
)
def test_an_approval_is_refused_for_the_reason_that_holds(facts: Facts, code: str) -> None:
    refused = refusal(Move.APPROVE, facts, "another hash" if facts.given else None)
    assert refused is not None
    assert refused.code == code


def test_only_the_version_that_was_seen_is_approved() -> None:
    assert refusal(Move.APPROVE, MAPPED, "their hash") is None
    refused = refusal(Move.APPROVE, MAPPED, "the hash of yesterday")
    assert refused is not None
    assert refused.code == "copy-changed"


def test_approving_what_is_approved_already_is_not_refused() -> None:
    for facts in (BOTH, ENDED, replace(MAPPED, given="their hash")):
        assert refusal(Move.APPROVE, facts, "their hash") is None


def test_our_copy_at_the_agreed_version_is_terminated_also_while_the_partners_differs() -> None:
    facts = replace(BOTH, theirs=replace(THEIRS, iia_hash="ending", terminated=True), same=False)
    assert state(facts) is State.MODIFIED
    assert refusal(Move.TERMINATE, facts) is None
    refused = refusal(Move.TERMINATE, CHANGED)
    assert refused is not None
    assert refused.code == "changed-since"


def test_what_both_approved_is_neither_deleted_nor_unmapped() -> None:
    for facts in (BOTH, CHANGED, ENDED, BY_STATE[State.CONFLICT]):
        for move in (Move.DELETE, Move.UNMAP):
            assert refusal(move, facts) is not None


_hashes = st.none() | st.sampled_from(["a", "b"])
_their_copies = st.none() | st.builds(
    TheirCopy,
    st.just("s1"),
    st.sampled_from(["a", "b"]),
    st.booleans(),
    st.sampled_from([None, "n1", "n2"]),
    st.booleans(),
    st.booleans(),
)
_facts = st.builds(
    Facts,
    st.just("n1"),
    st.just("south.example"),
    st.none() | st.builds(OurCopy, st.sampled_from(["a", "b"]), st.booleans()),
    st.booleans(),
    st.booleans(),
    st.sampled_from(MappingState),
    st.just("s1"),
    _their_copies,
    _hashes,
    _hashes,
    st.none() | st.builds(Agreed, st.sampled_from(["a", "b"]), st.sampled_from(["a", "b"])),
    st.none() | st.booleans(),
)


@settings(max_examples=200)
@given(_facts)
def test_whatever_the_facts_there_is_one_state_a_next_step_and_a_word_for_each_refusal(facts: Facts) -> None:
    here = state(facts)
    assert here in MEANINGS
    assert next_step(facts).endswith(".")
    assert (conflict(facts) is not None) == (here is State.CONFLICT)
    for move in Move:
        refused = refusal(move, facts, "a")
        if refused is None:
            assert move in ALLOWED[here] or (move is Move.APPROVE and facts.given_counts)
        else:
            assert refused.words


def test_the_table_in_the_documentation_is_the_one_of_the_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "agreements.md").read_text()
    assert table() in page
