"""The compiled parts of a record, and one application of them to a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ewpgw.adapters.mapping.faults import BadValue, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ewpgw.model.problems import Problem

    Path = tuple[str, ...]
    """Where a part is in the record; ``*`` stands for the position in a list."""


@dataclass(slots=True)
class Run:
    """One application to one row. ``at``: the positions in the lists that are being made, the outermost first."""

    row: Mapping[str, object]
    file: str
    at: list[int]
    problems: list[Problem] = field(default_factory=list)

    def fault(self, node: Node, bad: BadValue) -> None:
        """Note a value that a field cannot take."""
        place = node.path.format(*self.at)
        self.problems.append(problem(place, f"{bad.reason} ({self.file}, line {node.line})", bad.value))


@dataclass(frozen=True, slots=True)
class Node:
    """A compiled part of a record.

    - ``make``: from the entry at hand to the part, None where it is empty; raises BadValue
    - ``reads``: whether it reads the source; ``default``: what it is where the source has nothing
    - ``path``: where it is in the record, with ``{0}`` for the position in the outermost list
    """

    make: Callable[[object, Run], object]
    reads: bool
    path: str
    line: int | None
    default: object = None


@dataclass(frozen=True, slots=True)
class Taker:
    """A part of a record that takes entries of a list: those for which ``holds``. ``names``: what that asks for."""

    holds: Callable[[object, Run], bool]
    names: tuple[str, ...]


def template(path: Path) -> str:
    """A path as a text to be formatted with the positions in its lists."""
    steps, depth = [], 0
    for step in path:
        if step == "*":
            steps.append(f"{{{depth}}}")
            depth += 1
        else:
            steps.append(step)
    return ".".join(steps)
