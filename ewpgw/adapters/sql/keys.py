"""The keys that the SELECT of a mapping file yields, and the versions of their rows."""

from __future__ import annotations

import re
from bisect import bisect
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from ewpgw.adapters.contract import Unreadable
from ewpgw.adapters.mapping import row_key
from ewpgw.adapters.sql.selecting import as_table, running
from ewpgw.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import ColumnElement
    from sqlalchemy.engine import Connection

    from ewpgw.adapters.mapping import MappingFile
    from ewpgw.adapters.sql.settings import SqlSource

_SCANNED = 5000
_SETTLES = timedelta(seconds=2)
"""Times are often kept to the second: a change in the same second as the one we read must not be missed."""
_ZONES = timedelta(hours=26)
"""What the clocks of two zones differ by at most, UTC+14 and UTC-12: nobody says in which one a time without zone is,
nor, where the database gives its own time without one, in which that is."""
_TICKS = (1, 10**3, 10**6, 10**9)
"""What a time kept as a number counts since 1970: seconds, or a fraction of them."""
_LONGEST_TIME = 20
"""Digits of a text; what has more is no time."""


class Keys:
    """The keys that the main SELECT yields, and the versions of their rows where a modified column tells them.

    Rows are called by what ``row_key`` makes of their key, which may be the same for several keys. ``nameless``: how
    many rows it makes nothing of. ``problems``: what keeps rows from being read.
    """

    def __init__(self, mapping: MappingFile[SqlSource]) -> None:
        self._mapping = mapping
        self._keys: dict[str, Any] = {}
        self._versions: dict[str, str | None] = {}
        self._several: set[str] = set()
        self.nameless = 0

    def scan(self, connection: Connection) -> None:
        """Read all keys, with as few columns as can be."""
        mapping, modified = self._mapping, self._mapping.source.modified
        rows = as_table(mapping.source.select, mapping.key, *([modified] if modified else []))
        columns: list[ColumnElement[Any]] = [rows.c[mapping.key]]
        fresh = Freshness(_now(connection)) if modified else None
        if modified:
            columns.append(rows.c[modified])
        with running(mapping):
            found = connection.execute(select(*columns), execution_options={"yield_per": _SCANNED})
            if fresh is None:
                self.add((key, None) for (key,) in found)
            else:
                self.add((key, fresh.version(value)) for key, value in found)

    def add(self, found: Iterable[tuple[object, str | None]]) -> None:
        """Take keys with the versions of their rows."""
        mapping, column = self._mapping, self._mapping.key
        keys, versions = self._keys, self._versions
        for key, version in found:
            called = row_key(mapping, {column: key})
            if called is None:
                self.nameless += 1
            elif called in keys:
                self._several.add(called)
            else:
                keys[called] = key
                versions[called] = version

    @property
    def problems(self) -> Iterator[Unreadable]:
        entity, key = self._mapping.entity, self._mapping.key
        if self.nameless:
            said = f"{self.nameless} rows have nothing in {key} that can name them, but blanks or no text or number"
            yield self._unreadable("a row without key", f"{said}; nothing of {entity} is deleted until they have")
        for called in sorted(self._several):
            said = f"several rows have the same {key}; the SELECT must give one row for each record"
            yield self._unreadable(called, said)

    @property
    def all(self) -> Iterable[object]:
        """All keys, also those that several rows have, as the database gave them."""
        return self._keys.values()

    def ordered(self) -> list[str]:
        """What the rows are called that have their key alone, always in the same order: that of the keys."""
        keys = self._keys
        single = [called for called in keys if called not in self._several]
        if len({type(keys[called]) for called in single}) <= 1:
            return sorted(single, key=keys.__getitem__)
        return sorted(single, key=lambda called: (type(keys[called]).__name__, keys[called]))

    def key(self, called: str) -> Any:
        """The key of the row that is called so, as the database gave it."""
        return self._keys[called]

    def version(self, called: str) -> str | None:
        """The digest that the modified column gives; None where the content has to be compared."""
        return self._versions[called]

    def _unreadable(self, name: str, said: str) -> Unreadable:
        entity = self._mapping.entity
        return Unreadable(f"{entity}/{name}", entity, Problem("", said, "refusal", "sql adapter"))


class Freshness:
    """Tells whether the value of a modified column may stand for a row's version.

    ``now``: the database's time; without a zone where it does not say which it is of.
    """

    def __init__(self, now: datetime) -> None:
        aware = now if now.tzinfo is not None else now.replace(tzinfo=UTC)
        self._settled = aware - _SETTLES
        if now.tzinfo is None:
            self._settled -= _ZONES
        self._settled_anywhere = aware.astimezone(UTC).replace(tzinfo=None) - _SETTLES - _ZONES
        begin = aware - _SETTLES - _ZONES
        end = aware + _SETTLES + _ZONES
        young = [(begin.timestamp() * ticks, end.timestamp() * ticks) for ticks in _TICKS]
        for written in ("%Y%m%d", "%Y%m%d%H%M%S"):
            young.append((int((begin - timedelta(days=1)).strftime(written)), int(end.strftime(written))))
        self._young = [bound for bounds in sorted(young) for bound in bounds]

    def version(self, value: object) -> str | None:
        """The value as a digest; None where it is empty, or so young that a later change might have the same."""
        if value is None:
            return None
        moment = value if type(value) is datetime else _moment(value)
        if moment is None:
            number = _number(value)
            if number is not None and bisect(self._young, number) % 2:
                return None
        elif moment.tzinfo is None:
            if moment >= self._settled_anywhere:
                return None
        elif moment >= self._settled:
            return None
        elif moment is value:
            return repr(moment.timestamp())  # the same in whatever zone the database gives it, and quick
        return str(value)


def _now(connection: Connection) -> datetime:
    now = _moment(connection.scalar(select(func.current_timestamp()))) or datetime.now(UTC)
    return now.replace(tzinfo=UTC) if connection.dialect.name == "sqlite" else now  # which always says that of UTC


def _number(value: object) -> float | None:
    if isinstance(value, int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)  # of which NaN can be compared
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) <= _LONGEST_TIME else None


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):  # good for the whole day
        return datetime.combine(value, time.max)
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:|$)", value):  # SQLite has no type for times
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return moment if len(value) > len("2026-01-01") else datetime.combine(moment, time.max)
    return None
