"""The life of a transcript: issued, replaced, taken back, deleted; and what both sides then know."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from support.transcribing import NORTH, SOUTH, Issuer, carry, given

from ewpgw.model.grade_tables import GradeCount, GradeDistribution
from ewpgw.model.transcript_examples import SMALLEST_PDF
from ewpgw.preparing import Incoming
from ewpgw.store import files, transcripts
from ewpgw.store.copies import CopyState
from ewpgw.store.feed import FeedKind
from ewpgw.store.transcripts import Ended, VersionKey
from ewpgw.transcripts import received
from ewpgw.transcripts.configured import Configuration, Configured
from ewpgw.transcripts.refusing import UnknownTranscript

Sides = tuple[Issuer, Issuer]
KEY = VersionKey(NORTH, True, SOUTH, "s1")


async def test_what_is_issued_arrives_as_the_same_record(issued: Sides) -> None:
    north, south = issued
    copy = await south.theirs()
    expected = given(NORTH, SOUTH)
    assert copy.document is not None
    came = json.loads(copy.document)
    assert [course["title"] for course in came["course"]] == [course["title"] for course in expected["course"]]
    assert came["grade_conversion_table"] == expected["grade_conversion_table"]
    assert "content" not in came["attachment"][0], "the PDF is in the document that is kept"
    found = received.attachment(copy.body or b"", 0)
    assert found is not None
    assert (found.media_type, found.content) == ("application/pdf", b64decode(SMALLEST_PDF))
    assert (FeedKind.COPY_CHANGED, "s1") in await south.told()
    assert (FeedKind.TRANSCRIPT_DELIVERED, "s1") in await north.told()


async def test_nothing_is_served_or_announced_before_it_is_ready(sides: Sides) -> None:
    north, _ = sides
    for flag in (False, None):
        await north.put(ready_for_recognition=flag)
        assert await north.due() == []
        assert b"<tor" not in await north.served()
        assert await transcripts.by_year(north.store, NORTH) == {}
    assert await north.versions() == []
    assert await north.service.move(NORTH, SOUTH, "s1", ready=True) is True
    assert await carry(sides) == 1
    assert await north.versions() == [(1, None)]


async def test_only_the_sending_institution_sees_it(issued: Sides) -> None:
    north, _ = issued
    for stranger in ("west.example", NORTH):
        assert b"<tor" not in await north.served(caller=stranger)


async def test_a_reissue_is_a_new_version_and_the_old_one_stays_as_evidence(issued: Sides) -> None:
    north, south = issued
    first = await transcripts.body(north.store, KEY, 1)
    assert first == await north.served()
    await north.put(course__1__grade="1", course__1__status="passed")
    assert await carry(issued) == 1
    assert await north.versions() == [(1, Ended.REPLACED), (2, None)]
    assert await transcripts.body(north.store, KEY, 1) == first
    assert await transcripts.body(north.store, KEY, 2) == await north.served()
    learnt = await transcripts.deliveries(north.store, KEY)
    assert {number: one.notified_exchange_id for number, one in learnt.items()} == {
        1: "exchange of notification",
        2: "exchange of notification",
    }
    assert all(one.fetched_exchange_id is not None for one in learnt.values())
    assert await south.versions(ours=False) == [(1, Ended.REPLACED), (2, None)]
    assert await transcripts.body(south.store, VersionKey(SOUTH, False, NORTH, "s1"), 1) == first


async def test_the_same_record_again_changes_nothing(issued: Sides) -> None:
    north, _ = issued
    for _ in range(2):
        assert (await north.put()).result == "unchanged"
    assert await north.due() == []
    assert await north.versions() == [(1, None)]


async def test_withdrawal_tells_the_former_partner_and_keeps_the_evidence(issued: Sides) -> None:
    north, south = issued
    assert await north.service.move(NORTH, SOUTH, "s1", ready=False) is True
    assert await north.service.move(NORTH, SOUTH, "s1", ready=False) is False
    assert await carry(issued) == 1
    assert (await south.theirs()).state is CopyState.GONE
    assert await north.versions() == [(1, Ended.WITHDRAWN)]
    assert await south.versions(ours=False) == [(1, Ended.WITHDRAWN)]
    assert await transcripts.body(north.store, KEY, 1) is not None


async def test_what_a_person_took_back_stays_so_until_something_changes(issued: Sides) -> None:
    north, _ = issued
    await north.service.move(NORTH, SOUTH, "s1", ready=False)
    outcome = await north.put()
    assert [problem.path for problem in outcome.problems] == ["ready_for_recognition"]
    assert "withdrawn here" in outcome.problems[0].message
    assert (await north.ours()).ready is False
    await north.put(course__0__grade="5")
    assert (await north.ours()).ready is True
    assert await north.versions() == [(1, Ended.WITHDRAWN), (2, None)]


async def test_withdrawal_by_the_record_and_issue_of_the_same_once_more(issued: Sides) -> None:
    north, south = issued
    await north.put(ready_for_recognition=False)
    await carry(issued)
    assert (await south.theirs()).state is CopyState.GONE
    await north.put()
    await carry(issued)
    assert (await south.theirs()).state is CopyState.CURRENT
    assert await north.versions() == [(1, Ended.WITHDRAWN), (2, None)]


async def test_a_deleted_transcript_is_gone_at_the_partner(issued: Sides) -> None:
    north, south = issued
    assert await north.records.delete(NORTH, "imobility-tors", north.item(), source="test")
    await carry(issued)
    assert (await south.theirs()).state is CopyState.GONE
    assert await north.versions() == [(1, Ended.DELETED)]
    assert await transcripts.by_year(north.store, NORTH) == {}
    with pytest.raises(UnknownTranscript):
        await north.service.move(NORTH, SOUTH, "s1", ready=True)


async def test_two_partners_may_use_the_same_identifier(issued: Sides) -> None:
    north, _ = issued
    document = given(NORTH, "west.example")
    outcome = await north.records.put(NORTH, "imobility-tors", Incoming("west.example:s1", document), source="test")
    assert outcome.result == "created"
    assert await north.served(caller="west.example") != await north.served()


async def test_an_older_partner_gets_the_older_version(sides: Sides) -> None:
    north, south = sides
    south.version = 2
    await north.put()
    await carry(sides)
    copy = await south.theirs()
    assert b"elmo-schemas/tree/v1" in (copy.body or b"")
    assert json.loads(copy.document or "")["course"][0]["grade"] == "4"


async def test_statistics_are_what_a_recount_finds(sides: Sides) -> None:
    north, _ = sides
    expected: dict[str, int] = {}
    for number in range(12):
        year = f"{2025 + number % 3}/{2026 + number % 3}"
        ready = number % 4 != 0
        await north.put(f"s{number}", receiving_academic_year_id=year, ready_for_recognition=ready)
        if ready:
            expected[year] = expected.get(year, 0) + 1
    await north.service.move(NORTH, SOUTH, "s1", ready=False)
    expected["2026/2027"] -= 1
    await north.records.delete(NORTH, "imobility-tors", north.item("s2"), source="test")
    expected["2027/2028"] -= 1
    found = await transcripts.by_year(north.store, NORTH)
    assert found == expected
    assert list(found) == sorted(expected)


async def test_uploaded_files_and_grade_tables_complete_a_transcript(sides: Sides) -> None:
    north, south = sides
    counts = (GradeCount("5", 30), GradeCount("4", 50), GradeCount("0", 20, passing=False))
    configured = Configured(distributions=(GradeDistribution("", counts),))
    north.configure(Configuration({NORTH: configured}))
    async with north.store.transaction() as tx:
        file = await files.add(tx, NORTH, "application/pdf", b"%PDF-1.4 of the registrar", north.clock())
    document = given(NORTH, SOUTH, grade_conversion_table=None, course__0__result_distribution=None)
    document["attachment"] = [{"type": "Transcript of Records", "file": file.id}]
    outcome = await north.put_document(document)
    assert outcome.problems == ()
    await carry(sides)
    copy = await south.theirs()
    came = json.loads(copy.document or "")
    assert [table["isced_code"] for table in came["grade_conversion_table"]] == ["0542", "0613"]
    assert [row["percentage"] for row in came["grade_conversion_table"][0]["grade_frequency"]] == [
        "20.0",
        "50.0",
        "30.0",
    ]
    found = received.attachment(copy.body or b"", 0)
    assert found is not None
    assert found.content == b"%PDF-1.4 of the registrar"
    assert (await north.document())["attachment"][0]["file"] == file.id, "the record keeps the reference"
    with pytest.raises(files.FileInUse):
        async with north.store.transaction() as tx:
            await files.remove(tx, NORTH, file.id)


async def test_the_pdf_that_the_gateway_makes_arrives_and_is_no_news_when_it_is_made_again(sides: Sides) -> None:
    north, south = sides
    north.configure(Configuration({NORTH: Configured(makes_pdf=True)}))
    await north.put(attachment=None)
    await carry(sides)
    found = received.attachment((await south.theirs()).body or b"", 0)
    assert found is not None
    assert found.content.startswith(b"%PDF-")
    assert "attachment" not in await north.document() or (await north.document())["attachment"] == []
    assert (await north.put(attachment=None)).result == "unchanged"
    await north.put(attachment=None, ready_for_recognition=False)
    await north.put(attachment=None)
    await carry(sides)
    first, second = [await transcripts.body(north.store, KEY, number) for number in (1, 2)]
    assert first == second, "made anew, it is the same to the byte"
    await north.put(attachment=None, course__0__grade="5")
    await carry(sides)
    again = received.attachment((await south.theirs()).body or b"", 0)
    assert again is not None
    assert again.content != found.content


async def test_an_issued_transcript_stays_as_it_was_when_only_the_settings_change(sides: Sides) -> None:
    north, _ = sides
    await north.put(grade_conversion_table=None)
    before = await north.served()
    counts = (GradeCount("5", 30), GradeCount("0", 20, passing=False))
    north.configure(Configuration({NORTH: Configured(distributions=(GradeDistribution("", counts),))}))
    assert (await north.put(grade_conversion_table=None)).result == "unchanged"
    assert await north.served() == before
    await north.put(grade_conversion_table=None, course__0__grade="5")
    assert b"gradeConversionTable" in await north.served()


async def test_a_document_that_is_made_anew_for_each_request_is_no_new_version(issued: Sides) -> None:
    north, south = issued
    body = await north.served()
    assert b"<generatedDate>" in body
    for hour in (b"10", b"11"):
        start = body.index(b"<generatedDate>") + len(b"<generatedDate>")
        later = body[:start] + b"2027-03-01T" + hour + b":00:00Z" + body[body.index(b"</generatedDate>") :]
        await south.receive(later)
        assert (await south.theirs()).body == later
    assert await south.versions(ours=False) == [(1, None)]
    assert (await south.told()).count((FeedKind.COPY_CHANGED, "s1")) == 1
