"""Days and moments as records have them (xs:date, xs:dateTime), in order of time."""

from __future__ import annotations

import re

_MOMENT = re.compile(
    r"\s*(-?[0-9]+)-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))?\s*"
)
_DAY = re.compile(r"\s*(-?[0-9]+)-([0-9]{2})-([0-9]{2})")


def day(date: str) -> tuple[int, int, int]:
    """Year, month and day of an xs:date, its time zone aside. Raises ValueError for another text."""
    found = _DAY.match(date)
    if found is None:
        raise ValueError(f"{date!r} is no date such as 2026-09-01")
    return int(found[1]), int(found[2]), int(found[3])


def moment(date_time: str) -> tuple[int, int]:
    """An xs:dateTime as a day, counted from a fixed one, and its second in UTC; without a zone it is taken as UTC.

    Fractions of a second are left out. Raises ValueError for another text.
    """
    found = _MOMENT.fullmatch(date_time)
    if found is None:
        raise ValueError(f"{date_time!r} is no moment such as 2026-09-01T10:15:00+02:00")
    year, month, of_month, hour, minute, second = (int(found[number]) for number in range(1, 7))
    seconds = hour * 3600 + minute * 60 + second
    if found["sign"]:
        offset = int(found["hours"]) * 3600 + int(found["minutes"]) * 60
        seconds -= offset if found["sign"] == "+" else -offset
    days, seconds = divmod(seconds, 24 * 3600)
    return _days_before(year, month) + of_month + days, seconds


def _days_before(year: int, month: int) -> int:
    """The days before a month in the proleptic Gregorian calendar, whatever the year."""
    # counted in years that begin in March, so that a leap day ends its year
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5
