"""Reading the rows of the mapping files: which keys there are, then what is new of them, with their lists.

All of it blocks and is for one thread. Whatever the size, the rows of a few hundred keys are in memory at a time, of
the rest only the keys. One transaction sees one state of the database, so rows, lists and keys agree.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, any_, bindparam, column, func, select, text
from sqlalchemy.exc import DBAPIError

from ewpgw.adapters.contract import AdapterProblem, Unchanged, Unreadable
from ewpgw.adapters.mapping import MappingFault, reading, row_key
from ewpgw.adapters.sql.connecting import words
from ewpgw.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, FromClause
    from sqlalchemy.engine import Connection

    from ewpgw.adapters.contract import Reading
    from ewpgw.adapters.mapping import MappingFile
    from ewpgw.adapters.sql.settings import SqlList, SqlSource

_CHUNK = 500
"""Rows of the main SELECT that are worked on at a time; also the most keys of one statement."""
_SCANNED = 5000
_SETTLES = timedelta(seconds=2)
"""Times are often kept to the second: a change in the same second as the one we read must not be missed."""

Row = dict[str, Any]


def faults(connection: Connection, mapping: MappingFile[SqlSource]) -> Iterator[MappingFault]:
    """What does not fit between a mapping file and the database. Runs each SELECT without fetching a row."""
    source = mapping.source
    try:
        columns = _columns(connection, mapping, source.select, "source.select")
        yield from _lacking(mapping, columns, [(mapping.key, "key"), (source.modified, "source.modified")])
        yield from _faults_of_lists(connection, mapping, columns, source.lists, ())
    except _BadSelect as bad:
        yield bad.fault
    else:
        yield from mapping.record.missing([*columns, *source.lists])


def readings(
    connection: Connection, mapping: MappingFile[SqlSource], known: Callable[[str, str], bool]
) -> Generator[Sequence[Reading], None, bool]:
    """Everything a mapping file makes of the database, a few hundred rows at a time, sorted by their keys.

    ``known``: whether an item of this key and digest needs no content. Returns whether every row could be told from
    the others; where one could not, nobody can say what is gone. Raises AdapterProblem and SQLAlchemyError.
    """
    keys = _Keys(mapping)
    keys.scan(connection)
    yield from ([problem] for problem in keys.problems)
    rows = _Rows(connection, mapping)
    ordered = keys.ordered()
    for start in range(0, len(ordered), _CHUNK):
        yield list(_chunk(rows, keys, ordered[start : start + _CHUNK], known))
    return not keys.nameless


class _Keys:
    """The keys that the main SELECT yields, and the versions of their rows where a modified column tells them.

    ``nameless``: how many rows have no key. ``problems``: what keeps rows from being read.
    """

    def __init__(self, mapping: MappingFile[SqlSource]) -> None:
        self._mapping = mapping
        self._versions: dict[object, str | None] = {}
        self._several: set[object] = set()
        self.nameless = 0

    def scan(self, connection: Connection) -> None:
        """Read all keys, with as few columns as can be."""
        mapping, modified = self._mapping, self._mapping.source.modified
        rows = _as_table(mapping.source.select, mapping.key, *([modified] if modified else []))
        columns: list[ColumnElement[Any]] = [rows.c[mapping.key]]
        fresh = _Freshness(connection) if modified else None
        if modified:
            columns.append(rows.c[modified])
        found = connection.execute(select(*columns), execution_options={"yield_per": _SCANNED})
        if fresh is None:
            self._add((key, None) for (key,) in found)
        else:
            self._add((key, fresh.version(value)) for key, value in found)

    def _add(self, found: Iterable[tuple[object, str | None]]) -> None:
        versions = self._versions
        for key, version in found:
            if key is None or key == "":
                self.nameless += 1
            elif key in versions:
                self._several.add(key)
            else:
                versions[key] = version

    @property
    def problems(self) -> Iterator[Unreadable]:
        entity, key = self._mapping.entity, self._mapping.key
        if self.nameless:
            said = f"{self.nameless} rows have nothing in {key}, which is to name them; nothing of {entity} is deleted"
            yield self._unreadable("a row without key", f"{said} until they have")
        for value in sorted(self._several, key=str):
            said = f"several rows have the same {key}; the SELECT must give one row for each record"
            yield self._unreadable(row_key(self._mapping, {key: value}) or "a row without key", said)

    def ordered(self) -> list[object]:
        """The keys that name one row each, always in the same order."""
        single: list[Any] = [key for key in self._versions if key not in self._several]
        if len({type(key) for key in single}) <= 1:
            return sorted(single)
        return sorted(single, key=lambda key: (type(key).__name__, key))

    def version(self, key: object) -> str | None:
        """The digest that the modified column gives; None where the content has to be compared."""
        return self._versions[key]

    def _unreadable(self, name: str, said: str) -> Unreadable:
        entity = self._mapping.entity
        return Unreadable(f"{entity}/{name}", entity, Problem("", said, "refusal", "sql adapter"))


class _Freshness:
    """Tells whether the value of a modified column may stand for a row's version."""

    def __init__(self, connection: Connection) -> None:
        now = _moment(connection.scalar(select(func.current_timestamp())))
        self._settled = now - _SETTLES if now is not None and now.tzinfo is not None else None
        self._settled_locally = now.replace(tzinfo=None) - _SETTLES if now is not None else None

    def version(self, value: object) -> str | None:
        """The value as a digest; None where it is empty, or so young that a later change might have the same."""
        if value is None:
            return None
        moment = value if type(value) is datetime else _moment(value)
        if moment is not None:
            settled = self._settled_locally if moment.tzinfo is None else self._settled
            if settled is not None and moment >= settled:
                return None
            if moment is value and moment.tzinfo is not None:
                return repr(moment.timestamp())  # the same in whatever zone the database gives it, and quick
        return str(value)


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):  # good for the whole day
        return datetime(value.year, value.month, value.day) + timedelta(days=1, hours=12)
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[ T]\d\d:", value):  # SQLite has no type for times
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return None
    return None


