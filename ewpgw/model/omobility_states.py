"""The states of a nomination, and the moves they allow: pure rules, the same on both sides, no store.

The sending institution owns the nomination and keeps its status; the receiving one asks for a decision to be entered,
naming the proposal it is about. So each side can tell beforehand what the other will answer, and the words of a refusal
are for whoever wanted the move: they are shown on our own pages, and sent as ``user-message``.

Making a move that is made already changes nothing and is no fault: whoever clicks twice, or never got the answer, is
answered with success.

Sources: ewp-specs-api-omobilities 3 (README, Important rules; get-response.xsd; update-request.xsd).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from ewpgw.model import esi
from ewpgw.model.omobility import KnownOmobility, KnownStudent, Status

if TYPE_CHECKING:
    from collections.abc import Mapping


class Move(StrEnum):
    """What one of the two sides can do."""

    PUT = "put"
    CANCEL = "cancel"
    RESUBMIT = "resubmit"
    DELETE = "delete"
    APPROVE = "approve"
    REJECT = "reject"


SENDER_MOVES = frozenset({Move.PUT, Move.CANCEL, Move.RESUBMIT, Move.DELETE})
RECEIVER_MOVES = frozenset({Move.APPROVE, Move.REJECT})

MEANINGS: Mapping[Status, str] = MappingProxyType(
    {
        Status.PENDING: "nominated; the receiving institution has not decided about this proposal",
        Status.APPROVED: "the receiving institution accepts the student",
        Status.REJECTED: "the receiving institution does not accept this proposal, and said why",
        Status.CANCELLED: "the sending institution has called the stay off",
    }
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a nomination stands.

    ``proposal_id`` names the content that is to be decided on, or was; ``comment`` is why it was rejected.
    """

    proposal_id: str
    status: Status = Status.PENDING
    comment: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a move is not possible.

    ``code`` is for programs, ``words`` for the person who wanted it, as a whole sentence. ``conflict``: what was
    decided on has changed meanwhile, so that the newest version has to be fetched and looked at (HTTP 409); otherwise
    the move itself is wrong (HTTP 400).
    """

    code: str
    words: str
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """A move that was made. ``changed`` is False where everything was so already, and nobody has to be told."""

    standing: Standing
    changed: bool


Outcome = Moved | Refusal


def standing(record: KnownOmobility, comment: str | None = None) -> Standing:
    """Where a nomination stands by the partner's copy of it; ``comment``: why we rejected it."""
    return Standing(record.proposal_id, record.standing, comment)


def put(before: Standing | None, record: KnownOmobility, earlier: KnownOmobility | None = None) -> Outcome:
    """The sending institution hands in a nomination: a new one, or that which was ``earlier``.

    Content that has changed makes it pending again, whatever was decided before. The same content, and changed data of
    the same student, leave the decision standing. Of the record's status only two count: ``cancelled`` cancels, and
    ``pending`` takes that back. Decisions are never taken from it, and a cancellation stands where it says nothing.
    """
    proposal_id, wanted = record.proposal_id, record.status
    if before is None:
        status = Status.CANCELLED if wanted == Status.CANCELLED else Status.PENDING
        return Moved(Standing(proposal_id, status), changed=True)
    if before.deleted:
        return _DELETED
    if earlier is not None and (other := another(earlier, record)):
        return other
    after = replace(before, proposal_id=proposal_id)
    if wanted == Status.CANCELLED:
        after = replace(after, status=Status.CANCELLED, comment=None)
    elif before.status is Status.CANCELLED:
        after = replace(after, status=Status.PENDING if wanted == Status.PENDING else Status.CANCELLED)
    elif proposal_id != before.proposal_id:
        after = replace(after, status=Status.PENDING, comment=None)
    return Moved(after, changed=after != before)


def another(earlier: KnownOmobility, later: KnownOmobility) -> Refusal | None:
    """Which of the parts that never change is another one; None where all are the same.

    A student is the same where the global id is, or, since identifiers get corrected, the day of birth and the names.
    """
    for part, words, same in (
        ("sending-hei", "sending institution", _hei_ids(earlier)[0] == _hei_ids(later)[0]),
        ("receiving-hei", "receiving institution", _hei_ids(earlier)[1] == _hei_ids(later)[1]),
        ("student", "student", _same_student(earlier.student, later.student)),
    ):
        if not same:
            return Refusal(
                f"other-{part}",
                f"The {words} of a nomination never changes. Cancel this one, and nominate under a new identifier.",
            )
    return None


def _hei_ids(record: KnownOmobility) -> tuple[str, str]:
    return record.nomination.sending_hei.hei_id, record.nomination.receiving_hei.hei_id


def _same_student(one: KnownStudent, other: KnownStudent) -> bool:
    if esi.comparable(one.global_id) == esi.comparable(other.global_id):
        return True
    born = one.birth_date is not None and one.birth_date == other.birth_date
    return born and _names(one) == _names(other)


