"""Transcripts over the SIS API: what it shows of ours and of those of partners, and what can be done with them."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from pypdf import PdfReader
from support.transcribing import TORS, given

from ewpgw import bulk
from ewpgw.documents.schemas import default as schemas
from ewpgw.model import elmo_writing
from ewpgw.model.learning_agreement_examples import semester
from ewpgw.model.transcript import Transcript
from ewpgw.model.transcript_examples import SMALLEST_PDF
from ewpgw.network.received import GoodCopy, examine, reading_of_transcripts
from ewpgw.preparing import Incoming, Prepared, prepare
from ewpgw.store import copies
from ewpgw.store.copies import CopyKey, Received
from ewpgw.store.effects import Effects
from ewpgw.transcripts.configured import Configuration
from ewpgw.transcripts.issued import fetched_by

if TYPE_CHECKING:
    from support.sis_api import Sis

NORTH, WEST = "north.example", "west.example"
SOUTH = "south.example"
ISSUED = f"/api/v1/heis/{NORTH}/transcripts/issued"
OURS = f"{ISSUED}/{SOUTH}/s1"
RECEIVED = f"/api/v1/heis/{NORTH}/transcripts/received"
THEIRS = f"{RECEIVED}/{SOUTH}/n1"
RECORD = f"/api/v1/heis/{NORTH}/records/imobility-tors/{SOUTH}:s1"


async def put(sis: Sis, **changes: Any) -> Any:
    """Put a record of ours; what the answer says."""
    answer = await sis.put(RECORD, given(NORTH, SOUTH, **changes))
    assert answer.status in (200, 201), answer.json
    return answer.json


async def arrives(sis: Sis, omobility_id: str = "n1", **changes: Any) -> None:
    """A transcript of South's as if it had just been fetched."""
    record = TORS.from_json(SOUTH, given(SOUTH, NORTH, omobility_id, **changes)).record
    assert record is not None
    body = TORS.newest.wrap([TORS.newest.encode(record).fragment])
    configuration, now = sis.services.transcripts.configuration, sis.services.now()
    seen = examine(
        body,
        TORS.newest,
        omobility_id,
        hei_id=NORTH,
        partner=SOUTH,
        schemas=schemas(),
        max_bytes=10**6,
        look=reading_of_transcripts(configuration, sis.services.now).look,
    )
    assert isinstance(seen, GoodCopy)
    key, effects = CopyKey(NORTH, "imobility-tors", SOUTH, omobility_id), Effects()
    async with sis.store.transaction() as tx:
        received = Received(body, seen.document, seen.content_hash, None, "e1", seen.findings)
        await copies.put_received(tx, key, received, now, effects=effects)
        effects.add(await sis.services.transcripts.copy_changed(tx, key, now))
        await effects.carry_out(tx, NORTH, now)


async def test_a_transcript_of_ours_shows_where_it_stands(sis: Sis) -> None:
    await put(sis, ready_for_recognition=False)
    (listed,) = (await sis.get(ISSUED)).json["items"]
    assert (listed["state"], listed["version"], listed["moves"]) == ("draft", None, ["ready"])
    moved = await sis.call("POST", f"{OURS}/ready")
    assert (moved.status, moved.json["already"]) == (200, False)
    assert (await sis.call("POST", f"{OURS}/ready")).json["already"] is True
    async with sis.store.transaction() as tx:
        await fetched_by(NORTH, {f"{SOUTH}:s1": 1}, sis.services.now())(tx, "e5")
    shown = (await sis.get(OURS)).json
    assert (shown["transcript"]["state"], shown["transcript"]["version"]) == ("issued", 1)
    assert shown["transcript"]["delivered"]["fetched_exchange"] == "e5"
    assert (await sis.call("POST", f"{OURS}/withdraw")).status == 200
    shown = (await sis.get(OURS)).json
    assert (shown["transcript"]["state"], shown["transcript"]["moves"]) == ("withdrawn", ["ready"])
    assert [(one["number"], one["ended"]) for one in shown["versions"]] == [(1, "withdrawn")]
    version = await sis.get(f"{OURS}/versions/1")
    assert version.headers["Content-Type"] == "application/xml"
    assert version.body.startswith(b"<?xml")
    assert (await sis.get(f"{OURS}/versions/2")).status == 404
    assert [one["state"] for one in (await sis.get(f"{ISSUED}?ready=false")).json["items"]] == ["withdrawn"]
    assert (await sis.get(f"{ISSUED}?ready=true")).json["items"] == []
    assert (await sis.get(f"{ISSUED}?partner={WEST}")).json["items"] == []
    assert (await sis.get(f"{ISSUED}/{SOUTH}/s2")).status == 404
    assert (await sis.call("POST", f"{ISSUED}/{SOUTH}/s2/ready")).status == 404


