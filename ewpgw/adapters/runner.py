"""Runs one institution's adapter in both directions, for as long as the daemon lives.

Each direction is level-triggered: what the source holds is compared with what was imported of it, and the feed is read
on from the stored position. So a crash at any point costs a repetition and nothing else.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, suppress
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING

import structlog

from ewpgw.adapters.contract import AdapterProblem, CopyDelivery
from ewpgw.adapters.deciding import decision_of
from ewpgw.adapters.guard import DeletionLimits
from ewpgw.adapters.importing import Importer
from ewpgw.adapters.loading import AdapterFailed, is_fault
from ewpgw.store import copies, feed, sources
from ewpgw.store.copies import Copy, CopyKey, CopyState
from ewpgw.store.errors import StoreUnavailable
from ewpgw.store.feed import FeedEntry, FeedKind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from datetime import datetime

    from ewpgw.adapters.contract import Adapter
    from ewpgw.records import Records
    from ewpgw.store.engine import Store

_log = structlog.get_logger(__name__)

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_LOOK_SECONDS = 5.0
"""How often the feed is looked at when nothing wakes the runner: another replica may have written."""
_LONG = timedelta(hours=1)
"""A source that is read for so long is told of: perhaps it hangs."""
_PAGE = 100
_OF_COPIES = frozenset({FeedKind.COPY_CHANGED, FeedKind.COPY_GONE, FeedKind.COPY_INVALID})


class _Next(Enum):
    """What made it worth while to look at the source again; END where the adapter, against its contract, ends."""

    CHANGE = auto()
    CONFIRMED = auto()
    END = auto()


class _Left(Exception):
    """The adapter has tried to end the process; how is the cause."""


class _Direction:
    """What is wrong with one direction, and how long to wait before the next attempt."""

    def __init__(self, name: str, hei_id: str, now: Callable[[], datetime]) -> None:
        self.problem: str | None = None
        self._told: str | None = None
        self._now = now
        self._pause = _FIRST_PAUSE
        self._log = _log.bind(direction=name, hei_id=hei_id)

    def works(self) -> None:
        """The last attempt succeeded."""
        if self.problem is not None:
            self._log.info("adapter.works_again")
        self.problem, self._told, self._pause = None, None, _FIRST_PAUSE

    def fails(self, reason: str) -> None:
        """The last attempt failed; the same reason is logged once."""
        if reason != self._told:
            self._log.error("adapter.fails", reason=reason)
            self.problem, self._told = f"{reason} (since {self._now():%Y-%m-%d %H:%M} UTC)", reason

    async def rest(self, woken: asyncio.Event | None = None) -> None:
        """Wait before the next attempt, longer each time; or until ``woken``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause):
                await (woken or asyncio.Event()).wait()
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


