"""One import of an adapter's source, with counts of what it brought: the importer's work, watched from outside.

Importing is idempotent, so it may run beside a gateway that imports the same source.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ewpgw.adapters.contract import Adapter, Complete, NotYet, Partial, Unreadable
from ewpgw.adapters.guard import DeletionLimits
from ewpgw.adapters.importing import Importer
from ewpgw.store import sources

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from pydantic import BaseModel

    from ewpgw.adapters.contract import CopyDelivery, Reading
    from ewpgw.model.problems import Problem
    from ewpgw.records import Outcome, Prepared, Records
    from ewpgw.store.engine import Store

_MOST_REFUSALS = 100


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that was refused, and its first reason, which may quote the record."""

    key: str
    entity: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class EntitySync:
    """What an import brought, of one entity: of the items that were ``read`` the rest was unchanged.

    ``refused`` counts what could not be read or was refused; ``pending`` what is still being written.
    """

    read: int = 0
    created: int = 0
    changed: int = 0
    refused: int = 0
    pending: int = 0
    deleted: int = 0

    @property
    def unchanged(self) -> int:
        """How many items were as before."""
        return self.read - self.created - self.changed - self.refused - self.pending


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The outcome of one import.

    ``lacking`` says what the source lacks as a whole, of which nothing was deleted; None where it lacks nothing.
    ``refusals`` holds the first hundred.
    """

    hei_id: str
    counts: Mapping[str, EntitySync]
    refusals: tuple[Refused, ...]
    lacking: str | None

    @property
    def ok(self) -> bool:
        """Whether everything was imported."""
        return self.lacking is None and not any(count.refused for count in self.counts.values())

    @property
    def moved(self) -> bool:
        """Whether anything in the store has changed."""
        return any(count.created or count.changed or count.deleted for count in self.counts.values())

    def as_json(self) -> dict[str, object]:
        """The report as data for JSON."""
        return {
            "hei_id": self.hei_id,
            "ok": self.ok,
            "counts": {
                entity: {**asdict(count), "unchanged": count.unchanged} for entity, count in self.counts.items()
            },
            "refusals": [asdict(refused) for refused in self.refusals],
            "lacking": self.lacking,
        }


@dataclass(slots=True)
class _Tally:
    """What one import has brought so far; ``seen`` is told of every item."""

    seen: Callable[[str], None]
    counts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    refusals: list[Refused] = field(default_factory=list)

    def reading(self, reading: Reading) -> None:
        """Count an item of the source."""
        if isinstance(reading, Complete | Partial):
            self.counts[reading.entity]["read"] += 0
            return
        entity = reading.entity or reading.key
        self.counts[entity]["read"] += 1
        if isinstance(reading, NotYet):
            self.counts[entity]["pending"] += 1
        elif isinstance(reading, Unreadable):
            self.refused(reading.key, entity, reading.problem)
        self.seen(entity)

    def refused(self, key: str, entity: str, problem: Problem | None) -> None:
        """Count a refusal, with its first reason."""
        self.counts[entity]["refused"] += 1
        if len(self.refusals) < _MOST_REFUSALS and problem is not None:
            self.refusals.append(Refused(key, entity, problem.path, problem.message))


class _WatchedAdapter(Adapter):
    """The adapter, its readings counted."""

    settings_model: ClassVar[type[BaseModel]]

    def __init__(self, adapter: Adapter) -> None:
        self.hei_id = adapter.hei_id
        self.imported, self.in_full = adapter.imported, adapter.in_full
        # what was imported is remembered under the adapter's own name
        self.kind = adapter.kind  # type: ignore[misc]
        self.tally = _Tally(_nothing)
        self._adapter = adapter

    async def check(self) -> None:
        await self._adapter.check()

    async def snapshot(self) -> AsyncGenerator[Reading, None]:
        self._adapter.imported, self._adapter.in_full = self.imported, self.in_full
        async with aclosing(self._adapter.snapshot()) as readings:
            async for reading in readings:
                self.tally.reading(reading)
                yield reading

    async def changes(self) -> AsyncGenerator[None, None]:
        async with aclosing(self._adapter.changes()) as changes:
            async for change in changes:
                yield change

    async def deliver(self, delivery: CopyDelivery) -> None:
        await self._adapter.deliver(delivery)


class _WatchedRecords:
    """The way in for records, its outcomes counted."""

    def __init__(self, records: Records) -> None:
        self.tally = _Tally(_nothing)
        self._records = records

    def __getattr__(self, name: str) -> object:
        return getattr(self._records, name)

    async def commit(self, hei_id: str, entity: str, batch: Sequence[Prepared]) -> list[Outcome]:
        outcomes = await self._records.commit(hei_id, entity, batch)
        for one, outcome in zip(batch, outcomes, strict=True):
            if outcome.result in ("created", "changed"):
                self.tally.counts[entity][outcome.result] += 1
            elif outcome.result in ("refused", "retired"):
                first = next((problem for problem in outcome.problems if problem.severity == "refusal"), None)
                self.tally.refused(one.incoming.place, entity, first)
        return outcomes

    async def delete(self, hei_id: str, entity: str, id: str, *, source: str) -> bool:  # noqa: A002  (the protocol's name)
        deleted = await self._records.delete(hei_id, entity, id, source=source)
        self.tally.counts[entity]["deleted"] += deleted
        return deleted


class Sync:
    """Imports from one adapter, as often as asked, and says what each time has brought."""

    def __init__(
        self,
        adapter: Adapter,
        store: Store,
        records: Records,
        limits: DeletionLimits = DeletionLimits(),  # noqa: B008  (immutable)
    ) -> None:
        """``adapter`` stays the caller's to close."""
        self._adapter = _WatchedAdapter(adapter)
        self._records = _WatchedRecords(records)
        self._store = store
        self._importer = Importer(adapter.hei_id, self._adapter, store, self._records, limits)  # type: ignore[arg-type]

    async def expected(self) -> int:
        """How many items the source held when it was last imported, as far as the store knows."""
        return len(await sources.items(self._store, self._adapter.hei_id, self._adapter.kind))

    async def take(self, seen: Callable[[str], None] | None = None) -> SyncReport:
        """Import once. ``seen`` is told the entity of every item as it is read.

        Raises what the adapter raises, and StoreUnavailable; what was imported until then stays imported.
        """
        tally = self._adapter.tally = self._records.tally = _Tally(seen or _nothing)
        lacking = await self._importer.take()
        counts = {entity: EntitySync(**tally.counts[entity]) for entity in sorted(tally.counts)}
        return SyncReport(self._adapter.hei_id, counts, tuple(tally.refusals), lacking)

    def changes(self) -> AsyncGenerator[None, None]:
        """The adapter's own: yields when another import is worth while."""
        return self._adapter.changes()


def _nothing(_entity: str) -> None:
    pass
