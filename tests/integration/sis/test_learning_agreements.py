"""Learning agreements over the SIS API: what it shows, which answers it takes, and in which words it refuses them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from pypdf import PdfReader
from support.learning import ENTITY, NORTH, SHAPE, SOUTH, P, changes, learning, signer

from ewpgw.documents.schemas import default as schemas
from ewpgw.learning_agreements import sent
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_update import ApproveProposal, CommentProposal, Update
from ewpgw.network.received import GoodCopy, examine
from ewpgw.store import copies, work
from ewpgw.store.copies import CopyKey, Received
from ewpgw.store.effects import Effects
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from support.sis_api import Sis

SENT = f"/api/v1/heis/{NORTH}/learning-agreements/sent"
RECEIVED = f"/api/v1/heis/{NORTH}/learning-agreements/received"
THEIRS = f"{RECEIVED}/{SOUTH}/s1"
SIGNER = {"name": "Aino Korhonen", "position": "Coordinator", "email": "aino.korhonen@north.example"}


async def put(sis: Sis, document: dict[str, Any], omobility_id: str = "n1") -> Any:
    """Put a record of ours; what the answer says."""
    sis.passes(seconds=1)
    answer = await sis.put(f"/api/v1/heis/{NORTH}/records/{ENTITY}/{omobility_id}", document)
    assert answer.status in (200, 201), answer.json
    return answer.json


async def arrives(sis: Sis, kind: str = "semester", **named: Any) -> str:
    """An agreement of South's as if it had just been fetched; the proposal in it."""
    record = LearningAgreement.model_validate(learning(SOUTH, "s1", NORTH, kind, **named)).completed()
    body = SHAPE.wrap([SHAPE.encode(record).fragment])
    seen = examine(body, SHAPE, "s1", hei_id=NORTH, partner=SOUTH, schemas=schemas(), max_bytes=100_000)
    assert isinstance(seen, GoodCopy)
    sis.passes(seconds=1)
    key, now, effects = CopyKey(NORTH, ENTITY, SOUTH, "s1"), sis.services.now(), Effects()
    async with sis.store.transaction() as tx:
        received = Received(body, seen.document, seen.content_hash, None, "e1")
        await copies.put_received(tx, key, received, now, effects=effects)
        effects.add(await sis.services.learning_agreements.copy_changed(tx, key, now))
        await effects.carry_out(tx, NORTH, now)
    return str(record.proposal_id)


async def partner_answers(sis: Sis, words: str | None = None) -> None:
    sis.passes(seconds=1)
    seen, now = (await sis.get(f"{SENT}/n1")).json["agreement"]["proposal_id"], sis.services.now()
    said: dict[str, Any] = {
        "omobility_id": "n1",
        "changes_proposal_id": seen,
        "signature": signer(SOUTH).signature(now),
    }
    answer = ApproveProposal(**said) if words is None else CommentProposal(**said, comment=words)
    async with sis.store.transaction() as tx:
        assert await sent.update_received(tx, NORTH, [SOUTH], Update.of(NORTH, answer), now) is None
    async with sis.store.transaction() as tx:
        await sent.decided_by(NORTH, "n1", now)(tx, "e7")


async def test_an_agreement_of_ours_shows_where_it_stands(sis: Sis) -> None:
    await put(sis, learning(NORTH, "n1", SOUTH))
    (listed,) = (await sis.get(SENT)).json["items"]
    assert (listed["stage"], listed["delivered"], listed["deletable"]) == ("first-proposed", None, True)
    await partner_answers(sis, "Not held")
    shown = (await sis.get(f"{SENT}/n1")).json
    here = shown["agreement"]
    assert (here["stage"], here["comment"], here["answered_exchange"]) == ("first-rejected", "Not held", "e7")
    assert (here["shown"], here["proposal_id"], shown["in_full"]["proposed"]) == (False, None, None)
    await put(sis, learning(NORTH, "n1", SOUTH, **{f"{P}__components_studied__0__title": "Set theory"}))
    await partner_answers(sis)
    shown = (await sis.get(f"{SENT}/n1")).json
    assert (shown["agreement"]["stage"], shown["agreement"]["deletable"]) == ("agreed", False)
    assert [(one["approved"], one["comment"]) for one in shown["history"]] == [(False, "Not held"), (True, None)]
    titles = [each["title"] for each in shown["in_full"]["approved"]["components_studied"]]
    assert titles == ["Set theory", "Big data processing"]
    assert [one["omobility_id"] for one in (await sis.get(f"{SENT}?stage=agreed")).json["items"]] == ["n1"]
    assert (await sis.get(f"{SENT}?stage=first-rejected")).json["items"] == []
    assert (await sis.get(f"{SENT}?partner=west.example")).json["items"] == []
    assert (await sis.get(f"{SENT}/n2")).status == 404
    deleted = await sis.call("DELETE", f"/api/v1/heis/{NORTH}/records/{ENTITY}/n1")
    assert (deleted.status, "All three have signed" in deleted.json["error"]["message"]) == (409, True)


async def test_changes_are_shown_as_they_would_stand_and_component_by_component(sis: Sis) -> None:
    seen = await arrives(sis, "changed")
    shown = (await sis.get(THEIRS)).json
    assert (shown["agreement"]["stage"], shown["agreement"]["moves"]) == ("changes-proposed", ["approve", "comment"])
    assert shown["agreement"]["proposal_id"] == seen
    assert "Software project with a company" in str(shown["in_full"]["proposed"])
    assert "Software project with a company" not in str(shown["in_full"]["approved"])
    outcomes = {each["title"]: each["outcome"] for each in shown["in_full"]["difference"]["components"]}
    assert outcomes["Software project with a company"] == "added"
    assert outcomes["Big data processing"] == "same"
    assert [one["approved"] for one in shown["history"]] == [True, True]


