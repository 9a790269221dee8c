"""Settling: after anything has happened to an agreement, find out where it stands, keep that, and tell what is new.

It looks at the facts, not at what happened, so it can be done at any time and any number of times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ewpgw.agreements import known
from ewpgw.agreements.agreeing import keep_agreed, keep_replaced
from ewpgw.agreements.completing import ENTITY, SHAPE, as_new, with_derived
from ewpgw.model.iia_states import MappingState, State, state
from ewpgw.store import agreements, approvals, record_writes, records
from ewpgw.store.approvals import ApprovalKey
from ewpgw.store.effects import News
from ewpgw.store.feed import FeedKind
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.agreements.known import Known
    from ewpgw.store.agreements import Standing
    from ewpgw.store.effects import Effects
    from ewpgw.store.engine import Readable

_APPROVAL_CNR = "iia-approval-cnr"
_BOTH = (State.MUTUALLY_APPROVED, State.TERMINATED)


class Settling:
    """Keeps standings true. ``notifications`` are the APIs through which partners hear of changed agreements."""

    def __init__(self, notifications: Collection[str]) -> None:
        self._notifications = tuple(notifications)

    async def load(self, source: Readable, hei_id: str, our_ids: Collection[str]) -> dict[str, Known]:
        """What is known of these agreements."""
        return await known.load(source, hei_id, our_ids)

    async def settle(
        self,
        tx: AsyncConnection,
        hei_id: str,
        our_id: str,
        now: datetime,
        effects: Effects,
        *,
        compare: bool = True,
    ) -> Standing | None:
        """Find out where an agreement stands and keep it; a version that both approve now becomes a snapshot.

        ``compare=False`` where neither copy has changed. None where we serve no such agreement.
        """
        found = (await known.load(tx, hei_id, [our_id], compare=compare)).get(our_id)
        return await self.settle_known(tx, hei_id, found, now, effects) if found is not None else None

    async def settle_known(
        self, tx: AsyncConnection, hei_id: str, found: Known, now: datetime, effects: Effects
    ) -> Standing | None:
        """Do the same for an agreement whose facts are known as they are in this transaction."""
        if found.facts.ours is None:
            return None
        facts, our_id = found.facts, found.facts.iia_id
        agreed = await keep_agreed(tx, hei_id, found, now)
        if agreed is not None:
            facts = replace(facts, agreed=agreed)
        before = found.standing or agreements.fresh(our_id, facts.partner, now)
        after = replace(
            before,
            state=state(facts),
            given=facts.given_counts,
            received=facts.received_counts,
            same=facts.same,
            approvable=facts.theirs.approvable if facts.theirs is not None else True,
        )
        if facts.agreed is not None:
            after = replace(after, in_effect=True)
        if after != before:
            after = replace(after, changed_at=now)
            await agreements.put(tx, hei_id, after)
            for kind in _news(before, after):
                self.tell(effects, kind, after)
        if agreed is not None and after.state not in _BOTH:
            self.tell(effects, FeedKind.MUTUALLY_APPROVED, after)
        if after.in_effect and not before.in_effect:
            await self.rewrite(tx, hei_id, after, now, effects)
        return after

    async def rewrite(
        self, tx: AsyncConnection, hei_id: str, standing: Standing, now: datetime, effects: Effects
    ) -> None:
        """Write our copy anew with what the standing calls for, where it does not say that already."""
        key = RecordKey(hei_id, ENTITY, standing.our_id)
        stored, fragment = await records.get(tx, key), await records.fragment(tx, key, SHAPE.version)
        if stored is None or stored.document is None or fragment is None:
            return
        former = as_new(stored, stored.document, fragment)
        their_id = standing.their_id if standing.mapping is MappingState.MAPPED else None
        new = with_derived(former, their_id, standing.in_effect)
        if new is former:
            return
        if new.counterpart == former.counterpart:
            await record_writes.amend(tx, new, now)
        else:
            await keep_replaced(tx, hei_id, standing.our_id, stored.document, new.document, now)
            await record_writes.put_many(tx, [new], now, keep_refusals=True)
        effects.wanted |= self._deliveries(hei_id, standing.our_id, new.partners or ())

    async def withdraw(self, tx: AsyncConnection, hei_id: str, standing: Standing, effects: Effects) -> bool:
        """Take back our approval of the partner's copy, where we gave one; the partner is told.

        That is a change of what the Approval API serves, so it calls for a notification (ewp-specs-api-iias 7,
        scenarios-v6-v7/2024-03-01-DeleteModifyScenarios, scenario 15).
        """
        if standing.their_id is None:
            return False
        gone = await approvals.remove(tx, ApprovalKey(hei_id, True, standing.partner, standing.their_id))
        if gone:
            effects.wanted.add(approval_delivery(hei_id, standing.partner, standing.their_id))
        return gone

    async def map(
        self,
        tx: AsyncConnection,
        hei_id: str,
        standing: Standing,
        their_id: str,
        how: str,
        now: datetime,
        effects: Effects,
    ) -> Standing:
        """Map, and write our copy anew, which names the partner's from now on. Settling is the caller's."""
        mapped = replace(
            standing, mapping=MappingState.MAPPED, their_id=their_id, how=how, mapped_at=now, changed_at=now
        )
        await agreements.put(tx, hei_id, mapped)
        await self.rewrite(tx, hei_id, mapped, now, effects)
        self.tell(effects, FeedKind.AGREEMENT_MAPPED, mapped)
        return mapped

    async def leave(
        self,
        tx: AsyncConnection,
        hei_id: str,
        standing: Standing,
        mapping: MappingState,
        now: datetime,
        effects: Effects,
    ) -> None:
        """End a mapping, write our copy anew without the partner's identifier, and settle."""
        left = replace(standing, mapping=mapping, mapped_at=None, changed_at=now)
        await agreements.put(tx, hei_id, left)
        await self.rewrite(tx, hei_id, left, now, effects)
        self.tell(effects, FeedKind.AGREEMENT_UNMAPPED, left)
        await self.settle(tx, hei_id, standing.our_id, now, effects)

    def tell(self, effects: Effects, kind: FeedKind, standing: Standing) -> None:
        """Tell the SIS something of an agreement."""
        effects.news.append(News(kind, ENTITY, standing.partner, standing.our_id))

    def _deliveries(self, hei_id: str, our_id: str, partners: Iterable[str]) -> set[WorkKey]:
        return {
            WorkKey(WorkKind.DELIVERY, hei_id, partner, api, our_id)
            for partner in partners
            for api in self._notifications
        }


def approval_delivery(hei_id: str, partner: str, their_id: str) -> WorkKey:
    """Telling the partner that our approval of its copy changed (ewp-specs-api-iia-approval-cnr 2)."""
    return WorkKey(WorkKind.DELIVERY, hei_id, partner, _APPROVAL_CNR, their_id)


def _news(before: Standing, after: Standing) -> Iterable[FeedKind]:
    """What the SIS has to hear of the difference."""
    if after.given != before.given:
        yield FeedKind.APPROVAL_GIVEN if after.given else FeedKind.GIVEN_APPROVAL_LAPSED
    if after.received != before.received:
        yield FeedKind.APPROVAL_RECEIVED if after.received else FeedKind.RECEIVED_APPROVAL_LAPSED
    if after.state is not before.state:
        if after.state is State.MUTUALLY_APPROVED:
            yield FeedKind.MUTUALLY_APPROVED
        elif after.state is State.TERMINATED:
            yield FeedKind.AGREEMENT_TERMINATED
        elif after.state is State.CONFLICT:
            yield FeedKind.AGREEMENT_CONFLICT
