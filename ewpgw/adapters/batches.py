"""Batches of an import: what is read, waits to be prepared, and is imported in the order of the reading."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ewpgw.adapters.contract import Item, Unchanged, Unreadable
from ewpgw.adapters.shelf import Held, Shelf
from ewpgw.bulk import AHEAD, Answer, batch_of
from ewpgw.preparing import Handed, Incoming

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence, Set

    from ewpgw.adapters.contract import Reading

REST_UPON = {"institutions": "imobility-tors", "omobilities": "omobility-las"}
"""Records of the one are completed or checked with records of the other: what rests upon what."""
_IN_MEMORY = 10.0
"""So many batches of news wait in memory, as they came or prepared."""
_WITHOUT_NEWS = 0.05
"""What a batch weighs against one that is full of news if nothing in it is."""
_READ = (Item, Unchanged, Unreadable)
_Packed = tuple[str, list[tuple[str, str, Handed | None]], list[Unreadable]]


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
        entity = self.items[0].entity if self.items else None
        if len(self.items) + len(self.unreadable) >= batch_of(entity):
            return False
        return entity in (None, reading.entity) or isinstance(reading, Unreadable)


class Waiting:
    """Batches that are prepared while the source is read, and are imported in their order when it has been.

    Until then nothing is imported, so that a source that breaks off before its end changes nothing.
    """

    def __init__(
        self,
        prepare: Callable[[Sequence[Item]], Awaitable[Answer]],
        import_: Callable[[Batch, Sequence[Item], Answer], Awaitable[None]],
        lend_a_hand: Callable[[], None],
    ) -> None:
        """``prepare`` is given what is new of a batch; ``import_`` a batch, its news, and what became of them.

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
        for item in _news(batch, new):
            item.incoming.pack()
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
            answer = (await entry.prepared).take() if entry.prepared is not None else Answer([])
            batch = entry.batch.take()
            await self._import(batch, _news(batch, entry.new), answer)
            entry.imported.set()
            self._entries.popleft()

    async def _in_turn(self, entry: _Entry, before: _Entry | None) -> Held[Answer]:
        """Prepare what is new of a batch; where it rests upon what comes ``before`` it, when that has been imported."""
        if before is not None:
            await before.imported.wait()
        async with self._turns:
            answer = await self._prepare(_news(entry.batch.get(), entry.new))
            return self._shelf.put(answer, entry.weight, Answer.packed, Answer)


@dataclass(slots=True, eq=False)
class _Entry:
    """A batch that waits. ``prepared`` is None where nothing in it is new."""

    entity: str | None
    weight: float
    new: Set[str]
    batch: Held[Batch]
    prepared: asyncio.Task[Held[Answer]] | None = None
    imported: asyncio.Event = field(default_factory=asyncio.Event)


def _news(batch: Batch, new: Set[str]) -> list[Item]:
    return [item for item in batch.items if isinstance(item, Item) and item.key in new] if new else []


def _packed(batch: Batch) -> _Packed:
    """A batch in plain values, without those who explain its items: they may be anything that can be called."""
    items = [
        (item.key, item.digest, item.incoming.as_handed() if isinstance(item, Item) else None) for item in batch.items
    ]
    return batch.entity or "", items, batch.unreadable


def _unpacked(explaining: Mapping[str, Callable[[str], str] | None], packed: _Packed) -> Batch:
    entity, items, unreadable = packed
    return Batch(
        [
            Unchanged(key, entity, digest)
            if given is None
            else Item(key, entity, Incoming.handed(*given), digest, explaining[key])
            for key, digest, given in items
        ],
        unreadable,
    )
