"""A figure: what was measured, and the bound it has to keep."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement. ``at_least`` or ``at_most`` is the bound it has to keep; without either it only informs."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def bound(self) -> str:
        """The bound in words."""
        if self.at_least is not None:
            return f"at least {_number(self.at_least)}"
        return f"at most {_number(self.at_most)}" if self.at_most is not None else ""

    @property
    def state(self) -> Literal["pass", "FAIL", ""]:
        """Whether the bound is kept; empty where there is none."""
        if self.at_least is None and self.at_most is None:
            return ""
        kept = (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )
        return "pass" if kept else "FAIL"


def all_kept(figures: Iterable[Figure]) -> bool:
    """Whether no figure fails."""
    return all(figure.state != "FAIL" for figure in figures)


def table(title: str, figures: Iterable[Figure]) -> Table:
    """The figures for people."""
    shown = Table("figure", title=title, title_justify="left", title_style="bold", box=box.SIMPLE)
    shown.add_column("value", justify="right")
    for heading in ("unit", "bound", ""):
        shown.add_column(heading)
    colours = {"pass": "[green]pass", "FAIL": "[bold red]FAIL", "": ""}
    for figure in figures:
        shown.add_row(figure.name, _number(figure.value), figure.unit, figure.bound, colours[figure.state])
    return shown


def as_json(figures: Iterable[Figure]) -> str:
    """The figures for programs: a list of objects."""
    return json.dumps([{**asdict(figure), "state": figure.state or None} for figure in figures], indent=2)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
