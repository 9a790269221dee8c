"""Imports what an adapter's source holds: takes what is new, and deletes what is gone, with care.

Ids of deleted records are never used again (EWP architecture, "Identifiers"), so a wrong deletion cannot be made good.
A record is deleted only when its source was read to the end, no item there has its id any more, and the item it came
from is gone or holds another record now.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from ewpgw.adapters.contract import AdapterProblem, Complete, Item, NotYet, Unreadable
from ewpgw.model.entities import ENTITIES
from ewpgw.model.problems import Problem
from ewpgw.preparing import Prepared, origin_of, without_content
from ewpgw.store import records as stored
from ewpgw.store import refusals, sources
from ewpgw.store.sources import SourceItem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from ewpgw.adapters.contract import Adapter
    from ewpgw.records import Records
    from ewpgw.store.engine import Store

_log = structlog.get_logger(__name__)
_BATCH = 100
_PAGE = 100
_SHOWN_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class _Refused:
    """The version of an item that was refused, so that it is neither tried nor told again.

    ``key`` is what its refusal is kept under. ``duplicate``: refused for another item's sake, to be tried every time.
    """

    entity: str
    digest: str
    id: str | None
    key: str
    duplicate: bool


@dataclass(slots=True)
class _Round:
    """What one reading of the source has brought so far.

    - ``known``: what was imported before, by key
    - ``present``: the keys of items; ``held``: those of what is there, but cannot be read now
    - ``accepted``: by key, the (entity, id) that its item holds for good; ``holders`` is the reverse
    - ``claimed``: (entity, id)s named by what was refused or cannot be read; they are not gone
    - ``moved``: entities of which an item has come to hold another record
    - ``refusals``: by entity, what refusals are kept under that still hold
    """

    known: Mapping[str, SourceItem]
    present: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    complete: set[str] = field(default_factory=set)
    accepted: dict[str, tuple[str, str]] = field(default_factory=dict)
    holders: dict[tuple[str, str], str] = field(default_factory=dict)
    claimed: set[tuple[str, str]] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    refusals: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def notice(self, key: str, keys: set[str]) -> None:
        """Note that the source has this key; raises AdapterProblem at the second time."""
        if key in self.present or key in self.held:
            raise AdapterProblem(f"the adapter yielded the key {key} twice in one snapshot; its keys must be unique")
        keys.add(key)

    def is_there(self, key: str) -> bool:
        """Whether the source still has this key, if only as a part of something that cannot be read now."""
        return key in self.present or key in self.held or key.rpartition("#")[0] in self.held

    def hold(self, key: str, entity: str, id_: str) -> None:
        """Note that an item holds a record for good."""
        record = (entity, id_)
        self.accepted[key] = record
        self.holders[record] = key

    def claim(self, entity: str | None, id_: str | None) -> None:
        """Note that something which is not good at present is about this record."""
        if entity is not None and id_ is not None:
            self.claimed.add((entity, id_))


class Importer:
    """Brings the store in step with one adapter's source."""

    def __init__(self, hei_id: str, adapter: Adapter, store: Store, records: Records) -> None:
        self._hei_id = hei_id
        self._adapter = adapter
        self._store = store
        self._records = records
        self._source = adapter.kind
        self._refused: dict[str, _Refused] = {}
        self._told: dict[str, str] = {}
        self._settled: dict[str, set[str]] = {}
        """By entity, the refusals that held after its last complete reading; none before the first."""

    async def take(self) -> str | None:
        """Read the source once and import it.

        Returns None, or in words what the source lacks as a whole, of which nothing was deleted. Raises what the
        adapter raises, and StoreUnavailable; what was imported until then stays imported.
        """
        now = _Round(await sources.items(self._store, self._hei_id, self._source))
        batch: list[Item] = []
        async with aclosing(self._adapter.snapshot()) as readings:
            async for reading in readings:
                follows = isinstance(reading, Item) and len(batch) < _BATCH
                if batch and not (follows and reading.entity == batch[0].entity):
                    await self._import(now, batch)
                    batch = []
                match reading:
                    case Item():
                        now.notice(reading.key, now.present)
                        batch.append(reading)
                    case Unreadable():
                        now.notice(reading.key, now.held)
                        await self._unreadable(now, reading)
                    case NotYet():
                        now.notice(reading.key, now.held)
                    case Complete():
                        now.complete.add(reading.entity)
        if batch:
            await self._import(now, batch)
        self._keep_held(now)
        for entity in sorted(now.complete & ENTITIES.keys()):
            await self._delete(now, entity)
            await self._settle_refusals(now, entity)
        for remembered in (self._refused, self._told):
            for key in [key for key in remembered if not now.is_there(key)]:
                del remembered[key]
        return _missing(now)

    async def _import(self, now: _Round, batch: Sequence[Item]) -> None:
        entity = batch[0].entity
        if entity not in ENTITIES:
            said = f"is of an entity unknown here, {entity}; known are {', '.join(sorted(ENTITIES))}"
            for item in batch:
                self._tell(item.key, said, [Problem("", said, "refusal", "adapter")])
            return
        new = [item for item in batch if not self._is_known(now, item)]
        incoming = [replace(item.incoming, place=item.key) for item in new]
        prepared = await self._records.prepare(self._hei_id, entity, incoming, source=self._source)
        by_key = {item.key: one for item, one in zip(new, prepared, strict=True)}
        puts: list[tuple[Item, Prepared, bool]] = []
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

    def _is_known(self, now: _Round, item: Item) -> bool:
        """Whether this very version was imported before, or refused since the start of this process."""
        refused, imported = self._refused.get(item.key), now.known.get(item.key)
        if refused is not None and refused.digest == item.digest:
            return not refused.duplicate
        return imported is not None and (imported.entity, imported.digest) == (item.entity, item.digest or None)

    def _hold_known(self, now: _Round, item: Item) -> Prepared | None:
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

    def _hold_new(self, now: _Round, item: Item, one: Prepared) -> Prepared | None:
        """Note which record a good item is about. Returns its refusal where an earlier item has that record."""
        holder = now.holders.setdefault((item.entity, one.id or ""), item.key)
        return self._duplicate(item, one.id or "", holder) if holder != item.key else None

    def _duplicate(self, item: Item, id_: str, holder: str) -> Prepared:
        # without an id, so that the refusal is kept under the item's own name: the record is good, from the other item
        said = f"has the id {id_}, as {holder} has; give one of the two another id, or remove it"
        problem = Problem("", said, "refusal", "adapter")
        return Prepared(item.incoming, origin_of(self._source, item.key), None, None, (problem,))

    async def _put(self, now: _Round, entity: str, puts: Sequence[tuple[Item, Prepared, bool]]) -> None:
        if not puts:
            return
        outcomes = await self._records.commit(self._hei_id, entity, [one for _, one, _ in puts])
        rows = []
        for (item, one, duplicate), outcome in zip(puts, outcomes, strict=True):
            imported = now.known.get(item.key)
            before = imported.id if imported is not None and imported.entity == entity else None
            if outcome.id is None or outcome.revision is None:
                self._refused[item.key] = _Refused(entity, item.digest, one.id, one.refusal_key, duplicate)
                now.refusals[entity].add(one.refusal_key)
                now.claim(entity, one.id)
                now.claim(entity, before)
                rows.append(SourceItem(item.key, entity, before, ""))
                self._tell(item.key, item.digest, outcome.problems)
                continue
            self._refused.pop(item.key, None)
            self._told.pop(item.key, None)
            now.hold(item.key, entity, outcome.id)
            rows.append(SourceItem(item.key, entity, outcome.id, item.digest))
            if imported is not None and (imported.entity, imported.id) != (entity, outcome.id):
                now.moved.add(imported.entity or entity)
        async with self._store.transaction() as tx:
            await sources.put_items(tx, self._hei_id, self._source, rows)

    async def _unreadable(self, now: _Round, item: Unreadable) -> None:
        self._tell(item.key, item.problem.message, [item.problem])
        if item.entity is None or item.entity not in ENTITIES:
            return
        imported, refused = now.known.get(item.key), self._refused.get(item.key)
        key = (imported.id if imported is not None else None) or origin_of(self._source, item.key)
        if refused is None or (refused.digest, refused.key) != (item.problem.message, key):
            await self._records.refuse(
                self._hei_id, item.entity, item.problem, key=key, source=self._source, place=item.key
            )
            self._refused[item.key] = _Refused(item.entity, item.problem.message, None, key, duplicate=False)

    def _keep_held(self, now: _Round) -> None:
        """What cannot be read now is still about what it was about."""
        for key, imported in now.known.items():
            if key not in now.present and now.is_there(key):
                now.claim(imported.entity, imported.id)
        for key, refused in self._refused.items():
            if key not in now.present and now.is_there(key):
                now.claim(refused.entity, refused.id)
                now.refusals[refused.entity].add(refused.key)

    async def _delete(self, now: _Round, entity: str) -> None:
        """Delete the records of ours whose items are gone, or hold another record now."""
        gone = [key for key, imported in now.known.items() if imported.entity == entity and not now.is_there(key)]
        if not gone and entity not in now.moved and entity in self._settled:
            return
        async for id_, place in self._imported(entity):
            if (entity, id_) in now.holders or (entity, id_) in now.claimed:
                continue
            if not now.is_there(place) or place in now.accepted:
                await self._records.delete(self._hei_id, entity, id_, source=self._source)
        async with self._store.transaction() as tx:
            await sources.remove_items(tx, self._hei_id, self._source, gone)

    async def _imported(self, entity: str) -> AsyncIterator[tuple[str, str]]:
        """The id and the item's key of every record that came from this source, and from nowhere else since."""
        prefix, after = origin_of(self._source, "") + ":", None
        while page := await stored.list_page(self._store, self._hei_id, entity, after=after, limit=_PAGE):
            for record in page:
                if record.source.startswith(prefix):
                    yield record.key.id, record.source.removeprefix(prefix)
            after = page[-1].key.id
            await asyncio.sleep(0)  # SQLite is read on the event loop, which has more to do than this

    async def _settle_refusals(self, now: _Round, entity: str) -> None:
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


def _missing(now: _Round) -> str | None:
    lost = Counter(imported.entity for imported in now.known.values() if imported.entity not in now.complete)
    if not lost:
        return None
    parts = ", ".join(f"{entity} ({number} before)" for entity, number in sorted(lost.items(), key=str))
    return (
        f"the source does not offer {parts}, so nothing of that was deleted; bring it back, or leave its place empty "
        "to have all of it deleted"
    )