class AdapterRunner:
    """Keeps the records of a HEI in step with its adapter's source, and hands partners' copies and decisions to it.

    ``problem`` says in words what keeps either direction from working, for the health check; None while both work.
    """

    def __init__(
        self,
        hei_id: str,
        adapter: Adapter,
        store: Store,
        records: Records,
        now: Callable[[], datetime],
        limits: DeletionLimits = DeletionLimits(),  # noqa: B008  (immutable)
    ) -> None:
        """``adapter`` becomes the runner's own; ``close`` closes it."""
        self.hei_id = hei_id
        self._adapter = adapter
        self._store = store
        self._kind = adapter.kind
        self._importer = Importer(hei_id, adapter, store, records, limits)
        self._inbound = _Direction("import", hei_id, now)
        self._outbound = _Direction("delivery", hei_id, now)
        self._news = asyncio.Event()
        self._now = now
        self._reading_since: datetime | None = None

    @property
    def problem(self) -> str | None:
        """What keeps a direction from working."""
        endless = None
        if self._reading_since is not None and self._now() - self._reading_since >= _LONG:
            endless = f"the source is being read since {self._reading_since:%Y-%m-%d %H:%M} UTC, without an end so far"
        return "; ".join(each for each in (endless, self._inbound.problem, self._outbound.problem) if each) or None

    def wake(self) -> None:
        """The feed may have grown: look now."""
        self._news.set()

    async def run(self) -> None:
        """Work in both directions until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._import(), name=f"import {self.hei_id}")
            both.create_task(self._deliver(), name=f"deliver {self.hei_id}")

    async def close(self) -> None:
        """Close the adapter. Cancel ``run`` before."""
        await self._adapter.close()

    async def _import(self) -> None:
        while True:
            try:
                await self._take()
                async with aclosing(self._adapter.changes()) as changes:
                    while (seen := await self._next(changes)) is _Next.CHANGE:
                        await self._take()
                if seen is _Next.CONFIRMED:
                    continue
            except (AdapterProblem, StoreUnavailable) as error:
                self._inbound.fails(str(error))
            except BaseException as error:  # an adapter may be anyone's code
                self._unforeseen(self._inbound, error)
            await self._inbound.rest()

    async def _next(self, changes: AsyncGenerator[None, None]) -> _Next:
        """Wait for the adapter to see a change, or for a person to confirm the deletions that wait for one."""
        seen = asyncio.ensure_future(_seen(changes))
        try:
            while not (await asyncio.wait({seen}, timeout=_LOOK_SECONDS if self._importer.waits else None))[0]:
                if await self._importer.confirmed():
                    return _Next.CONFIRMED
            return await seen or _Next.CHANGE
        finally:
            seen.cancel()
            await asyncio.gather(seen, return_exceptions=True)

    async def _take(self) -> None:
        self._reading_since = self._now()
        try:
            missing = await self._importer.take()
        finally:
            self._reading_since = None
        if missing is None:
            self._inbound.works()
        else:
            self._inbound.fails(missing)

    async def _deliver(self) -> None:
        position: int | None = None
        while True:
            self._news.clear()
            try:
                if position is None:
                    position = await sources.position(self._store, self.hei_id, self._kind)
                entries = await feed.read(self._store, self.hei_id, position, _PAGE)
                for entry in entries:
                    await self._pass_on(entry)
                    position = entry.seq
                self._outbound.works()
            except (AdapterProblem, StoreUnavailable) as error:
                self._outbound.fails(str(error))
                await self._outbound.rest()
                position = None
            except BaseException as error:  # an adapter may be anyone's code
                self._unforeseen(self._outbound, error)
                await self._outbound.rest()
                position = None
            else:
                if not entries:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await self._news.wait()

    async def _pass_on(self, entry: FeedEntry) -> None:
        """Hand over what an entry is about, as it stands now, and note that it was."""
        if entry.kind in _OF_COPIES and entry.partner is not None and entry.id is not None:
            key = CopyKey(self.hei_id, entry.entity, entry.partner, entry.id)
            copy = await copies.get(self._store, key)
            # a later state has an entry of its own
            if copy is not None and copy.revision == entry.revision:
                for delivery in _deliveries(copy):
                    await self._adapter.deliver(delivery)
        elif (decision := await decision_of(self._store, entry)) is not None:
            await self._adapter.decided(decision)
        async with self._store.transaction() as tx:
            await sources.set_position(tx, self.hei_id, self._kind, entry.seq)

    def _unforeseen(self, direction: _Direction, error: BaseException) -> None:
        """Tell what nobody should have raised; raises what is no fault of the adapter."""
        cause = error.__cause__ if isinstance(error, _Left) and error.__cause__ is not None else error
        if not is_fault(cause):
            raise error
        direction.fails(str(AdapterFailed(self._kind, cause)))


async def _seen(changes: AsyncGenerator[None, None]) -> _Next | None:
    try:
        return await anext(changes, _Next.END)
    except SystemExit as error:
        raise _Left from error  # as it is, it would end the process, since this runs in a task of its own


def _deliveries(copy: Copy) -> list[CopyDelivery]:
    """A copy's present state; before an invalid one the last good one, which the adapter may not have seen yet."""
    key = copy.key
    good = CopyDelivery(
        hei_id=key.hei_id,
        entity=key.entity,
        partner=key.partner,
        id=key.id,
        state="current",
        revision=copy.revision,
        body=copy.body,
        document=json.loads(copy.document) if copy.document is not None else None,
        problems=(),
        at=copy.changed_at,
    )
    common = (key.hei_id, key.entity, key.partner, key.id)
    match copy.state:
        case CopyState.CURRENT:
            return [good]
        case CopyState.GONE:
            return [CopyDelivery(*common, "gone", copy.revision, None, None, (), copy.changed_at)]
        case CopyState.INVALID:
            problems = tuple(json.loads(copy.invalid_problems or "[]"))
            bad = CopyDelivery(*common, "invalid", copy.revision, copy.invalid_body, None, problems, copy.changed_at)
            return [good, bad] if copy.body is not None else [bad]
