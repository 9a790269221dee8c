"""Agreements over the SIS API: what it shows, which moves it takes, and in which words it refuses them."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from support import former
from support.sides import NORTH, SOUTH, foreign, iia

from ewpgw.agreements.service import Agreements
from ewpgw.documents.schemas import default as schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.network.received import GoodCopy, examine
from ewpgw.store import work
from ewpgw.store.copies import CopyKey, Received, put_received

if TYPE_CHECKING:
    from support.sis_api import Sis

ALL = f"/api/v1/heis/{NORTH}/agreements"
ONE = f"{ALL}/n1"


async def theirs(sis: Sis, *, people: int = 2, their_id: str | None = "n1", iia_id: str = "s1") -> str:
    """South's copy as if it had just been fetched; returns its hash."""
    body = foreign(SOUTH, iia_id, NORTH, their_id=their_id, people=people)
    seen = examine(
        body, ENTITIES["iias"].newest, iia_id, hei_id=NORTH, partner=SOUTH, schemas=schemas(), max_bytes=100_000
    )
    assert isinstance(seen, GoodCopy)
    sis.passes(seconds=1)
    key, now = CopyKey(NORTH, "iias", SOUTH, iia_id), sis.services.now()
    async with sis.store.transaction() as tx:
        await put_received(tx, key, Received(body, seen.document, seen.content_hash, seen.our_id), now)
        await (await sis.services.agreements.copy_changed(tx, key, now)).carry_out(tx, NORTH, now)
    return seen.content_hash


async def partner_approves(sis: Sis) -> None:
    ours = (await sis.get(ONE)).json["agreement"]["our_hash"]
    agreements: Agreements = sis.services.agreements
    async with sis.store.transaction() as tx:
        await agreements.approval_received(tx, NORTH, SOUTH, "n1", ours, b"<yes/>", "x", sis.services.now())


async def in_effect(sis: Sis) -> None:
    await sis.put(f"/api/v1/heis/{NORTH}/records/iias/n1", iia(NORTH, "n1", SOUTH))
    seen = await theirs(sis)
    assert (await sis.call("POST", f"{ONE}/approve", json={"iia_hash": seen, "by": "A. Person"})).status == 200
    await partner_approves(sis)


async def test_an_agreement_goes_from_draft_to_termination(sis: Sis) -> None:
    draft = await sis.put(f"{ONE}/draft", iia(NORTH, "n1", SOUTH))
    assert (draft.status, draft.json["iia_id"]) == (200, "n1")
    (listed,) = (await sis.get(ALL)).json["items"]
    assert (listed["state"], listed["draft"], listed["moves"]) == ("draft", True, ["propose", "delete"])
    assert (await sis.call("POST", f"{ONE}/propose")).status == 200
    seen = await theirs(sis)
    shown = (await sis.get(ONE)).json
    assert shown["agreement"]["state"] == "proposed"
    assert shown["agreement"]["their_hash"] == seen
    assert shown["ours"]["partner"][1]["iia_id"] == "s1"
    assert shown["theirs"]["our_id"] == "n1"
    approved = await sis.call("POST", f"{ONE}/approve", json={"iia_hash": seen, "by": "A. Person"})
    assert (approved.status, approved.json) == (200, {"iia_id": "n1", "move": "approve"})
    again = await sis.call("POST", f"{ONE}/approve", json={"iia_hash": seen})
    assert again.status == 200
    await partner_approves(sis)
    (listed,) = (await sis.get(ALL)).json["items"]
    assert (listed["state"], listed["next"]) == ("mutually-approved", "Nothing: it is in effect.")
    (kept,) = (await sis.get(f"{ONE}/snapshots")).json["items"]
    assert (kept["number"], kept["approved_by"], kept["their_approval_exchange"]) == (1, "A. Person", "x")
    assert (await sis.call("POST", f"{ONE}/terminate")).status == 200
    assert (await sis.get(ONE)).json["agreement"]["state"] == "modified"
    assert (await sis.call("POST", f"{ONE}/revert")).status == 200
    assert (await sis.get(ONE)).json["agreement"]["state"] == "mutually-approved"
    kinds = [item["kind"] for item in (await sis.get(f"/api/v1/heis/{NORTH}/changes")).json["items"]]
    assert [kind for kind in kinds if kind != "copy-changed"] == [
        "agreement-mapped",
        "approval-given",
        "approval-received",
        "mutually-approved",
        "received-approval-lapsed",
        "approval-received",
        "mutually-approved",
    ]


