"""Which nominations an ``index`` lists: its filters, one by one and together.

Filters are ANDed, values of one filter ORed, and a value that nothing has matches nothing (ewp-specs-api-omobilities 2,
index.md, "Handling of invalid parameters"; version 3 added ``global_id`` and ``activity_attributes``, and dropped
``sending_hei_id`` and ``receiving_hei_id``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.model import esi

if TYPE_CHECKING:
    from datetime import datetime

    from ewpgw.model.omobility import KnownOmobility

_ACTIVITY_ATTRIBUTES = ("long-term", "short-term-blended", "short-term-doctoral")


@dataclass(frozen=True, slots=True)
class IndexFilter:
    """What an index is asked for; None where a filter was not given. Times are aware of their zone.

    ``sending_hei_id`` and ``receiving_hei_ids`` are of version 2 alone.
    """

    receiving_academic_year_id: str | None = None
    global_id: str | None = None
    activity_attributes: str | None = None
    modified_since: datetime | None = None
    sending_hei_id: str | None = None
    receiving_hei_ids: frozenset[str] | None = None

    def matches(self, record: KnownOmobility, modified_at: datetime) -> bool:
        """Whether a nomination, last changed at a time, is listed.

        A nomination changed exactly at ``modified_since`` is: more may be listed than was modified, never less.
        """
        nomination = record.nomination
        return (
            self.receiving_academic_year_id in (None, nomination.receiving_academic_year_id)
            and (self.global_id is None or same_student(self.global_id, record.student.global_id))
            and self.activity_attributes in (None, nomination.activity_attributes)
            and self.sending_hei_id in (None, nomination.sending_hei.hei_id)
            and (self.receiving_hei_ids is None or nomination.receiving_hei.hei_id in self.receiving_hei_ids)
            and (self.modified_since is None or modified_at >= self.modified_since)
        )


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of the records that two filters leave: one of ``among``, or one that begins with ``begins``.

    None of the two where neither filter was given.
    """

    among: frozenset[str] | None = None
    begins: str | None = None


def code(record: KnownOmobility) -> str:
    """What the database finds a nomination by, beside its year and partner: the kind of stay, then the student.

    The student is hashed: identifiers that are none may be of any length.
    """
    return _code(record.nomination.activity_attributes, record.student.global_id)


def codes(global_id: str | None, activity_attributes: str | None) -> Codes:
    """The codes of the nominations that the filters leave; a kind of stay that there is not leaves none."""
    if activity_attributes not in (None, *_ACTIVITY_ATTRIBUTES):
        return Codes(among=frozenset())
    if global_id is not None:
        kinds = _ACTIVITY_ATTRIBUTES if activity_attributes is None else (activity_attributes,)
        return Codes(among=frozenset(_code(kind, global_id) for kind in kinds))
    return Codes(begins=None if activity_attributes is None else f"{activity_attributes}:")


def _code(activity_attributes: str, global_id: str) -> str:
    student = hashlib.sha256(esi.comparable(global_id).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{activity_attributes}:{student}"


def same_student(one: str, other: str) -> bool:
    """Whether two global ids are of the same student."""
    return esi.comparable(one) == esi.comparable(other)
