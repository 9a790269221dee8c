"""Records of ours: put, delete, and what is served to whom."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ewpgw.store import Store, record_writes, records, refusals
from ewpgw.store.records import IdentifierRetired, NewRecord, PutResult, RecordKey

NORTH, SOUTH, WEST = "north.example", "south.example", "west.example"
IIA = NewRecord(NORTH, "iias", "a-1", '{"iia":1}', {7: b"<iia v='7'/>", 6: b"<iia v='6'/>"}, frozenset({SOUTH}), "sis")


def iia(id_: str, *partners: str, **changes: Any) -> NewRecord:
    return replace(IIA, id=id_, partners=frozenset(partners), **changes)


async def put(store: Store, now: datetime, *news: NewRecord) -> list[PutResult]:
    async with store.transaction() as tx:
        return await records.put_many(tx, news, now)


async def delete(store: Store, now: datetime, key: RecordKey) -> frozenset[str] | None:
    async with store.transaction() as tx:
        return await records.delete(tx, key, now)


async def served(store: Store, ids: list[str], *callers: str, version: int = 7) -> list[tuple[str, bytes]]:
    return await records.fragments(store, NORTH, "iias", version, ids, caller_heis=frozenset(callers))


async def test_a_new_record_is_stored_whole(store: Store, now: datetime) -> None:
    new = replace(IIA, academic_years=frozenset({"2025/2026", "2026/2027"}))
    assert await put(store, now, new) == [PutResult(new.key, 1, True, True, frozenset())]
    found = await records.get(store, new.key)
    assert found == records.Record(
        key=new.key,
        revision=1,
        modified_at=now,
        deleted=False,
        document='{"iia":1}',
        partners=frozenset({SOUTH}),
        academic_years=frozenset({"2025/2026", "2026/2027"}),
        source="sis",
    )
    assert await records.fragment(store, new.key, 6) == b"<iia v='6'/>"
    assert await records.fragment(store, new.key, 5) is None


async def test_an_unknown_record_is_none(store: Store) -> None:
    assert await records.get(store, RecordKey(NORTH, "iias", "unknown")) is None


async def test_putting_the_same_again_changes_nothing(store: Store, now: datetime) -> None:
    await put(store, now, IIA)
    again = replace(IIA, encodings=dict(reversed(list(IIA.encodings.items()))), source="another file")
    result = await put(store, now + timedelta(days=1), again)
    assert result == [PutResult(IIA.key, 1, False, False, frozenset({SOUTH}))]
    found = await records.get(store, IIA.key)
    assert found is not None
    assert (found.revision, found.modified_at, found.source) == (1, now, "another file")


@pytest.mark.parametrize(
    "changes",
    [
        {"document": '{"iia":2}'},
        {"encodings": {7: b"<iia v='7' new='yes'/>", 6: b"<iia v='6'/>"}},
        {"encodings": {7: b"<iia v='7'/>"}},
        {"partners": frozenset({SOUTH, WEST})},
        {"partners": None},
        {"partners": frozenset()},
        {"academic_years": frozenset({"2025/2026"})},
        {"code": "IIA-1"},
    ],
    ids=["document", "fragment", "fewer versions", "more partners", "everyone", "nobody", "years", "code"],
)
async def test_any_change_is_a_new_revision(store: Store, now: datetime, changes: dict[str, Any]) -> None:
    await put(store, now, IIA)
    later = now + timedelta(hours=1)
    new = replace(IIA, **changes)
    assert await put(store, later, new) == [PutResult(IIA.key, 2, True, False, frozenset({SOUTH}))]
    found = await records.get(store, IIA.key)
    assert found is not None
    assert (found.revision, found.modified_at) == (2, later)
    assert (found.document, found.partners, found.academic_years) == (new.document, new.partners, new.academic_years)
    for version in (6, 7):
        assert await records.fragment(store, IIA.key, version) == new.encodings.get(version)


async def test_a_record_that_is_amended_is_the_one_that_a_put_of_it_would_have_left(
    store: Store, now: datetime
) -> None:
    await put(store, now, IIA)
    later = now + timedelta(hours=1)
    new = replace(IIA, document='{"iia":2}', encodings={7: b"<iia v='7' new='yes'/>", 6: b"<iia v='6' new='yes'/>"})
    async with store.transaction() as tx:
        await record_writes.amend(tx, new, later)
    found = await records.get(store, IIA.key)
    assert found is not None
    assert (found.revision, found.modified_at, found.document) == (2, later, new.document)
    assert (found.partners, found.academic_years) == (IIA.partners, IIA.academic_years)
    assert await served(store, ["a-1"], SOUTH) == [("a-1", new.encodings[7])]
    assert await records.fragment(store, IIA.key, 6) == new.encodings[6]
    assert await records.index(store, NORTH, "iias", {SOUTH}, modified_since=later) == ["a-1"]
    assert await put(store, later, new) == [PutResult(IIA.key, 2, False, False, frozenset({SOUTH}))]


async def test_fields_do_not_run_together_in_the_comparison(store: Store, now: datetime) -> None:
    await put(store, now, replace(IIA, document="ab", encodings={7: b"c"}))
    (result,) = await put(store, now, replace(IIA, document="a", encodings={7: b"bc"}))
    assert result.changed


async def test_a_batch_gives_results_in_its_own_order(store: Store, now: datetime) -> None:
    await put(store, now, iia("b", SOUTH))
    batch = [iia("c", SOUTH), iia("b", WEST), iia("a", SOUTH), replace(iia("b"), hei_id=WEST)]
    results = await put(store, now, *batch)
    assert [(result.key, result.created, result.former_partners) for result in results] == [
        (batch[0].key, True, frozenset()),
        (batch[1].key, False, frozenset({SOUTH})),
        (batch[2].key, True, frozenset()),
        (batch[3].key, True, frozenset()),
    ]


async def test_a_batch_with_one_key_twice_is_refused(store: Store, now: datetime) -> None:
    with pytest.raises(ValueError, match="two records of the same key"):
        await put(store, now, IIA, IIA)


async def test_a_large_batch_is_stored_and_recognised(store: Store, now: datetime) -> None:
    batch = [iia(f"{number:05}", SOUTH, WEST) for number in range(2500)]
    assert all(result.created for result in await put(store, now, *batch))
    assert not any(result.changed for result in await put(store, now, *batch))
    assert await records.index(store, NORTH, "iias", {WEST}) == [new.id for new in batch]
    assert await records.counts(store, NORTH) == {"iias": 2500}


async def test_deleting_tells_who_could_see_it_and_stops_serving_it(store: Store, now: datetime) -> None:
    await put(store, now, iia("a-1", SOUTH, WEST, academic_years=frozenset({"2025/2026"})))
    later = now + timedelta(hours=1)
    assert await delete(store, later, IIA.key) == frozenset({SOUTH, WEST})
    assert await served(store, ["a-1"], SOUTH) == []
    assert await records.index(store, NORTH, "iias", {SOUTH}) == []
    assert await records.counts(store, NORTH) == {}
    assert await records.list_page(store, NORTH, "iias") == []
    found = await records.get(store, IIA.key)
    assert found is not None
    assert (found.deleted, found.document, found.partners, found.academic_years) == (
        True,
        None,
        frozenset(),
        frozenset(),
    )
    assert (found.revision, found.modified_at) == (2, later)
    assert await records.fragment(store, IIA.key, 7) is None


async def test_deleting_what_everyone_could_see_stops_serving_it(store: Store, now: datetime) -> None:
    await put(store, now, replace(IIA, partners=None))
    assert await delete(store, now, IIA.key) == frozenset()
    assert await served(store, ["a-1"], SOUTH) == []
    assert await records.index(store, NORTH, "iias", {SOUTH}) == []


async def test_deleting_what_is_not_there_is_none(store: Store, now: datetime) -> None:
    assert await delete(store, now, IIA.key) is None
    await put(store, now, IIA)
    assert await delete(store, now, IIA.key) == frozenset({SOUTH})
    assert await delete(store, now, IIA.key) is None


async def test_an_identifier_of_a_deleted_record_is_never_used_again(store: Store, now: datetime) -> None:
    await put(store, now, IIA)
    await delete(store, now, IIA.key)
    with pytest.raises(IdentifierRetired, match=r"iias 'a-1' of north\.example") as caught:
        await put(store, now, IIA)
    assert caught.value.keys == (IIA.key,)


async def test_a_batch_with_a_retired_identifier_writes_nothing_and_the_transaction_goes_on(
    store: Store, now: datetime
) -> None:
    await put(store, now, IIA)
    await delete(store, now, IIA.key)
    async with store.transaction() as tx:
        with pytest.raises(IdentifierRetired):
            await records.put_many(tx, [iia("b", SOUTH), IIA], now)
        await records.put(tx, iia("c", SOUTH), now)
    assert await records.index(store, NORTH, "iias", {SOUTH}) == ["c"]


async def test_only_the_partners_of_a_record_are_served_it(store: Store, now: datetime) -> None:
    await put(store, now, iia("a", SOUTH), iia("b", WEST), iia("c", SOUTH, WEST), replace(iia("d"), partners=None))
    await put(store, now, iia("e"))
    everything = ["e", "d", "c", "b", "a"]

    async def ids(*callers: str) -> list[str]:
        return [id_ for id_, _ in await served(store, everything, *callers)]

    assert await ids(SOUTH) == ["d", "c", "a"]
    assert await ids(WEST) == ["d", "c", "b"]
    assert await ids(SOUTH, WEST) == ["d", "c", "b", "a"]
    assert await ids("stranger.example") == ["d"]
    assert await ids() == ["d"]


@pytest.mark.parametrize("callers", [(SOUTH,), (WEST,), (SOUTH, WEST), (), ("stranger.example",)])
async def test_index_and_get_agree(store: Store, now: datetime, callers: tuple[str, ...]) -> None:
    await put(store, now, iia("a", SOUTH), iia("b", WEST), replace(iia("c"), partners=None), iia("d", SOUTH), iia("e"))
    await delete(store, now, RecordKey(NORTH, "iias", "d"))
    listed = await records.index(store, NORTH, "iias", frozenset(callers))
    assert [id_ for id_, _ in await served(store, ["a", "b", "c", "d", "e"], *callers)] == listed
    one_by_one = [id_ for id_ in "abcde" if await served(store, [id_], *callers)]
    assert one_by_one == listed


async def test_fragments_come_in_the_order_asked_and_once(store: Store, now: datetime) -> None:
    await put(store, now, *(iia(id_, SOUTH, encodings={7: id_.encode()}) for id_ in "abc"))
    assert await served(store, ["c", "unknown", "a", "c", "b", "a"], SOUTH) == [("c", b"c"), ("a", b"a"), ("b", b"b")]
    assert await served(store, [], SOUTH) == []
    assert await served(store, ["a", "a"], SOUTH) == [("a", b"a")]


async def test_a_version_that_a_record_is_not_encoded_in_is_left_out(store: Store, now: datetime) -> None:
    await put(store, now, IIA, iia("b", SOUTH, encodings={7: b"only seven"}))
    assert await served(store, ["a-1", "b"], SOUTH, version=6) == [("a-1", b"<iia v='6'/>")]


async def test_heis_and_entities_are_kept_apart(store: Store, now: datetime) -> None:
    await put(store, now, IIA, replace(IIA, hei_id=WEST), replace(IIA, entity="omobilities"))
    await delete(store, now, RecordKey(NORTH, "omobilities", "a-1"))
    assert await records.index(store, NORTH, "iias", {SOUTH}) == ["a-1"]
    assert await records.index(store, WEST, "iias", {SOUTH}) == ["a-1"]
    assert await records.index(store, NORTH, "omobilities", {SOUTH}) == []


async def test_identifiers_are_case_sensitive(store: Store, now: datetime) -> None:
    await put(store, now, iia("a", SOUTH), iia("A", SOUTH))
    assert await records.index(store, NORTH, "iias", {SOUTH}) == ["A", "a"]
    assert [id_ for id_, _ in await served(store, ["A"], SOUTH)] == ["A"]


async def test_modified_since_is_inclusive(store: Store, now: datetime) -> None:
    second = timedelta(seconds=1)
    await put(store, now - second, iia("old", SOUTH), replace(iia("old public"), partners=None))
    await put(store, now, iia("new", SOUTH), replace(iia("new public"), partners=None))

    async def since(time: datetime) -> list[str]:
        return await records.index(store, NORTH, "iias", {SOUTH}, modified_since=time)

    assert await since(now - second) == ["new", "new public", "old", "old public"]
    assert await since(now) == ["new", "new public"]
    assert await since(now + second) == []


async def test_academic_years_filter_the_index(store: Store, now: datetime) -> None:
    await put(
        store,
        now,
        iia("a", SOUTH, academic_years=frozenset({"2025/2026", "2026/2027"})),
        iia("b", SOUTH, academic_years=frozenset({"2027/2028"})),
        iia("c", WEST, academic_years=frozenset({"2025/2026"})),
        iia("d", SOUTH),
        replace(iia("e"), partners=None, academic_years=frozenset({"2026/2027"})),
    )

    async def valid_in(*years: str, modified_since: datetime | None = None) -> list[str]:
        return await records.index(store, NORTH, "iias", {SOUTH}, academic_years=years, modified_since=modified_since)

    assert await valid_in("2025/2026") == ["a"]
    assert await valid_in("2026/2027") == ["a", "e"]
    assert await valid_in("2026/2027", "2027/2028") == ["a", "b", "e"]
    assert await valid_in("1999/2000") == []
    assert await valid_in() == []
    assert await valid_in("2025/2026", modified_since=now + timedelta(seconds=1)) == []


async def test_records_are_found_by_their_code_until_deleted(store: Store, now: datetime) -> None:
    await put(store, now, iia("b", SOUTH, code="C"), iia("a", SOUTH, code="C"), iia("c", SOUTH, code="c"), iia("d"))
    assert await records.ids_of_codes(store, NORTH, "iias", ["C", "unknown"]) == ["a", "b"]
    assert await records.ids_of_codes(store, NORTH, "iias", []) == []
    await delete(store, now, RecordKey(NORTH, "iias", "a"))
    assert await records.ids_of_codes(store, NORTH, "iias", ["C", "c"]) == ["b", "c"]


async def test_all_partners_of_an_entity_are_known(store: Store, now: datetime) -> None:
    await put(store, now, iia("a", SOUTH), iia("b", SOUTH, WEST), replace(iia("c"), partners=None))
    assert await records.partners(store, NORTH, "iias") == {SOUTH, WEST}
    assert await records.partners(store, NORTH, "omobilities") == frozenset()


async def test_pages_follow_one_another(store: Store, now: datetime) -> None:
    await put(store, now, *(iia(id_, SOUTH) for id_ in "abcde"))
    first = await records.list_page(store, NORTH, "iias", limit=2)
    second = await records.list_page(store, NORTH, "iias", after=first[-1].key.id, limit=2)
    last = await records.list_page(store, NORTH, "iias", after=second[-1].key.id, limit=2)
    assert [[one.key.id for one in page] for page in (first, second, last)] == [["a", "b"], ["c", "d"], ["e"]]


async def test_records_can_be_read_inside_a_transaction(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        await records.put(tx, IIA, now)
        assert await records.get(tx, IIA.key) is not None
        assert await records.index(tx, NORTH, "iias", {SOUTH}) == ["a-1"]
    assert await records.get(store, IIA.key) is not None


async def test_a_good_version_removes_the_refusals_of_its_identifier_and_source(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        for key in ("a-1", "a.json", "other.json"):
            await refusals.put(tx, refusals.Refusal(NORTH, "iias", key, "{}", "[]", "folder", now))
    await put(store, now, replace(IIA, source="a.json"))
    assert [one.key for one in await refusals.list_page(store, NORTH)] == ["other.json"]


async def test_an_unchanged_put_and_a_delete_remove_refusals_too(store: Store, now: datetime) -> None:
    await put(store, now, IIA)
    for act in (put(store, now, IIA), delete(store, now, IIA.key)):
        async with store.transaction() as tx:
            await refusals.put(tx, refusals.Refusal(NORTH, "iias", "a-1", "{}", "[]", "folder", now))
        await act
        assert await refusals.count(store, NORTH) == 0


async def test_two_replicas_that_put_the_same_records_make_them_once(
    store: Store, replica: Store, now: datetime
) -> None:
    batch = [iia(f"{number:03}", SOUTH) for number in range(200)]
    results = await asyncio.gather(put(store, now, *batch), put(replica, now, *reversed(batch)))
    created = [{result.key for result in one if result.created} for one in results]
    assert created[0] | created[1] == {new.key for new in batch}
    assert not created[0] & created[1]
    assert len(await served(store, [new.id for new in batch], SOUTH)) == 200


async def test_two_replicas_that_change_a_record_make_two_revisions(
    store: Store, replica: Store, now: datetime
) -> None:
    await put(store, now, IIA)
    changed = [replace(IIA, document=f"{number}") for number in range(10)]
    await asyncio.gather(*(put((store, replica)[place % 2], now, new) for place, new in enumerate(changed)))
    found = await records.get(store, IIA.key)
    assert found is not None
    assert found.revision == 11
