"""The types that request parameters have: each function turns a text into a value or says what is wrong with it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

_IDENTIFIER = re.compile(r"[!-~]{1,64}")
_ACADEMIC_YEAR = re.compile(r"([0-9]{4})/([0-9]{4})")
_IN_NO_RECORD = "\ufffe"
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME = re.compile(
    r"(?P<date>-?[0-9]{4,9}-[0-9]{2}-[0-9]{2})T(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]+))?"
    r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)


def text(value: str) -> str:
    """Any text, as it came."""
    return value


def sought(value: str) -> str:
    """What is looked up or filtered by: an id, a code, an institution. One that nothing can have is merely unknown.

    PostgreSQL refuses a text with a NUL in it, where SQLite finds nothing. So that nothing is found in either, NUL
    gives way to a character that XML cannot carry, and that therefore is in no record.
    """
    return value.replace("\0", _IN_NO_RECORD)


def identifier(value: str) -> str:
    """An EWP identifier: 1 to 64 printable ASCII characters (ewp-specs-architecture, Identifiers)."""
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError("an identifier has 1 to 64 printable ASCII characters and no spaces")
    return value


def academic_year_id(value: str) -> str:
    """An academic year of the receiving institution: ``2026/2027``, or ``2026/2026`` on the southern hemisphere."""
    match = _ACADEMIC_YEAR.fullmatch(value)
    if match is None or int(match[2]) - int(match[1]) not in (0, 1):
        raise ValueError("an academic year is written like 2026/2027 (or 2026/2026 in the southern calendar)")
    return value


def day(value: str) -> date:
    """A day of the calendar: ``2026-09-01``."""
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"there is no such day as {value}") from None
    raise ValueError("a day is written like 2026-09-01")


def date_time(value: str) -> datetime:
    """An ``xs:dateTime``; without a time zone it is taken as UTC, years Python cannot hold become the nearest it can.

    A ``+`` that a client left unescaped in a query string arrives as a space; it still is a ``+``.
    """
    match = _DATE_TIME.fullmatch(value.strip().replace(" ", "+"))
    if match is None:
        raise ValueError("a moment is written as an xs:dateTime, like 2026-11-21T10:00:00+01:00")
    if match["date"].startswith("-"):
        return datetime.min.replace(tzinfo=UTC)
    if len(match["date"]) > len("2026-11-21"):
        return datetime.max.replace(tzinfo=UTC)
    midnight_after = match["time"] == "24:00:00"
    try:
        moment = datetime.fromisoformat(f"{match['date']}T{'00:00:00' if midnight_after else match['time']}")
        zone = _zone(match["zone"])
    except ValueError:
        raise ValueError(f"there is no such moment as {value}") from None
    moment = moment.replace(microsecond=int((match["fraction"] or "0")[:6].ljust(6, "0")), tzinfo=zone)
    try:
        return (moment + timedelta(days=midnight_after)).astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)


def _zone(written: str | None) -> timezone:
    if written is None or written == "Z":
        return UTC
    hours, minutes = int(written[1:3]), int(written[4:6])
    if hours * 60 + minutes > 14 * 60 or minutes > 59:
        raise ValueError("no such time zone")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if written[0] == "-" else offset)
