"""The exchange log's writer: exchanges are handed over at once and written in batches, off the request's path."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import structlog

from ewpgw.store import exchanges, idempotency, nonces
from ewpgw.store.errors import StoreUnavailable

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.store.engine import Store
    from ewpgw.store.exchanges import Exchange, ExchangeRow

_log = structlog.get_logger(__name__)
_PAUSE_SECONDS = 1.0
_BATCH = 500
_MOST_WAITING_BYTES = 256 * 2**20
_MOST_UNPROVEN = 1000
"""So many requests without a verified signature are kept an hour: anybody can send them, by the million."""

Note: TypeAlias = Callable[["AsyncConnection", str], Awaitable[None]]
"""Remembers what an exchange is evidence of: called with its id, in the transaction in which it is written."""


@dataclass(slots=True)
class _Waiting:
    """An exchange that is to be written; ``size`` is about how many bytes of memory it takes."""

    exchange_id: str
    row: ExchangeRow
    note: Note | None
    size: int


class Evidence:
    """Keeps exchanges for the configured time.

    What waits is bounded: over 256 MiB the oldest are dropped, and counted. So is what the database will not take for
    a reason of its own: the log must never be what stops a gateway.
    """

    def __init__(self, store: Store, *, keep_days: int, now: Callable[[], datetime]) -> None:
        self._store = store
        self._keep = timedelta(days=keep_days)
        self._now = now
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._writing = asyncio.Lock()
        self._unproven, self._unproven_since = 0, now()
        self.dropped = 0

    def add(self, exchange: Exchange, note: Note | None = None, *, proven: bool = True) -> None:
        """Takes an exchange; it is written a second later. Costs microseconds.

        Of requests that prove nothing, since their signature was not verified, the first thousand an hour are kept.
        """
        if not proven and self._is_one_too_many():
            return
        size = len(exchange.request_body) + len(exchange.response_body) + 2048
        # Made a row at once: its parts are at hand, and as many small ones would have to be sought again, and freed.
        self._waiting.append(_Waiting(exchange.id, exchanges.as_row(exchange), note, size))
        self._waiting_bytes += size
        while self._waiting_bytes > _MOST_WAITING_BYTES:
            self._waiting_bytes -= self._waiting.popleft().size
            self.dropped += 1

    def _is_one_too_many(self) -> bool:
        if (now := self._now()) - self._unproven_since >= timedelta(hours=1):
            self._unproven, self._unproven_since = 0, now
        self._unproven += 1
        if self._unproven == _MOST_UNPROVEN + 1:
            _log.warning("evidence.too_many_unproven", kept=_MOST_UNPROVEN, since=self._unproven_since.isoformat())
        return self._unproven > _MOST_UNPROVEN

    async def run(self) -> None:
        """Writes until cancelled; then writes what is left."""
        purge_at = self._now()
        try:
            while True:
                await asyncio.sleep(_PAUSE_SECONDS)
                try:
                    await self.flush()
                    if self._now() >= purge_at:
                        await self._purge()
                        purge_at = self._now() + timedelta(hours=1)
                except StoreUnavailable as error:
                    _log.warning("evidence.waits", waiting=len(self._waiting), reason=str(error))
        finally:
            with suppress(StoreUnavailable):
                await self.flush()

    async def flush(self) -> None:
        """Writes everything that waits now. Raises StoreUnavailable, and then keeps what is not written."""
        async with self._writing:
            while self._waiting:
                batch = list(islice(self._waiting, _BATCH))
                await self._write(batch)
                written = {each.exchange_id for each in batch}
                while self._waiting and self._waiting[0].exchange_id in written:
                    self._waiting_bytes -= self._waiting.popleft().size

    async def _write(self, batch: list[_Waiting]) -> None:
        try:
            async with self._store.transaction() as transaction:
                await exchanges.insert_many(transaction, [each.row for each in batch])
                for each in batch:
                    if each.note is not None:
                        await each.note(transaction, each.exchange_id)
        except StoreUnavailable:
            raise
        except Exception:
            if len(batch) > 1:
                for each in batch:
                    await self._write([each])
                return
            _log.exception("evidence.refused", exchange=batch[0].exchange_id)
            if batch[0].note is not None:
                await self._write([replace(batch[0], note=None)])
            else:
                self.dropped += 1

    async def _purge(self) -> None:
        purged = 1
        while purged:
            async with self._store.transaction() as transaction:
                purged = await exchanges.purge(transaction, self._now() - self._keep)
        async with self._store.transaction() as transaction:
            await nonces.purge(transaction, self._now())
            await idempotency.purge(transaction, self._now())
