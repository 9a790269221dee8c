"""Reading the rows of the mapping files: which keys there are, then what is new of them, with their lists.

All of it blocks and is for one thread. Whatever the size, the rows of a few hundred keys are in memory at a time, of
the rest only the keys. One transaction sees one state of the database, so rows, lists and keys agree.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from ewpgw.adapters.contract import AdapterProblem, Unchanged
from ewpgw.adapters.mapping import reading
from ewpgw.adapters.sql.keys import Keys
from ewpgw.adapters.sql.lists import Owners
from ewpgw.adapters.sql.selecting import by_keys, fault, running

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from ewpgw.adapters.contract import Reading
    from ewpgw.adapters.mapping import MappingFile
    from ewpgw.adapters.sql.lists import Row
    from ewpgw.adapters.sql.settings import SqlList, SqlSource

_CHUNK = 500
"""Rows of the main SELECT that are worked on at a time; also the most keys of one statement."""


def readings(
    connection: Connection, mapping: MappingFile[SqlSource], known: Callable[[str, str], bool]
) -> Generator[Sequence[Reading], None, bool]:
    """Everything a mapping file makes of the database, a few hundred rows at a time, sorted by their keys.

    ``known``: whether an item of this key and digest needs no content. Returns whether every row could be told from
    the others; where one could not, nobody can say what is gone. Raises AdapterProblem and SQLAlchemyError.
    """
    keys = Keys(mapping)
    keys.scan(connection)
    yield from ([problem] for problem in keys.problems)
    rows = _Rows(connection, mapping, keys)
    ordered = keys.ordered()
    for start in range(0, len(ordered), _CHUNK):
        yield list(_chunk(rows, keys, ordered[start : start + _CHUNK], known))
    return not keys.nameless


def _chunk(rows: _Rows, keys: Keys, wanted: Sequence[str], known: Callable[[str, str], bool]) -> Iterator[Reading]:
    mapping = rows.mapping
    entity, fingerprint = mapping.entity, mapping.fingerprint
    same: dict[str, Unchanged] = {}
    for called in wanted:
        version = keys.version(called)
        if version is not None and known(name := f"{entity}/{called}", digest := f"{fingerprint}:{version}"):
            same[called] = Unchanged(name, entity, digest)
    if len(same) == len(wanted):
        yield from same.values()
        return
    found = rows.fetch([keys.key(called) for called in wanted if called not in same])
    for called in wanted:
        if (unchanged := same.get(called)) is not None:
            yield unchanged
            continue
        key = keys.key(called)
        row = found.get(key)
        if row is None:
            raise AdapterProblem(_lost(mapping, key))
        version = keys.version(called)
        if version is None:
            version = blake2b(repr(row).encode("utf-8", "replace"), digest_size=16).hexdigest()
            if known(name := f"{entity}/{called}", digest := f"{fingerprint}:{version}"):
                yield Unchanged(name, entity, digest)
                continue
        place, lists = f"{mapping.key} {key}", mapping.source.lists
        yield reading(mapping, row, key=called, digest=version, place=place, lists=lists)


def _lost(mapping: MappingFile[SqlSource], key: object) -> str:
    """What to say where the database does not find a row by the key that it has just given for it."""
    if isinstance(key, float):
        said = f"{mapping.key} is a floating-point number, by which the database does not find the row again"
        return str(fault(mapping, "key", f"{said}; make it a text or a whole number in the SELECT (CAST)"))
    said = f"the row was not found again by its {mapping.key}, as if it had changed meanwhile; it is read again"
    return str(fault(mapping, "key", f"{said}. If this stays so, make the key a text in the SELECT (CAST)"))


class _Rows:
    """Fetches rows by their keys, with their lists."""

    def __init__(self, connection: Connection, mapping: MappingFile[SqlSource], keys: Keys) -> None:
        self._connection = connection
        self._keys = keys
        self.mapping = mapping

    def fetch(self, keys: Sequence[object]) -> dict[object, Row]:
        """The rows of these keys, by key."""
        if not keys:
            return {}
        key, source = self.mapping.key, self.mapping.source
        found = {row[key]: row for row in self._select((), source.select, key, keys)}
        self._attach((), source.lists, list(found.values()))
        return found

    def _attach(self, within: tuple[str, ...], lists: Mapping[str, SqlList], parents: list[Row]) -> None:
        """Put the lists into the rows that they belong to, lists in lists too."""
        for name, spec in lists.items():
            here = (*within, name)
            by_key = not within and (spec.of or spec.key) == self.mapping.key
            known = (lambda: self._keys.all) if by_key else tuple
            owners = Owners(self.mapping, here, spec, parents, known)
            for parent in parents:
                parent[name] = []
            below: list[Row] = []
            for start in range(0, len(owners.values), _CHUNK):
                part = owners.values[start : start + _CHUNK]
                below += self._select(here, spec.select, spec.key, part, spec.order)
            if not spec.order:
                below.sort(key=repr)
            self._attach(here, spec.lists, below)
            for row in below:
                for parent in owners.of(row[spec.key]):
                    parent[name].append(row)

    def _select(
        self, within: tuple[str, ...], statement: str, key: str, keys: Sequence[object], order: Sequence[str] = ()
    ) -> list[Row]:
        as_array = self._connection.dialect.driver == "psycopg"
        wanted = by_keys(statement, key, tuple(order), as_array)
        with running(self.mapping, within):
            result = self._connection.execute(wanted, {"ewpgw_keys": list(keys)})
            names = list(result.keys())
            return [dict(zip(names, row, strict=True)) for row in result.all()]
