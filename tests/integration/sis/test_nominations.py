"""Nominations over the SIS API: what it shows, which decisions it takes, and in which words it refuses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.nominating import NORTH, SOUTH, nominated

from ewpgw.documents.schemas import default as schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.model.omobility_update import ApproveProposal, RejectProposal
from ewpgw.network.received import GoodCopy, examine
from ewpgw.nominations import sent
from ewpgw.store import copies, work
from ewpgw.store.copies import CopyKey, Received
from ewpgw.store.effects import Effects
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from conftest import Sis

SENT = f"/api/v1/heis/{NORTH}/nominations/sent"
RECEIVED = f"/api/v1/heis/{NORTH}/nominations/received"
THEIRS = f"{RECEIVED}/{SOUTH}/s1"
OMOBILITIES = ENTITIES["omobilities"]


async def put(sis: Sis, omobility_id: str = "n1", **changes: Any) -> Any:
    """Put a record of ours; what the answer says."""
    path = f"/api/v1/heis/{NORTH}/records/omobilities/{omobility_id}"
    answer = await sis.put(path, nominated(NORTH, omobility_id, SOUTH, **changes))
    assert answer.status in (200, 201), answer.json
    return answer.json


async def arrives(sis: Sis, omobility_id: str = "s1", version: int = 3, **changes: Any) -> None:
    """A nomination of South's as if it had just been fetched."""
    record = OMOBILITIES.from_json(SOUTH, nominated(SOUTH, omobility_id, NORTH, **changes)).record
    assert record is not None
    shape = OMOBILITIES.shape(version)
    body = shape.wrap([shape.encode(record).fragment])
    seen = examine(body, shape, omobility_id, hei_id=NORTH, partner=SOUTH, schemas=schemas(), max_bytes=100_000)
    assert isinstance(seen, GoodCopy)
    sis.passes(seconds=1)
    key, now, effects = CopyKey(NORTH, "omobilities", SOUTH, omobility_id), sis.services.now(), Effects()
    async with sis.store.transaction() as tx:
        received = Received(body, seen.document, seen.content_hash, None, "e1")
        await copies.put_received(tx, key, received, now, effects=effects)
        effects.add(await sis.services.nominations.copy_changed(tx, key, now))
        await effects.carry_out(tx, NORTH, now)


async def partner_decides(sis: Sis, update: ApproveProposal | RejectProposal) -> None:
    sis.passes(seconds=1)
    async with sis.store.transaction() as tx:
        assert await sent.update_received(tx, NORTH, [SOUTH], update, sis.services.now()) is None
    async with sis.store.transaction() as tx:
        await sent.decided_by(NORTH, update.omobility_id, sis.services.now())(tx, "e7")


async def test_a_nomination_of_ours_shows_where_it_stands(sis: Sis) -> None:
    await put(sis)
    (listed,) = (await sis.get(SENT)).json["items"]
    assert (listed["status"], listed["delivered"], listed["moves"]) == ("pending", None, ["cancel"])
    key = WorkKey(WorkKind.DELIVERY, NORTH, SOUTH, "omobility-cnr", "n1")
    (claim,) = [one for one in await claims(sis) if one.key == key]
    async with sis.store.transaction() as tx:
        await work.finish(tx, claim, sis.services.now(), 200)
        await sis.services.nominations.delivered(tx, key, "e5", sis.services.now())
    delivered = (await sis.get(f"{SENT}/n1")).json["nomination"]["delivered"]
    assert (delivered["how"], delivered["exchange"]) == ("notified", "e5")
    proposal = listed["proposal_id"]
    await partner_decides(sis, RejectProposal(omobility_id="n1", proposal_id=proposal, comment="No room"))
    shown = (await sis.get(f"{SENT}/n1")).json["nomination"]
    assert (shown["status"], shown["comment"], shown["decided_exchange"]) == ("rejected", "No room", "e7")
    assert shown["moves"] == ["cancel", "resubmit"]
    assert [one["omobility_id"] for one in (await sis.get(f"{SENT}?status=rejected")).json["items"]] == ["n1"]
    assert (await sis.get(f"{SENT}?status=approved")).json["items"] == []
    assert (await sis.get(f"{SENT}?partner=west.example")).json["items"] == []
    assert (await sis.get(f"{SENT}/n2")).status == 404


