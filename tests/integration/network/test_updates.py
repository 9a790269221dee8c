"""Decisions reach partners exactly once, whatever happens to the answers (SQLite and PostgreSQL)."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest
from support.deciding import AFTER, BEFORE, UPDATE, UPDATED, Nominating, Trouble, away, lost, unheard
from support.outgoing import NORTH, SOUTH, Clock, Outgoing
from support.partners import FakePartner, Says, error
from support.waiting import eventually

from ewpgw.documents.parsing import parse
from ewpgw.model import omobility_update
from ewpgw.model.omobility import Status
from ewpgw.model.omobility_update import ApproveProposal, RejectProposal
from ewpgw.store import decisions, work
from ewpgw.store.decisions import Decision, DecisionKey, DecisionState, NewDecision
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkKey, WorkKind, WorkState

STATES = (DecisionState.MADE, DecisionState.REFUSED, DecisionState.OVERTAKEN)


@pytest.fixture
def partner(south: FakePartner) -> Nominating:
    return Nominating(south, NORTH)


def key(omobility_id: str = "s1") -> DecisionKey:
    return DecisionKey(NORTH, "omobilities", SOUTH, omobility_id)


async def decide(
    north: Outgoing, proposal_id: str, *, omobility_id: str = "s1", comment: str | None = None, wants: bool = True
) -> bool:
    """Approves, or rejects with a comment; whether that is a new decision."""
    update = (
        ApproveProposal(omobility_id=omobility_id, proposal_id=proposal_id)
        if comment is None
        else RejectProposal(omobility_id=omobility_id, proposal_id=proposal_id, comment=comment)
    )
    verdict = "approved" if comment is None else "rejected"
    new = NewDecision(key(omobility_id), proposal_id, verdict, comment, omobility_update.encode(update), "liisa")
    async with north.store.transaction() as tx:
        is_new = await decisions.put(tx, new, north.clock())
        if wants:
            await work.want(tx, new.key.work, north.clock())
    return is_new


async def decision(north: Outgoing, omobility_id: str = "s1") -> Decision:
    found = await decisions.get(north.store, key(omobility_id))
    assert found is not None
    return found


async def send(north: Outgoing) -> None:
    await north.work_off_only(WorkKind.UPDATE)


async def send_until_settled(north: Outgoing, clock: Clock, rounds: int = 12) -> None:
    """Time passes, from one attempt to the next."""
    for _ in range(rounds):
        await send(north)
        if not await work.list_rows(north.store, kinds=[WorkKind.UPDATE], states=[WorkState.DUE]):
            return
        clock.pass_(hours=2)
    raise AssertionError("still under way")


async def news(north: Outgoing) -> list[FeedKind]:
    return [entry.kind for entry in await north.feed()]


async def test_a_decision_is_sent_once_as_a_signed_document_and_kept_with_its_exchange(
    north: Outgoing, south: FakePartner, partner: Nominating
) -> None:
    proposal = partner.nominate("s1")
    assert await decide(north, proposal, comment="No room in spring & autumn")
    await send(north)
    (sent,) = south.calls(UPDATE)
    assert not isinstance(sent.verified, Exception), sent.verified
    assert sent.header("Content-Type") == "text/xml; charset=utf-8"
    asked = omobility_update.read(parse(sent.body))
    assert asked == RejectProposal(omobility_id="s1", proposal_id=proposal, comment="No room in spring & autumn")
    kept = await decision(north)
    assert (kept.state, kept.verdict, kept.by, kept.answered_at) == ("made", "rejected", "liisa", north.clock())
    (exchange,) = [each for each in await north.exchanged() if each.endpoint == "update"]
    assert (kept.exchange_id, exchange.request_body) == (exchange.id, sent.body)
    assert await news(north) == [FeedKind.DECISION_MADE]
    assert partner.looks == 0, "nothing to look at before the first request"
    refresh = WorkKey(WorkKind.REFRESH, NORTH, SOUTH, "omobilities", "s1")
    assert (await north.row(refresh)).state is WorkState.DUE, "the nomination is fetched as it is now"
    assert partner.acted == [("s1", Status.REJECTED)]


async def test_what_the_partner_says_with_its_answer_is_kept_for_the_person_who_decided(
    north: Outgoing, south: FakePartner, partner: Nominating
) -> None:
    said = UPDATED.replace(
        b"/>",
        b'><success-user-message xmlns="https://github.com/erasmus-without-paper/ewp-specs-architecture/blob/stable-v1/'
        b'common-types.xsd">Welcome!</success-user-message></omobilities-update-response>',
    )
    await decide(north, partner.nominate("s1"))
    south.script(UPDATE, Says(said))
    await send(north)
    assert (await decision(north)).words == "Welcome!"


@pytest.mark.parametrize("trouble", AFTER, ids=lambda each: each.__name__)
async def test_a_lost_answer_never_turns_a_success_into_a_failure(
    north: Outgoing, partner: Nominating, clock: Clock, trouble: Trouble
) -> None:
    partner.strict = True  # a second request would be a conflict
    await decide(north, partner.nominate("s1"))
    partner.troubles = [trouble]
    await send_until_settled(north, clock)
    assert partner.updates == 1, "the look at the nomination said all"
    assert (await decision(north)).state is DecisionState.MADE
    assert await news(north) == [FeedKind.DECISION_MADE]


@pytest.mark.parametrize("trouble", BEFORE, ids=lambda each: each.__name__)
async def test_a_partner_that_has_not_acted_is_asked_again(
    north: Outgoing, partner: Nominating, clock: Clock, trouble: Trouble
) -> None:
    await decide(north, partner.nominate("s1"))
    partner.troubles = [trouble, trouble]
    await send_until_settled(north, clock)
    assert (partner.updates, partner.acted) == (3, [("s1", Status.APPROVED)])
    assert (await decision(north)).state is DecisionState.MADE


async def test_a_double_click_is_one_decision_and_one_request(north: Outgoing, partner: Nominating) -> None:
    proposal = partner.nominate("s1")
    assert await decide(north, proposal)
    assert not await decide(north, proposal), "one waits"
    await send(north)
    assert not await decide(north, proposal), "it is made"
    await send(north)
    assert partner.updates == 1
    assert (await decision(north)).number == 1
    assert await news(north) == [FeedKind.DECISION_MADE]


async def test_a_decision_that_waits_cannot_be_replaced_by_another(north: Outgoing, partner: Nominating) -> None:
    proposal = partner.nominate("s1")
    await decide(north, proposal)
    assert not await decide(north, proposal, comment="no")
    assert (await decision(north)).verdict == "approved"


async def test_a_conflict_about_what_is_decided_already_is_success(north: Outgoing, partner: Nominating) -> None:
    """A double click that crossed the network: the second answer must not overwrite the first."""
    partner.strict = True
    proposal = partner.nominate("s1")
    partner.stands("s1", Status.APPROVED)
    await decide(north, proposal)
    await send(north)
    kept = await decision(north)
    assert (kept.state, kept.words) == (DecisionState.MADE, None)
    assert await news(north) == [FeedKind.DECISION_MADE]


async def test_a_decision_about_an_earlier_proposal_is_overtaken_with_the_partners_words(
    north: Outgoing, partner: Nominating
) -> None:
    old = partner.nominate("s1")
    new = partner.nominate("s1", nomination__comment="another term")
    assert old != new
    await decide(north, old)
    await send(north)
    kept = await decision(north)
    assert kept.state is DecisionState.OVERTAKEN
    assert kept.words
    (exchange,) = [each for each in await north.exchanged() if each.endpoint == "update"]
    assert (kept.exchange_id, exchange.status) == (exchange.id, 409)
    assert kept.words in exchange.response_body.decode()
    assert await news(north) == [FeedKind.DECISION_OVERTAKEN]
    assert await decide(north, new), "decided anew"
    await send(north)
    assert (await decision(north)).state is DecisionState.MADE
    assert partner.acted == [("s1", Status.APPROVED)]


async def test_a_nomination_that_changes_while_the_answer_is_lost_is_overtaken_without_another_request(
    north: Outgoing, partner: Nominating, clock: Clock
) -> None:
    proposal = partner.nominate("s1")
    await decide(north, proposal)
    partner.troubles = [unheard]
    await send(north)
    partner.nominate("s1", nomination__comment="another term")
    clock.pass_(hours=2)
    await send(north)
    assert partner.updates == 1
    kept = await decision(north)
    assert (kept.state, "Look at it as it is now" in (kept.words or "")) == (DecisionState.OVERTAKEN, True)


@pytest.mark.parametrize("status", [Status.CANCELLED, None])
async def test_a_nomination_that_takes_no_decision_any_more_is_said_to(
    north: Outgoing, partner: Nominating, status: Status | None
) -> None:
    proposal = partner.nominate("s1")
    if status is None:
        partner.withdraw("s1")
    else:
        partner.stands("s1", status)
    await decide(north, proposal)
    await send(north)
    kept = await decision(north)
    assert kept.state is DecisionState.REFUSED
    assert kept.words
    assert await news(north) == [FeedKind.DECISION_REFUSED]


async def test_a_first_request_that_the_partner_does_not_take_is_refused_at_once(
    north: Outgoing, south: FakePartner, partner: Nominating
) -> None:
    await decide(north, partner.nominate("s1"))
    south.script(UPDATE, error(400, "schema", "Ask your administrator."))
    await send(north)
    kept = await decision(north)
    assert (kept.state, kept.words) == (DecisionState.REFUSED, "Ask your administrator.")
    assert partner.updates == 1
    assert (await north.row(key().work)).state is WorkState.DONE


async def test_a_no_to_a_second_request_is_not_believed_while_the_first_may_have_been_taken(
    north: Outgoing, partner: Nominating, clock: Clock
) -> None:
    partner.strict = True
    await decide(north, partner.nominate("s1"))
    partner.troubles = [lost]
    partner.lagging = 2  # what the partner serves lags behind what it has done
    await send(north)
    clock.pass_(hours=2)
    await send(north)
    assert partner.updates == 2
    assert (await decision(north)).state is DecisionState.WAITING
    clock.pass_(hours=2)
    await send(north)
    assert (await decision(north)).state is DecisionState.MADE
    assert (partner.updates, len(partner.acted)) == (2, 1)


async def test_nothing_is_sent_again_before_the_partners_nomination_could_be_seen(
    north: Outgoing, partner: Nominating, clock: Clock
) -> None:
    await decide(north, partner.nominate("s1"))
    partner.troubles = [lost]
    partner.unseen = [error(503, "maintenance"), Says(b"<html/>")]
    for _ in range(3):
        await send(north)
        clock.pass_(hours=2)
    assert (await decision(north)).state is DecisionState.WAITING
    await send(north)
    assert (await decision(north)).state is DecisionState.MADE
    assert partner.updates == 1


async def test_a_decision_that_is_given_up_says_what_is_not_known_and_can_be_taken_again(
    north: Outgoing, partner: Nominating, clock: Clock
) -> None:
    proposal = partner.nominate("s1")
    await decide(north, proposal)
    partner.troubles = [away] * 50
    await send(north)
    clock.pass_(days=4)
    await send(north)
    kept = await decision(north)
    assert kept.state is DecisionState.REFUSED
    assert "HTTP 503" in (kept.words or "")
    assert "could not be seen" in (kept.words or "")
    assert await news(north) == [FeedKind.DECISION_REFUSED, FeedKind.UPDATE_FAILED]
    partner.troubles = [lost]
    assert await decide(north, proposal)
    await send_until_settled(north, clock)
    assert (await decision(north)).state is DecisionState.MADE
    assert len(partner.acted) == 1


async def test_a_decision_that_was_given_up_and_has_arrived_all_the_same_is_made_once_that_is_seen(
    north: Outgoing, partner: Nominating, clock: Clock
) -> None:
    proposal = partner.nominate("s1")
    await decide(north, proposal)
    partner.troubles = [lost]
    partner.unseen = [error(503, "maintenance")] * 2
    await send(north)
    clock.pass_(days=4)
    await send(north)
    assert (await decision(north)).state is DecisionState.REFUSED
    await north.want(WorkKey(WorkKind.REFRESH, NORTH, SOUTH, "omobilities", "s1"))
    for _ in range(2):
        await north.work_off_only(WorkKind.REFRESH)
        clock.pass_(hours=2)
    kept = await decision(north)
    assert (kept.state, kept.words) == (DecisionState.MADE, None)
    assert kept.exchange_id in [each.id for each in await north.exchanged() if each.endpoint == "get"]
    assert [kind for kind in await news(north) if kind is not FeedKind.COPY_CHANGED] == [
        FeedKind.DECISION_REFUSED,
        FeedKind.UPDATE_FAILED,
        FeedKind.DECISION_MADE,
    ]
    assert not await decide(north, proposal), "it is made"


async def test_what_was_given_up_is_decided_again_after_a_look_at_the_partner(
    north: Outgoing, partner: Nominating, clock: Clock
) -> None:
    proposal = partner.nominate("s1")
    await decide(north, proposal)
    partner.troubles = [lost]
    partner.unseen = [error(503, "maintenance")]
    await send(north)
    clock.pass_(days=4)
    await send(north)
    assert await decide(north, proposal)
    await send(north)
    assert (await decision(north)).state is DecisionState.MADE
    assert (partner.updates, len(partner.acted)) == (1, 1)


async def test_a_later_decision_about_the_same_thing_is_a_first_request_again(
    north: Outgoing, south: FakePartner, partner: Nominating
) -> None:
    proposal = partner.nominate("s1")
    for number in range(2):
        assert await decide(north, proposal, comment=f"no room {number}")
        south.script(UPDATE, error(400, "schema", "Ask your administrator."))
        await send(north)
        kept = await decision(north)
        assert (kept.state, kept.words) == (DecisionState.REFUSED, "Ask your administrator.")
        assert (partner.updates, partner.looks) == (number + 1, number + 1), "one look, after the answer"
        assert (await north.row(key().work)).state is WorkState.DONE


async def test_a_process_that_dies_between_request_and_answer_leaves_the_rest_to_another(
    north: Outgoing, partner: Nominating, clock: Clock
) -> None:
    partner.strict = True
    await decide(north, partner.nominate("s1"))
    never = asyncio.Event()
    partner.troubles = [lambda says: says.but(held=never)]
    claims = await work.claim(
        north.store, [WorkKind.UPDATE], "first", limit=1, now=clock(), lease_seconds=60, per_partner_limit=1
    )
    dying = asyncio.create_task(north.handlers[WorkKind.UPDATE](claims[0]))

    async def acted() -> bool:
        return bool(partner.acted)

    await eventually(acted)
    dying.cancel()
    with suppress(asyncio.CancelledError):
        await dying
    assert (await decision(north)).state is DecisionState.WAITING
    clock.pass_(seconds=61)
    await send(north)
    assert (await decision(north)).state is DecisionState.MADE
    assert (partner.updates, len(partner.acted)) == (1, 1)


async def test_work_without_a_decision_that_waits_sends_nothing(north: Outgoing, partner: Nominating) -> None:
    await north.want(key().work)
    await send(north)
    await decide(north, partner.nominate("s1"))
    await send(north)
    await north.want(key().work)
    await send(north)
    assert partner.updates == 1
    assert (await north.row(key().work)).state is WorkState.DONE


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_the_partner_and_we_agree_in_the_end(
    north: Outgoing, partner: Nominating, clock: Clock, seed: int
) -> None:
    chance = random.Random(seed)
    partner.strict = chance.random() < 0.7
    ids = [f"s{number}" for number in range(8)]
    for omobility_id in ids:
        proposal = partner.nominate(omobility_id)
        await decide(north, proposal, omobility_id=omobility_id, comment=chance.choice([None, "no room"]))
        if chance.random() < 0.25:
            partner.nominate(omobility_id, nomination__comment="changed")
    partner.troubles = [chance.choice([*AFTER, *BEFORE]) for _ in range(14)]
    partner.unseen = [error(500, "broken") for _ in range(chance.randrange(4))]
    await send_until_settled(north, clock, rounds=30)
    for omobility_id in ids:
        kept, there = await decision(north, omobility_id), partner.standings[omobility_id]
        assert kept.state in (DecisionState.MADE, DecisionState.OVERTAKEN)
        assert (kept.state is DecisionState.MADE) == (there.status.value == kept.verdict)
        assert (kept.state is DecisionState.OVERTAKEN) == (there.proposal_id != kept.proposal_id)
    assert len(partner.acted) == len(set(partner.acted))
