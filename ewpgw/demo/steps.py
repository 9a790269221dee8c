"""The steps of a demonstration: each states what must hold, and looks for it where it would be seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TypeAlias

from aiohttp import ClientError

from ewpgw.demo.network import StepFailed
from ewpgw.demo.processes import ProcessEnded
from ewpgw.security.keys import KeyProblem

_FAILURES = (StepFailed, ProcessEnded, OSError, TimeoutError, ClientError, KeyProblem)

Deed: TypeAlias = Callable[[], Awaitable[str]]
"""Does a step, and returns what was seen, in words; raises one of the failures where something does not hold."""


@dataclass(frozen=True, slots=True)
class Act:
    """Some steps under one title, each a name and its deed."""

    title: str
    steps: tuple[tuple[str, Deed], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it went."""

    act: str
    name: str
    ok: bool
    seconds: float
    detail: str


async def take(act: Act, name: str, deed: Deed) -> Step:
    """One step, timed."""
    began = perf_counter()
    try:
        detail, ok = await deed(), True
    except _FAILURES as problem:
        detail, ok = str(problem) or type(problem).__name__, False
    return Step(act.title, name, ok, round(perf_counter() - began, 3), detail)


def expect(holds: bool, otherwise: str) -> None:
    """Raises StepFailed with ``otherwise`` where the condition does not hold."""
    if not holds:
        raise StepFailed(otherwise)