async def test_a_partners_termination_is_adopted_by_a_record_that_does_not_know_it_is_in_effect(sis: Sis) -> None:
    await in_effect(sis)
    record = iia(NORTH, "n1", SOUTH)
    record["cooperation_conditions"]["terminated_as_a_whole"] = True
    assert record["in_effect"] is False
    put = await sis.put(f"/api/v1/heis/{NORTH}/records/iias/n1", record)
    assert (put.status, put.json["result"]) == (200, "changed")
    assert not [each for each in put.json["warnings"] if "terminated" in each["path"]]
    shown = (await sis.get(ONE)).json
    assert (shown["agreement"]["state"], shown["ours"]["in_effect"]) == ("modified", True)
    drafted = (await sis.put(f"{ONE}/draft", record)).json["problems"]
    assert not [each for each in drafted if each["severity"] == "refusal"]


async def test_what_only_agreements_in_effect_may_say_is_refused_of_others(sis: Sis) -> None:
    record = iia(NORTH, "n1", SOUTH)
    record["cooperation_conditions"]["terminated_as_a_whole"] = True
    for known in (False, True):
        put = await sis.put(f"/api/v1/heis/{NORTH}/records/iias/n1", record)
        assert put.status == 422, known
        assert [problem["path"] for problem in put.json["problems"] if problem["severity"] == "refusal"] == [
            "cooperation_conditions.terminated_as_a_whole"
        ]
        drafted = await sis.put(f"{ALL}/n2/draft", {**record, "partner": iia(NORTH, "n2", SOUTH)["partner"]})
        assert "cooperation_conditions.terminated_as_a_whole" in [each["path"] for each in drafted.json["problems"]]
        await theirs(sis)  # a copy that names the agreement does not bring it into effect


async def test_each_refusal_has_a_code_and_says_why(sis: Sis) -> None:
    await in_effect(sis)
    for method, path, code in (
        ("DELETE", ONE, "state-mutually-approved"),
        ("POST", f"{ONE}/revert", "state-mutually-approved"),
        ("DELETE", f"{ONE}/mapping", "state-mutually-approved"),
        ("POST", f"{ONE}/propose", "no-draft"),
    ):
        refused = await sis.call(method, path)
        assert (refused.status, refused.json["error"]["code"]) == (409, code)
        assert len(refused.json["error"]["message"]) > 20
    refused = await sis.call("DELETE", f"/api/v1/heis/{NORTH}/records/iias/n1")
    assert (refused.status, refused.json["error"]["code"]) == (409, "not-deletable")
    assert (await sis.call("POST", f"{ALL}/n9/revert")).status == 404
    assert {each["move"] for each in (await sis.get(ONE)).json["refused_moves"]} >= {"delete", "revert", "unmap"}


async def test_approving_another_version_than_was_seen_is_a_failed_precondition(sis: Sis) -> None:
    await sis.put(f"/api/v1/heis/{NORTH}/records/iias/n1", iia(NORTH, "n1", SOUTH))
    seen = await theirs(sis)
    await theirs(sis, people=7)
    refused = await sis.call("POST", f"{ONE}/approve", json={"iia_hash": seen})
    assert (refused.status, refused.json["error"]["code"]) == (412, "copy-changed")
    assert await work.list_rows(sis.store, api="iia-approval-cnr") == []


