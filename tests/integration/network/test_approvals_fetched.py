"""Asking partners whether they approve our agreements: after a notification, and in pulls (SQLite and PostgreSQL)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from support.documents import iia
from support.outgoing import NORTH, SOUTH, WEST, Outgoing, agreement
from support.partners import FakePartner, Received, Says, catalogue_with, error, with_url

from ewpgw.documents.parsing import parse
from ewpgw.model import iia_hash
from ewpgw.model.entities import ENTITIES
from ewpgw.records import Incoming
from ewpgw.store import approvals, copies, records
from ewpgw.store.approvals import Approval, ApprovalKey
from ewpgw.store.copies import CopyKey
from ewpgw.store.copies import Received as ReceivedCopy
from ewpgw.store.feed import FeedKind
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKey, WorkKind, WorkState

IIAS = ENTITIES["iias"]
PATH = "iias-approval/v2"
NAMESPACE = "https://github.com/erasmus-without-paper/ewp-specs-api-iias-approval/tree/stable-v2"


def question(item: str = "n1", partner: str = SOUTH) -> WorkKey:
    return WorkKey(WorkKind.REFRESH, NORTH, partner, "iias-approval", item)


def pull(partner: str = SOUTH) -> WorkKey:
    return WorkKey(WorkKind.PULL, NORTH, partner, "iias-approval", "")


def approving(versions: Mapping[str, str], *, pdf: str | None = None) -> bytes:
    """An answer that approves these hashes, by our ids."""
    file = f"<pdf-file>{pdf}</pdf-file>" if pdf is not None else ""
    listed = "".join(
        f"<approval><iia-id>{iia_id}</iia-id><iia-hash>{iia_hash}</iia-hash>{file}</approval>"
        for iia_id, iia_hash in versions.items()
    )
    return f'<iias-approval-response xmlns="{NAMESPACE}">{listed}</iias-approval-response>'.encode()


def partner_that_approves(versions: Mapping[str, str]) -> Callable[[Received], Says]:
    """Answers each question about what was asked, as a partner does."""

    def answer(sent: Received) -> Says:
        asked = [value for name, value in sent.parameters if name == "iia_id"]
        return Says(approving({iia_id: versions[iia_id] for iia_id in asked if iia_id in versions}))

    return answer


async def mapped(north: Outgoing, our_id: str = "n1", their_id: str = "s1", *, partner: str = SOUTH) -> str:
    """An agreement of ours that is mapped to the partner's copy, which is here; its hash."""
    body = agreement(their_id, owner=partner, our_id=our_id)
    document = json.dumps(IIAS.newest.decode(parse(body)[0]).to_json())
    copy = ReceivedCopy(body, document, hash_of(body), our_id)
    async with north.store.transaction() as tx:
        await copies.put_received(tx, CopyKey(NORTH, "iias", partner, their_id), copy, north.clock())
    await put(north, our_id, partner=partner)
    return await our_hash(north, our_id)


async def put(north: Outgoing, our_id: str = "n1", *, partner: str = SOUTH, people: int = 3) -> None:
    document = iia(our_id, partner=partner, people=people)
    outcome = await north.records.put(NORTH, "iias", Incoming(None, document=document), source="test")
    assert outcome.result in ("created", "changed"), outcome


async def our_hash(north: Outgoing, our_id: str) -> str:
    fragment = await records.fragment(north.store, RecordKey(NORTH, "iias", our_id), IIAS.newest.version)
    assert fragment is not None
    return hash_of(IIAS.newest.wrap([fragment]))


def hash_of(response: bytes) -> str:
    return next(iia_hash.of_response(parse(response))).iia_hash


async def received(north: Outgoing, our_id: str = "n1", partner: str = SOUTH) -> Approval | None:
    return await approvals.get(north.store, ApprovalKey(NORTH, given=False, partner=partner, iia_id=our_id))


async def ask(north: Outgoing, *keys: WorkKey) -> None:
    await north.want(*(keys or (question(),)))
    await north.work_off_only(WorkKind.REFRESH)


async def test_an_approval_is_asked_for_by_our_id_and_kept_with_the_bytes_that_say_so(
    north: Outgoing, south: FakePartner
) -> None:
    body = approving({"n1": await mapped(north)}, pdf="p-1")
    south.script(PATH, Says(body))
    await ask(north)
    (sent,) = south.calls(PATH)
    assert sent.parameters == [("iia_id", "n1")]
    approval = await received(north)
    assert approval is not None
    assert (approval.iia_hash, approval.body, approval.pdf_file) == (await our_hash(north, "n1"), body, "p-1")
    (exchange,) = [each for each in await north.exchanged() if each.api == "iias-approval"]
    assert approval.exchange_id == exchange.id
    assert (await north.row(question())).state is WorkState.DONE
    assert north.copied == 1, "the adapters are woken"


