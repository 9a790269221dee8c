"""The slow round: every member of the network is asked now and then, since a first notification can be lost as well.

Whoever shares something with us is asked daily (``pulls``). A partner whose first agreement nobody here has heard of
shares nothing yet, and would never be asked.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from math import ceil
from typing import TYPE_CHECKING

import structlog

from ewpgw.store import work
from ewpgw.store.errors import StoreUnavailable
from ewpgw.store.work import WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime, timedelta

    from ewpgw.apis.declaration import Api
    from ewpgw.network.catalogue import Catalogue
    from ewpgw.store.engine import Store

_log = structlog.get_logger(__name__)
_LOOK_SECONDS = 600.0


class SlowRound:
    """Wants a pull from every HEI that offers an API, once in each period, a few at a time.

    ``covered`` are the covered HEIs with the APIs that run for them. The rows of work remember who was asked when, for
    all replicas and across restarts. An index lists what concerns the caller, so a stranger's is empty: one short call.
    """

    def __init__(
        self,
        store: Store,
        covered: Mapping[str, Iterable[Api]],
        catalogue: Callable[[], Catalogue | None],
        *,
        every: timedelta,
        now: Callable[[], datetime],
        on_work: Callable[[], None],
    ) -> None:
        self._store = store
        self._covered = {hei_id: _versions(apis) for hei_id, apis in covered.items()}
        self._catalogue = catalogue
        self._every = every
        self._now = now
        self._on_work = on_work

    async def run(self) -> None:
        """Asks the next ones every ten minutes, until cancelled."""
        while True:
            with suppress(StoreUnavailable):
                await self.want_next()
            await asyncio.sleep(_LOOK_SECONDS)

    async def want_next(self) -> int:
        """Wants the pulls of those whose turn it is; how many that were."""
        now, catalogue = self._now(), self._catalogue()
        if catalogue is None:
            return 0
        wanted: list[work.WorkKey] = []
        for hei_id, apis in self._covered.items():
            for name, majors in apis.items():
                offering = _offering(catalogue, name, majors) - {hei_id}
                asked = await work.partners_since(self._store, WorkKind.PULL, hei_id, name, now - self._every)
                waiting = sorted(offering - asked)
                share = ceil(len(offering) * _LOOK_SECONDS / self._every.total_seconds())
                chosen = random.sample(waiting, min(share, len(waiting)))
                wanted += [work.WorkKey(WorkKind.PULL, hei_id, partner, name, "") for partner in chosen]
        if wanted:
            async with self._store.transaction() as tx:
                for key in wanted:
                    await work.want(tx, key, now, random.uniform(0, _LOOK_SECONDS))  # noqa: S311 (spreads load)
            _log.info("slow_round.asks", count=len(wanted))
            self._on_work()
        return len(wanted)


def _versions(apis: Iterable[Api]) -> dict[str, tuple[int, ...]]:
    """The APIs whose indexes list what concerns the caller, with their major versions."""
    found: dict[str, tuple[int, ...]] = {}
    for api in apis:
        if api.pulled and any(endpoint.name == "index" for endpoint in api.endpoints):
            found[api.name] = (*found.get(api.name, ()), api.major)
    return found


def _offering(catalogue: Catalogue, name: str, majors: Iterable[int]) -> set[str]:
    """The HEIs that offer an API in one of these versions."""
    return {hei_id for hei_id in catalogue.hei_ids if any(catalogue.entries(hei_id, name, major) for major in majors)}
