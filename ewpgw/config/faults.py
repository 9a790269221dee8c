"""What can be wrong with a configuration: one fault, one line, with its remedy."""

from __future__ import annotations

from dataclasses import dataclass

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """One thing that is wrong.

    Attributes:
        file: the configuration file, or ``environment`` when a variable is at fault
        key_path: as in ``heis[0].public_url``; the variable's name for ``environment``; empty for the whole file
        problem: what is wrong, without secrets
        remedy: what would be right
        line: line in the file, from 1, where it is known
    """

    file: str
    key_path: str
    problem: str
    remedy: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.key_path
        if self.line is not None:
            place = f"{place} (line {self.line})".lstrip()
        line = ": ".join(part for part in (self.file, place, f"{self.problem}; {self.remedy}") if part)
        # one line, whatever a key of the file holds, and nothing that a terminal would obey
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)


class ConfigFaults(Exception):
    """A configuration that cannot be used; carries every fault that was found, in the order of the file."""

    def __init__(self, faults: tuple[ConfigFault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault before its place in the file or the environment is looked up."""

    location: Location
    problem: str
    remedy: str
    line: int | None = None


def key_path(location: Location) -> str:
    """A location as a person writes it: ``heis[0].keys[1].file``."""
    text = ""
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text
