"""A dry run of an adapter: what would be imported, and each refusal with its item, place and reason.

The gateway's own store is not asked: records are checked as if they were imported for the first time.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from lxml import etree

from ewpgw.adapters.contract import Complete, Item, NotYet, Partial, Reading, Unchanged, Unreadable
from ewpgw.adapters.readings import checked, repeated
from ewpgw.adapters.trial import Setup, Trial, trial
from ewpgw.bulk import batch_of
from ewpgw.documents.parsing import parse
from ewpgw.model.entities import ENTITIES
from ewpgw.model.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ewpgw.adapters.contract import Adapter

_SOME = 5
_ENVELOPE = 10_000
_COMPLETING = "institutions"
"""What other records are completed with: the issuer of transcripts is in it."""
_STILL_WRITTEN = "is still being written"


@dataclass(frozen=True, slots=True)
class EntityCount:
    """How many items of an entity there are, and what would become of them.

    ``found`` is what the source holds; what was checked of it is either ``valid`` or ``refused``. ``warnings`` counts
    the valid ones that are warned about. ``more``: it holds more than was asked of it for the sample.
    """

    found: int = 0
    valid: int = 0
    refused: int = 0
    warnings: int = 0
    more: bool = False

    @property
    def unchecked(self) -> int:
        """How many were beyond the sample."""
        return self.found - self.valid - self.refused


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or unwise, in an item of the source.

    ``key`` is the source's name of the item, such as a file; ``entity`` is None where that is not known; ``path`` is
    the place in the record. ``message`` may quote the record: it is for the people who keep the source, not for a log.
    """

    key: str
    entity: str | None
    path: str
    message: str
    severity: Literal["refusal", "warning"]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The outcome of a dry run. ``counts`` is by entity, of those that the source offers.

    ``example`` is the key of a valid item, None where there is none.
    """

    hei_id: str
    counts: Mapping[str, EntityCount]
    findings: tuple[Finding, ...]
    example: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything that was checked would be imported."""
        return not any(finding.severity == "refusal" for finding in self.findings)

    def as_json(self) -> dict[str, object]:
        """The report as data for JSON."""
        return {
            "hei_id": self.hei_id,
            "ok": self.ok,
            "counts": {entity: asdict(count) for entity, count in self.counts.items()},
            "findings": [asdict(finding) for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """One item of a source, and what would become of it.

    - ``key``, ``entity``: the item's; ``id``: the record's identifier, None where that cannot be told
    - ``record``: the record as it would be kept, or as the source gives it where it is refused; None where not even
      that can be read
    - ``document``: the EWP document that partners would get, indented; None where it is refused
    """

    hei_id: str
    key: str
    entity: str | None
    id: str | None
    record: object | None
    document: str | None
    problems: tuple[Problem, ...]

    def as_json(self) -> dict[str, object]:
        """The item as data for JSON."""
        return asdict(self)


async def dry_run(adapter: Adapter, *, limit: int | None = None, setup: Setup = Setup()) -> CheckReport:  # noqa: B008
    """Read the adapter's source once and check its records as an import would: all, or the first of each entity.

    Raises AdapterProblem where the source cannot be used or breaks off, and whatever else a faulty adapter raises.
    """
    await adapter.check()
    if limit is not None:
        adapter.sample, adapter.imported = limit, _Sample(limit).is_beyond
    async with trial(adapter.hei_id, adapter.kind, setup) as trying, aclosing(adapter.snapshot()) as readings:
        tally = _Tally(trying, limit)
        async for reading in readings:
            await tally.add(checked(reading))
        await tally.finish()
    return CheckReport(adapter.hei_id, dict(sorted(tally.counts.items())), tuple(tally.findings), tally.example)


async def look_up(adapter: Adapter, key: str, *, setup: Setup = Setup()) -> Shown | tuple[str, ...]:  # noqa: B008
    """The item of this key; or some keys that there are, where it is not among them.

    ``key`` may lack what keys begin with, the entity and a slash. Raises as ``dry_run`` does.
    """
    await adapter.check()
    adapter.imported = lambda item, _digest: not (_is_it(key, item) or item.startswith(f"{_COMPLETING}/"))
    others: list[str] = []
    async with trial(adapter.hei_id, adapter.kind, setup) as trying, aclosing(adapter.snapshot()) as readings:
        async for yielded in readings:
            reading = checked(yielded)
            if isinstance(reading, Complete | Partial):
                continue
            if not isinstance(reading, Unchanged) and _is_it(key, reading.key):
                return await _shown(trying, adapter.hei_id, reading)
            if isinstance(reading, Item) and reading.entity == _COMPLETING:
                await trying.take([reading])
            if len(others) < _SOME:
                others.append(reading.key)
    return tuple(others)


def _is_it(wanted: str, key: str) -> bool:
    return wanted in (key, key.partition("/")[2])


class _Sample:
    """Which items an adapter need not read in full, where it can tell them apart before: those after the first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._asked: Counter[str] = Counter()

    def is_beyond(self, key: str, _digest: str) -> bool:
        """Whether there are enough items of this kind already."""
        entity = key.partition("/")[0]
        self._asked[entity] += 1
        return self._asked[entity] > self._limit


async def _shown(trying: Trial, hei_id: str, reading: Item | Unreadable | NotYet) -> Shown:
    match reading:
        case Unreadable():
            problems = (reading.problem, *reading.more)
            return Shown(hei_id, reading.key, reading.entity, None, None, None, problems)
        case NotYet():
            problem = Problem("", _STILL_WRITTEN, "warning", "adapter")
            return Shown(hei_id, reading.key, reading.entity, None, None, None, (problem,))
    given = reading.incoming
    as_given = given.document if given.xml is None else given.xml.decode("utf-8", "replace")
    entity = ENTITIES.get(reading.entity)
    if entity is None:
        problem = Problem("", _unknown(reading.entity), "refusal", "adapter")
        return Shown(hei_id, reading.key, reading.entity, None, as_given, None, (problem,))
    (tried,) = await trying.take([reading])
    if tried.document is None:
        return Shown(hei_id, reading.key, reading.entity, tried.id, as_given, None, tried.problems)
    fragment = await trying.served(tried)
    tree = parse(entity.newest.wrap([fragment]), max_bytes=len(fragment) + _ENVELOPE)
    etree.cleanup_namespaces(tree)
    etree.indent(tree)
    document = etree.tostring(tree, encoding="unicode")
    record = json.loads(tried.document)
    return Shown(hei_id, reading.key, reading.entity, tried.id, record, document, tried.problems)


def _unknown(entity: str) -> str:
    return f"is of an entity unknown here, {entity}; known are {', '.join(sorted(ENTITIES))}"


class _Tally:
    """Counts and findings while they grow."""

    def __init__(self, trying: Trial, limit: int | None) -> None:
        self._trying = trying
        self._limit = limit
        self._items: list[Item] = []
        self._keys: set[str] = set()
        self.counts: dict[str, EntityCount] = {}
        self.findings: list[Finding] = []
        self.example: str | None = None

    async def add(self, reading: Reading) -> None:
        """Check a reading; items are checked when there are some of them. Raises AdapterProblem for a repeated key."""
        self._notice(reading)
        if self._items and not (isinstance(reading, Item) and reading.entity == self._items[0].entity):
            await self.finish()
        match reading:
            case Unchanged():
                self._count(reading.entity)
            case Item() | Unreadable() if self._is_beyond(reading.entity):
                self._count(reading.entity)
            case Item() if reading.entity not in ENTITIES:
                self._find(reading.key, reading.entity, _unknown(reading.entity), "refusal")
                self._count(reading.entity, refused=1)
            case Item():
                self._items.append(reading)
                if len(self._items) >= batch_of(reading.entity):
                    await self.finish()
            case Unreadable():
                self._problems(reading.key, reading.entity, [reading.problem, *reading.more])
                self._count(reading.entity, refused=1)
            case NotYet():
                self._find(reading.key, reading.entity, f"{_STILL_WRITTEN} and was not checked", "warning")
            case Complete():
                self.counts.setdefault(reading.entity, EntityCount())
            case Partial():
                count = self.counts.setdefault(reading.entity, EntityCount())
                if self._limit is not None and count.found >= self._limit:
                    self.counts[reading.entity] = replace(count, more=True)
                if reading.problem is not None:
                    self._find(reading.entity, reading.entity, reading.problem, "refusal")

    def _notice(self, reading: Reading) -> None:
        if isinstance(reading, Complete | Partial):
            return
        if reading.key in self._keys:
            raise repeated(reading.key)
        self._keys.add(reading.key)

    async def finish(self) -> None:
        """Check the items that wait for it."""
        items, self._items = self._items, []
        for tried in await self._trying.take(items):
            self._problems(tried.item.key, tried.item.entity, tried.problems)
            if tried.document is None:
                self._count(tried.item.entity, refused=1)
            else:
                self.example = self.example or tried.item.key
                self._count(tried.item.entity, valid=1, warnings=1 if tried.problems else 0)

    def _is_beyond(self, entity: str | None) -> bool:
        count = self.counts.get(entity or "", EntityCount())
        return self._limit is not None and count.valid + count.refused + len(self._items) >= self._limit

    def _count(self, entity: str | None, *, valid: int = 0, refused: int = 0, warnings: int = 0) -> None:
        if entity is not None:
            old = self.counts.get(entity, EntityCount())
            self.counts[entity] = EntityCount(
                old.found + 1, old.valid + valid, old.refused + refused, old.warnings + warnings, old.more
            )

    def _problems(self, key: str, entity: str | None, problems: Sequence[Problem]) -> None:
        for problem in problems:
            self.findings.append(Finding(key, entity, problem.path, problem.message, problem.severity))

    def _find(self, key: str, entity: str | None, message: str, severity: Literal["refusal", "warning"]) -> None:
        self.findings.append(Finding(key, entity, "", message, severity))