async def test_a_partner_that_approves_nothing_leaves_nothing_and_takes_back_what_was(
    north: Outgoing, south: FakePartner
) -> None:
    south.script(PATH, Says(approving({"n1": await mapped(north)})), Says(approving({})))
    await ask(north)
    assert await received(north) is not None
    await ask(north)
    assert await received(north) is None
    assert (await north.row(question())).state is WorkState.DONE


@pytest.mark.parametrize("why", ["unknown", "deleted", "unmapped", "another partner's"])
async def test_nobody_is_asked_about_an_agreement_that_is_not_mapped(
    north: Outgoing, south: FakePartner, why: str
) -> None:
    """Clients must not use the API for agreements that do not name the partner's id (its README, Summary)."""
    if why == "deleted":
        await put(north)
        assert await north.records.delete(NORTH, "iias", "n1", source="test")
    elif why == "unmapped":
        await put(north)
    elif why == "another partner's":
        await mapped(north, partner=WEST)
    await ask(north)
    assert south.received == []
    assert (await north.row(question())).state is WorkState.DONE
    assert await received(north) is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>no XML", "no XML"),
        (b"<response/>", "not the response of iias-approval 2"),
        (approving({"n1": "A" * 64}), "not valid at"),
        (approving({"n2": "a" * 64}), "not asked about"),
        (approving({"n1": "a" * 64}).replace(b"</i", b"<approval/></i"), "not valid at"),
        (
            approving({"n1": "a" * 64, "n2": "b" * 64}).replace(b"n2", b"n1"),
            "two versions",
        ),
    ],
)
async def test_an_answer_that_is_none_changes_nothing_and_is_shown_to_a_person(
    north: Outgoing, south: FakePartner, body: bytes, reason: str
) -> None:
    await mapped(north)
    south.script(PATH, Says(body))
    await ask(north)
    row = await north.row(question())
    assert row.state is WorkState.FAILED
    assert reason in (row.last_error or "")
    assert await received(north) is None
    assert FeedKind.REFRESH_FAILED in [entry.kind for entry in await north.feed()]


async def test_a_partner_that_is_away_is_asked_again(north: Outgoing, south: FakePartner) -> None:
    await mapped(north)
    south.script(PATH, error(503, "later"))
    await ask(north)
    assert (await north.row(question())).state is WorkState.DUE


async def test_a_pull_asks_about_all_mapped_agreements_and_wants_those_that_differ(
    north: Outgoing, south: FakePartner
) -> None:
    hashes = {our_id: await mapped(north, our_id, f"s{our_id}") for our_id in ("n1", "n2", "n3", "n4")}
    await mapped(north, "w1", "w1", partner=WEST)
    await put(north, "unmapped")
    key = ApprovalKey(NORTH, given=False, partner=SOUTH, iia_id="n1")
    async with north.store.transaction() as tx:
        for our_id in ("n1", "n2", "n3"):
            await approvals.put(tx, Approval(replace(key, iia_id=our_id), hashes[our_id], north.clock(), b""))
    south.script(PATH, partner_that_approves({"n1": hashes["n1"], "n2": "f" * 64, "n4": hashes["n4"]}))
    await north.want(pull())
    await north.work_off_only(WorkKind.PULL)
    asked = [dict(sent.parameters)["iia_id"] for sent in south.calls(PATH)]
    assert asked == ["n1", "n2", "n3", "n4"], "one at a time, as many as it takes"
    assert set(await north.rows(WorkKind.REFRESH)) == {"n2", "n3", "n4"}
    assert (await north.row(pull())).state is WorkState.DONE
    await north.work_off()
    assert await received(north, "n3") is None
    approved = await received(north, "n4")
    assert approved is not None
    assert approved.iia_hash == hashes["n4"]
    await north.want(pull())
    await north.work_off()
    assert len(south.calls(PATH)) == 4 + 3 + 4, "nothing differs any more"


async def test_as_many_are_asked_about_at_once_as_the_partner_takes(north: Outgoing, south: FakePartner) -> None:
    for number in range(5):
        await mapped(north, f"n{number}", f"s{number}")
    north.catalogue = catalogue_with(with_url(south.manifest(), "iias-approval", "max-iia-ids", "2"))
    south.script(PATH, Says(approving({})))
    await north.want(pull())
    await north.work_off_only(WorkKind.PULL)
    assert [len(sent.parameters) for sent in south.calls(PATH)] == [2, 2, 1]


async def test_a_partner_without_the_api_is_not_asked_and_nobody_is_bothered(
    north: Outgoing, south: FakePartner
) -> None:
    await mapped(north, partner=WEST)
    await north.want(pull(WEST))
    await north.work_off_only(WorkKind.PULL)
    assert (await north.row(pull(WEST))).state is WorkState.DONE
    assert await north.rows(WorkKind.REFRESH) == {}
