"""The sql adapter: records from the tables of any database that SQLAlchemy speaks, copies and decisions into it.

``docs/adapters/sql.md`` is its manual.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, TypeVar

from ewpgw.adapters.contract import (
    Adapter,
    AdapterProblem,
    Complete,
    CopyDelivery,
    Decision,
    Partial,
    Reading,
    SourceIncomplete,
)
from ewpgw.adapters.mapping import BadMapping, load_folder
from ewpgw.adapters.sql import reading
from ewpgw.adapters.sql.checking import faults
from ewpgw.adapters.sql.connecting import Database
from ewpgw.adapters.sql.outward import OutwardStatements, OutwardTables
from ewpgw.adapters.sql.settings import SqlSettings, SqlSource

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Sequence

    from pydantic import BaseModel

    from ewpgw.adapters.mapping import MappingFile

_T = TypeVar("_T")


class SqlAdapter(Adapter):
    """Records of ours by the SELECTs of mapping files; copies and decisions in tables, or through statements."""

    kind: ClassVar[str] = "sql"
    settings_model: ClassVar[type[BaseModel]] = SqlSettings
    source_model: ClassVar[type[BaseModel] | None] = SqlSource

    def __init__(self, hei_id: str, settings: BaseModel) -> None:
        super().__init__(hei_id, settings)
        if not isinstance(settings, SqlSettings):
            raise TypeError(f"SqlAdapter takes SqlSettings, not {type(settings).__name__}")
        self._settings = settings
        self._source = Database(
            settings.url,
            password_file=settings.password_file,
            schema=settings.schema_,
            statement_seconds=settings.statement_seconds,
            writes=False,
        )
        self._outward: OutwardTables | OutwardStatements | None = None
        self._target = self._source
        if (outward := settings.outward) is not None:
            if outward.tables is not None:
                self._outward = OutwardTables(outward.tables)
            else:
                self._outward = OutwardStatements(outward.statements, outward.decisions)
            same = outward.url is None
            self._target = Database(
                outward.url or settings.url,
                password_file=outward.password_file or (settings.password_file if same else None),
                schema=outward.schema_ or (settings.schema_ if same else None),
                statement_seconds=settings.statement_seconds,
                writes=True,
            )
        self._reader = ThreadPoolExecutor(1, thread_name_prefix=f"sql {hei_id}")

    async def check(self) -> None:
        """Raise AdapterProblem with everything that does not fit between the mapping files and the database."""
        await self._in_reader(self._check)

    async def snapshot(self) -> AsyncGenerator[Reading, None]:
        """Read the rows of all mapping files, in one transaction; the next rows while the last ones are worked on."""
        chunks = self._chunks(self.imported)
        ahead = self._start(next, chunks, None)
        try:
            while (chunk := await asyncio.shield(ahead)) is not None:
                ahead = self._start(next, chunks, None)
                for found in chunk:
                    yield found
        except AdapterProblem as problem:
            raise SourceIncomplete(str(problem)) from None
        finally:
            if not ahead.done():
                self._source.interrupt()
            # whoever gives up a reading does not care how its connection ends
            with suppress(Exception):
                await ahead
            with suppress(Exception):
                await self._in_reader(chunks.close)

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield from time to time: a database tells nobody that it has changed."""
        while True:
            await asyncio.sleep(self._settings.poll_seconds)
            yield

    async def deliver(self, delivery: CopyDelivery) -> None:
        """Write the copy into its table, or run the statements for it; in one transaction."""
        await asyncio.to_thread(self._put, delivery)

    async def decided(self, decision: Decision) -> None:
        """Write the decision into its table, or run the statements for it; in one transaction."""
        await asyncio.to_thread(self._put, decision)

    async def create_tables(self) -> list[str]:
        """Create the tables for copies and decisions that are missing; their names. Raises AdapterProblem."""
        return await asyncio.to_thread(self._create)

    def table_definitions(self) -> list[str]:
        """The statements that create these tables, for who makes them by hand. Raises AdapterProblem."""
        return self._tables().definitions(self._target.dialect)

    async def close(self) -> None:
        """End the reading thread and close the connections."""
        await asyncio.to_thread(self._reader.shutdown)
        self._source.close()
        self._target.close()

    def _mappings(self) -> tuple[MappingFile[SqlSource], ...]:
        try:
            return load_folder(self._settings.mappings, SqlSource, hei_id=self.hei_id)
        except BadMapping as bad:
            raise AdapterProblem(str(bad)) from None

    def _check(self) -> None:
        mappings = self._mappings()
        found: list[object] = []
        with self._source.transaction() as connection:
            for mapping in mappings:
                found += faults(connection, mapping)
        if isinstance(self._outward, OutwardTables):
            with self._target.transaction() as connection:
                for name in self._outward.missing(connection):
                    found.append(f"the table {name} is missing; create it with `ewpgw adapter create-tables`")
        if found:
            raise AdapterProblem("\n".join(map(str, found)))

    def _chunks(self, known: Callable[[str, str], bool]) -> Generator[Sequence[Reading], None, None]:
        mappings = self._mappings()
        whole = dict.fromkeys((mapping.entity for mapping in mappings), True)  # an entity may have several files
        with self._source.transaction() as connection:
            # files and tables change while the gateway runs: a column that is gone must not be read as an empty one
            if found := [fault for mapping in mappings for fault in faults(connection, mapping)]:
                raise AdapterProblem("\n".join(map(str, found)))
            for mapping in mappings:
                whole[mapping.entity] &= yield from reading.readings(connection, mapping, known)
        yield [Complete(entity) if all_of_it else Partial(entity) for entity, all_of_it in whole.items()]

    def _put(self, told: CopyDelivery | Decision) -> None:
        if self._outward is not None:
            with self._target.transaction() as connection:
                if isinstance(told, Decision):
                    self._outward.decide(connection, told)
                else:
                    self._outward.put(connection, told)

    def _tables(self) -> OutwardTables:
        if not isinstance(self._outward, OutwardTables):
            raise AdapterProblem("the adapter has no tables to create: set outward.tables in its configuration")
        return self._outward

    def _create(self) -> list[str]:
        tables = self._tables()
        with self._target.transaction() as connection:
            return tables.create(connection)

    def _start(self, work: Callable[..., _T], *arguments: object) -> asyncio.Future[_T]:
        return asyncio.get_running_loop().run_in_executor(self._reader, work, *arguments)

    async def _in_reader(self, work: Callable[[], _T]) -> _T:
        return await self._start(work)
