"""SIGTERM ends a gateway in order: what is in flight is finished, nothing new is taken, nothing stays claimed."""

from __future__ import annotations

import signal
import socket
import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPException, HTTPResponse

import pytest
from support.authority import client_tls, key_of
from support.callers import Draft, calling
from support.closed_network import ClosedNetwork, Gateway, closed_network, listens
from support.documents import iia
from support.processes import until
from support.sis import Sis


@pytest.fixture(scope="module")
def own_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNetwork]:
    with closed_network(tmp_path_factory.mktemp("draining")) as found:
        found.gateway("north", "north.example", adapter=False)
        found.gateway("south", "south.example", adapter=False)
        found.start()
        yield found


@pytest.fixture
def north(own_network: ClosedNetwork) -> Iterator[Gateway]:
    """The gateway that these tests end; it runs again for the next one."""
    if not own_network["north"].process.running:
        own_network["north"].start()
    own_network.wait_until_joined()
    yield own_network["north"]
    own_network["south"].process.signal(signal.SIGCONT)
    own_network["north"].process.put_away()


def _claims(gateway: Gateway) -> list[str]:
    """The items of work that somebody holds, read from the database itself."""
    with closing(sqlite3.connect(gateway.store_url.removeprefix("sqlite:///"))) as database:
        return [row[0] for row in database.execute("SELECT item FROM work WHERE lease_owner IS NOT NULL")]


def _begin(gateway: Gateway, draft: Draft, sent: int) -> ssl.SSLSocket:
    """A connection on which the request's headers and the first bytes of its body have been sent."""
    plain = socket.create_connection(("localhost", gateway.port), timeout=20)
    connection = client_tls().wrap_socket(plain, server_hostname="localhost")
    headers = {**draft.headers, "Content-Length": str(len(draft.body))}
    lines = [f"POST {draft.url.removeprefix(gateway.public_base)} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + draft.body[:sent])
    return connection


def _is_draining(sis: Sis) -> bool:
    """Whether the gateway says that it drains, or has already stopped to say anything."""
    try:
        reply = sis.ready()
    except (OSError, HTTPException):
        return True
    return reply.status == 503 and {"name": "serving", "ok": False, "detail": "draining"} in reply.json["checks"]


async def test_a_request_in_flight_is_answered_while_new_connections_are_refused(north: Gateway) -> None:
    async with calling(key_of("south.example"), key_of("north.example").public) as caller:
        draft = caller.draft(north.url("/iia-cnr/v3"), [("iia_id", "drained")])
        with closing(_begin(north, draft, sent=5)) as connection:
            # One thread serves all connections in turn: when this later request is answered, the other has begun.
            assert (await caller.post(north.url("/echo/v2"), ("echo", "hello"))).status == 200
            north.process.signal(signal.SIGTERM)
            until(lambda: not listens(north.port), "new connections are refused")
            assert north.process.running
            assert _is_draining(north.sis)
            connection.sendall(draft.body[5:])
            response = HTTPResponse(connection)
            response.begin()
            body = response.read()
    assert (response.status, b"iia-cnr-response" in body) == (200, True)
    assert response.getheader("Signature")
    assert north.process.wait() == 0
    assert _claims(north) == []
    assert north.process.events()[-1]["event"] == "gateway.stopped"


def test_work_in_flight_is_finished_and_no_claim_is_left(north: Gateway, own_network: ClosedNetwork) -> None:
    south = own_network["south"]
    south.process.signal(signal.SIGSTOP)
    assert north.sis.put("north.example", "iias", "in-flight", iia("in-flight")).status == 201
    until(lambda: "in-flight" in _claims(north), "the notification is under way")
    north.process.signal(signal.SIGTERM)
    until(lambda: _is_draining(north.sis), "north drains")
    assert north.process.running
    south.process.signal(signal.SIGCONT)
    assert north.process.wait() == 0
    assert _claims(north) == []
    with closing(sqlite3.connect(north.store_url.removeprefix("sqlite:///"))) as database:
        rows = database.execute("SELECT state, last_status FROM work WHERE item = 'in-flight'").fetchall()
    assert rows == [("done", 200)]
    assert north.process.events()[-1]["event"] == "gateway.stopped"


def test_work_taken_before_the_end_goes_on_after_the_next_start(north: Gateway, own_network: ClosedNetwork) -> None:
    south = own_network["south"]
    for number in range(20):
        assert north.sis.put("north.example", "iias", f"later-{number}", iia(f"later-{number}")).status == 201
    assert north.process.terminate() == 0
    assert _claims(north) == []
    north.start()
    ids = {f"later-{number}" for number in range(20)}

    def arrived() -> bool:
        return ids <= {copy["id"] for copy in south.sis.copies("south.example", "north.example")}

    until(arrived, "south has every copy")


def test_a_client_that_waits_for_changes_does_not_hold_up_the_end(north: Gateway) -> None:
    with closing(socket.create_connection(("127.0.0.1", north.sis_port), timeout=20)) as connection:
        path = "/api/v1/heis/north.example/changes?wait=60&after=0&limit=1000"
        last = north.sis.get(path.replace("wait=60", "wait=0"))["cursor"]
        request = f"GET {path.replace('after=0', f'after={last}')} HTTP/1.1\r\nHost: x\r\n"
        connection.sendall(f"{request}Authorization: Bearer {north.sis.token}\r\n\r\n".encode())
        assert north.sis.live()  # served after the one that waits
        assert north.process.terminate(seconds=30) == 0
        response = HTTPResponse(connection)
        response.begin()
        assert response.status == 200
        response.read()
    assert north.process.events()[-1]["event"] == "gateway.stopped"
