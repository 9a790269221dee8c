"""What was acknowledged survives the death of the process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ewpgw.store import Store, records, work

ROOT = Path(__file__).resolve().parents[3]

CHILD = """
import asyncio, sys
from datetime import UTC, datetime
from itertools import count
from ewpgw.store import Store, records, work
async def main():
    store = await Store.open(sys.argv[1])
    for number in count():
        now = datetime.now(UTC)
        new = records.NewRecord("north.example", "iias", f"{number:06}", "{}", {7: b"<iia/>"},
                                frozenset({"south.example"}), "sis")
        key = work.WorkKey(work.WorkKind.DELIVERY, "north.example", "south.example", "iias", new.id)
        async with store.transaction() as tx:
            await records.put(tx, new, now)
            await work.want(tx, key, now)
        await work.claim(store, [work.WorkKind.DELIVERY], "the dead", limit=1, now=now, lease_seconds=60,
                         per_partner_limit=100000)
        print(number, flush=True)
asyncio.run(main())
"""


async def test_everything_acknowledged_before_a_kill_is_there_afterwards(store_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHILD, store_url, cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    acknowledged = -1
    while acknowledged < 20:
        acknowledged = int(await asyncio.wait_for(process.stdout.readline(), 60))
    process.kill()
    rest, _ = await process.communicate()
    lines = [int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]
    acknowledged = max([acknowledged, *lines])

    store = await Store.open(store_url)
    kept = await records.index(store, "north.example", "iias", {"south.example"})
    assert kept == [f"{number:06}" for number in range(len(kept))]
    assert len(kept) > acknowledged

    rows = await work.list_rows(store, limit=10_000)
    assert [row.key.item for row in rows] == kept, "the record and its notification are one transaction"

    now = datetime.now(UTC)

    async def claimed(at: datetime) -> list[work.Claim]:
        kinds = [work.WorkKind.DELIVERY]
        return await work.claim(store, kinds, "heir", now=at, limit=10_000, lease_seconds=60, per_partner_limit=10_000)

    soon = await claimed(now)
    assert len(soon) <= 1, "what the dead process held is still leased"
    later = await claimed(now + timedelta(seconds=61))
    assert len(later) == len(kept)
    await store.close()
