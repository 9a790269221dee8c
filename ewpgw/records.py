"""Accepting records of ours, from any source: read, check, encode, validate, store, and want the partners told.

What is expensive (reading, encoding, validation) happens before the transaction; the transaction holds everything that
has to be true together: the record, what it is served as, the refusal that it settles, the notifications it calls for.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

import structlog

from ewpgw.bulk import Preparer, batch_of
from ewpgw.model.new_record import NewRecord
from ewpgw.model.problems import Problem
from ewpgw.preparing import FILES, IDENTIFIERS, Incoming, Prepared, origin_of, refusal, storable
from ewpgw.store import feed, files, record_writes, records, refusals, work
from ewpgw.store.effects import Effects
from ewpgw.store.feed import FeedKind
from ewpgw.store.record_writes import IdentifierRetired, PutResult
from ewpgw.store.records import RecordKey
from ewpgw.store.refusals import Refusal
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.bulk import Bulk, Fill, Knows
    from ewpgw.documents.schemas import Schemas
    from ewpgw.store.engine import Store

__all__ = ["Condition", "Incoming", "NotDeletable", "Outcome", "Prepared", "Records", "RevisionConflict"]

_log = structlog.get_logger(__name__)

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


Condition: TypeAlias = "Callable[[int | None], bool]"
"""Whether a change may be made to a record at this revision; None where there is no such record."""


class RevisionConflict(Exception):
    """The record is not at a revision that the caller expected. ``current`` is None where there is no such record."""

    def __init__(self, current: int | None) -> None:
        state = "does not exist" if current is None else f"is at revision {current}"
        super().__init__(f"the record {state}; read it again before changing it")
        self.current = current


class NotDeletable(Exception):
    """The record must not be deleted; ``reason`` says why, in words for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Derived(Protocol):
    """A batch on its way into the store, as completed."""

    batch: list[Prepared]


D = TypeVar("D", bound=Derived)


class Derivation(Protocol[D]):
    """What the gateway itself adds to records of one entity, whoever gave them, and what follows from their changes.

    All its methods are called in the transaction that changes the records.
    """

    async def before(self, tx: AsyncConnection, hei_id: str, batch: Sequence[Prepared], now: datetime) -> D:
        """Complete the accepted records of a batch, before it is written; some may be refused for where they stand."""

    async def after(
        self, tx: AsyncConnection, hei_id: str, done: D, results: Mapping[str, PutResult], now: datetime
    ) -> Effects:
        """The batch was written. ``results`` lacks the records whose identifiers were retired."""

    async def kept(self, tx: AsyncConnection, hei_id: str, our_id: str) -> str | None:
        """Why a record cannot be deleted, in words; None where it can."""

    async def deleted(self, tx: AsyncConnection, hei_id: str, our_id: str, now: datetime) -> Effects:
        """A record was deleted; what that calls for."""


