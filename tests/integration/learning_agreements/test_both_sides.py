"""The life of a learning agreement: what each side can do, what it cannot, and what both then know."""

from __future__ import annotations

from typing import Any

import pytest
from support.learning import ENTITY, NORTH, RETITLED, SOUTH, Learner, P, carry, learning, signer
from support.nominating import nominated

from ewpgw.learning_agreements import sent
from ewpgw.learning_agreements.refusing import LearningAgreementRefused, UnknownLearningAgreement
from ewpgw.model.learning_agreement_standing import Stage
from ewpgw.model.learning_agreement_stats import Fact, fact, incoming, outgoing
from ewpgw.preparing import Incoming
from ewpgw.records import NotDeletable
from ewpgw.store import decisions, learning_agreements, mobility_deliveries, records
from ewpgw.store.copies import CopyState
from ewpgw.store.decisions import DecisionState
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkKind

Sides = tuple[Learner, Learner]


async def both_stand(sides: Sides, stage: Stage, omobility_id: str = "n1") -> None:
    """Whether both sides see the agreement in a stage, with the same history and the same versions."""
    north, south = sides
    here, there = (await north.ours(omobility_id)).standing, (await south.theirs(omobility_id)).standing
    assert (here.stage, there.stage) == (stage, stage)
    assert here == there
    record = await north.record(omobility_id)
    assert (record.first_version, record.approved_changes, record.changes_proposal) == (
        here.first_version,
        here.approved_changes,
        here.current,
    )


async def agree(sides: Sides) -> None:
    await sides[1].approve("n1")
    await carry(sides)


async def test_a_signature_becomes_part_of_the_agreement_on_both_sides(proposed: Sides) -> None:
    north, south = proposed
    await both_stand(proposed, Stage.FIRST_PROPOSED)
    assert await south.approve("n1") is False
    await carry(proposed)
    await both_stand(proposed, Stage.AGREED)
    signed = (await north.document("n1"))["first_version"]["receiving_hei_signature"]
    assert (signed["signer_name"], signed["signer_email"]) == ("Anders Berg", f"anders.berg@{SOUTH}")
    assert (FeedKind.LEARNING_AGREEMENT_APPROVED, "n1") in await north.told()
    stands = await north.ours("n1")
    assert stands.decided_exchange_id == f"update at {stands.decided_at}"


async def test_a_comment_ends_the_first_version_which_is_shown_to_nobody_any_more(proposed: Sides) -> None:
    north, south = proposed
    await south.comment("n1", "Logic is not held in autumn.")
    await carry(proposed)
    await both_stand(proposed, Stage.FIRST_REJECTED)
    assert (await north.ours("n1")).standing.comment == "Logic is not held in autumn."
    assert (FeedKind.LEARNING_AGREEMENT_COMMENTED, "n1") in await north.told()
    assert b"<la>" not in await north.served("n1")
    assert await learning_agreements.index(north.store, NORTH, [SOUTH]) == []
    assert (await south.theirs("n1")).copy.state is CopyState.GONE
    outcome = await north.put("n1")
    assert outcome.result == "unchanged"
    assert [each.path for each in outcome.problems if "answered with a comment" in each.message] == [P]
    await north.put("n1", **RETITLED)
    await carry(proposed)
    await both_stand(proposed, Stage.FIRST_PROPOSED)
    await agree(proposed)
    await both_stand(proposed, Stage.AGREED)


async def test_the_published_scenario_goes_the_same_way_on_both_sides(proposed: Sides) -> None:
    """ewp-specs-api-omobility-las 1, examples/example-scenario: who answers what, in which order."""
    north, south = proposed
    await south.comment("n1", "Big data is not held; take data mining.")
    await carry(proposed)
    await north.put("n1", **{f"{P}__components_studied__1__title": "Data mining", **_deleted_later()})
    await carry(proposed)
    await agree(proposed)
    await both_stand(proposed, Stage.AGREED)
    await north.change("n1", "2026-09-10")
    await carry(proposed)
    await both_stand(proposed, Stage.CHANGES_PROPOSED)
    await agree(proposed)
    await north.change("n1", "2026-09-20", **{f"{P}__components_studied__2__title": "Knots"})
    await carry(proposed)
    await south.comment("n1", "Not in English.")
    await carry(proposed)
    await both_stand(proposed, Stage.CHANGES_REJECTED)
    await north.change("n1", "2026-09-21", **{f"{P}__components_studied__2__title": "Graphs"})
    await carry(proposed)
    await agree(proposed)
    await both_stand(proposed, Stage.AGREED)
    here = (await north.ours("n1")).standing
    assert [one.approved for one in here.past] == [False, True, True, False, True]
    changed = (await north.document("n1"))["approved_changes"]
    assert [each["title"] for each in changed["components_studied"]][-1] == "Graphs"


