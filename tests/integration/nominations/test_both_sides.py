"""The life of a nomination: what each side can do, what it cannot, and what both then know."""

from __future__ import annotations

import pytest
from support.nominating import ARRIVALS, NORTH, SOUTH, Nominator, carry

from ewpgw.model.omobility import Status
from ewpgw.model.omobility_states import ALLOWED, Move, Refusal
from ewpgw.model.omobility_update import ApproveProposal, RejectProposal, encode
from ewpgw.nominations import sent
from ewpgw.nominations.refusing import NominationRefused, UnknownNomination
from ewpgw.records import NotDeletable
from ewpgw.store import copies, decisions, nominations
from ewpgw.store.copies import CopyKey, CopyState
from ewpgw.store.decisions import DecisionState
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkKind

Sides = tuple[Nominator, Nominator]


async def test_an_approval_reaches_the_sender_and_both_see_it(nominated: Sides) -> None:
    north, south = nominated
    assert await south.approve("n1") is False
    await carry(nominated)
    assert await north.status("n1") is Status.APPROVED
    assert (await south.theirs("n1")).standing.status is Status.APPROVED
    assert (FeedKind.NOMINATION_APPROVED, "n1") in await north.told()
    stands = await north.ours("n1")
    assert stands.decided_at is not None
    assert stands.decided_exchange_id == f"update at {stands.decided_at}"


async def test_a_rejection_reaches_the_sender_with_its_reason(nominated: Sides) -> None:
    north, south = nominated
    await south.reject("n1", "The course is not given in spring.")
    await carry(nominated)
    assert await north.status("n1") is Status.REJECTED
    assert (await north.ours("n1")).standing.comment == "The course is not given in spring."
    assert (await south.theirs("n1")).standing.comment == "The course is not given in spring."
    assert (FeedKind.NOMINATION_REJECTED, "n1") in await north.told()


async def test_a_second_click_changes_nothing_and_is_success(nominated: Sides) -> None:
    _, south = nominated
    await south.approve("n1")
    assert await south.approve("n1") is True
    for key in await south.due():
        assert key.kind is WorkKind.UPDATE
        await south.send(nominated[0], key)
    assert await south.approve("n1") is True, "also before the new version has come"
    await carry(nominated)
    assert await south.approve("n1") is True
    assert await south.due() == []


async def test_a_second_decision_waits_for_the_first(nominated: Sides) -> None:
    _, south = nominated
    await south.approve("n1")
    with pytest.raises(NominationRefused, match="on-its-way"):
        await south.reject("n1")


@pytest.mark.parametrize("comment", ["", "  \n"])
async def test_a_rejection_needs_a_reason(nominated: Sides, comment: str) -> None:
    _, south = nominated
    with pytest.raises(NominationRefused, match="no-comment"):
        await south.reject("n1", comment)
    assert await south.due() == []


async def test_what_nobody_sent_cannot_be_decided(nominated: Sides) -> None:
    _, south = nominated
    with pytest.raises(UnknownNomination):
        await south.service.approve(SOUTH, NORTH, "n2", proposal_id="p")
    with pytest.raises(UnknownNomination):
        await south.service.approve(SOUTH, "west.example", "n1", proposal_id="p")


async def _to(sides: Sides, omobility_id: str, status: Status) -> None:
    """Make the move that brings a nomination into a state."""
    north, south = sides
    if status is Status.APPROVED:
        await south.approve(omobility_id)
    elif status is Status.REJECTED:
        await south.reject(omobility_id)
    elif status is Status.CANCELLED:
        await north.service.cancel(NORTH, omobility_id)


async def _in(sides: Sides, status: Status) -> None:
    """Bring n1 into a state that both sides know."""
    await _to(sides, "n1", status)
    await carry(sides)
    assert await sides[0].status("n1") is status


async def test_each_move_is_possible_where_the_table_says_so_and_both_sides_agree(sides: Sides) -> None:
    north, south = sides
    moves = (Move.CANCEL, Move.RESUBMIT, Move.APPROVE, Move.REJECT)
    cases = {f"{status}-{move}": (status, move) for status in Status for move in moves}
    for omobility_id in cases:
        await north.put(omobility_id)
    await carry(sides)
    for omobility_id, (status, _) in cases.items():
        await _to(sides, omobility_id, status)
    await carry(sides)
    for omobility_id, (status, move) in cases.items():
        assert await north.status(omobility_id) is status
        words = await _why_not(sides, omobility_id, move)
        assert (words is None) is (move in ALLOWED[status]), omobility_id
        if words is not None and move in (Move.APPROVE, Move.REJECT):
            asked = await _ask(sides, omobility_id, move)
            assert (asked.words, asked.conflict) == (words, False), "who asks all the same reads the same"
            assert await north.status(omobility_id) is status
    await carry(sides)
    for omobility_id in cases:
        assert (await south.theirs(omobility_id)).standing.status is await north.status(omobility_id)


