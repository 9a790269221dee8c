"""Outgoing Mobilities API 3 and 2, and their statistics: who sees what, and which filters (SQLite and PostgreSQL)."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from support.callers import Caller, Reply
from support.nodes import RunningNode, utc_now
from support.nominating import nominated

from ewpgw.apis.running import notifications
from ewpgw.documents.schemas import default as schemas
from ewpgw.intake import intake
from ewpgw.model import omobility_states
from ewpgw.model.omobility import Omobility
from ewpgw.model.omobility_index import IndexFilter
from ewpgw.model.omobility_update import ApproveProposal
from ewpgw.nominations import sent
from ewpgw.records import Incoming, Records
from ewpgw.store import nominations, records
from ewpgw.store.records import RecordKey

NORTH, SOUTH, WEST = "north.example", "south.example", "west.example"
GET, INDEX, GET_2, INDEX_2 = (f"/omobilities/v{major}/{name}" for major in (3, 2) for name in ("get", "index"))
STATS = "/omobility-stats/v1"
ESI = "urn:schac:personalUniqueCode:int:esi:north.example:"
OURS = ("sending_hei_id", NORTH)


@pytest.fixture
def ours(node: RunningNode) -> Records:
    """The way in for records, as the gateway builds it."""
    return intake(node.store, notifications(), utc_now, lambda: None).records


async def put(ours: Records, omobility_id: str, partner: str = SOUTH, **changes: Any) -> None:
    given = nominated(NORTH, omobility_id, partner, **changes)
    outcome = await ours.put(NORTH, "omobilities", Incoming(None, document=given), source="test")
    assert outcome.result in ("created", "changed"), outcome


def ids(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    assert schemas().faults(reply.root) == []
    return reply.texts("omobility-id")


async def test_the_receiving_institution_gets_a_nomination_in_either_version(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    await put(ours, "n1", student__email="elina@students.north.example")
    newer = await south.post(node.url(GET), ("omobility_id", "n1"))
    older = await south.post(node.url(GET_2), OURS, ("omobility_id", "n1"))
    assert ids(newer) == ids(older) == ["n1"]
    assert (newer.texts("status"), older.texts("status")) == (["pending"], ["nomination"])
    assert "stable-v2" in older.root.tag
    (nomination,) = newer.root.iter("{*}nomination")
    assert len(nomination.get("proposal-id") or "") == 64
    assert newer.texts("email") == older.texts("email") == ["elina@students.north.example"]


async def test_whoever_is_not_the_receiving_institution_gets_nothing_and_no_error(
    node: RunningNode, ours: Records, west: Caller
) -> None:
    await put(ours, "n1")
    for reply in (
        await west.post(node.url(GET), ("omobility_id", "n1")),
        await west.post(node.url(GET_2), OURS, ("omobility_id", "n1")),
        await west.get(node.url(INDEX)),
        await west.get(node.url(INDEX_2), OURS),
    ):
        assert ids(reply) == []


async def test_index_and_get_agree_for_each_caller_and_version(
    node: RunningNode, ours: Records, south: Caller, west: Caller
) -> None:
    for number in range(3):
        await put(ours, f"s{number}")
        await put(ours, f"w{number}", WEST)
    assert await ours.delete(NORTH, "omobilities", "s1", source="test")
    for caller, mine in ((south, ["s0", "s2"]), (west, ["w0", "w1", "w2"])):
        all_ids = [("omobility_id", f"{letter}{number}") for letter in "sw" for number in range(3)]
        assert ids(await caller.get(node.url(INDEX))) == mine
        assert ids(await caller.get(node.url(INDEX_2), OURS)) == mine
        assert ids(await caller.post(node.url(GET), *all_ids)) == mine
        assert ids(await caller.post(node.url(GET_2), OURS, *all_ids)) == mine


async def test_in_version_2_another_institutions_nominations_are_none(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    await put(ours, "n1")
    other = ("sending_hei_id", "elsewhere.example")
    assert ids(await south.post(node.url(GET_2), other, ("omobility_id", "n1"))) == []
    assert ids(await south.post(node.url(INDEX_2), other)) == []


async def test_in_version_2_values_of_receiving_hei_id_are_ored_and_unknown_ones_match_nothing(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    await put(ours, "n1")
    receiving = "receiving_hei_id"
    assert ids(await south.get(node.url(INDEX_2), OURS, (receiving, "x.example"), (receiving, SOUTH))) == ["n1"]
    assert ids(await south.get(node.url(INDEX_2), OURS, (receiving, "x.example"))) == []
    assert ids(await south.get(node.url(INDEX_2), OURS, (receiving, WEST))) == []
    assert ids(await south.get(node.url(INDEX), (receiving, WEST))) == ["n1"], "unknown in version 3, so ignored"


async def test_each_filter_of_the_index_has_its_exact_meaning_alone_and_with_the_others(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    chance = random.Random(5)
    years, kinds = ["2026/2027", "2027/2027"], ["long-term", "short-term-blended", "short-term-doctoral"]
    students = [f"{ESI}1", f"{ESI}2", "urn:other:3"]
    for number in range(30):
        await put(
            ours,
            f"n{number:02}",
            nomination__receiving_academic_year_id=chance.choice(years),
            nomination__sending_academic_term_ewp_id=None,
            nomination__non_standard_mobility_period=True,
            nomination__activity_attributes=(kind := chance.choice(kinds)),
            nomination__eqf_level_studied_at_departure=8 if kind == "short-term-doctoral" else 6,
            student__global_id=chance.choice(students),
        )
    stored = []
    for number in range(30):
        record = await records.get(node.store, RecordKey(NORTH, "omobilities", f"n{number:02}"))
        assert record is not None
        stored.append((Omobility.model_validate_json(record.document or ""), record.modified_at))
    middle = stored[15][1]
    asked = product(
        [None, *years],
        [None, students[0], students[0].upper(), students[2], students[2].upper(), "", "x\0y"],
        [None, kinds[0], kinds[2], "long", "long-term:", "\0"],
        [None, middle],
    )
    combinations = list(asked)
    for year, student, attributes, since in chance.sample(combinations, 60):
        wanted = IndexFilter(year, student, attributes, since)
        expected = [record.omobility_id for record, at in stored if wanted.matches(record, at)]
        given = {
            "receiving_academic_year_id": year,
            "global_id": student,
            "activity_attributes": attributes,
            "modified_since": None if since is None else since.isoformat(),
        }
        pairs = [(name, value) for name, value in given.items() if value is not None]
        assert ids(await south.post(node.url(INDEX), *pairs)) == expected, pairs
        older = [pair for pair in pairs if pair[0] not in ("global_id", "activity_attributes")]
        also = IndexFilter(year, None, None, since)
        assert ids(await south.post(node.url(INDEX_2), OURS, *older)) == [
            record.omobility_id for record, at in stored if also.matches(record, at)
        ]


async def test_a_decision_and_a_cancellation_are_changes_that_a_moment_finds(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    for omobility_id in ("n1", "n2", "n3"):
        await put(ours, omobility_id)
    since = ("modified_since", utc_now().isoformat())
    for version in (INDEX, INDEX_2):
        assert ids(await south.get(node.url(version), OURS, since)) == []
    known = await nominations.get(node.store, NORTH, "n1")
    assert known is not None
    named = known.standing.proposal_id
    async with node.store.transaction() as tx:
        approval = ApproveProposal(omobility_id="n1", proposal_id=named)
        assert await sent.update_received(tx, NORTH, [SOUTH], approval, utc_now()) is None
        await sent.move(tx, NORTH, "n3", omobility_states.cancel, utc_now())
    for version in (INDEX, INDEX_2):
        assert ids(await south.get(node.url(version), OURS, since)) == ["n1", "n3"]


async def test_a_change_of_the_student_is_found_by_the_new_student(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    await put(ours, "n1", nomination__activity_attributes="long-term")
    await put(ours, "n1", nomination__activity_attributes="short-term-blended")
    kind = "activity_attributes"
    assert ids(await south.get(node.url(INDEX), (kind, "long-term"))) == []
    assert ids(await south.get(node.url(INDEX), (kind, "short-term-blended"))) == ["n1"]


async def test_fetching_a_nomination_delivers_it_with_the_exchange_as_evidence(
    node: RunningNode, ours: Records, south: Caller
) -> None:
    await put(ours, "n1")
    assert await nominations.deliveries(node.store, NORTH, ["n1"]) == {}
    await south.post(node.url(GET), ("omobility_id", "n1"), ("omobility_id", "unknown"))
    await node.evidence.flush()
    delivered = (await nominations.deliveries(node.store, NORTH, ["n1"]))["n1"]
    assert delivered.fetched_exchange_id is not None
    assert delivered.fetched_at is not None
    assert utc_now() - delivered.fetched_at < timedelta(minutes=5)


async def test_a_nomination_counts_as_fetched_until_it_changes(node: RunningNode, ours: Records, south: Caller) -> None:
    await put(ours, "n1")
    assert await nominations.unfetched(node.store, NORTH, ["n1"])
    for _ in range(2):
        await south.post(node.url(GET), ("omobility_id", "n1"))
        await node.evidence.flush()
        assert not await nominations.unfetched(node.store, NORTH, ["n1"])
    await put(ours, "n1", nomination__comment="In spring instead.")
    assert await nominations.unfetched(node.store, NORTH, ["n1"])


async def test_statistics_are_those_of_a_recount_and_open_to_every_member(
    node: RunningNode, ours: Records, west: Caller
) -> None:
    chance = random.Random(1)
    for number in range(20):
        year = chance.choice(["2025/2026", "2026/2027", "2027/2027"])
        await put(
            ours,
            f"n{number}",
            chance.choice([SOUTH, WEST]),
            nomination__receiving_academic_year_id=year,
            nomination__sending_academic_term_ewp_id=None,
            nomination__non_standard_mobility_period=True,
        )
    for number in range(3):
        assert await ours.delete(NORTH, "omobilities", f"n{number}", source="test")
    for number in range(3, 6):
        found = await records.get(node.store, RecordKey(NORTH, "omobilities", f"n{number}"))
        assert found is not None
        document = Omobility.model_validate_json(found.document or "").model_copy(update={"status": "cancelled"})
        outcome = await ours.put(NORTH, "omobilities", Incoming(None, document=document.to_json()), source="test")
        assert outcome.result == "changed"
    expected: dict[str, list[int]] = {}
    for number in range(20):
        found = await records.get(node.store, RecordKey(NORTH, "omobilities", f"n{number}"))
        assert found is not None
        if found.document is not None:
            record = Omobility.model_validate_json(found.document)
            figures = expected.setdefault(record.nomination.receiving_academic_year_id, [0, 0])
            figures[0] += record.standing == "pending"
            figures[1] += record.standing == "approved"
    reply = await west.get(node.url(STATS))
    assert reply.status == 200
    assert schemas().faults(reply.root) == []
    said = {year[0].text or "": [int(year[1].text or ""), int(year[2].text or "")] for year in reply.root}
    assert said == expected
    assert list(said) == sorted(said)