class Records:
    """Puts records of ours into the store, and takes them out.

    - ``notifications``: by entity, the APIs through which its partners hear of a change: ``{"iias": ("iia-cnr",)}``
    - ``on_work``: called after work was wanted, so that it begins at once
    - ``derivations``: by entity, what completes its records before they are stored
    - ``fills``: by entity, what adds to its records as they come, before they are read
    - ``knows``: who is asked what records are completed with before they are checked
    """

    def __init__(
        self,
        store: Store,
        schemas: Schemas,
        notifications: Mapping[str, tuple[str, ...]],
        now: Callable[[], datetime],
        on_work: Callable[[], None],
        derivations: Mapping[str, Derivation[Any]] | None = None,
        fills: Mapping[str, Fill] | None = None,
        knows: Knows | None = None,
    ) -> None:
        self._store = store
        self._preparer = Preparer(schemas, fills=fills or {}, knows=knows)
        self._notifications = notifications
        self._now = now
        self._on_work = on_work
        self._derivations = derivations or {}

    async def put(
        self,
        hei_id: str,
        entity: str,
        incoming: Incoming,
        *,
        source: str,
        only_if: Condition | None = None,
        within: Callable[[AsyncConnection, Outcome], Awaitable[None]] | None = None,
    ) -> Outcome:
        """Accept or refuse one record. ``within`` is called in its transaction, with what became of it.

        A refused one is kept with its reasons, and the last good version stays served. Raises RevisionConflict where
        the stored record does not fulfil ``only_if``, KeyError for an unknown entity, StoreUnavailable.
        """

        async def within_all(tx: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
            if within is not None:
                await within(tx, outcomes[0])

        prepared = await self.prepare(hei_id, entity, [incoming], source=source)
        return (await self.commit(hei_id, entity, prepared, only_if=only_if, within=within_all))[0]

    async def put_many(self, hei_id: str, entity: str, incoming: Sequence[Incoming], *, source: str) -> list[Outcome]:
        """Accept or refuse records; outcomes in their order. Of two with one id in the batch the second is refused.

        Written in transactions of some hundred records each, so after StoreUnavailable a part may be stored; putting
        all again changes only what is missing.
        """
        outcomes: list[Outcome] = []
        first_at: dict[str, int] = {}
        async with (
            self.bulk() as bulk,
            aclosing(bulk.in_order(hei_id, entity, _batches(entity, incoming), source)) as batches,
        ):
            async for batch in batches:
                outcomes += await self.commit(hei_id, entity, without_repeated(batch, first_at, len(outcomes)))
        return outcomes

    async def prepare(self, hei_id: str, entity: str, incoming: Sequence[Incoming], *, source: str) -> list[Prepared]:
        """The first half of a put: everything that needs no store; in a thread where it takes long."""
        return await self._preparer.prepare(hei_id, entity, incoming, source)

    def bulk(self) -> AbstractAsyncContextManager[Bulk]:
        """For an import that may be large: its ``prepare`` serves in place of the one here, and may use processes."""
        return self._preparer.bulk()

    async def commit(
        self,
        hei_id: str,
        entity: str,
        batch: Sequence[Prepared],
        *,
        only_if: Condition | None = None,
        within: Callable[[AsyncConnection, Sequence[Outcome]], Awaitable[None]] | None = None,
    ) -> list[Outcome]:
        """The second half of a put: one transaction for the whole batch, in which no accepted id may come twice.

        ``within`` is called in it, with the outcomes. Raises RevisionConflict, having written nothing.
        """
        now = self._now()
        async with self._store.transaction() as tx:
            batch = await _with_files(tx, hei_id, batch)
            derivation = self._derivations.get(entity)
            derived = await derivation.before(tx, hei_id, batch, now) if derivation is not None else None
            batch = derived.batch if derived is not None else batch
            accepted = [one.new for one in batch if one.new is not None]
            results = await _write(tx, accepted, now)
            if only_if is not None:
                keys = [RecordKey(hei_id, entity, one.id) for one in batch if one.id is not None]
                await _check_revision(tx, keys, results, only_if)
            wanted = [
                key for new in accepted if (result := results.get(new.id)) for key in self._deliveries(new, result)
            ]
            effects = Effects()
            if derivation is not None and derived is not None:
                effects = await derivation.after(tx, hei_id, derived, results, now)
                wanted += effects.wanted
            await work.want_many(tx, wanted, now)
            outcomes = [_outcome(one, results) for one in batch]
            if within is not None:
                await within(tx, outcomes)
            refused = [
                self._as_refusal(hei_id, entity, one, outcome, now)
                for one, outcome in zip(batch, outcomes, strict=True)
                if outcome.revision is None
            ]
            await _keep_refused(tx, refused, now)
            await effects.tell(tx, hei_id, now)
        if wanted:
            self._on_work()
        return outcomes

    async def refuse(
        self, hei_id: str, entity: str, problem: Problem, *more: Problem, key: str, source: str, place: str
    ) -> None:
        """Keep the refusal of something that could not even be read, under ``key``."""
        origin, now = origin_of(source, place), self._now()
        refused = Refusal(hei_id, entity, key, "", _as_json([problem, *more]), origin, now)
        async with self._store.transaction() as tx:
            await _keep_refused(tx, [refused], now)

    async def delete(
        self,
        hei_id: str,
        entity: str,
        id: str,  # noqa: A002  (the protocol's name)
        *,
        source: str,
        only_if: Condition | None = None,
        within: Callable[[AsyncConnection], Awaitable[None]] | None = None,
    ) -> bool:
        """Delete a record, and whatever was refused under its id. False where there is neither.

        Partners are told. The id is never used again (EWP architecture, "Identifiers"). Raises RevisionConflict where
        the stored record does not fulfil ``only_if``, NotDeletable where its state forbids it, having deleted nothing.
        ``within`` is called in the transaction where something was deleted.
        """
        now, effects, derivation = self._now(), Effects(), self._derivations.get(entity)
        async with self._store.transaction() as tx:
            if derivation is not None and (reason := await derivation.kept(tx, hei_id, id)) is not None:
                raise NotDeletable(reason)
            if only_if is not None:
                current = await record_writes.locked_revision(tx, RecordKey(hei_id, entity, id))
                if not only_if(current):
                    raise RevisionConflict(current)
            partners = await record_writes.delete(tx, RecordKey(hei_id, entity, id), now)
            refused = await refusals.remove(tx, hei_id, entity, id)
            if within is not None and (partners is not None or refused):
                await within(tx)
            if derivation is not None and partners is not None:
                effects = await derivation.deleted(tx, hei_id, id, now)
            wanted = [*self._keys(hei_id, entity, id, partners or ()), *effects.wanted]
            await work.want_many(tx, wanted, now)
            await effects.tell(tx, hei_id, now)
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
            hei_id, entity, one.refusal_key, _as_given(one.incoming), _as_json(outcome.problems), one.origin, now
        )