async def _why_not(sides: Sides, omobility_id: str, move: Move) -> str | None:
    """Make a move; the words of its refusal, None where it is made."""
    north, south = sides
    try:
        match move:
            case Move.CANCEL:
                await north.service.cancel(NORTH, omobility_id)
            case Move.RESUBMIT:
                await north.service.resubmit(NORTH, omobility_id)
            case Move.APPROVE:
                await south.approve(omobility_id)
            case Move.REJECT:
                await south.reject(omobility_id)
    except NominationRefused as refused:
        return refused.refusal.words
    return None


async def _ask(sides: Sides, omobility_id: str, move: Move) -> Refusal:
    """Call the sender's update endpoint, as a partner does that knows no rules; why it is refused."""
    north, south = sides
    seen = await south.seen(omobility_id)
    if move is Move.APPROVE:
        refusal = await north.asked([SOUTH], encode(ApproveProposal(omobility_id=omobility_id, proposal_id=seen)))
    else:
        refusal = await north.asked(
            [SOUTH], encode(RejectProposal(omobility_id=omobility_id, proposal_id=seen, comment="No room"))
        )
    assert refusal is not None
    return refusal


async def test_an_update_of_a_stranger_is_refused_as_if_there_were_nothing(nominated: Sides) -> None:
    north, south = nominated
    await south.approve("n1")
    decision = await decisions.get(south.store, (await south.theirs("n1")).key)
    assert decision is not None
    stranger = await north.asked(["west.example"], decision.document)
    assert stranger is not None
    assert (stranger.code, stranger.conflict) == ("unknown", False)
    unknown = await north.asked([SOUTH], decision.document.replace(b">n1<", b">n2<"))
    assert unknown is not None
    assert unknown.words == stranger.words.replace("n1", "n2")
    assert await north.status("n1") is Status.PENDING


async def test_a_changed_nomination_is_pending_again_and_the_former_decision_is_about_another_proposal(
    nominated: Sides,
) -> None:
    north, south = nominated
    await _in(nominated, Status.APPROVED)
    first = await south.seen("n1")
    await north.put("n1", nomination__comment="For the whole year, please.")
    assert await north.status("n1") is Status.PENDING
    assert (await north.ours("n1")).decided_at is None
    await carry(nominated)
    assert (await south.theirs("n1")).standing.status is Status.PENDING
    assert await south.seen("n1") != first
    with pytest.raises(NominationRefused, match="proposal-changed") as refused:
        await south.approve("n1", first)
    assert refused.value.refusal.conflict
    assert [key.kind for key in await south.due()] == [WorkKind.REFRESH], "the newest version is fetched"
    await south.approve("n1")
    await carry(nominated)
    assert await north.status("n1") is Status.APPROVED


async def test_changed_data_of_the_student_leave_the_decision_standing(nominated: Sides) -> None:
    north, south = nominated
    await _in(nominated, Status.APPROVED)
    outcome = await north.put("n1", student__email="new@students.north.example")
    assert outcome.result == "changed"
    assert await north.status("n1") is Status.APPROVED
    await carry(nominated)
    assert (await south.theirs("n1")).record.student.email == "new@students.north.example"


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("student", {"student__global_id": "urn:schac:personalUniqueCode:int:esi:fi:9", "student__birth_date": None}),
        ("nomination.receiving_hei.hei_id", {"nomination__receiving_hei__hei_id": "west.example"}),
    ],
)
async def test_what_never_changes_is_refused_in_words(nominated: Sides, path: str, change: dict[str, str]) -> None:
    north, _ = nominated
    if path == "student":
        change = {**change, "student__birth_date": "2001-01-01"}
    outcome = await north.put("n1", **change)
    assert outcome.result == "refused"
    (problem,) = [each for each in outcome.problems if each.severity == "refusal"]
    assert problem.path == path
    assert "never changes" in problem.message


@pytest.mark.parametrize("claimed", ["approved", "rejected"])
async def test_decisions_are_never_taken_from_the_record(sides: Sides, claimed: str) -> None:
    north, _ = sides
    outcome = await north.put("n1", status=claimed)
    assert await north.status("n1") is Status.PENDING
    assert [each.path for each in outcome.problems if "only the partner decides" in each.message] == ["status"]