async def test_moves_obey_the_revision_the_key_and_the_scope(sis: Sis) -> None:
    await put(sis)
    etag = (await sis.get(OURS)).headers["ETag"]
    wrong = await sis.call("POST", f"{OURS}/withdraw", headers={"If-Match": '"99"'})
    assert wrong.status == 412
    key = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "If-Match": etag}
    for _ in range(2):
        moved = await sis.call("POST", f"{OURS}/withdraw", headers=key)
        assert (moved.status, moved.json["already"]) == (200, False), "the answer under a key is kept"
    reader = await sis.with_token("reader", "read", "write")
    assert (await reader.call("POST", f"{OURS}/ready")).status == 403


async def test_the_pdf_that_the_gateway_makes_can_be_read_before_partners_see_it(
    sis: Sis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await sis.get(f"{OURS}/attachments/0")).status == 404
    north = sis.services.transcripts.configuration.hei(NORTH)
    monkeypatch.setattr(Configuration, "hei", lambda _self, _hei_id: replace(north, makes_pdf=True))
    await put(sis, attachment=None, ready_for_recognition=False)
    pdf = await sis.get(f"{OURS}/attachments/0")
    assert (pdf.status, pdf.headers["Content-Type"]) == (200, "application/pdf")
    (page, *_) = PdfReader(BytesIO(pdf.body)).pages
    assert "João Miguel" in page.extract_text()
    assert (await sis.get(f"{OURS}/attachments/1")).status == 404
    await sis.call("POST", f"{OURS}/ready")
    assert (await sis.get(f"{OURS}/attachments/0")).body == pdf.body