async def _batches(entity: str, incoming: Sequence[Incoming]) -> AsyncIterator[Sequence[Incoming]]:
    most = batch_of(entity)
    for start in range(0, len(incoming), most):
        yield incoming[start : start + most]


async def _with_files(tx: AsyncConnection, hei_id: str, batch: Sequence[Prepared]) -> Sequence[Prepared]:
    """The batch, in which records are warned of that refer to files that are not there: partners cannot fetch them.

    Refusing them would be hard on systems that bring their agreements first and their files later.
    """
    referred = {file_id for one in batch if one.new is not None for file_id in one.new.files.values()}
    missing = await files.missing(tx, hei_id, referred)
    return [_without_missing(one, missing) for one in batch] if missing else batch


def _without_missing(one: Prepared, missing: Collection[str]) -> Prepared:
    if one.new is None:
        return one
    said = "there is no such file, so partners cannot fetch it; upload it (POST …/files) and give the id you get"
    lost = [path for path, file_id in one.new.files.items() if file_id in missing]
    warnings = tuple(Problem(path, f"is {one.new.files[path]}, but {said}", "warning", FILES) for path in lost)
    kept = {path: file_id for path, file_id in one.new.files.items() if path not in lost}
    return replace(one, new=replace(one.new, files=kept), problems=(*one.problems, *warnings))


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
    only_if: Condition,
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
        if not only_if(current):
            raise RevisionConflict(current)


def without_repeated(batch: Sequence[Prepared], first_at: dict[str, int], start: int) -> list[Prepared]:
    """The batch, in which records are refused whose id came before: in the batch, or in those before it.

    ``first_at`` remembers from batch to batch where each id came first; ``start`` is the number of the batch's first
    record among all.
    """
    checked = []
    for number, prepared in enumerate(batch, start):
        first = first_at.setdefault(prepared.id, number) if prepared.id is not None else number
        if first != number:
            twice = refusal("", f"has the id {prepared.id} of entry {first} of the same list", IDENTIFIERS)
            checked.append(prepared.refused_for(twice))
        else:
            checked.append(prepared)
    return checked


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


def _as_given(incoming: Incoming) -> str:
    """The record as it came, where it is refused."""
    if incoming.raw or incoming.document is None:
        return storable(incoming.raw)
    return storable(json.dumps(incoming.document, ensure_ascii=False, default=str))


def _as_json(problems: Iterable[Problem]) -> str:
    return json.dumps([asdict(problem) for problem in problems])
