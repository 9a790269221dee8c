"""How many signed requests a gateway answers on one core, compared with what RSA alone would allow there.

Every request is signed, so is every answer, connections stay open, and a block of requests is over when the last of its
exchanges is in the evidence log. What counts is the core's time that the server needs for a request: all that it has of
it, its database thread and the kernel included. Machines are shared, and their speed changes several times a second: so
in a block the gateways get the core in turns of some hundredths of a second, with RSA alone before and after each; what
a block took is told as a share of what RSA alone allowed in it; and the median of the blocks counts. Rates by the clock
are told beside.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from statistics import mean, median
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bench import agreements, learning_agreements, postgresql
from bench.figures import Figure
from bench.load import Client, sign
from bench.machine import bare_rsa, cores, cpu_seconds, pinned, waited_seconds
from bench.site import Gateway, Running, Site, opened, site
from ewpgw.demo.network import until
from ewpgw.store.engine import fetch
from ewpgw.store.tables import exchange

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ewpgw.security.keys import PrivateKey
    from ewpgw.store.engine import Store

MANY = 10_000
_LEAST_OF_RSA = 0.55
_LEAST_OF_ECHO = 0.8
_LEAST_WITH_MANY = 0.9
_MOST_ECHOES = 1.5
_WITH_MANY = f" with {MANY:,} agreements"
_TURN_REQUESTS = 50
_RSA_SECONDS = 0.03
_COUNT = select(func.count()).select_from(exchange)
ENDPOINTS = {
    "echo": ("/echo/v2", (("echo", "one"), ("echo", "two"))),
    "iias get": ("/iias/v7/get", (("iia_id", agreements.iia_id(0)),)),
    "omobility-las get": (
        "/omobility-las/v1/get",
        (("sending_hei_id", "small.example"), ("omobility_id", learning_agreements.OMOBILITY_ID)),
    ),
}
_WITH_MANY_TOO = ("echo", "iias get")


@dataclass(frozen=True, slots=True)
class Subject:
    """A gateway under test. ``suffix`` tells it from the plain one; ``store`` is its database, opened to look at it."""

    suffix: str
    running: Running
    store: Store
    client: Client
    endpoints: Collection[str]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one kind of requests took in one block, in seconds: of the core's time and by the clock for one request.

    ``rsa`` is the core's time for one verification and one signature meanwhile; ``idle`` is the share of the clock's
    time in which the server neither ran nor waited for others to leave its core.
    """

    core: float
    clock: float
    rsa: float
    idle: float


async def measure(quick: bool) -> list[Figure]:
    """All rates, and what they are compared with."""
    blocks, turns = (3, 3) if quick else (6, 6)
    taken: dict[str, list[Taken]] = defaultdict(list)
    core = cores().server
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(site(partners=5))
        subjects = await _subjects(stack, net, core)
        stack.enter_context(pinned(cores().others))
        for endpoint in ENDPOINTS:
            await _block(endpoint, subjects, net.partner_key, core, turns=1)  # warms up
        for _ in range(blocks):
            for endpoint in ENDPOINTS:
                for name, one in (await _block(endpoint, subjects, net.partner_key, core, turns)).items():
                    taken[name].append(one)
    return list(_figures(taken))


async def _block(endpoint: str, every: Sequence[Subject], key: PrivateKey, core: int, turns: int) -> dict[str, Taken]:
    """One block of turns at one endpoint: what its requests took, by kind."""
    subjects = [subject for subject in every if endpoint in subject.endpoints]
    many = turns * _TURN_REQUESTS
    loads = [sign(subject.running.gateway, *ENDPOINTS[endpoint], key, many) for subject in subjects]
    written = [await _written(subject.store) for subject in subjects]
    before = [cpu_seconds(subject.running.pid) for subject in subjects]
    clock, occupied = [0.0] * len(subjects), [0.0] * len(subjects)
    rsa = [1 / bare_rsa(key, core, _RSA_SECONDS)]
    for start in range(0, many, _TURN_REQUESTS):
        for number, subject in enumerate(subjects):
            began = _occupied(subject.running.pid)
            clock[number] += await subject.client.drive(loads[number][start : start + _TURN_REQUESTS])
            occupied[number] += _occupied(subject.running.pid) - began
            rsa.append(1 / bare_rsa(key, core, _RSA_SECONDS))
    taken = {}
    for number, subject in enumerate(subjects):
        await until(partial(_has_written, subject.store, written[number] + many), "the evidence is written")
        spent = (cpu_seconds(subject.running.pid) - before[number]) / many
        idle = max(0.0, 1 - occupied[number] / clock[number])
        taken[endpoint + subject.suffix] = Taken(spent, clock[number] / many, mean(rsa), idle)
    return taken