def _deleted_later() -> dict[str, Any]:
    """The first version keeps the course that the changes delete."""
    return {f"{P}__components_studied__0__title": "Logic for computer scientists"}


async def test_a_second_click_changes_nothing_and_is_success(proposed: Sides) -> None:
    north, south = proposed
    seen = await south.seen("n1")
    await south.approve("n1")
    assert await south.approve("n1") is True
    await south.send(north, "n1")
    assert await south.approve("n1", seen) is True, "also before the new version has come"
    await carry(proposed)
    assert await south.approve("n1", seen) is True
    assert await south.due() == []
    with pytest.raises(LearningAgreementRefused, match="approved"):
        await south.comment("n1", proposal_id=seen)


async def test_a_comment_given_twice_is_given_once_and_another_one_is_refused(proposed: Sides) -> None:
    _, south = proposed
    seen = await south.seen("n1")
    await south.comment("n1", "No", seen)
    assert await south.comment("n1", "No", seen) is True
    with pytest.raises(LearningAgreementRefused, match="on-its-way"):
        await south.comment("n1", "Never", seen)
    await carry(proposed)
    assert await south.comment("n1", "No", seen) is True
    with pytest.raises(LearningAgreementRefused, match="commented"):
        await south.comment("n1", "Never", seen)


async def test_an_answer_whose_answer_was_lost_is_found_to_be_made(proposed: Sides) -> None:
    north, south = proposed
    for answer, stage in ((south.approve, Stage.AGREED), (south.comment, Stage.CHANGES_REJECTED)):
        await answer("n1")
        await south.send(north, "n1", answer_lost=True)
        await carry(proposed)
        decision = (await south.theirs("n1")).decision
        assert decision is not None
        assert decision.state is DecisionState.MADE
        await both_stand(proposed, stage)
        if stage is Stage.AGREED:
            await north.change("n1")
            await carry(proposed)


async def test_an_answer_to_an_earlier_proposal_is_a_conflict_and_the_newest_is_fetched(proposed: Sides) -> None:
    north, south = proposed
    await south.approve("n1")
    decision = await decisions.get(south.store, (await south.theirs("n1")).key)
    assert decision is not None
    await north.put("n1", **RETITLED)
    refused = await north.asked([SOUTH], decision.document)
    assert refused is not None
    assert (refused.code, refused.conflict) == ("proposal-changed", True)
    await south.fetch(north, "n1")
    overtaken = (await south.theirs("n1")).decision
    assert overtaken is not None
    assert overtaken.state is DecisionState.OVERTAKEN
    assert (FeedKind.DECISION_OVERTAKEN, "n1") in await south.told()
    await carry(proposed)
    with pytest.raises(LearningAgreementRefused, match="proposal-changed"):
        await south.approve("n1", decision.proposal_id)
    assert [key.kind for key in await south.due()] == [WorkKind.REFRESH]
    await agree(proposed)
    await both_stand(proposed, Stage.AGREED)


async def test_an_update_of_a_stranger_is_refused_as_if_there_were_nothing(proposed: Sides) -> None:
    north, south = proposed
    await south.approve("n1")
    decision = await decisions.get(south.store, (await south.theirs("n1")).key)
    assert decision is not None
    stranger = await north.asked(["west.example"], decision.document)
    unknown = await north.asked([SOUTH], decision.document.replace(b">n1<", b">n2<"))
    assert stranger is not None
    assert stranger == unknown
    assert (stranger.code, stranger.conflict) == ("unknown", False)
    other = await north.asked([SOUTH], decision.document.replace(NORTH.encode(), b"west.example"))
    assert other is not None
    assert (other.code, other.conflict) == ("other-sender", False)
    assert (await north.ours("n1")).standing.stage is Stage.FIRST_PROPOSED


async def test_what_nobody_sent_cannot_be_answered(proposed: Sides) -> None:
    _, south = proposed
    with pytest.raises(UnknownLearningAgreement):
        await south.service.approve(SOUTH, NORTH, "n2", proposal_id="p", signer=signer(SOUTH))


