"""Records of nominations on their way through the store: their proposal, and the agreement they name."""

from __future__ import annotations

import asyncio
import json
import re
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.nominating import NORTH, SOUTH, Nominator, carry
from support.sides import Moments

from ewpgw.nominations import checking
from ewpgw.preparing import Incoming
from ewpgw.store import Store

Sides = tuple[Nominator, Nominator]

_CONTENT = {
    "nomination__comment": st.sampled_from([None, "a", "a ", "b"]),
    "nomination__eqf_level_studied_at_departure": st.sampled_from([6, "6", "06", 7]),
    "nomination__nominee_isced_f_code": st.sampled_from(["0613", "0611"]),
    "nomination__receiving_hei__ounit_id": st.sampled_from([None, "u1", "u2"]),
}
_ASIDE = {
    "student__email": st.sampled_from(["a@b.example", "c@d.example"]),
    "status": st.sampled_from([None, "pending", "approved", "cancelled"]),
    "nomination__proposal_id": st.sampled_from([None, "mine"]),
}


def _content(change: dict[str, Any]) -> dict[str, Any]:
    said = {name: change[name] for name in _CONTENT}
    said["nomination__eqf_level_studied_at_departure"] = int(said["nomination__eqf_level_studied_at_departure"])
    return said


def test_the_proposal_is_another_exactly_where_the_content_is(tmp_path: Path) -> None:
    numbers = count()
    changes = st.lists(st.fixed_dictionaries({**_CONTENT, **_ASIDE}), min_size=2, max_size=4)
    with asyncio.Runner() as runner:
        store = runner.run(Store.open(f"sqlite:///{tmp_path / 'store.db'}"))
        north = Nominator(NORTH, SOUTH, store, Moments())

        async def proposal(omobility_id: str, change: dict[str, Any]) -> str:
            assert (await north.put(omobility_id, **change)).result != "refused"
            stands = (await north.ours(omobility_id)).standing
            served = (await north.served("omobilities", omobility_id, 3)).decode()
            assert re.findall(r'proposal-id="([^"]+)"', served) == [stands.proposal_id]
            assert (await north.document(omobility_id))["nomination"]["proposal_id"] == stands.proposal_id
            await north.status(omobility_id)
            return stands.proposal_id

        @settings(max_examples=40, deadline=None)
        @given(changes)
        def holds(history: list[dict[str, Any]]) -> None:
            omobility_id = f"n{next(numbers)}"
            seen = [(_content(change), runner.run(proposal(omobility_id, change))) for change in history]
            for one, first in seen:
                for other, second in seen:
                    assert (first == second) is (one == other)

        try:
            holds()
        finally:
            runner.run(store.close())


def agreement(people: int, **more: Any) -> dict[str, Any]:
    """North's agreement that students of informatics go from North to South."""
    condition = {
        "sending_hei_id": NORTH,
        "receiving_hei_id": SOUTH,
        "receiving_first_academic_year_id": "2026/2027",
        "receiving_last_academic_year_id": "2028/2029",
        "mobilities_per_year": people,
        "total_months_per_year": 5 * people,
        "blended": False,
        "eqf_level": [6],
        "recommended_language_skill": [{"language": "en", "cefr_level": "B2"}],
        "subject_area": [{"isced_f_code": "0613"}],
        **more,
    }
    return {
        "partner": [
            {"hei_id": NORTH, "iia_id": "2026-17", "iia_code": "N-17"},
            {"hei_id": SOUTH, "iia_id": "S-0042"},
        ],
        "in_effect": True,
        "cooperation_conditions": {"student_studies_mobility_spec": [condition]},
    }


async def _agree(north: Nominator, people: int) -> None:
    given_ = Incoming("2026-17", agreement(people))
    outcome = await north.records.put(NORTH, "iias", given_, source="test")
    assert outcome.result == "created", outcome.problems


UNDER = {"nomination__sending_hei__iia_id": "2026-17", "nomination__receiving_hei__iia_id": "S-0042"}