async def _subjects(stack: AsyncExitStack, net: Site, core: int) -> list[Subject]:
    gateways: list[tuple[str, Gateway, int, Collection[str]]] = [
        ("", net.gateway("small", tls=False), 1, ENDPOINTS),
        (_WITH_MANY, net.gateway("large", tls=False), MANY, _WITH_MANY_TOO),
        (" over TLS", net.gateway("tls", tls=True), 1, ("echo",)),
    ]
    if (url := stack.enter_context(postgresql.cluster())) is not None:
        gateways.append((" on PostgreSQL", net.gateway("postgresql", tls=False, store_url=url), 1, ("iias get",)))
    stores = []
    for _, gateway, held, _ in gateways:
        store = await stack.enter_async_context(opened(gateway))
        await learning_agreements.fill(store, gateway.hei_id, net.partners[0])
        await agreements.fill(store, gateway, net.partners, held)
        stores.append(store)
    running = await asyncio.gather(*(net.run(gateway, core=core) for _, gateway, _, _ in gateways))
    return [
        Subject(suffix, one, store, await stack.enter_async_context(Client(gateway)), endpoints)
        for (suffix, gateway, _, endpoints), store, one in zip(gateways, stores, running, strict=True)
    ]


def _occupied(pid: int) -> float:
    """For how long a process ran, or waited to."""
    return cpu_seconds(pid) + waited_seconds(pid)


async def _written(store: Store) -> int:
    return int((await fetch(store, _COUNT))[0][0])


async def _has_written(store: Store, expected: int) -> bool:
    return await _written(store) == expected


def _figures(taken: Mapping[str, Sequence[Taken]]) -> Iterator[Figure]:
    of_rsa = {name: median(one.rsa / one.core for one in found) for name, found in taken.items()}
    rsa = median(one.rsa for found in taken.values() for one in found)
    yield Figure("RSA-2048 alone: a verification and a signature", 1 / rsa, "a second of the core's time")
    for name, found in taken.items():
        yield Figure(name, 1 / median(one.core for one in found), "requests a second of the core's time")
        yield Figure(f"{name}, by the clock", 1 / median(one.clock for one in found), "requests a second")
    yield Figure("echo: the server is idle under load", median(one.idle for one in taken["echo"]), "of the time")
    yield Figure("echo, of what RSA alone allows", of_rsa["echo"], "", at_least=_LEAST_OF_RSA)
    yield Figure("echo over TLS, of what RSA alone allows", of_rsa["echo over TLS"], "")
    yield Figure("iias get, of echo", of_rsa["iias get"] / of_rsa["echo"], "", at_least=_LEAST_OF_ECHO)
    if (on_postgresql := of_rsa.get("iias get on PostgreSQL")) is not None:
        yield Figure("iias get on PostgreSQL, of echo", on_postgresql / of_rsa["echo"], "")
    echoes = of_rsa["echo"] / of_rsa["omobility-las get"]
    components = learning_agreements.COMPONENTS
    yield Figure(f"omobility-las get of {components} components", echoes, "echoes", at_most=_MOST_ECHOES)
    for name in _WITH_MANY_TOO:
        changed = of_rsa[name + _WITH_MANY] / of_rsa[name]
        yield Figure(f"{name}{_WITH_MANY}, of that with one", changed, "", at_least=_LEAST_WITH_MANY)
