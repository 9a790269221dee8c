"""The feed: what the SIS has to hear, in order, for each covered HEI."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from ewpgw.store.dialects import insert_by
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import feed, feed_counter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql.dml import ReturningInsert


class FeedKind(StrEnum):
    """What happened.

    Of agreements: MAPPED says that the partner's copy of one is known, UNMAPPED that it is no longer; COPY_TO_MAP that
    a copy names none of ours while some of ours have no copy yet: a person has to say whether they belong together.
    An approval lapses when the approved copy changes.

    Of nominations of ours: what the partner decided, or took back; DELIVERED says that it knows of one. Of learning
    agreements of ours: that the partner signed what is proposed, or commented on it, which ends it. Of transcripts of
    ours: that the partner knows of one. Of decisions of
    ours about things of partners: MADE says that it is entered there, REFUSED that the partner does not take it,
    OVERTAKEN that what was decided about has changed, so that a person has to look again.
    """

    COPY_CHANGED = "copy-changed"
    COPY_GONE = "copy-gone"
    COPY_INVALID = "copy-invalid"
    RECORD_REFUSED = "record-refused"
    DELIVERY_FAILED = "delivery-failed"
    REFRESH_FAILED = "refresh-failed"
    PULL_FAILED = "pull-failed"
    UPDATE_FAILED = "update-failed"
    COPY_TO_MAP = "copy-to-map"
    AGREEMENT_MAPPED = "agreement-mapped"
    AGREEMENT_UNMAPPED = "agreement-unmapped"
    AGREEMENT_CONFLICT = "agreement-conflict"
    APPROVAL_GIVEN = "approval-given"
    APPROVAL_RECEIVED = "approval-received"
    GIVEN_APPROVAL_LAPSED = "given-approval-lapsed"
    RECEIVED_APPROVAL_LAPSED = "received-approval-lapsed"
    MUTUALLY_APPROVED = "mutually-approved"
    AGREEMENT_TERMINATED = "agreement-terminated"
    DELETIONS_HELD = "deletions-held"
    NOMINATION_APPROVED = "nomination-approved"
    NOMINATION_REJECTED = "nomination-rejected"
    NOMINATION_PENDING = "nomination-pending"
    NOMINATION_DELIVERED = "nomination-delivered"
    LEARNING_AGREEMENT_APPROVED = "learning-agreement-approved"
    LEARNING_AGREEMENT_COMMENTED = "learning-agreement-commented"
    LEARNING_AGREEMENT_DELIVERED = "learning-agreement-delivered"
    TRANSCRIPT_DELIVERED = "transcript-delivered"
    DECISION_MADE = "decision-made"
    DECISION_REFUSED = "decision-refused"
    DECISION_OVERTAKEN = "decision-overtaken"


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry; ``seq`` counts from 1 within a HEI, without gaps. ``revision`` is that of the copy or record."""

    hei_id: str
    seq: int
    at: datetime
    kind: FeedKind
    entity: str
    partner: str | None
    id: str | None
    revision: int | None


async def append(
    tx: AsyncConnection,
    hei_id: str,
    kind: FeedKind,
    now: datetime,
    *,
    entity: str,
    partner: str | None = None,
    id: str | None = None,  # noqa: A002  (the column's and the protocol's name)
    revision: int | None = None,
) -> int:
    """Append an entry and return its position.

    Call it last in a transaction: until that ends, other transactions of the same HEI wait here.
    """
    # The position comes from a counter row that stays locked until the transaction commits. A database sequence hands
    # out numbers at once: 8 may commit before 7, a reader that has seen 8 asks for what follows and never sees 7; and a
    # rolled-back transaction leaves a hole that looks the same as an entry still to come.
    seq = int((await tx.execute(_counting(tx.dialect.name), {"hei_id": hei_id, "last": 1})).scalar_one())
    values = {"hei_id": hei_id, "seq": seq, "at": now, "kind": kind.value, "entity": entity}
    await tx.execute(_APPEND, {**values, "partner": partner, "id": id, "revision": revision})
    return seq


async def read(source: Readable, hei_id: str, after: int = 0, limit: int = 100) -> Sequence[FeedEntry]:
    """Up to ``limit`` entries whose position is greater than ``after``, in order."""
    rows = await fetch(source, _AFTER, {"hei": hei_id, "after": after, "most": limit})
    return [FeedEntry(**{**row._mapping, "kind": FeedKind(row.kind)}) for row in rows]


async def last(source: Readable, hei_id: str) -> int:
    """The position of the newest entry; 0 when there is none."""
    rows = await fetch(source, _LAST, {"hei": hei_id})
    return int(rows[0][0]) if rows else 0


@cache
def _counting(dialect: str) -> ReturningInsert[int]:
    """Takes the next number of a HEI."""
    counter = insert_by(dialect, feed_counter).values(hei_id=bindparam("hei_id"), last=bindparam("last"))
    counter = counter.on_conflict_do_update(index_elements=["hei_id"], set_={"last": feed_counter.c.last + 1})
    return counter.returning(feed_counter.c.last)


_APPEND = feed.insert()
_AFTER = (
    select(feed)
    .where(feed.c.hei_id == bindparam("hei"), feed.c.seq > bindparam("after"))
    .order_by(feed.c.seq)
    .limit(bindparam("most"))
)
_LAST = select(feed_counter.c.last).where(feed_counter.c.hei_id == bindparam("hei"))
