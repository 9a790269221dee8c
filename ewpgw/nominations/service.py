"""The moves of our side with nominations, and what is heard of them. No HTTP here.

Each move happens in one transaction that no other with nominations of the same HEI runs beside.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

import structlog

from ewpgw.model import omobility_states, omobility_update
from ewpgw.model.omobility import Status
from ewpgw.model.omobility_states import Refusal
from ewpgw.model.omobility_update import ApproveProposal, RejectProposal
from ewpgw.nominations import received, sent
from ewpgw.nominations.calendars import Calendars
from ewpgw.nominations.received import NominationJudge, load
from ewpgw.nominations.refusing import NominationRefused, UnknownNomination
from ewpgw.nominations.writing import ARRIVALS, NOMINATION_CNR, NOMINATIONS, enter
from ewpgw.preparing import Incoming
from ewpgw.records import RevisionConflict
from ewpgw.store import decisions, record_writes, work
from ewpgw.store.decisions import DecisionState, NewDecision
from ewpgw.store.effects import Effects
from ewpgw.store.record_writes import IdentifierRetired
from ewpgw.store.records import RecordKey
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.omobility_states import Outcome, Standing
    from ewpgw.nominations.received import ReceivedNomination
    from ewpgw.records import Condition, Records
    from ewpgw.records import Outcome as RecordOutcome
    from ewpgw.store.copies import CopyKey
    from ewpgw.store.engine import Store

__all__ = ["Decided", "NominationJudge", "NominationRefused", "Nominations", "UnknownNomination", "Within"]

_log = structlog.get_logger(__name__)
DoneT = TypeVar("DoneT")

Within: TypeAlias = Callable[["AsyncConnection", DoneT], Awaitable[None]]
"""Something more to do in the transaction of a move, once it is made; it is given what came of that."""

Speaks: TypeAlias = Callable[[str, str], int | None]
"""The newest version of an API that a partner and this gateway have in common; None where they have none."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision.

    ``how``: "sent" to the partner, or "published" for it to fetch; ``already``: it was so before, and nothing was done.
    """

    status: Status
    how: Literal["sent", "published"]
    already: bool


class Nominations:
    """Nominations and arrivals of the covered HEIs: what comes from partners, and the moves of our side.

    - ``speaks``: which version of an API to use with a partner
    - ``calendars``: how institutions count their academic years
    - ``on_work``: called after work was wanted, so that it begins at once
    - ``on_news``: called after something was told to the SIS
    """

    def __init__(
        self,
        store: Store,
        records: Records,
        now: Callable[[], datetime],
        speaks: Speaks,
        calendars: Calendars | None = None,
        on_work: Callable[[], None] = lambda: None,
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._records = records
        self._now = now
        self._on_work = on_work
        self._on_news = on_news
        self.speaks = speaks
        self.calendars = calendars or Calendars()
        self.judge = NominationJudge()

    async def approve(
        self,
        hei_id: str,
        partner: str,
        omobility_id: str,
        *,
        proposal_id: str,
        by: str | None = None,
        within: Within[Decided] | None = None,
    ) -> Decided:
        """Accept a partner's student as nominated by the proposal that the person has seen.

        Doing it twice is doing it once. Raises UnknownNomination and NominationRefused.
        """
        update = ApproveProposal(omobility_id=omobility_id, proposal_id=proposal_id)
        return await self._decide(hei_id, partner, update, by, within)

    async def reject(
        self,
        hei_id: str,
        partner: str,
        omobility_id: str,
        *,
        proposal_id: str,
        comment: str,
        by: str | None = None,
        within: Within[Decided] | None = None,
    ) -> Decided:
        """Do not accept the proposal that the person has seen; ``comment`` tells the partner why.

        Doing it twice is doing it once. Raises UnknownNomination and NominationRefused.
        """
        update = RejectProposal(omobility_id=omobility_id, proposal_id=proposal_id, comment=comment)
        return await self._decide(hei_id, partner, update, by, within)

    async def cancel(
        self, hei_id: str, omobility_id: str, *, only_if: Condition | None = None, within: Within[bool] | None = None
    ) -> bool:
        """Call off the stay of a student of ours; False where that was so before. See ``_move``."""
        return await self._move(hei_id, omobility_id, omobility_states.cancel, only_if, within)

    async def resubmit(
        self, hei_id: str, omobility_id: str, *, only_if: Condition | None = None, within: Within[bool] | None = None
    ) -> bool:
        """Hand in again, as it is, what was rejected or cancelled; False where it is pending. See ``_move``."""
        return await self._move(hei_id, omobility_id, omobility_states.resubmit, only_if, within)

    async def put_dates(
        self,
        hei_id: str,
        partner: str,
        omobility_id: str,
        arrival: str | None,
        departure: str | None,
        *,
        source: str,
        only_if: Condition | None = None,
        within: Within[RecordOutcome] | None = None,
    ) -> RecordOutcome:
        """Record when a partner's student came and left; None for what has not happened yet.

        Raises UnknownNomination, and what ``Records.put`` raises.
        """
        if await load(self._store, hei_id, partner, omobility_id) is None:
            raise UnknownNomination(omobility_id)
        document: dict[str, str] = {"omobility_id": omobility_id, "sending_hei_id": partner}
        if arrival is not None:
            document["actual_arrival_date"] = arrival
        if departure is not None:
            document["actual_departure_date"] = departure
        incoming = Incoming(f"{partner}:{omobility_id}", document)
        return await self._records.put(hei_id, ARRIVALS, incoming, source=source, only_if=only_if, within=within)

    async def copy_changed(self, tx: AsyncConnection, key: CopyKey, now: datetime) -> Effects:
        """A partner's nomination, or its record of a student of ours, was fetched; what that calls for.

        Does no harm where nothing has changed. The caller carries out the effects, at the end of the transaction.
        """
        if key.entity == NOMINATIONS:
            return await received.nomination_changed(tx, key, now)
        if key.entity == ARRIVALS:
            return await sent.arrival_changed(tx, key, now)
        return Effects()

    async def delivered(self, tx: AsyncConnection, key: WorkKey, exchange_id: str, now: datetime) -> Effects:
        """A partner took a notification, in the exchange given; what that calls for."""
        return await sent.notified(tx, key, exchange_id, now) if key.api == NOMINATION_CNR else Effects()

    async def _decide(
        self,
        hei_id: str,
        partner: str,
        update: ApproveProposal | RejectProposal,
        by: str | None,
        within: Within[Decided] | None,
    ) -> Decided:
        now, effects = self._now(), Effects()
        try:
            async with self._store.transaction() as tx:
                await enter(tx, hei_id)
                known = await load(tx, hei_id, partner, update.omobility_id)
                if known is None:
                    raise UnknownNomination(update.omobility_id)
                outcome = await self._once(tx, known, update, by, now, effects)
                if within is not None:
                    await within(tx, outcome)
                await effects.carry_out(tx, hei_id, now)
        except NominationRefused as refused:
            if refused.refusal.conflict:
                await self._look_again(hei_id, partner, update.omobility_id, now)
            raise
        if not outcome.already:
            _log.info("nomination.decided", hei_id=hei_id, partner=partner, id=update.omobility_id, how=outcome.how)
        self._on_work()
        self._on_news()
        return outcome

    async def _look_again(self, hei_id: str, partner: str, omobility_id: str, now: datetime) -> None:
        """Fetch the newest version of a partner's nomination, which is another than the person saw."""
        async with self._store.transaction() as tx:
            await work.want(tx, WorkKey(WorkKind.REFRESH, hei_id, partner, NOMINATIONS, omobility_id), now)
        self._on_work()

    async def _once(
        self,
        tx: AsyncConnection,
        known: ReceivedNomination,
        update: ApproveProposal | RejectProposal,
        by: str | None,
        now: datetime,
        effects: Effects,
    ) -> Decided:
        """Keep a decision and want it sent or published, where that is not so already."""
        status, comment = (
            (Status.REJECTED, update.comment) if isinstance(update, RejectProposal) else (Status.APPROVED, None)
        )
        how: Literal["sent", "published"] = "published" if known.by_publishing else "sent"
        outcome = _judged(known, update)
        if isinstance(outcome, Refusal):
            raise NominationRefused(outcome)
        before = known.decision
        if before is not None and before.state is DecisionState.WAITING:
            if (before.verdict, before.proposal_id) != (status.value, update.proposal_id):
                raise NominationRefused(_ON_ITS_WAY)
            return Decided(status, how, already=True)
        if not outcome.changed or known.standing.status is status:
            # other words about what is rejected already are no other decision: nobody could see that they arrived
            return Decided(status, how, already=True)
        spoken = self.speaks(known.copy.key.partner, NOMINATIONS)
        if spoken is not None and known.by_publishing is (spoken >= _WITH_UPDATES):
            raise NominationRefused(_NEWER_VERSION if known.by_publishing else _OLDER_VERSION)
        key = known.key
        decision = NewDecision(
            key=key,
            proposal_id=update.proposal_id,
            verdict=status.value,
            comment=comment,
            document=omobility_update.encode(update),
            by=by,
            seen_at=known.copy.fetched_at,
        )
        if not known.by_publishing:
            # before the decision: whoever sends it locks the two in this order
            await work.want(tx, key.work, now)
        if not await decisions.put(tx, decision, now):
            return Decided(status, how, already=True)
        if known.by_publishing:
            await self._publish(tx, known, now, effects)
        return Decided(status, how, already=False)

    async def _publish(self, tx: AsyncConnection, known: ReceivedNomination, now: datetime, effects: Effects) -> None:
        new = await decisions.get(tx, known.key)
        if new is not None:
            await decisions.settle(tx, new.key, new.number, DecisionState.MADE, now)
        made = replace(known, decision=await decisions.get(tx, known.key))
        try:
            effects.wanted |= await received.decided_here(tx, made, now)
        except IdentifierRetired:
            raise NominationRefused(_RECORD_DELETED) from None

    async def _move(
        self,
        hei_id: str,
        omobility_id: str,
        how: Callable[[Standing], Outcome],
        only_if: Condition | None,
        within: Within[bool] | None,
    ) -> bool:
        """A move with a nomination of ours; whether it changed anything.

        Raises UnknownNomination, NominationRefused, and RevisionConflict where the record does not fulfil ``only_if``.
        """
        now = self._now()
        async with self._store.transaction() as tx:
            await enter(tx, hei_id)
            if only_if is not None:
                current = await record_writes.locked_revision(tx, RecordKey(hei_id, NOMINATIONS, omobility_id))
                if not only_if(current):
                    raise RevisionConflict(current)
            moved = await sent.move(tx, hei_id, omobility_id, how, now)
            if within is not None:
                await within(tx, moved.changed)
        self._on_work()
        return moved.changed


