"""Which values of a modified column may stand for the content of a row."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from ewpgw.adapters.sql.keys import Freshness

NOW = datetime(2026, 11, 22, 16, 40, 52, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize(
    "value",
    [
        NOW - timedelta(seconds=2),
        NOW.astimezone(timezone(timedelta(hours=14))),
        "2026-11-22T16:40:51Z",
        *(NAIVE + timedelta(hours=hours) for hours in (-12, -8, -1, 0, 1, 14)),
        str(NAIVE - timedelta(hours=8)),
        date(2026, 11, 22),
        date(2026, 11, 21),
        date.max,
        "2026-11-22",
        *(EPOCH + hours * 3600 for hours in (-12, 0, 14)),
        str(EPOCH),
        float(EPOCH),
        Decimal(EPOCH),
        EPOCH * 1000,
        EPOCH * 10**9,
        20261122,
        20261122164052,
        "20261122114052",
        None,
    ],
)
def test_what_a_later_change_might_have_too_is_not_trusted(value: object) -> None:
    assert Freshness(NOW).version(value) is None


@pytest.mark.parametrize(
    "value",
    [
        NOW - timedelta(seconds=3),
        "2026-11-22T16:40:49Z",
        NAIVE - timedelta(hours=27),
        str(NAIVE - timedelta(hours=27)),
        date(2026, 11, 20),
        "2026-11-20",
        "2026-11-20 16",
        EPOCH - 27 * 3600,
        str(EPOCH - 27 * 3600),
        20261101,
        0,
        17,
        Decimal("NaN"),
        "9" * 5000,
        "v17",
        b"\x17",
    ],
)
def test_what_is_older_or_counts_is_trusted(value: object) -> None:
    assert Freshness(NOW).version(value)


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_a_database_that_does_not_say_its_zone_may_be_in_any(hours: int) -> None:
    fresh = Freshness(NAIVE + timedelta(hours=hours))
    assert fresh.version(NAIVE) is None
    assert fresh.version(NOW) is None
    assert fresh.version(EPOCH) is None
    assert fresh.version(NAIVE - timedelta(hours=12)) is None
    assert fresh.version(NAIVE - timedelta(hours=41))


def test_the_same_time_is_the_same_in_whatever_zone_it_is_told() -> None:
    before = NOW - timedelta(days=3)
    fresh = Freshness(NOW)
    assert fresh.version(before) == fresh.version(before.astimezone(timezone(timedelta(hours=-5))))
