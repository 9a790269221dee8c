"""Looking rows up by a list of texts."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from ewpgw.store import Store
from ewpgw.store.dialects import among
from ewpgw.store.engine import fetch
from ewpgw.store.tables import feed_counter

HEIS = ("plain.example", "o'neill.example", 'a "b" {c},d', "ÄÖ.example", "back\\slash", "")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], []),
        (["unknown"], []),
        (["plain.example", "plain.example"], ["plain.example"]),
        (list(HEIS), sorted(HEIS)),
        ([*HEIS, *(f"n{number}" for number in range(1500))], sorted(HEIS)),
    ],
    ids=["none", "unknown", "twice", "any characters", "many"],
)
async def test_rows_are_found_by_a_list_of_texts(store: Store, wanted: list[str], found: list[str]) -> None:
    async with store.transaction() as tx:
        await tx.execute(feed_counter.insert(), [{"hei_id": hei_id, "last": 1} for hei_id in HEIS])
    statement = select(feed_counter.c.hei_id).where(among(feed_counter.c.hei_id, "heis"))
    assert sorted(row[0] for row in await fetch(store, statement, {"heis": wanted})) == found
