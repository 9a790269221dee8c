"""Pulls: reading a partner's index, because notifications get lost (ewp-specs-architecture, Index-pulling)."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from lxml import etree

from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.network.failures import UnusableAnswer
from ewpgw.network.worker import LeaseLost
from ewpgw.store import copies, records, work
from ewpgw.store.errors import StoreUnavailable
from ewpgw.store.work import WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from ewpgw.apis.declaration import Api
    from ewpgw.documents.schemas import Schemas
    from ewpgw.network.client import PartnerClient
    from ewpgw.network.versions import Versions
    from ewpgw.store.engine import Store
    from ewpgw.store.work import Claim

_log = structlog.get_logger(__name__)
_MARGIN = timedelta(hours=1)
"""Clocks differ and changes take a moment to show, so ``modified_since`` looks this much further back."""
_LARGEST_INDEX = 50 * 2**20
_SCHEDULE_SECONDS = 600.0


class Pulls:
    """Handles rows of kind ``pull``: ``api`` is the API whose index is read; ``item`` is empty.

    Two questions are asked: what exists, and what changed since the last pull. Ids that are new, that changed or that
    vanished become refreshes; the copies themselves are never touched here. Where every HEI has one thing, and no
    index, that one becomes a refresh each time.
    """

    def __init__(
        self,
        store: Store,
        client: PartnerClient,
        versions: Versions,
        *,
        schemas: Schemas,
        now: Callable[[], datetime],
        on_work: Callable[[], None],
    ) -> None:
        self._store = store
        self._client = client
        self._versions = versions
        self._schemas = schemas
        self._now = now
        self._on_work = on_work

    async def __call__(self, claim: Claim) -> None:
        """Compares the partner's index with the copies here. Raises CallFailed."""
        key, now = claim.key, self._now()
        api = self._versions.common(key.partner, key.api)
        wanted = await (self._the_one(claim, api) if api.one_per_hei else self._differing(claim, api))
        async with self._store.transaction() as tx:
            if not await work.finish(tx, claim, now, 200):
                raise LeaseLost
            keys = [work.WorkKey(WorkKind.REFRESH, key.hei_id, key.partner, key.api, item) for item in sorted(wanted)]
            await work.want_many(tx, keys, now)
        if wanted:
            self._on_work()

    async def _the_one(self, claim: Claim, api: Api) -> set[str]:
        """The partner's only thing of its kind, where it offers the API: it is fetched, since no index says more."""
        return {claim.key.partner} if self._client.offers(claim.key.partner, api.name, api.major) else set()

    async def _differing(self, claim: Claim, api: Api) -> set[str]:
        """The ids that are new, that changed, and that vanished."""
        key = claim.key
        known = await copies.ids_of_partner(self._store, key.hei_id, key.api, key.partner)
        listed = await self._index(claim, api, [])
        wanted = listed ^ known
        if known:
            since = (claim.done_at - _MARGIN) if claim.done_at else None
            # Without an earlier pull to count from, everything that both sides know is looked at once.
            changed = await self._index(claim, api, [("modified_since", since.isoformat())]) if since else listed
            wanted |= changed & known
        return wanted

    async def _index(self, claim: Claim, api: Api, parameters: list[tuple[str, str]]) -> set[str]:
        key = claim.key
        asked = [*api.asking(key.partner), *parameters]
        answer = await self._client.call(key.hei_id, key.partner, api.name, api.major, "index", asked)
        try:
            return await asyncio.to_thread(self._ids, api, answer.body)
        except UnusableAnswer as failure:
            self._client.report(key.hei_id, key.partner, api.name, "index", failure)
            raise

    def _ids(self, api: Api, body: bytes) -> set[str]:
        """The ids that an index lists. Raises UnusableAnswer. Takes seconds for large documents."""
        try:
            root = parse(body, max_bytes=_LARGEST_INDEX)
        except MalformedDocument as problem:
            raise UnusableAnswer(f"the index is no XML that can be read: {problem.reason}", status=200) from None
        name = etree.QName(root)
        if name.namespace != api.namespace.replace("/manifest-entry.xsd", "/endpoints/index-response.xsd"):
            reason = f"the answer is a <{name.localname}>, not the index-response of {api.name} {api.major}"
            raise UnusableAnswer(reason, status=200)
        if faults := self._schemas.faults(root):
            # The fault's words may quote the document, and reasons leave the house.
            raise UnusableAnswer(f"the index is not valid at {faults[0].path}", status=200)
        return {child.text or "" for child in root}


class PullSchedule:
    """Wants a pull from every partner we share something with, once in each period, spread over the hour."""

    def __init__(
        self,
        store: Store,
        covered: Mapping[str, Iterable[Api]],
        *,
        every: timedelta,
        now: Callable[[], datetime],
        on_work: Callable[[], None],
    ) -> None:
        self._store = store
        self._covered = covered
        self._every = every
        self._now = now
        self._on_work = on_work

    async def run(self) -> None:
        """Looks every ten minutes which pulls are missing, until cancelled."""
        while True:
            with suppress(StoreUnavailable):
                await self.want_missing()
            await asyncio.sleep(_SCHEDULE_SECONDS)

    async def _partners(self, hei_id: str, apis: Iterable[Api]) -> frozenset[str]:
        """Who shares something of these APIs with us. What every HEI has makes nobody a partner."""
        found: frozenset[str] = frozenset()
        for entity in {api.subject for api in apis if api.pulled and not api.one_per_hei}:
            found |= await records.partners(self._store, hei_id, entity)
            found |= await copies.partners(self._store, hei_id, entity)
        return found

    async def want_missing(self) -> int:
        """Wants the pulls that are missing now; how many that were."""
        now = self._now()
        missing: list[work.WorkKey] = []
        for hei_id, apis in self._covered.items():
            for api in apis:
                if not api.pulled:
                    continue
                partners = await self._partners(hei_id, apis if api.one_per_hei else [api])
                fresh = await work.partners_since(self._store, WorkKind.PULL, hei_id, api.name, now - self._every)
                missing += [work.WorkKey(WorkKind.PULL, hei_id, partner, api.name, "") for partner in partners - fresh]
        if missing:
            async with self._store.transaction() as tx:
                for key in missing:
                    await work.want(tx, key, now, random.uniform(60, 3600))  # noqa: S311 (spreads load, guards nothing)
            _log.info("pulls.scheduled", count=len(missing))
            self._on_work()
        return len(missing)
