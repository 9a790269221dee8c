"""Batches of an import: what is read, waits to be prepared, and is imported in the order of the reading."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ewpgw.adapters.contract import Item, Unchanged, Unreadable
from ewpgw.adapters.shelf import Held, Shelf
from ewpgw.bulk import AHEAD, batch_of
from ewpgw.preparing import Incoming, Prepared

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence, Set

    from ewpgw.adapters.contract import Reading
    from ewpgw.model.new_record import NewRecord
    from ewpgw.model.problems import Problem

    _Done: TypeAlias = tuple[str, str | None, NewRecord | None, tuple[Problem, ...]]

REST_UPON = {"institutions": "imobility-tors", "omobilities": "omobility-las"}
"""Records of the one are completed or checked with records of the other: what rests upon what."""
_IN_MEMORY = 10.0
"""So many batches of news wait in memory, as they came or prepared."""
_WITHOUT_NEWS = 0.05
"""What a batch weighs against one that is full of news if nothing in it is."""
_READ = (Item, Unchanged, Unreadable)
_Given = tuple[str | None, object, bytes | None, str, str]
_Packed = tuple[str, list[tuple[str, str, _Given | None]], list[Unreadable]]


@dataclass(slots=True)
class Batch:
    """Items of one entity, and what cannot be read among them."""

    items: list[Item | Unchanged] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    @property
    def entity(self) -> str | None:
        """What its items are; None where there are none."""
        return self.items[0].entity if self.items else None

    def takes(self, reading: Reading) -> bool:
        """Whether a reading may join: what does not read an item says nothing about any batch."""
        if not isinstance(reading, _READ):
            return True
        if len(self.items) + len(self.unreadable) >= batch_of(self.entity):
            return False
        return not self.items or self.items[0].entity == reading.entity or isinstance(reading, Unreadable)


class Waiting:
    """Batches that are prepared while the source is read, and are imported in their order when it has been.

    Until then nothing is imported, so that a source that breaks off before its end changes nothing.
    """

    def __init__(
        self,
        prepare: Callable[[Sequence[Item]], Awaitable[list[Prepared]]],
        import_: Callable[[Batch, Mapping[str, Prepared]], Awaitable[None]],
        lend_a_hand: Callable[[], None],
    ) -> None:
        """``prepare`` is given what is new of a batch; ``import_`` a batch, and what became of its news by key.

        ``lend_a_hand`` is called when there is nothing to do but to wait for what is being prepared.
        """
        self._prepare = prepare
        self._import = import_
        self._lend_a_hand = lend_a_hand
        self._shelf = Shelf(_IN_MEMORY)
        self._turns = asyncio.Semaphore(AHEAD + 1)
        self._entries: deque[_Entry] = deque()

    async def __aenter__(self) -> Waiting:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [entry.prepared for entry in self._entries if entry.prepared is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._shelf.close()

    def put(self, batch: Batch, new: Set[str]) -> None:
        """Let a batch wait, and begin to prepare it; ``new`` are the keys of what is new in it."""
        weight = max(len(new) / batch_of(batch.entity), _WITHOUT_NEWS)
        explaining = {item.key: item.about for item in batch.items if isinstance(item, Item)}
        held = self._shelf.put(batch, weight, _packed, partial(_unpacked, explaining))
        entry = _Entry(batch.entity, weight, new, held)
        if new:
            rests = any(REST_UPON.get(earlier.entity or "") == batch.entity for earlier in self._entries)
            entry.prepared = asyncio.create_task(self._in_turn(entry, self._entries[-1] if rests else None))
        self._entries.append(entry)

    async def finish(self) -> None:
        """The source was read to its end: import all batches."""
        while self._entries:
            entry = self._entries[0]
            if entry.prepared is not None and not entry.prepared.done():
                self._lend_a_hand()
            done = (await entry.prepared).take() if entry.prepared is not None else []
            batch = entry.batch.take()
            by_key = {
                item.key: Prepared(item.incoming.at(item.key), *one)
                for item, one in zip(_news(batch, entry.new), done, strict=True)
            }
            await self._import(batch, by_key)
            entry.imported.set()
            self._entries.popleft()

    async def _in_turn(self, entry: _Entry, before: _Entry | None) -> Held[list[_Done]]:
        """Prepare what is new of a batch; where it rests upon what comes ``before`` it, when that has been imported."""
        if before is not None:
            await before.imported.wait()
        async with self._turns:
            prepared = await self._prepare(_news(entry.batch.get(), entry.new))
            # the records as they came are held with their batch
            done: list[_Done] = [(one.origin, one.id, one.new, one.problems) for one in prepared]
            return self._shelf.put(done, entry.weight)


@dataclass(slots=True, eq=False)
class _Entry:
    """A batch that waits. ``prepared`` is None where nothing in it is new."""

    entity: str | None
    weight: float
    new: Set[str]
    batch: Held[Batch]
    prepared: asyncio.Task[Held[list[_Done]]] | None = None
    imported: asyncio.Event = field(default_factory=asyncio.Event)


def _news(batch: Batch, new: Set[str]) -> list[Item]:
    return [item for item in batch.items if isinstance(item, Item) and item.key in new]


def _packed(batch: Batch) -> _Packed:
    """A batch in plain values, without those who explain its items: they may be anything that can be called."""
    return batch.entity or "", [(item.key, item.digest, _given(item)) for item in batch.items], batch.unreadable


def _given(item: Item | Unchanged) -> _Given | None:
    if isinstance(item, Unchanged):
        return None
    given = item.incoming
    return given.id, given.document, given.xml, given.raw, given.place


def _unpacked(explaining: Mapping[str, Callable[[str], str] | None], packed: _Packed) -> Batch:
    entity, items, unreadable = packed
    return Batch(
        [
            Unchanged(key, entity, digest)
            if given is None
            else Item(key, entity, Incoming(*given), digest, explaining[key])
            for key, digest, given in items
        ],
        unreadable,
    )
