"""Two replicas of a gateway on one PostgreSQL: they share what must be known to both, and the work."""

from __future__ import annotations

import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import asyncpg
import pytest
from support.authority import key_of
from support.callers import calling
from support.closed_network import ClosedNetwork, Gateway, closed_network
from support.databases import postgres_database
from support.documents import iia
from support.processes import until
from support.threads import in_thread


@pytest.fixture(scope="module")
def own_network(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNetwork]:
    """The replicas are called first and second; the network knows the first one's address as north.example's."""
    with (
        postgres_database(postgres_server) as url,
        closed_network(tmp_path_factory.mktemp("replicas")) as found,
    ):
        first = found.gateway("first", "north.example", store_url=url, adapter=False)
        found.gateway("second", "north.example", store_url=url, adapter=False, public_base=first.public_base)
        found.gateway("south", "south.example")
        found.start()
        yield found


@pytest.fixture
def first(own_network: ClosedNetwork) -> Gateway:
    return own_network["first"]


@pytest.fixture
def second(own_network: ClosedNetwork) -> Iterator[Gateway]:
    replica = own_network["second"]
    if not replica.process.running:
        replica.start()
    yield replica
    own_network["south"].process.signal(signal.SIGCONT)


def _at(replica: Gateway, path: str) -> str:
    """Where a proxy would send a request for this path to this replica."""
    return f"https://localhost:{replica.port}/north.example{path}"


def _deliveries(replica: Gateway) -> Counter[str]:
    """The notifications that this replica has finished, by item, from its log."""
    done = replica.process.events("work.done")
    return Counter(event["item"] for event in done if event["kind"] == "delivery")


def _notifications(gateway: Gateway) -> Counter[str]:
    """How often a gateway was notified of each id, read from the database itself."""
    with closing(sqlite3.connect(gateway.store_url.removeprefix("sqlite:///"))) as database:
        query = "SELECT request_body FROM exchange WHERE direction = 'in' AND api = 'iia-cnr'"
        return Counter(row[0].decode().removeprefix("iia_id=") for row in database.execute(query))


async def test_a_notification_replayed_at_the_other_replica_is_refused(first: Gateway, second: Gateway) -> None:
    async with calling(key_of("south.example"), key_of("north.example").public) as caller:
        draft = caller.draft(first.url("/iia-cnr/v3"), [("iia_id", "replayed")])
        assert (await caller.send(draft)).status == 200
        replayed = await caller.send(draft.but(url=_at(second, "/iia-cnr/v3")))
        assert replayed.status == 400
        assert draft.request_id in replayed.developer_message
        fresh = caller.draft(first.url("/iia-cnr/v3"), [("iia_id", "replayed")])
        assert (await caller.send(fresh.but(url=_at(second, "/iia-cnr/v3")))).status == 200


async def test_what_one_replica_takes_the_other_serves(first: Gateway, second: Gateway) -> None:
    assert second.sis.put("north.example", "iias", "common", iia("common", people=8)).status == 201
    async with calling(key_of("south.example"), key_of("north.example").public) as caller:
        draft = caller.draft(first.url("/iias/v7/get"), [("iia_id", "common")])
        for replica in (first, second):
            reply = await caller.send(draft.but(url=_at(replica, "/iias/v7/get")))
            assert reply.status == 200
            assert reply.texts("mobilities-per-year") == ["8", "8", "1"]
            draft = caller.draft(first.url("/iias/v7/get"), [("iia_id", "common")])


def test_both_replicas_work_and_each_notification_is_sent_once(
    own_network: ClosedNetwork, first: Gateway, second: Gateway
) -> None:
    south = own_network["south"]
    ids = [f"shared-{number}" for number in range(40)]
    for number, item in enumerate(ids):
        replica = (first, second)[number % 2]
        assert replica.sis.put("north.example", "iias", item, iia(item)).status == 201

    def arrived() -> bool:
        return set(ids) <= {copy["id"] for copy in south.sis.copies("south.example", "north.example")}

    until(arrived, "south has every copy")
    until(lambda: set(ids) <= (_deliveries(first) + _deliveries(second)).keys(), "every notification is in a log")
    until(lambda: set(ids) <= _notifications(south).keys(), "south has logged every notification")
    assert {item: _notifications(south)[item] for item in ids} == dict.fromkeys(ids, 1)
    assert {item: (_deliveries(first) + _deliveries(second))[item] for item in ids} == dict.fromkeys(ids, 1)
    assert _deliveries(first).keys() & set(ids), "the first replica did nothing"
    assert _deliveries(second).keys() & set(ids), "the second replica did nothing"


def test_a_dead_replicas_work_moves_to_the_other(own_network: ClosedNetwork, first: Gateway, second: Gateway) -> None:
    south = own_network["south"]
    south.process.signal(signal.SIGSTOP)
    ids = [f"orphan-{number}" for number in range(10)]
    for item in ids:
        assert second.sis.put("north.example", "iias", item, iia(item)).status == 201
    mine = f"/{second.process.pid}/"
    until(lambda: any(mine in owner for owner in _owners(first)), "the second replica holds some of the work")
    second.process.kill()
    south.process.signal(signal.SIGCONT)

    def all_done() -> bool:
        rows = first.sis.work("north.example", "delivery")
        return all(rows[item]["state"] == "done" for item in ids)

    until(all_done, "the first replica has sent every notification")
    assert not set(ids) - set(_deliveries(first))
    until(
        lambda: set(ids) <= {copy["id"] for copy in south.sis.copies("south.example", "north.example")},
        "south has every copy",
    )
    assert not any(mine in owner for owner in _owners(first))


def _owners(replica: Gateway) -> list[str]:
    """Who holds work, read from the database itself: HOST/PROCESS/NUMBER."""

    async def read() -> list[str]:
        connection = await asyncpg.connect(replica.store_url)
        try:
            rows = await connection.fetch("SELECT lease_owner FROM work WHERE lease_owner IS NOT NULL")
            return [row["lease_owner"] for row in rows]
        finally:
            await connection.close()

    return in_thread(read())
