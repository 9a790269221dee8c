"""The store: one database, reads outside transactions, and transactions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Executable, Row
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection

from ewpgw.store.errors import BadStoreUrl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

Parameters = Mapping[str, object]
AnyRow = Row[*tuple[Any, ...]]


PlainRow = tuple[Any, ...]
"""A row without names; its values are texts, whole numbers and bytes."""


class Backend(Protocol):
    """What a kind of database has to offer; one module each. ``one_writer``: its transactions wait for each other."""

    one_writer: bool

    async def open(self, *, migrate: bool) -> None: ...

    async def close(self) -> None: ...

    async def fetch(self, statement: Executable, parameters: Parameters | None) -> Sequence[AnyRow]: ...

    async def fetch_plain(self, statement: Executable, parameters: Parameters) -> Sequence[PlainRow]: ...

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]: ...


class Store:
    """A database that is open; made by ``await Store.open(url)``.

    Every method raises StoreUnavailable when the database is away; the store recovers by itself when it is back.
    """

    def __init__(self, backend: Backend, url: str, turn: asyncio.Lock | None = None) -> None:
        """``turn``: what each transaction has to have first."""
        self._backend = backend
        self._turn = turn
        self.url = url
        """Without its password."""

    @classmethod
    async def open(cls, url: str, *, migrate: bool = True) -> Store:
        """Open the database at ``url`` and bring its schema up to date.

        ``url`` is ``sqlite:///FILE`` (relative, or absolute with four slashes) or ``postgresql://…``, where a socket
        folder is given as ``?host=/FOLDER`` and ``sslmode`` is understood.

        Replicas may open one database at the same moment: one migrates, the others wait. With ``migrate=False`` a
        schema that is not up to date is refused.

        Raises BadStoreUrl, StoreUnavailable, StoreTooNew, and StoreNotMigrated with ``migrate=False``.
        """
        parsed = _parse(url)
        shown = parsed.render_as_string(hide_password=True)
        backend: Backend
        if parsed.drivername == "sqlite":
            from ewpgw.store.sqlite import SqliteBackend

            backend = SqliteBackend(parsed)
        else:
            from ewpgw.store.postgresql import PostgresqlBackend

            backend = PostgresqlBackend(parsed)
        try:
            await backend.open(migrate=migrate)
        except BaseException:
            await backend.close()
            raise
        return cls(backend, shown)

    async def close(self) -> None:
        """Close all connections. Waits for a transaction under way on SQLite; call it last."""
        await self._backend.close()

    async def fetch(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[AnyRow]:
        """All rows of a SELECT, outside any transaction: what is committed now.

        On SQLite this runs on the event loop's own thread: a query through aiosqlite's thread costs 430 to 830 µs,
        while a point read in WAL mode takes 10 to 85 µs and never waits for a writer. So keep the statements indexed
        and the results bounded. Statements that write are refused there.
        """
        return await self._backend.fetch(statement, parameters)

    async def fetch_plain(self, statement: Executable, parameters: Parameters) -> Sequence[PlainRow]:
        """The rows of a SELECT, as tuples; its columns and parameters are texts, whole numbers and bytes alone.

        For the few reads that are made for every request of a partner: on SQLite the driver is asked directly, which
        takes a quarter of the time that SQLAlchemy's execution and result take. ``statement`` must be one that lives
        as long as the process, with no list parameters.
        """
        return await self._backend.fetch_plain(statement, parameters)

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction: committed when the block ends, rolled back when it raises.

        SQLite has one writer at a time, over all processes; waiting for it is bounded by 10 seconds. On PostgreSQL the
        isolation is READ COMMITTED; append to the feed last, because its counter serialises the transactions of a HEI.
        """
        return self._backend.transaction() if self._turn is None else self._in_turn(self._turn)

    def in_background(self) -> Store:
        """The same database for work that nobody waits for.

        Where there is one writer at a time, those transactions stand in line for each other first, so that whoever
        calls this process meanwhile has to wait for one of them, not for a dozen. Call it once.
        """
        return Store(self._backend, self.url, asyncio.Lock()) if self._backend.one_writer else self

    @asynccontextmanager
    async def _in_turn(self, turn: asyncio.Lock) -> AsyncIterator[AsyncConnection]:
        async with turn, self._backend.transaction() as connection:
            yield connection


Readable = Store | AsyncConnection
"""Where a reading function may read: the store (committed data), or inside a transaction."""


async def fetch(source: Readable, statement: Executable, parameters: Parameters | None = None) -> Sequence[AnyRow]:
    """All rows of a SELECT from ``source``."""
    if isinstance(source, Store):
        return await source.fetch(statement, parameters)
    return (await source.execute(statement, parameters)).all()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text may hold a password, so it is not repeated.
        raise BadStoreUrl("…", "it is not a URL") from None
    shown = parsed.render_as_string(hide_password=True)
    if parsed.drivername not in ("sqlite", "postgresql"):
        raise BadStoreUrl(shown, f"databases of the kind {parsed.drivername!r} are not supported")
    if parsed.drivername == "sqlite" and (not parsed.database or parsed.database == ":memory:" or parsed.query):
        raise BadStoreUrl(shown, "SQLite needs the name of a file and takes no options")
    if parsed.drivername == "postgresql" and not parsed.database:
        raise BadStoreUrl(shown, "it does not name a database")
    return parsed
