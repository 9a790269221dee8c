"""Telling many partners of many changes: how long it takes, and that each is told of each agreement exactly once.

Every agreement changes three times before the gateway starts, as when a university's system exports while the gateway
is down: three wishes to notify that have to become one notification. It is counted where it arrives.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from bench import agreements
from bench.figures import Figure
from bench.machine import cpu_seconds
from bench.site import Gateway, opened, site
from ewpgw.apis.running import notifications
from ewpgw.demo.network import until
from ewpgw.documents.schemas import default as schemas
from ewpgw.preparing import Incoming
from ewpgw.records import Records
from ewpgw.store.engine import fetch
from ewpgw.store.tables import exchange, work
from ewpgw.store.work import WorkKind, WorkState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.store.engine import Store

_PARTNERS = 50
_CHANGES = 3
_MOST_SECONDS = 60.0
_NOT_DONE = (
    select(func.count())
    .select_from(work)
    .where(work.c.kind == WorkKind.DELIVERY.value, work.c.state != WorkState.DONE.value)
)
_KEPT = select(func.count()).select_from(exchange)


async def measure(quick: bool) -> list[Figure]:
    """Seconds from the start of the process to the last notification, and how often each partner was told."""
    count = 200 if quick else 1000
    async with site(partners=_PARTNERS) as net:
        gateway = net.gateway("changing", tls=True)
        async with opened(gateway) as store:
            expected = await _change(store, gateway, net.partners, count)
            started = time.time()
            running = await net.run(gateway)
            await until(partial(_is_done, store), "every notification is delivered", 3 * _MOST_SECONDS)
            core = cpu_seconds(running.pid)
            await until(partial(_has_kept, store, count), "every exchange is in the evidence log")
            found = await net.received()
    received, last = found.told, found.last
    once = sum(received.get(pair) == 1 for pair in expected)
    return [
        Figure(
            "until the last notification, the start of the process included", last - started, "s", at_most=_MOST_SECONDS
        ),
        Figure("notifications", sum(received.values()), f"for {count} agreements of {_PARTNERS} partners"),
        Figure("told exactly once", once / len(expected), "of agreements and partners", at_least=1.0),
        Figure("told of anything else", len(received.keys() - expected), "agreements and partners", at_most=0.0),
        Figure("the gateway's time on a core", core, "s"),
    ]


async def _change(store: Store, gateway: Gateway, partners: Sequence[str], count: int) -> frozenset[str]:
    """Changes each agreement several times; the pairs of partner and agreement to be told, as the partners count."""
    records = Records(store, schemas(), notifications(), lambda: datetime.now(UTC), lambda: None)
    partner_of = {number: partners[number % len(partners)] for number in range(count)}
    for revision in range(1, _CHANGES + 1):
        incoming = []
        for number, partner in partner_of.items():
            document = agreements.document(gateway.hei_id, partner, number, revision)
            incoming.append(Incoming(agreements.iia_id(number), document, raw=json.dumps(document)))
        outcomes = await records.put_many(gateway.hei_id, "iias", incoming, source="sis")
        assert {outcome.revision for outcome in outcomes} == {revision}, "each put changes its agreement"
    return frozenset(f"{partner} {agreements.iia_id(number)}" for number, partner in partner_of.items())


async def _is_done(store: Store) -> bool:
    return int((await fetch(store, _NOT_DONE))[0][0]) == 0


async def _has_kept(store: Store, count: int) -> bool:
    return int((await fetch(store, _KEPT))[0][0]) >= count
