"""kill -9 during a burst of changes: what was acknowledged is kept, and all end with the newest of everything."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

import pytest
from support.authority import key_of
from support.callers import calling
from support.closed_network import ClosedNetwork, Gateway, closed_network
from support.databases import postgres_database
from support.documents import iia
from support.processes import until

CHANGES = 30
AGREEMENTS = 20


class Burst(threading.Thread):
    """A student information system that puts changes in order and repeats each until it is acknowledged."""

    def __init__(self, gateway: Gateway, prefix: str) -> None:
        super().__init__()
        self._sis = gateway.sis
        self._changes = [(f"{prefix}-{number % AGREEMENTS}", number + 1) for number in range(CHANGES)]
        self.wanted = dict(self._changes)
        self.acknowledged: dict[str, int] = {}
        self.count = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            for iia_id, people in self._changes:
                self._put(iia_id, people)
        except BaseException as failure:
            self.failure = failure

    def _put(self, iia_id: str, people: int) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                reply = self._sis.put("north.example", "iias", iia_id, iia(iia_id, people=people))
            except (OSError, HTTPException):
                assert time.monotonic() < deadline, "the gateway does not come back"
                time.sleep(0.02)
                continue
            assert reply.status in (200, 201), reply
            self.acknowledged = {**self.acknowledged, iia_id: people}
            self.count += 1
            return

    def reaches(self, point: int) -> None:
        """Waits until so many changes are acknowledged, or one has failed."""
        until(lambda: self.count >= point or self.failure, f"{point} changes are acknowledged")

    def end(self) -> None:
        self.join(90)
        assert not self.is_alive()
        if self.failure is not None:
            raise self.failure


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def own_network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNetwork]:
    folder = tmp_path_factory.mktemp("crashes")
    if request.param == "sqlite":
        with closed_network(folder) as found:
            yield from _started(found, None, None)
        return
    server = request.getfixturevalue("postgres_server")
    with postgres_database(server) as first, postgres_database(server) as second, closed_network(folder) as found:
        yield from _started(found, first, second)


def _started(network: ClosedNetwork, north: str | None, south: str | None) -> Iterator[ClosedNetwork]:
    network.gateway("north", "north.example", store_url=north)
    network.gateway("south", "south.example", store_url=south)
    network.start()
    yield network


def _people(document: Any) -> int:
    return int(document["cooperation_conditions"]["student_studies_mobility_spec"][0]["mobilities_per_year"]["value"])


async def _served(north: Gateway, ids: list[str]) -> dict[str, int]:
    """What the partner is served of each agreement."""
    served = {}
    async with calling(key_of("south.example"), key_of("north.example").public) as caller:
        for iia_id in ids:
            reply = await caller.post(north.url("/iias/v7/get"), ("iia_id", iia_id))
            assert reply.status == 200, reply.body
            served[iia_id] = int(reply.texts("mobilities-per-year")[0])
    return served


@pytest.mark.parametrize("victim", ["north", "south"])
async def test_a_crash_loses_nothing_that_was_acknowledged(own_network: ClosedNetwork, victim: str) -> None:
    north, south = own_network["north"], own_network["south"]
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    own_network.wait_until_joined()
    burst = Burst(north, victim)
    burst.start()
    kills = 2 if north.store_url.startswith("sqlite") else 1
    for point in sorted(chance.sample(range(1, CHANGES), kills)):
        burst.reaches(point)
        time.sleep(chance.uniform(0, 0.05))  # so that the kill hits any moment of the work for these changes
        own_network[victim].process.kill()
        before = burst.acknowledged
        own_network[victim].start()
        if victim == "north":
            until(lambda: north.sis.check("catalogue")[0], "north has a catalogue")
            served = await _served(north, list(before))
            assert all(served[iia_id] >= people for iia_id, people in before.items()), (served, before)
    burst.end()

    def copies() -> dict[str, int]:
        items = south.sis.copies("south.example", "north.example")
        return {c["id"]: _people(c["document"]) for c in items if c["id"].startswith(f"{victim}-")}

    until(lambda: copies() == burst.wanted, "south has the newest copy of every agreement")
    inbox = south.inbox("south.example", "north.example")

    def delivered() -> dict[str, int]:
        files = inbox.glob(f"{victim}-*.json")
        return {file.stem: _people(json.loads(file.read_text(encoding="utf-8"))) for file in files}

    until(lambda: delivered() == burst.wanted, "south's system has the newest copy of every agreement")
    assert sorted(file.name for file in inbox.glob(f"*{victim}-*")) == sorted(
        f"{iia_id}{suffix}" for iia_id in burst.wanted for suffix in (".json", ".xml")
    )
    assert {iia_id for iia_id in north.sis.records("north.example") if iia_id.startswith(f"{victim}-")} == set(
        burst.wanted
    )
    listed = [copy["id"] for copy in south.sis.copies("south.example", "north.example")]
    assert len(listed) == len(set(listed))

    def settled() -> bool:
        rows = {
            **{f"delivery {item}": row for item, row in north.sis.work("north.example", "delivery").items()},
            **{f"refresh {item}": row for item, row in south.sis.work("south.example", "refresh").items()},
        }
        mine = [row for item, row in rows.items() if item.partition(" ")[2].startswith(f"{victim}-")]
        assert len(mine) == 2 * AGREEMENTS
        return all(row["state"] == "done" and row["wanted"] == row["done"] for row in mine)

    until(settled, "no work is left, and nothing was given up")
