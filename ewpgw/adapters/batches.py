"""Batches of an import: what is read, waits to be prepared, and is imported in the order of the reading."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ewpgw.adapters.contract import Item, Unchanged, Unreadable
from ewpgw.bulk import AHEAD, batch_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from ewpgw.adapters.contract import Reading
    from ewpgw.preparing import Prepared


REST_UPON = {"institutions": "imobility-tors", "omobilities": "omobility-las"}
"""Records of the one are completed or checked with records of the other: what rests upon what."""
_TOGETHER = 5
"""So many batches' worth of news (2,000 records) is kept back until the source is read to its end."""
_MOST_WAITING = 100


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
        if not isinstance(reading, Item | Unchanged | Unreadable):
            return True
        if len(self.items) + len(self.unreadable) >= batch_of(self.entity):
            return False
        return isinstance(reading, Unreadable) or not self.items or self.items[0].entity == reading.entity


class Waiting:
    """Batches that are being prepared, while earlier ones are imported. They are imported in their order.

    Few news wait until all is read: a source that breaks off before changes nothing. Many would fill the memory, so
    they are imported as they come, each whole, as the source showed them at one moment.
    """

    def __init__(self, import_: Callable[[Batch, Mapping[str, Prepared]], Awaitable[None]]) -> None:
        self._import = import_
        self._batches: deque[tuple[Batch, asyncio.Task[dict[str, Prepared]]]] = deque()
        self._news = 0

    async def __aenter__(self) -> Waiting:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [task for _, task in self._batches]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def put(self, batch: Batch, news: int, prepared: Coroutine[None, None, dict[str, Prepared]]) -> None:
        """Begin with a batch, of which so many records are news, and import the oldest one where enough wait.

        What it rests upon is imported before: the issuer of a transcript stands in the institution's record.
        """
        if any(REST_UPON.get(waiting.entity or "") == batch.entity for waiting, _ in self._batches):
            try:
                await self.finish()
            except BaseException:
                prepared.close()
                raise
        self._batches.append((batch, asyncio.create_task(prepared)))
        self._news += news
        if self._news > _TOGETHER * batch_of(batch.entity) or len(self._batches) > _MOST_WAITING:
            await self.finish(AHEAD)

    async def finish(self, left: int = 0) -> None:
        """Import all batches but ``left``."""
        while len(self._batches) > left:
            batch, prepared = self._batches[0]
            await self._import(batch, await prepared)
            self._batches.popleft()
