"""Nominations over the SIS API: what it shows, which decisions it takes, and in which words it refuses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from sqlalchemy import update as changing
from support.nominating import NORTH, SOUTH, nominated

from ewpgw.documents.schemas import default as schemas
from ewpgw.model.academic_years import SOUTH as SOUTHERN
from ewpgw.model.entities import ENTITIES
from ewpgw.model.omobility import Status
from ewpgw.model.omobility_states import Refusal, Standing, approve, reject
from ewpgw.model.omobility_update import ApproveProposal, RejectProposal
from ewpgw.network.received import GoodCopy, examine
from ewpgw.nominations import sent
from ewpgw.nominations.calendars import Calendars
from ewpgw.store import copies, decisions, work
from ewpgw.store.copies import CopyKey, Received
from ewpgw.store.decisions import DecisionKey, DecisionState
from ewpgw.store.effects import Effects
from ewpgw.store.tables import partner_copy
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from support.sis_api import Sis

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


async def arrives(
    sis: Sis, omobility_id: str = "s1", version: int = 3, *, partner: str = SOUTH, **changes: Any
) -> None:
    """A nomination of South's as if it had just been fetched."""
    record = OMOBILITIES.from_json(partner, nominated(partner, omobility_id, NORTH, **changes)).record
    assert record is not None
    shape = OMOBILITIES.shape(version)
    body = shape.wrap([shape.encode(record).fragment])
    seen = examine(body, shape, omobility_id, hei_id=NORTH, partner=partner, schemas=schemas(), max_bytes=100_000)
    assert isinstance(seen, GoodCopy)
    sis.passes(seconds=1)
    key, now, effects = CopyKey(NORTH, "omobilities", partner, omobility_id), sis.services.now(), Effects()
    async with sis.store.transaction() as tx:
        received = Received(body, seen.document, seen.content_hash, None, "e1")
        await copies.put_received(tx, key, received, now, effects=effects)
        effects.add(await sis.services.nominations.copy_changed(tx, key, now))
        await effects.carry_out(tx, NORTH, now)


async def withdrawn(sis: Sis, omobility_id: str) -> None:
    """South serves a nomination no longer."""
    sis.passes(seconds=1)
    key, now, effects = CopyKey(NORTH, "omobilities", SOUTH, omobility_id), sis.services.now(), Effects()
    async with sis.store.transaction() as tx:
        await copies.mark_gone(tx, key, now, effects=effects)
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


async def test_the_time_of_a_stay_is_named_as_both_institutions_name_it(sis: Sis) -> None:
    unknown = {"sending_term": "2026/2027-1/2", "receiving_term": None, "receiving_year": "2026/2026"}
    await put(sis, nomination__receiving_academic_year_id="2026/2026")
    assert (await sis.get(f"{SENT}/n1")).json["stay"] == unknown
    sis.services.nominations.calendars = Calendars({}, {(NORTH, SOUTH): SOUTHERN})
    assert (await sis.get(f"{SENT}/n1")).json["stay"] == {**unknown, "receiving_term": "2026/2026-2/2"}
    theirs = {"sending_term": "2027/2027-1/2", "receiving_year": "2026/2027"}
    await arrives(
        sis,
        nomination__receiving_academic_year_id=theirs["receiving_year"],
        nomination__sending_academic_term_ewp_id=theirs["sending_term"],
    )
    assert (await sis.get(THEIRS)).json["stay"] == {**theirs, "receiving_term": "2026/2027-2/2"}
    await arrives(
        sis,
        nomination__sending_academic_term_ewp_id=None,
        nomination__non_standard_mobility_period=True,
    )
    assert (await sis.get(THEIRS)).json["stay"]["sending_term"] is None


async def test_what_a_partner_with_an_older_version_does_not_tell_is_named(sis: Sis) -> None:
    await arrives(sis, version=2)
    told = (await sis.get(THEIRS)).json["not_told"]
    assert [each["path"] for each in told] == ["nomination.agreement_isced_f_code"]
    assert "version 2 of the API has no place" in told[0]["message"]
    await arrives(sis)
    assert (await sis.get(THEIRS)).json["not_told"] == []


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


