"""What can be wrong with a mapping file, and with a row that it is applied to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ewpgw.config.faults import Location, key_path
from ewpgw.model.problems import Problem
from ewpgw.preparing import BY_MAPPING, VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ewpgw.config.faults import Finding
    from ewpgw.config.source import Source

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class MappingFault:
    """One thing that is wrong with a mapping file.

    - ``line``: from 1, where it is known; ``where``: the place in the file, as in ``record.partner[0].iia_id``
    - ``message``: what is wrong, and what would be right
    """

    file: Path
    line: int | None
    where: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}" if self.line is not None else str(self.file)
        line = ": ".join(part for part in (place, self.where, self.message) if part)
        # one line, whatever a key of the file holds, and nothing that a terminal would obey
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)


class BadMapping(Exception):
    """Mapping files that cannot be used; carries every fault that was found."""

    def __init__(self, faults: tuple[MappingFault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class Unmappable(Exception):
    """A row that does not make a record. Each problem names the field, the reason and the value."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.path for problem in problems))
        self.problems = tuple(problems)


class BadValue(Exception):
    """A value that cannot become what a field wants. ``reason`` never quotes the value."""

    def __init__(self, reason: str, value: object) -> None:
        super().__init__(reason)
        self.reason, self.value = reason, value


def problem(path: str, reason: str, value: object) -> Problem:
    """A refusal on account of a value, which is quoted at its end, where ``without_content`` cuts it off."""
    return Problem(path, f"{reason}{quoted(value)}", "refusal", BY_MAPPING)


def quoted(value: object) -> str:
    """A value as the end of a problem: one line, and not too long."""
    shown = value if isinstance(value, str) else repr(value)
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
    return VALUE + "".join(char if char.isprintable() else ascii(char)[1:-1] for char in shown)


@dataclass(slots=True)
class Notes:
    """The faults of one mapping file while it is read."""

    file: Path
    source: Source
    faults: list[MappingFault] = field(default_factory=list)

    def add(self, location: Location, problem: str, remedy: str) -> None:
        """Note what is wrong at a place of the file."""
        self.faults.append(
            MappingFault(self.file, self.source.line(location), key_path(location), f"{problem}; {remedy}")
        )

    def add_findings(self, findings: Sequence[Finding]) -> None:
        """Note what others found."""
        for found in findings:
            line = found.line or self.source.line(found.location)
            message = f"{found.problem}; {found.remedy}"
            self.faults.append(MappingFault(self.file, line, key_path(found.location), message))

    def line(self, location: Location) -> int | None:
        """The line of a place of the file."""
        return self.source.line(location)
