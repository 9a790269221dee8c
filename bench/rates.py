"""How many signed requests a gateway answers on one core, compared with what RSA alone would allow there.

Every request is signed, so is every answer, connections stay open, and what a turn costs is known when the last of its
exchanges is in the evidence log. Machines are shared, and their speed changes several times a second. So what counts is
the core's time that the server needs for a request (all that it has of it, its database thread and the kernel
included); gateways and RSA alone get the core in many short turns, one after the other; and since what others do can
only ever slow a turn down, the lower quartile of the turns is compared. Rates by the clock are told beside.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from statistics import quantiles
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
_TURN_REQUESTS = 300
_RSA_SECONDS = 0.15
_COUNT = select(func.count()).select_from(exchange)
ENDPOINTS = {
    "echo": ("/echo/v2", (("echo", "one"), ("echo", "two"))),
    "iias get": ("/iias/v7/get", (("iia_id", agreements.iia_id(0)),)),
}


@dataclass(slots=True)
class Costs:
    """What single requests of one kind cost, turn by turn, in seconds: of the core's time, and by the clock.

    ``idle`` holds the seconds of each turn in which the server neither ran nor waited for others to leave its core.
    """

    core: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Subject:
    """A gateway under test. ``suffix`` tells it from the plain one; ``store`` is opened here to look at its evidence.

    ``open`` is the turn whose evidence may still be unwritten: where to add what it cost, the core's time before it,
    and how many exchanges there will be in the log.
    """

    suffix: str
    running: Running
    store: Store
    client: Client
    endpoints: Collection[str]
    open: tuple[Costs, float, int] | None = None

    async def turn(self, endpoint: str, key: PrivateKey, costs: Costs) -> None:
        """Sends some requests. What they cost of the core's time is known after ``settle``."""
        pid = self.running.pid
        load = sign(self.running.gateway, *ENDPOINTS[endpoint], key, _TURN_REQUESTS)
        written = await _written(self.store)
        core, waited = cpu_seconds(pid), waited_seconds(pid)
        clock = await self.client.drive(load)
        self.open = costs, core, written + len(load)
        costs.clock.append(clock / len(load))
        costs.idle.append(max(0.0, clock - (cpu_seconds(pid) - core) - (waited_seconds(pid) - waited)))

    async def settle(self) -> None:
        """Waits for the evidence of the last turn."""
        if self.open is not None:
            costs, core, expected = self.open
            await until(partial(_has_written, self.store, expected), "every exchange is in the evidence log")
            costs.core.append((cpu_seconds(self.running.pid) - core) / _TURN_REQUESTS)
            self.open = None


async def measure(quick: bool) -> list[Figure]:
    """All rates, and what they are compared with."""
    rounds = 4 if quick else 10
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(site(partners=5))
        subjects = [subject async for subject in _subjects(stack, net)]
        stack.enter_context(pinned(cores().others))
        await _take(subjects, net.partner_key, 2)  # warms up
        rsa, costs = await _take(subjects, net.partner_key, rounds)
    return list(_figures(_typical(rsa), costs))


async def _take(subjects: Sequence[Subject], key: PrivateKey, rounds: int) -> tuple[list[float], dict[str, Costs]]:
    """What RSA alone costs, and what the requests cost, by kind."""
    rsa: list[float] = []
    costs: dict[str, Costs] = defaultdict(Costs)
    for _ in range(rounds):
        for endpoint in ENDPOINTS:
            for subject in subjects:
                if endpoint in subject.endpoints:
                    rsa.append(1 / bare_rsa(key, cores().server, _RSA_SECONDS))
                    await subject.settle()
                    await subject.turn(endpoint, key, costs[endpoint + subject.suffix])
    for subject in subjects:
        await subject.settle()
    return rsa, costs


async def _subjects(stack: AsyncExitStack, net: Site) -> AsyncIterator[Subject]:
    gateways: list[tuple[str, Gateway, int, Collection[str]]] = [
        ("", net.gateway("small", tls=False), 1, ENDPOINTS),
        (_WITH_MANY, net.gateway("large", tls=False), MANY, ENDPOINTS),
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


async def _written(store: Store) -> int:
    return int((await fetch(store, _COUNT))[0][0])


async def _has_written(store: Store, expected: int) -> bool:
    return await _written(store) == expected


def _typical(costs: Sequence[float]) -> float:
    """The lower quartile."""
    return quantiles(costs, n=4)[0]


def _figures(rsa: float, costs: Mapping[str, Costs]) -> Iterator[Figure]:
    core = {name: _typical(found.core) for name, found in costs.items()}
    yield Figure("RSA-2048 alone: a verification and a signature", 1 / rsa, "a second")
    for name, found in costs.items():
        yield Figure(name, 1 / core[name], "requests a second of the core's time")
        yield Figure(f"{name}, by the clock", 1 / _typical(found.clock), "requests a second")
    idle = sum(costs["echo"].idle) / (sum(costs["echo"].clock) * _TURN_REQUESTS)
    yield Figure("echo: the server is idle under load", idle, "of the time")
    yield Figure("echo, of what RSA alone allows", rsa / core["echo"], "", at_least=_LEAST_OF_RSA)
    yield Figure("echo over TLS, of what RSA alone allows", rsa / core["echo over TLS"], "")
    yield Figure("iias get, of echo", core["echo"] / core["iias get"], "", at_least=_LEAST_OF_ECHO)
    if (on_postgresql := core.get("iias get on PostgreSQL")) is not None:
        yield Figure("iias get on PostgreSQL, of echo", core["echo"] / on_postgresql, "")
    for name in ENDPOINTS:
        changed = core[name] / core[name + _WITH_MANY]
        yield Figure(f"{name}{_WITH_MANY}, of that with one", changed, "", at_least=_LEAST_WITH_MANY)
