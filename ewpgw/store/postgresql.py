"""PostgreSQL as the store: a pool of connections, for one or several replicas."""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import Executable, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from ewpgw.store import faults, schema
from ewpgw.store.dialects import take_growth
from ewpgw.store.errors import BadStoreUrl, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sqlalchemy.engine import URL

    from ewpgw.store.engine import AnyRow, Parameters, PlainRow

_CONNECT_SECONDS = 10
_ANSWER_SECONDS = 60
# Any number; it stands for ewpgw's migrations among the advisory locks of the database.
_MIGRATION_LOCK = 0x65777067
_SERVER_SETTINGS = {
    "application_name": "ewpgw",
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    # A replica that hangs inside a transaction must not keep its row locks.
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
}
_PROBE = text("SELECT 1")
# PostgreSQL analyses new tables within a minute or two. Until then it expects one row where a first import has just
# brought ten thousand, and a request that takes 1 ms afterwards can run into the statement time-out. Each further
# analysis takes longer and changes less.
_ANALYSE = text("ANALYZE record, record_partner, record_year, encoding, source_item, work")
_ANALYSE_AFTER_RECORDS = 1000


class PostgresqlBackend:
    """At most 20 connections. Reads run in autocommit, so that they cost one round trip."""

    one_writer = False

    def __init__(self, url: URL) -> None:
        self._shown = url.render_as_string(hide_password=True)
        self._url = _for_asyncpg(url, self._shown)
        self._writes: AsyncEngine | None = None
        self._reads: AsyncEngine | None = None
        self._grown = 0
        self._analyse_after = _ANALYSE_AFTER_RECORDS

    async def open(self, *, migrate: bool) -> None:
        await self._prepare(migrate)
        self._writes = create_async_engine(
            self._url,
            pool_size=10,
            max_overflow=10,
            pool_timeout=_CONNECT_SECONDS,
            hide_parameters=True,
            skip_autocommit_rollback=True,
            connect_args={
                "timeout": _CONNECT_SECONDS,
                "command_timeout": _ANSWER_SECONDS,
                "server_settings": _SERVER_SETTINGS,
            },
        )
        faults.explain(self._writes.sync_engine, self._shown)
        self._reads = self._writes.execution_options(isolation_level="AUTOCOMMIT")

    async def close(self) -> None:
        if self._writes is not None:
            await self._writes.dispose()
        self._writes = self._reads = None

    async def fetch(self, statement: Executable, parameters: Parameters | None) -> Sequence[AnyRow]:
        try:
            return await self._fetch(statement, parameters)
        except StoreUnavailable as error:
            if not error.connection_lost:
                raise
        # The pool's connections died while idle (the server restarted); all are fresh now.
        return await self._fetch(statement, parameters)

    async def fetch_plain(self, statement: Executable, parameters: Parameters) -> Sequence[PlainRow]:
        return [tuple(row) for row in await self.fetch(statement, parameters)]

    async def _fetch(self, statement: Executable, parameters: Parameters | None) -> Sequence[AnyRow]:
        connection = await self._connect(self._reads)
        try:
            return (await connection.execute(statement, parameters)).all()
        finally:
            await connection.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        connection = await self._connect(self._writes)
        try:
            await connection.begin()
            try:
                await connection.execute(_PROBE)
            except StoreUnavailable as error:
                if not error.connection_lost:
                    raise
                await connection.close()
                connection = await self._connect(self._writes)
                await connection.begin()
            yield connection
            await connection.commit()
            self._grown += take_growth(connection)
        finally:
            # Rolls back what was not committed.
            await connection.close()
        if self._grown >= self._analyse_after:
            self._grown, self._analyse_after = 0, self._analyse_after * 4
            await self._analyse()

    async def _analyse(self) -> None:
        # Nothing is lost without it, and what was committed must not look as if it had failed.
        with suppress(StoreUnavailable, DBAPIError):
            connection = await self._connect(self._reads)
            try:
                await connection.execute(_ANALYSE)
            finally:
                await connection.close()

    async def _connect(self, engine: AsyncEngine | None) -> AsyncConnection:
        if engine is None:
            raise StoreUnavailable(self._shown, "it has been closed")
        try:
            return await engine.connect()
        except PoolTimeoutError as error:
            raise StoreUnavailable(self._shown, "all connections of the pool are in use") from error
        except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreUnavailable(self._shown, _words(error)) from error

    async def _prepare(self, migrate: bool) -> None:
        # No time limits: a migration may have to wait for another replica's, and then to rewrite a table.
        engine = create_async_engine(
            self._url, poolclass=NullPool, hide_parameters=True, connect_args={"timeout": _CONNECT_SECONDS}
        )
        faults.explain(engine.sync_engine, self._shown)
        connection = await self._connect(engine)
        try:
            if await connection.run_sync(schema.is_current, self._shown, migrate=migrate):
                return
            await connection.rollback()
            # Held until the transaction ends, so that replicas that start together migrate one after the other.
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            await connection.run_sync(schema.upgrade, self._shown)
            await connection.commit()
        finally:
            await connection.close()
            await engine.dispose()


def _for_asyncpg(url: URL, shown: str) -> URL:
    """The URL with the driver's names: operators write libpq's ``sslmode``, asyncpg calls it ``ssl``."""
    query = dict(url.query)
    unknown = sorted(set(query) - {"host", "port", "sslmode"})
    if unknown:
        raise BadStoreUrl(shown, f"the option {unknown[0]!r} is not known (host, port and sslmode are)")
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return url.set(drivername="postgresql+asyncpg", query=query)


def _words(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
