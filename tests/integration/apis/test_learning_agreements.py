"""The Outgoing Mobility Learning Agreements API and its CNR API as partners see them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from support.authority import key_of
from support.callers import Caller, Reply, calling
from support.learning import ENTITY, NORTH, SOUTH, Learner, P, carry, changes, learning, signer
from support.nodes import RunningNode
from support.sides import Moments

from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import default as schemas
from ewpgw.model import learning_agreement_update
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_index import IndexFilter
from ewpgw.model.learning_agreement_update import ApproveProposal, CommentProposal, Update
from ewpgw.preparing import Incoming
from ewpgw.store import learning_agreements, mobility_deliveries, records, work
from ewpgw.store.records import RecordKey

WEST = "west.example"
GET, INDEX, UPDATE, STATS = (f"/omobility-las/v1/{name}" for name in ("get", "index", "update", "stats"))
CNR = "/omobility-la-cnr/v1"
MINE = ("sending_hei_id", NORTH)


async def put(node: RunningNode, omobility_id: str, partner: str = SOUTH, kind: str = "semester", **named: Any) -> None:
    given = Incoming(omobility_id, learning(NORTH, omobility_id, partner, kind, **named))
    outcome = await node.records.put(NORTH, ENTITY, given, source="test")
    assert outcome.result in ("created", "changed"), outcome


async def change(node: RunningNode, omobility_id: str, day: str = "2026-10-02") -> None:
    given = Incoming(omobility_id, changes(NORTH, omobility_id, SOUTH, day))
    assert (await node.records.put(NORTH, ENTITY, given, source="test")).result == "changed"


async def proposal(node: RunningNode, omobility_id: str) -> str:
    """The proposal that waits."""
    found = await learning_agreements.get(node.store, NORTH, omobility_id)
    assert found is not None
    return str(found.standing.proposal_id)


async def listed(node: RunningNode, caller: Caller, *parameters: tuple[str, str]) -> list[str]:
    """What index lists; get serves all of that and nothing else."""
    reply = await caller.post(node.url(INDEX), MINE, *parameters)
    assert (reply.status, schemas().faults(parse(reply.body))) == (200, [])
    return reply.texts("omobility-id")


async def served(node: RunningNode, caller: Caller, *ids: str) -> Reply:
    reply = await caller.post(node.url(GET), MINE, *(("omobility_id", each) for each in ids))
    assert (reply.status, schemas().faults(parse(reply.body))) == (200, [])
    return reply


def approval(omobility_id: str, proposal_id: str, sending: str = NORTH) -> bytes:
    signature = signer(SOUTH).signature(datetime(2026, 5, 20, 9, tzinfo=UTC))
    answer = ApproveProposal(omobility_id=omobility_id, changes_proposal_id=proposal_id, signature=signature)
    return learning_agreement_update.encode(Update.of(sending, answer))


def comment(omobility_id: str, proposal_id: str, words: str = "Not held") -> bytes:
    signature = signer(SOUTH).signature(datetime(2026, 5, 20, 9, tzinfo=UTC))
    answer = CommentProposal(
        omobility_id=omobility_id, changes_proposal_id=proposal_id, comment=words, signature=signature
    )
    return learning_agreement_update.encode(Update.of(NORTH, answer))


async def update(node: RunningNode, caller: Caller, body: bytes, content_type: str = "text/xml") -> Reply:
    reply = await caller.send(caller.draft(node.url(UPDATE), body=body, content_type=content_type))
    assert schemas().faults(parse(reply.body)) == []
    return reply


async def test_either_institution_is_shown_an_agreement_and_nobody_else(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    await put(node, "n1")
    await put(node, "n2", WEST)
    assert await listed(node, south) == ["n1"]
    assert (await served(node, south, "n2", "unknown", "n1")).texts("omobility-id") == ["n1"]
    assert await listed(node, west) == ["n2"]
    async with calling(key_of(NORTH), key_of(NORTH).public) as north:
        assert await listed(node, north) == ["n1", "n2"]
        assert (await served(node, north, "n1", "n2")).texts("omobility-id") == ["n1", "n2"]
        assert await listed(node, north, ("receiving_hei_id", WEST)) == ["n2"]
    for endpoint in (GET, INDEX):
        named = (("sending_hei_id", SOUTH), ("omobility_id", "n1"))
        assert (await south.get(node.url(endpoint), *named)).texts("omobility-id") == []


async def test_each_filter_of_the_index_holds_and_all_of_them_together(node: RunningNode, south: Caller) -> None:
    esi = "urn:schac:personalUniqueCode:int:esi:fi:"
    await put(node, "n1", student__global_id=f"{esi}1")
    await put(node, "n2", kind="blended", student__global_id=f"{esi}2", receiving_academic_year_id="2027/2028")
    await put(node, "n3", kind="changed", student__global_id=f"{esi}3", **{f"{P}__student__global_id": f"{esi}4"})
    cases: dict[tuple[tuple[str, str], ...], list[str]] = {
        (("receiving_hei_id", SOUTH),): ["n1", "n2", "n3"],
        (("receiving_hei_id", WEST),): [],
        (("receiving_hei_id", WEST), ("receiving_hei_id", SOUTH)): ["n1", "n2", "n3"],
        (("receiving_academic_year_id", "2027/2028"),): ["n2"],
        (("receiving_academic_year_id", "1999/2000"),): [],
        (("global_id", f"{esi}1".upper().replace("URN", "urn")),): ["n1"],
        (("global_id", f"{esi}3"),): ["n3"],
        (("global_id", f"{esi}4"),): ["n3"],
        (("global_id", "nobody"),): [],
        (("mobility_type", "blended"),): ["n2"],
        (("mobility_type", "semester"),): ["n1", "n3"],
        (("mobility_type", "doctoral"),): [],
        (("mobility_type", "teaching"),): [],
        (("mobility_type", "semester"), ("global_id", f"{esi}1"), ("receiving_academic_year_id", "2026/2027")): ["n1"],
        (("mobility_type", "blended"), ("global_id", f"{esi}1")): [],
        (("modified_since", (datetime.now(UTC) + timedelta(hours=1)).isoformat()),): [],
        (("modified_since", (datetime.now(UTC) - timedelta(hours=1)).isoformat()),): ["n1", "n2", "n3"],
    }
    for parameters, expected in cases.items():
        assert await listed(node, south, *parameters) == expected, parameters


async def test_the_index_lists_what_its_filters_mean_in_any_combination(node: RunningNode, south: Caller) -> None:
    esi, stored = "urn:schac:personalUniqueCode:int:esi:fi:", []
    await put(node, "n1", student__global_id=f"{esi}1")
    await put(node, "n2", kind="blended", student__global_id=f"{esi}2", receiving_academic_year_id="2027/2028")
    await put(node, "n3", kind="changed", student__global_id=f"{esi}3", **{f"{P}__student__global_id": f"{esi}4"})
    await put(node, "n4", kind="doctoral", student__global_id=f"{esi}1")
    for omobility_id in ("n1", "n2", "n3", "n4"):
        record = await records.get(node.store, RecordKey(NORTH, ENTITY, omobility_id))
        assert record is not None
        stored.append((LearningAgreement.model_validate_json(record.document or ""), record.modified_at))
    combinations = product(
        [None, {WEST}, {SOUTH, WEST}],
        [None, "2026/2027", "2027/2028"],
        [None, f"{esi}1", f"{esi}4".upper().replace("URN", "urn"), "nobody"],
        [None, "semester", "blended", "SEMESTER"],
        [None, stored[1][1]],
    )
    for receiving, year, student, kind, since in random.Random(6).sample(list(combinations), 60):
        wanted = IndexFilter(NORTH, None if receiving is None else frozenset(receiving), year, student, kind, since)
        given = {
            "receiving_academic_year_id": year,
            "global_id": student,
            "mobility_type": kind,
            "modified_since": None if since is None else since.isoformat(),
        }
        pairs = [(name, value) for name, value in given.items() if value is not None]
        pairs += [("receiving_hei_id", hei_id) for hei_id in sorted(receiving or ())]
        expected = [record.omobility_id for record, at in stored if wanted.matches(record, at)]
        assert await listed(node, south, *pairs) == expected, pairs


async def test_a_signature_is_entered_and_the_partner_notified(node: RunningNode, south: Caller) -> None:
    await put(node, "n1")
    before = await work.list_rows(node.store, kinds=[work.WorkKind.DELIVERY])
    reply = await update(node, south, approval("n1", await proposal(node, "n1")))
    assert reply.status == 200, reply.body
    after = await work.list_rows(node.store, kinds=[work.WorkKind.DELIVERY])
    assert [row.wanted for row in after] == [row.wanted + 1 for row in before]
    shown = await served(node, south, "n1")
    assert shown.texts("signer-email")[-1] == f"anders.berg@{SOUTH}"
    assert shown.root.find(".//{*}first-version/{*}receiving-hei-signature") is not None
    assert shown.root.find(".//{*}changes-proposal") is None
    await node.evidence.flush()
    stands = await learning_agreements.get(node.store, NORTH, "n1")
    assert stands is not None
    assert stands.decided_exchange_id is not None


async def test_a_comment_ends_the_proposal_which_is_shown_no_more(node: RunningNode, south: Caller) -> None:
    await put(node, "n1")
    seen = await proposal(node, "n1")
    assert (await update(node, south, comment("n1", seen, "Not held & <closed>"))).status == 200
    assert await listed(node, south) == []
    assert (await served(node, south, "n1")).texts("omobility-id") == []
    stands = await learning_agreements.get(node.store, NORTH, "n1")
    assert stands is not None
    assert stands.standing.comment == "Not held & <closed>"


async def test_the_same_answer_again_is_the_same_success(node: RunningNode, south: Caller) -> None:
    await put(node, "n1")
    seen = await proposal(node, "n1")
    assert (await update(node, south, approval("n1", seen))).status == 200
    assert (await update(node, south, approval("n1", seen))).status == 200
    other = await update(node, south, comment("n1", seen))
    assert (other.status, "approved already" in other.texts("user-message")[0]) == (409, True)


async def test_an_answer_to_another_proposal_is_a_conflict_with_words_for_the_user(
    node: RunningNode, south: Caller
) -> None:
    await put(node, "n1")
    seen = await proposal(node, "n1")
    await put(node, "n1", **{f"{P}__components_studied__0__title": "Set theory"})
    for body in (approval("n1", seen), comment("n1", seen), approval("n1", "never proposed")):
        reply = await update(node, south, body)
        assert reply.status == 409
        assert "has changed since you saw it" in reply.texts("user-message")[0]
    stands = await learning_agreements.get(node.store, NORTH, "n1")
    assert stands is not None
    assert stands.standing.past == ()


async def test_who_may_not_answer_is_told_the_same_as_where_there_is_nothing(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    await put(node, "n1")
    seen = await proposal(node, "n1")
    stranger = await update(node, west, approval("n1", seen))
    unknown = await update(node, south, approval("n2", seen))
    assert (stranger.status, unknown.status) == (400, 400)
    assert stranger.developer_message == unknown.developer_message
    sender = await update(node, south, approval("n1", seen, sending=WEST))
    assert (sender.status, "other-sender" in sender.developer_message) == (400, True)
    assert await proposal(node, "n1") == seen


UNREADABLE = {
    "no XML": (b"approve", "no XML that can be read"),
    "another document": (b"<approve/>", "not the element omobility-las-update-request"),
    "a DOCTYPE": (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "DOCTYPE"),
}


@pytest.mark.parametrize("which", UNREADABLE)
async def test_what_is_no_update_request_is_refused_with_400(node: RunningNode, south: Caller, which: str) -> None:
    body, words = UNREADABLE[which]
    reply = await update(node, south, body)
    assert (reply.status, words in reply.developer_message) == (400, True), reply.body


async def test_an_answer_that_lacks_something_is_refused_with_400(node: RunningNode, south: Caller) -> None:
    await put(node, "n1")
    body = comment("n1", await proposal(node, "n1"))
    for gone in (b"comment>", b"timestamp>", b"changes-proposal-id>", b"sending-hei-id>"):
        renamed = body.replace(gone, gone.replace(b">", b"-not>"))
        assert renamed != body
        assert (await update(node, south, renamed)).status == 400, gone
    nobody = approval("n1", await proposal(node, "n1")).replace(b"Anders Berg", b" ")
    refused = await update(node, south, nobody)
    assert (refused.status, "does not say who signed" in refused.texts("user-message")[0]) == (400, True)
    assert (await update(node, south, comment("n1", await proposal(node, "n1"), " "))).status == 400


async def test_elements_that_are_not_known_are_passed_over(node: RunningNode, south: Caller) -> None:
    await put(node, "n1")
    body = approval("n1", await proposal(node, "n1"))
    start = body.index(b"approve-proposal-v1") + len(b"approve-proposal-v1>")
    more = b'<later xmlns="urn:later"><deep/></later>'
    reply = await update(node, south, body[:start] + more + body[start:], "application/xml; charset=utf-8")
    assert reply.status == 200, reply.body


async def test_an_update_is_a_post_of_xml(node: RunningNode, south: Caller) -> None:
    assert (await south.get(node.url(UPDATE))).status == 405
    sent = await update(node, south, b"a=b", "application/x-www-form-urlencoded")
    assert sent.status == 415


async def test_what_partners_fetched_is_delivered(node: RunningNode, south: Caller) -> None:
    await put(node, "n1")
    await served(node, south, "n1")
    await node.evidence.flush()
    (delivered,) = (await mobility_deliveries.get_many(node.store, NORTH, ENTITY, ["n1"])).values()
    assert delivered.fetched_at is not None


async def test_statistics_of_agreements_that_go_out_are_those_of_a_recount(node: RunningNode, west: Caller) -> None:
    year = "2026/2027"
    lives: dict[str, list[str]] = {
        "n1": [],
        "n2": ["comment"],
        "n3": ["approve"],
        "n4": ["approve", "change"],
        "n5": ["approve", "change", "comment"],
        "n6": ["approve", "change", "approve"],
        "n7": ["comment", "again", "approve"],
    }
    async with calling(key_of(SOUTH), key_of(NORTH).public) as south:
        for omobility_id, moves in lives.items():
            await put(node, omobility_id)
            for move in moves:
                if move == "change":
                    await change(node, omobility_id)
                elif move == "again":
                    await put(node, omobility_id, **{f"{P}__student_signature__timestamp": "2026-05-12T10:15:00+03:00"})
                else:
                    make = approval if move == "approve" else comment
                    body = make(omobility_id, await proposal(node, omobility_id))
                    assert (await update(node, south, body)).status == 200
    await put(node, "old", receiving_academic_year_id="2020/2021", start_year_month="2020-09", end_year_month="2021-01")
    await put(node, "gone")
    assert await node.records.delete(NORTH, ENTITY, "gone", source="test")
    reply = await west.get(node.url(STATS))
    assert (reply.status, schemas().faults(parse(reply.body))) == (200, [])
    assert reply.texts("receiving-academic-year-id") == [year]
    ends = [[move for move in moves if move != "again"] for moves in lives.values()]
    approved = [moves for moves in ends if "approve" in moves]
    expected = {
        "la-outgoing-total": len(ends),
        "la-outgoing-not-modified-after-approval": sum(
            moves[-1] == "approve" and "change" not in moves for moves in approved
        ),
        "la-outgoing-modified-after-approval": sum("change" in moves for moves in approved),
        "la-outgoing-latest-version-approved": sum(moves[-1:] == ["approve"] for moves in ends),
        "la-outgoing-latest-version-rejected": sum(moves[-1:] == ["comment"] for moves in ends),
        "la-outgoing-latest-version-awaiting": sum(moves[-1:] in ([], ["change"]) for moves in ends),
    }
    assert {name: [int(text) for text in reply.texts(name)] for name in expected} == {
        name: [number] for name, number in expected.items()
    }


async def test_a_notification_asks_for_the_agreements_of_the_partner_that_sent_it(
    node: RunningNode, south: Caller
) -> None:
    ids = (("omobility_id", "s1"), ("omobility_id", "s2"))
    reply = await south.post(node.url(CNR), ("sending_hei_id", SOUTH), *ids)
    assert (reply.status, schemas().faults(parse(reply.body))) == (200, [])
    wanted = await work.list_rows(node.store, kinds=[work.WorkKind.REFRESH])
    assert {row.key for row in wanted} == {
        work.WorkKey(work.WorkKind.REFRESH, NORTH, SOUTH, ENTITY, item) for item in ("s1", "s2")
    }
    assert (await south.post(node.url(CNR), ("sending_hei_id", WEST), *ids)).status == 400


async def test_statistics_of_agreements_that_come_in_are_those_of_a_recount(node: RunningNode, west: Caller) -> None:
    """South's agreements, as they were fetched: one awaits an answer, one was signed, one commented on."""
    clock = Moments()
    ours, theirs = Learner(NORTH, SOUTH, node.store, clock), Learner(SOUTH, NORTH, node.store, clock)
    lives: dict[str, list[str]] = {
        "s1": [],
        "s2": ["approve"],
        "s3": ["comment"],
        "s4": ["approve", "change"],
        "s5": ["approve", "change", "comment"],
    }
    for omobility_id, moves in lives.items():
        await theirs.put(omobility_id)
        await carry((ours, theirs))
        for move in moves:
            if move == "change":
                await theirs.change(omobility_id)
            else:
                await (ours.approve if move == "approve" else ours.comment)(omobility_id)
            await carry((ours, theirs))
    await theirs.put(
        "old", receiving_academic_year_id="2020/2021", start_year_month="2020-09", end_year_month="2021-01"
    )
    await put(node, "n1")
    await carry((ours, theirs))
    reply = await west.get(node.url(f"{CNR}/stats"))
    assert (reply.status, schemas().faults(parse(reply.body))) == (200, [])
    assert reply.texts("receiving-academic-year-id") == ["2026/2027"]
    expected = {
        "la-incoming-total": len(lives),
        "la-incoming-some-version-approved": sum("approve" in moves for moves in lives.values()),
        "la-incoming-latest-version-approved": sum(moves[-1:] == ["approve"] for moves in lives.values()),
        "la-incoming-latest-version-rejected": sum(moves[-1:] == ["comment"] for moves in lives.values()),
        "la-incoming-latest-version-awaiting": sum(moves[-1:] in ([], ["change"]) for moves in lives.values()),
    }
    assert {name: [int(text) for text in reply.texts(name)] for name in expected} == {
        name: [number] for name, number in expected.items()
    }


async def test_statistics_of_agreements_that_come_in_are_empty_where_there_are_none(
    node: RunningNode, west: Caller
) -> None:
    reply = await west.get(node.url(f"{CNR}/stats"))
    assert (reply.status, schemas().faults(parse(reply.body))) == (200, [])
    assert reply.texts("la-incoming-total") == []
