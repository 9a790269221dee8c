"""Which copy of the partner is of which agreement of ours: found by identifiers, or said by a person."""

from __future__ import annotations

import asyncio

import pytest
from support.sides import NORTH, NOTHING, SOUTH, Side, carry, foreign, iia

from ewpgw.agreements.service import MoveRefused
from ewpgw.model.iia_states import MappingState, State
from ewpgw.preparing import Incoming
from ewpgw.store import agreements, approvals, records
from ewpgw.store.feed import FeedKind
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKind

Sides = tuple[Side, Side]


async def test_both_copies_name_each_other_though_no_system_holds_the_partners_id(mapped: Sides) -> None:
    north, south = mapped
    assert (await north.named("n1"), await south.named("s1")) == ("s1", "n1")
    assert (FeedKind.AGREEMENT_MAPPED, "n1") in await north.told()
    assert await north.due() == []


async def test_a_record_put_again_without_the_partners_id_is_unchanged(mapped: Sides) -> None:
    north, _ = mapped
    assert (await north.put("n1")).result == "unchanged"
    assert await north.named("n1") == "s1"
    assert (await north.put("n1", people=3)).result == "changed"
    assert await north.named("n1") == "s1"


async def test_another_id_in_the_record_is_not_served_and_warned_about(mapped: Sides) -> None:
    north, _ = mapped
    outcome = await north.put("n1", their_id="s7", people=3)
    assert await north.named("n1") == "s1"
    assert ("partner.1.iia_id", "warning") in [(each.path, each.severity) for each in outcome.problems]


async def test_repeated_and_concurrent_notifications_make_one_mapping(sides: Sides) -> None:
    north, south = sides
    await north.put("n1")
    await south.put("s1", their_id="n1")
    body = await south.served("s1")
    await asyncio.gather(*(north.receive("s1", body) for _ in range(4)))
    assert await north.named("n1") == "s1"
    stored = await records.get(north.store, RecordKey(NORTH, "iias", "n1"))
    assert stored is not None
    assert stored.revision == 2
    assert [entry for entry in await north.told() if entry[0] is FeedKind.AGREEMENT_MAPPED] == [
        (FeedKind.AGREEMENT_MAPPED, "n1")
    ]


async def test_a_record_that_comes_after_the_copy_that_names_it_is_mapped_at_once(sides: Sides) -> None:
    north, south = sides
    await south.put("s1", their_id="n1")
    await carry(sides)
    assert (await north.put("n1")).result == "created"
    assert await north.named("n1") == "s1"
    assert await north.state("n1") is State.PROPOSED


async def test_one_copy_is_of_one_agreement_even_where_two_records_claim_it(sides: Sides) -> None:
    north, _ = sides
    await north.put("n1", their_id="s1")
    outcome = await north.put("n2", their_id="s1")
    assert outcome.result == "created"
    assert "n1" in outcome.problems[-1].message
    assert (await north.named("n1"), await north.named("n2")) == ("s1", None)


async def test_a_second_copy_that_names_the_same_agreement_is_told_and_not_mapped(mapped: Sides) -> None:
    north, _ = mapped
    await north.receive("s2", foreign(SOUTH, "s2", NORTH, their_id="n1"))
    assert await north.named("n1") == "s1"
    assert (FeedKind.AGREEMENT_CONFLICT, "n1") in await north.told()
    assert await agreements.unmapped_copies(north.store, NORTH, None, 10) == [(SOUTH, "s2")]


async def test_a_person_maps_a_copy_that_names_nothing_and_the_partner_is_told(sides: Sides) -> None:
    north, south = sides
    await north.put("n1")
    await carry(sides)
    await south.put("s1")
    await carry(sides)
    assert (FeedKind.COPY_TO_MAP, "s1") in await north.told()
    await north.agreements.map(NORTH, "n1", "s1")
    assert await north.named("n1") == "s1"
    assert [key.item for key in await north.due()] == ["n1"]
    await carry(sides)
    # South learns the identifier from our copy, which names its own
    assert await south.named("s1") == "n1"
    with pytest.raises(MoveRefused, match="mapped-already"):
        await north.agreements.map(NORTH, "n1", "s1")


async def test_a_copy_that_is_not_there_or_anothers_is_not_mapped(mapped: Sides) -> None:
    north, south = mapped
    await north.put("n2")
    with pytest.raises(MoveRefused, match="no-copy"):
        await north.agreements.map(NORTH, "n2", "s9")
    with pytest.raises(MoveRefused, match="mapped-to-another"):
        await north.agreements.map(NORTH, "n2", "s1")
    await south.put("s2", their_id="n7")
    await carry(mapped)
    with pytest.raises(MoveRefused, match="partner-names-another"):
        await north.agreements.map(NORTH, "n2", "s2")


