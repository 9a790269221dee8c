"""Imports what an adapter's source holds: takes what is new, and deletes what is gone, with care.

Ids of deleted records are never used again (EWP architecture, "Identifiers"), so a wrong deletion cannot be made good.
A record is deleted only when its source was read to the end, no item there has its id any more, and the item it came
from is gone or holds another record now.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog

from ewpgw.adapters.batches import REST_UPON, Batch, Waiting
from ewpgw.adapters.contract import AdapterProblem, Complete, Item, NotYet, Partial, Unchanged, Unreadable
from ewpgw.adapters.explaining import explained
from ewpgw.adapters.guard import DeletionLimits, Guard
from ewpgw.adapters.readings import checked
from ewpgw.adapters.rounds import Onlooker, Refused, Round, is_known
from ewpgw.model.entities import ENTITIES
from ewpgw.model.problems import Problem
from ewpgw.preparing import Incoming, Prepared, origin_of, without_content
from ewpgw.records import NotDeletable, Outcome
from ewpgw.store import records as stored
from ewpgw.store import refusals, sources
from ewpgw.store.sources import SourceItem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.adapters.contract import Adapter
    from ewpgw.bulk import Answer, Bulk
    from ewpgw.records import Records
    from ewpgw.store.engine import Store

_log = structlog.get_logger(__name__)
_PAGE = 100
_SHOWN_PROBLEMS = 5
_ATTEMPTS = 5
_LONGEST_PAUSE = 1.0


class _Overtaken(AdapterProblem):
    """Another process has imported an item since this reading began: what was read of it may be older."""

    def __init__(self) -> None:
        super().__init__("another process imports from the same source at this moment; it is read again")


class Importer:
    """Brings the store in step with one adapter's source."""

    def __init__(
        self,
        hei_id: str,
        adapter: Adapter,
        store: Store,
        records: Records,
        limits: DeletionLimits = DeletionLimits(),  # noqa: B008  (immutable)
    ) -> None:
        self._hei_id = hei_id
        self._adapter = adapter
        self._store = store
        self._records = records
        self._source = adapter.kind
        self._guard = Guard(hei_id, adapter.kind, store, limits, lambda: datetime.now(UTC))
        self._onlooker = Onlooker()
        self._refused: dict[str, Refused] = {}
        self._told: dict[str, str] = {}
        self._strays: set[tuple[str, str, str]] | None = None
        """Records that no remembered item holds (see Round), still to be deleted; None before they are looked for."""
        self._again: set[str] = set()
        """Refused items that are worth another attempt: what they rest upon has changed."""
        self._settled: dict[str, set[str]] = {}
        """By entity, the refusals that held after its last complete reading; none before the first."""

    async def take(self, onlooker: Onlooker | None = None) -> str | None:
        """Read the source once and import it. Other processes may do so at the same moment.

        Returns None, or in words what the source lacks as a whole, of which nothing was deleted. Raises what the
        adapter raises, with nothing imported, and StoreUnavailable; what was imported until then stays imported.
        """
        self._onlooker = onlooker or Onlooker()
        said = await self._take_in_peace()
        return await self._take_in_peace() if self._again else said

    async def _take_in_peace(self) -> str | None:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._take()
            except _Overtaken:
                await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311  (two shall not keep step)
        return await self._take()

    async def _take(self) -> str | None:
        self._onlooker.begins()
        known = await sources.items(self._store, self._hei_id, self._source)
        if self._strays is None:
            self._strays = await self._without_item(known)
        now = Round(known, self._strays)
        self._adapter.imported = partial(self._needs_no_content, now)
        self._adapter.in_full = self.waits or bool(self._again)
        for key in self._again:
            self._refused.pop(key, None)
        self._again.clear()
        async with (
            self._records.bulk() as bulk,
            Waiting(partial(self._prepare, bulk), partial(self._import, now), bulk.lend_a_hand) as waiting,
            aclosing(self._adapter.snapshot()) as readings,
        ):
            batch = Batch()
            async for yielded in readings:
                self._onlooker.read(reading := checked(yielded))
                if not batch.takes(reading):
                    self._wait(now, batch, waiting)
                    batch = Batch()
                match reading:
                    case Item() | Unchanged():
                        now.notice(reading.key, now.present)
                        batch.items.append(reading)
                    case Unreadable():
                        now.notice(reading.key, now.held)
                        batch.unreadable.append(reading)
                    case NotYet():
                        now.notice(reading.key, now.held)
                    case Complete():
                        now.complete.add(reading.entity)
                    case Partial():
                        now.partial[reading.entity] = reading.problem
                        if not reading.taken:
                            now.void.add(reading.entity)
            self._wait(now, batch, waiting)
            await waiting.finish()
        self._keep_held(now)
        for entity in sorted((now.complete - now.void) & ENTITIES.keys()):
            await self._delete(now, entity)
            await self._settle_refusals(now, entity)
        self._forget(now)
        return "; ".join(filter(None, (now.missing(), *self._guard.waiting.values()))) or None

    @property
    def waits(self) -> bool:
        """Whether deletions wait for a person."""
        return bool(self._guard.waiting)

    async def confirmed(self) -> bool:
        """Whether a person has confirmed deletions since they were held, so that the source is worth reading again."""
        return await self._guard.confirmed()

    def _forget(self, now: Round) -> None:
        """Forget what was refused and told of items that are gone."""
        for key in self._refused.keys() | self._told.keys():
            about = self._refused.get(key) or now.known.get(key)
            if not now.is_there(key) and (about is None or about.entity not in now.partial):
                self._refused.pop(key, None)
                self._told.pop(key, None)
        for entity in now.partial:
            if now.refusals[entity] - self._settled.get(entity, set()):
                self._settled.pop(entity, None)

    def _wait(self, now: Round, batch: Batch, waiting: Waiting) -> None:
        """Let a batch wait for its turn, without the content of what is known."""
        new: set[str] = set()
        for place, item in enumerate(batch.items):
            if isinstance(item, Item):
                if self._is_known(now, item):
                    batch.items[place] = Unchanged(item.key, item.entity, item.digest)
                elif item.entity in ENTITIES:
                    new.add(item.key)
        waiting.put(batch, new)

    async def _prepare(self, bulk: Bulk, new: Sequence[Item]) -> Answer:
        """What becomes of news of one entity: ready to be stored or refused."""
        return await bulk.answer(self._hei_id, new[0].entity, _placed(new), self._source)

    async def _import(self, now: Round, batch: Batch, new: Sequence[Item], answer: Answer) -> None:
        prepared = answer.of(_placed(new), self._source)
        by_key = {item.key: explained(item, one) for item, one in zip(new, prepared, strict=True)}
        if batch.items and batch.entity not in now.void:
            await self._import_items(now, batch.items, by_key)
        for unreadable in batch.unreadable:
            if unreadable.entity not in now.void:
                await self._unreadable(now, unreadable)
        self._onlooker.settled(len(batch.items) + len(batch.unreadable))

    async def _import_items(
        self, now: Round, batch: Sequence[Item | Unchanged], by_key: Mapping[str, Prepared]
    ) -> None:
        entity = batch[0].entity
        if entity not in ENTITIES:
            said = f"is of an entity unknown here, {entity}; known are {', '.join(sorted(ENTITIES))}"
            problem = Problem("", said, "refusal", "adapter")
            for item in batch:
                self._tell(item.key, said, [problem])
                self._onlooker.put(item.key, entity, Outcome(None, "refused", None, (problem,)))
            return
        puts: list[tuple[Item | Unchanged, Prepared, bool]] = []
        for item in batch:
            one = by_key.get(item.key)
            if one is None:
                duplicate = self._hold_known(now, item)
            else:
                duplicate = self._hold_new(now, item, one) if one.new is not None else None
            if duplicate is not None:
                puts.append((item, duplicate, True))
            elif one is not None:
                puts.append((item, one, False))
        await self._put(now, entity, puts)

    def _is_known(self, now: Round, item: Item) -> bool:
        """Whether this very version was imported before, or refused since the start of this process."""
        refused, imported = self._refused.get(item.key), now.known.get(item.key)
        if refused is not None and refused.digest == item.digest:
            return not refused.duplicate
        return imported is not None and (imported.entity, imported.digest) == (item.entity, item.digest or None)

    def _needs_no_content(self, now: Round, key: str, digest: str) -> bool:
        """What an adapter may ask about an item."""
        refused, imported = self._refused.get(key), now.known.get(key)
        if refused is not None and refused.digest == digest:
            return not refused.duplicate
        return imported is not None and imported.digest == (digest or None)

    def _hold_known(self, now: Round, item: Item | Unchanged) -> Prepared | None:
        """Note what an unchanged item is about. Returns its refusal where another item has its record by now."""
        refused, imported = self._refused.get(item.key), now.known.get(item.key)
        id_ = imported.id if imported is not None else None
        if refused is not None and refused.digest == item.digest:
            now.refusals[item.entity].add(refused.key)
            now.claim(item.entity, refused.id)
            now.claim(item.entity, id_)
            return None
        self._refused.pop(item.key, None)
        if id_ is None:
            return None
        if holder := now.holders.get((item.entity, id_)):
            return self._duplicate(item, id_, holder)
        now.hold(item.key, item.entity, id_)
        return None

    def _hold_new(self, now: Round, item: Item | Unchanged, one: Prepared) -> Prepared | None:
        """Note which record a good item is about. Returns its refusal where an earlier item has that record."""
        holder = now.holders.setdefault((item.entity, one.id or ""), item.key)
        return self._duplicate(item, one.id or "", holder) if holder != item.key else None

    def _duplicate(self, item: Item | Unchanged, id_: str, holder: str) -> Prepared:
        # without an id, so that the refusal is kept under the item's own name: the record is good, from the other item
        said = f"has the id {id_}, as {holder} has; give one of the two another id, or remove it"
        problem = Problem("", said, "refusal", "adapter")
        incoming = item.incoming if isinstance(item, Item) else Incoming(id=None)
        return Prepared(incoming, origin_of(self._source, item.key), None, None, (problem,))

    async def _put(self, now: Round, entity: str, puts: Sequence[tuple[Item | Unchanged, Prepared, bool]]) -> None:
        if not puts:
            return
        items = [item for item, _, _ in puts]

        async def remember(tx: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
            rows = [_remembered(now, entity, item, outcome) for item, outcome in zip(items, outcomes, strict=True)]
            found = await sources.items_of(tx, self._hei_id, self._source, [row.key for row in rows])
            if any(found.get(row.key) not in (now.known.get(row.key), row) for row in rows):
                raise _Overtaken
            await sources.put_items(tx, self._hei_id, self._source, rows)

        outcomes = await self._records.commit(self._hei_id, entity, [one for _, one, _ in puts], within=remember)
        if (upon := REST_UPON.get(entity)) and any(outcome.result in ("created", "changed") for outcome in outcomes):
            self._again |= {key for key, refused in self._refused.items() if refused.entity == upon}
        for (item, one, duplicate), outcome in zip(puts, outcomes, strict=True):
            self._onlooker.put(item.key, entity, outcome)
            row = _remembered(now, entity, item, outcome)
            if outcome.id is None or outcome.revision is None:
                self._refused[item.key] = Refused(entity, item.digest, one.id, one.refusal_key, duplicate)
                now.refusals[entity].add(one.refusal_key)
                now.claim(entity, one.id)
                now.claim(entity, row.id)
                self._tell(item.key, item.digest, outcome.problems)
                continue
            self._refused.pop(item.key, None)
            self._told.pop(item.key, None)
            now.hold(item.key, entity, outcome.id)
            before = now.known.get(item.key)
            if before is not None and before.id is not None and (before.entity, before.id) != (entity, outcome.id):
                now.strays.add((before.entity or entity, before.id, item.key))

    async def _unreadable(self, now: Round, item: Unreadable) -> None:
        problems = (item.problem, *item.more)
        said = "\n".join(map(str, problems))
        self._tell(item.key, said, problems)
        if item.entity is None or item.entity not in ENTITIES:
            return
        imported, refused = now.known.get(item.key), self._refused.get(item.key)
        key = (imported.id if imported is not None else None) or origin_of(self._source, item.key)
        if refused is None or (refused.digest, refused.key) != (said, key):
            await self._records.refuse(
                self._hei_id, item.entity, *problems, key=key, source=self._source, place=item.key
            )
            self._refused[item.key] = Refused(item.entity, said, None, key, duplicate=False)

    def _keep_held(self, now: Round) -> None:
        """What cannot be read now is still about what it was about."""
        for key, imported in now.known.items():
            if key not in now.present and now.is_there(key):
                now.claim(imported.entity, imported.id)
        for key, refused in self._refused.items():
            if key not in now.present and now.is_there(key):
                now.claim(refused.entity, refused.id)
                now.refusals[refused.entity].add(refused.key)

    async def _delete(self, now: Round, entity: str) -> None:
        """Delete the records of ours whose items are gone, or hold another record now; unless these are too many."""
        gone = [key for key, imported in now.known.items() if imported.entity == entity and not now.is_there(key)]
        strays = {stray for stray in now.strays if stray[0] == entity}
        if not (gone or strays or entity in self._guard.waiting):
            if entity not in self._settled:
                await self._guard.over(entity)
            return
        doomed, total = [], 0
        async for id_, place in self._imported(entity):
            total += 1
            if now.is_doomed(entity, id_, place):
                doomed.append(id_)
        if not await self._guard.lets(entity, doomed, total):
            return
        for id_ in doomed:
            try:
                if await self._records.delete(self._hei_id, entity, id_, source=self._source):
                    self._onlooker.deleted(entity)
            except NotDeletable as kept:
                said = f"is gone from its source, but is still served: {kept.reason}"
                problem = Problem("", said, "refusal", ENTITIES[entity].source)
                # not among the source's own refusals, which end with their items
                await self._records.refuse(self._hei_id, entity, problem, key=id_, source="gateway", place="")
        await self._guard.over(entity)
        async with self._store.transaction() as tx:
            await sources.remove_items(tx, self._hei_id, self._source, gone)
        now.strays -= strays

    async def _without_item(self, known: Mapping[str, SourceItem]) -> set[tuple[str, str, str]]:
        """Records from this source that no remembered item holds, as a crash may leave them: entity, id, item's key."""
        return {
            (entity, id_, place)
            for entity in ENTITIES
            async for id_, place in self._imported(entity)
            if not is_known(known, entity, id_, place)
        }

    async def _imported(self, entity: str) -> AsyncIterator[tuple[str, str]]:
        """The id and the item's key of every record that came from this source, and from nowhere else since."""
        prefix, after = origin_of(self._source, "") + ":", None
        while page := await stored.origins(self._store, self._hei_id, entity, after=after):
            for id_, origin in page:
                if origin.startswith(prefix):
                    yield id_, origin.removeprefix(prefix)
            after, _ = page[-1]
            await asyncio.sleep(0)  # SQLite is read on the event loop, which has more to do than this

    async def _settle_refusals(self, now: Round, entity: str) -> None:
        """Forget the refusals of this source that no longer hold: their items are gone, or good as they were before."""
        current = now.refusals[entity]
        if self._settled.get(entity) == current:
            return
        prefix, after = origin_of(self._source, "") + ":", None
        while page := await refusals.list_page(self._store, self._hei_id, entity, after=after, limit=_PAGE):
            void = [one.key for one in page if one.source.startswith(prefix) and one.key not in current]
            if void:
                async with self._store.transaction() as tx:
                    for key in void:
                        await refusals.remove(tx, self._hei_id, entity, key)
            after = (page[-1].entity, page[-1].key)
        self._settled[entity] = current

    def _tell(self, key: str, version: str, problems: Sequence[Problem]) -> None:
        """Log a refusal once for each version of an item: its key, and where and why; never what it says."""
        if self._told.get(key) != version:
            self._told[key] = version
            reasons = [without_content(problem) for problem in problems if problem.severity == "refusal"]
            more = max(len(reasons) - _SHOWN_PROBLEMS, 0)
            _log.warning("adapter.refused", hei_id=self._hei_id, item=key, reasons=reasons[:_SHOWN_PROBLEMS], more=more)


def _placed(items: Sequence[Item]) -> list[Incoming]:
    """The records of items, each standing at its item's key."""
    return [item.incoming.at(item.key) for item in items]


def _remembered(now: Round, entity: str, item: Item | Unchanged, outcome: Outcome) -> SourceItem:
    """What is to be remembered of an item. A refused one has no digest, and the record that it held before."""
    if outcome.id is not None and outcome.revision is not None:
        return SourceItem(item.key, entity, outcome.id, item.digest)
    before = now.known.get(item.key)
    return SourceItem(item.key, entity, before.id if before is not None and before.entity == entity else None, "")
