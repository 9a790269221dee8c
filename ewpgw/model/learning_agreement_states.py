"""The moves by which a learning agreement goes on: pure rules, the same on both sides, no store.

The sending institution owns the agreement and proposes; the receiving one signs a proposal or comments on it, naming
the proposal that it saw. What it signs becomes the first version or, after that, the list of changes that counts. What
it comments on has come to its end, and is no longer shown: the sending institution proposes anew.

Both sides keep a ``Standing`` of each agreement: the sending one by its own moves and the answers it gets, the
receiving one by what it answers and by ``follow``, from the copies it fetches. So each side can tell beforehand what
the other will say. Doing again what is done already changes nothing and is no fault.

Sources: ewp-specs-api-omobility-las 1: get-response.xsd, update-request.xsd, update.md, examples/example-scenario,
examples/ola-dashboard-example-scenarios (2 and 4: what a partner is shown after a comment) and
resources/mandatory_business_requirements_LA.pdf, 7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from ewpgw.model.learning_agreement_parts import proposal_of
from ewpgw.model.learning_agreement_rules import proposal_problems, signer_problems
from ewpgw.model.learning_agreement_standing import MEANINGS, Past, Stage, Standing
from ewpgw.model.learning_agreement_student import agreed_and_changed, overlaid, same_student, unsaid
from ewpgw.model.rules import warning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ewpgw.model.learning_agreement import LearningAgreement
    from ewpgw.model.learning_agreement_parts import Proposal, Signature, Version
    from ewpgw.model.problems import Problem


class Move(StrEnum):
    """What one of the two sides can do."""

    PUT = "put"
    DELETE = "delete"
    APPROVE = "approve"
    COMMENT = "comment"


SENDER_MOVES = frozenset({Move.PUT, Move.DELETE})
RECEIVER_MOVES = frozenset({Move.APPROVE, Move.COMMENT})

ALLOWED: Mapping[Stage, frozenset[Move]] = MappingProxyType(
    {
        Stage.FIRST_PROPOSED: frozenset(Move),
        Stage.FIRST_REJECTED: frozenset(Move) - {Move.APPROVE},
        Stage.AGREED: frozenset({Move.PUT, Move.APPROVE}),
        Stage.CHANGES_PROPOSED: frozenset(Move) - {Move.DELETE},
        Stage.CHANGES_REJECTED: frozenset({Move.PUT, Move.COMMENT}),
    }
)
"""The moves that a stage does not rule out, of an agreement that is not deleted, for the latest proposal.

To approve what is approved changes nothing; to comment again replaces the comment.
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a move is not possible.

    ``code`` is for programs, ``words`` for the person who wanted it, as whole sentences; ``problems`` are the rules
    that were broken, where it is that. ``conflict``: what was answered has changed meanwhile, so that the newest
    version has to be fetched and looked at (HTTP 409); otherwise the move itself is wrong (HTTP 400).
    """

    code: str
    words: str
    conflict: bool = False
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that was made.

    ``record`` is the agreement after it, with all that the gateway works out: to be stored and, where it is ``listed``,
    shown to the partner. ``changed`` is False where everything was so already, and nobody has to be told. ``warnings``
    are for who made the move.
    """

    standing: Standing
    record: LearningAgreement
    changed: bool
    warnings: tuple[Problem, ...] = ()


Outcome = Moved | Refusal


def put(before: Standing | None, record: LearningAgreement, earlier: LearningAgreement | None = None) -> Outcome:
    """The sending institution hands in an agreement: a new one, or that which is stored as ``earlier``.

    What was approved is kept, whether the record has it or not, and a proposal that was answered is not proposed again
    by being handed in again: another one has other signatures. A first version, and changes to it, are taken from the
    record only where nothing is approved yet: they were signed before the gateway had the agreement.
    """
    if before is not None and before.deleted:
        return _DELETED
    if earlier is not None and (other := another(earlier, record)):
        return other
    known = before or Standing()
    past = _with_imported(known, record)
    if isinstance(past, Refusal):
        return past
    after = replace(known, past=past, current=None)
    student, changed = agreed_and_changed(after.first_version, record, earlier)
    warnings: list[Problem] = []
    proposal = record.changes_proposal
    if proposal is not None and proposal.fingerprint() not in {one.proposal.fingerprint() for one in after.approved}:
        proposal = proposal.model_copy(update={"student": changed}).identified()
        if any(one.proposal.id == proposal.id for one in past):
            said = "was answered with a comment, which ended it; change it, or have it signed anew"
            warnings.append(warning("changes_proposal", said, "ewp-specs-api-omobility-las 1, update-request.xsd"))
        elif refused := _unfit(proposal, after.first_version):
            return refused
        else:
            after = replace(after, current=proposal)
    if after.current is None and not past:
        return _NOTHING
    if changed is not None and after.current is None:
        warnings += unsaid(changed)
    shown = _shown(record.model_copy(update={"student": student}), after)
    return Moved(after, shown, (after, shown) != (before, earlier), tuple(warnings))


