"""Agreements that were approved under API version 6: taken over with their approvals, which keep counting.

What it takes is each approved copy as it was served then, byte by byte, and the conditions-hash that was approved. An
approval of version 6 is worth the iia-hash that the published transformation gives for the approved document
(ewp-specs-api-iias-approval 2, README, "Upgrade to v2 steps"). Nobody is notified: the network changes the form, not
what was agreed (ewp-specs-api-iias 7, scenarios-v6-v7/2024-03-01-DeleteModifyScenarios, scenario 8).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ewpgw.agreements.completing import ENTITY, SHAPE, as_judged
from ewpgw.agreements.known import load
from ewpgw.agreements.refusing import MoveRefused, UnknownAgreement
from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.model import iia_v6, iia_v6_hash
from ewpgw.model.iia_states import MappingState, Refusal
from ewpgw.preparing import Incoming
from ewpgw.store import agreements, approvals, record_writes, snapshots
from ewpgw.store.approvals import Approval, ApprovalKey
from ewpgw.store.effects import Effects
from ewpgw.store.record_writes import IdentifierRetired

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.agreements.known import Known
    from ewpgw.agreements.settling import Settling
    from ewpgw.model.iia import Iia
    from ewpgw.model.new_record import NewRecord
    from ewpgw.model.problems import Problem
    from ewpgw.records import Records
    from ewpgw.store.agreements import Standing

_LARGEST_DOCUMENT = 20 * 2**20  # version 6 had the PDF in the document
_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ApprovedCopy:
    """A copy as it was approved: the get-response of API version 6 with this one agreement, byte by byte.

    ``approval`` is the conditions-hash that was approved, or the whole response of the IIAs Approval API, version 1,
    that says so.
    """

    body: bytes
    approval: bytes


@dataclass(frozen=True, slots=True)
class FormerAgreement:
    """What is known of an agreement from the time of version 6; at least one of the copies.

    ``ours`` is our copy that the partner approved, ``theirs`` the partner's that we approved. ``codes`` says which
    four-digit ISCED-F code stands for a shorter one, as in ``{"31": "0311"}``; ``by`` who approved for us.
    """

    ours: ApprovedCopy | None = None
    theirs: ApprovedCopy | None = None
    codes: Mapping[str, str] = field(default_factory=dict)
    by: str | None = None


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What became of it: where the agreement stands, whether its record was made now, and what was filled in."""

    standing: Standing
    created: bool
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Copy:
    """An approved copy that was looked at: its owner, both identifiers, and its form of version 7.

    ``iia_hash`` is what its approval is worth; ``evidence`` what says that it was approved, else the copy itself.
    """

    owner: str
    other: str
    owners_id: str
    others_id: str
    iia_hash: str
    record: Iia
    body: bytes
    evidence: bytes
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Whose agreement it is, and under which identifiers."""

    partner: str
    our_id: str
    their_id: str


@dataclass(frozen=True, slots=True)
class Copies:
    """The approved copies, read and found to be of one agreement of the HEI."""

    pair: Pair
    ours: _Copy | None
    theirs: _Copy | None
    by: str | None


async def read(hei_id: str, former: FormerAgreement) -> Copies:
    """Look at the approved copies.

    Raises MoveRefused where one is not what was approved, or they are not of one agreement of this HEI.
    """
    ours = await _read("our copy", former.ours, former.codes)
    theirs = await _read("the partner's copy", former.theirs, former.codes)
    found = [Pair(ours.other, ours.owners_id, ours.others_id)] if ours is not None else []
    found += [Pair(theirs.owner, theirs.others_id, theirs.owners_id)] if theirs is not None else []
    if not found:
        raise _refused("no-copy", "give our copy that the partner approved, the partner's that we approved, or both")
    if ours is not None and ours.owner != hei_id:
        raise _refused("another-hei", f"our copy has {ours.owner} as its first partner, not {hei_id}")
    if theirs is not None and theirs.other != hei_id:
        raise _refused("another-hei", f"the partner's copy has {theirs.other} as its second partner, not {hei_id}")
    if len(set(found)) > 1:
        one, other = (f"{pair.our_id} and {pair.their_id} of {pair.partner}" for pair in found)
        words = f"the two copies are not of one agreement: ours names {one}, the partner's {other}"
        raise _refused("copies-of-two-agreements", words)
    return Copies(found[0], ours, theirs, former.by)


async def prepared(records: Records, hei_id: str, copies: Copies, source: str) -> NewRecord | None:
    """The record to be made of our copy, checked like any other. Raises MoveRefused with its problems."""
    if copies.ours is None:
        return None
    document = copies.ours.record.to_json()
    document["in_effect"] = copies.theirs is not None or document["in_effect"]
    incoming = Incoming(copies.pair.our_id, document)
    (one,) = map(as_judged, await records.prepare(hei_id, ENTITY, [incoming], source=source))
    if one.new is None:
        raise MoveRefused(Refusal("record-refused", "our copy cannot be served in version 7"), one.problems)
    return one.new


async def _read(whose: str, given: ApprovedCopy | None, codes: Mapping[str, str]) -> _Copy | None:
    return await asyncio.to_thread(_examine, whose, given, codes) if given is not None else None


def _examine(whose: str, given: ApprovedCopy, codes: Mapping[str, str]) -> _Copy:
    """Make sure that a document is what was approved, and bring it to version 7."""
    try:
        root = parse(given.body, max_bytes=_LARGEST_DOCUMENT)
    except MalformedDocument as problem:
        raise _refused("malformed", f"{whose} is no XML that can be read: {problem}") from None
    found = list(iia_v6_hash.of_response(root)) if iia_v6_hash.is_former(root) else []
    if len(found) != 1:
        raise _refused("malformed", f"{whose} is not a get-response of version 6 of the IIAs API with one agreement")
    (former,) = found
    owner, other = (_partner(former, place) for place in (1, 2))
    if not owner[1] or not other[1]:
        words = f"{whose} does not name both iia-ids; with them its hash is another one, so it has to be approved anew"
        raise _refused("not-mapped", words)
    approved = _conditions_hash(whose, given.approval, owner[1])
    if approved != former.conditions_hash:
        words = (
            f"the approved conditions-hash is {approved}, but {whose} gives {former.conditions_hash}: it is not the "
            "version that was approved, or not byte by byte; find that version, or approve the agreement anew"
        )
        raise _refused("conditions-hash-differs", words)
    imported = iia_v6.bring_to_version_7(former, codes)
    if imported.record is None or imported.refused:
        refusals = tuple(problem for problem in imported.problems if problem.severity == "refusal")
        raise MoveRefused(Refusal("not-convertible", f"{whose} cannot be brought to version 7 as it is"), refusals)
    evidence = given.body if _HASH.fullmatch(_text(given.approval)) else given.approval
    return _Copy(
        owner[0],
        other[0],
        owner[1],
        other[1],
        former.iia_hash,
        imported.record,
        given.body,
        evidence,
        imported.problems,
    )


def _conditions_hash(whose: str, approval: bytes, iia_id: str) -> str:
    """The approved hash, which is given as such or in a response of the IIAs Approval API, version 1."""
    text = _text(approval)
    if _HASH.fullmatch(text):
        return text
    try:
        root = parse(approval, max_bytes=_LARGEST_DOCUMENT)
    except MalformedDocument:
        words = f"the approval of {whose} is neither a hash of 64 hexadecimal digits nor an iias-approval response"
        raise _refused("malformed", words) from None
    for each in root.iter("{*}approval"):
        if (each.findtext("{*}iia-id") or "") == iia_id:
            return (each.findtext("{*}conditions-hash") or "").strip()
    raise _refused("not-approved", f"the approval of {whose} says nothing of its iia-id {iia_id}")


def _partner(former: iia_v6_hash.HashedFormerIia, place: int) -> tuple[str, str]:
    """The institution and the identifier of the first or the second partner."""
    found = former.element.find(f"{{*}}partner[{place}]")
    if found is None:
        return "", ""
    return found.findtext("{*}hei-id") or "", found.findtext("{*}iia-id") or ""


async def keep(
    tx: AsyncConnection, hei_id: str, copies: Copies, new: NewRecord | None, settling: Settling, now: datetime
) -> TakenOver:
    """Keep the approvals, the version that both approved, and our record where there is none (``new``).

    The last step of taking over; the transaction holds the agreements of the HEI. Raises MoveRefused.
    """
    pair = copies.pair
    known = (await load(tx, hei_id, [pair.our_id])).get(pair.our_id)
    created = known is None or known.ours is None
    if created:
        await _create(tx, new, pair, now)
    standing = await _mapped(tx, hei_id, known, pair, now)
    await _keep_approvals(tx, hei_id, copies, now)
    if copies.ours is not None and copies.theirs is not None:
        await _keep_agreed(tx, hei_id, copies, copies.ours, copies.theirs, now)
    await agreements.put(tx, hei_id, standing)
    effects = Effects()
    settled = await settling.settle(tx, hei_id, pair.our_id, now, effects)
    await effects.tell(tx, hei_id, now)
    if settled is None:
        raise UnknownAgreement(pair.our_id)
    return TakenOver(settled, created, copies.ours.problems if created and copies.ours is not None else ())


async def _create(tx: AsyncConnection, new: NewRecord | None, pair: Pair, now: datetime) -> None:
    """Make our record of the agreement, as it was approved."""
    if new is None:
        words = f"there is no agreement {pair.our_id} of ours; give our approved copy too, or hand its record in first"
        raise _refused("no-record", words)
    try:
        await record_writes.put_many(tx, [new], now)
    except IdentifierRetired:
        raise _refused("state-deleted", f"{pair.our_id} was deleted, and identifiers are never used again") from None


async def _mapped(tx: AsyncConnection, hei_id: str, known: Known | None, pair: Pair, now: datetime) -> Standing:
    """Where the agreement stands, mapped to the copy that both documents name."""
    if known is not None and known.facts.deleted:
        raise _refused("state-deleted", f"{pair.our_id} was deleted, and identifiers are never used again")
    if known is not None and known.facts.ours is not None and known.facts.partner != pair.partner:
        raise _refused(
            "another-partner", f"our agreement {pair.our_id} is with {known.facts.partner}, not {pair.partner}"
        )
    standing = known.standing if known is not None else None
    standing = standing or agreements.fresh(pair.our_id, pair.partner, now)
    if standing.mapping is not MappingState.OPEN:
        if standing.mapping is not MappingState.MAPPED or standing.their_id != pair.their_id:
            words = f"our agreement {pair.our_id} is {standing.mapping}, as to the partner's copy {standing.their_id}"
            raise _refused("mapped-otherwise", f"{words}; it was approved with {pair.their_id}")
        return standing
    other = await agreements.mapped_to(tx, hei_id, pair.partner, pair.their_id)
    if other is not None:
        words = f"the partner's copy {pair.their_id} is mapped to our agreement {other.our_id}; cut that mapping first"
        raise _refused("mapped-to-another", words)
    return replace(
        standing, mapping=MappingState.MAPPED, their_id=pair.their_id, how="our record", mapped_at=now, changed_at=now
    )


async def _keep_approvals(tx: AsyncConnection, hei_id: str, copies: Copies, now: datetime) -> None:
    """Keep what the approvals are worth now, unless something else was approved since."""
    pair, ours, theirs = copies.pair, copies.ours, copies.theirs
    wanted: list[Approval] = []
    if theirs is not None:
        key = ApprovalKey(hei_id, True, pair.partner, pair.their_id)
        wanted.append(Approval(key, theirs.iia_hash, now, theirs.body, by=copies.by))
    if ours is not None:
        key = ApprovalKey(hei_id, False, pair.partner, pair.our_id)
        wanted.append(Approval(key, ours.iia_hash, now, ours.evidence))
    for approval in wanted:
        stored = await approvals.get(tx, approval.key)
        if stored is None:
            await approvals.put(tx, approval)
        elif stored.iia_hash != approval.iia_hash:
            whose = "we have" if approval.key.given else "the partner has"
            raise _refused("approved-since", f"{whose} approved another version in version 7 of the API since")


async def _keep_agreed(
    tx: AsyncConnection, hei_id: str, copies: Copies, ours: _Copy, theirs: _Copy, now: datetime
) -> None:
    """Keep what both approved as a snapshot, to be gone back to, unless it is there."""
    pair = copies.pair
    last = (await snapshots.last_hashes(tx, hei_id, [pair.our_id])).get(pair.our_id)
    if last is not None:
        if last != (ours.iia_hash, theirs.iia_hash):
            raise _refused("approved-since", "both sides have approved another version in version 7 of the API since")
        return
    document = ours.record.completed()
    await snapshots.add(
        tx,
        snapshots.Snapshot(
            hei_id=hei_id,
            our_id=pair.our_id,
            number=1,
            at=now,
            partner=pair.partner,
            their_id=pair.their_id,
            our_hash=ours.iia_hash,
            their_hash=theirs.iia_hash,
            terminated=False,
            given_at=now,
            given_by=copies.by,
            given_exchange_id=None,
            published_exchange_id=None,
            received_at=now,
            received_exchange_id=None,
            our_body=SHAPE.encode(document).fragment,
            their_body=theirs.body,
            our_document=document.json_text(),
            their_document=theirs.record.completed().json_text(),
            received_body=ours.evidence,
        ),
    )


def _text(approval: bytes) -> str:
    return approval.decode("ascii", "replace").strip()


def _refused(code: str, words: str) -> MoveRefused:
    return MoveRefused(Refusal(code, words))