async def claims(sis: Sis) -> list[work.Claim]:
    found = await work.claim(
        sis.store,
        tuple(WorkKind),
        "test",
        limit=10,
        now=sis.services.now(),
        lease_seconds=60,
        per_partner_limit=10,
    )
    return list(found)


async def test_what_a_partner_with_an_older_version_is_not_told_is_named(sis: Sis) -> None:
    await put(sis)
    assert (await sis.get(f"{SENT}/n1")).json["not_told"] == []
    sis.versions[0] = 2
    older = (await sis.get(f"{SENT}/n1")).json
    assert older["partner_version"] == 2
    assert [each["path"] for each in older["not_told"]] == ["nomination.agreement_isced_f_code", "nomination.comment"]
    sis.versions[0] = None
    assert (await sis.get(f"{SENT}/n1")).json["partner_version"] is None


async def test_a_stay_is_called_off_and_submitted_again(sis: Sis) -> None:
    await put(sis)
    etag = (await sis.get(f"{SENT}/n1")).headers["ETag"]
    stale = await sis.call("POST", f"{SENT}/n1/cancel", headers={"If-Match": '"77"'})
    assert (stale.status, stale.json["error"]["code"]) == (412, "precondition-failed")
    done = await sis.call("POST", f"{SENT}/n1/cancel", headers={"If-Match": etag})
    assert done.json == {"omobility_id": "n1", "move": "cancel", "already": False}
    assert (await sis.call("POST", f"{SENT}/n1/cancel")).json["already"] is True
    assert (await sis.call("POST", f"{SENT}/n1/resubmit")).json["already"] is False
    assert (await sis.get(f"{SENT}/n1")).json["nomination"]["status"] == "pending"
    proposal = (await sis.get(f"{SENT}/n1")).json["nomination"]["proposal_id"]
    await partner_decides(sis, ApproveProposal(omobility_id="n1", proposal_id=proposal))
    refused = await sis.call("POST", f"{SENT}/n1/resubmit")
    assert (refused.status, refused.json["error"]["code"]) == (409, "approved")
    assert (await sis.call("POST", f"{SENT}/n9/cancel")).status == 404


async def test_a_repeated_request_gets_the_first_answer(sis: Sis) -> None:
    await put(sis)
    for _ in range(2):
        done = await sis.call("POST", f"{SENT}/n1/cancel", headers={"Idempotency-Key": "k1"})
        assert done.json["already"] is False


async def test_a_received_nomination_is_approved_by_the_proposal_that_was_seen(sis: Sis) -> None:
    await arrives(sis)
    (listed,) = (await sis.get(RECEIVED)).json["items"]
    assert (listed["status"], listed["moves"], listed["published"]) == ("pending", ["approve", "reject"], False)
    other = await sis.call("POST", f"{THEIRS}/approve", json={"proposal_id": "x"})
    assert (other.status, other.json["error"]["code"]) == (412, "proposal-changed")
    refresh = await work.get(sis.store, WorkKey(WorkKind.REFRESH, NORTH, SOUTH, "omobilities", "s1"))
    assert refresh is not None, "the newest version is fetched"
    seen = {"proposal_id": listed["proposal_id"], "by": "A. Person"}
    for already in (False, True):
        done = await sis.call("POST", f"{THEIRS}/approve", json=seen)
        assert done.json == {"omobility_id": "s1", "status": "approved", "how": "sent", "already": already}
    shown = (await sis.get(THEIRS)).json["nomination"]
    assert (shown["status"], shown["decision"]["state"], shown["decision"]["by"]) == ("pending", "waiting", "A. Person")
    assert await work.get(sis.store, WorkKey(WorkKind.UPDATE, NORTH, SOUTH, "omobilities", "s1")) is not None
    assert (await sis.call("POST", f"{RECEIVED}/{SOUTH}/s2/approve", json=seen)).status == 404


