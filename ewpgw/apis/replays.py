"""Request ids of reads, remembered in memory for as long as their date could still be accepted.

State-changing calls are remembered in the store instead, so that every replica knows them
(ewp-specs-sec-cliauth-httpsig, Verify the nonce).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

WINDOW_SECONDS = 600
"""A date may be 300 s ahead of or behind our clock, so a request stays acceptable for at most 600 s after it came."""

_MOST_PER_GENERATION = 500_000


class SeenRequests:
    """Two generations of ids: the older one is forgotten when the younger one is a window old or full."""

    def __init__(self) -> None:
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()
        self._began: float | None = None

    def first_time(self, key_id: str, request_id: str, now: datetime) -> bool:
        """Whether this key has not sent this request id within the window; remembers it."""
        moment = now.timestamp()
        if self._began is None or moment - self._began > WINDOW_SECONDS or len(self._young) >= _MOST_PER_GENERATION:
            self._old, self._young, self._began = self._young, set(), moment
        entry = bytes.fromhex(key_id[:16] + request_id.replace("-", ""))
        if entry in self._young or entry in self._old:
            return False
        self._young.add(entry)
        return True
