"""Writing records of nominations and arrivals anew with what the gateway knows beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw import preparing
from ewpgw.documents import schemas as shipped
from ewpgw.model.omobility import Omobility
from ewpgw.store import record_writes, records
from ewpgw.store.dialects import serialise
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.base import XmlRecord
    from ewpgw.model.new_record import NewRecord
    from ewpgw.model.omobility import Status

NOMINATIONS, ARRIVALS = "omobilities", "imobilities"
NOMINATION_CNR, ARRIVAL_CNR = "omobility-cnr", "imobility-cnr"


async def enter(tx: AsyncConnection, hei_id: str) -> None:
    """One transaction at a time changes the nominations of a HEI, and what it decides about those it receives."""
    await serialise(tx, f"nominations of {hei_id}")


def with_record(new: NewRecord, record: XmlRecord) -> NewRecord:
    """A record on its way into the store, with other content of the same partners, years and files."""
    return preparing.rewritten(new, record, shipped.default())


def as_new(hei_id: str, entity: str, record: XmlRecord, source: str) -> NewRecord:
    """A record as it is to be stored. ``source`` is where it came from."""
    return preparing.as_new(hei_id, entity, record, source, shipped.default())


async def rewrite_status(
    tx: AsyncConnection, hei_id: str, omobility_id: str, status: Status, now: datetime
) -> WorkKey | None:
    """Write the record of a nomination of ours with this status; the notification that this calls for.

    None where it says that already.
    """
    stored = await records.get(tx, RecordKey(hei_id, NOMINATIONS, omobility_id))
    if stored is None or stored.document is None:
        return None
    record = Omobility.model_validate_json(stored.document)
    if record.status == status.value:
        return None
    record = record.model_copy(update={"status": status.value})
    await record_writes.amend(tx, as_new(hei_id, NOMINATIONS, record, stored.source), now)
    partner = record.nomination.receiving_hei.hei_id
    return WorkKey(WorkKind.DELIVERY, hei_id, partner, NOMINATION_CNR, omobility_id)
