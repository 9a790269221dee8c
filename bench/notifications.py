"""How fast many changes reach many partners: one notification for each agreement, however often it changed."""

from __future__ import annotations

import time

from bench import agreements
from bench.figures import Figure
from bench.site import opened, site
from ewpgw.apis.running import notifications
from ewpgw.daemon import utc_now
from ewpgw.demo.network import until
from ewpgw.documents.schemas import default as schemas
from ewpgw.records import Incoming, Records

PARTNERS = 50
CHANGED = 1_000
MOST_SECONDS = 60.0
_CHANGES = 3


async def measure(quick: bool) -> list[Figure]:
    """Changes the agreements three times while the gateway is down, then starts it and counts at the partners' side."""
    changed = CHANGED // 5 if quick else CHANGED
    async with site(partners=PARTNERS) as made:
        gateway = made.gateway("sender", tls=False)
        async with opened(gateway) as store:
            records = Records(store, schemas(), notifications(), utc_now, lambda: None)
            for revision in range(_CHANGES):
                batch = [
                    Incoming(
                        None,
                        document=agreements.document(
                            gateway.hei_id, made.partners[number % PARTNERS], number, revision=revision
                        ),
                    )
                    for number in range(changed)
                ]
                outcomes = await records.put_many(gateway.hei_id, "iias", batch, source="sis")
                assert all(outcome.revision == revision + 1 for outcome in outcomes)
        started = time.time()
        await made.run(gateway)

        async def all_told() -> bool:
            pairs, _ = await made.received()
            return len(pairs) == changed

        await until(all_told, f"{changed} notifications", 300)
        pairs, last = await made.received()
    return [
        Figure(
            f"{changed:,} changed agreements, {PARTNERS} partners: all notified",
            last - started,
            "s",
            at_most=MOST_SECONDS,
        ),
        Figure("notifications for each pair, at most", max(pairs.values()), "", at_most=1),
        Figure("notifications for each pair, at least", min(pairs.values()), "", at_least=1),
    ]
