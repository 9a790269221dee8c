"""Accepting records of ours, on a real database."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ewpgw.documents import schemas
from ewpgw.documents.parsing import parse
from ewpgw.model.entities import ENTITIES
from ewpgw.model.problems import Problem
from ewpgw.records import Condition, Incoming, Records, RevisionConflict
from ewpgw.store import Store, feed, records, refusals, work
from ewpgw.store.feed import FeedKind
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKey, WorkKind, WorkState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NORTH, SOUTH, EAST = "north.example", "south.example", "east.example"
START = datetime(2026, 9, 1, 12, tzinfo=UTC)


@dataclass
class Gateway:
    """A store, the records in it, a clock that stands, and how often work was announced."""

    store: Store
    now: datetime = START
    woken: int = 0
    records: Records = field(init=False)

    def __post_init__(self) -> None:
        told = {"iias": ("iia-cnr",)}
        self.records = Records(self.store, schemas.default(), told, lambda: self.now, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    async def put(self, document: object, id_: str | None = None, *, only_if: Condition | None = None) -> object:
        return await self.records.put(NORTH, "iias", given(document, id_), source="sis", only_if=only_if)

    async def notified(self) -> dict[str, int]:
        """How often each partner was to be told of agreement 7."""
        rows = [
            await work.get(self.store, WorkKey(WorkKind.DELIVERY, NORTH, partner, "iia-cnr", "7"))
            for partner in (SOUTH, EAST)
        ]
        return {row.key.partner: row.wanted for row in rows if row is not None}

    async def served(self, caller: str = SOUTH) -> list[str]:
        return await records.index(self.store, NORTH, "iias", [caller])

    async def refused(self) -> list[str]:
        return [each.key for each in await refusals.list_page(self.store, NORTH)]


@pytest.fixture
async def gateway(store_url: str) -> AsyncIterator[Gateway]:
    store = await Store.open(store_url)
    yield Gateway(store)
    await store.close()


def iia(id_: str = "7", partner: str = SOUTH, *, people: int = 5, last: str = "2028/2029") -> dict[str, Any]:
    """An agreement of north.example as a SIS gives it."""
    condition = {
        "sending_hei_id": NORTH,
        "receiving_hei_id": partner,
        "receiving_first_academic_year_id": "2026/2027",
        "receiving_last_academic_year_id": last,
        "mobilities_per_year": people,
        "blended": False,
    }
    return {
        "partner": [{"hei_id": NORTH, "iia_id": id_, "iia_code": f"N-{id_}"}, {"hei_id": partner}],
        "in_effect": False,
        "cooperation_conditions": {"student_traineeship_mobility_spec": [condition]},
    }


def given(document: object, id_: str | None = None) -> Incoming:
    return Incoming(id=id_, document=document, raw=json.dumps(document))


BROKEN = {**iia(), "in_efect": True}


async def test_a_good_record_is_served_to_its_partner_and_the_partner_is_to_be_told(gateway: Gateway) -> None:
    outcome = await gateway.records.put(NORTH, "iias", given(iia(), "7"), source="sis")
    assert (outcome.id, outcome.result, outcome.revision) == ("7", "created", 1)
    assert await gateway.served() == ["7"]
    assert await gateway.served(EAST) == []
    assert (await gateway.notified(), gateway.woken) == ({SOUTH: 1}, 1)


async def test_what_is_served_is_the_encoded_record_and_valid(gateway: Gateway) -> None:
    await gateway.put(iia())
    entity = ENTITIES["iias"]
    fragment = await records.fragment(gateway.store, RecordKey(NORTH, "iias", "7"), entity.newest.version)
    assert fragment is not None
    response = schemas.default().faults(parse(entity.newest.wrap([fragment])))
    assert response == []
    assert b"<iia-code>N-7</iia-code>" in fragment


async def test_the_same_record_again_changes_nothing_and_tells_nobody(gateway: Gateway) -> None:
    await gateway.put(iia())
    gateway.now += timedelta(hours=1)
    outcome = await gateway.records.put(NORTH, "iias", given(iia()), source="sis")
    assert (outcome.result, outcome.revision) == ("unchanged", 1)
    assert (await gateway.notified(), gateway.woken) == ({SOUTH: 1}, 1)
    stored = await records.get(gateway.store, RecordKey(NORTH, "iias", "7"))
    assert stored is not None
    assert stored.modified_at == START


async def test_a_change_of_partner_tells_the_old_one_and_the_new_one(gateway: Gateway) -> None:
    await gateway.put(iia())
    outcome = await gateway.records.put(NORTH, "iias", given(iia(partner=EAST)), source="sis")
    assert (outcome.result, outcome.revision) == ("changed", 2)
    assert await gateway.notified() == {SOUTH: 2, EAST: 1}
    assert (await gateway.served(SOUTH), await gateway.served(EAST)) == ([], ["7"])


async def test_a_record_of_an_entity_without_notifications_tells_nobody(gateway: Gateway) -> None:
    hei = {"hei_id": NORTH, "name": [{"value": "University of the North", "lang": "en"}]}
    outcome = await gateway.records.put(NORTH, "institutions", given(hei), source="sis")
    assert (outcome.id, outcome.result) == (NORTH, "created")
    assert await records.index(gateway.store, NORTH, "institutions", [EAST]) == [NORTH]
    assert (await work.counts(gateway.store), gateway.woken) == ({}, 0)


async def test_a_refused_version_is_kept_with_its_reasons_and_the_last_good_one_stays_served(gateway: Gateway) -> None:
    await gateway.put(iia())
    outcome = await gateway.records.put(NORTH, "iias", given(BROKEN), source="sis")
    assert (outcome.id, outcome.result, outcome.revision) == ("7", "refused", None)
    assert [problem.path for problem in outcome.problems] == ["in_efect"]
    kept = await refusals.get(gateway.store, NORTH, "iias", "7")
    assert kept is not None
    assert (json.loads(kept.document), kept.source, kept.at) == (BROKEN, "sis", START)
    assert [problem["path"] for problem in json.loads(kept.problems)] == ["in_efect"]
    assert await gateway.served() == ["7"]
    assert await gateway.notified() == {SOUTH: 1}


async def test_a_refusal_is_told_in_the_feed_once_for_each_version(gateway: Gateway) -> None:
    for document in (BROKEN, BROKEN, {**BROKEN, "again": 1}):
        await gateway.put(document)
    entries = await feed.read(gateway.store, NORTH)
    assert [(entry.kind, entry.entity, entry.id) for entry in entries] == [(FeedKind.RECORD_REFUSED, "iias", "7")] * 2


async def test_a_good_version_settles_the_refusal(gateway: Gateway) -> None:
    await gateway.put(BROKEN)
    await gateway.put(iia())
    assert await gateway.refused() == []


async def test_a_refusal_without_an_id_is_kept_under_its_place_and_settled_by_a_good_version_from_there(
    gateway: Gateway,
) -> None:
    for document, expected in (([], ["folder:iias/7.json"]), (iia(), [])):
        incoming = Incoming(id=None, document=document, raw=json.dumps(document), place="iias/7.json")
        await gateway.records.put(NORTH, "iias", incoming, source="folder")
        assert await gateway.refused() == expected
    stored = await records.get(gateway.store, RecordKey(NORTH, "iias", "7"))
    assert stored is not None
    assert stored.source == "folder:iias/7.json"


async def test_a_document_of_another_id_than_it_was_given_under_is_refused_at_that_field(gateway: Gateway) -> None:
    outcome = await gateway.records.put(NORTH, "iias", given(iia("7"), "8"), source="sis")
    assert (outcome.id, outcome.result) == ("8", "refused")
    (problem,) = outcome.problems
    assert problem.path == "partner.0.iia_id"
    assert problem.message == "is 7, but the record was given as 8"
    assert (await gateway.served(), await gateway.refused()) == ([], ["8"])


async def test_a_record_without_an_id_is_refused(gateway: Gateway) -> None:
    document = iia()
    document["partner"][0].pop("iia_id")
    for id_ in (None, "7"):
        outcome = await gateway.records.put(NORTH, "iias", given(document, id_), source="sis")
        assert (outcome.id, outcome.result) == (id_, "refused")
        assert "partner.0.iia_id" in {problem.path for problem in outcome.problems}
    assert await gateway.served() == []


async def test_the_id_of_a_deleted_record_is_retired(gateway: Gateway) -> None:
    await gateway.put(iia())
    assert await gateway.records.delete(NORTH, "iias", "7", source="sis")
    outcome = await gateway.records.put(NORTH, "iias", given(iia()), source="sis")
    assert (outcome.id, outcome.result, outcome.revision) == ("7", "retired", None)
    assert "never used again" in outcome.problems[-1].message
    assert (await gateway.served(), await gateway.refused()) == ([], ["7"])


async def test_a_deletion_tells_the_partners_once_and_is_false_the_second_time(gateway: Gateway) -> None:
    await gateway.put(iia())
    assert await gateway.records.delete(NORTH, "iias", "7", source="sis")
    assert not await gateway.records.delete(NORTH, "iias", "7", source="sis")
    assert not await gateway.records.delete(NORTH, "iias", "never", source="sis")
    assert await gateway.served() == []
    assert (await gateway.notified(), gateway.woken) == ({SOUTH: 2}, 2)


async def test_a_record_that_was_only_ever_refused_can_be_deleted_and_its_id_stays_usable(gateway: Gateway) -> None:
    await gateway.put(BROKEN)
    assert await gateway.records.delete(NORTH, "iias", "7", source="sis")
    assert await gateway.refused() == []
    assert (await gateway.records.put(NORTH, "iias", given(iia()), source="sis")).result == "created"


async def test_a_put_that_expects_another_revision_is_a_conflict_and_changes_nothing(gateway: Gateway) -> None:
    await gateway.put(iia())
    await gateway.put(iia(people=6), only_if=lambda revision: revision == 1)
    for document in (iia(people=7), iia(people=6), BROKEN):
        with pytest.raises(RevisionConflict) as caught:
            await gateway.put(document, only_if=lambda revision: revision == 1)
        assert caught.value.current == 2
    with pytest.raises(RevisionConflict) as caught:
        await gateway.put(iia("8"), only_if=lambda revision: revision == 1)
    assert caught.value.current is None
    assert (await gateway.served(), await gateway.refused()) == (["7"], [])
    assert await gateway.notified() == {SOUTH: 2}


async def test_of_two_puts_that_expect_one_revision_at_the_same_moment_only_one_succeeds(gateway: Gateway) -> None:
    await gateway.put(iia())
    puts = (gateway.put(iia(people=people), only_if=lambda revision: revision == 1) for people in range(10, 14))
    outcomes = await asyncio.gather(*puts, return_exceptions=True)
    assert sum(isinstance(outcome, RevisionConflict) for outcome in outcomes) == 3
    stored = await records.get(gateway.store, RecordKey(NORTH, "iias", "7"))
    assert stored is not None
    assert stored.revision == 2


async def test_a_batch_has_an_outcome_for_each_record_in_order(gateway: Gateway) -> None:
    await gateway.put(iia("gone"))
    await gateway.records.delete(NORTH, "iias", "gone", source="sis")
    documents = [iia("7"), BROKEN, iia("8"), iia("gone"), iia("8", people=9), iia("9"), 17]
    outcomes = await gateway.records.put_many(NORTH, "iias", [given(each) for each in documents], source="sis")
    assert [(outcome.id, outcome.result) for outcome in outcomes] == [
        ("7", "created"),
        ("7", "refused"),
        ("8", "created"),
        ("gone", "retired"),
        ("8", "refused"),
        ("9", "created"),
        (None, "refused"),
    ]
    assert outcomes[4].problems[-1].message == "has the id 8 of entry 2 of the same list"
    assert await gateway.served() == ["7", "8", "9"]


async def test_a_batch_larger_than_a_transaction_is_stored_whole_and_lets_others_in_between(gateway: Gateway) -> None:
    others: list[int] = []

    async def others_turn() -> None:
        while True:
            others.append(await refusals.count(gateway.store, NORTH))
            await asyncio.sleep(0)

    turns = asyncio.create_task(others_turn())
    incoming = [given(iia(f"{number:03}", f"p{number % 3}.example")) for number in range(450)]
    outcomes = await gateway.records.put_many(NORTH, "iias", incoming, source="sis")
    turns.cancel()
    assert {outcome.result for outcome in outcomes} == {"created"}
    assert (await records.counts(gateway.store, NORTH)) == {"iias": 450}
    assert (await work.counts(gateway.store)) == {(WorkKind.DELIVERY, WorkState.DUE): 450}
    assert len(others) > 18  # the number of slices that are prepared in one go


async def test_a_failing_transaction_leaves_neither_record_nor_notification(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise OSError("no more work")

    monkeypatch.setattr(work, "want_many", fail)
    with pytest.raises(OSError, match="no more work"):
        await gateway.put(iia())
    assert (await gateway.served(), await gateway.notified(), gateway.woken) == ([], {}, 0)


async def test_a_record_comes_as_xml_alone_or_in_a_response(gateway: Gateway) -> None:
    await gateway.put(iia())
    entity = ENTITIES["iias"]
    fragment = await records.fragment(gateway.store, RecordKey(NORTH, "iias", "7"), entity.newest.version)
    assert fragment is not None
    for xml in (fragment, entity.newest.wrap([fragment])):
        outcome = await gateway.records.put(NORTH, "iias", Incoming(id="7", xml=xml), source="sis")
        assert (outcome.id, outcome.result) == ("7", "unchanged")


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        (b"<iia", "is not usable XML: "),
        (b"<!DOCTYPE iia><iia/>", "DOCTYPE"),
        (b"<iia/>", "is iia; expected iia or iias-get-response of https://"),
        (ENTITIES["iias"].newest.wrap([]), "holds 0 elements iia; expected one"),
        (ENTITIES["iias"].newest.wrap([b"<iia/>", b"<iia/>"]), "holds 2 elements iia; expected one"),
        (ENTITIES["institutions"].newest.wrap([]), "institutions-response; expected iia"),
    ],
)
async def test_xml_that_is_not_one_record_is_refused_with_the_reason(gateway: Gateway, xml: bytes, words: str) -> None:
    outcome = await gateway.records.put(NORTH, "iias", Incoming(id="7", xml=xml, raw="\0"), source="sis")
    assert outcome.result == "refused"
    assert words in outcome.problems[0].message
    assert await gateway.refused() == ["7"]


async def test_an_element_too_little_is_refused_and_the_id_still_found(gateway: Gateway) -> None:
    await gateway.put(iia())
    entity = ENTITIES["iias"]
    fragment = await records.fragment(gateway.store, RecordKey(NORTH, "iias", "7"), entity.newest.version)
    assert fragment is not None
    xml = fragment.replace(b"<in-effect>false</in-effect>", b"")
    outcome = await gateway.records.put(NORTH, "iias", Incoming(id=None, xml=xml), source="sis")
    assert (outcome.id, outcome.result) == ("7", "refused")


async def test_text_that_no_database_can_hold_is_refused_like_any_other(gateway: Gateway) -> None:
    document = {**iia(), "bad\ud800\0key": "\ud800"}
    outcome = await gateway.records.put(
        NORTH, "iias", Incoming(id=None, document=document, raw="\ud800\0"), source="sis"
    )
    assert (outcome.id, outcome.result) == ("7", "refused")
    assert await gateway.refused() == ["7"]


async def test_what_the_schema_alone_refuses_is_not_served(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = schemas.Fault("iias-get-response/iia", 1, "is not what the schema says")
    monkeypatch.setattr(schemas.Schemas, "faults", lambda *_: [fault])
    outcome = await gateway.records.put(NORTH, "iias", given(iia()), source="sis")
    assert (outcome.id, outcome.result) == ("7", "refused")
    assert outcome.problems[-1].message == "is not what the schema says"
    assert await gateway.served() == []


async def test_warnings_do_not_keep_a_record_from_being_served(gateway: Gateway) -> None:
    hei = {"hei_id": NORTH, "name": [{"value": "University of the North", "lang": "en"}]}
    outcome = await gateway.records.put(NORTH, "institutions", given(hei), source="sis")
    assert outcome.result == "created"
    assert {problem.severity for problem in outcome.problems} == {"warning"}


@pytest.mark.parametrize(
    ("last", "year", "found"),
    [
        ("2028/2029", "2026/2027", True),
        ("2028/2029", "2028/2029", True),
        ("2028/2029", "2029/2030", False),
        ("2028/2029", "2027/2027", False),
        ("2028/2028", "2027/2027", True),
    ],
)
async def test_an_agreement_is_listed_for_every_academic_year_from_its_first_to_its_last(
    gateway: Gateway, last: str, year: str, found: bool
) -> None:
    await gateway.put(iia(last=last))
    listed = await records.index(gateway.store, NORTH, "iias", [SOUTH], academic_years=[year])
    assert listed == (["7"] if found else [])


async def test_a_notification_can_be_wanted_again_for_what_is_served(gateway: Gateway) -> None:
    await gateway.put(iia())
    assert await gateway.records.notify_again(NORTH, "iias", "7") == 1
    assert await gateway.records.notify_again(NORTH, "iias", "8") == 0
    assert (await gateway.notified(), gateway.woken) == ({SOUTH: 2}, 2)


async def test_something_unreadable_is_kept_as_a_refusal_under_the_key_it_is_given(gateway: Gateway) -> None:
    problem = Problem("", "is not JSON", "refusal", "folder adapter")
    await gateway.records.refuse(NORTH, "iias", problem, key="7", source="folder", place="iias/7.json")
    kept = await refusals.get(gateway.store, NORTH, "iias", "7")
    assert kept is not None
    assert (kept.source, json.loads(kept.problems)[0]["message"]) == ("folder:iias/7.json", "is not JSON")


async def test_an_unknown_entity_is_a_mistake_of_the_caller(gateway: Gateway) -> None:
    with pytest.raises(KeyError):
        await gateway.records.put(NORTH, "no-such-entity", given({}), source="sis")
