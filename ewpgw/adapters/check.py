"""A dry run of an adapter: what would be imported, and each refusal with its item, place and reason. Needs no store."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from ewpgw.adapters.contract import Complete, Item, NotYet, Reading, Unreadable
from ewpgw.documents import schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.preparing import prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ewpgw.adapters.contract import Adapter
    from ewpgw.model.problems import Problem

_SLICE = 25


@dataclass(frozen=True, slots=True)
class EntityCount:
    """How many items of an entity there are, and what would become of them.

    ``found`` = ``valid`` + ``refused``; ``warnings`` counts the valid ones that are warned about.
    """

    found: int = 0
    valid: int = 0
    refused: int = 0
    warnings: int = 0


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
    """The outcome of a dry run. ``counts`` is by entity, of those that the source offers."""

    hei_id: str
    counts: Mapping[str, EntityCount]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything would be imported."""
        return not any(finding.severity == "refusal" for finding in self.findings)

    def as_json(self) -> dict[str, object]:
        """The report as data for JSON."""
        return {
            "hei_id": self.hei_id,
            "ok": self.ok,
            "counts": {entity: asdict(count) for entity, count in self.counts.items()},
            "findings": [asdict(finding) for finding in self.findings],
        }


async def dry_run(adapter: Adapter) -> CheckReport:
    """Read the adapter's source once and check every record as an import would.

    Raises AdapterProblem where the source cannot be used or breaks off, and whatever else a faulty adapter raises.
    """
    await adapter.check()
    tally = _Tally(adapter.hei_id)
    batch: list[Reading] = []
    async with aclosing(adapter.snapshot()) as readings:
        async for reading in readings:
            batch.append(reading)
            if len(batch) == _SLICE:
                await asyncio.to_thread(tally.add, batch)
                batch = []
    await asyncio.to_thread(tally.add, batch)
    return CheckReport(adapter.hei_id, dict(sorted(tally.counts.items())), tuple(tally.findings))


class _Tally:
    """Counts and findings while they grow."""

    def __init__(self, hei_id: str) -> None:
        self._hei_id = hei_id
        self._holders: dict[tuple[str, str], str] = {}
        self.counts: dict[str, EntityCount] = {}
        self.findings: list[Finding] = []

    def add(self, readings: Sequence[Reading]) -> None:
        """Check some readings; takes some milliseconds each."""
        for reading in readings:
            match reading:
                case Item():
                    self._item(reading)
                case Unreadable(key, entity, problem):
                    self._problems(key, entity, [problem])
                    self._count(entity, refused=1)
                case NotYet(key, entity):
                    self._find(key, entity, "is still being written and was not checked", "warning")
                case Complete(entity):
                    self.counts.setdefault(entity, EntityCount())

    def _item(self, item: Item) -> None:
        if item.entity not in ENTITIES:
            known = ", ".join(sorted(ENTITIES))
            self._find(
                item.key, item.entity, f"is of an entity unknown here, {item.entity}; known are {known}", "refusal"
            )
            self._count(item.entity, refused=1)
            return
        prepared = prepare(ENTITIES[item.entity], self._hei_id, item.incoming, schemas.default(), item.key)
        self._problems(item.key, item.entity, prepared.problems)
        if prepared.new is None:
            self._count(item.entity, refused=1)
            return
        holder = self._holders.setdefault((item.entity, prepared.new.id), item.key)
        if holder != item.key:
            self._find(item.key, item.entity, f"has the id {prepared.new.id}, as {holder} has", "refusal")
            self._count(item.entity, refused=1)
            return
        self._count(item.entity, valid=1, warnings=1 if prepared.problems else 0)

    def _count(self, entity: str | None, *, valid: int = 0, refused: int = 0, warnings: int = 0) -> None:
        if entity is not None:
            old = self.counts.get(entity, EntityCount())
            self.counts[entity] = EntityCount(
                old.found + valid + refused, old.valid + valid, old.refused + refused, old.warnings + warnings
            )

    def _problems(self, key: str, entity: str | None, problems: Sequence[Problem]) -> None:
        for problem in problems:
            self.findings.append(Finding(key, entity, problem.path, problem.message, problem.severity))

    def _find(self, key: str, entity: str | None, message: str, severity: Literal["refusal", "warning"]) -> None:
        self.findings.append(Finding(key, entity, "", message, severity))
