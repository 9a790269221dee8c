"""What the SIS API needs from the rest of the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ewpgw.sis.bell import Bell

if TYPE_CHECKING:
    from datetime import datetime

    from ewpgw.records import Records
    from ewpgw.store.engine import Store


@dataclass(frozen=True, slots=True)
class CoveredHei:
    """A HEI that this gateway covers: the base of its public URLs, and its names by language ("" where unknown)."""

    public_url: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness; ``detail`` says what was found, in words.

    What is not ``required`` is shown but keeps nobody from being sent here: partners are served without it.
    """

    name: str
    ok: bool
    detail: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the gateway can do its work at this moment."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Every required check passed."""
        return all(check.ok for check in self.checks if check.required)


RequestRefresh: TypeAlias = Callable[[str, str, str, str | None], Awaitable[None]]
"""Ask for fresh copies: HEI, entity, partner, and the partner's id (None: everything in the partner's index)."""


@dataclass(frozen=True, slots=True)
class SisServices:
    """Everything a handler may use. ``heis`` is keyed by HEI id; ``bell`` is rung by whoever
    appends to the feed in this process; ``now`` is the clock, in UTC.
    """

    store: Store
    records: Records
    heis: Mapping[str, CoveredHei]
    readiness: Callable[[], Awaitable[Readiness]]
    request_refresh: RequestRefresh
    now: Callable[[], datetime]
    max_body_bytes: int
    bell: Bell = field(default_factory=Bell)
