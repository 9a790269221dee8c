"""The life of agreements between two gateways, each act through the SIS API of the side that does it."""

from __future__ import annotations

from typing import Any

import pytest
from support.closed_network import ClosedNetwork
from support.coordinators import Coordinator
from support.documents import iia, twin
from support.processes import until

NORTH, SOUTH = "north.example", "south.example"
Sides = tuple[Coordinator, Coordinator]


@pytest.fixture
def sides(network: ClosedNetwork) -> Sides:
    north = Coordinator(network["north"].sis, NORTH, SOUTH)
    return north, Coordinator(network["south"].sis, SOUTH, NORTH)


def norths(iia_id: str, **parts: Any) -> dict[str, Any]:
    return iia(iia_id, owner=NORTH, partner=SOUTH, **parts)


def is_in_effect(side: Coordinator, their_id: str) -> None:
    """Waits until the partner's copy says so."""
    until(lambda: side.copy(their_id)["document"]["in_effect"], f"{their_id} is in effect")


def souths(iia_id: str, of: str, *, people: int = 3) -> dict[str, Any]:
    """South's copy of North's agreement ``of``, which it names."""
    return twin(norths(of, people=people), iia_id)


def mapped(sides: Sides, ours: str, theirs: str) -> None:
    """North proposes; South makes a copy that names North's; both say the same and name each other."""
    north, south = sides
    north.put(ours, norths(ours))
    south.put(theirs, souths(theirs, ours))
    north.reaches(ours, "proposed", their_id=theirs, copies_equal=True)
    until(lambda: (south.copy(ours) or {}).get("our_id") == theirs, "South sees that North names its copy")
    south.reaches(theirs, "proposed", their_id=ours, copies_equal=True)


def approve_both(sides: Sides, ours: str, theirs: str, state: str = "approved-by-partner") -> None:
    """South approves what it sees, which North sees in ``state``, and then North does."""
    north, south = sides
    south.approves(theirs)
    north.reaches(ours, state, approved_by_partner=True)
    north.approves(ours)


def in_effect(sides: Sides, ours: str, theirs: str) -> None:
    """An agreement that both have approved."""
    mapped(sides, ours, theirs)
    approve_both(sides, ours, theirs)
    north, south = sides
    north.reaches(ours, "mutually-approved")
    south.reaches(theirs, "mutually-approved")


def on_both(sides: Sides, ours: str, theirs: str, state: str, **facts: object) -> None:
    """Waits until both sides see the agreement in this state."""
    north, south = sides
    north.reaches(ours, state, **facts)
    south.reaches(theirs, state, **facts)


def test_from_a_draft_over_a_counter_change_to_what_both_approve(sides: Sides) -> None:
    north, south = sides
    kept = north.sis.request("PUT", north.path("life-n1", "/draft"), norths("life-n1"))
    assert (kept.status, kept.json["problems"]) == (200, [])
    assert north.standing("life-n1")["state"] == "draft"
    assert south.copy("life-n1") is None
    assert "life-n1" not in north.sis.records(NORTH)

    north.does("life-n1", "propose")
    until(lambda: south.copy("life-n1"), "South has what North proposes")
    assert north.standing("life-n1")["state"] == "proposed"

    south.put("life-s1", souths("life-s1", "life-n1", people=2))
    on_both(sides, "life-n1", "life-s1", "counter-changed", mapping="mapped", copies_equal=False)
    assert any(f"{NORTH} says 3, {SOUTH} says 2" in words for words in north.differences("life-n1"))
    code, words = north.refused(north.asks_to_approve("life-n1"))
    assert (code, "differ" in words) == ("copies-differ", True)

    north.put("life-n1", norths("life-n1", people=2))
    on_both(sides, "life-n1", "life-s1", "proposed", copies_equal=True)
    assert north.differences("life-n1") == []

    south.approves("life-s1", by="The coordinator of South")
    south.reaches("life-s1", "approved-by-us")
    north.reaches("life-n1", "approved-by-partner")
    north.approves("life-n1")
    on_both(sides, "life-n1", "life-s1", "mutually-approved", approved_by_us=True, approved_by_partner=True)
    for side, own, other in ((north, "life-n1", "life-s1"), (south, "life-s1", "life-n1")):
        (kept_version,) = side.snapshots(own)
        standing = side.standing(own)
        assert kept_version["our_hash"] == standing["our_hash"]
        assert kept_version["their_hash"] == standing["their_hash"]
        assert "mutually-approved" in side.told(own)
        is_in_effect(side, other)


