"""The load generator: requests are signed beforehand and sent over connections that stay open, one after the other."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Self, cast
from urllib.parse import urlencode
from uuid import uuid4

from ewpgw.security import requests, responses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.site import Gateway
    from ewpgw.security.keys import PrivateKey

CONNECTIONS = 8
_FORM = "application/x-www-form-urlencoded"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_VERIFIED_EVERY = 25


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it goes over the wire, and what its answer has to repeat."""

    wire: bytes
    request_id: str
    signature: str


def sign(
    gateway: Gateway, path: str, parameters: Sequence[tuple[str, str]], key: PrivateKey, many: int
) -> list[Signed]:
    """``many`` signed POSTs to an endpoint of the gateway."""
    body = urlencode(parameters).encode()
    target = gateway.base_path + path
    made = []
    for _ in range(many):
        signed = requests.sign_request(
            "POST",
            f"https://{gateway.host}{target}",
            {"Content-Type": _FORM, "Accept": "application/xml, text/xml", "Accept-Encoding": "identity"},
            body,
            key=key,
            now=datetime.now(UTC),
            request_id=str(uuid4()),
        )
        lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in signed.headers.items())]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        made.append(Signed(head.encode() + body, signed.request_id, signed.signature))
    return made


class Client:
    """Connections to one gateway that stay open. ``async with`` opens and closes them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._connections: list[_Connection] = []

    async def __aenter__(self) -> Self:
        gateway, loop = self._gateway, asyncio.get_running_loop()
        name = "localhost" if gateway.tls else None
        for _ in range(CONNECTIONS):
            _, connection = await loop.create_connection(
                _Connection, "127.0.0.1", gateway.port, ssl=gateway.tls, server_hostname=name
            )
            self._connections.append(connection)
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.close()

    async def drive(self, load: Sequence[Signed]) -> float:
        """Sends everything and returns the seconds that took.

        Raises AssertionError where an answer is not 200, or the signature of one looked at more closely does not hold.
        """
        run = _Run(load)
        started = time.perf_counter()
        for connection in self._connections:
            connection.work_on(run)
        async with asyncio.timeout(60):
            await run.done
        taken = time.perf_counter() - started
        for number in range(0, len(load), _VERIFIED_EVERY):
            _verify(self._gateway, load[number], run.answers[number])
        return taken


class _Run:
    """What the connections of one run share."""

    def __init__(self, load: Sequence[Signed]) -> None:
        self.load = load
        self.numbers = count()
        self.answers: list[bytes] = [b""] * len(load)
        self.open = len(load)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(AssertionError(reason))

    def answered(self, number: int, answer: bytes) -> None:
        if not answer.startswith(b"HTTP/1.1 200 "):
            self.fail(f"an answer was not 200: {answer[:2000]!r}")
        self.answers[number] = answer
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(None)


class _Connection(asyncio.Protocol):
    """One connection with one request under way."""

    def __init__(self) -> None:
        self._run: _Run | None = None
        self._number = 0
        self._data = b""
        self._whole = 0
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._run is not None:
            self._run.fail(f"the server closed a connection: {exc}")

    def close(self) -> None:
        """Ends the connection."""
        assert self._transport is not None
        self._transport.close()

    def work_on(self, run: _Run) -> None:
        """Sends what is left of the run, one request after the other."""
        self._run, self._number = run, next(run.numbers)
        if self._number < len(run.load):
            assert self._transport is not None
            self._transport.write(run.load[self._number].wire)
        else:
            self._run = None

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._whole:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._data, 0, end + 2)
            assert length is not None, "an answer without a length"
            self._whole = end + 4 + int(length[1])
        if len(self._data) >= self._whole:
            assert self._run is not None, "an answer without a request"
            self._run.answered(self._number, self._data)
            self._data, self._whole = b"", 0
            self.work_on(self._run)


def _verify(gateway: Gateway, sent: Signed, answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    fields = [line.partition(": ") for line in head.decode("latin-1").split("\r\n")[1:]]
    responses.verify_response(
        [(name, value) for name, _, value in fields],
        body,
        server_keys={gateway.key.public.fingerprint: gateway.key.public},
        request_id=sent.request_id,
        request_signature=sent.signature,
        now=datetime.now(UTC),
    )
