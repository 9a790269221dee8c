"""What the gateway itself adds to learning agreements of ours, whoever gave them: what was signed and answered before.

A record from a student information system says who goes where and what is proposed now. What the partner has signed is
kept beside it, and put into every version of the record before it is stored; so a system that knows nothing of answers
can hand in its records again and again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ewpgw.learning_agreements.nominated import Nominated, nominated
from ewpgw.learning_agreements.writing import ENTITY, enter, stands, with_record
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_states import Refusal, delete, put
from ewpgw.model.problems import Problem
from ewpgw.store import learning_agreements, records
from ewpgw.store.effects import Effects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.new_record import NewRecord
    from ewpgw.preparing import Prepared
    from ewpgw.store.learning_agreements import StoredAgreement
    from ewpgw.store.record_writes import PutResult

_RESPONSE = "ewp-specs-api-omobility-las 1, get-response.xsd"
_PATHS = {
    "other-sending-hei": "sending_hei.hei_id",
    "other-receiving-hei": "receiving_hei.hei_id",
    "other-student": "student",
    "nothing-proposed": "changes_proposal",
    "no-first-version": "first_version",
    "other-first-version": "first_version",
    "other-approved-changes": "approved_changes",
}


@dataclass(slots=True)
class Derived:
    """A batch on its way into the store; ``sent`` are the agreements that stand elsewhere once it is written."""

    batch: list[Prepared]
    sent: list[StoredAgreement] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of one agreement, and of the nomination for the same stay."""

    before: StoredAgreement | None
    document: str | None
    nomination: Nominated | None


class Deriving:
    """Completes records of learning agreements on their way into the store; Records calls it for every source."""

    async def before(self, tx: AsyncConnection, hei_id: str, batch: Sequence[Prepared], now: datetime) -> Derived:
        """Complete the accepted records of a batch, before it is written; some may be refused for where they stand.

        A few queries for the whole batch.
        """
        await enter(tx, hei_id)
        ids = [one.new.id for one in batch if one.new is not None]
        known = await learning_agreements.get_many(tx, hei_id, ids, sending_hei_id=hei_id)
        earlier = await records.documents(tx, hei_id, ENTITY, list(known))
        stays = await nominated(tx, hei_id, ids)
        done = Derived(list(batch))
        for place, one in enumerate(batch):
            if one.new is not None:
                item = one.new.id
                of_it = _Known(known.get(item), earlier.get(item), stays.get(item))
                done.batch[place], sent = _complete(one, one.new, of_it, now)
                if sent is not None:
                    done.sent.append(sent)
        return done

    async def after(
        self, tx: AsyncConnection, hei_id: str, done: Derived, results: Mapping[str, PutResult], now: datetime
    ) -> Effects:
        """Keep where the agreements stand now. ``results`` lacks the records whose identifiers were retired."""
        await learning_agreements.put_many(tx, hei_id, [one for one in done.sent if one.omobility_id in results])
        return Effects()

    async def kept(self, tx: AsyncConnection, hei_id: str, our_id: str) -> str | None:
        """What all three have signed is not deleted."""
        await enter(tx, hei_id)
        sent = await learning_agreements.get(tx, hei_id, our_id)
        document = (await records.documents(tx, hei_id, ENTITY, [our_id])).get(our_id)
        if sent is None or document is None:
            return None
        outcome = delete(sent.standing, LearningAgreement.model_validate_json(document))
        return outcome.words if isinstance(outcome, Refusal) else None

    async def deleted(self, tx: AsyncConnection, hei_id: str, our_id: str, now: datetime) -> Effects:
        """Keep that an agreement is no longer there; the partner is told by Records."""
        sent = await learning_agreements.get(tx, hei_id, our_id)
        if sent is not None:
            standing = replace(sent.standing, deleted=True)
            gone = replace(sent, standing=standing, listed=False, number=sent.number + 1, changed_at=now)
            await learning_agreements.put_many(tx, hei_id, [gone])
        return Effects()


def _complete(one: Prepared, new: NewRecord, known: _Known, now: datetime) -> tuple[Prepared, StoredAgreement | None]:
    """The record as it is to be stored, and the agreement where it stands elsewhere by that."""
    before = known.before.standing if known.before is not None else None
    if before is not None and before.deleted:
        return one, None  # its identifier is retired, which is said where the record is written
    record = LearningAgreement.model_validate_json(new.document)
    earlier = LearningAgreement.model_validate_json(known.document) if known.document is not None else None
    outcome = put(before, record, earlier)
    if isinstance(outcome, Refusal):
        return _refused(one, outcome), None
    problems = tuple(known.nomination.problems(record)) if known.nomination is not None else ()
    one = replace(one, problems=(*one.problems, *outcome.warnings, *problems))
    if any(problem.severity == "refusal" for problem in problems):
        return replace(one, new=None), None
    if outcome.record != record or not outcome.record.listed:
        new = with_record(new, outcome.record)
    here = stands(new.hei_id, record.receiving_hei.hei_id, outcome.record, outcome.standing, now)
    if known.before is not None:
        here = _after(known.before, here)
    return replace(one, new=new), here if here != known.before else None


def _after(before: StoredAgreement, here: StoredAgreement) -> StoredAgreement:
    """The agreement as it stands now: where that is elsewhere, the partner has to look at it anew."""
    if here.standing != before.standing:
        return replace(here, number=before.number + 1)
    return replace(
        here,
        number=before.number,
        changed_at=before.changed_at,
        decided_at=before.decided_at,
        decided_exchange_id=before.decided_exchange_id,
    )


def _refused(one: Prepared, why: Refusal) -> Prepared:
    """The record, refused for each rule that it breaks, or for the move as such."""
    if not why.problems:
        return one.refused_for(Problem(_PATHS.get(why.code, ""), why.words, "refusal", _RESPONSE))
    for problem in why.problems:
        one = one.refused_for(problem)
    return one
