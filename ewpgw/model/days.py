"""Days as records have them (xs:date), in order of time."""

from __future__ import annotations

import re

_DAY = re.compile(r"\s*(-?[0-9]+)-([0-9]{2})-([0-9]{2})")


def day(date: str) -> tuple[int, int, int]:
    """Year, month and day of an xs:date, its time zone aside. Raises ValueError for another text."""
    found = _DAY.match(date)
    if found is None:
        raise ValueError(f"{date!r} is no date such as 2026-09-01")
    return int(found[1]), int(found[2]), int(found[3])
