"""What both sides approved: found from the last approval of either side, and kept with its evidence.

An approval stands when its copy changes, so the two sides have agreed on a version where their last approvals are of
copies that say the same, whichever of them has been changed since. A side that changes its copy before it hears of the
other's approval thus keeps the version that the other side, which heard of both, has kept already.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ewpgw.agreements.completing import ENTITY, SHAPE
from ewpgw.agreements.known import is_terminated, says_the_same
from ewpgw.documents.parsing import parse
from ewpgw.model import iia_v6_hash
from ewpgw.model.iia_states import Agreed, MappingState, conflict
from ewpgw.model.problems import DecodeProblem
from ewpgw.store import approvals, former_copies, records, snapshots
from ewpgw.store.approvals import ApprovalKey
from ewpgw.store.former_copies import FormerCopy
from ewpgw.store.records import RecordKey

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.agreements.known import Known
    from ewpgw.store.approvals import Approval

_LARGEST_COPY = 20 * 2**20


async def keep_replaced(
    tx: AsyncConnection, hei_id: str, our_id: str, document: str, new_document: str, now: datetime
) -> None:
    """Keep a version of our copy that is replaced now, where the partner could approve it before it hears of that.

    Comes before the new version is written. Copies that do not name the partner's are not approved
    (ewp-specs-api-iias-approval 2, README, Summary).
    """
    if document == new_document:
        return
    former, new = json.loads(document), json.loads(new_document)
    if former["iia_hash"] == new["iia_hash"] or not former["partner"][1].get("iia_id"):
        return
    body = await records.fragment(tx, RecordKey(hei_id, ENTITY, our_id), SHAPE.version)
    if body is not None:
        await former_copies.keep(tx, hei_id, FormerCopy(our_id, former["iia_hash"], now, body, document))


async def keep_agreed(tx: AsyncConnection, hei_id: str, found: Known, now: datetime) -> Agreed | None:
    """Keep the version that both sides have approved; its hashes. None where there is none but the one kept last."""
    facts = found.facts
    if facts.given is None or facts.received is None or facts.their_id is None:
        return None
    pair = Agreed(facts.received, facts.given)
    if pair == facts.agreed or facts.mapping is not MappingState.MAPPED or conflict(facts) is not None:
        return None
    given = await approvals.get(tx, ApprovalKey(hei_id, True, facts.partner, facts.their_id))
    received = await approvals.get(tx, ApprovalKey(hei_id, False, facts.partner, facts.iia_id))
    ours = await _ours(tx, hei_id, found, now)
    if given is None or received is None or ours is None:
        return None
    theirs = _theirs(found, given)
    both_current = facts.given_counts and facts.received_counts
    if theirs is None or not (facts.same if both_current else says_the_same(ours.document, theirs)):
        return None
    await snapshots.add(
        tx,
        snapshots.Snapshot(
            hei_id=hei_id,
            our_id=facts.iia_id,
            number=await snapshots.next_number(tx, hei_id, facts.iia_id),
            at=now,
            partner=facts.partner,
            their_id=facts.their_id,
            our_hash=pair.our_hash,
            their_hash=pair.their_hash,
            terminated=_is_end(found, ours),
            given_at=given.at,
            given_by=given.by,
            given_exchange_id=given.exchange_id,
            published_exchange_id=given.published_exchange_id,
            received_at=received.at,
            received_exchange_id=received.exchange_id,
            our_body=ours.body,
            their_body=given.body,
            our_document=ours.document,
            their_document=theirs,
            received_body=received.body,
        ),
    )
    return pair


async def _ours(tx: AsyncConnection, hei_id: str, found: Known, now: datetime) -> FormerCopy | None:
    """Our copy in the version that the partner approved last."""
    facts, ours = found.facts, found.ours
    if facts.received is None or ours is None or ours.document is None:
        return None
    if not facts.received_counts:
        return await former_copies.get(tx, hei_id, facts.iia_id, facts.received)
    body = await records.fragment(tx, RecordKey(hei_id, ENTITY, ours.our_id), SHAPE.version)
    return FormerCopy(ours.our_id, facts.received, now, body, ours.document) if body is not None else None


def _is_end(found: Known, approved: FormerCopy) -> bool:
    """Whether the version of our copy that the partner approved is of the end of the agreement."""
    facts = found.facts
    if facts.ours is not None and facts.received_counts:
        return facts.ours.terminated
    return is_terminated(json.loads(approved.document))


def _theirs(found: Known, given: Approval) -> str | None:
    """The partner's copy in the version that we approved last, as JSON text; None for one of API version 6."""
    if found.theirs is not None and found.theirs.iia_hash == given.iia_hash:
        return found.theirs.document
    root = parse(given.body, max_bytes=_LARGEST_COPY)
    element = next(root.iter("{*}iia"), None)
    if element is None or iia_v6_hash.is_former(root):
        return None
    try:
        return json.dumps(SHAPE.decode(element).to_json())
    except DecodeProblem:
        return None
