"""What an idle gateway holds in memory: a real process on SQLite with the folder adapter and a small catalogue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bench import agreements
from bench.figures import Figure
from bench.load import Client, sign
from bench.machine import resident_mib
from bench.rates import ENDPOINTS, MANY
from bench.site import Site, opened, site

if TYPE_CHECKING:
    from bench.site import Gateway

_MOST_MIB = 120.0
_MOST_WITH_MANY = 1.1
_IDLE_SECONDS = 3.0
_FEW_REQUESTS = 20


async def measure(quick: bool) -> list[Figure]:
    """The memory of a gateway with one agreement, and of one with ten thousand."""
    async with site(partners=5) as net:
        small, small_used = await _resident(net, net.gateway("small", tls=True), 1, quick)
        large, large_used = await _resident(net, net.gateway("large", tls=True), MANY, quick)
    return [
        Figure("idle, after some seconds", small, "MiB", at_most=_MOST_MIB),
        Figure("idle, after a few requests", small_used, "MiB", at_most=_MOST_MIB),
        Figure(f"idle with {MANY:,} agreements, after some seconds", large, "MiB"),
        Figure(f"idle with {MANY:,} agreements, after a few requests", large_used, "MiB"),
        Figure(f"{MANY:,} agreements, of that with one", large_used / small_used, "", at_most=_MOST_WITH_MANY),
    ]


async def _resident(net: Site, gateway: Gateway, held: int, quick: bool) -> tuple[float, float]:
    """MiB, before and after a few requests. The process is started with its agreements in store."""
    async with opened(gateway) as store:
        await agreements.fill(store, gateway, net.partners, held)
    running = await net.run(gateway)
    await asyncio.sleep(0 if quick else _IDLE_SECONDS)
    before = resident_mib(running.pid)
    async with Client(gateway) as client:
        for path, parameters in ENDPOINTS.values():
            await client.drive(sign(gateway, path, parameters, net.partner_key, _FEW_REQUESTS))
    await asyncio.sleep(1 if quick else _IDLE_SECONDS)
    return before, resident_mib(running.pid)