async def test_a_large_record_keeps_nobody_else_waiting(sis: Sis, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, answered = asyncio.get_running_loop(), []

    def preparing(*arguments: Any) -> Prepared:
        other = asyncio.run_coroutine_threadsafe(sis.get(RECEIVED), loop)
        answered.append(other.result(20).status)  # on the loop's own thread this would never be answered
        return prepare(*arguments)

    monkeypatch.setattr(bulk, "prepare", preparing)
    large = {"attachment": [{"type": "Transcript of Records", "content": "JVBERi0x" * 10_000}]}
    await put(sis, **large)
    assert answered == [200]


async def test_what_a_partner_with_an_older_version_is_not_told_is_named(sis: Sis) -> None:
    await put(sis)
    assert (await sis.get(OURS)).json["not_told"] == []
    sis.versions[0] = 2
    older = (await sis.get(OURS)).json
    assert older["partner_version"] == 2
    assert {each["path"] for each in older["not_told"]} >= {"student.alternative_name"}


async def test_a_whole_elmo_is_handed_in_as_a_record_and_served_as_it_is(sis: Sis) -> None:
    text = elmo_writing.written(Transcript.model_validate(given(NORTH, SOUTH)), 2).text
    document = {
        "omobility_id": "s1",
        "sending_hei_id": SOUTH,
        "receiving_academic_year_id": "2026/2027",
        "ready_for_recognition": True,
        "elmo": text,
    }
    answer = await sis.put(RECORD, document)
    assert answer.status == 201, answer.json
    assert text.encode() in (await sis.get(f"{OURS}/versions/1")).body


@pytest.mark.parametrize(
    ("path", "change", "said"),
    [
        ("elmo", {"elmo": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}, "DOCTYPE"),
        ("elmo", {"elmo": "<a>" * 400 + "</a>" * 400}, "well-formed"),
        ("elmo", {"elmo": "no XML"}, "well-formed"),
        ("elmo", {"elmo": "<a/>" * 300_000}, "tags"),
        ("elmo", {"elmo": "<a " + 'b="" ' * 300_000 + "/>"}, "attributes"),
        ("course", {"course": [{"title": ["A"]}] * 2000}, "at most 500"),
        ("", {"course": [{}] * 300_000}, "more than 200000 values"),
        ("attachment.0.content", {"attachment": [{"content": "AAAA" * 2_000_000}]}, "at most 5242880"),
    ],
)
async def test_hostile_records_are_refused_in_words(sis: Sis, path: str, change: dict[str, Any], said: str) -> None:
    without: dict[str, Any] = {"course": None, "attachment": None} if path == "elmo" else {}
    document = given(NORTH, SOUTH, **without) | change
    if path == "elmo":
        document = {name: value for name, value in document.items() if name not in ("grading_scheme",)}
    headers = {"Content-Type": "application/json"}
    answer = await sis.call("PUT", RECORD, data=BytesIO(json.dumps(document).encode()), headers=headers)
    assert answer.status == 422, answer.json
    assert any(problem["path"] == path and said in problem["message"] for problem in answer.json["problems"]), (
        answer.json
    )


async def test_a_body_larger_than_transcripts_may_be_is_refused_before_it_is_read(sis: Sis) -> None:
    most = sis.services.body_bytes["imobility-tors"]
    headers = {"Content-Type": "application/json"}
    answer = await sis.call("PUT", RECORD, data=BytesIO(b" " * (most + 1)), headers=headers)
    assert answer.status == 413
    other = RECORD.replace("imobility-tors", "iias")
    answer = await sis.call("PUT", other, data=BytesIO(b" " * (sis.services.max_body_bytes + 1)), headers=headers)
    assert answer.status == 413


async def test_a_received_transcript_is_shown_with_its_signature_and_its_original(sis: Sis) -> None:
    await arrives(sis)
    (listed,) = (await sis.get(RECEIVED)).json["items"]
    assert (listed["omobility_id"], listed["courses"], listed["signature"]) == ("n1", 3, "unsigned")
    shown = (await sis.get(THEIRS)).json
    assert shown["document"]["course"][0]["grade"] == "4"
    assert "content" not in shown["document"]["attachment"][0]
    assert shown["signature"]["words"] == "The document is not signed."
    assert (shown["warnings"], shown["unplaced"]) == ([], [])
    assert [(one["number"], one["exchange"], one["ended"]) for one in shown["versions"]] == [(1, "e1", None)]
    original = await sis.get(f"{THEIRS}/elmo")
    assert original.headers["Content-Type"] == "application/xml"
    assert original.body.startswith(b"<elmo")
    pdf = await sis.get(f"{THEIRS}/attachments/0")
    assert pdf.body == b64decode(SMALLEST_PDF)
    assert pdf.headers["Content-Type"] == "application/pdf"
    assert pdf.headers["Content-Disposition"].startswith("attachment")
    assert pdf.headers["X-Content-Type-Options"] == "nosniff"
    assert (await sis.get(f"{THEIRS}/attachments/1")).status == 404
    assert (await sis.get(f"{THEIRS}/versions/1")).body.startswith(b"<?xml")
    for path in ("", "/elmo", "/grades", "/courses", "/attachments/0"):
        assert (await sis.get(f"{RECEIVED}/{SOUTH}/n2{path}")).status == 404
    assert (await sis.get(f"{RECEIVED}?partner={WEST}")).json["items"] == []
    assert (await sis.get(f"{RECEIVED}?state=gone")).json["items"] == []


async def test_whoever_else_the_document_names_as_its_issuer_is_warned_of(sis: Sis) -> None:
    await arrives(sis, issuer__hei_id="else.example")
    (warning,) = (await sis.get(THEIRS)).json["warnings"]
    assert warning == "The document says that else.example issued it, but south.example served it."


async def test_a_content_type_that_could_harm_is_not_passed_on(sis: Sis) -> None:
    await arrives(sis, attachment__0__media_type="text/html or so", attachment__0__content="PHA+")
    answer = await sis.get(f"{THEIRS}/attachments/0")
    assert answer.headers["Content-Type"] == "application/octet-stream"


async def test_grades_come_with_a_suggestion_or_with_the_reason_why_there_is_none(sis: Sis) -> None:
    await arrives(sis)
    software, statistics = (await sis.get(f"{THEIRS}/grades")).json["items"]
    assert (software["grade"], software["suggestion"]) == ("4", "5")
    assert (software["lowest"], software["highest"]) == ("3", "5")
    assert "south.example" in software["reasoning"]
    assert statistics["suggestion"] is None
    assert "0542" in statistics["reasoning"]


async def test_courses_are_held_against_the_learning_agreement_of_the_same_stay(sis: Sis) -> None:
    await arrives(sis)
    found = (await sis.get(f"{THEIRS}/courses")).json
    assert (found["plan"], found["matched"], found["missing"]) == (None, [], [])
    assert [one["code"] for one in found["unplanned"]] == ["CS-201", "MA-110"]
    agreement: dict[str, Any] = json.loads(json.dumps(semester(NORTH, SOUTH)))
    agreement["omobility_id"] = "n1"
    planned = [
        {"title": "Software Engineering", "los_id": "CR/CS-201", "term_id": {"term_number": 1, "total_terms": 2}},
        {"title": "Algebra", "los_code": "MA-200", "term_id": {"term_number": 1, "total_terms": 2}},
    ]
    agreement["changes_proposal"]["components_studied"] = [{**one, "credit": []} for one in planned]
    outcome = await sis.services.records.put(NORTH, "omobility-las", Incoming("n1", agreement), source="test")
    assert outcome.result == "created", outcome.problems
    found = (await sis.get(f"{THEIRS}/courses")).json
    assert found["plan"] == "proposed"
    assert [(one["component"]["title"], one["course"]["grade"], one["by"]) for one in found["matched"]] == [
        ("Software Engineering", "4", "los id")
    ]
    assert [one["title"] for one in found["missing"]] == ["Algebra"]
    assert [one["code"] for one in found["unplanned"]] == ["MA-110"]
