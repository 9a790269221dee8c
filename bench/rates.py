"""How many signed requests a gateway answers on one core, compared with what RSA alone would allow there.

Every request is signed, so is every answer, connections stay open, and each exchange ends up in the evidence log: a
block counts as over when its last exchange is written. Machines are shared, and their speed changes several times a
second. So what counts is the core's time that the server needs for a request (all that it has of it, its database
thread and the kernel included); gateways and RSA alone get the core in turns of a few hundredths of a second, so that
all meet the same conditions; and of several blocks of such turns the median counts. Rates by the clock are told beside.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from statistics import mean, median
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bench import agreements, postgresql
from bench.figures import Figure
from bench.load import Client, sign
from bench.machine import bare_rsa, cores, cpu_seconds, pinned, waited_seconds
from bench.site import Gateway, Running, Site, opened, site
from ewpgw.demo.network import until
from ewpgw.store.engine import fetch
from ewpgw.store.tables import exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence

    from ewpgw.security.keys import PrivateKey
    from ewpgw.store.engine import Store

MANY = 10_000
_LEAST_OF_RSA = 0.55
_LEAST_OF_ECHO = 0.8
_LEAST_WITH_MANY = 0.9
_BARE_SECONDS = 0.2
_WITH_MANY = f" with {MANY:,} agreements"
_TURN_REQUESTS = 40
_TURN_SECONDS = 0.03
_COUNT = select(func.count()).select_from(exchange)
_ENDPOINTS = {
    "echo": ("/echo/v2", (("echo", "one"), ("echo", "two"))),
    "iias get": ("/iias/v7/get", (("iia_id", agreements.iia_id(0)),)),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A gateway under test; ``suffix`` tells it from the plain one, ``store`` is opened here to look at its evidence."""

    suffix: str
    running: Running
    store: Store
    client: Client
    endpoints: Collection[str]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one kind of requests to one gateway came to in one block.

    ``rate`` counts requests a second of the core's time, ``of_rsa`` is its share of what RSA alone allows, ``by_clock``
    counts requests a second of the clock; ``idle`` is the share of the clock's time in which the server neither ran nor
    waited for other processes to leave its core.
    """

    rate: float
    of_rsa: float
    by_clock: float
    idle: float


async def measure(quick: bool) -> list[Figure]:
    """All rates, and what they are compared with."""
    blocks, turns = (3, 4) if quick else (7, 8)
    bare: list[float] = []
    taken: dict[str, list[Taken]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(site(partners=5))
        subjects = [subject async for subject in _subjects(stack, net)]
        stack.enter_context(pinned(cores().others))
        for endpoint in _ENDPOINTS:
            await _block(endpoint, subjects, net.partner_key, turns=4)  # warms up
        for _ in range(blocks):
            for endpoint in _ENDPOINTS:
                rate, found = await _block(endpoint, subjects, net.partner_key, turns)
                bare.append(rate)
                for suffix, one in found.items():
                    taken[endpoint + suffix].append(one)
    return list(_figures(median(bare), taken))


async def _block(
    endpoint: str, every: Sequence[Subject], key: PrivateKey, turns: int
) -> tuple[float, dict[str, Taken]]:
    """One block of turns at one endpoint: the rate of RSA alone, and what the requests took, by gateway."""
    subjects = [subject for subject in every if endpoint in subject.endpoints]
    many = turns * _TURN_REQUESTS
    loads = [sign(subject.running.gateway, *_ENDPOINTS[endpoint], key, many) for subject in subjects]
    written = [await _written(subject.store) for subject in subjects]
    before = [cpu_seconds(subject.running.pid) for subject in subjects]
    clock, busy = [0.0] * len(subjects), [0.0] * len(subjects)
    bare: list[float] = []
    for start in range(0, many, _TURN_REQUESTS):
        for number, subject in enumerate(subjects):
            bare.append(1 / bare_rsa(key, cores().server, _TURN_SECONDS))
            began = _occupied(subject.running.pid)
            clock[number] += await subject.client.drive(loads[number][start : start + _TURN_REQUESTS])
            busy[number] += _occupied(subject.running.pid) - began
    rsa = 1 / mean(bare)
    taken = {}
    for number, subject in enumerate(subjects):
        await until(partial(_has_written, subject.store, written[number] + many), "the evidence is written")
        rate = many / (cpu_seconds(subject.running.pid) - before[number])
        idle = max(0.0, 1 - busy[number] / clock[number])
        taken[subject.suffix] = Taken(rate, rate / rsa, many / clock[number], idle)
    return rsa, taken


async def _subjects(stack: AsyncExitStack, net: Site) -> AsyncIterator[Subject]:
    gateways: list[tuple[str, Gateway, int, Collection[str]]] = [
        ("", net.gateway("small", tls=False), 1, _ENDPOINTS),
        (_WITH_MANY, net.gateway("large", tls=False), MANY, _ENDPOINTS),
        (" over TLS", net.gateway("tls", tls=True), 1, ("echo",)),
    ]
    if (url := stack.enter_context(postgresql.cluster())) is not None:
        gateways.append((" on PostgreSQL", net.gateway("postgresql", tls=False, store_url=url), 1, ("iias get",)))
    for suffix, gateway, held, endpoints in gateways:
        store = await stack.enter_async_context(opened(gateway))
        await agreements.fill(store, gateway, net.partners, held)
        running = await net.run(gateway, core=cores().server)
        client = await stack.enter_async_context(Client(gateway))
        yield Subject(suffix, running, store, client, endpoints)


def _occupied(pid: int) -> float:
    return cpu_seconds(pid) + waited_seconds(pid)


async def _written(store: Store) -> int:
    return int((await fetch(store, _COUNT))[0][0])


async def _has_written(store: Store, expected: int) -> bool:
    return await _written(store) == expected


def _figures(bare: float, taken: Mapping[str, Sequence[Taken]]) -> Iterator[Figure]:
    of_rsa = {name: median(one.of_rsa for one in found) for name, found in taken.items()}
    yield Figure("RSA-2048 alone: a verification and a signature", bare, "a second")
    for name, found in taken.items():
        yield Figure(name, median(one.rate for one in found), "requests a second of the core's time")
        yield Figure(f"{name}, by the clock", median(one.by_clock for one in found), "requests a second")
    yield Figure("echo: the server is idle under load", median(one.idle for one in taken["echo"]), "of the time")
    yield Figure("echo, of what RSA alone allows", of_rsa["echo"], "", at_least=_LEAST_OF_RSA)
    yield Figure("echo over TLS, of what RSA alone allows", of_rsa["echo over TLS"], "")
    yield Figure("iias get, of echo", of_rsa["iias get"] / of_rsa["echo"], "", at_least=_LEAST_OF_ECHO)
    if (on_postgresql := of_rsa.get("iias get on PostgreSQL")) is not None:
        yield Figure("iias get on PostgreSQL, of echo", on_postgresql / of_rsa["echo"], "")
    for name in _ENDPOINTS:
        changed = of_rsa[name + _WITH_MANY] / of_rsa[name]
        yield Figure(f"{name}{_WITH_MANY}, of that with one", changed, "", at_least=_LEAST_WITH_MANY)
