"""The moves of our side: whatever a person, or a system for one, decides about an agreement. No HTTP here.

Each happens in one transaction that no other of the same HEI's agreements runs beside, so that what is decided is
decided on the facts as they are; it ends with settling, which keeps and tells where the agreement stands then.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from ewpgw.agreements import legacy
from ewpgw.agreements.arrivals import Arrivals
from ewpgw.agreements.completing import ENTITY, as_judged, judged, with_derived
from ewpgw.agreements.deriving import enter
from ewpgw.agreements.known import load, version, version_of
from ewpgw.agreements.refusing import MoveRefused, UnknownAgreement
from ewpgw.agreements.settling import Settling, approval_delivery
from ewpgw.model.iia_states import MappingState, Move, Refusal, refusal
from ewpgw.preparing import Incoming
from ewpgw.records import NotDeletable, RevisionConflict
from ewpgw.store import agreements, approvals, copies, files, snapshots
from ewpgw.store.approvals import Approval, ApprovalKey
from ewpgw.store.copies import CopyKey, CopyState
from ewpgw.store.effects import Effects
from ewpgw.store.snapshots import Draft
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.agreements.known import Known
    from ewpgw.agreements.legacy import FormerAgreement, TakenOver
    from ewpgw.model.problems import Problem
    from ewpgw.records import Condition, Outcome, Records
    from ewpgw.store.agreements import Standing
    from ewpgw.store.copies import Copy
    from ewpgw.store.engine import Readable, Store

__all__ = ["Agreements", "Approved", "MoveRefused", "UnknownAgreement", "Within"]

_log = structlog.get_logger(__name__)

Within: TypeAlias = Callable[["AsyncConnection"], Awaitable[None]]
"""Something more to do in the transaction of a move, once it is made."""


@dataclass(frozen=True, slots=True)
class Approved:
    """What came of an approval: ``standing`` is where the agreement stands; ``already``: it was approved before."""

    standing: Standing
    already: bool


class Agreements(Arrivals):
    """The agreements of the covered HEIs: what comes from partners, and the moves of our side.

    - ``on_work``: called after work was wanted, so that it begins at once
    - ``on_news``: called after something was told to the SIS

    Each move takes ``only_if``: whether it may be made at this version of the agreement (``known.version``); where it
    may not, it is refused.
    """

    def __init__(
        self,
        store: Store,
        records: Records,
        settling: Settling,
        now: Callable[[], datetime],
        on_work: Callable[[], None] = lambda: None,
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(settling)
        self._store = store
        self._records = records
        self._now = now
        self._on_work = on_work
        self._on_news = on_news

    async def approve(
        self,
        hei_id: str,
        our_id: str,
        iia_hash: str,
        *,
        by: str | None = None,
        pdf_file: str | None = None,
        only_if: Condition | None = None,
        within: Within | None = None,
    ) -> Approved:
        """Approve the partner's copy in the version ``iia_hash``, which is the one the person has seen.

        Approving it twice is approving it once. ``pdf_file`` is the id of a file of ours to publish with it. Raises
        UnknownAgreement and MoveRefused.
        """
        async with self._moving(
            hei_id, our_id, Move.APPROVE, iia_hash=iia_hash, only_if=only_if, within=within
        ) as move:
            facts, theirs = move.known.facts, move.known.theirs
            if facts.given_counts and facts.given == iia_hash and move.known.standing is not None:
                return Approved(move.known.standing, already=True)
            if theirs is None:
                raise ValueError(f"{our_id}: there is no copy to approve")
            if pdf_file is not None and await files.missing(move.tx, hei_id, {pdf_file}):
                words = f"there is no file {pdf_file}; upload it first (POST …/files) and give the id you get"
                raise MoveRefused(Refusal("no-such-file", words))
            key = ApprovalKey(hei_id, True, theirs.partner, theirs.id)
            approval = Approval(key, theirs.iia_hash, move.now, theirs.body, pdf_file, theirs.exchange_id, by)
            await approvals.put(move.tx, approval)
            move.effects.wanted.add(approval_delivery(hei_id, theirs.partner, theirs.id))
            # A change whose notification was lost makes the approval void; this way a person hears of it at once.
            move.effects.wanted.add(WorkKey(WorkKind.REFRESH, hei_id, theirs.partner, ENTITY, theirs.id))
            known = replace(move.known, facts=replace(facts, given=theirs.iia_hash))
            standing = await self._settling.settle_known(move.tx, hei_id, known, move.now, move.effects)
            if standing is None:
                raise UnknownAgreement(our_id)
        return Approved(standing, already=False)

    async def map(
        self,
        hei_id: str,
        our_id: str,
        their_id: str,
        *,
        only_if: Condition | None = None,
        within: Within | None = None,
    ) -> None:
        """A person says that the partner's copy ``their_id`` is of this agreement.

        Raises UnknownAgreement and MoveRefused.
        """
        async with self._moving(hei_id, our_id, Move.MAP, only_if=only_if, within=within) as move:
            partner = move.known.facts.partner
            copy = await copies.get(move.tx, CopyKey(hei_id, ENTITY, partner, their_id))
            await self._refuse_copy(move.tx, hei_id, our_id, partner, their_id, copy)
            standing = move.known.standing or agreements.fresh(our_id, partner, move.now)
            await self._settling.map(move.tx, hei_id, standing, their_id, "person", move.now, move.effects)
            await self._settling.settle(move.tx, hei_id, our_id, move.now, move.effects)

    async def unmap(
        self, hei_id: str, our_id: str, *, only_if: Condition | None = None, within: Within | None = None
    ) -> None:
        """A person says that the copy an agreement is mapped to is of something else.

        It is not mapped to that copy by itself again. Raises UnknownAgreement and MoveRefused.
        """
        async with self._moving(hei_id, our_id, Move.UNMAP, only_if=only_if, within=within) as move:
            if move.known.standing is None:
                raise UnknownAgreement(our_id)
            await self._settling.withdraw(move.tx, hei_id, move.known.standing, move.effects)
            await self._settling.leave(move.tx, hei_id, move.known.standing, MappingState.CUT, move.now, move.effects)

    async def keep_draft(
        self,
        hei_id: str,
        our_id: str,
        document: Any,
        *,
        source: str,
        only_if: Condition | None = None,
        within: Within | None = None,
    ) -> tuple[Problem, ...]:
        """Keep a draft of an agreement, or of a change of one; returns what would keep it from being proposed now.

        Raises MoveRefused where nothing more can be proposed under this identifier.
        """
        (prepared,) = await self._records.prepare(hei_id, ENTITY, [Incoming(our_id, document)], source=source)
        async with self._store.transaction() as tx:
            await enter(tx, hei_id)
            known = (await load(tx, hei_id, [our_id])).get(our_id)
            await _unchanged(tx, hei_id, known, only_if)
            if known is not None and (why := refusal(Move.PROPOSE, replace(known.facts, draft=True))) is not None:
                raise MoveRefused(why)
            text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
            await snapshots.put_draft(tx, hei_id, Draft(our_id, text, self._now(), source))
            if within is not None:
                await within(tx)
        standing = known.standing if known is not None else None
        if prepared.new is None or standing is None:
            return as_judged(prepared).problems
        their_id = standing.their_id if standing.mapping is MappingState.MAPPED else None
        return (*prepared.problems, *judged(with_derived(prepared.new, their_id, standing.in_effect)))

    async def drop_draft(
        self, hei_id: str, our_id: str, *, only_if: Condition | None = None, within: Within | None = None
    ) -> None:
        """Give up a draft; what is served stays as it is. Raises UnknownAgreement where there is no draft."""
        async with self._store.transaction() as tx:
            await enter(tx, hei_id)
            if only_if is not None:
                await _unchanged(tx, hei_id, (await load(tx, hei_id, [our_id])).get(our_id), only_if)
            if not await snapshots.remove_draft(tx, hei_id, our_id):
                raise UnknownAgreement(our_id)
            if within is not None:
                await within(tx)

    async def propose(
        self,
        hei_id: str,
        our_id: str,
        *,
        source: str,
        only_if: Condition | None = None,
        within: Within | None = None,
    ) -> Outcome:
        """Serve a draft, and tell the partner. Raises UnknownAgreement and MoveRefused, also for its faults."""
        known = await self._allowed(hei_id, our_id, Move.PROPOSE)
        draft = await snapshots.draft(self._store, hei_id, our_id)
        if draft is None:
            raise UnknownAgreement(our_id)
        if only_if is not None and not only_if(version(known, draft.document)):
            raise MoveRefused(_CHANGED)

        async def drop(tx: AsyncConnection) -> None:
            await snapshots.remove_draft(tx, hei_id, our_id)
            if within is not None:
                await within(tx)

        return await self._put(hei_id, known, json.loads(draft.document), source, drop)

    async def revert(
        self,
        hei_id: str,
        our_id: str,
        *,
        source: str,
        only_if: Condition | None = None,
        within: Within | None = None,
    ) -> Outcome:
        """Go back to the version that both sides approved last.

        The partner's approval of that version counts again, unless it has approved a later one meanwhile. Raises
        UnknownAgreement and MoveRefused.
        """
        known = await self._allowed(hei_id, our_id, Move.REVERT, only_if)
        agreed = await snapshots.last(self._store, hei_id, our_id)
        if agreed is None:
            raise UnknownAgreement(our_id)
        return await self._put(hei_id, known, json.loads(agreed.our_document), source, within)

    async def terminate(
        self,
        hei_id: str,
        our_id: str,
        *,
        source: str,
        only_if: Condition | None = None,
        within: Within | None = None,
    ) -> Outcome:
        """Propose to end the agreement as a whole; it ends when both sides have approved that, like any other change.

        Only meant where nobody has gone abroad under it yet (ewp-specs-api-iias 7, README), which the caller has to
        know. Raises UnknownAgreement and MoveRefused.
        """
        known = await self._allowed(hei_id, our_id, Move.TERMINATE, only_if)
        if known.ours is None or known.ours.document is None:
            raise UnknownAgreement(our_id)
        document = json.loads(known.ours.document)
        document["cooperation_conditions"]["terminated_as_a_whole"] = True
        return await self._put(hei_id, known, document, source, within)

    async def delete(
        self,
        hei_id: str,
        our_id: str,
        *,
        source: str,
        only_if: Condition | None = None,
        within: Within | None = None,
    ) -> None:
        """Delete an agreement that both sides never approved, and its draft; the partner is told.

        Raises UnknownAgreement and MoveRefused.
        """
        known = await self._allowed(hei_id, our_id, Move.DELETE, only_if)
        if known.facts.ours is None:
            await self.drop_draft(hei_id, our_id, only_if=only_if, within=within)
            return
        revision = known.ours.revision if known.ours is not None else None
        as_seen = (lambda current: current == revision) if only_if is not None else None
        try:
            await self._records.delete(hei_id, ENTITY, our_id, source=source, only_if=as_seen, within=within)
        except (NotDeletable, RevisionConflict):
            raise MoveRefused(_CHANGED) from None
        self._on_news()

    async def take_over(
        self, hei_id: str, former: FormerAgreement, *, source: str, within: Within | None = None
    ) -> TakenOver:
        """Take over an agreement that was approved under API version 6, with its approvals; nobody is notified.

        Raises MoveRefused where a document is not what was approved, or something was approved since.
        """
        copies = await legacy.read(hei_id, former)
        new = await legacy.prepared(self._records, hei_id, copies, source)
        async with self._store.transaction() as tx:
            await enter(tx, hei_id)
            taken = await legacy.keep(tx, hei_id, copies, new, self._settling, self._now())
            if within is not None:
                await within(tx)
        _log.info("agreement.taken-over", hei_id=hei_id, id=taken.standing.our_id)
        self._on_news()
        return taken

    async def _allowed(self, hei_id: str, our_id: str, move: Move, only_if: Condition | None = None) -> Known:
        """What is known of an agreement, where a move is possible."""
        known = (await load(self._store, hei_id, [our_id])).get(our_id)
        if known is not None:
            await _unchanged(self._store, hei_id, known, only_if)
        return _check(known, our_id, move)

    async def _put(self, hei_id: str, known: Known, document: Any, source: str, within: Within | None) -> Outcome:
        """Put a version of our copy where nothing changed since ``known``; raises MoveRefused, also for its faults."""
        our_id = known.facts.iia_id
        revision = known.ours.revision if known.facts.ours is not None and known.ours is not None else None

        async def still(tx: AsyncConnection, outcome: Outcome) -> None:
            if outcome.revision is None:
                raise MoveRefused(Refusal("record-refused", "it cannot be served as it is"), outcome.problems)
            hashes = (await snapshots.last_hashes(tx, hei_id, [our_id])).get(our_id)
            agreed = known.facts.agreed
            if agreed is not None and hashes != (agreed.our_hash, agreed.their_hash):
                raise MoveRefused(_CHANGED)
            if within is not None:
                await within(tx)

        incoming = Incoming(our_id, document, raw=json.dumps(document, ensure_ascii=False))
        try:
            outcome = await self._records.put(
                hei_id, ENTITY, incoming, source=source, only_if=lambda current: current == revision, within=still
            )
        except RevisionConflict:
            raise MoveRefused(_CHANGED) from None
        self._on_news()
        return outcome

    @asynccontextmanager
    async def _moving(
        self,
        hei_id: str,
        our_id: str,
        move: Move,
        *,
        iia_hash: str | None = None,
        only_if: Condition | None = None,
        within: Within | None = None,
    ) -> AsyncIterator[_Moving]:
        """A transaction in which a move is possible; what it calls for is written when the block ends."""
        now = self._now()
        async with self._store.transaction() as tx:
            await enter(tx, hei_id)
            known = (await load(tx, hei_id, [our_id])).get(our_id)
            if known is not None:
                await _unchanged(tx, hei_id, known, only_if)
            moving = _Moving(tx, now, _check(known, our_id, move, iia_hash), Effects())
            yield moving
            if within is not None:
                await within(tx)
            await moving.effects.carry_out(tx, hei_id, now)
        _log.info("agreement.moved", hei_id=hei_id, id=our_id, move=move.value)
        self._on_work()
        self._on_news()

    async def _refuse_copy(
        self, tx: AsyncConnection, hei_id: str, our_id: str, partner: str, their_id: str, copy: Copy | None
    ) -> None:
        """Raise MoveRefused where a copy cannot be that of an agreement, whatever a person says."""
        if copy is None or copy.body is None or copy.state is CopyState.GONE:
            words = f"{partner} serves no agreement {their_id}, as far as is known here; ask for a refresh"
            raise MoveRefused(Refusal("no-copy", words))
        other = await agreements.mapped_to(tx, hei_id, partner, their_id)
        if other is not None:
            words = f"that copy is mapped to our agreement {other.our_id}; cut that mapping first"
            raise MoveRefused(Refusal("mapped-to-another", words))
        if copy.our_id not in (None, our_id):
            words = f"that copy names our agreement {copy.our_id}, not {our_id}; the partner has to change that first"
            raise MoveRefused(Refusal("partner-names-another", words))


@dataclass(slots=True)
class _Moving:
    tx: AsyncConnection
    now: datetime
    known: Known
    effects: Effects


_CHANGED = Refusal("changed-meanwhile", "it has changed at this moment; look at it again")


async def _unchanged(source: Readable, hei_id: str, known: Known | None, only_if: Condition | None) -> None:
    """Raise MoveRefused where an agreement is not at a version that the caller expected."""
    if only_if is not None and not only_if(await version_of(source, hei_id, known)):
        raise MoveRefused(_CHANGED)


def _check(known: Known | None, our_id: str, move: Move, iia_hash: str | None = None) -> Known:
    if known is None:
        raise UnknownAgreement(our_id)
    why = refusal(move, known.facts, iia_hash)
    if why is not None:
        raise MoveRefused(why)
    return known
