"""Fetching partners' copies: what is kept of good ones, gone ones and invalid ones, and who hears of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re

import pytest
from lxml import etree
from support.outgoing import NO_AGREEMENT, NORTH, NOTIFIED, SOUTH, WEST, Clock, Outgoing, agreement, refresh, working
from support.partners import FakePartner, Says, error
from support.waiting import eventually

from ewpgw.model import iia_hash
from ewpgw.store.copies import CopyState
from ewpgw.store.feed import FeedKind
from ewpgw.store.work import WorkState

GET = "iias/v7/get"


async def fetch(side: Outgoing, iia_id: str = "s1") -> None:
    await side.want(refresh(iia_id))
    await side.work_off()


async def kinds(side: Outgoing) -> list[FeedKind]:
    return [entry.kind for entry in await side.feed()]


async def test_a_copy_is_asked_for_by_its_id_alone(north: Outgoing, south: FakePartner) -> None:
    """One agreement a response, because the hash depends on the whole response."""
    south.script(GET, lambda sent: Says(agreement(dict(sent.parameters)["iia_id"])))
    await north.want(refresh("s1"), refresh("s2"))
    await north.work_off()
    assert sorted(sent.parameters for sent in south.received) == [[("iia_id", "s1")], [("iia_id", "s2")]]


async def test_a_good_copy_is_kept_with_its_bytes_hash_and_our_id_and_the_sis_hears_of_it(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    body = b"<!-- as received -->\n" + agreement(our_id="n1").partition(b"?>")[2].replace(b">5<", b">5 <")
    body = with_right_hash(body)
    south.script(GET, Says(body))
    await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert (copy.state, copy.revision, copy.body, copy.our_id) == (CopyState.CURRENT, 1, body, "n1")
    assert copy.content_hash == next(iia_hash.of_response(etree.fromstring(body))).iia_hash
    owner = json.loads(copy.document or "")["partner"][0]
    assert (owner["hei_id"], owner["iia_id"]) == (SOUTH, "s1")
    assert copy.fetched_at == clock()
    (entry,) = await north.feed()
    assert (entry.kind, entry.entity, entry.partner, entry.id, entry.revision) == (
        FeedKind.COPY_CHANGED,
        "iias",
        SOUTH,
        "s1",
        1,
    )
    assert (await north.row(refresh())).state is WorkState.DONE
    assert north.copied == 1, "the adapters are woken"


def with_right_hash(body: bytes) -> bytes:
    """The document with the hash of what it now says."""
    right = next(iia_hash.of_response(etree.fromstring(body))).iia_hash
    return re.sub(rb"(<iia-hash>)[0-9a-f]{64}", rb"\g<1>" + right.encode(), body)


async def test_an_unchanged_copy_fetched_again_is_no_news(north: Outgoing, south: FakePartner, clock: Clock) -> None:
    south.script(GET, Says(agreement()))
    await fetch(north)
    clock.pass_(hours=1)
    await fetch(north)
    assert len(south.received) == 2
    assert await kinds(north) == [FeedKind.COPY_CHANGED]
    copy = await north.copy()
    assert copy is not None
    assert (copy.revision, copy.fetched_at) == (1, clock())


async def test_a_changed_copy_is_news_with_its_new_bytes(north: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement()), Says(agreement(people=9)))
    await fetch(north)
    await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert (copy.revision, copy.body) == (2, agreement(people=9))
    assert await kinds(north) == [FeedKind.COPY_CHANGED] * 2


async def test_a_partner_that_maps_our_agreement_is_news(north: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement()), Says(agreement(our_id="n1")))
    await fetch(north)
    await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert copy.our_id == "n1"
    assert await kinds(north) == [FeedKind.COPY_CHANGED] * 2


async def test_an_empty_answer_means_gone_and_the_last_copy_is_kept(north: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement()), Says(NO_AGREEMENT))
    for _ in range(3):
        await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert (copy.state, copy.body) == (CopyState.GONE, agreement())
    assert await kinds(north) == [FeedKind.COPY_CHANGED, FeedKind.COPY_GONE]


async def test_an_empty_answer_about_something_never_seen_leaves_nothing(north: Outgoing, south: FakePartner) -> None:
    """A notification may name what we must not see (ewp-specs-architecture, CNR)."""
    south.script(GET, Says(NO_AGREEMENT))
    await fetch(north)
    assert await north.copy() is None
    assert await north.feed() == []
    assert (await north.row(refresh())).state is WorkState.DONE


async def test_a_gone_copy_that_is_served_again_is_current_again(north: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement()), Says(NO_AGREEMENT), Says(agreement()))
    for _ in range(3):
        await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert copy.state is CopyState.CURRENT
    assert await kinds(north) == [FeedKind.COPY_CHANGED, FeedKind.COPY_GONE, FeedKind.COPY_CHANGED]


PRIVATE = b"Maria Kowalska, maria@private.example"
INVALID = {
    "by schema": agreement(people=6).replace(b"<in-effect>false", b"<in-effect>" + PRIVATE),
    "by hash": re.sub(rb"<iia-hash>.{8}", b"<iia-hash>00000000", agreement(people=6)),
    "another id": agreement("s2"),
    "of another partner": agreement(owner=WEST),
    "with another partner": agreement(other=WEST),
    "two at once": re.sub(rb"(<iia .*</iia>|<iia>.*</iia>)", rb"\1\1", agreement()),
    "another document": NOTIFIED,
    "html": b"<!DOCTYPE html><html><body>" + PRIVATE + b"</body></html>",
    "nothing": b"",
    "not well-formed": agreement()[:-20],
}


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID.keys())
async def test_an_invalid_document_is_kept_as_received_beside_the_last_good_copy_and_everybody_hears(
    reporting: Outgoing, south: FakePartner, portal: FakePartner, body: bytes
) -> None:
    south.script(GET, Says(agreement()), Says(body))
    for _ in range(3):
        await fetch(reporting)
    copy = await reporting.copy()
    assert copy is not None
    assert (copy.state, copy.invalid_body, copy.body) == (CopyState.INVALID, body, agreement())
    assert copy.content_hash == next(iia_hash.of_response(etree.fromstring(agreement()))).iia_hash
    (problem, *_) = json.loads(copy.invalid_problems or "")
    assert problem["message"]
    assert problem["severity"] == "refusal"
    assert await kinds(reporting) == [FeedKind.COPY_CHANGED, FeedKind.COPY_INVALID], "the same again is no news"
    assert (await reporting.row(refresh())).state is WorkState.DONE
    await eventually(lambda: len(portal.calls("monitoring")) == 2)
    for report in portal.calls("monitoring"):
        said = dict(report.parameters)
        assert (said["server_hei_id"], said["api_name"], said["endpoint_name"]) == (SOUTH, "iias", "get")
        assert said["http_code"] == "200"
        assert said["client_message"].startswith("the answer is not")
        assert "server_message" not in said
        assert "Maria" not in said["client_message"]
        assert "private" not in said["client_message"]


async def test_an_invalid_first_copy_is_kept_and_told_too(north: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(INVALID["by hash"]))
    await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert (copy.state, copy.body, copy.invalid_body) == (CopyState.INVALID, None, INVALID["by hash"])
    assert await kinds(north) == [FeedKind.COPY_INVALID]


async def test_a_good_document_after_an_invalid_one_is_current_again(north: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement()), Says(INVALID["by hash"]), Says(agreement()))
    for _ in range(3):
        await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert (copy.state, copy.invalid_body, copy.invalid_problems) == (CopyState.CURRENT, None, None)
    assert await kinds(north) == [FeedKind.COPY_CHANGED, FeedKind.COPY_INVALID, FeedKind.COPY_CHANGED]


async def test_the_hash_is_of_the_bytes_received_and_not_of_what_we_would_write(
    north: Outgoing, south: FakePartner
) -> None:
    """A number written as 05 is another text than 5 (ewp-specs-api-iias, IIA hash)."""
    body = with_right_hash(agreement().replace(b"<mobilities-per-year>5<", b"<mobilities-per-year>05<"))
    assert body.count(b">05<") == 1
    south.script(GET, Says(body))
    await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert copy.state is CopyState.CURRENT
    text = next(iia_hash.of_response(etree.fromstring(body))).text
    assert copy.content_hash == hashlib.sha256(text.encode()).hexdigest()


async def test_an_error_leaves_the_copy_as_it_is_and_is_retried(
    north: Outgoing, south: FakePartner, clock: Clock
) -> None:
    south.script(GET, Says(agreement()), error(503, "maintenance"), Says(agreement(people=9)))
    await fetch(north)
    await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert (copy.state, copy.revision) == (CopyState.CURRENT, 1)
    row = await north.row(refresh())
    assert (row.state, row.last_status) == (WorkState.DUE, 503)
    clock.moment = row.next_attempt_at
    await north.work_off()
    copy = await north.copy()
    assert copy is not None
    assert copy.revision == 2


async def test_a_refusal_leaves_the_copy_as_it_is_and_is_shown(north: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement()), error(400, "iia_id is unknown"))
    await fetch(north)
    await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert copy.state is CopyState.CURRENT
    assert (await north.row(refresh())).state is WorkState.FAILED
    (_, entry) = await north.feed()
    assert (entry.kind, entry.partner, entry.id) == (FeedKind.REFRESH_FAILED, SOUTH, "s1")


async def test_an_error_under_status_200_does_not_make_the_copy_invalid(north: Outgoing, south: FakePartner) -> None:
    south.script(GET, Says(agreement()), error(200, "out of order"))
    await fetch(north)
    await fetch(north)
    copy = await north.copy()
    assert copy is not None
    assert copy.state is CopyState.CURRENT
    assert "out of order" in ((await north.row(refresh())).last_error or "")


async def test_a_notification_during_the_fetch_fetches_again(north: Outgoing, south: FakePartner) -> None:
    answer = asyncio.Event()
    south.script(GET, Says(agreement(), held=answer), Says(agreement(people=9)))
    await north.want(refresh())
    async with working(north.worker()):
        await eventually(lambda: south.received)
        await north.want(refresh())
        answer.set()
        await eventually(north.idle)
    copy = await north.copy()
    assert copy is not None
    assert copy.body == agreement(people=9)
    assert (await north.row(refresh())).key.hei_id == NORTH
