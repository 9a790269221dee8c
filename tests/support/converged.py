"""What must be true of two gateways once the network between them has healed and nothing is left to do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from ewpgw.agreements.known import Known, load
from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia_next_steps import next_step
from ewpgw.model.iia_states import Facts, MappingState, Move, State, conflict, refusal, state
from ewpgw.store import agreements, approvals, copies, records, snapshots, work
from ewpgw.store.agreements import TheirRecord
from ewpgw.store.copies import CopyState
from ewpgw.store.work import WorkKey, WorkKind, WorkState
from support.two_gateways import Gateway, Wire

IIAS = ENTITIES["iias"]
SEEN_BY_THE_OTHER = {
    **{same: same for same in State},
    State.APPROVED_BY_US: State.APPROVED_BY_PARTNER,
    State.APPROVED_BY_PARTNER: State.APPROVED_BY_US,
}
"""How a state of one side is called at the other."""
WAITS_FOR_THE_PARTNER = {"partner-has-not-mapped", "partner-names-another", "no-copy"}
"""Why a side whose mapping the other does not share cannot approve."""


@dataclass(frozen=True)
class Seen:
    """A version of the partner's copy as a person saw it."""

    their_id: str
    iia_hash: str
    content: str


@dataclass
class Ledger:
    """What the persons of both sides did, kept by the test itself."""

    seen: dict[tuple[str, int], Seen] = field(default_factory=dict)
    approved: dict[tuple[str, str, str], str] = field(default_factory=dict)
    retired: dict[tuple[str, str], int] = field(default_factory=dict)

    def looks(self, side: str, number: int, theirs: TheirRecord) -> None:
        self.seen[side, number] = Seen(theirs.id, theirs.iia_hash, content(theirs.document))

    def approves(self, side: str, number: int) -> None:
        seen = self.seen[side, number]
        self.approved[side, seen.their_id, seen.iia_hash] = seen.content

    def retires(self, side: str, iia_id: str, served: int) -> None:
        self.retired[side, iia_id] = served


def content(document: str) -> str:
    """What the institutions agree on, of a copy's JSON."""
    return json.dumps(json.loads(document)["cooperation_conditions"], sort_keys=True)


async def standings_are_true(gateway: Gateway) -> None:
    """What is kept of each agreement is what its facts say now, and the statistics are a recount."""
    found, counted = await _all(gateway), [0, 0, 0]
    for our_id, known in found.items():
        kept, facts = known.standing, known.facts
        if kept is not None and facts.ours is not None:
            says = (state(facts), facts.given_counts, facts.received_counts)
            assert (kept.state, kept.given, kept.received) == says, our_id
            if facts.theirs is not None:
                assert (kept.same, kept.approvable) == (facts.same, facts.theirs.approvable), our_id
            if says[1] or says[2]:
                counted[says[1] + 2 * says[2] - 1] += 1
        elif facts.ours is not None:
            assert state(facts) is State.PROPOSED, our_id
    given_only, received_only, both = counted
    statistics = await agreements.approvals(gateway.store, gateway.hei_id)
    assert statistics == agreements.Approvals(received_only, given_only, both)


async def agree_or_say_so(gateways: tuple[Gateway, Gateway], ledger: Ledger, wire: Wire) -> None:
    """The promise of the whole: equal copies and equal approvals, or both sides name what keeps them apart."""
    one, two = gateways
    known = {gateway.hei_id: await _all(gateway) for gateway in gateways}
    for here, there in ((one, two), (two, one)):
        await _holds_what_is_served(here, there)
        _mappings_are_unique(known[here.hei_id])
        _who_is_named_is_mapped(known[here.hei_id], known[there.hei_id])
        for ours in known[here.hei_id].values():
            if ours.facts.ours is None or ours.facts.mapping is not MappingState.MAPPED:
                continue
            theirs = known[there.hei_id].get(ours.facts.their_id or "")
            if theirs is not None and _is_mapped_to(theirs, ours.facts.iia_id):
                _both_see_the_same(ours, theirs)
                await _approvals_mirror(here, there, ours, theirs, ledger)
            else:
                why = refusal(Move.APPROVE, ours.facts)
                assert why is not None, ours.facts
                assert why.code in WAITS_FOR_THE_PARTNER, (why, ours.facts)
        await _nothing_else_is_approved(here, known[here.hei_id], known[there.hei_id])
    _served_only_what_was_meant(ledger, wire)


async def _all(gateway: Gateway) -> dict[str, Known]:
    ids = await agreements.ids_page(gateway.store, gateway.hei_id, after=None, limit=100)
    return await load(gateway.store, gateway.hei_id, ids, compare=True)


async def _holds_what_is_served(here: Gateway, there: Gateway) -> None:
    """The copies here are, byte by byte, what the partner serves."""
    ids = await records.index(there.store, there.hei_id, "iias", [here.hei_id])
    held = {
        copy.key.id: copy
        for copy in await copies.list_page(here.store, here.hei_id, "iias", partner=there.hei_id)
        if copy.state is not CopyState.GONE
    }
    if set(held) != set(ids):
        await _nobody_could_know(here, there, set(ids) ^ set(held))
    for iia_id, copy in held.items():
        fragments = await records.fragments(
            there.store, there.hei_id, "iias", IIAS.newest.version, [iia_id], caller_heis=[here.hei_id]
        )
        assert copy.state is CopyState.CURRENT
        assert copy.body == IIAS.newest.wrap(fragment for _, fragment in fragments)


