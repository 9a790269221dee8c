"""Wakes the requests that wait for changes."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Bell:
    """Rung by whoever appended to the feed in this process; everybody who waits wakes up.

    It carries no data and may be rung for nothing: those who wake look into the store.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._closed = False
        self._waiting = 0

    @property
    def closed(self) -> bool:
        """The process is about to stop: do not wait any more."""
        return self._closed

    def ring(self) -> None:
        """Wake everybody who waits now."""
        self._event.set()
        self._event = asyncio.Event()

    def close(self) -> None:
        """Wake everybody, for the last time."""
        self._closed = True
        self.ring()

    @property
    def waiting(self) -> int:
        """How many wait at this moment."""
        return self._waiting

    def next_ring(self) -> asyncio.Event:
        """What the next ring sets. Take it before looking into the store, so that no ring in between is lost."""
        return self._event

    async def wait(self, ring: asyncio.Event, seconds: float) -> None:
        """Until ``ring`` is set, but not longer than ``seconds``."""
        self._waiting += 1
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(ring.wait(), seconds)
        finally:
            self._waiting -= 1