def _judged(known: ReceivedNomination, update: ApproveProposal | RejectProposal) -> Outcome:
    here = known.standing
    if isinstance(update, RejectProposal):
        return omobility_states.reject(here, update.proposal_id, update.comment)
    if known.by_publishing and here.status is Status.REJECTED:
        # such a partner cannot submit again what it does not change, so we may think better of it
        here = replace(here, status=Status.PENDING)
    return omobility_states.approve(here, update.proposal_id)


_WITH_UPDATES = 3
_ON_ITS_WAY = Refusal(
    "on-its-way", "Another decision about this nomination is on its way to the partner. Wait until it has arrived."
)
_NEWER_VERSION = Refusal(
    "other-version",
    "The partner has begun to speak a newer version of the API, in which it tells more of this nomination. It is being "
    "fetched; look at it in a moment, and decide then.",
    conflict=True,
)
_OLDER_VERSION = Refusal(
    "other-version",
    "The partner has gone back to an older version of the API, which takes no decisions and tells less of this "
    "nomination. It is being fetched; look at it in a moment, and decide then.",
    conflict=True,
)
_RECORD_DELETED = Refusal(
    "record-deleted",
    "The record of this student was deleted, so that nothing more can be told about the nomination. Ask the partner to "
    "nominate the student under a new identifier.",
)
