"""Outgoing Mobilities API 3, update: a partner enters its decision about a nomination of ours (both databases)."""

from __future__ import annotations

import pytest
from support.callers import Caller, Reply
from support.nodes import RunningNode, utc_now
from support.nominating import nominated

from ewpgw.apis.running import notifications
from ewpgw.documents.schemas import default as schemas
from ewpgw.intake import intake
from ewpgw.model import omobility_states, omobility_update
from ewpgw.model.omobility import Status
from ewpgw.model.omobility_states import Refusal
from ewpgw.model.omobility_update import ApproveProposal, RejectProposal
from ewpgw.nominations import sent
from ewpgw.records import Incoming, Records
from ewpgw.store import nominations, work
from ewpgw.store.work import WorkKey, WorkKind

NORTH, SOUTH = "north.example", "south.example"
UPDATE, GET = "/omobilities/v3/update", "/omobilities/v3/get"
CNR = WorkKey(WorkKind.DELIVERY, NORTH, SOUTH, "omobility-cnr", "n1")


@pytest.fixture
async def ours(node: RunningNode) -> Records:
    """The way in for records, with the nomination ``n1`` to South."""
    records = intake(node.store, notifications(), utc_now, lambda: None).records
    await put(records)
    return records


async def put(records: Records, **changes: object) -> None:
    given = nominated(NORTH, "n1", SOUTH, **changes)
    outcome = await records.put(NORTH, "omobilities", Incoming(None, document=given), source="test")
    assert outcome.result in ("created", "changed"), outcome


async def proposal(node: RunningNode, south: Caller) -> str:
    (nomination,) = (await south.post(node.url(GET), ("omobility_id", "n1"))).root.iter("{*}nomination")
    return nomination.get("proposal-id") or ""


async def shown(node: RunningNode, south: Caller) -> str:
    (status,) = (await south.post(node.url(GET), ("omobility_id", "n1"))).texts("status")
    return status


async def send(node: RunningNode, caller: Caller, body: bytes, content_type: str = "text/xml") -> Reply:
    return await caller.send(caller.draft(node.url(UPDATE), body=body, content_type=content_type))


def approval(proposal_id: str, omobility_id: str = "n1") -> bytes:
    return omobility_update.encode(ApproveProposal(omobility_id=omobility_id, proposal_id=proposal_id))


def rejection(proposal_id: str, comment: str = "No room.") -> bytes:
    return omobility_update.encode(RejectProposal(omobility_id="n1", proposal_id=proposal_id, comment=comment))


@pytest.mark.parametrize("content_type", ["text/xml", "application/xml", "Text/XML; charset=utf-8"])
async def test_an_approval_is_entered_shown_and_announced(
    node: RunningNode, ours: Records, south: Caller, content_type: str
) -> None:
    before = await work.get(node.store, CNR)
    reply = await send(node, south, approval(await proposal(node, south)), content_type)
    assert reply.status == 200, reply.body
    assert schemas().faults(reply.root) == []
    assert reply.root.tag.endswith("omobilities-update-response")
    assert await shown(node, south) == "approved"
    after = await work.get(node.store, CNR)
    assert before is not None
    assert after is not None
    assert after.wanted == before.wanted + 1, "the owner tells the partner also of what that caused"
    await node.evidence.flush()
    sent = await nominations.get(node.store, NORTH, "n1")
    assert sent is not None
    assert sent.decided_exchange_id is not None


async def test_a_rejection_is_entered_with_its_comment(node: RunningNode, ours: Records, south: Caller) -> None:
    reply = await send(node, south, rejection(await proposal(node, south), "Please send a transcript."))
    assert reply.status == 200
    assert await shown(node, south) == "rejected"
    sent = await nominations.get(node.store, NORTH, "n1")
    assert sent is not None
    assert sent.standing.comment == "Please send a transcript."