@pytest.mark.parametrize("body", [{}, {"comment": ""}, {"comment": "\x01"}, {"comment": 1}])
async def test_a_rejection_without_a_reason_is_no_request(sis: Sis, body: dict[str, Any]) -> None:
    await arrives(sis)
    seen = (await sis.get(THEIRS)).json["nomination"]["proposal_id"]
    refused = await sis.call("POST", f"{THEIRS}/reject", json={"proposal_id": seen, **body})
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad-parameter")


@pytest.mark.parametrize("proposal_id", ["", "\x19"])
async def test_a_proposal_that_no_document_can_name_is_no_request(sis: Sis, proposal_id: str) -> None:
    await arrives(sis)
    for move, more in (("approve", {}), ("reject", {"comment": "No room"})):
        refused = await sis.call("POST", f"{THEIRS}/{move}", json={"proposal_id": proposal_id, **more})
        assert (refused.status, refused.json["error"]["code"]) == (400, "bad-parameter")


async def test_a_decision_about_a_nomination_of_an_older_version_is_published(sis: Sis) -> None:
    sis.versions[0] = 2
    await arrives(sis, version=2)
    shown = (await sis.get(THEIRS)).json["nomination"]
    assert shown["published"] is True
    body = {"proposal_id": shown["proposal_id"], "comment": "No room"}
    done = await sis.call("POST", f"{THEIRS}/reject", json=body)
    assert (done.json["how"], done.json["status"]) == ("published", "rejected")
    shown = (await sis.get(THEIRS)).json["nomination"]
    assert (shown["status"], shown["comment"], shown["decision"]["state"]) == ("rejected", "No room", "made")
    assert [one["omobility_id"] for one in (await sis.get(f"{RECEIVED}?status=rejected")).json["items"]] == ["s1"]
    assert (await sis.get(f"{RECEIVED}?status=pending")).json["items"] == []


async def test_where_the_partner_has_just_got_the_newer_version_it_is_asked_again_first(sis: Sis) -> None:
    await arrives(sis, version=2)
    seen = (await sis.get(THEIRS)).json["nomination"]["proposal_id"]
    refused = await sis.call("POST", f"{THEIRS}/approve", json={"proposal_id": seen})
    assert (refused.status, refused.json["error"]["code"]) == (412, "other-version")
    assert await work.get(sis.store, WorkKey(WorkKind.REFRESH, NORTH, SOUTH, "omobilities", "s1")) is not None


async def test_dates_are_told_in_one_call(sis: Sis) -> None:
    await arrives(sis, status="approved")
    first = await sis.put(f"{THEIRS}/dates", {"actual_arrival_date": "2026-09-02"})
    assert (first.status, first.json["result"]) == (201, "created")
    stale = await sis.put(f"{THEIRS}/dates", {"actual_arrival_date": "2026-09-03"}, If_Match='"9"')
    assert stale.status == 412
    whole = {"actual_arrival_date": "2026-09-02", "actual_departure_date": "2027-01-30"}
    second = await sis.put(f"{THEIRS}/dates", whole, If_Match=first.headers["ETag"])
    assert (second.status, second.json["result"]) == (200, "changed")
    assert (await sis.get(THEIRS)).json["arrival"] == {**whole, "revision": 2}
    bad = await sis.put(f"{THEIRS}/dates", {**whole, "actual_departure_date": "2026-09-01"})
    assert (bad.status, bad.json["error"]["code"]) == (422, "record-refused")
    nobody = await sis.put(f"{RECEIVED}/{SOUTH}/s9/dates", whole)
    assert nobody.status == 404


async def test_received_nominations_come_in_pages(sis: Sis) -> None:
    for number in range(5):
        await arrives(sis, f"s{number}")
    seen: list[str] = []
    path = f"{RECEIVED}?limit=2"
    while True:
        page = (await sis.get(path)).json
        seen += [one["omobility_id"] for one in page["items"]]
        if page["next"] is None:
            break
        path = f"{RECEIVED}?limit=2&after={page['next']}"
    assert seen == [f"s{number}" for number in range(5)]
