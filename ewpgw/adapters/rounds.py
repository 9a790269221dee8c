"""One reading of a source: what it has brought so far, and who is told of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ewpgw.adapters.readings import repeated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.adapters.contract import Reading
    from ewpgw.records import Outcome
    from ewpgw.store.sources import SourceItem


class Onlooker:
    """Is told what an import brings, as it comes. This one does not care."""

    def begins(self) -> None:
        """The source is read from its beginning; once more, where another process was faster."""

    def read(self, reading: Reading) -> None:
        """The source has this."""

    def put(self, key: str, entity: str, outcome: Outcome) -> None:
        """What became of an item that was new, or had changed."""

    def settled(self, items: int) -> None:
        """So many items, in the order in which they were read, are in the store now, refused, or passed over."""

    def deleted(self, entity: str) -> None:
        """A record is gone from the source, and was deleted."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The version of an item that was refused, so that it is neither tried nor told again.

    ``key`` is what its refusal is kept under. ``duplicate``: refused for another item's sake, to be tried every time.
    """

    entity: str
    digest: str
    id: str | None
    key: str
    duplicate: bool


@dataclass(slots=True)
class Round:
    """What one reading of the source has brought so far.

    - ``known``: what was imported before, by key
    - ``strays``: records (entity, id, key of the item) of this source whose item holds another record by now
    - ``present``: the keys of items; ``held``: those of what is there, but cannot be read now
    - ``accepted``: by key, the (entity, id) that its item holds for good; ``holders`` is the reverse
    - ``claimed``: (entity, id)s named by what was refused or cannot be read; they are not gone
    - ``complete``: entities that were read to their end; ``partial``: those that were not, and why, where that is wrong
    - ``void``: entities that broke off, of which nothing is taken
    - ``refusals``: by entity, what refusals are kept under that still hold
    """

    known: Mapping[str, SourceItem]
    strays: set[tuple[str, str, str]]
    present: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    complete: set[str] = field(default_factory=set)
    partial: dict[str, str | None] = field(default_factory=dict)
    void: set[str] = field(default_factory=set)
    accepted: dict[str, tuple[str, str]] = field(default_factory=dict)
    holders: dict[tuple[str, str], str] = field(default_factory=dict)
    claimed: set[tuple[str, str]] = field(default_factory=set)
    refusals: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def notice(self, key: str, keys: set[str]) -> None:
        """Note that the source has this key; raises AdapterProblem at the second time."""
        if key in self.present or key in self.held:
            raise repeated(key)
        keys.add(key)

    def is_there(self, key: str) -> bool:
        """Whether the source still has this key, if only as a part of something that cannot be read now."""
        return key in self.present or key in self.held or key.rpartition("#")[0] in self.held

    def is_doomed(self, entity: str, id_: str, key: str) -> bool:
        """Whether a record that came from the item of this key is to be deleted, its entity being complete.

        What was not there when the reading began may have come to the source while it was read, and was imported by
        another process: nothing is known of it here.
        """
        if (entity, id_) in self.holders or (entity, id_) in self.claimed:
            return False
        if not is_known(self.known, entity, id_, key) and (entity, id_, key) not in self.strays:
            return False
        return not self.is_there(key) or key in self.accepted

    def hold(self, key: str, entity: str, id_: str) -> None:
        """Note that an item holds a record for good."""
        record = (entity, id_)
        self.accepted[key] = record
        self.holders[record] = key

    def claim(self, entity: str | None, id_: str | None) -> None:
        """Note that something which is not good at present is about this record."""
        if entity is not None and id_ is not None:
            self.claimed.add((entity, id_))

    def missing(self) -> str | None:
        """What the source lacks as a whole, in words."""
        read = self.complete | self.partial.keys()
        lost = Counter(imported.entity for imported in self.known.values() if imported.entity not in read)
        broken = [f"{entity}: {problem}" for entity, problem in sorted(self.partial.items()) if problem is not None]
        if lost:
            parts = ", ".join(f"{entity} ({number} before)" for entity, number in sorted(lost.items(), key=str))
            broken.append(
                f"the source does not offer {parts}, so nothing of that was deleted; bring it back, or leave its place "
                "empty to have all of it deleted"
            )
        return "; ".join(broken) or None


def is_known(known: Mapping[str, SourceItem], entity: str, id_: str, key: str) -> bool:
    """Whether this record is the one that the item of this key is remembered to hold."""
    item = known.get(key)
    return item is not None and (item.entity, item.id) == (entity, id_)
