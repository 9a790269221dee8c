"""Accepting records of ours, from any source: read, check, encode, validate, store, and want the partners told.

What is expensive (reading, encoding, validation) happens before the transaction; the transaction holds everything that
has to be true together: the record, what it is served as, the refusal that it settles, the notifications it calls for.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import structlog

from ewpgw.model.entities import ENTITIES
from ewpgw.preparing import IDENTIFIERS, Incoming, Prepared, origin_of, prepare, refusal, storable
from ewpgw.store import feed, record_writes, records, refusals, work
from ewpgw.store.feed import FeedKind
from ewpgw.store.record_writes import IdentifierRetired, NewRecord, PutResult
from ewpgw.store.records import RecordKey
from ewpgw.store.refusals import Refusal
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.documents.schemas import Schemas
    from ewpgw.model.problems import Problem
    from ewpgw.store.engine import Store

__all__ = ["Incoming", "Outcome", "Prepared", "Records", "RevisionConflict"]

_log = structlog.get_logger(__name__)

_SLICE = 25
"""Records prepared in one go in a thread; the event loop gets its turns in between."""
_INLINE_CHARACTERS = 20_000
"""A single record up to this size is prepared on the event loop: some milliseconds."""
_TRANSACTION = 200
"""Records in one transaction, so that other writers are not kept waiting for long."""

Result = Literal["created", "changed", "unchanged", "refused", "retired"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a record. ``revision`` is the stored one's, None where none was stored.

    ``problems`` are the reasons of a refusal, or the warnings about an accepted record.
    """

    id: str | None
    result: Result
    revision: int | None
    problems: tuple[Problem, ...]


class RevisionConflict(Exception):
    """The record is not at the revision the caller expected. ``current`` is None where there is no such record."""

    def __init__(self, current: int | None) -> None:
        state = "does not exist" if current is None else f"is at revision {current}"
        super().__init__(f"the record {state}; read it again before changing it")
        self.current = current


class Records:
    """Puts records of ours into the store, and takes them out.

    - ``notifications``: by entity, the APIs through which its partners hear of a change: ``{"iias": ("iia-cnr",)}``
    - ``on_work``: called after work was wanted, so that it begins at once
    """

    def __init__(
        self,
        store: Store,
        schemas: Schemas,
        notifications: Mapping[str, tuple[str, ...]],
        now: Callable[[], datetime],
        on_work: Callable[[], None],
    ) -> None:
        self._store = store
        self._schemas = schemas
        self._notifications = notifications
        self._now = now
        self._on_work = on_work

    async def put(
        self, hei_id: str, entity: str, incoming: Incoming, *, source: str, expected_revision: int | None = None
    ) -> Outcome:
        """Accept or refuse one record.

        A refused one is kept with its reasons, and the last good version stays served. Raises RevisionConflict where
        the stored record is not at ``expected_revision``, KeyError for an unknown entity, StoreUnavailable.
        """
        prepared = await self.prepare(hei_id, entity, [incoming], source=source)
        return (await self.commit(hei_id, entity, prepared, expected_revision=expected_revision))[0]

    async def put_many(self, hei_id: str, entity: str, incoming: Sequence[Incoming], *, source: str) -> list[Outcome]:
        """Accept or refuse records; outcomes in their order. Of two with one id in the batch the second is refused.

        Written in transactions of some hundred records each, so after StoreUnavailable a part may be stored; putting
        all again changes only what is missing.
        """
        outcomes: list[Outcome] = []
        first_at: dict[str, int] = {}
        for start in range(0, len(incoming), _TRANSACTION):
            batch = await self.prepare(hei_id, entity, incoming[start : start + _TRANSACTION], source=source)
            for number, prepared in enumerate(batch):
                first = first_at.setdefault(prepared.id, start + number) if prepared.id is not None else start + number
                if first != start + number:
                    twice = refusal("", f"has the id {prepared.id} of entry {first} of the same list", IDENTIFIERS)
                    batch[number] = prepared.refused_for(twice)
            outcomes += await self.commit(hei_id, entity, batch)
        return outcomes

    async def prepare(self, hei_id: str, entity: str, incoming: Sequence[Incoming], *, source: str) -> list[Prepared]:
        """The first half of a put: everything that needs no store; in a thread where it takes long."""
        kind = ENTITIES[entity]

        def work_through(part: Sequence[Incoming]) -> list[Prepared]:
            return [prepare(kind, hei_id, one, self._schemas, source) for one in part]

        if len(incoming) == 1 and len(incoming[0].raw) <= _INLINE_CHARACTERS:
            return work_through(incoming)
        prepared: list[Prepared] = []
        for start in range(0, len(incoming), _SLICE):
            prepared += await asyncio.to_thread(work_through, incoming[start : start + _SLICE])
        return prepared

    async def commit(
        self, hei_id: str, entity: str, batch: Sequence[Prepared], *, expected_revision: int | None = None
    ) -> list[Outcome]:
        """The second half of a put: one transaction for the whole batch, in which no accepted id may come twice.

        Raises RevisionConflict, having written nothing.
        """
        now = self._now()
        async with self._store.transaction() as tx:
            accepted = [one.new for one in batch if one.new is not None]
            results = await _write(tx, accepted, now)
            if expected_revision is not None:
                keys = [RecordKey(hei_id, entity, one.id) for one in batch if one.id is not None]
                await _check_revision(tx, keys, results, expected_revision)
            wanted = [
                key for new in accepted if (result := results.get(new.id)) for key in self._deliveries(new, result)
            ]
            await work.want_many(tx, wanted, now)
            outcomes = [_outcome(one, results) for one in batch]
            refused = [
                self._as_refusal(hei_id, entity, one, outcome, now)
                for one, outcome in zip(batch, outcomes, strict=True)
                if outcome.revision is None
            ]
            await _keep_refused(tx, refused, now)
        if wanted:
            self._on_work()
        return outcomes

    async def refuse(self, hei_id: str, entity: str, problem: Problem, *, key: str, source: str, place: str) -> None:
        """Keep the refusal of something that could not even be read, under ``key``."""
        origin, now = origin_of(source, place), self._now()
        refused = Refusal(hei_id, entity, key, "", _as_json([problem]), origin, now)
        async with self._store.transaction() as tx:
            await _keep_refused(tx, [refused], now)

    async def delete(self, hei_id: str, entity: str, id: str, *, source: str) -> bool:  # noqa: A002  (the protocol's name)
        """Delete a record, and whatever was refused under its id. False where there is neither.

        Partners are told. The id is never used again (EWP architecture, "Identifiers").
        """
        now = self._now()
        async with self._store.transaction() as tx:
            partners = await record_writes.delete(tx, RecordKey(hei_id, entity, id), now)
            refused = await refusals.remove(tx, hei_id, entity, id)
            wanted = list(self._keys(hei_id, entity, id, partners or ()))
            await work.want_many(tx, wanted, now)
        if partners is not None:
            _log.info("record.deleted", hei_id=hei_id, entity=entity, id=id, source=source)
        if wanted:
            self._on_work()
        return partners is not None or refused

    async def notify_again(self, hei_id: str, entity: str, id: str) -> int:  # noqa: A002  (the protocol's name)
        """Want all partners told of a record once more; how many partners that are."""
        async with self._store.transaction() as tx:
            record = await records.get(tx, RecordKey(hei_id, entity, id))
            partners = (record.partners or frozenset()) if record is not None else frozenset()
            wanted = list(self._keys(hei_id, entity, id, partners))
            await work.want_many(tx, wanted, self._now())
        if wanted:
            self._on_work()
        return len({key.partner for key in wanted})

    def _deliveries(self, new: NewRecord, result: PutResult) -> Iterator[WorkKey]:
        """Who has to hear of a change: whoever may see the record now, and whoever could before."""
        if result.changed:
            yield from self._keys(
                new.hei_id, new.entity, new.id, result.former_partners | (new.partners or frozenset())
            )

    def _keys(self, hei_id: str, entity: str, item: str, partners: Iterable[str]) -> Iterator[WorkKey]:
        for partner in partners:
            for api in self._notifications.get(entity, ()):
                yield WorkKey(WorkKind.DELIVERY, hei_id, partner, api, item)

    def _as_refusal(self, hei_id: str, entity: str, one: Prepared, outcome: Outcome, now: datetime) -> Refusal:
        return Refusal(
            hei_id, entity, one.refusal_key, storable(one.incoming.raw), _as_json(outcome.problems), one.origin, now
        )