def delete(before: Standing, record: LearningAgreement) -> Outcome:
    """The sending institution takes the agreement away. Its identifier is never used again."""
    if before.deleted:
        return Moved(before, record, changed=False)
    if before.approved:
        return _AGREED
    return Moved(replace(before, deleted=True), record, changed=True)


def approve(before: Standing, record: LearningAgreement, proposal_id: str, signature: Signature) -> Outcome:
    """The receiving institution signs the proposal it names: the first version, or the changes that count."""
    answered = _answered(before, proposal_id)
    if isinstance(answered, Refusal):
        return answered
    if isinstance(answered, Past):
        return Moved(before, record, changed=False) if answered.approved else _REJECTED
    broken = tuple(one for one in signer_problems("signature", signature) if one.severity == "refusal")
    if broken:
        return Refusal("signature", f"The signature does not say who signed: {_in_words(broken)}.", problems=broken)
    after = replace(before, current=None, past=(*before.past, Past(answered, signature)))
    student = overlaid(record.student, answered.student)
    return Moved(after, _shown(record.model_copy(update={"student": student}), after), changed=True)


def comment(before: Standing, record: LearningAgreement, proposal_id: str, words: str, signature: Signature) -> Outcome:
    """The receiving institution does not sign the proposal it names; ``words`` say why. That ends the proposal."""
    answered = _answered(before, proposal_id)
    if isinstance(answered, Refusal):
        return answered
    if isinstance(answered, Past) and answered.approved:
        return _APPROVED
    if not words.strip():
        return Refusal("no-comment", "Say in the comment why the proposal is not signed, and what should be changed.")
    if isinstance(answered, Past):
        after = replace(before, past=(*before.past[:-1], replace(answered, comment=words)))
        return Moved(after, record, changed=after != before)
    after = replace(before, current=None, past=(*before.past, Past(answered, signature, words)))
    return Moved(after, _shown(record, after), changed=True)


def follow(before: Standing | None, copy: LearningAgreement | None) -> Standing:
    """Where a partner's agreement stands, by the newest copy of it and by what was known and answered before.

    ``copy`` is None where the partner no longer shows the agreement, as after a comment on its first version. What
    was approved without us is added; what we commented on does not come back, though it may still be shown.
    """
    known = before or Standing()
    if copy is None:
        return replace(known, current=None)
    approved = {one.proposal.fingerprint() for one in known.approved}
    shown = [version for version in (copy.first_version, copy.approved_changes) if version is not None]
    news = [version for version in shown if version.fingerprint() not in approved]
    past = (*known.past, *(Past(proposal_of(one), one.receiving_hei_signature) for one in news))
    proposal = copy.changes_proposal
    if proposal is not None and proposal.id is None:
        proposal = proposal.identified()
    if proposal is not None and any(one.proposal.id == proposal.id for one in past):
        proposal = None
    return Standing(proposal, past)


def stranger(record: LearningAgreement | None, sending_hei_id: str, callers: Iterable[str]) -> Refusal | None:
    """Why whoever covers the institutions ``callers`` has no say in an agreement of ``sending_hei_id``; None: it has.

    ``record`` is None where there is no such agreement. Source: ewp-specs-api-omobility-las 1, update.md, "Handling of
    invalid parameters". Who is not concerned is not told whether there is such an agreement.
    """
    if record is not None and record.receiving_hei.hei_id in set(callers):
        if record.sending_hei.hei_id == sending_hei_id:
            return None
        return Refusal("other-sender", f"This learning agreement is not one of {sending_hei_id}.")
    return Refusal("unknown", "There is no such learning agreement of a student who is to come to you.")


