"""What comes from partners: their copies of agreements, and their approvals of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.agreements.completing import ENTITY
from ewpgw.agreements.deriving import enter
from ewpgw.agreements.known import load
from ewpgw.model.iia_states import MappingState
from ewpgw.store import agreements, approvals, copies
from ewpgw.store.approvals import Approval, ApprovalKey
from ewpgw.store.copies import CopyState
from ewpgw.store.effects import Effects, News
from ewpgw.store.feed import FeedKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.agreements.settling import Settling
    from ewpgw.store.agreements import Standing
    from ewpgw.store.copies import Copy, CopyKey


class Arrivals:
    """Takes note of what partners served, in the transaction in which it is stored."""

    def __init__(self, settling: Settling) -> None:
        self._settling = settling

    async def copy_changed(self, tx: AsyncConnection, key: CopyKey, now: datetime) -> Effects:
        """A copy of the partner was fetched: map it, or unmap what it has left, and see which approvals count now.

        Does no harm where nothing has changed. The caller carries out the effects, at the end of the transaction.
        """
        effects = Effects()
        if key.entity != ENTITY:
            return effects
        await enter(tx, key.hei_id)
        copy = await copies.get(tx, key)
        standing = await agreements.mapped_to(tx, key.hei_id, key.partner, key.id)
        if copy is None or copy.state is CopyState.GONE:
            if standing is not None:
                await self._vanished(tx, key.hei_id, standing, now, effects)
            return effects
        if copy.body is None:
            return effects
        if standing is None:
            standing = await self._map_by_name(tx, copy, now, effects)
        if standing is not None:
            await self._settling.settle(tx, key.hei_id, standing.our_id, now, effects)
        elif copy.changed_at == now and await agreements.has_unmapped(tx, key.hei_id, key.partner):
            effects.news.append(News(FeedKind.COPY_TO_MAP, ENTITY, key.partner, key.id, copy.revision))
        return effects

    async def approval_received(
        self,
        tx: AsyncConnection,
        hei_id: str,
        partner: str,
        our_id: str,
        iia_hash: str | None,
        body: bytes,
        exchange_id: str | None,
        now: datetime,
        *,
        pdf_file: str | None = None,
    ) -> None:
        """The partner said which version of our copy ``our_id`` it approves; None: none (any more).

        ``body`` is its answer as received, in the exchange ``exchange_id``. What this calls for is written at once, so
        call it last in the transaction.
        """
        await enter(tx, hei_id)
        effects = Effects()
        key = ApprovalKey(hei_id, False, partner, our_id)
        stored = await approvals.get(tx, key)
        if iia_hash is None:
            await approvals.remove(tx, key)
        elif stored is None or (stored.iia_hash, stored.pdf_file) != (iia_hash, pdf_file):
            known = (await load(tx, hei_id, [our_id])).get(our_id)
            if known is None or known.facts.ours is None or known.facts.partner != partner:
                return
            await approvals.put(tx, Approval(key, iia_hash, now, body, pdf_file, exchange_id))
        await self._settling.settle(tx, hei_id, our_id, now, effects, compare=False)
        await effects.carry_out(tx, hei_id, now)

    async def _map_by_name(self, tx: AsyncConnection, copy: Copy, now: datetime, effects: Effects) -> Standing | None:
        """Map a copy to the agreement of ours that it names, or that names it, where that is free for it."""
        hei_id, partner, their_id = copy.key.hei_id, copy.key.partner, copy.key.id
        wanted = [copy.our_id] if copy.our_id is not None else []
        wanted += [each.our_id for each in await agreements.last_known_of(tx, hei_id, partner, their_id)]
        for our_id, known in (await load(tx, hei_id, list(dict.fromkeys(wanted)))).items():
            if known.facts.ours is None or known.facts.partner != partner:
                continue
            if copy.our_id not in (None, our_id):
                continue
            standing = known.standing or agreements.fresh(our_id, partner, now)
            if standing.mapping is MappingState.MAPPED:
                if copy.changed_at == now:
                    effects.news.append(News(FeedKind.AGREEMENT_CONFLICT, ENTITY, partner, our_id))
                continue
            if standing.mapping is MappingState.CUT and standing.their_id == their_id:
                continue
            how = "their copy" if copy.our_id is not None else standing.how or "person"
            return await self._settling.map(tx, hei_id, standing, their_id, how, now, effects)
        return None

    async def _vanished(
        self, tx: AsyncConnection, hei_id: str, standing: Standing, now: datetime, effects: Effects
    ) -> None:
        """The partner deleted its copy (ewp-specs-api-iias 7, get-response: its iia-id must not be named any more).

        Of what both approved our approval is kept, so that all is as before where the partner serves its copy again.
        """
        if not standing.in_effect:
            await self._settling.withdraw(tx, hei_id, standing, effects)
        await self._settling.leave(tx, hei_id, standing, MappingState.VANISHED, now, effects)
