"""The statements that read: the SELECTs of mapping files as tables, and what a database says against them."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, any_, bindparam, column, select, text
from sqlalchemy.exc import DBAPIError

from ewpgw.adapters.contract import AdapterProblem
from ewpgw.adapters.mapping import MappingFault
from ewpgw.adapters.sql.connecting import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import FromClause

    from ewpgw.adapters.mapping import MappingFile
    from ewpgw.adapters.sql.settings import SqlSource

_NO_OPERATOR = "42883"
"""PostgreSQL's code for types that it does not compare."""


@cache
def by_keys(statement: str, key: str, order: tuple[str, ...], as_array: bool) -> Select[Any]:
    """The rows with some keys. ``as_array``: for a driver whose arrays take the type of what they are compared with;
    hundreds of parameters take both sides longer.
    """
    rows = as_table(statement, key, *order)
    wanted = select(text("*")).select_from(rows).order_by(*(rows.c[c] for c in order))
    if as_array:
        return wanted.where(rows.c[key] == any_(bindparam("ewpgw_keys")))
    return wanted.where(rows.c[key].in_(bindparam("ewpgw_keys", expanding=True)))


def as_table(statement: str, *columns: str) -> FromClause:
    """A SELECT of a mapping file as a table in ours: so it can be nothing but a SELECT."""
    escaped = statement.replace(":", "\\:")  # it has no parameters, whatever looks like one
    return text(f"{escaped}\n").columns(*(column(name) for name in dict.fromkeys(columns))).subquery("ewpgw_rows")


def place_of(within: tuple[str, ...], name: str) -> str:
    """Where in a mapping file a list is told, or a part of the source where it is in no list."""
    return ".".join(("source", *(f"lists.{each}" for each in within), name))


def fault(mapping: MappingFile[SqlSource], where: str, said: str) -> MappingFault:
    """A fault at a place of a mapping file."""
    return MappingFault(mapping.path, mapping.line(tuple(where.split("."))), where, said)


@contextmanager
def running(mapping: MappingFile[SqlSource], within: tuple[str, ...] = ()) -> Iterator[None]:
    """Make what the database says against a SELECT an AdapterProblem that says which SELECT it is.

    ``within``: the list whose SELECT it is, with those that it is in. A lost connection is left to who opened it.
    """
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        if within and getattr(error.orig, "sqlstate", None) == _NO_OPERATOR:
            said = f"cannot be compared with the column of the rows it belongs to: {words(error)}; {SAME_TYPE}"
            raise AdapterProblem(str(fault(mapping, place_of(within, "key"), said))) from None
        said = f"the database cannot run it to its end: {words(error)}"
        raise AdapterProblem(str(fault(mapping, place_of(within, "select"), said))) from None


SAME_TYPE = "let both SELECTs give the same type and the same spelling (CAST, LOWER, RTRIM)"
"""What to do where the key of a list does not match that of the rows."""