async def test_a_mapping_that_a_person_cut_does_not_come_back_by_itself(mapped: Sides) -> None:
    north, south = mapped
    await north.approve("n1")
    await carry(mapped)
    await north.agreements.unmap(NORTH, "n1")
    assert await north.named("n1") is None
    assert await approvals.given_for(north.store, NORTH, [SOUTH], ["s1"]) == []
    assert {key.api for key in await north.due()} == {"iia-cnr", "iia-approval-cnr"}
    await carry(mapped)
    await north.receive("s1", await south.served("s1"))
    assert await north.named("n1") is None
    assert (await north.put("n1", their_id="s1", people=4)).problems[-1].severity == "warning"
    assert await north.named("n1") is None
    await north.agreements.map(NORTH, "n1", "s1")
    assert await north.named("n1") == "s1"


async def test_a_copy_that_vanished_is_unmapped_and_the_partner_and_the_system_are_told(mapped: Sides) -> None:
    north, south = mapped
    await north.approve("n1")
    await carry(mapped)
    await south.agreements.delete(SOUTH, "s1", source="test")
    (key,) = await south.due()
    await north.receive(key.item, await south.served(key.item))
    assert await north.named("n1") is None
    assert (FeedKind.AGREEMENT_UNMAPPED, "n1") in await north.told()
    assert sorted((key.api, key.item) for key in await north.due()) == [("iia-approval-cnr", "s1"), ("iia-cnr", "n1")]
    assert await approvals.given_for(north.store, NORTH, [SOUTH], ["s1"]) == []
    standing = await agreements.get(north.store, NORTH, "n1")
    assert standing is not None
    assert (standing.mapping, standing.their_id, standing.state) == (MappingState.VANISHED, "s1", State.PROPOSED)
    await carry(mapped)
    assert [key for key in await north.due() if key.kind is WorkKind.DELIVERY] == []


async def test_a_record_does_not_name_a_copy_that_the_partner_deleted(mapped: Sides) -> None:
    north, south = mapped
    await south.agreements.delete(SOUTH, "s1", source="test")
    await carry(mapped)
    outcome = await north.put("n1", their_id="s1", people=3)
    assert outcome.result == "changed"
    assert "no longer serves" in outcome.problems[-1].message
    assert await north.named("n1") is None


async def test_an_approved_agreement_that_vanished_is_a_conflict_until_it_is_served_again(agreed: Sides) -> None:
    north, south = agreed
    body = await south.served("s1")
    await north.receive("s1", NOTHING)
    assert await north.state("n1") is State.CONFLICT
    assert await north.named("n1") is None
    assert (FeedKind.AGREEMENT_CONFLICT, "n1") in await north.told()
    await north.receive("s1", body)
    assert await north.named("n1") == "s1"
    assert await north.state("n1") is State.MUTUALLY_APPROVED


async def test_the_partner_of_a_mapped_agreement_never_changes(mapped: Sides) -> None:
    north, _ = mapped
    document = iia(NORTH, "n1", "west.example")
    document["cooperation_conditions"]["student_traineeship_mobility_spec"][0]["receiving_hei_id"] = "west.example"
    outcome = await north.records.put(NORTH, "iias", Incoming("n1", document), source="test")
    assert outcome.result == "refused"
    assert outcome.problems[0].path == "partner.1.hei_id"
    assert await north.named("n1") == "s1"


async def test_a_batch_is_completed_as_single_records_are(sides: Sides) -> None:
    north, south = sides
    await south.put("s1", their_id="n1")
    await carry(sides)
    batch = [Incoming(f"n{n}", iia(NORTH, f"n{n}", SOUTH, their_id=f"s{n}" if n > 1 else None)) for n in range(1, 6)]
    outcomes = await north.records.put_many(NORTH, "iias", batch, source="test")
    assert {outcome.result for outcome in outcomes} == {"created"}
    assert [await north.named(f"n{n}") for n in range(1, 6)] == ["s1", "s2", "s3", "s4", "s5"]
    standings = await agreements.get_many(north.store, NORTH, [f"n{n}" for n in range(1, 6)])
    assert {standing.how for standing in standings.values()} == {"their copy", "our record"}


async def test_records_and_copies_that_come_at_the_same_moment_all_find_each_other(sides: Sides) -> None:
    north, _ = sides
    ids = range(12)
    batch = [Incoming(f"n{n}", iia(NORTH, f"n{n}", SOUTH)) for n in ids]
    bodies = {f"s{n}": foreign(SOUTH, f"s{n}", NORTH, their_id=f"n{n}") for n in ids}
    await asyncio.gather(
        north.records.put_many(NORTH, "iias", batch[:6], source="test"),
        *(north.receive(their_id, body) for their_id, body in bodies.items()),
        north.records.put_many(NORTH, "iias", batch[6:], source="test"),
    )
    assert [await north.named(f"n{n}") for n in ids] == [f"s{n}" for n in ids]


async def test_a_record_whose_id_was_used_before_takes_no_copy(sides: Sides) -> None:
    north, _ = sides
    await north.put("n1")
    await north.agreements.delete(NORTH, "n1", source="test")
    assert (await north.put("n1", their_id="s1")).result == "retired"
    await north.put("n2", their_id="s1")
    assert await north.named("n2") == "s1"
