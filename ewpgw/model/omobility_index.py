"""Which nominations an ``index`` lists: its filters, one by one and together.

Filters are ANDed, values of one filter ORed, and a value that nothing has matches nothing (ewp-specs-api-omobilities 2,
index.md, "Handling of invalid parameters"; version 3 added ``global_id`` and ``activity_attributes``, and dropped
``sending_hei_id`` and ``receiving_hei_id``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.model import esi

if TYPE_CHECKING:
    from datetime import datetime

    from ewpgw.model.omobility import KnownOmobility


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


def same_student(one: str, other: str) -> bool:
    """Whether two global ids are of the same student."""
    return esi.comparable(one) == esi.comparable(other)