def test_a_change_is_approved_again_and_the_former_version_is_kept(sides: Sides) -> None:
    north, south = sides
    in_effect(sides, "again-n", "again-s")
    north.put("again-n", norths("again-n", people=5))
    on_both(sides, "again-n", "again-s", "modified", ever_approved_by_both=True)
    assert "received-approval-lapsed" in north.told("again-n")
    assert "given-approval-lapsed" in south.told("again-s")
    (changed, *_) = south.differences("again-s", of="their-changes")
    assert "the approved version says 3, the version now says 5" in changed
    south.put("again-s", souths("again-s", "again-n", people=5))
    on_both(sides, "again-n", "again-s", "modified", copies_equal=True)
    approve_both(sides, "again-n", "again-s", state="modified")
    on_both(sides, "again-n", "again-s", "mutually-approved")
    assert [each["number"] for each in north.snapshots("again-n")] == [2, 1]
    assert [each["number"] for each in south.snapshots("again-s")] == [2, 1]


def test_a_change_is_taken_back_and_the_approved_version_is_in_effect_again(sides: Sides) -> None:
    north, south = sides
    in_effect(sides, "back-n", "back-s")
    south.put("back-s", souths("back-s", "back-n", people=7))
    on_both(sides, "back-n", "back-s", "modified")
    code, _ = north.refused(north.asks("back-n", "revert"))
    assert code == "nothing-to-revert"
    south.does("back-s", "revert")
    on_both(sides, "back-n", "back-s", "mutually-approved")
    assert len(north.snapshots("back-n")) == len(south.snapshots("back-s")) == 1


def test_a_termination_is_agreed_like_any_change_and_is_the_end(sides: Sides) -> None:
    north, south = sides
    in_effect(sides, "end-n", "end-s")
    north.does("end-n", "terminate")
    on_both(sides, "end-n", "end-s", "modified")
    assert south.copy("end-n")["document"]["cooperation_conditions"]["terminated_as_a_whole"] is True
    adopted = souths("end-s", "end-n")
    adopted["cooperation_conditions"]["terminated_as_a_whole"] = True
    assert adopted["in_effect"] is False, "few systems know that; the gateway does"
    south.put("end-s", adopted)
    on_both(sides, "end-n", "end-s", "modified", copies_equal=True)
    approve_both(sides, "end-n", "end-s", state="modified")
    on_both(sides, "end-n", "end-s", "terminated")
    assert "agreement-terminated" in south.told("end-s")
    refused = north.sis.put(NORTH, "iias", "end-n", norths("end-n", people=9))
    assert refused.status == 422
    assert "terminated" in refused.json["problems"][0]["message"]


def test_what_was_never_approved_is_deleted_and_the_partner_unmaps(sides: Sides) -> None:
    north, south = sides
    mapped(sides, "gone-n", "gone-s")
    deleted = north.sis.request("DELETE", north.path("gone-n"))
    assert deleted.status == 204, deleted
    assert north.standing("gone-n")["state"] == "deleted"
    found = south.reaches("gone-s", "proposed", mapping="vanished")
    assert found["next"].startswith("The partner deleted its copy gone-n. We: delete ours too")
    assert "agreement-unmapped" in south.told("gone-s")
    assert south.copy("gone-n")["state"] == "gone"
    assert south.detail("gone-s")["ours"]["partner"][1].get("iia_id") is None
    until(lambda: north.copy("gone-s")["our_id"] is None, "North sees that South's copy no longer names its own")
    again = north.sis.put(NORTH, "iias", "gone-n", norths("gone-n"))
    assert again.status == 409, again


def test_an_approval_lapses_with_a_change_of_what_was_approved_and_both_sides_see_it(sides: Sides) -> None:
    north, south = sides
    mapped(sides, "lapse-n", "lapse-s")
    north.approves("lapse-n")
    south.reaches("lapse-s", "approved-by-partner")
    approved = north.standing("lapse-n")["our_approval"]
    south.put("lapse-s", souths("lapse-s", "lapse-n", people=8))
    found = north.reaches("lapse-n", "counter-changed", approved_by_us=False)
    assert found["our_approval"] == approved != found["their_hash"]
    south.reaches("lapse-s", "counter-changed", approved_by_partner=False)
    assert "given-approval-lapsed" in north.told("lapse-n")
    assert "received-approval-lapsed" in south.told("lapse-s")
    code, _ = north.refused(north.asks_to_approve("lapse-n", approved), 412)
    assert code == "copy-changed"


@pytest.mark.parametrize("move", ["revert", "terminate"])
def test_what_needs_a_version_both_approved_is_refused_before_there_is_one(sides: Sides, move: str) -> None:
    north, _ = sides
    north.put("early-n", norths("early-n"))
    code, words = north.refused(north.asks("early-n", move))
    assert code in ("never-approved", "state-proposed")
    assert "both sides approved" in words


def test_what_both_approved_is_not_deleted(sides: Sides) -> None:
    north, _ = sides
    in_effect(sides, "stay-n", "stay-s")
    code, words = north.refused(north.sis.request("DELETE", north.path("stay-n")))
    assert (code, "terminated" in words) == ("state-mutually-approved", True)
