"""How many signed requests a gateway answers on one core, compared with what RSA alone would allow there.

Every request is signed, so is every answer, connections stay open, and each exchange ends up in the evidence log: a
round counts as over when its last exchange is written. Machines are shared, so rates are taken a second of the core's
time (the server's own, the kernel's for it, and its database thread's); a rate by the clock is told beside them. All
that is compared runs in turns, and the median of the turns counts.
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
from bench.load import drive, sign
from bench.machine import bare_rsa, cores, cpu_seconds, pinned, waited_seconds
from bench.site import Gateway, Running, Site, opened, site
from ewpgw.demo.network import until
from ewpgw.store.engine import fetch
from ewpgw.store.tables import exchange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ewpgw.store.engine import Store

MANY = 10_000
_LEAST_OF_RSA = 0.55
_LEAST_OF_ECHO = 0.8
_LEAST_WITH_MANY = 0.9
_BARE_SECONDS = 0.2
_ECHO = ("/echo/v2", (("echo", "one"), ("echo", "two")))
_GET = ("/iias/v7/get", (("iia_id", agreements.iia_id(0)),))


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to: requests a second of the core's time, a second by the clock, and the clock's seconds
    in which the server neither ran nor waited for others to leave its core, as a share."""

    rate: float
    by_clock: float
    idle: float


@dataclass(frozen=True, slots=True)
class Subject:
    """A gateway under test, with its store opened here to look at its evidence."""

    running: Running
    store: Store

    async def round(self, site_: Site, endpoint: tuple[str, Sequence[tuple[str, str]]], requests: int) -> Round:
        """One round of requests to one endpoint."""
        load = sign(self.running.gateway, *endpoint, site_.partner_key, requests)
        pid = self.running.pid
        expected = await self._written() + requests
        cpu, waited = cpu_seconds(pid), waited_seconds(pid)
        taken = await drive(self.running.gateway, load)
        busy = cpu_seconds(pid) - cpu + waited_seconds(pid) - waited
        await until(partial(self._has_written, expected), "every exchange is in the evidence log")
        return Round(requests / (cpu_seconds(pid) - cpu), requests / taken, max(0.0, 1 - busy / taken))

    async def _written(self) -> int:
        return int((await fetch(self.store, select(func.count()).select_from(exchange)))[0][0])

    async def _has_written(self, expected: int) -> bool:
        return await self._written() == expected


async def measure(quick: bool) -> list[Figure]:
    """All rates, and what they are compared with."""
    turns, requests = (3, 200) if quick else (5, 500)
    core = cores()
    rounds: dict[str, list[Round]] = defaultdict(list)
    bare: list[float] = []
    async with AsyncExitStack() as stack:
        net = await stack.enter_async_context(site(partners=5))
        started = partial(_started, stack, net)
        small = await started(net.gateway("small", tls=False), 1)
        large = await started(net.gateway("large", tls=False), MANY)
        behind_tls = await started(net.gateway("tls", tls=True), 1)
        others = [("echo, TLS", behind_tls, _ECHO)]
        if cluster := stack.enter_context(postgresql.cluster()):
            on_postgresql = await started(net.gateway("postgresql", tls=False, store_url=cluster), 1)
            others.append(("iias get, PostgreSQL", on_postgresql, _GET))
        stack.enter_context(pinned(core.others))
        for turn in range(turns + 1):
            before = bare_rsa(net.partner_key, core.server, 0.2)
            echo = await small.round(net, _ECHO, requests)
            after = bare_rsa(net.partner_key, core.server, 0.2)
            found = {"echo": echo, "iias get": await small.round(net, _GET, requests)}
            found["echo, many"] = await large.round(net, _ECHO, requests)
            found["iias get, many"] = await large.round(net, _GET, requests)
            for name, subject, endpoint in others:
                found[name] = await subject.round(net, endpoint, requests)
            if turn:  # the first one warms up
                bare.append(mean((before, after)))
                for name, one in found.items():
                    rounds[name].append(one)
    return list(_figures(bare, rounds))


async def _started(stack: AsyncExitStack, net: Site, gateway: Gateway, agreements_held: int) -> Subject:
    store = await stack.enter_async_context(opened(gateway))
    await agreements.fill(store, gateway, net.partners, agreements_held)
    return Subject(await net.run(gateway, core=cores().server), store)


def _figures(bare: list[float], rounds: dict[str, list[Round]]) -> Iterator[Figure]:
    def of_rsa(name: str) -> float:
        return median(one.rate / rsa for one, rsa in zip(rounds[name], bare, strict=True))

    def compared(name: str, other: str) -> float:
        return median(one.rate / two.rate for one, two in zip(rounds[name], rounds[other], strict=True))

    yield Figure("RSA-2048 verify and sign alone", median(bare), "a second")
    for name, found in rounds.items():
        yield Figure(f"{name}: rate", median(one.rate for one in found), "requests a second of the core's time")
        yield Figure(f"{name}: rate by the clock", median(one.by_clock for one in found), "requests a second")
    yield Figure("server idle under load", max(one.idle for one in rounds["echo"]), "of the time")
    yield Figure("echo, share of what RSA alone allows", of_rsa("echo"), "", at_least=_LEAST_OF_RSA)
    yield Figure("echo over TLS, share of what RSA alone allows", of_rsa("echo, TLS"), "")
    yield Figure("iias get, share of echo", compared("iias get", "echo"), "", at_least=_LEAST_OF_ECHO)
    if "iias get, PostgreSQL" in rounds:
        yield Figure("iias get on PostgreSQL, share of echo", compared("iias get, PostgreSQL", "echo"), "")
    for name in ("echo", "iias get"):
        changed = compared(f"{name}, many", name)
        yield Figure(f"{name} with {MANY} agreements, share of that with one", changed, "", at_least=_LEAST_WITH_MANY)
