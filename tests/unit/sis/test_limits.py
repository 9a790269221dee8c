"""Token buckets, and whom failures are counted for."""

from __future__ import annotations

import pytest

from ewpgw.sis import limits
from ewpgw.sis.limits import Buckets, peer_of


def test_a_bucket_is_refilled_evenly_and_never_over_its_brim() -> None:
    now = [0.0]
    buckets = Buckets(10, 20, lambda: now[0])
    assert [buckets.take("a").granted for _ in range(21)] == [True] * 20 + [False]
    now[0] = 0.55
    assert [buckets.take("a").granted for _ in range(6)] == [True] * 5 + [False]
    now[0] = 1_000_000.0
    assert buckets.look("a").remaining == 20
    assert [buckets.take("a").granted for _ in range(21)].count(True) == 20


def test_looking_takes_nothing_and_remembers_nobody() -> None:
    buckets = Buckets(1, 1, lambda: 0.0)
    assert all(buckets.look("a").granted for _ in range(3))
    assert "a" not in buckets
    assert buckets.take("a").granted
    assert not buckets.look("a").granted


def test_the_memory_of_buckets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_BUCKETS", 3)
    buckets = Buckets(1, 5, lambda: 0.0)
    for key in ("a", "b", "c", "a", "d"):
        buckets.take(key)
    assert [key in buckets for key in "abcd"] == [True, False, True, True]


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        (None, ""),
    ],
)
def test_failures_are_counted_for_an_address_or_a_network_of_ipv6(address: str | None, peer: str) -> None:
    assert peer_of(address) == peer
