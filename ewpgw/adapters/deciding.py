"""Decisions on their way to an institution's system: entries of the feed, with what is known beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.adapters.contract import Decision
from ewpgw.store import agreements, copies, decisions, learning_agreements, nominations, records
from ewpgw.store.copies import CopyKey
from ewpgw.store.decisions import DecisionKey
from ewpgw.store.feed import FeedKind
from ewpgw.store.records import RecordKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ewpgw.store.engine import Store
    from ewpgw.store.feed import FeedEntry

NO_DECISIONS = frozenset(
    {
        FeedKind.COPY_CHANGED,
        FeedKind.COPY_GONE,
        FeedKind.COPY_INVALID,
        FeedKind.RECORD_REFUSED,
        FeedKind.DELIVERY_FAILED,
        FeedKind.REFRESH_FAILED,
        FeedKind.PULL_FAILED,
        FeedKind.UPDATE_FAILED,
        FeedKind.COPY_TO_MAP,
        FeedKind.DELETIONS_HELD,
    }
)
"""What is about copies, or about the gateway's own work: for its operators. All else is handed over, new kinds too."""


_OF_OUR_AGREEMENTS = frozenset(
    {
        FeedKind.LEARNING_AGREEMENT_DELIVERED,
        FeedKind.LEARNING_AGREEMENT_APPROVED,
        FeedKind.LEARNING_AGREEMENT_COMMENTED,
    }
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the thing beside the entry; the fields are those of a decision."""

    id: str | None = None
    our_id: str | None = None
    verdict: str | None = None
    comment: str | None = None


async def decision_of(store: Store, entry: FeedEntry) -> Decision | None:
    """The decision that an entry of the feed tells of; None where it tells of something else."""
    if entry.kind in NO_DECISIONS or entry.partner is None or entry.id is None:
        return None
    known = await _KNOWN.get(entry.entity, _any)(store, entry, entry.partner, entry.id)
    return Decision(
        hei_id=entry.hei_id,
        number=entry.seq,
        what=entry.kind.value,
        entity=entry.entity,
        partner=entry.partner,
        id=known.id,
        our_id=known.our_id,
        verdict=known.verdict,
        comment=known.comment,
        at=entry.at,
    )


async def _agreement(store: Store, entry: FeedEntry, partner: str, our_id: str) -> _Known:
    standing = await agreements.get(store, entry.hei_id, our_id)
    return _Known(standing.their_id if standing is not None else None, our_id)


async def _nomination(store: Store, entry: FeedEntry, partner: str, our_id: str) -> _Known:
    """The partner's words count while its status is what the entry tells of."""
    sent = await nominations.get(store, entry.hei_id, our_id)
    if sent is None or entry.kind.value != f"nomination-{sent.standing.status.value}":
        return await _any(store, entry, partner, our_id)
    return _Known(our_id=our_id, comment=sent.standing.comment)


async def _learning_agreement(store: Store, entry: FeedEntry, partner: str, our_id: str) -> _Known:
    """What partners answer is about agreements of ours, though a partner may have one of the same identifier.

    The newest comment counts, whatever has been proposed since.
    """
    if entry.kind not in _OF_OUR_AGREEMENTS:
        return await _any(store, entry, partner, our_id)
    found = await learning_agreements.get(store, entry.hei_id, our_id)
    if found is None or entry.kind is not FeedKind.LEARNING_AGREEMENT_COMMENTED:
        return _Known(our_id=our_id)
    comments = (one.comment for one in reversed(found.standing.past) if not one.approved)
    return _Known(our_id=our_id, comment=next(comments, None))


async def _any(store: Store, entry: FeedEntry, partner: str, id_: str) -> _Known:
    """A decision of ours about a partner's thing; else a thing that is ours, or the partner's, as the store has it."""
    if entry.kind.value.startswith("decision-"):
        made = await decisions.get(store, DecisionKey(entry.hei_id, entry.entity, partner, id_))
        if made is None or made.at > entry.at:
            return _Known(id=id_)  # another was taken since, and has an entry of its own
        return _Known(id=id_, verdict=made.verdict, comment=made.comment)
    ours = await records.get(store, RecordKey(entry.hei_id, entry.entity, id_)) is not None
    theirs = await copies.get(store, CopyKey(entry.hei_id, entry.entity, partner, id_)) is not None
    return _Known(id=id_ if theirs or not ours else None, our_id=id_ if ours else None)


_KNOWN: Mapping[str, Callable[[Store, FeedEntry, str, str], Awaitable[_Known]]] = {
    agreements.ENTITY: _agreement,
    nominations.ENTITY: _nomination,
    learning_agreements.ENTITY: _learning_agreement,
}
