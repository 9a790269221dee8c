"""HTTP dates: written in the one form that RFC 2616 prefers, read in all three that it knows."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS, start=1)}

_CLOCK = "([0-9]{2}):([0-9]{2}):([0-9]{2})"
_SHORT_DAY = f"(?:{'|'.join(_WEEKDAYS)})"
_LONG_DAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
_MONTH = f"({'|'.join(_MONTHS)})"
# The day may have one digit: java.time's RFC_1123_DATE_TIME writes it so, and much of the network runs on Java.
_RFC_1123 = re.compile(f"{_SHORT_DAY}, ([0-9]{{1,2}}) {_MONTH} ([0-9]{{4}}) {_CLOCK} GMT")
_RFC_850 = re.compile(f"{_LONG_DAY}, ([0-9]{{2}})-{_MONTH}-([0-9]{{2}}) {_CLOCK} GMT")
_ASCTIME = re.compile(f"{_SHORT_DAY} {_MONTH} ([ 0-9][0-9]) {_CLOCK} ([0-9]{{4}})")

# The second that was formatted last, and its text: a busy gateway writes the same date many times.
_latest = (0, "Thu, 01 Jan 1970 00:00:00 GMT")


class BadDate(ValueError):
    """A text that is not an HTTP date."""


def format_http_date(moment: datetime) -> str:
    """Write a moment as an HTTP date, as in ``Sun, 06 Nov 1994 08:49:37 GMT`` (RFC 2616, section 3.3.1).

    Fractions of a second are dropped. Raises ValueError when the moment has no time zone.
    """
    global _latest  # noqa: PLW0603 (a cache of one entry, replaced as a whole)
    if moment.tzinfo is None:
        raise ValueError("the moment has no time zone; use datetime.now(UTC)")
    # Without the fraction first: as a float it could round up to the next second.
    second = int(moment.replace(microsecond=0).timestamp())
    known, text = _latest
    if known == second:
        return text
    utc = datetime.fromtimestamp(second, UTC)
    text = (
        f"{_WEEKDAYS[utc.weekday()]}, {utc.day:02d} {_MONTHS[utc.month - 1]} {utc.year:04d} "
        f"{utc.hour:02d}:{utc.minute:02d}:{utc.second:02d} GMT"
    )
    _latest = (second, text)
    return text


@lru_cache(maxsize=64)  # requests of one moment carry the same date
def parse_http_date(text: str) -> datetime:
    """Read an HTTP date in any of the three forms of RFC 2616, section 3.3.1; the answer is in UTC.

    Two-digit years are 1969 to 2068. The name of the weekday is not compared with the date. Raises BadDate.
    """
    if found := _RFC_1123.fullmatch(text):
        day, month, year, hour, minute, second = found.groups()
    elif found := _RFC_850.fullmatch(text):
        day, month, short_year, hour, minute, second = found.groups()
        year = ("19" if int(short_year) >= 69 else "20") + short_year
    elif found := _ASCTIME.fullmatch(text):
        month, day, hour, minute, second, year = found.groups()
    else:
        raise BadDate('not an HTTP date; the form is "Sun, 06 Nov 1994 08:49:37 GMT"')
    try:
        return datetime(
            int(year),
            _MONTH_NUMBERS[month],
            int(day),
            int(hour),
            int(minute),
            # RFC 2616 allows a leap second, which datetime cannot express.
            59 if second == "60" else int(second),
            tzinfo=UTC,
        )
    except ValueError as problem:
        raise BadDate(f"a date that does not exist: {problem}") from None
