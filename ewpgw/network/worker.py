"""The work loop: look at what is due, claim some of it, do it, and look again.

The rows say what the world should be like, so nothing here remembers anything: after a crash, a restart or beside a
second replica the loop finds the same rows and goes on. Failures are retried with exponential back-off for as long as
the settings say, at least 24 hours (ewp-specs-architecture, Notification Sender), then shown to a person.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import structlog

from ewpgw.network.failures import CallFailed
from ewpgw.store import feed, work
from ewpgw.store.errors import StoreUnavailable
from ewpgw.store.feed import FeedKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.store.engine import Store
    from ewpgw.store.work import Claim, WorkKind

_log = structlog.get_logger(__name__)
_LOOK_AGAIN_SECONDS = 5.0
"""How often other replicas' and commands' rows are looked for when nothing wakes the loop."""
_OCCUPIED_SECONDS = 1.0
"""How soon to look again at rows that are due but cannot be had: their partner is at its limit, or a replica's lock
is on them. The end of a job of ours wakes the loop before."""


class Handler(Protocol):
    """Does a claimed row's work and finishes the row in the transaction that holds the effect, or raises CallFailed."""

    async def __call__(self, claim: Claim) -> None: ...


class GivesUp(Protocol):
    """Who has to know that work of a kind is given up."""

    async def given_up(self, tx: AsyncConnection, claim: Claim, failure: CallFailed, now: datetime) -> None:
        """The row has ended without success, in this transaction."""


class LeaseLost(Exception):
    """Another replica took the row over; what was done here must not count. Rolls the transaction back."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often failed work is tried again."""

    first_retry: timedelta
    longest_retry: timedelta
    give_up_after: timedelta

    def next_attempt(self, attempts: int, now: datetime) -> datetime:
        """When to try again after ``attempts`` failures: doubling pauses, up to a quarter longer at random."""
        pause: timedelta = min(self.first_retry * 2 ** min(attempts, 20), self.longest_retry)
        spread = 1 + random.random() / 4  # noqa: S311 (spreads load, guards nothing)
        return now + spread * pause


class Worker:
    """Runs the handlers of due rows, some at a time, and never many for one partner.

    ``entities`` names the entity that each API is about: what the feed calls work that was given up. ``giving_up``: by
    kind, who has to know of that.
    """

    def __init__(
        self,
        store: Store,
        handlers: Mapping[WorkKind, Handler],
        *,
        entities: Mapping[str, str],
        owner: str,
        patience: Patience,
        concurrency: int,
        lease: timedelta,
        now: Callable[[], datetime],
        giving_up: Mapping[WorkKind, GivesUp] = MappingProxyType({}),
    ) -> None:
        self._store = store
        self._handlers = handlers
        self._giving_up = giving_up
        self._entities = entities
        self._owner = owner
        self._patience = patience
        self._concurrency = concurrency
        self._lease = lease
        self._now = now
        self._news = asyncio.Event()
        self._stopping = False
        self._jobs: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Something may be due: look now."""
        self._news.set()

    def stop(self) -> None:
        """Claim no more; ``run`` ends when the jobs in flight have."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Works until ``stop``; then waits for the jobs in flight and frees what it still holds."""
        try:
            while not self._stopping:
                self._news.clear()
                looked_at = self._now()
                claimed = await self._claim()
                if not claimed:
                    await self._rest(looked_at)
        finally:
            if self._jobs:
                await asyncio.wait(self._jobs)
            with suppress(StoreUnavailable):
                await work.release(self._store, self._owner)

    async def _claim(self) -> int:
        free = self._concurrency - len(self._jobs)
        if free <= 0:
            await asyncio.wait(self._jobs, return_when=asyncio.FIRST_COMPLETED)
            return 1
        try:
            claims = await work.claim(
                self._store,
                tuple(self._handlers),
                self._owner,
                limit=free,
                now=self._now(),
                lease_seconds=self._lease.total_seconds(),
                per_partner_limit=max(1, self._concurrency // 4),
            )
        except StoreUnavailable as error:
            _log.warning("work.store_away", reason=str(error))
            return 0
        for claim in claims:
            job = asyncio.create_task(self._do(claim))
            self._jobs.add(job)
            job.add_done_callback(self._finished)
        return len(claims)

    def _finished(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        self._news.set()

    async def _rest(self, looked_at: datetime) -> None:
        """Waits for news, or until a row comes due after ``looked_at``, when the last look was."""
        pause = _LOOK_AGAIN_SECONDS
        with suppress(StoreUnavailable):
            due = await work.next_due(self._store, tuple(self._handlers))
            if due is not None and due <= looked_at:
                pause = _OCCUPIED_SECONDS
            elif due is not None:
                pause = min(max((due - self._now()).total_seconds(), 0.05), pause)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), pause)

    async def _do(self, claim: Claim) -> None:
        key = claim.key
        log = _log.bind(kind=key.kind, hei_id=key.hei_id, partner=key.partner, api=key.api, item=key.item)
        ended = asyncio.Event()
        holding = asyncio.create_task(self._hold(claim, ended))
        try:
            await self._handlers[key.kind](claim)
            log.info("work.done", attempts=claim.attempts + 1)
        except CallFailed as failure:
            await self._failed(claim, failure)
            why = failure.in_our_words
            log.warning("work.failed", attempts=claim.attempts + 1, reason=why, retryable=failure.retryable)
        except LeaseLost:
            log.warning("work.lease_lost")
        except StoreUnavailable as error:
            log.warning("work.store_away", reason=str(error))  # the lease ends by itself, and the row is due again
        except Exception:
            log.exception("work.broken")
            await self._failed(claim, CallFailed("an unexpected error; the log has the details"))
        finally:
            ended.set()
            await holding

    async def _hold(self, claim: Claim, ended: asyncio.Event) -> None:
        """Renews the lease while the job goes on, however long: nobody else does it meanwhile."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), self._lease.total_seconds() / 3)
                return
            with suppress(StoreUnavailable):
                async with self._store.transaction() as tx:
                    if not await work.renew(tx, claim, self._now() + self._lease):
                        return

    async def _failed(self, claim: Claim, failure: CallFailed) -> None:
        now, key = self._now(), claim.key
        reason, status = failure.reason, failure.status
        with suppress(StoreUnavailable):
            async with self._store.transaction() as tx:
                if not failure.retryable:
                    ended = await work.fail(tx, claim, now, error=reason, status=status)
                elif now - claim.first_wanted_at > self._patience.give_up_after:
                    ended = await work.expire(tx, claim, now, error=reason, status=status)
                else:
                    at = self._patience.next_attempt(claim.attempts, now)
                    await work.retry(tx, claim, now, at=at, error=reason, status=status)
                    ended = False
                if ended:
                    if (hears := self._giving_up.get(key.kind)) is not None:
                        await hears.given_up(tx, claim, failure, now)
                    kind, entity = FeedKind(f"{key.kind}-failed"), self._entities.get(key.api, key.api)
                    await feed.append(tx, key.hei_id, kind, now, entity=entity, partner=key.partner, id=key.item)
