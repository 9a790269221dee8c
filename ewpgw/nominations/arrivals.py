"""What the gateway itself adds to our records of students who come: whose nomination it is, and what is decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ewpgw.model.imobility import Imobility
from ewpgw.model.omobility import Status
from ewpgw.model.problems import Problem
from ewpgw.nominations.received import decided, load
from ewpgw.nominations.writing import enter, with_record
from ewpgw.store.effects import Effects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.new_record import NewRecord
    from ewpgw.nominations.received import ReceivedNomination
    from ewpgw.preparing import Prepared
    from ewpgw.store.record_writes import PutResult

_RESPONSE = "ewp-specs-api-imobilities 2, get-response.xsd"
_RESPONSE_1 = "ewp-specs-api-imobilities 1, get-response.xsd"


@dataclass(slots=True)
class DerivedArrivals:
    """A batch on its way into the store."""

    batch: list[Prepared]


class DerivingArrivals:
    """Completes records of arrivals on their way into the store; Records calls it for every source."""

    async def before(
        self, tx: AsyncConnection, hei_id: str, batch: Sequence[Prepared], now: datetime
    ) -> DerivedArrivals:
        """Put what is decided into the records of a batch, and warn of what does not fit the nomination."""
        await enter(tx, hei_id)
        done = DerivedArrivals(list(batch))
        for place, one in enumerate(batch):
            if one.new is not None:
                done.batch[place] = await _complete(tx, one, one.new)
        return done

    async def after(
        self, tx: AsyncConnection, hei_id: str, done: DerivedArrivals, results: Mapping[str, PutResult], now: datetime
    ) -> Effects:
        """Nothing follows beside the notification, which Records wants."""
        return Effects()

    async def kept(self, tx: AsyncConnection, hei_id: str, our_id: str) -> str | None:
        """A record that publishes our decision cannot be deleted: the partner would take it for undecided."""
        await enter(tx, hei_id)
        partner, _, omobility_id = our_id.partition(":")
        received = await load(tx, hei_id, partner, omobility_id)
        if received is None or not received.by_publishing or received.made is None:
            return None
        return f"{partner} learns from it that the nomination is {received.made.verdict}; change its dates instead"

    async def deleted(self, tx: AsyncConnection, hei_id: str, our_id: str, now: datetime) -> Effects:
        """Nothing follows beside the notification, which Records wants."""
        return Effects()


async def _complete(tx: AsyncConnection, one: Prepared, new: NewRecord) -> Prepared:
    record = Imobility.model_validate_json(new.document)
    received = await load(tx, new.hei_id, record.sending_hei_id or "", record.omobility_id)
    whole = decided(record, received)
    problems = tuple(_problems(record, whole, received))
    if whole != record:
        new = with_record(new, whole)
    return replace(one, new=new, problems=(*one.problems, *problems))


def _problems(record: Imobility, whole: Imobility, received: ReceivedNomination | None) -> Iterator[Problem]:
    if received is None:
        said = (
            f"is {record.omobility_id}, but no nomination of that identifier has come from {record.sending_hei_id}, "
            "so the partner may not know what is meant"
        )
        yield Problem("omobility_id", said, "warning", f"{_RESPONSE}, omobility-id")
        return
    if record.status is not None and record.status != whole.status:
        said = f"is {record.status}, but {whole.status} is served: decide about the nomination itself"
        yield Problem("status", said, "warning", f"{_RESPONSE_1}, status")
    here = received.standing
    if record.actual_arrival_date is not None and (here.deleted or here.status is not Status.APPROVED):
        state = "deleted by the partner" if here.deleted else here.status.value
        said = f"is given, though the nomination is {state}"
        yield Problem("actual_arrival_date", said, "warning", f"{_RESPONSE}, actual-arrival-date")