async def test_the_same_record_again_changes_nothing_whatever_was_decided(nominated: Sides) -> None:
    north, _ = nominated
    await _in(nominated, Status.REJECTED)
    for claimed in (None, "rejected", "pending"):
        assert (await north.put("n1", status=claimed)).result == "unchanged"
    assert await north.due() == []
    assert await north.status("n1") is Status.REJECTED


async def test_a_record_calls_the_stay_off_and_takes_that_back(nominated: Sides) -> None:
    north, south = nominated
    await north.put("n1", status="cancelled")
    assert await north.status("n1") is Status.CANCELLED
    await carry(nominated)
    assert (await south.theirs("n1")).standing.status is Status.CANCELLED
    await north.put("n1")
    assert await north.status("n1") is Status.CANCELLED, "a cancellation stands where nothing is said"
    await north.put("n1", status="pending")
    await carry(nominated)
    assert (await south.theirs("n1")).standing.status is Status.PENDING


async def test_what_was_rejected_is_submitted_again_and_decided_anew(nominated: Sides) -> None:
    north, south = nominated
    await _in(nominated, Status.REJECTED)
    proposal = await south.seen("n1")
    assert await north.service.resubmit(NORTH, "n1") is True
    assert await north.service.resubmit(NORTH, "n1") is False
    await carry(nominated)
    here = await south.theirs("n1")
    assert (here.standing.status, here.standing.comment) == (Status.PENDING, None)
    assert await south.seen("n1") == proposal, "the content is the same, so is the proposal"
    await south.reject("n1", "Still no room")
    await carry(nominated)
    assert (await north.ours("n1")).standing.comment == "Still no room"
    await north.service.resubmit(NORTH, "n1")
    await carry(nominated)
    await south.approve("n1")
    await carry(nominated)
    assert await north.status("n1") is Status.APPROVED


async def test_a_deleted_nomination_is_gone_at_the_partner_and_its_system_is_told(nominated: Sides) -> None:
    north, south = nominated
    await north.delete("n1")
    await carry(nominated)
    copy = (await south.theirs("n1")).copy
    assert copy.state is CopyState.GONE
    assert (FeedKind.COPY_GONE, "n1") in await south.told()
    with pytest.raises(NominationRefused, match="deleted"):
        await south.approve("n1")
    assert (await north.put("n1")).result == "retired"
    with pytest.raises(NominationRefused, match="deleted"):
        await north.service.cancel(NORTH, "n1")


@pytest.mark.parametrize("meanwhile", ["changed", "cancelled", "deleted"])
async def test_a_decision_on_its_way_is_overtaken_by_what_happens_meanwhile(nominated: Sides, meanwhile: str) -> None:
    north, south = nominated
    await south.approve("n1")
    if meanwhile == "changed":
        await north.put("n1", nomination__comment="In spring instead.")
    elif meanwhile == "cancelled":
        await north.service.cancel(NORTH, "n1")
    else:
        await north.delete("n1")
    await south.fetch(north, "omobilities", "n1")
    decision = (await south.theirs("n1")).decision
    assert decision is not None
    assert decision.state is DecisionState.OVERTAKEN
    assert decision.words is not None
    assert meanwhile in decision.words
    assert (FeedKind.DECISION_OVERTAKEN, "n1") in await south.told()
    await carry(nominated)
    if meanwhile == "changed":
        assert await north.status("n1") is Status.PENDING
        await south.approve("n1")
        await carry(nominated)
        assert await north.status("n1") is Status.APPROVED


async def test_a_nomination_is_delivered_once_the_partner_took_the_notification(sides: Sides) -> None:
    north, _ = sides
    await north.put("n1")
    assert await nominations.deliveries(north.store, NORTH, ["n1"]) == {}
    await carry(sides)
    first = (await nominations.deliveries(north.store, NORTH, ["n1"]))["n1"]
    assert first.notified_exchange_id == "exchange of notification"
    assert (await north.told()).count((FeedKind.NOMINATION_DELIVERED, "n1")) == 1
    await north.put("n1", student__email="new@students.north.example")
    await carry(sides)
    assert (await nominations.deliveries(north.store, NORTH, ["n1"]))["n1"] == first, "the proposal is the same"
    await north.put("n1", nomination__comment="In spring instead.")
    assert (await nominations.deliveries(north.store, NORTH, ["n1"]))["n1"].number < (await north.ours("n1")).number
    await carry(sides)
    assert (await nominations.deliveries(north.store, NORTH, ["n1"]))["n1"].number == (await north.ours("n1")).number
    assert (await north.told()).count((FeedKind.NOMINATION_DELIVERED, "n1")) == 2


