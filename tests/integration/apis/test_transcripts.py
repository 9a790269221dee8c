"""Incoming Mobility ToRs API 3 and 2 with its notifications and statistics, as partners call them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.callers import Caller, Reply
from support.nodes import RunningNode, utc_now
from support.transcribing import given

from ewpgw.apis import imobility_tors
from ewpgw.apis.running import IncompleteFamily, chosen, notifications
from ewpgw.documents.schemas import default as schemas
from ewpgw.intake import intake
from ewpgw.preparing import Incoming
from ewpgw.store import transcripts, work
from ewpgw.store.transcripts import VersionKey
from ewpgw.store.work import WorkKind
from ewpgw.transcripts.issued import Note, fetched_by

HEI, SOUTH, WEST = "north.example", "south.example", "west.example"
V3, V2 = "/imobility-tors/v3", "/imobility-tors/v2"
OURS = ("receiving_hei_id", HEI)
STATS = "/imobility-tor-stats/v1"


async def put(node: RunningNode, omobility_id: str, partner: str = SOUTH, **changes: Any) -> None:
    records = intake(node.store, notifications(), utc_now, lambda: None).records
    document = given(HEI, partner, omobility_id, **changes)
    outcome = await records.put(HEI, "imobility-tors", Incoming(None, document), source="test")
    assert outcome.result in ("created", "changed", "unchanged"), outcome


def valid(reply: Reply) -> Reply:
    assert reply.status == 200, reply.body
    assert schemas().faults(reply.root) == []
    return reply


@pytest.mark.parametrize(("path", "named"), [(V3, ()), (V3, (OURS,)), (V2, (OURS,))])
async def test_get_and_index_agree_on_what_each_caller_sees(
    node: RunningNode, south: Caller, west: Caller, path: str, named: tuple[tuple[str, str], ...]
) -> None:
    await put(node, "s1")
    await put(node, "s2", ready_for_recognition=False)
    await put(node, "w1", WEST)
    await put(node, "s1", WEST)
    for caller, expected in ((south, ["s1"]), (west, ["s1", "w1"])):
        for ask in (caller.get, caller.post):
            listed = valid(await ask(node.url(f"{path}/index"), *named)).texts("omobility-id")
            assert listed == expected
            asked = [("omobility_id", each) for each in ("w1", "s2", "s1", "?")]
            served = valid(await ask(node.url(f"{path}/get"), *named, *asked)).texts("omobility-id")
            assert sorted(served) == expected


async def test_each_version_carries_its_elmo(node: RunningNode, south: Caller) -> None:
    await put(node, "s1")
    newer = valid(await south.post(node.url(f"{V3}/get"), ("omobility_id", "s1")))
    older = valid(await south.post(node.url(f"{V2}/get"), OURS, ("omobility_id", "s1")))
    assert newer.texts("receiving-academic-year-id") == ["2026/2027"]
    assert b"elmo-schemas/tree/v2" in newer.body
    assert older.texts("receiving-academic-year-id") == []
    assert b"elmo-schemas/tree/v1" in older.body


async def test_filters_hold_together(node: RunningNode, south: Caller) -> None:
    await put(node, "s1")
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    cases: list[tuple[list[tuple[str, str]], list[str]]] = [
        ([("sending_hei_id", SOUTH), ("sending_hei_id", "no.example")], ["s1"]),
        ([("sending_hei_id", WEST)], []),
        ([("modified_since", "2020-01-01T00:00:00+01:00")], ["s1"]),
        ([("modified_since", later)], []),
    ]
    for path, named in ((V3, []), (V2, [OURS])):
        for parameters, expected in cases:
            reply = valid(await south.get(node.url(f"{path}/index"), *named, *parameters))
            assert reply.texts("omobility-id") == expected, (path, parameters)


async def test_another_institution_has_none_here(node: RunningNode, south: Caller) -> None:
    await put(node, "s1")
    for path in (V3, V2):
        other = ("receiving_hei_id", "else.example")
        assert valid(await south.post(node.url(f"{path}/index"), other)).texts("omobility-id") == []
        assert len(valid(await south.post(node.url(f"{path}/get"), other, ("omobility_id", "s1"))).root) == 0
    for endpoint in ("index", "get"):
        reply = await south.post(node.url(f"{V2}/{endpoint}"), ("omobility_id", "s1"))
        assert (reply.status, "receiving_hei_id" in reply.developer_message) == (400, True)


async def test_what_was_fetched_is_delivered(node: RunningNode, south: Caller, west: Caller) -> None:
    await put(node, "s1")
    key = VersionKey(HEI, True, SOUTH, "s1")
    await west.post(node.url(f"{V3}/get"), ("omobility_id", "s1"))
    await node.evidence.flush()
    assert await transcripts.deliveries(node.store, key) == {}
    await south.post(node.url(f"{V3}/get"), ("omobility_id", "s1"))
    await node.evidence.flush()
    delivered = (await transcripts.deliveries(node.store, key))[1]
    assert delivered.fetched_at is not None
    assert delivered.fetched_exchange_id is not None
    assert await transcripts.unfetched(node.store, HEI, [f"{SOUTH}:s1"]) == {}
    await south.post(node.url(f"{V2}/get"), OURS, ("omobility_id", "s1"))
    await node.evidence.flush()
    assert (await transcripts.deliveries(node.store, key))[1] == delivered, "the first time is what is remembered"
    await put(node, "s1", course__0__grade="5")
    assert await transcripts.unfetched(node.store, HEI, [f"{SOUTH}:s1"]) == {f"{SOUTH}:s1": 2}
    await south.post(node.url(f"{V3}/get"), ("omobility_id", "s1"))
    await node.evidence.flush()
    assert (await transcripts.deliveries(node.store, key))[2].fetched_exchange_id is not None


async def test_what_changes_while_it_is_fetched_is_not_delivered_by_that(node: RunningNode) -> None:
    record_id = f"{SOUTH}:s1"
    await put(node, "s1")
    note = fetched_by(HEI, await transcripts.unfetched(node.store, HEI, [record_id, f"{SOUTH}:s2"]), utc_now())
    await put(node, "s1", course__0__grade="5")
    async with node.store.transaction() as tx:
        await note(tx, "e1")
    assert list(await transcripts.deliveries(node.store, VersionKey(HEI, True, SOUTH, "s1"))) == [1]
    assert await transcripts.unfetched(node.store, HEI, [record_id]) == {record_id: 2}


async def test_what_was_fetched_before_calls_for_no_more_writing(
    node: RunningNode, south: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(node, "s1")
    await put(node, "s2")
    noted: list[list[str]] = []

    def noting(hei_id: str, numbers: Mapping[str, int], at: datetime) -> Note:
        noted.append(sorted(numbers))
        return fetched_by(hei_id, numbers, at)

    monkeypatch.setattr(imobility_tors, "fetched_by", noting)
    for asked in (["s1"], ["s1"], ["s1", "s2"], ["s1", "s2"]):
        await south.post(node.url(f"{V3}/get"), *(("omobility_id", each) for each in asked))
        await node.evidence.flush()
    assert noted == [[f"{SOUTH}:s1"], [f"{SOUTH}:s2"]]


@pytest.mark.parametrize("version", [2, 1])
async def test_a_notification_is_written_down_and_answered(node: RunningNode, south: Caller, version: int) -> None:
    named = [] if version == 2 else [("receiving_hei_id", SOUTH)]
    asked = [("omobility_id", "n1"), ("omobility_id", "n2")]
    reply = valid(await south.post(node.url(f"/imobility-tor-cnr/v{version}"), *named, *asked))
    assert reply.root.tag.endswith("}imobility-tor-cnr-response")
    rows = await work.list_rows(node.store, hei_id=HEI, limit=10)
    assert [(row.key.kind, row.key.partner, row.key.api, row.key.item) for row in rows] == [
        (WorkKind.REFRESH, SOUTH, "imobility-tors", "n1"),
        (WorkKind.REFRESH, SOUTH, "imobility-tors", "n2"),
    ]


async def test_nobody_notifies_in_the_name_of_another(node: RunningNode, south: Caller) -> None:
    reply = await south.post(node.url("/imobility-tor-cnr/v1"), ("receiving_hei_id", WEST), ("omobility_id", "n1"))
    assert reply.status == 400
    assert WEST in reply.developer_message


async def test_statistics_count_what_is_issued_for_whoever_asks(node: RunningNode, south: Caller, west: Caller) -> None:
    for number, year in enumerate(("2026/2027", "2025/2026", "2026/2027", "2027/2028")):
        await put(node, f"s{number}", receiving_academic_year_id=year, ready_for_recognition=number < 3)
    for caller in (south, west):
        reply = valid(await caller.get(node.url(STATS)))
        assert reply.texts("receiving-academic-year-id") == ["2025/2026", "2026/2027"]
        assert reply.texts("imobility-tor-total") == ["1", "2"]


def test_the_family_runs_whole_or_not_at_all() -> None:
    with pytest.raises(IncompleteFamily, match="imobility-tor-cnr, imobility-tor-stats must run too"):
        chosen(["imobility-tors"])
    names = ["imobility-tors", "imobility-tor-cnr", "imobility-tor-stats"]
    assert {(api.name, api.major) for api in chosen(names)} >= {(name, 2) for name in names[:2]} | {(names[0], 3)}
