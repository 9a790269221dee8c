"""Writing learning agreements of ours with what the gateway knows beside them, and keeping where they stand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ewpgw import preparing
from ewpgw.documents import schemas as shipped
from ewpgw.model.learning_agreement_index import students
from ewpgw.store.dialects import serialise
from ewpgw.store.learning_agreements import ENTITY, StoredAgreement

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.learning_agreement_standing import Standing
    from ewpgw.model.new_record import NewRecord

CNR = "omobility-la-cnr"

__all__ = ["CNR", "ENTITY", "as_new", "enter", "stands", "with_record"]


async def enter(tx: AsyncConnection, hei_id: str) -> None:
    """One transaction at a time changes the learning agreements of a HEI, and what it answers to those of others."""
    await serialise(tx, f"learning agreements of {hei_id}")


def with_record(new: NewRecord, record: LearningAgreement) -> NewRecord:
    """A record on its way into the store, with other content. See ``_shown``."""
    return _shown(preparing.rewritten(new, record, shipped.default()), record)


def as_new(hei_id: str, record: LearningAgreement, source: str) -> NewRecord:
    """A record as it is to be stored. ``source`` is where it came from. See ``_shown``."""
    return _shown(preparing.as_new(hei_id, ENTITY, record, source, shipped.default()), record)


def stands(
    sending_hei_id: str, partner: str, record: LearningAgreement, standing: Standing, now: datetime
) -> StoredAgreement:
    """Where an agreement stands that was not known so far."""
    student, proposed_student = students(record)
    return StoredAgreement(
        sending_hei_id=sending_hei_id,
        omobility_id=record.omobility_id,
        partner=partner,
        standing=standing,
        number=1,
        changed_at=now,
        listed=record.listed,
        year=record.receiving_academic_year_id,
        mobility_type=record.mobility_type.value,
        student=student,
        proposed_student=proposed_student,
    )


def _shown(new: NewRecord, record: LearningAgreement) -> NewRecord:
    """Partners are served nothing of an agreement in which nothing stands by that student and sender have signed.

    Source: ewp-specs-api-omobility-las 1, index.md, Summary.
    """
    return new if record.listed else replace(new, encodings={})