async def test_a_proposal_is_signed_as_it_was_seen(sis: Sis) -> None:
    seen = await arrives(sis)
    other = await sis.call("POST", f"{THEIRS}/approve", json={"proposal_id": "x", "signer": SIGNER})
    assert (other.status, other.json["error"]["code"]) == (412, "proposal-changed")
    assert await work.get(sis.store, WorkKey(WorkKind.REFRESH, NORTH, SOUTH, ENTITY, "s1")) is not None
    for already in (False, True):
        done = await sis.call("POST", f"{THEIRS}/approve", json={"proposal_id": seen, "signer": SIGNER})
        assert done.json == {"omobility_id": "s1", "verdict": "approved", "already": already}
    decision = (await sis.get(THEIRS)).json["agreement"]["decision"]
    assert (decision["verdict"], decision["state"], decision["by"]) == ("approved", "waiting", "Aino Korhonen")
    refused = await sis.call("POST", f"{THEIRS}/comment", json={"proposal_id": seen, "signer": SIGNER, "comment": "No"})
    assert (refused.status, refused.json["error"]["code"]) == (409, "on-its-way")
    unknown = await sis.call("POST", f"{RECEIVED}/{SOUTH}/s9/approve", json={"proposal_id": seen, "signer": SIGNER})
    assert unknown.status == 404
    (listed,) = (await sis.get(RECEIVED)).json["items"]
    assert listed["decision"]["state"] == "waiting"


async def test_a_repeated_request_gets_the_first_answer(sis: Sis) -> None:
    seen = await arrives(sis)
    for _ in range(2):
        done = await sis.call(
            "POST",
            f"{THEIRS}/comment",
            json={"proposal_id": seen, "signer": SIGNER, "comment": "No"},
            headers={"Idempotency-Key": "k1"},
        )
        assert done.json["already"] is False


async def test_answers_need_a_token_for_decisions(sis: Sis) -> None:
    seen = await arrives(sis)
    reader = await sis.with_token("reader", "read", "write")
    for move in ("approve", "comment"):
        body = {"proposal_id": seen, "signer": SIGNER, **({"comment": "No"} if move == "comment" else {})}
        assert (await reader.call("POST", f"{THEIRS}/{move}", json=body)).status == 403


async def test_a_signer_is_named_in_full(sis: Sis) -> None:
    seen = await arrives(sis)
    for field, value in (("name", ""), ("name", "A\nB"), ("email", "nowhere"), ("position", None)):
        body = {"proposal_id": seen, "signer": {**SIGNER, field: value}}
        assert (await sis.call("POST", f"{THEIRS}/approve", json=body)).status == 400, (field, value)


async def printed(sis: Sis, path: str) -> str:
    """What stands on a paper."""
    paper = await sis.get(path)
    assert (paper.status, paper.headers["Content-Type"]) == (200, "application/pdf")
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(paper.body)).pages).split())


async def test_both_states_are_to_be_had_as_a_paper(sis: Sis) -> None:
    await put(sis, learning(NORTH, "n1", SOUTH, "changed"))
    await arrives(sis)
    added = "Software project with a company"
    approved, proposed = await printed(sis, f"{SENT}/n1/pdf"), await printed(sis, f"{SENT}/n1/pdf?state=proposed")
    assert ("Advanced databases" in approved, added in approved, "NOT APPROVED" in approved) == (True, False, False)
    assert ("Advanced databases" in proposed, added in proposed, "NOT APPROVED" in proposed) == (True, True, True)
    theirs = await printed(sis, f"{THEIRS}/pdf?state=proposed")
    assert ("Logic for computer scientists" in theirs, "NOT APPROVED" in theirs) == (True, True)
    missing = await sis.get(f"{THEIRS}/pdf")
    assert (missing.status, missing.json["error"]["code"]) == (409, "no-such-state")
    assert (await sis.get(f"{SENT}/n9/pdf")).status == 404
    assert (await sis.get(f"{RECEIVED}/{SOUTH}/s9/pdf")).status == 404


async def test_pages_of_both_lists_follow_each_other(sis_on_both: Sis) -> None:
    sis = sis_on_both
    for number in range(3):
        await put(sis, learning(NORTH, f"n{number}", SOUTH), f"n{number}")
    await arrives(sis)
    found: list[str] = []
    after: str | None = ""
    while after is not None:
        page = (await sis.get(f"{SENT}?limit=2{after}")).json
        found += [one["omobility_id"] for one in page["items"]]
        after = f"&after={page['next']}" if page["next"] else None
    assert found == ["n0", "n1", "n2"]
    page = (await sis.get(f"{RECEIVED}?limit=1")).json
    assert ([one["omobility_id"] for one in page["items"]], page["next"]) == (["s1"], None)


async def test_changes_are_put_as_records(sis: Sis) -> None:
    await put(sis, learning(NORTH, "n1", SOUTH))
    await partner_answers(sis)
    await put(sis, changes(NORTH, "n1", SOUTH))
    shown = (await sis.get(f"{SENT}/n1")).json
    assert shown["agreement"]["stage"] == "changes-proposed"
    assert "first_version" in shown["document"]
