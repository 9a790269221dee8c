"""Trying records: what the gateway would say of them, by the same way in, with a store that is thrown away."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from ewpgw.adapters.contract import AdapterProblem
from ewpgw.adapters.explaining import explained, explained_problems
from ewpgw.intake import intake
from ewpgw.model.entities import ENTITIES
from ewpgw.model.problems import Problem
from ewpgw.nominations.calendars import Calendars
from ewpgw.store import Store
from ewpgw.store import records as stored
from ewpgw.store.records import RecordKey
from ewpgw.transcripts.configured import Configuration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ewpgw.adapters.contract import Item
    from ewpgw.bulk import Bulk
    from ewpgw.config import Settings
    from ewpgw.preparing import Prepared
    from ewpgw.records import Outcome, Records


@dataclass(frozen=True, slots=True)
class Setup:
    """What the institutions have configured that decides about their records."""

    calendars: Calendars = field(default_factory=Calendars)
    transcripts: Configuration = field(default_factory=Configuration)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """What is in the settings. Raises OSError and ValueError where their files cannot be used."""
        return cls(Calendars.of(settings.heis), Configuration.of(settings))


@dataclass(frozen=True, slots=True)
class Tried:
    """What would become of an item.

    - ``id``: the record's identifier, None where that cannot be told
    - ``document``: the record as it would be kept, as JSON; None where it is refused
    """

    item: Item
    id: str | None
    document: str | None
    problems: tuple[Problem, ...]


class Trial:
    """The way in for the records of one HEI, as if the source were imported for the first time.

    What records are completed and checked with from others, such as the issuer of a transcript from the institution's
    record, is known where these others were tried before.
    """

    def __init__(self, hei_id: str, source: str, store: Store, records: Records, bulk: Bulk) -> None:
        self._hei_id = hei_id
        self._source = source
        self._store = store
        self._records = records
        self._bulk = bulk
        self._holders: dict[tuple[str, str], str] = {}

    async def take(self, items: Sequence[Item]) -> list[Tried]:
        """What would become of items of one known entity, in their order. Of two with one id the second is refused."""
        if not items:
            return []
        entity = items[0].entity
        incoming = [item.incoming.at(item.key) for item in items]
        prepared = await self._bulk.prepare(self._hei_id, entity, incoming, self._source)
        first = [self._first(item, explained(item, one)) for item, one in zip(items, prepared, strict=True)]
        outcomes = await self._records.commit(self._hei_id, entity, first)
        ids = [outcome.id for outcome in outcomes if outcome.revision is not None and outcome.id is not None]
        documents = await stored.documents(self._store, self._hei_id, entity, ids)
        triples = zip(items, first, outcomes, strict=True)
        return [self._tried(item, one, outcome, documents.get(outcome.id or "")) for item, one, outcome in triples]

    def _first(self, item: Item, one: Prepared) -> Prepared:
        """The item, refused where one before it has its id."""
        if one.new is None:
            return one
        holder = self._holders.setdefault((item.entity, one.new.id), item.key)
        if holder == item.key:
            return one
        # without an id, as the importer refuses it: the record is good, from the other item
        said = f"has the id {one.new.id}, as {holder} has"
        return replace(one, id=None).refused_for(Problem("", said, "refusal", "adapter"))

    def _tried(self, item: Item, one: Prepared, outcome: Outcome, document: str | None) -> Tried:
        if outcome.revision is None:
            problems = outcome.problems if one.new is None else explained_problems(item, outcome.problems)
            return Tried(item, one.id, None, problems)
        unwise = item.unwise() if item.unwise is not None else ()
        return Tried(item, outcome.id, document, (*outcome.problems, *unwise))

    async def served(self, tried: Tried) -> bytes:
        """What partners with the newest version of the API would be served of an accepted record."""
        key = RecordKey(self._hei_id, tried.item.entity, tried.id or "")
        fragment = await stored.fragment(self._store, key, ENTITIES[tried.item.entity].newest.version)
        return bytes(fragment or b"")


@asynccontextmanager
async def trial(hei_id: str, source: str, setup: Setup) -> AsyncIterator[Trial]:
    """A trial of one source's records. ``source`` is the adapter's kind. Raises AdapterProblem and StoreProblem."""
    try:
        made = TemporaryDirectory(prefix="ewpgw-")
    except OSError as error:
        said = f"there is no room for the temporary folder in which records are tried: {error.strerror}"
        raise AdapterProblem(f"{said}; name another folder in TMPDIR") from None
    with made as folder:
        store = await Store.open(f"sqlite:///{Path(folder) / 'trial.db'}")
        try:
            records = intake(store, {}, _now, _nothing, setup.calendars, setup.transcripts).records
            async with records.bulk() as bulk:
                yield Trial(hei_id, source, store, records, bulk)
        finally:
            await store.close()


def _now() -> datetime:
    return datetime.now(UTC)


def _nothing() -> None:
    pass
