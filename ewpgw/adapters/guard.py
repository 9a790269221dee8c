"""The guard against mass deletions: what a source lost all at once is deleted only when a person says so.

Ids of deleted records are never used again (EWP architecture, "Identifiers"), and a file that is missing from an export
looks just like records that were deleted. So a reading that would delete a large part of an entity's records deletes
none. What it would have deleted is kept, and a person confirms just that set.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from ewpgw.preparing import origin_of
from ewpgw.store import feed, held_deletions, records
from ewpgw.store.feed import FeedKind
from ewpgw.store.held_deletions import HeldDeletion, HeldKey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from ewpgw.config import AdapterSettings
    from ewpgw.store.engine import Store

_log = structlog.get_logger(__name__)
_MEMORY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DeletionLimits:
    """How much may vanish in a day: up to ``few`` records, or ``percent`` of an entity's records from the source."""

    percent: int = 20
    few: int = 5

    @classmethod
    def of(cls, adapter: AdapterSettings | None) -> DeletionLimits:
        """As configured for an institution's adapter."""
        return cls() if adapter is None else cls(adapter.most_deletions_percent, adapter.few_deletions)

    def allow(self, doomed: int, total: int) -> bool:
        """Whether so many of so many may be deleted without asking."""
        return doomed <= self.few or doomed * 100 <= total * self.percent


class Guard:
    """Holds the deletions of one source that are too many, until they are confirmed.

    What was deleted within the last day counts with what is to be deleted now, or a source that crumbles away would
    lose everything little by little. What a person has confirmed counts no more, nor what was deleted before.

    ``waiting``: by entity, what is held, in words; as of the last reading in this process.
    """

    def __init__(
        self, hei_id: str, source: str, store: Store, limits: DeletionLimits, now: Callable[[], datetime]
    ) -> None:
        self._hei_id = hei_id
        self._source = source
        self._store = store
        self._limits = limits
        self._now = now
        self.waiting: dict[str, str] = {}

    async def lets(self, entity: str, doomed: Collection[str], total: int) -> bool:
        """Whether these records of an entity may be deleted now; if not, they are held from now on.

        - ``doomed``: their ids
        - ``total``: how many records of the entity the source has in the store, these included
        """
        key = HeldKey(self._hei_id, self._source, entity)
        held = await held_deletions.get(self._store, key)
        since = held.held_at if held is not None and not set(held.ids).isdisjoint(doomed) else self._now()
        recent = await self._deleted_lately(key, since)
        if self._limits.allow(len(doomed) + recent, total + recent) or _is_confirmed(held, doomed):
            self.waiting.pop(entity, None)
            return True
        name = set_name(doomed)
        if held is None or held.set != name:
            now = self._now()
            held = HeldDeletion(key, name, tuple(sorted(doomed)), total, since, None, None)
            async with self._store.transaction() as tx:
                await held_deletions.put(tx, held)
                await feed.append(tx, self._hei_id, FeedKind.DELETIONS_HELD, now, entity=entity)
            _log.warning(
                "adapter.deletions_held",
                hei_id=self._hei_id,
                entity=entity,
                set=name,
                records=len(doomed),
                of=total,
                deleted_lately=recent,
            )
        before, none = (f", after {recent} in the last day", "none of these") if recent else ("", "none")
        self.waiting[entity] = (
            f"{len(doomed)} of {total} {entity} are gone from the source{before}, more than may be deleted unasked, so "
            f"{none} was; bring them back, or confirm with: ewpgw adapter confirm-deletions {name}"
        )
        return False

    async def over(self, entity: str) -> None:
        """Nothing of this entity is left to delete: what was held or confirmed is so no longer."""
        self.waiting.pop(entity, None)
        key = HeldKey(self._hei_id, self._source, entity)
        held = await held_deletions.get(self._store, key)
        if held is not None:
            async with self._store.transaction() as tx:
                if held.confirmed_at is not None:
                    await held_deletions.settle(tx, key, self._now())
                else:
                    await held_deletions.remove(tx, key)

    async def _deleted_lately(self, key: HeldKey, until: datetime) -> int:
        """How many records of this source were deleted in the day before ``until`` and since, and not confirmed.

        What is held goes on being held when that day is over: nobody has looked at it yet.
        """
        since, settled = until - _MEMORY, await held_deletions.settled_at(self._store, key)
        since = max(since, settled) if settled is not None else since
        prefix = origin_of(self._source, "") + ":"
        return await records.deleted_since(self._store, self._hei_id, key.entity, prefix, since)

    async def confirmed(self) -> bool:
        """Whether anything that waits has been confirmed meanwhile, here or in another process."""
        for entity in self.waiting:
            held = await held_deletions.get(self._store, HeldKey(self._hei_id, self._source, entity))
            if held is not None and held.confirmed_at is not None:
                return True
        return False


def _is_confirmed(held: HeldDeletion | None, doomed: Collection[str]) -> bool:
    # a crash may have left a part of a confirmed set to be deleted: each of these was confirmed
    return held is not None and held.confirmed_at is not None and set(doomed) <= set(held.ids)


def set_name(ids: Collection[str]) -> str:
    """A short name of a set of ids: another set has another."""
    digest = hashlib.sha256()
    for id_ in sorted(ids):
        digest.update(id_.encode() + b"\0")
    return digest.hexdigest()[:12]
