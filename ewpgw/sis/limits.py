"""How much one token, or one address that fails to show a token, may ask: token buckets in this process's memory."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST_BUCKETS = 10_000
_IPV6_NETWORK_BITS: Final = 64

_FAILURES_PER_SECOND: Final = 1
_FAILURES_AT_ONCE: Final = 60


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a bucket says to one request.

    ``remaining`` are the requests that it would take at once after this one; ``full_after`` and ``retry_after`` are
    seconds: until it is full again, until it takes one more.
    """

    granted: bool
    burst: int
    window: int
    remaining: int
    full_after: int
    retry_after: int

    def headers(self) -> Mapping[str, str]:
        """The allowance for the client (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4)."""
        return {
            "RateLimit-Policy": f'"token";q={self.burst};w={self.window}',
            "RateLimit": f'"token";r={self.remaining};t={self.full_after}',
        }


class Buckets:
    """One bucket for each key, of ``burst`` requests, refilled by ``per_second``. Buckets not used for long go first.

    Each replica has its own, so that n replicas together let n times as much through.
    """

    def __init__(self, per_second: int, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        self._burst = burst
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._levels

    def take(self, key: str) -> Allowance:
        """Take one request out of the bucket, where there is one."""
        level = self._level(key)
        granted = level >= 1
        level -= granted
        self._levels[key] = level, self._clock()
        self._levels.move_to_end(key)
        while len(self._levels) > _MOST_BUCKETS:
            self._levels.popitem(last=False)
        return self._allowance(level, granted=granted)

    def look(self, key: str) -> Allowance:
        """What the bucket would say, without taking anything."""
        level = self._level(key)
        return self._allowance(level, granted=level >= 1)

    def forget(self, key: str) -> None:
        """Drop the bucket."""
        self._levels.pop(key, None)

    def _level(self, key: str) -> float:
        level, at = self._levels.get(key, (float(self._burst), 0.0))
        return min(float(self._burst), level + (self._clock() - at) * self._rate)

    def _allowance(self, level: float, *, granted: bool) -> Allowance:
        return Allowance(
            granted=granted,
            burst=self._burst,
            window=math.ceil(self._burst / self._rate),
            remaining=int(level),
            full_after=math.ceil((self._burst - level) / self._rate),
            retry_after=max(1, math.ceil((1 - level) / self._rate)),
        )


class Limits:
    """The limits of the SIS API: on each token, and on failures to show one from each address."""

    def __init__(self, per_second: int = 500, burst: int = 2000, clock: Callable[[], float] = time.monotonic) -> None:
        self.tokens = Buckets(per_second, burst, clock)
        self.failures = Buckets(_FAILURES_PER_SECOND, _FAILURES_AT_ONCE, clock)


def peer_of(address: str | None) -> str:
    """Whom failures are counted for: an IPv4 address, or the network of an IPv6 one, where addresses cost nothing."""
    try:
        parsed = ip_address((address or "").partition("%")[0])
    except ValueError:
        return address or ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS))
