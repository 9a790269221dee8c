"""Comparing agreements as the store has them: ours and theirs, now and as both approved; and finding likely pairs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.agreements.completing import ENTITY
from ewpgw.agreements.known import decoded, partner_of
from ewpgw.documents.parsing import parse
from ewpgw.model import iia_v6_hash
from ewpgw.model.iia_diff import HashParting, IiaDiff, differences, hash_texts_part
from ewpgw.model.iia_likeness import likeness, split_over
from ewpgw.store import agreements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml import etree

    from ewpgw.model.iia import Iia
    from ewpgw.store.agreements import TheirRecord
    from ewpgw.store.engine import Readable

_LARGEST_COPY = 20 * 2**20
_MOST_CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one side's copy: its JSON text, and the bytes it was, or is, served as."""

    document: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two versions say differently, and where their hash texts part; None where they do not."""

    diff: IiaDiff
    parting: HashParting | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A copy of the partner that may be of an agreement of ours. ``iia_code`` is the partner's number, for people."""

    iia_id: str
    iia_code: str | None
    iia_hash: str
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposals:
    """The likely copies, the likeliest first; ``split`` are those that together have exactly our conditions."""

    items: tuple[Proposal, ...]
    split: tuple[str, ...]


def compare(a: Version, b: Version, names: tuple[str, str] | None = None) -> Comparison:
    """Compare two versions, which ``names`` name. Takes milliseconds, some dozens for very large agreements."""
    parting = hash_texts_part(_element(a), _element(b))
    return Comparison(differences(decoded(a.document), decoded(b.document), names=names), parting)


async def candidates(source: Readable, hei_id: str, our_document: str) -> Sequence[TheirRecord]:
    """The copies of an agreement's partner that are mapped to nothing; at most 200."""
    partner = partner_of(json.loads(our_document))
    found = await agreements.unmapped_copies(source, hei_id, partner, _MOST_CANDIDATES)
    records = await agreements.their_records(source, hei_id, [iia_id for _, iia_id in found])
    return [records[pair] for pair in found if pair in records]


def proposals(our_id: str, our_document: str, copies: Sequence[TheirRecord]) -> Proposals:
    """How likely each of these copies is of an agreement of ours. For a thread: up to 200 are decoded.

    A copy that names another agreement of ours is none of them.
    """
    ours = decoded(our_document)
    pairs = [(copy, decoded(copy.document)) for copy in copies if copy.our_id in (None, our_id)]
    items = [_proposal(ours, copy, theirs) for copy, theirs in pairs]
    items.sort(key=lambda item: (-item.score, item.iia_id))
    split = split_over(ours, [theirs for _, theirs in pairs])
    return Proposals(tuple(item for item in items if item.score > 0), tuple(pairs[at][0].id for at in split))


def _proposal(ours: Iia, copy: TheirRecord, theirs: Iia) -> Proposal:
    found = likeness(ours, theirs)
    return Proposal(copy.id, theirs.partner[0].iia_code, copy.iia_hash, found.score, found.reasons)


def _element(version: Version) -> etree._Element:
    root = parse(version.body, max_bytes=_LARGEST_COPY)
    if iia_v6_hash.is_former(root):
        return decoded(version.document).to_tree()
    found = next(root.iter("{*}iia"), None)
    if found is None:
        raise ValueError(f"a stored version of {ENTITY} holds no agreement")
    return found
