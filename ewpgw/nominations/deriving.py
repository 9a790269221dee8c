"""What the gateway itself adds to nominations of ours, whoever gave them: where each stands.

A record from a student information system says who is nominated for what, and whether the stay is called off. What the
partner decided is kept beside it, and put into every version of the record before it is stored; so a system that knows
nothing of decisions can hand in its records again and again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ewpgw.model.omobility import Omobility, Status
from ewpgw.model.omobility_checks import Terms
from ewpgw.model.omobility_states import Refusal, Standing, delete, put
from ewpgw.model.problems import Problem
from ewpgw.nominations import checking
from ewpgw.nominations.writing import enter, with_record
from ewpgw.store import nominations
from ewpgw.store.effects import Effects
from ewpgw.store.nominations import SentNomination

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.new_record import NewRecord
    from ewpgw.preparing import Prepared
    from ewpgw.store.record_writes import PutResult

_RULES = "ewp-specs-api-omobilities 3, README, Important rules"
_STATUS = "ewp-specs-api-omobilities 3, get-response.xsd, status"
_PATHS = {
    "other-sending-hei": "nomination.sending_hei.hei_id",
    "other-receiving-hei": "nomination.receiving_hei.hei_id",
    "other-student": "student",
}


@dataclass(slots=True)
class Derived:
    """A batch on its way into the store; ``sent`` are the nominations that stand elsewhere once it is written."""

    batch: list[Prepared]
    sent: list[SentNomination] = field(default_factory=list)


class Deriving:
    """Completes records of nominations on their way into the store; Records calls it for every source."""

    async def before(self, tx: AsyncConnection, hei_id: str, batch: Sequence[Prepared], now: datetime) -> Derived:
        """Complete the accepted records of a batch, before it is written; some may be refused for where they stand.

        A few queries for the whole batch.
        """
        await enter(tx, hei_id)
        ids = [one.new.id for one in batch if one.new is not None]
        known = await nominations.get_many(tx, hei_id, ids)
        earlier = await nominations.documents(tx, hei_id, known)
        done, read = Derived(list(batch)), dict[int, Omobility]()
        for place, one in enumerate(batch):
            if one.new is not None:
                former = earlier.get(one.new.id)
                done.batch[place], sent, record = _complete(one, one.new, known.get(one.new.id), former, now)
                if sent is not None:
                    done.sent.append(sent)
                if record is not None:
                    read[place] = record
        for place, problems in (await checking.sent_problems(tx, hei_id, read)).items():
            one = done.batch[place]
            done.batch[place] = replace(one, problems=(*one.problems, *problems))
        return done

    async def after(
        self, tx: AsyncConnection, hei_id: str, done: Derived, results: Mapping[str, PutResult], now: datetime
    ) -> Effects:
        """Keep where the nominations stand now. ``results`` lacks the records whose identifiers were retired."""
        await nominations.put_many(tx, hei_id, [one for one in done.sent if one.omobility_id in results])
        return Effects()

    async def kept(self, tx: AsyncConnection, hei_id: str, our_id: str) -> str | None:
        """A nomination can always be deleted."""
        await enter(tx, hei_id)
        return None

    async def deleted(self, tx: AsyncConnection, hei_id: str, our_id: str, now: datetime) -> Effects:
        """Keep that a nomination is no longer there; the partner is told by Records."""
        sent = await nominations.get(tx, hei_id, our_id)
        if sent is not None:
            outcome = delete(sent.standing)
            if not isinstance(outcome, Refusal):
                gone = replace(sent, standing=outcome.standing, number=sent.number + 1, changed_at=now)
                await nominations.put_many(tx, hei_id, [gone])
        return Effects()


def _complete(
    one: Prepared, new: NewRecord, known: SentNomination | None, former: str | None, now: datetime
) -> tuple[Prepared, SentNomination | None, Omobility | None]:
    """The record as it is to be stored, the nomination where it stands elsewhere by that, and the record as read."""
    record = Omobility.model_validate_json(new.document)
    before = known.standing if known is not None else None
    if before is not None and before.deleted:
        return one, None, None  # its identifier is retired, which is said where the record is written
    outcome = put(before, record, Omobility.model_validate_json(former) if former is not None else None)
    if isinstance(outcome, Refusal):
        return one.refused_for(Problem(_PATHS.get(outcome.code, ""), outcome.words, "refusal", _RULES)), None, None
    status = outcome.standing.status
    problems = one.problems
    if record.status in (Status.APPROVED, Status.REJECTED) and record.status != status.value:
        said = f"is {record.status}, which only the partner decides; {status.value} is served"
        problems = (*problems, Problem("status", said, "warning", _STATUS))
    if record.status != status.value:
        record = record.model_copy(update={"status": status.value})
        new = with_record(new, record)
    sent = _sent(record, known, outcome.standing, now)
    return replace(one, new=new, problems=problems), sent if sent != known else None, record


def _sent(record: Omobility, known: SentNomination | None, standing: Standing, now: datetime) -> SentNomination:
    terms, iia_id = Terms.of(record.nomination), record.nomination.sending_hei.iia_id
    if known is None:
        return SentNomination(record.omobility_id, terms.receiving_hei_id, standing, 1, now, terms, iia_id)
    same_place = replace(known, terms=terms, iia_id=iia_id)
    if standing == known.standing:
        return same_place
    return replace(
        same_place,
        standing=standing,
        number=known.number + 1,
        changed_at=now,
        decided_at=None,
        decided_exchange_id=None,
    )
