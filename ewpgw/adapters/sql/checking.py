"""What does not fit between the mapping files and the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from ewpgw.adapters.sql.connecting import words
from ewpgw.adapters.sql.selecting import as_table, fault, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from ewpgw.adapters.mapping import MappingFault, MappingFile
    from ewpgw.adapters.sql.settings import SqlList, SqlSource


def faults(connection: Connection, mapping: MappingFile[SqlSource]) -> list[MappingFault]:
    """What does not fit between a mapping file and the database. Runs each SELECT without fetching a row."""
    found: list[MappingFault] = []
    try:
        with connection.begin_nested():  # else PostgreSQL takes no statement any more after one that it refuses
            for each in _faults(connection, mapping):
                found.append(each)  # those before a refused SELECT are kept
    except _BadSelect as bad:
        found.append(bad.fault)
    return found


class _BadSelect(Exception):
    def __init__(self, fault: MappingFault) -> None:
        super().__init__(fault)
        self.fault = fault


def _faults(connection: Connection, mapping: MappingFile[SqlSource]) -> Iterator[MappingFault]:
    source = mapping.source
    columns = _columns(connection, mapping, source.select, "source.select")
    yield from _lacking(mapping, columns, [(mapping.key, "key"), (source.modified, "source.modified")])
    yield from mapping.record.missing([*columns, *source.lists])
    yield from _faults_of_lists(connection, mapping, columns, source.lists, ())


def _columns(connection: Connection, mapping: MappingFile[SqlSource], statement: str, where: str) -> list[str]:
    nothing = select(text("*")).select_from(as_table(statement)).where(text("1 = 0"))
    try:
        return list(connection.execute(nothing).keys())
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise _BadSelect(fault(mapping, where, f"the database refuses it: {words(error)}")) from None


def _lacking(
    mapping: MappingFile[SqlSource], columns: Sequence[str], wanted: Iterable[tuple[str | None, str]]
) -> Iterator[MappingFault]:
    for name, where in wanted:
        if name is not None and name not in columns:
            said = f"{name} is not among the columns of the SELECT; it gives {', '.join(sorted(columns))}"
            yield fault(mapping, where, said)


def _faults_of_lists(
    connection: Connection,
    mapping: MappingFile[SqlSource],
    above: Sequence[str],
    lists: Mapping[str, SqlList],
    within: tuple[str, ...],
) -> Iterator[MappingFault]:
    """What does not fit in the lists of a row, or ``within`` lists in those."""
    for name, spec in lists.items():
        here = (*within, name)
        key, order, of = (place_of(here, part) for part in ("key", "order", "of"))
        columns = _columns(connection, mapping, spec.select, place_of(here, "select"))
        yield from _lacking(mapping, columns, [(spec.key, key), *((c, order) for c in spec.order)])
        yield from _lacking(mapping, above, [(spec.of or spec.key, of if spec.of else key)])
        if name in above:
            said = "has the name of a column; give the list another name"
            yield fault(mapping, place_of(within, f"lists.{name}"), said)
        yield from mapping.record.missing([*columns, *spec.lists], here)
        yield from _faults_of_lists(connection, mapping, columns, spec.lists, here)
