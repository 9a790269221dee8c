"""What an idle daemon holds in memory: a real ``ewpgw serve``, after a start and a few requests."""

from __future__ import annotations

from bench import agreements
from bench.figures import Figure
from bench.load import Client, sign
from bench.machine import resident_mib
from bench.site import opened, site

MOST_MIB = 120.0
MANY = 10_000
_REQUESTS = 50


async def measure(quick: bool) -> list[Figure]:
    """The memory of a daemon with one agreement, and of one with many (``quick`` leaves those out)."""
    figures: list[Figure] = []
    async with site(partners=2) as made:
        for name, count in (("small", 1),) if quick else (("small", 1), ("large", MANY)):
            gateway = made.gateway(name, tls=False)
            async with opened(gateway) as store:
                await agreements.fill(store, gateway, made.partners, count)
            running = await made.run(gateway)
            async with Client(gateway) as client:
                await client.drive(sign(gateway, "/echo/v2", (("echo", "one"),), made.partner_key, _REQUESTS))
            what = f"resident, idle, with {count:,} agreement{'s' if count > 1 else ''}"
            figures.append(Figure(what, resident_mib(running.pid), "MiB", at_most=MOST_MIB))
    if len(figures) == 2:
        growth = figures[1].value / figures[0].value
        figures.append(Figure(f"memory with {MANY:,} agreements, of that with one", growth, "", at_most=1.1))
    return figures
