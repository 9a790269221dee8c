"""What drivers make of values that Python has no counterpart of, or not the usual one.

One such value anywhere in a row would end the reading, or come as something that no field of a record can take. Where
nothing else is right it comes as the text that the database writes: a mapping that uses it refuses that row alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

_TIMES = ("date", "time", "timetz", "timestamp", "timestamptz", "interval")
"""PostgreSQL's types with values beyond Python's: infinity, years before Christ and after 9999, 24:00."""


def arguments(driver: str) -> dict[str, object]:
    """What connections of a driver are to be opened with."""
    if driver != "pymysql":
        return {}
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions

    # TIME would come as a duration
    return {"conv": {**conversions, FIELD_TYPE.TIME: str, FIELD_TYPE.BIT: _number}}


def set_up(driver: str, connection: DBAPIConnection) -> None:
    """Have a connection give such values so."""
    if driver == "psycopg":
        _with_loaders(connection)
    elif driver == "pysqlite":
        connection.text_factory = _text


def _number(bits: bytes) -> int:
    return int.from_bytes(bits, "big")


def _text(raw: bytes) -> str | bytes:
    """A text of SQLite, which may hold anything; bytes where it is not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _with_loaders(connection: Any) -> None:
    from psycopg import DataError
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    def lenient(usual: type[Any]) -> type[Loader]:
        # not a subclass of the usual one: if that is compiled, no method of its subclass would be asked
        class OrText(Loader):
            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self._load = usual(oid, context).load

            def load(self, data: Any) -> Any:
                try:
                    return self._load(data)
                except (ValueError, OverflowError, DataError):
                    return bytes(data).decode()

        return OrText

    for name in _TIMES:
        oid = connection.adapters.types[name].oid
        if (usual := connection.adapters.get_loader(oid, Format.TEXT)) is not None:
            connection.adapters.register_loader(oid, lenient(usual))