def _chunk(rows: _Rows, keys: _Keys, wanted: Sequence[object], known: Callable[[str, str], bool]) -> Iterator[Reading]:
    mapping = rows.mapping
    entity, fingerprint = mapping.entity, mapping.fingerprint
    written = {key: row_key(mapping, {mapping.key: key}) for key in wanted}
    same: dict[object, Unchanged] = {}
    for key, called in written.items():
        version = keys.version(key)
        if version is not None and known(name := f"{entity}/{called}", digest := f"{fingerprint}:{version}"):
            same[key] = Unchanged(name, entity, digest)
    if len(same) == len(wanted):
        yield from same.values()
        return
    found = rows.fetch([key for key in wanted if key not in same])
    for key in wanted:
        if (unchanged := same.get(key)) is not None:
            yield unchanged
            continue
        row = found.get(key)
        if row is None:
            raise AdapterProblem(f"rows of {mapping.entity} changed while they were read; they are read again")
        version = keys.version(key)
        if version is None:
            version = blake2b(repr(row).encode("utf-8", "replace"), digest_size=16).hexdigest()
            if known(name := f"{entity}/{written[key]}", digest := f"{fingerprint}:{version}"):
                yield Unchanged(name, entity, digest)
                continue
        place, lists = f"{mapping.key} {key}", mapping.source.lists
        yield reading(mapping, row, key=written[key], digest=version, place=place, lists=lists)