async def test_where_the_partner_has_gone_back_to_the_older_version_the_decision_is_published_in_the_end(
    sis: Sis,
) -> None:
    await arrives(sis)
    await arrives(sis, "s2")
    seen = {"proposal_id": (await sis.get(THEIRS)).json["nomination"]["proposal_id"]}
    assert (await sis.call("POST", f"{THEIRS}/approve", json=seen)).json["how"] == "sent"
    sis.versions[0] = 2
    refused = await sis.call("POST", f"{RECEIVED}/{SOUTH}/s2/approve", json=seen)
    assert (refused.status, refused.json["error"]["code"]) == (412, "other-version")
    assert "gone back to an older version" in refused.json["error"]["message"]
    assert await work.get(sis.store, WorkKey(WorkKind.REFRESH, NORTH, SOUTH, "omobilities", "s2")) is not None
    await arrives(sis, version=2)
    overtaken = (await sis.get(THEIRS)).json["nomination"]
    assert (overtaken["decision"]["state"], overtaken["moves"]) == ("overtaken", ["approve", "reject"])
    assert "older version" in overtaken["decision"]["words"]
    done = await sis.call("POST", f"{THEIRS}/approve", json={"proposal_id": overtaken["proposal_id"]})
    assert done.json == {"omobility_id": "s1", "status": "approved", "how": "published", "already": False}


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


async def test_dates_are_a_record_also_where_both_identifiers_are_as_long_as_they_can_be(sis: Sis) -> None:
    partner, omobility_id = f"{'.'.join(['x' * 63] * 3)}.{'y' * 55}.example", "!:%/" + "s" * 60
    assert (len(partner), len(omobility_id)) == (255, 64)
    await arrives(sis, omobility_id, partner=partner, status="approved")
    one = f"{RECEIVED}/{partner}/{quote(omobility_id, safe='')}"
    dates = {"actual_arrival_date": "2026-09-02"}
    assert (await sis.put(f"{one}/dates", dates)).status == 201
    record_id = f"{partner}:{omobility_id}"
    path = f"/api/v1/heis/{NORTH}/records/imobilities/{quote(record_id, safe='')}"
    found = await sis.get(path)
    assert (found.status, found.json["document"]["actual_arrival_date"]) == (200, "2026-09-02")
    later = {**dates, "omobility_id": omobility_id, "sending_hei_id": partner, "actual_departure_date": "2027-01-30"}
    assert (await sis.put(path, later)).json["result"] == "changed"
    told = await sis.call(
        "POST", f"/api/v1/heis/{NORTH}/notifications", json={"entity": "imobilities", "id": record_id}
    )
    assert told.status == 202, told.json
    delivery = await work.get(sis.store, WorkKey(WorkKind.DELIVERY, NORTH, partner, "imobility-cnr", record_id))
    assert delivery is not None
    assert (await sis.call("DELETE", path)).status == 204
    assert (await sis.get(f"{path}x")).status == 400, "one more character is no identifier"


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