def _names(student: KnownStudent) -> tuple[set[str], set[str]]:
    given, family = (
        {" ".join(name.value.split()).casefold() for name in names}
        for names in (student.given_names, student.family_name)
    )
    return given, family


def cancel(before: Standing) -> Outcome:
    """The sending institution calls the stay off, in whatever state it is."""
    if before.deleted:
        return _DELETED
    if before.status is Status.CANCELLED:
        return Moved(before, changed=False)
    return Moved(replace(before, status=Status.CANCELLED, comment=None), changed=True)


def resubmit(before: Standing) -> Outcome:
    """The sending institution hands in again what was rejected or cancelled, as it is."""
    if before.deleted:
        return _DELETED
    if before.status is Status.APPROVED:
        return Refusal("approved", "This nomination is approved already; there is nothing to submit again.")
    if before.status is Status.PENDING:
        return Moved(before, changed=False)
    return Moved(replace(before, status=Status.PENDING, comment=None), changed=True)


def delete(before: Standing) -> Outcome:
    """The sending institution takes the nomination away. Its identifier is never used again."""
    if before.deleted:
        return Moved(before, changed=False)
    return Moved(replace(before, deleted=True, comment=None), changed=True)


def approve(before: Standing, proposal_id: str) -> Outcome:
    """The receiving institution accepts the student, as nominated by the proposal it names."""
    if refusal := _undecidable(before, proposal_id):
        return refusal
    if before.status is Status.APPROVED:
        return Moved(before, changed=False)
    if before.status is Status.REJECTED:
        return Refusal(
            "rejected",
            "This nomination was rejected. Ask the sending institution to submit it again, then approve it.",
        )
    return Moved(replace(before, status=Status.APPROVED, comment=None), changed=True)


def reject(before: Standing, proposal_id: str, comment: str) -> Outcome:
    """The receiving institution does not accept the proposal it names; ``comment`` says why."""
    if refusal := _undecidable(before, proposal_id):
        return refusal
    if before.status is Status.APPROVED:
        return Refusal(
            "approved",
            "This nomination is approved, and what is approved cannot be rejected any more. Ask the sending "
            "institution to change or cancel it.",
        )
    if not comment.strip():
        return NO_COMMENT
    if before.status is Status.REJECTED:
        return Moved(replace(before, comment=comment), changed=before.comment != comment)
    return Moved(replace(before, status=Status.REJECTED, comment=comment), changed=True)


def heard(
    before: Standing, decision: Status, comment: str | None, last: tuple[Status, str | None] | None = None
) -> Moved:
    """A partner with version 1 of the Incoming Mobilities API publishes its decision, instead of sending it.

    ``last`` is what it published when it was looked at before. What stands there unchanged is about an older proposal
    as soon as ours has changed, so only news count; and once a nomination is approved, and so ``live``, what the
    partner publishes no longer matters (ewp-specs-api-omobilities 2, README, Workflows, 1 to 3).
    """
    settled = before.deleted or before.status in (Status.CANCELLED, Status.APPROVED)
    if settled or (decision, comment) == last:
        return Moved(before, changed=False)
    after = replace(before, status=decision, comment=comment if decision is Status.REJECTED else None)
    return Moved(after, changed=after != before)


NO_COMMENT = Refusal("no-comment", "Say in a comment why the nomination is rejected, and what should be changed.")
_DELETED = Refusal(
    "deleted",
    "This nomination was deleted by the sending institution. A student nominated anew gets a nomination of its own.",
)
_CHANGED = Refusal(
    "proposal-changed",
    "This nomination has changed since you saw it. Fetch the newest version, look at it, and decide again.",
    conflict=True,
)
_CANCELLED = Refusal(
    "cancelled", "This nomination was cancelled by the sending institution, so there is nothing to decide any more."
)


def _undecidable(before: Standing, proposal_id: str) -> Refusal | None:
    """Why nothing can be decided about the proposal. That it has changed comes first: the rest may have with it."""
    if before.deleted:
        return _DELETED
    if proposal_id != before.proposal_id:
        return _CHANGED
    return _CANCELLED if before.status is Status.CANCELLED else None


ALLOWED: Mapping[Status, frozenset[Move]] = MappingProxyType(
    {
        Status.PENDING: frozenset(Move),
        Status.APPROVED: frozenset(Move) - {Move.RESUBMIT, Move.REJECT},
        Status.REJECTED: frozenset(Move) - {Move.APPROVE},
        Status.CANCELLED: frozenset(SENDER_MOVES),
    }
)
"""The moves that a state does not rule out, of a nomination that is not deleted, for the proposal as it is."""


def table() -> str:
    """The states and their moves as a table in Markdown, for the documentation."""
    lines = [f"| State | Means | {' | '.join(Move)} |", f"|---|---|{'---|' * len(Move)}"]
    for here in Status:
        marks = " | ".join("yes" if move in ALLOWED[here] else "no" for move in Move)
        lines.append(f"| `{here}` | {MEANINGS[here]} | {marks} |")
    return "\n".join(lines)
