"""The process that is measured: pulls from a university's database, and writes a line of JSON after each pull.

``python -m bench.syncing STORE-URL SOURCE-URL MAPPINGS``
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from ewpgw.adapters.importing import Importer
from ewpgw.adapters.loading import create
from ewpgw.apis.running import notifications
from ewpgw.intake import intake
from ewpgw.store import Store, records

_HEI = "north.example"
AGAIN = 5
"""So many pulls follow the first one. They take a third of a second each: one alone says little."""


async def _run(store_url: str, source_url: str, mappings: str) -> None:
    store = await Store.open(store_url)
    adapter = create(_HEI, "sql", {"url": source_url, "mappings": mappings}, Path.cwd())
    kept = intake(store, notifications(), lambda: datetime.now(UTC), lambda: None).records
    importer = Importer(_HEI, adapter, store, kept)  # one for all pulls, as a gateway has it
    try:
        for _ in range(1 + AGAIN):
            wall, cpu = time.perf_counter(), _cpu()
            assert (missing := await importer.take()) is None, missing
            cost = {"wall": time.perf_counter() - wall, "cpu": _cpu() - cpu}
            served = (await records.counts(store, _HEI)).get("iias", 0)
            print(json.dumps({**cost, "served": served}), flush=True)
            await asyncio.to_thread(sys.stdin.readline)
    finally:
        await adapter.close()
        await store.close()


def _cpu() -> float:
    """Seconds on any core, of this process and of those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    uvloop.run(_run(*sys.argv[1:]))
