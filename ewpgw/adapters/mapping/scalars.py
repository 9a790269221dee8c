"""Single values on their way into a record: texts, numbers, dates and truth values of any source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

from ewpgw.adapters.mapping.faults import BadValue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    Convert = Callable[[object], "str | bool"]


class Kind(Enum):
    """What a field wants of a single value."""

    TEXT = "text"
    DATE = "date"
    FLAG = "flag"


_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def as_text(value: object) -> str:
    """A value of the source as text: numbers in plain notation, dates as ISO 8601 has them. Raises BadValue."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | UUID):
        return str(value)
    if isinstance(value, float | Decimal):
        number = Decimal(repr(value)) if isinstance(value, float) else value
        if not number.is_finite():
            raise BadValue("is not a number that can be written down", value)
        digits = format(number, "f")
        return digits.rstrip("0").rstrip(".") if "." in digits else digits
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | tuple | dict):
        raise BadValue("is a list or has fields of its own, where a single value is wanted; name what is in it", value)
    raise BadValue("is neither text, number, date nor true or false", type(value).__name__)


def as_flag(value: object) -> bool:
    """True or false, as a bool, 1 or 0, or in words. Raises BadValue."""
    if isinstance(value, bool):
        return value
    found = _FLAGS.get(as_text(value).lower())
    if found is None:
        raise BadValue("is neither true nor false; say with 'values' what it means", value)
    return found


def converter(kind: Kind, zone: ZoneInfo | None, patterns: Sequence[DatePattern], decimal: str | None) -> Convert:
    """What makes of one value, not None, what a field of a kind wants. It raises BadValue."""
    if kind is Kind.FLAG:
        return as_flag
    if kind is Kind.DATE or patterns:
        return _dates(zone, patterns, days=kind is Kind.DATE)
    return _decimals(decimal) if decimal is not None else as_text


def _dates(zone: ZoneInfo | None, patterns: Sequence[DatePattern], *, days: bool) -> Convert:
    def convert(value: object) -> str:
        found = value
        if isinstance(value, str):
            if not patterns:
                return value
            found = next((read for pattern in patterns if (read := pattern.read(value)) is not None), None)
            if found is None:
                written = " or ".join(pattern.text for pattern in patterns)
                raise BadValue(f"is not a date written as {written}", value)
        if isinstance(found, datetime):
            if found.tzinfo is not None and zone is not None:
                found = found.astimezone(zone)
            if days or not any(pattern.timed for pattern in patterns):
                return found.date().isoformat()
            return (found.replace(tzinfo=zone) if found.tzinfo is None else found).isoformat()
        return as_text(found)

    return convert


def _decimals(mark: str) -> Convert:
    wanted = re.compile(rf"([+-]?)([0-9]+(?:[ \u00a0\u202f'.,][0-9]{{3}})*)(?:{re.escape(mark)}([0-9]+))?")

    def convert(value: object) -> str:
        if not isinstance(value, str):
            return as_text(value)
        found = wanted.fullmatch(value)
        if found is None or mark in found[2]:
            raise BadValue(f"is not a number with {mark!r} as its decimal mark", value)
        whole = "".join(char for char in found[2] if char.isdigit())
        return f"{found[1]}{whole}.{found[3]}" if found[3] else f"{found[1]}{whole}"

    return convert


_PARTS = {
    "YYYY": "(?P<year>[0-9]{4})",
    "YY": "(?P<short>[0-9]{2})",
    "MM": "(?P<month>[0-9]{2})",
    "M": "(?P<month>[0-9]{1,2})",
    "DD": "(?P<day>[0-9]{2})",
    "D": "(?P<day>[0-9]{1,2})",
    "hh": "(?P<hour>[0-9]{2})",
    "mm": "(?P<minute>[0-9]{2})",
    "ss": "(?P<second>[0-9]{2}(?:[.][0-9]+)?)",
    "zz": "(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})",
}
_PART = re.compile("YYYY|YY|MM|M|DD|D|hh|mm|ss|zz")


@dataclass(frozen=True, slots=True)
class DatePattern:
    """How dates are written: ``DD.MM.YYYY``, ``YYYY-MM-DD hh:mm``. ``timed``: with a time of day."""

    text: str
    timed: bool
    _wanted: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> DatePattern:
        """Read a pattern. Raises ValueError with what is wrong with it."""
        parts = _PART.findall(text)
        expression = "".join(
            _PARTS.get(piece) or re.escape(piece) for piece in re.split(f"({_PART.pattern})", text) if piece
        )
        groups = re.findall(r"\?P<(\w+)>", expression)
        if len(groups) != len(set(groups)) or not {"month", "day"} <= set(groups):
            raise ValueError("names day and month not once each")
        if not {"year", "short"} & set(groups):
            raise ValueError("has no year")
        if "hour" in groups and "minute" not in groups:
            raise ValueError("has hours without minutes")
        if any(char.isalpha() for char in _PART.sub("", text).replace("T", "")):
            raise ValueError("has letters that stand for nothing")
        return cls(text, "hh" in parts, re.compile(expression))

    def read(self, text: str) -> date | None:
        """The day, or the point in time, that a text names; None where it is not written so."""
        found = self._wanted.fullmatch(text)
        if found is None:
            return None
        parts = found.groupdict()
        year = int(parts["year"]) if parts.get("year") else 2000 + int(parts["short"])
        try:
            day = date(year, int(parts["month"]), int(parts["day"]))
            if not self.timed:
                return day
            clock = f"{parts['hour']}:{parts['minute']}:{parts.get('second') or '00'}{parts.get('offset') or ''}"
            return datetime.combine(day, time.fromisoformat(clock))
        except ValueError:
            return None
