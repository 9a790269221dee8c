"""Engines of the sql adapter: read-only ones for reading, and those that write partners' copies."""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import Engine, NullPool, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError

from ewpgw.adapters.contract import AdapterProblem
from ewpgw.adapters.sql import drivers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr
    from sqlalchemy.engine import URL, Connection, Dialect
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

_CONNECT_SECONDS = 10
_SNAPSHOTS = ("REPEATABLE READ", "SNAPSHOT", "SERIALIZABLE")
"""Isolation levels under which all statements of a transaction see the same, the cheapest first."""
_PER_DRIVER: dict[str, dict[str, object]] = {
    "psycopg": {"connect_timeout": _CONNECT_SECONDS, "application_name": "ewpgw"},
    "psycopg2": {"connect_timeout": _CONNECT_SECONDS, "application_name": "ewpgw"},
    "pymysql": {"connect_timeout": _CONNECT_SECONDS, "read_timeout": _CONNECT_SECONDS},
    "pysqlite": {"timeout": _CONNECT_SECONDS},
}


class Database:
    """One database as one user. Connections are opened when they are needed and closed after it.

    Every method raises AdapterProblem, which names the database without its password.
    """

    def __init__(
        self,
        url: SecretStr,
        *,
        password_file: Path | None,
        schema: str | None,
        statement_seconds: int,
        writes: bool,
    ) -> None:
        self._url = make_url(url.get_secret_value())
        self._password_file = password_file
        self._schema = schema
        self._seconds = statement_seconds
        self._writes = writes
        self._engine: Engine | None = None
        self._open: object = None
        self._interrupted = False
        self.name = _shown(self._url)

    @property
    def dialect(self) -> Dialect:
        """The dialect of SQL that is spoken there."""
        return self._url.get_dialect()()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction; for reading, one that writes nothing and sees one state of the database throughout."""
        with self.problems("cannot be reached"):
            connection = self._opened().connect()
        try:
            with self.problems("breaks off"), connection.begin():
                self._open = connection.connection.dbapi_connection
                self._interrupted = False
                yield connection
        finally:
            self._open = None
            with self.problems("breaks off"):
                if self._interrupted:  # it may be cut off: the pool would try to end its transaction, and log that
                    connection.invalidate()
                connection.close()

    def interrupt(self) -> None:
        """Make the statement that runs now fail, if the driver can; called from another thread than the reading one."""
        driver, self._interrupted = self._open, True
        with suppress(Exception):  # whatever it is, the statement ends by its own time limit
            match self._url.get_driver_name():
                case "psycopg" | "psycopg2":
                    driver.cancel()  # type: ignore[attr-defined]
                case "pysqlite":
                    driver.interrupt()  # type: ignore[attr-defined]
                case "pymysql":
                    driver._sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]

    @contextmanager
    def problems(self, what: str) -> Iterator[None]:
        """Make what the driver says an AdapterProblem."""
        try:
            yield
        except SQLAlchemyError as error:
            raise AdapterProblem(f"the database {self.name} {what}: {words(error)}") from None
        except OSError as error:
            raise AdapterProblem(f"the database {self.name} {what}: {error.strerror or type(error).__name__}") from None

    def close(self) -> None:
        """Close what is open."""
        if self._engine is not None:
            self._engine.dispose()

    def _opened(self) -> Engine:
        if self._engine is None:
            self._engine = self._made()
        return self._engine

    def _made(self) -> Engine:
        url, arguments = self._url, dict(_PER_DRIVER.get(self._url.get_driver_name(), {}))
        if url.get_backend_name() == "sqlite":
            # a missing file must be missed, not made
            file = quote(Path(url.database or "").as_posix())
            url = url.set(database=f"file:{file}", query={"mode": "rw", "uri": "true"})
        if url.get_driver_name() == "pymysql":
            arguments |= {"write_timeout": self._seconds}
        arguments |= drivers.arguments(url.get_driver_name())
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
        event.listen(engine, "do_connect", self._fill_in_password)
        event.listen(engine, "connect", self._set_up)
        backend = url.get_backend_name()
        if backend == "sqlite":
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        if self._writes:
            return engine
        return engine.execution_options(**options) if (options := _reading(engine, backend)) else engine

    def _fill_in_password(
        self, dialect: Dialect, record: ConnectionPoolEntry, arguments: list[object], parameters: dict[str, object]
    ) -> None:
        if self._password_file is None:
            return
        try:
            parameters["password"] = self._password_file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise AdapterProblem(f"{self._password_file} cannot be read: {said}") from None

    def _set_up(self, connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        drivers.set_up(self._url.get_driver_name(), connection)
        backend, schema = self._url.get_backend_name(), self._schema
        dialect = self.dialect
        quoted = dialect.identifier_preparer.quote_identifier(schema or "")
        match backend:
            case "postgresql":
                statements = [f"SET statement_timeout = {self._seconds * 1000}"]
                statements += [f"SET search_path TO {quoted}"] if schema else []
            case "mysql" | "mariadb":
                statements = [f"USE {quoted}"] if schema else []
                statements += [] if self._writes else ["SET SESSION TRANSACTION READ ONLY"]
                statements.append(self._longest(connection))
            case "sqlite":
                connection.isolation_level = None
                # only the newest versions have it; elsewhere it is what joins texts whatever || means there
                connection.create_function("CONCAT", -1, _joined, deterministic=True)
                statements = [] if self._writes else ["PRAGMA query_only=ON"]
            case _:
                statements = []
        if self._url.get_driver_name() == "pymysql":
            # its limit for connecting is that for a TCP connection alone; the server's greeting may never come
            connection._read_timeout = self._seconds + _CONNECT_SECONDS
        if schema and backend not in ("postgresql", "mysql", "mariadb"):
            raise AdapterProblem(f"databases of the kind {backend} take no schema; name it in the statements")
        try:
            for statement in statements:
                _run(connection, statement)
            connection.commit()
        except dialect.import_dbapi().Error as error:
            raise AdapterProblem(f"the database {self.name} cannot be set up for use: {_said(error)}") from None

    def _longest(self, connection: DBAPIConnection) -> str:
        if "mariadb" in str(_run(connection, "SELECT VERSION()")).lower():
            return f"SET SESSION max_statement_time = {self._seconds}"
        return f"SET SESSION max_execution_time = {self._seconds * 1000}"


def _joined(*parts: object) -> str:
    return "".join(str(part) for part in parts if part is not None)


def _run(connection: DBAPIConnection, statement: str) -> object:
    cursor = connection.cursor()
    try:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None
    finally:
        cursor.close()


def _reading(engine: Engine, backend: str) -> dict[str, object]:
    if backend == "sqlite":
        return {}  # whatever is read after BEGIN is of one state
    if backend == "postgresql":
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        known = engine.dialect.get_isolation_level_values(driver)
    level = next((level for level in _SNAPSHOTS if level in known), None)
    return {} if level is None else {"isolation_level": level}


def words(error: SQLAlchemyError) -> str:
    """What a driver says, without the statement, its parameters, and the rows that it may quote."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return _first_line(error)
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(error, DataError):
        code = f" (SQLSTATE {state})" if state else ""
        return f"a value cannot be what the statement makes of it{code}; run the statement by hand to see which"
    return _said(error.orig)


def _said(error: BaseException) -> str:
    if len(error.args) == 2 and isinstance(error.args[0], int):  # pymysql: number and text
        return f"{_first_line(error.args[1])} (error {error.args[0]})"
    return _first_line(error)


def _first_line(said: object) -> str:
    return (str(said).strip().splitlines() or [type(said).__name__])[0]


def _shown(url: URL) -> str:
    """The database for people: no user, no password, no options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    host = url.host or next((str(value) for name, value in url.query.items() if name in ("host", "unix_socket")), "")
    port = f":{url.port}" if url.port else ""
    return f"{url.database or ''} on {host}{port}" if host else str(url.database or url.get_backend_name())
