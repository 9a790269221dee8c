"""Why a record of a source is refused, so that whoever keeps the source finds the place: value, line, mapping."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ewpgw.adapters.mapping import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.adapters.contract import Item
    from ewpgw.model.problems import Problem
    from ewpgw.preparing import Prepared


def explained(item: Item, prepared: Prepared) -> Prepared:
    """What became of an item; the reasons of its refusal with the value at the end, where a log must cut them off."""
    if prepared.new is not None:
        return prepared
    return replace(prepared, problems=explained_problems(item, prepared.problems))


def explained_problems(item: Item, problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """The reasons of a refusal, which the gateway found later, in the same way."""
    return tuple(_explained(item, problem) for problem in problems)


def _explained(item: Item, problem: Problem) -> Problem:
    if problem.severity != "refusal":
        return problem
    about = item.about(problem.path) if item.about is not None else ""
    value = _at(item.incoming.document, problem.path)
    return replace(problem, message=problem.message + about + ("" if value is None else quoted(value)))


def _at(document: object, path: str) -> object:
    """The single value at a path; None where there is none."""
    here = document
    for step in path.split("."):
        if isinstance(here, dict):
            here = here.get(step)
        elif isinstance(here, list) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            return None
    return None if isinstance(here, dict | list) else here
