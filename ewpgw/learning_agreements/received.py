"""Learning agreements that partners send: where each stands, what we answer, and how far that has come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ewpgw.documents.parsing import parse
from ewpgw.learning_agreements.writing import ENTITY, enter, stands
from ewpgw.model import learning_agreement_update
from ewpgw.model.days import moment
from ewpgw.model.learning_agreement import LearningAgreement
from ewpgw.model.learning_agreement_standing import Standing
from ewpgw.model.learning_agreement_states import Moved, approve, comment, follow
from ewpgw.model.learning_agreement_update import CommentProposal
from ewpgw.store import copies, decisions, learning_agreements
from ewpgw.store.copies import CopyKey, CopyState
from ewpgw.store.decisions import DecisionKey, DecisionState
from ewpgw.store.effects import Effects, News
from ewpgw.store.feed import FeedKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.learning_agreement_parts import Signature
    from ewpgw.model.learning_agreement_update import ApproveProposal
    from ewpgw.store.copies import Copy
    from ewpgw.store.decisions import Decision
    from ewpgw.store.engine import Readable
    from ewpgw.store.learning_agreements import StoredAgreement

APPROVED, COMMENTED = "approved", "commented"
"""What can be decided about a proposal."""


@dataclass(frozen=True, slots=True)
class ReceivedAgreement:
    """An agreement that a partner sends, in the last version that could be read, and our last answer to it.

    ``stored`` is where it stood when that version came; see ``standing``.
    """

    copy: Copy
    record: LearningAgreement
    stored: StoredAgreement
    decision: Decision | None

    @property
    def key(self) -> DecisionKey:
        """What names our answer to it."""
        return decision_key(self.copy.key)

    @property
    def standing(self) -> Standing:
        """Where the agreement stands, with an answer of ours that the partner has taken since it was last fetched."""
        return answered(self.stored.standing, self.record, self.decision)


def decision_key(copy: CopyKey) -> DecisionKey:
    """What names our answer to a partner's agreement."""
    return DecisionKey(copy.hei_id, copy.entity, copy.partner, copy.id)


def answer_of(decision: Decision) -> ApproveProposal | CommentProposal:
    """What an answer of ours says, signature and all."""
    return learning_agreement_update.read(parse(decision.document)).answer


def answered(before: Standing, record: LearningAgreement, decision: Decision | None) -> Standing:
    """The standing with an answer of ours, where the partner has it and it is about the latest proposal."""
    if decision is None or decision.state is not DecisionState.MADE:
        return before
    answer = answer_of(decision)
    if isinstance(answer, CommentProposal):
        outcome = comment(before, record, decision.proposal_id, answer.comment, answer.signature)
    else:
        outcome = approve(before, record, decision.proposal_id, answer.signature)
    return outcome.standing if isinstance(outcome, Moved) else before


async def load(source: Readable, hei_id: str, partner: str, omobility_id: str) -> ReceivedAgreement | None:
    """An agreement of a partner's; None where none was ever received that could be read."""
    stored = await learning_agreements.get(source, hei_id, omobility_id, sending_hei_id=partner)
    return (await with_copies(source, hei_id, [stored]))[0] if stored is not None else None


async def with_copies(source: Readable, hei_id: str, found: Sequence[StoredAgreement]) -> list[ReceivedAgreement]:
    """Agreements of partners with the copies of them, and with what we answered."""
    keys = [CopyKey(hei_id, ENTITY, stored.sending_hei_id, stored.omobility_id) for stored in found]
    names = [(key.partner, key.id) for key in keys]
    there = {copy.key: copy for copy in await copies.get_many(source, hei_id, ENTITY, names, bodies=False)}
    about = await decisions.get_many(source, {decision_key(key) for key in keys})
    received = []
    for key, stored in zip(keys, found, strict=True):
        copy = there.get(key)
        if copy is None or copy.document is None:
            raise LookupError(f"there is no copy of {stored.omobility_id} of {stored.sending_hei_id}")
        record = LearningAgreement.model_validate_json(copy.document)
        received.append(ReceivedAgreement(copy, record, stored, about.get(decision_key(key))))
    return received


