"""SQLite as the store: one file, read on the event loop's thread, written by one connection of its own thread."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Engine, Executable, create_engine, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.sql.expression import ClauseElement

from ewpgw.store import faults, schema
from ewpgw.store.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sqlalchemy.engine import URL
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.sql.compiler import SQLCompiler

    from ewpgw.store.engine import AnyRow, Parameters, PlainRow

_WRITER_WAITS_MS = 10_000
# Readers in WAL mode wait only while another process recovers the log after a crash. They hold up the event loop.
_READER_WAITS_MS = 1_000
# Room for the upper levels of the trees; the system keeps the rest of the file at hand anyway.
_READER_CACHE_KIB = 500
# Upper bound on retrying the switch to WAL, which SQLite refuses at once while another process does the same.
_WAL_SECONDS = 10.0

_Compiled = tuple[str, tuple[str, ...], Mapping[str, Any]]
"""SQL, the names of its parameters in their order, and the values of those that the statement brings itself."""


class SqliteBackend:
    """One reading connection without a thread and one writing connection with BEGIN IMMEDIATE.

    The lock keeps this process's writers in order of arrival; SQLite's own file lock, with a busy time-out, keeps
    several processes apart. ``synchronous=FULL`` makes a commit durable before it is acknowledged.
    """

    one_writer = True

    def __init__(self, url: URL) -> None:
        self._url = url
        self._shown = url.render_as_string(hide_password=True)
        self._turn = asyncio.Lock()
        self._reads: Engine | None = None
        self._reader: Connection | None = None
        self._writes: AsyncEngine | None = None
        self._compiled: dict[Executable, _Compiled] = {}

    async def open(self, *, migrate: bool) -> None:
        await asyncio.to_thread(self._prepare, migrate)
        self._reads = create_engine(
            self._url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            skip_autocommit_rollback=True,
        )
        _configure(
            self._reads,
            f"PRAGMA busy_timeout={_READER_WAITS_MS}",
            f"PRAGMA cache_size=-{_READER_CACHE_KIB}",
            "PRAGMA query_only=ON",
        )
        faults.explain(self._reads, self._shown)
        self._reader = self._reads.connect()
        self._writes = create_async_engine(
            self._url.set(drivername="sqlite+aiosqlite"), pool_size=1, max_overflow=0, hide_parameters=True
        )
        _configure_writer(self._writes.sync_engine)
        faults.explain(self._writes.sync_engine, self._shown)

    async def close(self) -> None:
        async with self._turn:
            reader, self._reader = self._reader, None
            if reader is not None:
                reader.close()
            if self._writes is not None:
                await self._writes.dispose()

    async def fetch(self, statement: Executable, parameters: Parameters | None) -> Sequence[AnyRow]:
        if self._reader is None:
            raise StoreUnavailable(self._shown, "it has been closed")
        return self._reader.execute(statement, parameters).all()

    async def fetch_plain(self, statement: Executable, parameters: Parameters) -> Sequence[PlainRow]:
        if self._reader is None:
            raise StoreUnavailable(self._shown, "it has been closed")
        text, names, constants = self._compiled.get(statement) or self._compile(statement)
        values = [parameters[name] if name in parameters else constants[name] for name in names]
        driver = self._reader.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        try:
            rows: list[PlainRow] = driver.execute(text, values).fetchall()
        except sqlite3.Error:  # the slow way has the words for what is wrong
            return [tuple(row) for row in await self.fetch(statement, parameters)]
        return rows

    def _compile(self, statement: Executable) -> _Compiled:
        """The statement as the driver takes it, kept for the next time."""
        assert isinstance(statement, ClauseElement)
        assert self._reader is not None
        compiled = cast("SQLCompiler", statement.compile(dialect=self._reader.dialect))
        self._compiled[statement] = (compiled.string, tuple(compiled.positiontup or ()), compiled.params)
        return self._compiled[statement]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._turn:
            if self._writes is None or self._reader is None:
                raise StoreUnavailable(self._shown, "it has been closed")
            async with self._writes.begin() as connection:
                yield connection

    def _prepare(self, migrate: bool) -> None:
        """Switch to WAL and migrate; in a thread, since both may wait for another process."""
        self._make_private()
        engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
        _configure_writer(engine)
        faults.explain(engine, self._shown)
        self._switch_to_wal(engine)
        if not schema.is_current(engine, self._shown, migrate=migrate):
            with engine.begin() as connection:
                schema.upgrade(connection, self._shown)

    def _make_private(self) -> None:
        """A new file belongs to its owner alone: it holds personal data. SQLite gives the files beside it its mode."""
        try:
            os.close(os.open(str(self._url.database), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError:
            return  # it is there already; or it cannot be made, for which SQLite has the words

    def _switch_to_wal(self, engine: Engine) -> None:
        deadline = time.monotonic() + _WAL_SECONDS
        while True:
            try:
                with closing(engine.raw_connection()) as connection:
                    connection.cursor().execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.Error as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise StoreUnavailable(self._shown, _reason(error)) from error
            time.sleep(0.01)


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _configure(engine: Engine, *pragmas: str) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in ("PRAGMA foreign_keys=ON", *pragmas):
            cursor.execute(pragma)
        cursor.close()


def _configure_writer(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def without_implicit_begin(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver's own BEGIN is deferred: two such transactions can deadlock when both turn into writers.
        connection.isolation_level = None

    _configure(engine, f"PRAGMA busy_timeout={_WRITER_WAITS_MS}", "PRAGMA synchronous=FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _reason(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN:
        return f"{error}, whose folder has to be there and writable"
    return str(error)