class _Rows:
    """Fetches rows by their keys, with their lists."""

    def __init__(self, connection: Connection, mapping: MappingFile[SqlSource]) -> None:
        self._connection = connection
        self.mapping = mapping

    def fetch(self, keys: Sequence[object]) -> dict[object, Row]:
        """The rows of these keys, by key."""
        if not keys:
            return {}
        key = self.mapping.key
        found = {row[key]: row for row in self._select(self.mapping.source.select, key, keys)}
        self._attach(self.mapping.source.lists, list(found.values()))
        return found

    def _attach(self, lists: Mapping[str, SqlList], parents: list[Row]) -> None:
        """Put the lists into the rows that they belong to, lists in lists too."""
        for name, spec in lists.items():
            of = spec.of or spec.key
            owners: dict[object, list[Row]] = {}
            for parent in parents:
                parent[name] = []
                if parent[of] is not None:
                    owners.setdefault(parent[of], []).append(parent)
            alike = {_folded(value): value for value in owners}
            below: list[Row] = []
            for start in range(0, len(owners), _CHUNK):
                part = list(owners)[start : start + _CHUNK]
                below += self._select(spec.select, spec.key, part, spec.order)
            if not spec.order:
                below.sort(key=repr)
            self._attach(spec.lists, below)
            for row in below:
                value = row[spec.key]
                # the database may take "a1 " for "A1", and it decides
                for parent in owners.get(value) or owners[alike[_folded(value)]]:
                    parent[name].append(row)

    def _select(self, statement: str, key: str, keys: Sequence[object], order: Sequence[str] = ()) -> list[Row]:
        as_array = self._connection.dialect.driver == "psycopg"
        result = self._connection.execute(_by_keys(statement, key, tuple(order), as_array), {"ewpgw_keys": list(keys)})
        names = list(result.keys())
        return [dict(zip(names, row, strict=True)) for row in result.all()]


@cache
def _by_keys(statement: str, key: str, order: tuple[str, ...], as_array: bool) -> Select[Any]:
    """The rows with some keys. ``as_array``: for a driver whose arrays take the type of what they are compared with;
    hundreds of parameters take both sides longer.
    """
    rows = _as_table(statement, key, *order)
    wanted = select(text("*")).select_from(rows).order_by(*(rows.c[c] for c in order))
    if as_array:
        return wanted.where(rows.c[key] == any_(bindparam("ewpgw_keys")))
    return wanted.where(rows.c[key].in_(bindparam("ewpgw_keys", expanding=True)))


def _as_table(statement: str, *columns: str) -> FromClause:
    """A SELECT of a mapping file as a table in ours: so it can be nothing but a SELECT."""
    escaped = statement.replace(":", "\\:")  # it has no parameters, whatever looks like one
    return text(f"{escaped}\n").columns(*(column(name) for name in dict.fromkeys(columns))).subquery("ewpgw_rows")


def _folded(value: object) -> object:
    return value.strip().casefold() if isinstance(value, str) else value


class _BadSelect(Exception):
    def __init__(self, fault: MappingFault) -> None:
        super().__init__(fault)
        self.fault = fault


def _columns(connection: Connection, mapping: MappingFile[SqlSource], statement: str, where: str) -> list[str]:
    nothing = select(text("*")).select_from(_as_table(statement)).where(text("1 = 0"))
    try:
        return list(connection.execute(nothing).keys())
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise _BadSelect(_fault(mapping, where, f"the database refuses it: {words(error)}")) from None


def _lacking(
    mapping: MappingFile[SqlSource], columns: Sequence[str], wanted: Iterable[tuple[str | None, str]]
) -> Iterator[MappingFault]:
    for name, where in wanted:
        if name is not None and name not in columns:
            said = f"{name} is not among the columns of the SELECT; it gives {', '.join(sorted(columns))}"
            yield _fault(mapping, where, said)


def _fault(mapping: MappingFile[SqlSource], where: str, said: str) -> MappingFault:
    return MappingFault(mapping.path, mapping.line(tuple(where.split("."))), where, said)


def _faults_of_lists(
    connection: Connection,
    mapping: MappingFile[SqlSource],
    above: Sequence[str],
    lists: Mapping[str, SqlList],
    within: tuple[str, ...],
) -> Iterator[MappingFault]:
    """What does not fit in the lists of a row, or ``within`` lists in those."""
    for name, spec in lists.items():
        here = ".".join(("source", *(f"lists.{each}" for each in (*within, name))))
        columns = _columns(connection, mapping, spec.select, f"{here}.select")
        yield from _lacking(mapping, columns, [(spec.key, f"{here}.key"), *((c, f"{here}.order") for c in spec.order)])
        yield from _lacking(mapping, above, [(spec.of or spec.key, f"{here}.of" if spec.of else f"{here}.key")])
        if name in above:
            yield _fault(mapping, here, "has the name of a column; give the list another name")
        yield from mapping.record.missing([*columns, *spec.lists], (*within, name))
        yield from _faults_of_lists(connection, mapping, columns, spec.lists, (*within, name))
