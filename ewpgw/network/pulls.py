"""Pulls: reading a partner's index, because notifications get lost (ewp-specs-architecture, Index-pulling)."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from lxml import etree

from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.model.entities import ENTITIES
from ewpgw.network.failures import CallFailed, UnusableAnswer
from ewpgw.network.worker import LeaseLost
from ewpgw.store import copies, records, work
from ewpgw.store.errors import StoreUnavailable
from ewpgw.store.work import WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
_WANTED_TOGETHER = 50
_EVER = datetime.min.replace(tzinfo=UTC)


class Pulls:
    """Handles rows of kind ``pull``: ``api`` is the API whose index is read; ``item`` is empty.

    Two questions are asked: what exists, and what changed since the last pull. Ids that are new, that changed or that
    vanished become refreshes; the copies themselves are never touched here. Where every HEI has one thing, and no
    index, that one becomes a refresh each time. Where another API lists the ids, that one is asked.
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
        try:
            wanted = await (self._the_one(claim, api) if api.one_per_hei else self._differing(claim, api))
        except CallFailed as failure:
            if await self._shares(claim, api):
                raise
            await self._leave(claim, failure)
            return
        async with self._store.transaction() as tx:
            if not await work.finish(tx, claim, now, 200):
                raise LeaseLost
            keys = [work.WorkKey(WorkKind.REFRESH, key.hei_id, key.partner, key.api, item) for item in sorted(wanted)]
            await work.want_many(tx, keys, now)
        if wanted:
            self._on_work()

    async def _shares(self, claim: Claim, api: Api) -> bool:
        """Whether there is anything between the two HEIs, so that a failure matters to somebody."""
        key = claim.key
        if api.one_per_hei or api.listed_by is not None:
            return True
        found = await records.partners(self._store, key.hei_id, api.subject)
        return key.partner in found or key.partner in await copies.partners(self._store, key.hei_id, api.subject)

    async def _leave(self, claim: Claim, failure: CallFailed) -> None:
        """Give up at once, and tell nobody: a stranger's turn comes again. The row says why."""
        async with self._store.transaction() as tx:
            if not await work.fail(tx, claim, self._now(), error=failure.reason, status=failure.status):
                raise LeaseLost
        _log.info("pull.stranger_away", hei_id=claim.key.hei_id, partner=claim.key.partner, reason=failure.in_our_words)

    async def _the_one(self, claim: Claim, api: Api) -> set[str]:
        """The partner's only thing of its kind, where it offers the API: it is fetched, since no index says more."""
        return {claim.key.partner} if self._client.offers(claim.key.partner, api.name, api.major) else set()

    async def _differing(self, claim: Claim, api: Api) -> set[str]:
        """The ids that are new, that changed, and that vanished."""
        key = claim.key
        if api.listed_by is not None and claim.done_at and not self._versions.shared(key.partner, api.listed_by):
            return set()  # a partner may stop listing what it has, and keeps serving it
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
        lister, endpoint = api, "index"
        if api.listed_by is not None:
            lister, endpoint = self._versions.common(key.partner, api.listed_by), ""
        asked = [*lister.asking(key.partner), *parameters]
        answer = await self._client.call(key.hei_id, key.partner, lister.name, lister.major, endpoint, asked)
        try:
            return await asyncio.to_thread(self._ids, lister, answer.body)
        except UnusableAnswer as failure:
            self._client.report(key.hei_id, key.partner, lister.name, endpoint, failure)
            raise

    def _ids(self, api: Api, body: bytes) -> set[str]:
        """The ids that an index lists. Raises UnusableAnswer. Takes seconds for large documents."""
        try:
            root = parse(body, max_bytes=_LARGEST_INDEX)
        except MalformedDocument as problem:
            raise UnusableAnswer(f"the index is no XML that can be read: {problem.reason}", status=200) from None
        name = etree.QName(root)
        if name.namespace != api.index_namespace:
            reason = f"the answer is a <{name.localname}>, not the index-response of {api.name} {api.major}"
            raise UnusableAnswer(reason, status=200)
        root = ENTITIES[api.subject].newest.understood(root)
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
        """Who shares something of these APIs with us. What every HEI has makes nobody a partner, nor what is public."""
        found: frozenset[str] = frozenset()
        sharing = [api for api in apis if api.pulled and not api.one_per_hei and api.listed_by is None]
        expected = {api.expected_from for api in sharing if api.expected_from is not None}
        for entity in {api.asked_about or api.subject for api in sharing} | expected:
            found |= await records.partners(self._store, hei_id, entity)
        for entity in {api.subject for api in sharing if api.asked_about is None} | expected:
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
                if api.listed_by is None:
                    partners = await self._partners(hei_id, apis if api.one_per_hei else [api])
                else:
                    partners = await work.partners_since(self._store, WorkKind.PULL, hei_id, api.name, _EVER)
                fresh = await work.partners_since(self._store, WorkKind.PULL, hei_id, api.name, now - self._every)
                missing += [work.WorkKey(WorkKind.PULL, hei_id, partner, api.name, "") for partner in partners - fresh]
        missing = list(dict.fromkeys(missing))  # an API may run in several versions
        for start in range(0, len(missing), _WANTED_TOGETHER):
            async with self._store.transaction() as tx:
                for key in missing[start : start + _WANTED_TOGETHER]:
                    await work.want(tx, key, now, random.uniform(60, 3600))  # noqa: S311 (spreads load, guards nothing)
        if missing:
            _log.info("pulls.scheduled", count=len(missing))
            self._on_work()
        return len(missing)