def another(earlier: LearningAgreement, later: LearningAgreement) -> Refusal | None:
    """Which of the parts that never change is another one; None where all are the same.

    A student is the same where the global id is, or, since identifiers get corrected, the day of birth and the names.
    Source: ewp-specs-api-omobility-las 1, get-response.xsd, la, Immutable elements.
    """
    for part, words, same in (
        ("sending-hei", "sending institution", earlier.sending_hei.hei_id == later.sending_hei.hei_id),
        ("receiving-hei", "receiving institution", earlier.receiving_hei.hei_id == later.receiving_hei.hei_id),
        ("student", "student", same_student(earlier, later)),
    ):
        if not same:
            said = f"The {words} of a learning agreement never changes. Make another one, under a new identifier."
            return Refusal(f"other-{part}", said)
    return None


def _with_imported(known: Standing, record: LearningAgreement) -> tuple[Past, ...] | Refusal:
    """What was answered so far, with what the record says was approved before the gateway had the agreement."""
    given = [version for version in (record.first_version, record.approved_changes) if version is not None]
    if known.approved:
        fingerprints = [one.proposal.fingerprint() for one in known.approved]
        if record.first_version is not None and record.first_version.fingerprint() != fingerprints[0]:
            return _OTHER_FIRST
        if record.approved_changes is not None and record.approved_changes.fingerprint() not in fingerprints[1:]:
            return _OTHER_CHANGES
        return known.past
    if record.approved_changes is not None and record.first_version is None:
        return _NO_FIRST
    return (*known.past, *(Past(proposal_of(one), one.receiving_hei_signature) for one in given))


def _unfit(proposal: Proposal, first: Version | None) -> Refusal | None:
    broken = tuple(one for one in proposal_problems(proposal, first) if one.severity == "refusal")
    if not broken:
        return None
    what = "first version" if first is None else "list of changes to the first version"
    return Refusal("proposal", f"This cannot be proposed as a {what}: {_in_words(broken)}.", problems=broken)


def _in_words(problems: Iterable[Problem]) -> str:
    return "; ".join(f"{one.path} {one.message}" for one in problems)


def _shown(record: LearningAgreement, standing: Standing) -> LearningAgreement:
    """The agreement as it stands."""
    return record.model_copy(
        update={
            "first_version": standing.first_version,
            "approved_changes": standing.approved_changes,
            "changes_proposal": standing.current,
        }
    )


def _answered(before: Standing, proposal_id: str) -> Proposal | Past | Refusal:
    """The proposal that can be answered, or the answer it got already. That another is proposed now comes first."""
    if before.deleted:
        return _DELETED
    if before.current is not None:
        return before.current if before.current.id == proposal_id else _CHANGED
    if before.past and before.past[-1].proposal.id == proposal_id:
        return before.past[-1]
    return _CHANGED


_DELETED = Refusal("deleted", "This learning agreement was deleted by the sending institution.")
_NOTHING = Refusal(
    "nothing-proposed",
    "An agreement needs a proposal, or a first version that all three have signed. To take it away, delete it.",
)
_AGREED = Refusal("agreed", "All three have signed this learning agreement, so it cannot be deleted any more.")
_OTHER_FIRST = Refusal(
    "other-first-version",
    "The first version is another one than the partner has approved. Leave it out: the gateway keeps it.",
)
_OTHER_CHANGES = Refusal(
    "other-approved-changes",
    "The partner has approved no such changes. Leave approved_changes out, and give new changes in changes_proposal.",
)
_NO_FIRST = Refusal("no-first-version", "There are approved changes, but no first version that they would change.")
_CHANGED = Refusal(
    "proposal-changed",
    "This learning agreement has changed since you saw it. Fetch the newest version, look at it, and answer again.",
    conflict=True,
)
_REJECTED = Refusal(
    "rejected",
    "This proposal was commented on already, which ended it. Wait for the sending institution to propose anew.",
    conflict=True,
)
_APPROVED = Refusal(
    "approved",
    "This proposal was approved already. Ask the sending institution to propose a change.",
    conflict=True,
)


def table() -> str:
    """The stages and their moves as a table in Markdown, for the documentation."""
    lines = [f"| Stage | Means | {' | '.join(Move)} |", f"|---|---|{'---|' * len(Move)}"]
    for here in Stage:
        marks = " | ".join("yes" if move in ALLOWED[here] else "no" for move in Move)
        lines.append(f"| `{here}` | {MEANINGS[here]} | {marks} |")
    return "\n".join(lines)