async def test_a_comparison_names_what_prevents_approval(sis: Sis) -> None:
    await in_effect(sis)
    same = (await sis.get(f"{ONE}/comparison")).json
    assert (same["prevents_approval"], same["conditions"][0]["outcome"]) == (False, "same")
    seen = await theirs(sis, people=7)
    found = (await sis.get(f"{ONE}/comparison")).json
    assert found["prevents_approval"] is True
    (difference,) = [each for each in found["differences"] if each["prevents_approval"]]
    assert (difference["field"], difference["a"], difference["b"]) == ("mobilities_per_year", "2", "7")
    assert "7" in found["hash_parting"]["b"]
    refused = await sis.call("POST", f"{ONE}/approve", json={"iia_hash": seen})
    assert (refused.status, refused.json["error"]["code"]) == (409, "copies-differ")
    changes = (await sis.get(f"{ONE}/comparison?of=their-changes")).json
    assert [each["field"] for each in changes["differences"]] == ["mobilities_per_year"]
    ours = (await sis.get(f"{ONE}/comparison?of=our-changes")).json
    assert [each["field"] for each in ours["differences"]] == ["in_effect"]


async def test_a_likely_copy_is_proposed_and_a_person_confirms_it(sis: Sis) -> None:
    await sis.put(f"/api/v1/heis/{NORTH}/records/iias/n1", iia(NORTH, "n1", SOUTH))
    await theirs(sis, their_id=None)
    await theirs(sis, their_id=None, iia_id="s2", people=40)
    assert (await sis.get(f"{ONE}/comparison")).status == 404
    assert [each["iia_id"] for each in (await sis.get(f"/api/v1/heis/{NORTH}/unmapped-copies")).json["items"]] == [
        "s1",
        "s2",
    ]
    first, second = (await sis.get(f"{ONE}/mapping-proposals")).json["items"]
    assert (first["iia_id"], first["score"]) == ("s1", 1.0)
    assert second["score"] < 1
    assert first["reasons"]
    mapped = await sis.call("POST", f"{ONE}/mapping", json={"partner_iia_id": "s1"})
    assert mapped.json == {"iia_id": "n1", "move": "map"}
    refused = await sis.call("POST", f"{ONE}/mapping", json={"partner_iia_id": "s2"})
    assert (refused.status, refused.json["error"]["code"]) == (409, "mapped-already")
    assert (await sis.call("DELETE", f"{ONE}/mapping")).status == 204


@pytest.mark.parametrize("body", [None, 7, "n1", [], [{}]], ids=str)
async def test_a_draft_that_is_no_object_is_refused(sis: Sis, body: object) -> None:
    refused = await sis.call("PUT", f"{ONE}/draft", data=json.dumps(body), headers={"Content-Type": "application/json"})
    assert (refused.status, refused.json["error"]["code"]) == (400, "bad-parameter")


async def test_a_draft_with_faults_is_kept_and_refused_when_proposed(sis: Sis) -> None:
    faulty = iia(NORTH, "n1", SOUTH)
    del faulty["in_effect"]
    kept = await sis.put(f"{ONE}/draft", faulty)
    assert [problem["path"] for problem in kept.json["problems"]] == ["in_effect"]
    refused = await sis.call("POST", f"{ONE}/propose")
    assert refused.status == 422
    assert [problem["path"] for problem in refused.json["problems"]] == ["in_effect"]
    assert (await sis.call("DELETE", f"{ONE}/draft")).status == 204
    assert (await sis.get(ALL)).json["items"] == []


async def test_the_evidence_of_a_snapshot_can_be_downloaded_byte_by_byte(sis: Sis) -> None:
    await in_effect(sis)
    detail = (await sis.get(f"{ONE}/snapshots/1")).json
    assert (detail["ours"]["partner"][0]["iia_id"], detail["theirs"]["partner"][0]["iia_id"]) == ("n1", "s1")
    assert (await sis.get(f"{ONE}/snapshots/1/their-approval")).body == b"<yes/>"
    assert (await sis.get(f"{ONE}/snapshots/1/their-copy")).body == foreign(SOUTH, "s1", NORTH, their_id="n1")
    assert b"n1" in (await sis.get(f"{ONE}/snapshots/1/our-copy")).body
    assert (await sis.get(f"{ONE}/snapshots/2")).status == 404


@pytest.mark.parametrize("path", ["/approve", "/revert", "/terminate"])
async def test_deciding_takes_a_token_that_may_decide(sis: Sis, path: str) -> None:
    await in_effect(sis)
    writer = await sis.with_token("writer", "read", "write")
    body = {"iia_hash": "0" * 64} if path == "/approve" else None
    assert (await writer.call("POST", f"{ONE}{path}", json=body)).status == 403


