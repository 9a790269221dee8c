"""One import of an adapter's source, with counts of what it brought: the importer's work, watched from outside.

Importing is idempotent, so it may run beside a gateway that imports the same source.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ewpgw.adapters.contract import Complete, NotYet, Partial, Unreadable
from ewpgw.adapters.guard import DeletionLimits
from ewpgw.adapters.importing import Importer
from ewpgw.adapters.rounds import Onlooker
from ewpgw.store import sources

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from ewpgw.adapters.contract import Adapter, Reading
    from ewpgw.model.problems import Problem
    from ewpgw.records import Outcome, Records
    from ewpgw.store.engine import Store

_MOST_REFUSALS = 100


@dataclass(frozen=True, slots=True)
class Refused:
    """One reason why an item was refused, which may quote the record."""

    key: str
    entity: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class EntitySync:
    """What an import brought, of one entity: of the items that were ``read`` the rest was unchanged.

    ``warnings`` counts those created or changed that look wrong; ``refused`` what could not be read or was refused, and
    ``reasons`` why: a file of many records is one item, with a reason for every bad row; ``pending`` what is still
    being written.
    """

    read: int = 0
    created: int = 0
    changed: int = 0
    refused: int = 0
    reasons: int = 0
    pending: int = 0
    deleted: int = 0
    warnings: int = 0

    @property
    def unchanged(self) -> int:
        """How many items were as before."""
        return self.read - self.created - self.changed - self.refused - self.pending


@dataclass(frozen=True, slots=True)
class SyncReport:
    """The outcome of one import.

    ``lacking`` says what the source lacks as a whole, of which nothing was deleted; None where it lacks nothing.
    ``refusals`` holds the first hundred reasons.
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


class _Tally(Onlooker):
    """What one import has brought so far; ``seen`` and ``stored`` are told of the items."""

    def __init__(self, seen: Callable[[str], None], stored: Callable[[int], None]) -> None:
        self._seen = seen
        self._stored = stored
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.refusals: list[Refused] = []

    def begins(self) -> None:
        for entity in self.counts:
            self._forget(entity)  # told of anew; the rest has happened

    def read(self, reading: Reading) -> None:
        if isinstance(reading, Complete | Partial):
            self.counts[reading.entity]["read"] += 0
            if isinstance(reading, Partial) and not reading.taken:
                self._forget(reading.entity)
            return
        entity = reading.entity or reading.key
        self.counts[entity]["read"] += 1
        if isinstance(reading, NotYet):
            self.counts[entity]["pending"] += 1
        elif isinstance(reading, Unreadable):
            self._refused(reading.key, entity, (reading.problem, *reading.more))
        self._seen(entity)

    def put(self, key: str, entity: str, outcome: Outcome) -> None:
        if outcome.result in ("created", "changed"):
            self.counts[entity][outcome.result] += 1
            self.counts[entity]["warnings"] += any(problem.severity == "warning" for problem in outcome.problems)
        elif outcome.result in ("refused", "retired"):
            self._refused(key, entity, outcome.problems)

    def settled(self, items: int) -> None:
        self._stored(items)

    def deleted(self, entity: str) -> None:
        self.counts[entity]["deleted"] += 1

    def _forget(self, entity: str) -> None:
        for name in ("read", "pending", "refused", "reasons"):
            self.counts[entity][name] = 0
        self.refusals = [refused for refused in self.refusals if refused.entity != entity]

    def _refused(self, key: str, entity: str, problems: Sequence[Problem]) -> None:
        """Count a refusal, with its reasons."""
        reasons = [problem for problem in problems if problem.severity == "refusal"]
        self.counts[entity]["refused"] += 1
        self.counts[entity]["reasons"] += len(reasons)
        for problem in reasons[: _MOST_REFUSALS - len(self.refusals)]:
            self.refusals.append(Refused(key, entity, problem.path, problem.message))


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
        self._adapter = adapter
        self._store = store
        self._importer = Importer(adapter.hei_id, adapter, store, records, limits)

    async def expected(self) -> int:
        """How many items the source held when it was last imported, as far as the store knows."""
        return len(await sources.items(self._store, self._adapter.hei_id, self._adapter.kind))

    async def take(
        self, seen: Callable[[str], None] | None = None, stored: Callable[[int], None] | None = None
    ) -> SyncReport:
        """Import once.

        ``seen`` is told the entity of every item as it is read; ``stored``, once all are, how many were taken on.

        Raises what the adapter raises, with nothing imported, and StoreUnavailable; what was imported until then stays
        imported.
        """
        tally = _Tally(seen or _nothing, stored or _nothing)
        lacking = await self._importer.take(tally)
        counts = {entity: EntitySync(**tally.counts[entity]) for entity in sorted(tally.counts)}
        return SyncReport(self._adapter.hei_id, counts, tuple(tally.refusals), lacking)

    def changes(self) -> AsyncGenerator[None, None]:
        """The adapter's own: yields when another import is worth while."""
        return self._adapter.changes()


def _nothing(_told: object) -> None:
    pass
