"""The moves of our side with learning agreements, and what is heard of them. No HTTP here.

What we propose ourselves are records, put like any others. Each move happens in one transaction that no other with
learning agreements of the same HEI runs beside.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import structlog

from ewpgw.learning_agreements import received, sent
from ewpgw.learning_agreements.received import APPROVED, COMMENTED, LearningAgreementJudge, load
from ewpgw.learning_agreements.refusing import LearningAgreementRefused, UnknownLearningAgreement
from ewpgw.learning_agreements.writing import CNR, ENTITY, enter
from ewpgw.model import learning_agreement_states, learning_agreement_update
from ewpgw.model.learning_agreement_parts import Signature
from ewpgw.model.learning_agreement_states import Refusal
from ewpgw.model.learning_agreement_update import ApproveProposal, CommentProposal, Update
from ewpgw.store import decisions, work
from ewpgw.store.copies import CopyState
from ewpgw.store.decisions import DecisionState, NewDecision
from ewpgw.store.effects import Effects
from ewpgw.store.work import WorkKey, WorkKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.learning_agreements.received import ReceivedAgreement
    from ewpgw.store.copies import CopyKey
    from ewpgw.store.engine import Store

__all__ = [
    "Answered",
    "LearningAgreementJudge",
    "LearningAgreementRefused",
    "LearningAgreements",
    "Signer",
    "UnknownLearningAgreement",
    "Within",
]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs for an institution: the full name, the position, the e-mail address."""

    name: str
    position: str
    email: str

    def signature(self, now: datetime) -> Signature:
        """The signature, given at a moment."""
        return Signature(
            signer_name=self.name,
            signer_position=self.position,
            signer_email=self.email,
            timestamp=now.isoformat(timespec="seconds"),
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of an answer: ``approved`` or ``commented``; ``already``: it was so before, and nothing was done."""

    verdict: str
    already: bool


Within: TypeAlias = Callable[["AsyncConnection", Answered], Awaitable[None]]
"""Something more to do in the transaction of an answer, once it is given; it is told what came of that."""


class LearningAgreements:
    """Learning agreements of the covered HEIs: what comes from partners, and our answers to it.

    - ``on_work``: called after work was wanted, so that it begins at once
    - ``on_news``: called after something was told to the SIS
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        on_work: Callable[[], None] = lambda: None,
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._now = now
        self._on_work = on_work
        self._on_news = on_news
        self.judge = LearningAgreementJudge()

    async def approve(
        self,
        hei_id: str,
        partner: str,
        omobility_id: str,
        *,
        proposal_id: str,
        signer: Signer,
        within: Within | None = None,
    ) -> Answered:
        """Sign the proposal of a partner's that the person has seen.

        Doing it twice is doing it once. Raises UnknownLearningAgreement and LearningAgreementRefused.
        """
        signature = signer.signature(self._now())
        answer = ApproveProposal(omobility_id=omobility_id, changes_proposal_id=proposal_id, signature=signature)
        return await self._answer(hei_id, partner, answer, within)

    async def comment(
        self,
        hei_id: str,
        partner: str,
        omobility_id: str,
        *,
        proposal_id: str,
        comment: str,
        signer: Signer,
        within: Within | None = None,
    ) -> Answered:
        """Do not sign the proposal that the person has seen; ``comment`` tells the partner why. That ends it.

        Doing it twice is doing it once. Raises UnknownLearningAgreement and LearningAgreementRefused.
        """
        signature = signer.signature(self._now())
        answer = CommentProposal(
            omobility_id=omobility_id, changes_proposal_id=proposal_id, comment=comment, signature=signature
        )
        return await self._answer(hei_id, partner, answer, within)

    async def copy_changed(self, tx: AsyncConnection, key: CopyKey, now: datetime) -> Effects:
        """A partner's agreement was fetched; what that calls for.

        Does no harm where nothing has changed. The caller carries out the effects, at the end of the transaction.
        """
        return await received.copy_changed(tx, key, now) if key.entity == ENTITY else Effects()

    async def delivered(self, tx: AsyncConnection, key: WorkKey, exchange_id: str, now: datetime) -> Effects:
        """A partner took a notification, in the exchange given; what that calls for."""
        return await sent.notified(tx, key, exchange_id, now) if key.api == CNR else Effects()

    async def _answer(
        self, hei_id: str, partner: str, answer: ApproveProposal | CommentProposal, within: Within | None
    ) -> Answered:
        now, item = self._now(), answer.omobility_id
        try:
            async with self._store.transaction() as tx:
                await enter(tx, hei_id)
                known = await load(tx, hei_id, partner, item)
                if known is None:
                    raise UnknownLearningAgreement(item)
                outcome = await _once(tx, known, answer, now)
                if within is not None:
                    await within(tx, outcome)
        except LearningAgreementRefused as refused:
            if refused.refusal.conflict:
                await self._look_again(hei_id, partner, item, now)
            raise
        if not outcome.already:
            _log.info("learning_agreement.answered", hei_id=hei_id, partner=partner, id=item, verdict=outcome.verdict)
        self._on_work()
        self._on_news()
        return outcome

    async def _look_again(self, hei_id: str, partner: str, omobility_id: str, now: datetime) -> None:
        """Fetch the newest version of a partner's agreement, which is another than the person saw."""
        async with self._store.transaction() as tx:
            await work.want(tx, WorkKey(WorkKind.REFRESH, hei_id, partner, ENTITY, omobility_id), now)
        self._on_work()


async def _once(
    tx: AsyncConnection, known: ReceivedAgreement, answer: ApproveProposal | CommentProposal, now: datetime
) -> Answered:
    """Keep an answer and want it sent, where that is not so already."""
    verdict = COMMENTED if isinstance(answer, CommentProposal) else APPROVED
    words = answer.comment if isinstance(answer, CommentProposal) else None
    before = known.decision
    if before is not None and before.state is DecisionState.WAITING:
        if (before.verdict, before.proposal_id, before.comment) != (verdict, answer.changes_proposal_id, words):
            raise LearningAgreementRefused(_ON_ITS_WAY)
        return Answered(verdict, already=True)
    changed = _judged(known, answer)
    key = known.key
    new = NewDecision(
        key=key,
        proposal_id=answer.changes_proposal_id,
        verdict=verdict,
        comment=words,
        document=learning_agreement_update.encode(Update.of(key.partner, answer)),
        by=answer.signature.signer_name,
        seen_at=known.copy.fetched_at,
    )
    if not changed:
        return Answered(verdict, already=True)
    # before the decision: whoever sends it locks the two in this order
    await work.want(tx, key.work, now)
    return Answered(verdict, already=not await decisions.put(tx, new, now))


def _judged(known: ReceivedAgreement, answer: ApproveProposal | CommentProposal) -> bool:
    """Whether an answer changes anything. Raises LearningAgreementRefused where it cannot be given."""
    here, record, proposal_id = known.standing, known.record, answer.changes_proposal_id
    if known.copy.state is CopyState.GONE and here.current is not None:
        raise LearningAgreementRefused(_GONE)
    if isinstance(answer, CommentProposal):
        outcome = learning_agreement_states.comment(here, record, proposal_id, answer.comment, answer.signature)
        if not isinstance(outcome, Refusal) and outcome.changed and here.current is None:
            # what became of a second comment could not be seen, since the first has ended the proposal
            raise LearningAgreementRefused(_COMMENTED)
    else:
        outcome = learning_agreement_states.approve(here, record, proposal_id, answer.signature)
    if isinstance(outcome, Refusal):
        raise LearningAgreementRefused(outcome)
    return outcome.changed


_ON_ITS_WAY = Refusal(
    "on-its-way", "Another answer to this proposal is on its way to the partner. Wait until it has arrived."
)
_GONE = Refusal("gone", "The partner no longer shows this learning agreement.", conflict=True)
_COMMENTED = Refusal(
    "commented",
    "This proposal was commented on already, which ended it. Wait until the partner proposes anew, or write to it.",
)
