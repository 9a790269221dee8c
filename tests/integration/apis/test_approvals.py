"""IIAs Approval API 2 and IIA Approval CNR API 2, the side that answers (SQLite and PostgreSQL)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.callers import Caller
from support.nodes import RunningNode, utc_now
from support.sides import SOUTH, Moments, Side, carry

from ewpgw.documents.schemas import default as schemas
from ewpgw.store import approvals, exchanges, files, snapshots, work
from ewpgw.store.approvals import Approval, ApprovalKey
from ewpgw.store.work import WorkKey, WorkKind, WorkState

APPROVAL, CNR = "/iias-approval/v2", "/iia-approval-cnr/v2"
HEI = "north.example"


async def approve(
    node: RunningNode, iia_id: str, digit: str = "a", *, partner: str = "south.example", pdf: str | None = None
) -> None:
    key = ApprovalKey(HEI, given=True, partner=partner, iia_id=iia_id)
    async with node.store.transaction() as tx:
        await approvals.put(tx, Approval(key, digit * 64, utc_now(), b"<iia/>", pdf_file=pdf))


async def refreshes(node: RunningNode) -> dict[str, int]:
    """How often each approval is to be asked for."""
    found = await work.list_rows(node.store, kinds=[WorkKind.REFRESH], api="iias-approval")
    return {f"{row.key.partner} {row.key.item}": row.wanted for row in found}


async def test_approvals_are_served_by_the_callers_own_ids(node: RunningNode, south: Caller) -> None:
    async with node.store.transaction() as tx:
        pdf = await files.add(tx, HEI, "application/pdf", b"%PDF", utc_now())
    await approve(node, "s1", "a", pdf=pdf.id)
    await approve(node, "s2", "b")
    for ask in (south.get, south.post):
        reply = await ask(node.url(APPROVAL), ("iia_id", "s1"))
        assert schemas().faults(reply.root) == []
        (found,) = reply.root
        assert [element.text for element in found] == ["s1", "a" * 64, pdf.id]
        without = await ask(node.url(APPROVAL), ("iia_id", "s2"))
        assert [element.text for element in without.root[0]] == ["s2", "b" * 64]


async def test_what_is_not_approved_or_not_the_callers_is_left_out(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    await approve(node, "s1")
    received = ApprovalKey(HEI, given=False, partner="south.example", iia_id="n1")
    async with node.store.transaction() as tx:
        await approvals.put(tx, Approval(received, "c" * 64, utc_now(), b""))
    for caller, iia_id in ((west, "s1"), (south, "S1"), (south, "n1"), (south, "never"), (south, "")):
        reply = await caller.post(node.url(APPROVAL), ("iia_id", iia_id))
        assert (reply.status, len(reply.root)) == (200, 0)
        assert schemas().faults(reply.root) == []


async def test_another_partners_agreement_of_the_same_id_is_another(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    await approve(node, "x", "a")
    await approve(node, "x", "b", partner="west.example")
    assert (await south.get(node.url(APPROVAL), ("iia_id", "x"))).texts("iia-hash") == ["a" * 64]
    assert (await west.get(node.url(APPROVAL), ("iia_id", "x"))).texts("iia-hash") == ["b" * 64]


@pytest.mark.parametrize("first", [True, False], ids=["before both approved", "after both approved"])
async def test_what_both_approved_refers_to_the_exchange_in_which_the_partner_fetched_our_approval(
    node: RunningNode, south: Caller, *, first: bool
) -> None:
    clock = Moments()
    ours, theirs = sides = (Side(HEI, SOUTH, node.store, clock), Side(SOUTH, HEI, node.store, clock))
    await ours.put("n1", their_id="s1")
    await theirs.put("s1", their_id="n1")
    await carry(sides)
    for side in (ours, theirs) if first else (theirs, ours):
        await side.approve("n1" if side is ours else "s1")
        if first and side is ours:
            await fetched(node, south)
    await carry(sides)
    if not first:
        (kept,) = await snapshots.list_all(node.store, HEI, "n1")
        assert kept.published_exchange_id is None
        await fetched(node, south)
    await fetched(node, south)
    (kept,) = await snapshots.list_all(node.store, HEI, "n1")
    assert kept.published_exchange_id is not None
    exchange = await exchanges.get(node.store, kept.published_exchange_id)
    assert exchange is not None
    assert (exchange.direction, exchange.partner, exchange.verdict) == ("in", SOUTH, "verified")
    assert kept.their_hash.encode() in exchange.response_body
    assert "Signature" in dict(exchange.response_headers)
    async with node.store.transaction() as tx:
        assert await exchanges.purge(tx, utc_now() + timedelta(days=1)) == 1, "the later one of the same is no evidence"
    assert await exchanges.get(node.store, kept.published_exchange_id) == exchange


async def test_an_approval_of_another_version_has_an_exchange_of_its_own(node: RunningNode, south: Caller) -> None:
    key, found = ApprovalKey(HEI, given=True, partner=SOUTH, iia_id="s1"), set()
    for digit in "ab":
        await approve(node, "s1", digit)
        stored = await approvals.get(node.store, key)
        assert stored is not None
        assert stored.published_exchange_id is None
        await fetched(node, south)
        stored = await approvals.get(node.store, key)
        assert stored is not None
        found.add(stored.published_exchange_id)
    assert len(found - {None}) == 2


async def fetched(node: RunningNode, south: Caller) -> None:
    """The partner asks what we approve, and the exchange is written."""
    assert (await south.get(node.url(APPROVAL), ("iia_id", "s1"))).texts("iia-hash")
    await node.evidence.flush()


async def test_a_notification_becomes_a_question_about_our_id(node: RunningNode, south: Caller) -> None:
    reply = await south.post(node.url(CNR), ("iia_id", "n1"))
    assert reply.status == 200
    assert schemas().faults(reply.root) == []
    row = await work.get(node.store, WorkKey(WorkKind.REFRESH, HEI, "south.example", "iias-approval", "n1"))
    assert row is not None
    assert row.state is WorkState.DUE
    assert len(node.woken) == 1, "the work loop is told at once"


async def test_several_notifications_of_one_id_are_one_piece_of_work(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    for _ in range(3):
        assert (await south.post(node.url(CNR), ("iia_id", "never-existed"))).status == 200
    assert (await west.post(node.url(CNR), ("iia_id", "never-existed"))).status == 200
    assert await refreshes(node) == {"south.example never-existed": 3, "west.example never-existed": 1}


async def test_a_replayed_notification_is_400_and_not_counted(node: RunningNode, south: Caller) -> None:
    draft = south.draft(node.url(CNR), [("iia_id", "n1")])
    assert (await south.send(draft)).status == 200
    assert (await south.send(draft)).status == 400
    assert await refreshes(node) == {"south.example n1": 1}


@pytest.mark.parametrize("iia_id", ["", "a b", "ä", "x" * 65, "a\nb"])
async def test_what_cannot_be_an_identifier_is_400(node: RunningNode, south: Caller, iia_id: str) -> None:
    assert (await south.post(node.url(CNR), ("iia_id", iia_id))).status == 400
    assert await refreshes(node) == {}