async def test_a_nomination_that_does_not_fit_its_agreement_is_stored_with_warnings(sides: Sides) -> None:
    north, _ = sides
    await _agree(north, 1)
    fits = await north.put("n1", **UNDER)
    assert [each.message for each in fits.problems if each.severity == "warning"] == []
    other = await north.put("n2", **UNDER, nomination__eqf_level_studied_at_departure=7)
    assert (other.result, [each.path for each in other.problems]) == (
        "created",
        ["nomination.eqf_level_studied_at_departure"],
    )
    unknown = await north.put("n3", **{**UNDER, "nomination__sending_hei__iia_id": "2019-1"})
    assert "no such agreement" in unknown.problems[0].message


async def test_places_are_counted_with_those_of_the_same_batch_and_without_the_cancelled(sides: Sides) -> None:
    north, _ = sides
    await _agree(north, 2)
    from support.nominating import nominated

    students = [Incoming(name, nominated(NORTH, name, SOUTH, **UNDER)) for name in ("n1", "n2", "n3")]
    outcomes = await north.records.put_many(NORTH, "omobilities", students, source="test")
    assert [[each.path for each in outcome.problems] for outcome in outcomes] == [["nomination"]] * 3
    await north.service.cancel(NORTH, "n3")
    known = (await checking.sent(north.store, NORTH, [await _read(north, "n1")]))["n1"]
    assert known.places is not None
    assert (known.places.agreed, known.places.taken) == (2, 1)
    assert (known.iia_id, known.problems) == ("2026-17", ())


async def _read(side: Nominator, omobility_id: str) -> Any:
    from ewpgw.model.omobility import Omobility

    return Omobility.model_validate_json(json.dumps(await side.document(omobility_id)))


async def test_a_received_nomination_is_held_against_the_partners_copy_of_the_agreement_and_the_others(
    sides: Sides,
) -> None:
    north, south = sides
    await _agree(north, 1)
    await north.put("n1", **UNDER)
    await north.put("n2", **UNDER)
    await carry(sides)
    known = await south.theirs("n1")
    checked = await checking.received(south.store, SOUTH, NORTH, known.record)
    assert checked.places is not None
    assert (checked.places.agreed, checked.places.left) == (1, 0)
    assert [each.path for each in checked.problems] == ["nomination"]
    assert checked.iia_id is None


async def test_places_of_received_nominations_follow_what_becomes_of_the_others(sides: Sides) -> None:
    north, south = sides
    await _agree(north, 5)
    for omobility_id in ("n1", "n2", "n3", "n4", "n5"):
        await north.put(omobility_id, **UNDER)
    await north.put("n6")
    await north.put("n7", **{**UNDER, "nomination__sending_hei__iia_id": "2019-1"})
    await carry(sides)

    async def taken() -> int:
        known = await south.theirs("n1")
        checked = await checking.received(south.store, SOUTH, NORTH, known.record)
        assert checked.places is not None
        return checked.places.taken

    assert await taken() == 5, "n7 is under it by the identifier that South gave the agreement"
    await south.reject("n2")
    await south.approve("n3")
    await north.service.cancel(NORTH, "n4")
    await north.delete("n5")
    await carry(sides)
    assert await taken() == 2
    await north.service.resubmit(NORTH, "n4")
    await carry(sides)
    assert await taken() == 3


async def test_a_nomination_that_is_rejected_by_publishing_takes_no_place(store: Store) -> None:
    clock = Moments()
    north, south = Nominator(NORTH, SOUTH, store, clock), Nominator(SOUTH, NORTH, store, clock, version=2)
    await _agree(north, 5)
    for omobility_id in ("n1", "n2"):
        await north.put(omobility_id, **UNDER)
    await carry((north, south))
    await south.reject("n2")
    checked = await checking.received(south.store, SOUTH, NORTH, (await south.theirs("n1")).record)
    assert checked.places is not None
    assert checked.places.taken == 0