async def test_the_same_decision_again_is_success_and_changes_nothing(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    body = approval(await proposal(node, south))
    assert (await send(node, south, body)).status == 200
    wanted = await work.get(node.store, CNR)
    assert (await send(node, south, body)).status == 200
    assert await work.get(node.store, CNR) == wanted


async def test_a_decision_about_an_earlier_proposal_is_409_with_words_for_the_user(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    old = await proposal(node, south)
    await put(ours, nomination__comment="another term")
    reply = await send(node, south, approval(old))
    assert reply.status == 409
    assert reply.texts("user-message")[0]
    assert await shown(node, south) == "pending"
    assert (await send(node, south, approval(await proposal(node, south)))).status == 200


async def test_an_approved_nomination_is_not_rejected_afterwards(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    named = await proposal(node, south)
    assert (await send(node, south, approval(named))).status == 200
    reply = await send(node, south, rejection(named))
    assert reply.status in (400, 409)
    assert reply.texts("user-message")[0]
    assert await shown(node, south) == "approved"


async def stands(node: RunningNode, records: Records, omobility_id: str, state: str) -> str:
    """Bring a nomination into a state; its proposal."""
    given = nominated(NORTH, omobility_id, SOUTH)
    assert (await records.put(NORTH, "omobilities", Incoming(None, document=given), source="test")).result == "created"
    found = await nominations.get(node.store, NORTH, omobility_id)
    assert found is not None
    named = found.standing.proposal_id
    decision: ApproveProposal | RejectProposal | None = None
    if state == "approved":
        decision = ApproveProposal(omobility_id=omobility_id, proposal_id=named)
    elif state == "rejected":
        decision = RejectProposal(omobility_id=omobility_id, proposal_id=named, comment="No room.")
    elif state == "deleted":
        assert await records.delete(NORTH, "omobilities", omobility_id, source="test")
    async with node.store.transaction() as tx:
        if decision is not None:
            assert await sent.update_received(tx, NORTH, [SOUTH], decision, utc_now()) is None
        elif state == "cancelled":
            await sent.move(tx, NORTH, omobility_id, omobility_states.cancel, utc_now())
    return named


async def test_each_decision_that_the_rules_forbid_is_refused_in_every_state_with_the_reason_for_the_user(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    refused = []
    for state in (*Status, "deleted"):
        for move in ("approve", "reject"):
            for about in ("this proposal", "another"):
                omobility_id = f"{state}-{move}-{about.split()[0]}"
                named = await stands(node, ours, omobility_id, state)
                before = await nominations.get(node.store, NORTH, omobility_id)
                assert before is not None
                named = named if about == "this proposal" else "f" * 64
                if move == "approve":
                    expected = omobility_states.approve(before.standing, named)
                    body = omobility_update.encode(ApproveProposal(omobility_id=omobility_id, proposal_id=named))
                else:
                    expected = omobility_states.reject(before.standing, named, "No room.")
                    body = omobility_update.encode(
                        RejectProposal(omobility_id=omobility_id, proposal_id=named, comment="No room.")
                    )
                reply = await send(node, south, body)
                if isinstance(expected, Refusal):
                    refused.append((state, move, about, reply.status))
                    assert reply.texts("user-message") == [expected.words]
                    assert await nominations.get(node.store, NORTH, omobility_id) == before
                else:
                    assert reply.status == 200
    assert refused == [
        ("pending", "approve", "another", 409),
        ("pending", "reject", "another", 409),
        ("approved", "approve", "another", 409),
        ("approved", "reject", "this proposal", 400),
        ("approved", "reject", "another", 409),
        ("rejected", "approve", "this proposal", 400),
        ("rejected", "approve", "another", 409),
        ("rejected", "reject", "another", 409),
        ("cancelled", "approve", "this proposal", 400),
        ("cancelled", "approve", "another", 409),
        ("cancelled", "reject", "this proposal", 400),
        ("cancelled", "reject", "another", 409),
        ("deleted", "approve", "this proposal", 400),
        ("deleted", "approve", "another", 400),
        ("deleted", "reject", "this proposal", 400),
        ("deleted", "reject", "another", 400),
    ]


@pytest.mark.parametrize("comment", ["<comment> \n</comment>", "<comment/>", ""])
async def test_a_rejection_without_a_reason_is_refused_with_words_for_the_user(
    node: RunningNode, ours: Records, south: Caller, comment: str
) -> None:
    body = rejection(await proposal(node, south)).replace(b"<comment>No room.</comment>", comment.encode())
    reply = await send(node, south, body)
    assert reply.status == 400
    assert reply.texts("user-message") == [omobility_states.NO_COMMENT.words]
    assert await shown(node, south) == "pending"


async def test_a_nomination_that_is_unknown_or_anothers_is_400(
    node: RunningNode, ours: Records, south: Caller, west: Caller
) -> None:
    named = await proposal(node, south)
    for caller, body in ((south, approval(named, "n2")), (west, approval(named))):
        reply = await send(node, caller, body)
        assert reply.status == 400
        assert reply.texts("user-message")[0]
    assert await shown(node, south) == "pending"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no XML",
        b"<omobilities-update-request/>",
        approval("p").replace(b"stable-v3", b"stable-v9"),
        approval("p").replace(b"approve-proposal-v1", b"approve-proposal-v2"),
        approval("p").replace(b"<proposal-id>p</proposal-id>", b""),
        approval("p").replace(b">n1<", b">two words<"),
        rejection("p").replace(b"<comment>No room.</comment>", b""),
        approval("p").replace(b"</omobilities", approval("p").split(b">", 2)[2].rpartition(b"</omob")[0] + b"</omob"),
        b'<!DOCTYPE x [<!ENTITY e "n1">]>' + approval("p").partition(b"\n")[2],
    ],
)
async def test_what_is_no_such_document_is_400(node: RunningNode, ours: Records, south: Caller, body: bytes) -> None:
    reply = await send(node, south, body)
    assert reply.status == 400, reply.body
    assert reply.developer_message


async def test_elements_that_nobody_knows_are_passed_over(node: RunningNode, ours: Records, south: Caller) -> None:
    body = approval(await proposal(node, south))
    for place in (b"<omobility-id>", b"</approve-proposal-v1>", b"</omobilities-update-request>"):
        body = body.replace(place, b'<newer a="b"><deep/></newer>' + place)
    assert (await send(node, south, body)).status == 200
    assert await shown(node, south) == "approved"


async def test_other_content_types_are_415_and_none_at_all_is_taken(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    body = approval(await proposal(node, south))
    for content_type in ("application/x-www-form-urlencoded", "application/json", "text/html"):
        assert (await send(node, south, body, content_type)).status == 415
    assert (await send(node, south, body, "")).status == 200


async def test_a_replayed_decision_is_400(node: RunningNode, ours: Records, south: Caller) -> None:
    draft = south.draft(node.url(UPDATE), body=approval(await proposal(node, south)), content_type="text/xml")
    assert (await south.send(draft)).status == 200
    again = await south.send(draft)
    assert again.status == 400
    assert "used before" in again.developer_message


async def test_a_decision_cannot_be_asked_for_by_get(node: RunningNode, ours: Records, south: Caller) -> None:
    reply = await south.get(node.url(UPDATE))
    assert (reply.status, reply.header("allow")) == (405, "POST")
