"""What the SIS API needs from the rest of the gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ewpgw.sis.bell import Bell
from ewpgw.sis.limits import Limits

if TYPE_CHECKING:
    from datetime import datetime

    from ewpgw.agreements.service import Agreements
    from ewpgw.learning_agreements.service import LearningAgreements
    from ewpgw.nominations.service import Nominations
    from ewpgw.records import Records
    from ewpgw.store.engine import Store
    from ewpgw.transcripts.service import Transcripts


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
"""Ask for fresh copies: HEI, entity, partner, and the partner's id (None: everything of the entity that it has)."""


@dataclass(frozen=True, slots=True)
class PartnerFile:
    """A file as a partner served it. ``content_type`` is as the partner says; empty where it says nothing."""

    content_type: str
    body: bytes


class NoPartnerFile(Exception):
    """A partner's file could not be fetched; ``unknown`` where the partner says that it has no such file for us."""

    def __init__(self, reason: str, *, unknown: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unknown = unknown


FetchFile: TypeAlias = Callable[[str, str, str], Awaitable[PartnerFile]]
"""Fetch a partner's file now: HEI, partner, the partner's id of it. Raises NoPartnerFile."""


@dataclass(frozen=True, slots=True)
class SisServices:
    """Everything a handler may use. ``heis`` is keyed by HEI id; ``bell`` is rung by whoever
    appends to the feed in this process; ``now`` is the clock, in UTC; ``pulled`` are the entities of which everything
    that a partner has can be fetched, since partners say what there is; ``body_bytes`` is how large bodies about an
    entity may be where that is not ``max_body_bytes``.
    """

    store: Store
    records: Records
    agreements: Agreements
    nominations: Nominations
    learning_agreements: LearningAgreements
    transcripts: Transcripts
    heis: Mapping[str, CoveredHei]
    readiness: Callable[[], Awaitable[Readiness]]
    request_refresh: RequestRefresh
    pulled: Collection[str]
    fetch_file: FetchFile
    now: Callable[[], datetime]
    max_body_bytes: int
    bell: Bell = field(default_factory=Bell)
    limits: Limits = field(default_factory=Limits)
    idempotency_hours: int = 24
    max_file_bytes: int = 10 * 2**20
    body_bytes: Mapping[str, int] = field(default_factory=dict)