async def test_a_system_that_knows_nothing_of_answers_hands_in_the_same_record_again(proposed: Sides) -> None:
    north, _ = proposed
    await agree(proposed)
    assert (await north.put("n1")).result == "unchanged"
    without = learning(NORTH, "n1", SOUTH, changes_proposal=None)
    assert (await north.put("n1", without)).result == "unchanged"
    assert await north.due() == []


@pytest.mark.parametrize(
    ("named", "path", "words"),
    [
        ({"receiving_hei__hei_id": "west.example"}, "receiving_hei.hei_id", "never changes"),
        (
            {"student__global_id": "urn:schac:personalUniqueCode:int:esi:fi:1", "student__birth_date": "2001-01-01"},
            "student",
            "never changes",
        ),
        ({P: None, "first_version": None}, "changes_proposal", "needs a proposal"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(
    proposed: Sides, named: dict[str, Any], path: str, words: str
) -> None:
    north, _ = proposed
    outcome = await north.put("n1", **named)
    assert outcome.result == "refused"
    refusals = [each for each in outcome.problems if each.severity == "refusal"]
    assert [(each.path, words in each.message) for each in refusals] == [(path, True)]
    assert (await north.ours("n1")).standing.stage is Stage.FIRST_PROPOSED


async def test_what_the_first_version_does_not_allow_is_refused_by_its_place(sides: Sides) -> None:
    north, _ = sides
    await north.put("n1", learning(NORTH, "n1", SOUTH, "blended"))
    await carry(sides)
    await agree(sides)
    longer = {f"{P}__blended_mobility_components__0__title": "Two field weeks"}
    outcome = await north.put("n1", learning(NORTH, "n1", SOUTH, "blended", **longer))
    assert outcome.result == "refused"
    refusals = [each for each in outcome.problems if each.severity == "refusal"]
    assert refusals[0].path == P
    assert "not changed once its first version is agreed on" in refusals[0].message


async def test_what_all_three_have_signed_is_not_deleted(proposed: Sides) -> None:
    north, _ = proposed
    await agree(proposed)
    with pytest.raises(NotDeletable, match="All three have signed"):
        await north.records.delete(NORTH, ENTITY, "n1", source="test")


async def test_a_deleted_agreement_is_gone_at_the_partner_and_its_identifier_retired(proposed: Sides) -> None:
    north, south = proposed
    assert await north.records.delete(NORTH, ENTITY, "n1", source="test")
    await carry(proposed)
    known = await south.theirs("n1")
    assert (known.copy.state, known.standing.current) == (CopyState.GONE, None)
    with pytest.raises(LearningAgreementRefused, match="proposal-changed"):
        await south.approve("n1", "p")
    assert (await north.put("n1")).result == "retired"


async def test_an_agreement_is_delivered_once_the_partner_took_the_notification(sides: Sides) -> None:
    north, _ = sides
    await north.put("n1")
    assert await mobility_deliveries.get_many(north.store, NORTH, ENTITY, ["n1"]) == {}
    await carry(sides)
    first = (await mobility_deliveries.get_many(north.store, NORTH, ENTITY, ["n1"]))["n1"]
    assert (first.number, first.notified_exchange_id) == (1, "exchange of notification")
    await north.put("n1", student__email="new@students.north.example")
    assert (await north.ours("n1")).number == 1, "what is not agreed on is nothing to look at anew"
    await north.put("n1", **RETITLED)
    assert (await north.ours("n1")).number == 2
    await carry(sides)
    assert (await north.told()).count((FeedKind.LEARNING_AGREEMENT_DELIVERED, "n1")) == 2


async def test_what_changes_while_it_is_fetched_is_not_delivered_by_that(sides: Sides) -> None:
    north, _ = sides
    await north.put("n1")
    note = sent.fetched_by(NORTH, await learning_agreements.unfetched(north.store, NORTH, ["n1", "n2"]), north.clock())
    await north.put("n1", **RETITLED)
    async with north.store.transaction() as tx:
        await note(tx, "e1")
    assert (await mobility_deliveries.get_many(north.store, NORTH, ENTITY, ["n1"]))["n1"].number == 1
    assert await learning_agreements.unfetched(north.store, NORTH, ["n1", "n2"]) == {"n1": 2}


async def test_an_agreement_that_was_signed_before_is_taken_over(sides: Sides) -> None:
    north, _ = sides
    outcome = await north.put("n1", learning(NORTH, "n1", SOUTH, "changed"))
    assert outcome.result == "created", outcome
    await carry(sides)
    await both_stand(sides, Stage.CHANGES_PROPOSED)
    await agree(sides)
    await both_stand(sides, Stage.AGREED)
    assert (await north.put("n1", learning(NORTH, "n1", SOUTH, "changed"))).result == "unchanged"
    assert (await north.record("n1")).student.given_names == "Elina Maria", "what was proposed of the student is agreed"


async def test_an_agreement_and_the_nomination_of_the_same_identifier_are_of_one_stay(sides: Sides) -> None:
    north, _ = sides
    other = nominated(NORTH, "n1", "west.example")
    assert (await north.records.put(NORTH, "omobilities", Incoming("n1", other), source="test")).result == "created"
    refused = await north.put("n1")
    assert refused.result == "refused"
    assert [each.path for each in refused.problems if each.severity == "refusal"] == ["receiving_hei.hei_id"]
    same = nominated(NORTH, "n2", SOUTH, student__global_id="urn:schac:personalUniqueCode:int:esi:fi:77")
    assert (await north.records.put(NORTH, "omobilities", Incoming("n2", same), source="test")).result == "created"
    warned = await north.put("n2")
    assert warned.result == "created"
    assert "student.global_id" in [each.path for each in warned.problems]


async def test_what_is_kept_beside_records_is_what_the_records_say(proposed: Sides) -> None:
    """Pages and counts are read from there, so they hold for every agreement whatever became of it."""
    north, south = proposed
    await north.put("n2")
    await north.put("n3", learning(NORTH, "n3", SOUTH, "blended"))
    await carry(proposed)
    await agree(proposed)
    await south.comment("n2")
    await carry(proposed)
    listed = await learning_agreements.list_page(north.store, NORTH, sent=True)
    stages = {one.omobility_id: one.standing.stage for one in listed}
    assert stages == {"n1": Stage.AGREED, "n2": Stage.FIRST_REJECTED, "n3": Stage.FIRST_PROPOSED}
    for side, ours in ((north, True), (south, False)):
        for stage in Stage:
            page = await learning_agreements.list_page(side.store, side.hei_id, sent=ours, stage=stage)
            assert [one.omobility_id for one in page] == [item for item, its in stages.items() if its is stage]
    for item in stages:
        stored = await records.documents(north.store, NORTH, ENTITY, [item])
        assert item in stored
    assert await learning_agreements.index(north.store, NORTH, [SOUTH], mobility_type="blended") == ["n3"]
    assert await learning_agreements.index(north.store, NORTH, [SOUTH]) == ["n1", "n3"]


async def test_statistics_of_both_directions_are_those_of_a_recount(sides: Sides) -> None:
    north, south = sides
    lives: dict[str, list[str]] = {
        "n1": [],
        "n2": ["comment"],
        "n3": ["approve"],
        "n4": ["approve", "change"],
        "n5": ["approve", "change", "comment"],
        "n6": ["approve", "change", "approve"],
    }
    for omobility_id, moves in lives.items():
        await north.put(omobility_id)
        await carry(sides)
        for move in moves:
            if move == "change":
                await north.change(omobility_id)
            else:
                await (south.approve if move == "approve" else south.comment)(omobility_id)
            await carry(sides)
    await north.put("old", receiving_academic_year_id="2020/2021")
    await north.put("back")
    await carry(sides)
    await north.records.delete(NORTH, ENTITY, "back", source="test")
    await carry(sides)
    for side, count in ((north, outgoing), (south, incoming)):
        counted = await learning_agreements.counted(side.store, side.hei_id, sent=side is north)
        figures = count([one for one, number in counted for _ in range(number)])
        assert figures == count(await _facts(side, north, [*lives, "old", "back"]))
        (of_year,) = figures.values()
        latest = [of_year[name] for name in of_year if "latest" in name]
        assert (of_year[next(iter(of_year))], latest) == (6, [2, 2, 2])


async def _facts(side: Learner, north: Learner, ids: list[str]) -> list[Fact]:
    """What counts of each agreement, one by one."""
    found = []
    for item in ids:
        here = (await side.ours(item)).standing if side is north else (await side.theirs(item)).standing
        year = "2020/2021" if item == "old" else "2026/2027"
        counts = fact(year, here)
        found += [counts] if counts is not None else []
    return found
