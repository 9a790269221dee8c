"""Which learning agreements an ``index`` lists, and a ``get`` shows: its filters, one by one and together.

Filters are ANDed, values of one filter ORed, and a value that nothing has matches nothing. What one caller is listed it
is also shown, and nothing else (ewp-specs-api-omobility-las 1, index.md, "Permissions" and "Handling of invalid
parameters").
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.model import esi

if TYPE_CHECKING:
    from datetime import datetime

    from ewpgw.model.learning_agreement import LearningAgreement


@dataclass(frozen=True, slots=True)
class IndexFilter:
    """What an index is asked for; None where a filter was not given. Times are aware of their zone."""

    sending_hei_id: str
    receiving_hei_ids: frozenset[str] | None = None
    receiving_academic_year_id: str | None = None
    global_id: str | None = None
    mobility_type: str | None = None
    modified_since: datetime | None = None

    def matches(self, record: LearningAgreement, modified_at: datetime) -> bool:
        """Whether an agreement, last changed at a time, is listed.

        An agreement changed exactly at ``modified_since`` is: more may be listed than was modified, never less. One
        that has nothing in it that student and sending institution have signed, and stands by, is not.
        """
        return (
            record.listed
            and self.sending_hei_id == record.sending_hei.hei_id
            and (self.receiving_hei_ids is None or record.receiving_hei.hei_id in self.receiving_hei_ids)
            and self.receiving_academic_year_id in (None, record.receiving_academic_year_id)
            and (self.global_id is None or _is_of(self.global_id, record))
            and self.mobility_type in (None, record.mobility_type.value)
            and (self.modified_since is None or modified_at >= self.modified_since)
        )


def _is_of(global_id: str, record: LearningAgreement) -> bool:
    """Whether an agreement is of a student, by the identifier that is agreed on or the one that is proposed."""
    return student_key(global_id) in students(record)


def students(record: LearningAgreement) -> tuple[str | None, str | None]:
    """What the student is found by: the identifier that is agreed on, and the one that is proposed, as keys."""
    proposal = record.changes_proposal
    changed = proposal.student if proposal is not None else None
    agreed, proposed = record.student.global_id, changed.global_id if changed is not None else None
    return (
        None if agreed is None else student_key(agreed),
        None if proposed is None else student_key(proposed),
    )


def student_key(global_id: str) -> str:
    """The same for the same student. Hashed: identifiers that are none may be of any length."""
    return hashlib.sha256(esi.comparable(global_id).encode("utf-8", "surrogatepass")).hexdigest()
