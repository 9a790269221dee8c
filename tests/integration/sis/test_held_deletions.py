"""Deletions that wait for a person, seen and confirmed through the SIS API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ewpgw.store import held_deletions
from ewpgw.store.held_deletions import HeldDeletion, HeldKey

if TYPE_CHECKING:
    from support.sis_api import Sis

NAME = "0f3a9c21b7de"
AT = datetime(2025, 8, 31, 3, 0, tzinfo=UTC)


@pytest.fixture
async def held(sis: Sis) -> HeldDeletion:
    held = HeldDeletion(HeldKey("north.example", "folder", "iias"), NAME, ("1", "2"), 9, AT, None, None)
    async with sis.store.transaction() as tx:
        await held_deletions.put(tx, held)
    return held


@pytest.mark.usefixtures("held")
async def test_they_are_listed_for_their_hei_alone(sis: Sis) -> None:
    listed = await sis.get("north.example/held-deletions")
    assert listed.status == 200
    assert listed.json == {
        "items": [
            {
                "set": NAME,
                "entity": "iias",
                "source": "folder",
                "count": 2,
                "total": 9,
                "ids": ["1", "2"],
                "held_at": "2025-08-31T03:00:00Z",
                "confirmed_at": None,
                "confirmed_by": None,
            }
        ]
    }
    assert (await sis.get("west.example/held-deletions")).json == {"items": []}


async def test_a_confirmation_notes_who_and_when_once(sis: Sis, held: HeldDeletion) -> None:
    for _ in range(2):
        confirmed = await sis.call("POST", "north.example/held-deletions/confirmations", json={"set": NAME})
        assert confirmed.status == 202
        assert (confirmed.json["confirmed_at"], confirmed.json["confirmed_by"]) == ("2025-09-01T12:00:00Z", "tests")
        sis.passes(minutes=1)
    kept = await held_deletions.get(sis.store, held.key)
    assert kept is not None
    assert kept.confirmed_at == datetime(2025, 9, 1, 12, tzinfo=UTC)


@pytest.mark.usefixtures("held")
async def test_a_set_that_does_not_wait_cannot_be_confirmed(sis: Sis) -> None:
    for hei_id, name, status in (
        ("north.example", "aaaaaaaaaaaa", 404),
        ("west.example", NAME, 404),
        ("north.example", "all", 400),
    ):
        answer = await sis.call("POST", f"{hei_id}/held-deletions/confirmations", json={"set": name})
        assert answer.status == status, answer.json


@pytest.mark.usefixtures("held")
async def test_only_who_runs_the_gateway_confirms(sis: Sis) -> None:
    decider = await sis.with_token("decider", "read", "write", "decide")
    assert (await decider.get("north.example/held-deletions")).status == 200
    refused = await decider.call("POST", "north.example/held-deletions/confirmations", json={"set": NAME})
    assert refused.status == 403