async def copy_changed(tx: AsyncConnection, key: CopyKey, now: datetime) -> Effects:
    """A partner's agreement was fetched, or is no longer shown: where it stands, and what becomes of our answer.

    That there is something new, changed or gone is told where the copy is stored.
    """
    effects = Effects()
    await enter(tx, key.hei_id)
    copy = await copies.get(tx, key)
    if copy is None or copy.document is None or copy.state is CopyState.INVALID:
        return effects
    record = LearningAgreement.model_validate_json(copy.document)
    shown = record if copy.state is CopyState.CURRENT else None
    stored = await learning_agreements.get(tx, key.hei_id, key.id, sending_hei_id=key.partner)
    decision = await decisions.get(tx, decision_key(key))
    if decision is not None:
        # first of all: an answer of ours has ended the proposal that is no longer shown
        decision = await _followed(tx, copy, shown, decision, now, effects)
    before = answered(stored.standing, record, decision) if stored is not None else None
    here = stands(key.partner, key.partner, record, follow(before, shown), now)
    if stored is not None and stored.standing == here.standing:
        here = replace(here, changed_at=stored.changed_at)
    if here != stored:
        await learning_agreements.put_many(tx, key.hei_id, [here])
    return effects


async def _followed(
    tx: AsyncConnection,
    copy: Copy,
    shown: LearningAgreement | None,
    decision: Decision,
    now: datetime,
    effects: Effects,
) -> Decision | None:
    """Our answer with what the newest version says of it: made, though nobody heard so, or overtaken.

    One that was given up may have been made, too; the partner shows it once it can be reached again. What is on its
    way and may have been taken before the change is left to whoever sends it, at once.
    """
    if decision.state not in (DecisionState.WAITING, DecisionState.REFUSED):
        return decision
    outcome, words = judged(shown, decision), None
    if outcome == "made":
        state, kind = DecisionState.MADE, FeedKind.DECISION_MADE
    elif outcome == "open" or decision.state is DecisionState.REFUSED:
        return decision
    elif decision.sent_at is not None:
        effects.wanted.add(decision.key.work)
        return decision
    else:
        state, kind, words = DecisionState.OVERTAKEN, FeedKind.DECISION_OVERTAKEN, _OVERTAKEN if shown else _GONE
    exchange_id = copy.exchange_id
    if await decisions.settle(tx, decision.key, decision.number, state, now, words=words, exchange_id=exchange_id):
        effects.news.append(News(kind, ENTITY, decision.key.partner, decision.key.id))
    return await decisions.get(tx, decision.key)


_OVERTAKEN = "The agreement has changed since it was answered. Look at it again, and answer anew."
_GONE = "The partner no longer shows the agreement."

Verdict = Literal["made", "open", "overtaken", "impossible"]


class LearningAgreementJudge:
    """Says what became of an answer that was sent to a partner, by the partner's agreement as it is now."""

    def outcome(self, document: str | None, decision: Decision) -> Verdict:
        """``document`` is the agreement as fetched just now, as JSON text; None where the partner shows none."""
        return judged(LearningAgreement.model_validate_json(document) if document is not None else None, decision)


def judged(record: LearningAgreement | None, decision: Decision) -> Verdict:
    """What became of an answer, by the agreement as the partner shows it; None: it shows none.

    What is still proposed waits, unless it is signed as well. Otherwise an approval is made where a version bears our
    signature. A comment ends the proposal, which is then no longer shown (ewp-specs-api-omobility-las 1,
    update-request.xsd, comment-proposal-v1), so one that was sent is made where nothing is proposed; where something
    else is, nobody can tell whether the partner has read it. One that was never sent has not ended anything: the
    partner has taken its proposal back.
    """
    approves, sent = decision.verdict == APPROVED, decision.sent_at is not None
    if record is None:
        return "impossible" if approves or not sent else "made"
    proposal, signed = record.changes_proposal, [one for one in (record.first_version, record.approved_changes) if one]
    if proposal is not None and record.proposal_id == decision.proposal_id:
        taken = approves and proposal.fingerprint() in {version.fingerprint() for version in signed}
        return "made" if taken else "open"
    if approves:
        signature = answer_of(decision).signature
        made = any(_same(version.receiving_hei_signature, signature) for version in signed)
    else:
        made = proposal is None and sent
    return "made" if made else "overtaken"


def _same(shown: Signature | None, ours: Signature) -> bool:
    """Whether a signature is ours: given at the same second, by the same person. Partners may write times otherwise."""
    if shown is None or moment(shown.timestamp) != moment(ours.timestamp):
        return False
    names = ((shown.signer_name, ours.signer_name), (shown.signer_email, ours.signer_email))
    return any(one and other and _plain(one) == _plain(other) for one, other in names)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