async def _write(tx: AsyncConnection, accepted: Sequence[NewRecord], now: datetime) -> dict[str, PutResult]:
    """Store what can be stored; by id. The ids of deleted records are missing in it."""
    try:
        written = await record_writes.put_many(tx, accepted, now)
    except IdentifierRetired as retired:
        usable = [new for new in accepted if new.key not in set(retired.keys)]
        written = await record_writes.put_many(tx, usable, now)
    return {result.key.id: result for result in written}


async def _check_revision(
    tx: AsyncConnection,
    keys: Sequence[RecordKey],
    results: Mapping[str, PutResult],
    expected: int,
) -> None:
    """Compare the revisions before this transaction, which rolls back when they differ. Its rows are locked by now."""
    for key in keys:
        if result := results.get(key.id):
            current = None if result.created else result.revision - result.changed
        else:
            stored = await records.get(tx, key)
            if stored is not None and stored.deleted:
                continue
            current = stored.revision if stored is not None else None
        if current != expected:
            raise RevisionConflict(current)


def _outcome(one: Prepared, results: Mapping[str, PutResult]) -> Outcome:
    if one.new is None:
        return Outcome(one.id, "refused", None, one.problems)
    result = results.get(one.new.id)
    if result is None:
        said = f"was deleted before: {one.id} is never used again; give the record a new id"
        return Outcome(one.id, "retired", None, (*one.problems, refusal("", said, IDENTIFIERS)))
    kind: Result = "created" if result.created else "changed" if result.changed else "unchanged"
    return Outcome(one.id, kind, result.revision, one.problems)


async def _keep_refused(tx: AsyncConnection, refused: Sequence[Refusal], now: datetime) -> None:
    """Keep refusals; those that are news are told to the SIS. Comes last in a transaction, for the feed's sake."""
    news = [one for one in refused if await refusals.put(tx, one)]
    for one in news:
        await feed.append(tx, one.hei_id, FeedKind.RECORD_REFUSED, now, entity=one.entity, id=one.key)


def _as_json(problems: Iterable[Problem]) -> str:
    return json.dumps([asdict(problem) for problem in problems])