async def test_agreements_are_listed_by_partner_and_state(sis_on_both: Sis) -> None:
    sis = sis_on_both
    await in_effect(sis)
    await sis.put(f"/api/v1/heis/{NORTH}/records/iias/n2", iia(NORTH, "n2", SOUTH))
    west = iia(NORTH, "n3", "west.example")
    west["cooperation_conditions"]["student_traineeship_mobility_spec"][0]["receiving_hei_id"] = "west.example"
    assert (await sis.put(f"/api/v1/heis/{NORTH}/records/iias/n3", west)).status == 201
    await sis.put(f"{ALL}/n1/draft", iia(NORTH, "n1", SOUTH, people=5))
    await sis.put(f"{ALL}/n4/draft", iia(NORTH, "n4", SOUTH))

    async def listed(query: str) -> list[str]:
        return [item["iia_id"] for item in (await sis.get(f"{ALL}?{query}")).json["items"]]

    assert await listed("") == ["n1", "n2", "n3", "n4"]
    assert await listed(f"partner={SOUTH}") == ["n1", "n2"]
    assert await listed("state=mutually-approved") == ["n1"]
    assert await listed("state=proposed") == ["n2", "n3"]
    assert await listed("state=proposed&partner=west.example") == ["n3"]
    assert await listed("state=draft") == ["n4"]
    assert await listed("state=deleted") == []
    assert await listed("partner=nobody.example") == []
    first = (await sis.get(f"{ALL}?state=proposed&limit=1")).json
    assert [item["iia_id"] for item in first["items"]] == ["n2"]
    assert await listed(f"state=proposed&limit=1&after={first['next']}") == ["n3"]
    assert (await sis.get(f"{ALL}?state=signed")).status == 400


async def test_an_agreement_of_version_6_is_taken_over_with_its_approvals(sis: Sis) -> None:
    def copy(body: bytes, approval: str) -> dict[str, str]:
        return {"document": b64encode(body).decode(), "approval": approval}

    ours, theirs = copy(former.document(), former.CONDITIONS_HASH), copy(former.partners(), former.CONDITIONS_HASH)
    path = f"/api/v1/heis/{NORTH}/legacy-agreements"
    refused = await sis.call("POST", path, json={"our_copy": ours | {"approval": "0" * 64}, "their_copy": theirs})
    assert (refused.status, refused.json["error"]["code"]) == (409, "conditions-hash-differs")
    assert "the approved conditions-hash is 000" in refused.json["error"]["message"]
    taken = await sis.call("POST", path, json={"our_copy": ours, "their_copy": theirs, "by": "A. Person"})
    assert (taken.status, taken.json["state"], taken.json["created"]) == (200, "mutually-approved", True)
    assert taken.json["problems"]
    one = (await sis.get(f"{ALL}/n-1")).json["agreement"]
    assert (one["their_approval"], one["approved_by_us"], one["next"]) == (
        former.IIA_HASH,
        True,
        "Nothing: it is in effect.",
    )
    assert (await sis.get(f"{ALL}/n-1/snapshots/1/their-copy")).body == former.partners()
    chosen = {"our_copy": ours, "isced": [{"short": "061", "code": "0613"}]}
    assert (await sis.call("POST", path, json=chosen)).json["created"] is False
    writer = await sis.with_token("writer", "read", "write")
    assert (await writer.call("POST", path, json={"our_copy": ours})).status == 403
    assert (await sis.call("POST", path, json={"our_copy": {"document": "A", "approval": "0" * 64}})).status == 400


async def test_agreements_come_in_pages_drafts_among_them(sis: Sis) -> None:
    for number in (1, 3):
        await sis.put(f"/api/v1/heis/{NORTH}/records/iias/n{number}", iia(NORTH, f"n{number}", SOUTH))
    await sis.put(f"{ALL}/n2/draft", iia(NORTH, "n2", SOUTH))
    first = (await sis.get(f"{ALL}?limit=2")).json
    assert [item["iia_id"] for item in first["items"]] == ["n1", "n2"]
    second = (await sis.get(f"{ALL}?limit=2&after={first['next']}")).json
    assert ([item["iia_id"] for item in second["items"]], second["next"]) == (["n3"], None)
