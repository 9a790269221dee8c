"""How many signed requests a gateway answers on one core, compared with what RSA alone would allow there.

Every request is signed, so is every answer, connections stay open, and what a turn costs is known when the last of its
exchanges is in the evidence log. What counts is the core's time that the server needs for a request: all that it has of
it, its database thread and the kernel included. RSA alone is measured on that core at the same moments, as
``bench.reference`` explains; gateways and kinds of requests take turns, each turn is told as a share of what RSA alone
allowed meanwhile, and the median of the turns counts. Rates by the clock, without RSA beside, are told as well.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bench import agreements, postgresql
from bench.figures import Figure
from bench.load import Client, sign
from bench.machine import cores, cpu_seconds, pinned
from bench.reference import Reference, reference
from bench.site import Gateway, Running, Site, opened, site
from ewpgw.demo.network import until
from ewpgw.store.engine import fetch
from ewpgw.store.tables import exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator, Mapping

    from ewpgw.security.keys import PrivateKey
    from ewpgw.store.engine import Store

MANY = 10_000
_LEAST_OF_RSA = 0.55
_LEAST_OF_ECHO = 0.8
_LEAST_WITH_MANY = 0.9
_BARE_SECONDS = 0.2
_WITH_MANY = f" with {MANY:,} agreements"
_REQUESTS = 250
_COUNT = select(func.count()).select_from(exchange)
ENDPOINTS = {
    "echo": ("/echo/v2", (("echo", "one"), ("echo", "two"))),
    "iias get": ("/iias/v7/get", (("iia_id", agreements.iia_id(0)),)),
}


@dataclass(slots=True)
class Turns:
    """What the requests of one kind came to, turn by turn.

    ``core`` is the core's time for one request and ``rsa`` that for a verification and a signature, in seconds;
    ``by_clock`` the requests a second of the clock when nothing else was measured.
    """

    core: list[float] = field(default_factory=list)
    rsa: list[float] = field(default_factory=list)
    by_clock: float = 0.0

    @property
    def of_rsa(self) -> float:
        """The rate as a share of what RSA alone allows."""
        return median(rsa / core for rsa, core in zip(self.rsa, self.core, strict=True))


@dataclass(slots=True)
class Subject:
    """A gateway under test. ``suffix`` tells it from the plain one; ``store`` is opened here to look at its evidence.

    ``unsettled`` is the last turn while its evidence may be unwritten: where to add what it cost, the core's time
    before it, and how many exchanges there will be in the log.
    """

    suffix: str
    running: Running
    store: Store
    client: Client
    endpoints: Collection[str]
    unsettled: tuple[Turns, float, int] | None = None

    async def turn(self, endpoint: str, key: PrivateKey, turns: Turns, rsa: Reference) -> None:
        """Sends some requests beside RSA. What they cost of the core's time is known after ``settle``."""
        load = sign(self.running.gateway, *ENDPOINTS[endpoint], key, _REQUESTS)
        written = await _written(self.store)
        core, before = cpu_seconds(self.running.pid), rsa.read()
        await self.client.drive(load)
        turns.rsa.append(rsa.read().since(before))
        self.unsettled = turns, core, written + len(load)

    async def settle(self) -> None:
        """Waits for the evidence of the last turn."""
        if self.unsettled is not None:
            turns, core, expected = self.unsettled
            await until(partial(_has_written, self.store, expected), "every exchange is in the evidence log")
            turns.core.append((cpu_seconds(self.running.pid) - core) / _REQUESTS)
            self.unsettled = None

    async def by_clock(self, endpoint: str, key: PrivateKey) -> float:
        """Requests a second of the clock."""
        load = sign(self.running.gateway, *ENDPOINTS[endpoint], key, _REQUESTS)
        return len(load) / await self.client.drive(load)


async def measure(quick: bool) -> list[Figure]:
    """All rates, and what they are compared with."""
    taken: dict[str, Turns] = defaultdict(Turns)
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(site(partners=5))
        subjects = [subject async for subject in _subjects(stack, net)]
        kinds = [(subject, name) for name in ENDPOINTS for subject in subjects if name in subject.endpoints]
        stack.enter_context(pinned(cores().others))
        for subject, name in kinds:
            taken[name + subject.suffix].by_clock = await subject.by_clock(name, net.partner_key)
        rsa = await stack.enter_async_context(reference(net.root, cores().server))
        for _ in range(3 if quick else 8):
            for subject, name in kinds:
                await subject.settle()
                await subject.turn(name, net.partner_key, taken[name + subject.suffix], rsa)
        for subject in subjects:
            await subject.settle()
    return list(_figures(taken))


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


def _figures(taken: Mapping[str, Turns]) -> Iterator[Figure]:
    of_rsa = {name: turns.of_rsa for name, turns in taken.items()}
    rsa = median(chain.from_iterable(turns.rsa for turns in taken.values()))
    yield Figure("RSA-2048 alone: a verification and a signature", 1 / rsa, "a second of the core's time")
    for name, turns in taken.items():
        yield Figure(name, 1 / median(turns.core), "requests a second of the core's time")
        yield Figure(f"{name}, by the clock", turns.by_clock, "requests a second")
    yield Figure("echo, of what RSA alone allows", of_rsa["echo"], "", at_least=_LEAST_OF_RSA)
    yield Figure("echo over TLS, of what RSA alone allows", of_rsa["echo over TLS"], "")
    yield Figure("iias get, of echo", of_rsa["iias get"] / of_rsa["echo"], "", at_least=_LEAST_OF_ECHO)
    if (on_postgresql := of_rsa.get("iias get on PostgreSQL")) is not None:
        yield Figure("iias get on PostgreSQL, of echo", on_postgresql / of_rsa["echo"], "")
    for name in ENDPOINTS:
        changed = of_rsa[name + _WITH_MANY] / of_rsa[name]
        yield Figure(f"{name}{_WITH_MANY}, of that with one", changed, "", at_least=_LEAST_WITH_MANY)