async def _nobody_could_know(here: Gateway, there: Gateway, missing: set[str]) -> None:
    """Who has nothing in common with a partner does not pull; the partner is told that it was not reached."""
    assert not await records.partners(here.store, here.hei_id, "iias")
    assert not await copies.partners(here.store, here.hei_id, "iias")
    for iia_id in missing:
        row = await work.get(there.store, WorkKey(WorkKind.DELIVERY, there.hei_id, here.hei_id, "iia-cnr", iia_id))
        assert row is not None
        assert row.state is WorkState.EXPIRED


def _mappings_are_unique(known: dict[str, Known]) -> None:
    mapped = [each.facts.their_id for each in known.values() if each.facts.mapping is MappingState.MAPPED]
    assert len(mapped) == len(set(mapped)), "one copy of the partner is mapped to two agreements"


def _who_is_named_is_mapped(ours: dict[str, Known], theirs: dict[str, Known]) -> None:
    """A copy that names an agreement of ours is mapped to it, or that is said: a person cut it, or it is a conflict."""
    holders = {each.facts.their_id: each for each in ours.values() if each.facts.mapping is MappingState.MAPPED}
    for their_id, copy in theirs.items():
        named = ours.get(_names(copy) or "")
        if named is None or named.facts.ours is None:
            continue
        facts, holder = named.facts, holders.get(their_id)
        cut = facts.mapping is MappingState.CUT and facts.their_id == their_id
        said = cut or (holder is not None and conflict(holder.facts) is not None)
        assert facts.mapping is MappingState.MAPPED or said, (their_id, facts)


def _both_see_the_same(ours: Known, theirs: Known) -> None:
    """Two agreements that are mapped to each other: same copies, and one name for where they stand."""
    here, there = ours.facts, theirs.facts
    assert here.ours is not None and here.theirs is not None
    assert there.ours is not None and there.theirs is not None
    assert (here.theirs.iia_hash, there.theirs.iia_hash) == (there.ours.iia_hash, here.ours.iia_hash)
    assert (_names(ours), _names(theirs)) == (there.iia_id, here.iia_id)
    assert here.same == there.same
    assert (here.given, here.received) == (there.received, there.given)
    if (here.agreed is None) == (there.agreed is None):
        assert state(there) is SEEN_BY_THE_OTHER[state(here)], (here, there)
    else:
        _the_unaware_is_told(here if here.agreed is None else there)


def _the_unaware_is_told(facts: Facts) -> None:
    """One side may learn of both approvals when the other has left that version for good; this one says so."""
    assert facts.theirs is not None
    assert facts.theirs.in_effect
    assert conflict(facts) is not None or "says that it is in effect" in next_step(facts), facts


async def _approvals_mirror(here: Gateway, there: Gateway, ours: Known, theirs: Known, ledger: Ledger) -> None:
    """An approval counts only for what its giver saw; what both approved is kept by both, and is the same."""
    facts = ours.facts
    assert theirs.ours is not None and theirs.ours.document is not None
    assert ours.ours is not None and ours.ours.document is not None
    if facts.given_counts:
        assert theirs.facts.ours is not None
        seen = ledger.approved[here.hei_id, theirs.facts.iia_id, theirs.facts.ours.iia_hash]
        assert seen == content(theirs.ours.document)
    if state(facts) in (State.MUTUALLY_APPROVED, State.TERMINATED):
        assert content(ours.ours.document) == content(theirs.ours.document)
        assert json.loads(ours.ours.document)["in_effect"] is True
        mine = await snapshots.last(here.store, here.hei_id, facts.iia_id)
        other = await snapshots.last(there.store, there.hei_id, theirs.facts.iia_id)
        assert mine is not None and other is not None
        assert (mine.our_hash, mine.their_hash) == (other.their_hash, other.our_hash)
        assert content(mine.our_document) == content(other.our_document) == content(other.their_document)
        assert mine.our_hash == facts.ours.iia_hash if facts.ours else False


async def _nothing_else_is_approved(here: Gateway, ours: dict[str, Known], theirs: dict[str, Known]) -> None:
    """Approvals are published of what is mapped, and of what both approved and the partner has taken away."""
    given = await approvals.given_for(here.store, here.hei_id, [here.partner], list(theirs))
    for each in given:
        of = [known.facts for known in ours.values() if known.facts.their_id == each.iia_id]
        assert any(facts.mapping is MappingState.MAPPED or facts.agreed is not None for facts in of), each


def _served_only_what_was_meant(ledger: Ledger, wire: Wire) -> None:
    """Approvals that somebody gave, one content under one hash, and nothing under the id of what was deleted."""
    contents: dict[tuple[str, str, str], str] = {}
    for place, (hei_id, _, body) in enumerate(wire.served):
        root = etree.fromstring(body)
        for approval in root.iter("{*}approval"):
            said = (hei_id, approval.findtext("{*}iia-id") or "", approval.findtext("{*}iia-hash") or "")
            assert said in ledger.approved, said
        for iia in root.iter("{*}iia"):
            iia_id, iia_hash = iia.findtext("{*}partner/{*}iia-id") or "", iia.findtext("{*}iia-hash") or ""
            said_content = etree.tostring(next(iia.iter("{*}cooperation-conditions")), method="c14n").decode()
            assert contents.setdefault((hei_id, iia_id, iia_hash), said_content) == said_content
            assert place < ledger.retired.get((hei_id, iia_id), place + 1), f"{iia_id} was served after its end"


def _is_mapped_to(known: Known, their_id: str) -> bool:
    facts = known.facts
    return facts.ours is not None and facts.mapping is MappingState.MAPPED and facts.their_id == their_id


def _names(known: Known) -> str | None:
    if known.ours is None or known.ours.document is None:
        return None
    document: dict[str, Any] = json.loads(known.ours.document)
    named: str | None = document["partner"][1].get("iia_id")
    return named