async def test_a_nomination_is_delivered_too_once_the_partner_has_fetched_it(sides: Sides) -> None:
    north, _ = sides
    await north.put("n1")
    for exchange in ("e1", "e2"):
        note = sent.fetched_by(NORTH, {"n1": 1}, north.clock())
        async with north.store.transaction() as tx:
            await note(tx, exchange)
    found = (await nominations.deliveries(north.store, NORTH, ["n1"]))["n1"]
    assert found.fetched_exchange_id == "e1"
    assert found.notified_at is None
    await carry(sides)
    found = (await nominations.deliveries(north.store, NORTH, ["n1"]))["n1"]
    assert (found.fetched_exchange_id, found.notified_exchange_id) == ("e1", "exchange of notification")


async def test_what_changes_while_it_is_fetched_is_not_delivered_by_that(sides: Sides) -> None:
    north, _ = sides
    await north.put("n1")
    note = sent.fetched_by(NORTH, await nominations.unfetched(north.store, NORTH, ["n1", "n2"]), north.clock())
    await north.put("n1", nomination__comment="In spring instead.")
    async with north.store.transaction() as tx:
        await note(tx, "e1")
    assert (await nominations.deliveries(north.store, NORTH, ["n1"]))["n1"].number == 1
    assert await nominations.unfetched(north.store, NORTH, ["n1", "n2"]) == {"n1": 2}


async def test_with_an_older_partner_the_decision_is_published_and_reaches_the_sender(older: Sides) -> None:
    north, south = older
    await south.reject("n1", "No room")
    assert [(key.kind, key.api, key.item) for key in await south.due()] == [
        (WorkKind.DELIVERY, "imobility-cnr", "north.example:n1")
    ]
    assert await south.reject("n1", "No room") is True
    await carry(older)
    assert await north.status("n1") is Status.REJECTED
    assert (await north.ours("n1")).standing.comment == "No room"
    await south.approve("n1")
    await carry(older)
    assert await north.status("n1") is Status.APPROVED
    assert (await south.document("north.example:n1", ARRIVALS)) == {
        "omobility_id": "n1",
        "sending_hei_id": NORTH,
        "status": "approved",
    }
    stands = await north.ours("n1")
    assert stands.decided_exchange_id is not None


async def test_what_an_older_partner_has_published_is_not_about_a_nomination_that_changed_since(older: Sides) -> None:
    north, south = older
    await south.reject("n1", "No room")
    await carry(older)
    await north.put(
        "n1",
        nomination__receiving_academic_year_id="2027/2028",
        nomination__sending_academic_term_ewp_id="2027/2028-1/2",
    )
    assert await north.status("n1") is Status.PENDING
    await carry(older)
    assert await north.status("n1") is Status.PENDING
    assert (await south.theirs("n1")).standing.status is Status.PENDING
    assert (await south.document("north.example:n1", ARRIVALS))["status"] == "pending"
    await south.reject("n1", "No room")
    await carry(older)
    assert await north.status("n1") is Status.REJECTED


async def test_what_publishes_a_decision_is_not_deleted(older: Sides) -> None:
    _, south = older
    await south.approve("n1")
    with pytest.raises(NotDeletable, match="approved"):
        await south.records.delete(SOUTH, ARRIVALS, "north.example:n1", source="test")


async def test_dates_of_arrival_and_departure_reach_the_sender(nominated: Sides) -> None:
    north, south = nominated
    await _in(nominated, Status.APPROVED)
    outcome = await south.service.put_dates(SOUTH, NORTH, "n1", "2026-09-02", None, source="test")
    assert (outcome.result, outcome.problems) == ("created", ())
    await carry(nominated)
    assert (FeedKind.COPY_CHANGED, "n1") in await north.told()
    copy = await copies.get(north.store, CopyKey(NORTH, ARRIVALS, SOUTH, "n1"))
    assert copy is not None
    assert copy.document == '{"omobility_id": "n1", "actual_arrival_date": "2026-09-02"}'
    with pytest.raises(UnknownNomination):
        await south.service.put_dates(SOUTH, NORTH, "n2", "2026-09-02", None, source="test")


async def test_an_arrival_of_a_student_who_was_not_approved_is_warned_of(nominated: Sides) -> None:
    _, south = nominated
    outcome = await south.service.put_dates(SOUTH, NORTH, "n1", "2026-09-02", None, source="test")
    assert [each.path for each in outcome.problems] == ["actual_arrival_date"]
    assert "pending" in outcome.problems[0].message
