"""The exchange log's writer: exchanges are handed over at once and written in batches, off the request's path."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import structlog

from ewpgw.store import exchanges, idempotency, nonces
from ewpgw.store.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ewpgw.store.engine import Store
    from ewpgw.store.exchanges import Exchange

_log = structlog.get_logger(__name__)
_PAUSE_SECONDS = 1.0
_BATCH = 500
_MOST_WAITING_BYTES = 256 * 2**20


class Evidence:
    """Keeps exchanges for the configured time.

    What waits is bounded: over 256 MiB the oldest are dropped, and counted. So is what the database will not take for
    a reason of its own: the log must never be what stops a gateway.
    """

    def __init__(self, store: Store, *, keep_days: int, now: Callable[[], datetime]) -> None:
        self._store = store
        self._keep = timedelta(days=keep_days)
        self._now = now
        self._waiting: deque[Exchange] = deque()
        self._waiting_bytes = 0
        self._writing = asyncio.Lock()
        self.dropped = 0

    def add(self, exchange: Exchange) -> None:
        """Takes an exchange; it is written a second later. Costs microseconds."""
        self._waiting.append(exchange)
        self._waiting_bytes += _size(exchange)
        while self._waiting_bytes > _MOST_WAITING_BYTES:
            self._waiting_bytes -= _size(self._waiting.popleft())
            self.dropped += 1

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
                written = {exchange.id for exchange in batch}
                while self._waiting and self._waiting[0].id in written:
                    self._waiting_bytes -= _size(self._waiting.popleft())

    async def _write(self, batch: list[Exchange]) -> None:
        try:
            async with self._store.transaction() as transaction:
                await exchanges.insert_many(transaction, batch)
        except StoreUnavailable:
            raise
        except Exception:
            if len(batch) == 1:
                self.dropped += 1
                _log.exception("evidence.refused", exchange=batch[0].id)
                return
            for exchange in batch:
                await self._write([exchange])

    async def _purge(self) -> None:
        purged = 1
        while purged:
            async with self._store.transaction() as transaction:
                purged = await exchanges.purge(transaction, self._now() - self._keep)
        async with self._store.transaction() as transaction:
            await nonces.purge(transaction, self._now())
            await idempotency.purge(transaction, self._now())


def _size(exchange: Exchange) -> int:
    return len(exchange.request_body) + len(exchange.response_body) + 2048
