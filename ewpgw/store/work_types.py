"""What a piece of work is: its key, its row, and the claim of whoever works on it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


class WorkKind(StrEnum):
    """DELIVERY: tell a partner of a change of ours. REFRESH: fetch one thing of a partner's. PULL: compare an index.
    UPDATE: send a partner what we decided about a thing of its own."""

    DELIVERY = "delivery"
    REFRESH = "refresh"
    PULL = "pull"
    UPDATE = "update"


class WorkState(StrEnum):
    """DUE: to be done at its time (or being done). FAILED and EXPIRED: given up, shown to a person."""

    DUE = "due"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


class WorkKey(NamedTuple):
    """What names a piece of work. ``api`` is the API's name; ``item`` an identifier, empty for a pull."""

    kind: WorkKind
    hei_id: str
    partner: str
    api: str
    item: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a row until ``lease_until``.

    ``wanted`` is what the outcome will be about; ``attempts`` counts the failed ones so far; ``first_wanted_at`` is
    since when the work is outstanding; ``done_at`` when it was last done; ``number`` tells this claim from every other
    of the row.
    """

    key: WorkKey
    wanted: int
    attempts: int
    first_wanted_at: datetime
    owner: str
    number: int
    lease_until: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkRow:
    """A row as it stands. While someone works on it, ``state`` is DUE and ``lease_until`` lies ahead."""

    key: WorkKey
    wanted: int
    done: int
    state: WorkState
    attempts: int
    first_wanted_at: datetime
    next_attempt_at: datetime
    lease_owner: str | None
    lease_until: datetime | None
    last_error: str | None
    last_status: int | None
    last_at: datetime | None
    done_at: datetime | None
