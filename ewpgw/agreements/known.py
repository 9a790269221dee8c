"""What the store knows of agreements, put together for the rules: the facts of each, and the documents behind them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ewpgw.agreements.completing import has_former_values
from ewpgw.documents.parsing import parse
from ewpgw.model import iia_hash
from ewpgw.model.iia import Iia
from ewpgw.model.iia_compare import same_content
from ewpgw.model.iia_diff import differences
from ewpgw.model.iia_states import Agreed, Facts, MappingState, OurCopy, TheirCopy
from ewpgw.store import agreements, approvals, snapshots

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ewpgw.store.agreements import OurRecord, Standing, TheirRecord
    from ewpgw.store.engine import Readable

_LARGEST_COPY = 20 * 2**20


@dataclass(frozen=True, slots=True)
class Known:
    """One agreement: its facts, the stored standing (None where there is no row), and both copies as stored."""

    facts: Facts
    standing: Standing | None
    ours: OurRecord | None
    theirs: TheirRecord | None


async def load(source: Readable, hei_id: str, our_ids: Collection[str], *, compare: bool = False) -> dict[str, Known]:
    """The agreements of these identifiers of which there is, or was, anything; a few queries for all together.

    Whether the copies say the same, and whether the partner's can be approved, is taken from the standings, where every
    change of a copy leaves it; with ``compare`` it is found out anew.
    """
    ours = await agreements.our_records(source, hei_id, our_ids)
    standings = await agreements.get_many(source, hei_id, our_ids)
    drafts = await snapshots.drafted(source, hei_id, our_ids)
    mapped = {
        each.their_id
        for each in standings.values()
        if each.mapping is MappingState.MAPPED and each.their_id is not None
    }
    theirs = await agreements.their_records(source, hei_id, mapped)
    given = await approvals.hashes(source, hei_id, given=True, iia_ids=mapped)
    received = await approvals.hashes(source, hei_id, given=False, iia_ids=our_ids)
    agreed = await snapshots.last_hashes(source, hei_id, list(standings))
    found: dict[str, Known] = {}
    for our_id in our_ids:
        if our_id in ours or our_id in drafts:
            standing = standings.get(our_id)
            pair = _pair(standing)
            facts = _facts(
                our_id,
                ours.get(our_id),
                standing,
                theirs.get(pair) if pair else None,
                draft=our_id in drafts,
                given=given.get(pair) if pair else None,
                received=received,
                agreed=agreed.get(our_id),
                compare=compare,
            )
            found[our_id] = Known(facts, standing, ours.get(our_id), theirs.get(pair) if pair else None)
    return found


def version(known: Known, draft: str | None) -> int:
    """A number that is another whenever anything about an agreement is; ``draft``: the draft's JSON text, if any."""
    revision = known.ours.revision if known.ours is not None else None
    text = repr((known.facts, revision, draft)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest())


async def version_of(source: Readable, hei_id: str, known: Known | None) -> int | None:
    """The version of an agreement as the store has it; None where there is no agreement."""
    if known is None:
        return None
    draft = await snapshots.draft(source, hei_id, known.facts.iia_id)
    return version(known, draft.document if draft is not None else None)


def partner_of(document: Mapping[str, Any]) -> str:
    """The other institution of an agreement of ours, from its JSON."""
    return str(document["partner"][1]["hei_id"])


def decoded(document: str) -> Iia:
    """An agreement from its stored JSON text."""
    return Iia.model_validate_json(document)


def says_the_same(ours: str, theirs: str) -> bool:
    """Whether two copies, as stored JSON, agree on all that the partners have to agree on.

    Which identifiers they name is another question, which the mapping answers.
    """
    a, b = decoded(ours), decoded(theirs)
    if same_content(a, b):
        return True
    return not any(each.prevents_approval and each.field != "iia_id" for each in differences(a, b).differences)


def approvable(body: bytes) -> bool:
    """Whether a copy as received holds no value that is not yet defined, or of version 6."""
    return iia_hash.valid_for_approval(parse(body, max_bytes=_LARGEST_COPY))


def _pair(standing: Standing | None) -> tuple[str, str] | None:
    if standing is None or standing.mapping is not MappingState.MAPPED or standing.their_id is None:
        return None
    return standing.partner, standing.their_id


def _facts(
    our_id: str,
    ours: OurRecord | None,
    standing: Standing | None,
    theirs: TheirRecord | None,
    *,
    draft: bool,
    given: str | None,
    received: Mapping[tuple[str, str], str],
    agreed: tuple[str, str] | None,
    compare: bool,
) -> Facts:
    our_document = ours.document if ours is not None else None
    our_copy, their_copy, partner = None, None, standing.partner if standing is not None else ""
    if our_document is not None:
        read = json.loads(our_document)
        our_copy = OurCopy(
            read["iia_hash"],
            terminated=is_terminated(read),
            in_effect=read["in_effect"],
            approvable=not has_former_values(our_document),
        )
        partner = partner_of(read)
    same = None
    if theirs is not None:
        fresh, read = compare or standing is None, json.loads(theirs.document)
        can_approve = approvable(theirs.body) if fresh or standing is None else standing.approvable
        their_copy = TheirCopy(
            iia_id=theirs.id,
            iia_hash=theirs.iia_hash,
            valid=theirs.state == "current",
            our_id=theirs.our_id,
            approvable=can_approve,
            terminated=is_terminated(read),
            in_effect=read["in_effect"],
        )
        if our_document is not None:
            same = says_the_same(our_document, theirs.document) if fresh or standing is None else standing.same
    return Facts(
        iia_id=our_id,
        partner=partner,
        ours=our_copy,
        deleted=ours is not None and our_document is None,
        draft=draft,
        mapping=standing.mapping if standing is not None else MappingState.OPEN,
        their_id=standing.their_id if standing is not None else None,
        theirs=their_copy,
        given=given,
        received=received.get((partner, our_id)),
        agreed=Agreed(*agreed) if agreed is not None else None,
        same=same,
    )


def is_terminated(document: Mapping[str, Any]) -> bool:
    """Whether a copy, as its JSON, is of the end of the agreement as a whole."""
    return document["cooperation_conditions"].get("terminated_as_a_whole") is True