async def test_each_decision_that_the_rules_forbid_is_refused_in_every_state_with_the_reason(sis: Sis) -> None:
    refused = []
    for state in (*Status, "deleted"):
        for move in ("approve", "reject"):
            for about in ("this proposal", "another"):
                omobility_id = f"{state}-{move}-{about.split()[0]}"
                await arrives(sis, omobility_id, status=None if state == "deleted" else state)
                if state == "deleted":
                    await withdrawn(sis, omobility_id)
                one = f"{RECEIVED}/{SOUTH}/{omobility_id}"
                shown = (await sis.get(one)).json["nomination"]
                named = shown["proposal_id"] if about == "this proposal" else "f" * 64
                comment = {"comment": "No room."} if move == "reject" else {}
                answer = await sis.call("POST", f"{one}/{move}", json={"proposal_id": named, **comment})
                here = Standing(shown["proposal_id"], Status(shown["status"]), "No room.", deleted=state == "deleted")
                expected = approve(here, named) if move == "approve" else reject(here, named, "No room.")
                if isinstance(expected, Refusal):
                    refused.append((state, move, about, answer.status))
                    said = answer.json["error"]
                    assert (said["code"], said["message"]) == (expected.code, expected.words)
                    assert about == "another" or move not in shown["moves"]
                    assert (await sis.get(one)).json["nomination"]["decision"] is None
                else:
                    assert (answer.status, answer.json["already"]) == (200, not expected.changed)
                    assert (move in shown["moves"]) is expected.changed
    assert refused == [
        ("pending", "approve", "another", 412),
        ("pending", "reject", "another", 412),
        ("approved", "approve", "another", 412),
        ("approved", "reject", "this proposal", 409),
        ("approved", "reject", "another", 412),
        ("rejected", "approve", "this proposal", 409),
        ("rejected", "approve", "another", 412),
        ("rejected", "reject", "another", 412),
        ("cancelled", "approve", "this proposal", 409),
        ("cancelled", "approve", "another", 412),
        ("cancelled", "reject", "this proposal", 409),
        ("cancelled", "reject", "another", 412),
        ("deleted", "approve", "this proposal", 409),
        ("deleted", "approve", "another", 409),
        ("deleted", "reject", "this proposal", 409),
        ("deleted", "reject", "another", 409),
    ]


async def test_received_nominations_are_listed_by_where_they_stand_with_what_was_decided_since(sis: Sis) -> None:
    async def listed(status: str, more: str = "") -> list[str]:
        return [one["omobility_id"] for one in (await sis.get(f"{RECEIVED}?status={status}{more}")).json["items"]]

    for omobility_id in ("s1", "s2", "s3"):
        await arrives(sis, omobility_id)
    await arrives(sis, "s4", status="approved")
    await arrives(sis, "s5", partner="west.example")
    assert await listed("pending") == ["s1", "s2", "s3", "s5"]
    assert await listed("pending", "&partner=west.example") == ["s5"]
    assert await listed("approved") == ["s4"]
    seen = (await sis.get(THEIRS)).json["nomination"]["proposal_id"]
    assert (await sis.call("POST", f"{THEIRS}/approve", json={"proposal_id": seen})).status == 200
    assert (await sis.get(THEIRS)).json["nomination"]["moves"] == [], "one is on its way"
    assert await listed("approved") == ["s4"], "the partner does not have it yet"
    async with sis.store.transaction() as tx:
        key = DecisionKey(NORTH, "omobilities", SOUTH, "s1")
        assert await decisions.settle(tx, key, 1, DecisionState.MADE, sis.services.now())
    assert await listed("approved") == ["s1", "s4"]
    assert await listed("pending") == ["s2", "s3", "s5"]
    await withdrawn(sis, "s2")
    (gone,) = (await sis.get(f"{RECEIVED}?status=pending&limit=1")).json["items"]
    assert (gone["omobility_id"], gone["copy_state"], gone["moves"]) == ("s2", "gone", [])


async def test_one_received_nomination_is_shown_without_reading_the_others(sis: Sis) -> None:
    for omobility_id in ("s1", "s2"):
        await arrives(sis, omobility_id)
    async with sis.store.transaction() as tx:
        await tx.execute(changing(partner_copy).where(partner_copy.c.id == "s2").values(document="not read"))
    assert (await sis.get(THEIRS)).status == 200


async def test_what_was_published_can_be_thought_better_of(sis: Sis) -> None:
    sis.versions[0] = 2
    await arrives(sis, version=2)
    body = {"proposal_id": (await sis.get(THEIRS)).json["nomination"]["proposal_id"]}
    assert (await sis.call("POST", f"{THEIRS}/reject", json={**body, "comment": "No room"})).status == 200
    assert (await sis.get(THEIRS)).json["nomination"]["moves"] == ["approve"]
    done = await sis.call("POST", f"{THEIRS}/approve", json=body)
    assert (done.status, done.json["already"]) == (200, False)
    assert (await sis.get(THEIRS)).json["nomination"]["moves"] == []
