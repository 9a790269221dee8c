"""IIAs API 7: who sees what, the index and its filters, statistics (SQLite and PostgreSQL)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.callers import Caller, Reply
from support.documents import iia
from support.nodes import RunningNode

from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import default as schemas
from ewpgw.model import iia_hash
from ewpgw.records import Incoming

GET, INDEX, STATS = "/iias/v7/get", "/iias/v7/index", "/iias/v7/stats"


async def put(node: RunningNode, document: dict[str, Any]) -> None:
    outcome = await node.records.put(node.hei_id, "iias", Incoming(None, document=document), source="test")
    assert outcome.result in ("created", "changed"), outcome


def ids(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    assert schemas().faults(reply.root) == []
    return reply.texts("iia-id")


async def test_a_partner_gets_its_agreement_valid_and_with_the_hash_of_what_is_served(
    node: RunningNode, south: Caller
) -> None:
    await put(node, iia("a1"))
    reply = await south.post(node.url(GET), ("iia_id", "a1"))
    assert reply.status == 200
    assert schemas().faults(reply.root) == []
    (hashed,) = iia_hash.of_response(parse(reply.body))
    assert hashed.iia_id == "a1"
    assert reply.texts("iia-hash") == [hashed.iia_hash]


async def test_others_agreements_are_left_out_never_an_error(node: RunningNode, west: Caller) -> None:
    await put(node, iia("a1"))
    reply = await west.post(node.url(GET), ("iia_id", "a1"))
    assert (reply.status, len(reply.root)) == (200, 0)
    assert ids(await west.post(node.url(INDEX))) == []


async def test_index_and_get_agree_for_each_caller(node: RunningNode, south: Caller, west: Caller) -> None:
    for number in range(4):
        await put(node, iia(f"s{number}"))
        await put(node, iia(f"w{number}", partner="west.example"))
    for caller, letter in ((south, "s"), (west, "w")):
        listed = ids(await caller.get(node.url(INDEX)))
        assert listed == [f"{letter}{number}" for number in range(4)]
        for iia_id in listed:
            assert len((await caller.get(node.url(GET), ("iia_id", iia_id))).root) == 1


async def test_identifiers_are_case_sensitive_and_may_be_any_printable_ascii(node: RunningNode, south: Caller) -> None:
    odd = "a/%&+=?<>\"'~!"
    await put(node, iia(odd))
    await put(node, iia("Abc"))
    assert set(ids(await south.get(node.url(INDEX)))) == {odd, "Abc"}
    for caller_does in (south.get, south.post):
        assert len((await caller_does(node.url(GET), ("iia_id", odd))).root) == 1
        assert len((await caller_does(node.url(GET), ("iia_id", "abc"))).root) == 0


async def test_a_deleted_agreement_vanishes_from_get_index_and_stats(node: RunningNode, south: Caller) -> None:
    await put(node, iia("a1"))
    assert await node.records.delete(node.hei_id, "iias", "a1", source="test")
    assert len((await south.get(node.url(GET), ("iia_id", "a1"))).root) == 0
    assert ids(await south.get(node.url(INDEX))) == []
    assert (await south.get(node.url(STATS))).texts("iia-fetchable") == ["0"]


async def test_a_refused_version_leaves_the_last_good_one_served(node: RunningNode, south: Caller) -> None:
    await put(node, iia("a1", people=3))
    broken = iia("a1", people=4)
    del broken["cooperation_conditions"]["student_studies_mobility_spec"][0]["recommended_language_skill"]
    outcome = await node.records.put(node.hei_id, "iias", Incoming("a1", document=broken), source="test")
    assert outcome.result == "refused"
    assert "recommended_language_skill" in outcome.problems[0].path
    reply = await south.get(node.url(GET), ("iia_id", "a1"))
    assert reply.texts("mobilities-per-year") == ["3", "3", "1"]


async def test_an_agreement_moved_to_another_partner_is_hidden_from_the_former(
    node: RunningNode, south: Caller, west: Caller
) -> None:
    await put(node, iia("a1"))
    await put(node, iia("a1", partner="west.example"))
    assert ids(await south.get(node.url(INDEX))) == []
    assert ids(await west.get(node.url(INDEX))) == ["a1"]


async def test_index_by_academic_year_lists_what_is_valid_in_at_least_one_of_them(
    node: RunningNode, south: Caller
) -> None:
    await put(node, iia("early", first="2024/2025", last="2025/2026"))
    await put(node, iia("late", first="2027/2028", last="2029/2030"))
    year = "receiving_academic_year_id"
    assert ids(await south.get(node.url(INDEX), (year, "2025/2026"))) == ["early"]
    assert ids(await south.get(node.url(INDEX), (year, "2028/2029"))) == ["late"], "a year in between counts"
    assert ids(await south.get(node.url(INDEX), (year, "2026/2027"))) == []
    assert ids(await south.post(node.url(INDEX), (year, "2024/2025"), (year, "2030/2031"))) == ["early"]
    assert ids(await south.post(node.url(INDEX), (year, "2024/2025"), (year, "2027/2028"))) == ["early", "late"]


@pytest.mark.parametrize("year", ["2026", "2026/27", "26/27", "2026/2028", "2027/2026", "next", ""])
async def test_an_academic_year_that_cannot_be_read_is_400(node: RunningNode, south: Caller, year: str) -> None:
    reply = await south.post(node.url(INDEX), ("receiving_academic_year_id", year))
    assert reply.status == 400
    assert "receiving_academic_year_id" in reply.developer_message


async def test_index_by_modified_since(node: RunningNode, south: Caller) -> None:
    await put(node, iia("a1"))
    before, after = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(minutes=1)
    for moment, expected in ((before, ["a1"]), (after, [])):
        for text in (moment.isoformat(), moment.strftime("%Y-%m-%dT%H:%M:%SZ"), moment.isoformat().replace("+", " ")):
            assert ids(await south.post(node.url(INDEX), ("modified_since", text))) == expected


async def test_a_plus_that_arrives_as_a_space_in_the_query_still_is_a_plus(node: RunningNode, south: Caller) -> None:
    await put(node, iia("a1"))
    draft = south.draft(node.url(INDEX) + "?modified_since=2020-01-01T00:00:00+02:00", method="GET")
    assert ids(await south.send(draft)) == ["a1"]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("-0044-03-15T12:00:00Z", ["a1"]), ("12026-01-01T00:00:00Z", []), ("2020-02-28T24:00:00", ["a1"])],
)
async def test_modified_since_takes_every_xs_datetime(
    node: RunningNode, south: Caller, moment: str, expected: list[str]
) -> None:
    await put(node, iia("a1"))
    assert ids(await south.post(node.url(INDEX), ("modified_since", moment))) == expected


@pytest.mark.parametrize("moment", ["2026-13-01T00:00:00Z", "2026-01-01", "yesterday", "2026-01-01T00:00:00+15:00", ""])
async def test_a_modified_since_that_cannot_be_read_is_400(node: RunningNode, south: Caller, moment: str) -> None:
    reply = await south.post(node.url(INDEX), ("modified_since", moment))
    assert reply.status == 400
    assert "modified_since" in reply.developer_message


async def test_filters_are_anded(node: RunningNode, south: Caller) -> None:
    await put(node, iia("a1", first="2024/2025", last="2025/2026"))
    year = ("receiving_academic_year_id", "2024/2025")
    assert ids(await south.post(node.url(INDEX), year, ("modified_since", "2020-01-01T00:00:00Z"))) == ["a1"]
    future = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert ids(await south.post(node.url(INDEX), year, ("modified_since", future))) == []


async def test_stats_count_what_partners_can_fetch(node: RunningNode, south: Caller, west: Caller) -> None:
    for number in range(3):
        await put(node, iia(f"a{number}"))
    await put(node, iia("b", partner="west.example"))
    for caller in (south, west):
        reply = await caller.get(node.url(STATS))
        assert schemas().faults(reply.root) == []
        assert reply.texts("iia-fetchable") == ["4"]


async def test_an_unchanged_agreement_keeps_its_moment_of_modification(node: RunningNode, south: Caller) -> None:
    await put(node, iia("a1"))
    later = (datetime.now(UTC)).isoformat()
    outcome = await node.records.put(node.hei_id, "iias", Incoming("a1", document=iia("a1")), source="test")
    assert outcome.result == "unchanged"
    assert ids(await south.post(node.url(INDEX), ("modified_since", later))) == []
