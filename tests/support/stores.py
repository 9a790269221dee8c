"""A store whose database can be taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from ewpgw.store import Store
from ewpgw.store.engine import AnyRow, Backend, Parameters, PlainRow
from ewpgw.store.errors import StoreUnavailable


class Cable:
    """The way to a database: while ``cut``, everything fails as if it were away.

    ``refused`` counts how often it did, ``transactions`` what was begun.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.one_writer = backend.one_writer
        self.cut = False
        self.refused = 0
        self.transactions = 0

    async def open(self, *, migrate: bool) -> None:
        await self._backend.open(migrate=migrate)

    async def close(self) -> None:
        await self._backend.close()

    async def fetch(self, statement: Executable, parameters: Parameters | None) -> Sequence[AnyRow]:
        self._check()
        return await self._backend.fetch(statement, parameters)

    async def fetch_plain(self, statement: Executable, parameters: Parameters) -> Sequence[PlainRow]:
        self._check()
        return await self._backend.fetch_plain(statement, parameters)

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        self._check()
        self.transactions += 1
        return self._backend.transaction()

    def _check(self) -> None:
        if self.cut:
            self.refused += 1
            raise StoreUnavailable("a test's store", "the cable is cut")


@asynccontextmanager
async def cabled_store(url: str) -> AsyncIterator[tuple[Store, Cable]]:
    """A store and its cable."""
    opened = await Store.open(url)
    cable = Cable(opened._backend)
    try:
        yield Store(cable, opened.url), cable
    finally:
        await opened.close()
