"""Approvals of agreements: the last one that either side gave for the other's copy.

An approval is of one hash. It *counts* while the approved copy still has that hash; when the copy changes it lapses,
but stands: the approver goes on publishing it until it approves another version or the copy is gone, so that the
agreement is approved again where the owner goes back to the approved version (ewp-specs-api-iias 7,
scenarios-v6-v7/2024-03-01-DeleteModifyScenarios, scenarios 10, 15 and 18).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select, update

from ewpgw.store import files
from ewpgw.store.dialects import insert
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import iia_approval

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, order=True)
class ApprovalKey:
    """What names an approval. ``given``: we approved the partner's copy ``iia_id`` (the partner's numbering);
    otherwise the partner approved our copy ``iia_id`` (our numbering)."""

    hei_id: str
    given: bool
    partner: str
    iia_id: str


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval that stands.

    ``body`` is what was approved (given: the partner's copy as received) or what says so (received: the partner's
    iias-approval response as received); ``exchange_id`` the exchange in which that came; ``by`` who approved (given);
    ``published_exchange_id`` the first exchange in which the partner fetched the approval (given), None until it has.
    """

    key: ApprovalKey
    iia_hash: str
    at: datetime
    body: bytes
    pdf_file: str | None = None
    exchange_id: str | None = None
    by: str | None = None
    published_exchange_id: str | None = None


@dataclass(frozen=True, slots=True)
class GivenApproval:
    """What partners hear of an approval of ours: their copy ``iia_id`` is approved in the version ``iia_hash``.

    ``heard``: the partner has fetched it before, and the exchange is known.
    """

    partner: str
    iia_id: str
    iia_hash: str
    pdf_file: str | None
    heard: bool


async def given_for(
    source: Readable, hei_id: str, callers: Collection[str], iia_ids: Sequence[str]
) -> Sequence[GivenApproval]:
    """The approvals to publish to a caller that asks for these copies of its own, in the order of ``iia_ids``.

    Exactly these are served: of each copy the last approval, also where the copy has changed since. The hash says
    which version is meant; comparing it with the copy's own is the caller's part.
    """
    if not iia_ids or not callers:
        return []
    values = {"hei": hei_id, "callers": list(callers), "ids": list(dict.fromkeys(iia_ids))}
    found: dict[str, list[GivenApproval]] = {}
    for row in await fetch(source, _GIVEN, values):
        heard = row.published_exchange_id is not None
        given = GivenApproval(row.partner, row.iia_id, row.iia_hash, row.pdf_file, heard)
        found.setdefault(given.iia_id, []).append(given)
    return [given for iia_id in dict.fromkeys(iia_ids) for given in found.get(iia_id, ())]


async def get(source: Readable, key: ApprovalKey) -> Approval | None:
    """The approval that stands, or None."""
    rows = await fetch(source, _GET, _located(key))
    if not rows:
        return None
    row = rows[0]
    return Approval(
        key, row.iia_hash, row.at, row.body, row.pdf_file, row.exchange_id, row.by, row.published_exchange_id
    )


async def hashes(
    source: Readable, hei_id: str, *, given: bool, iia_ids: Collection[str]
) -> Mapping[tuple[str, str], str]:
    """The approved hashes of these copies, by partner and identifier."""
    values = {"hei": hei_id, "given": given, "ids": list(iia_ids)}
    rows = await fetch(source, _HASHES, values) if iia_ids else []
    return {(row.partner, row.iia_id): row.iia_hash for row in rows}


async def put(tx: AsyncConnection, approval: Approval) -> None:
    """Keep an approval, in place of the former one of the same copy.

    One that we give lets the partner fetch the PDF that it names, a file of ours.
    """
    key = approval.key
    content = {
        "iia_hash": approval.iia_hash,
        "at": approval.at,
        "body": approval.body,
        "pdf_file": approval.pdf_file,
        "exchange_id": approval.exchange_id,
        "by": approval.by,
        "published_exchange_id": approval.published_exchange_id,
    }
    names = {"hei_id": key.hei_id, "given": key.given, "partner": key.partner, "iia_id": key.iia_id}
    statement = insert(tx, iia_approval).values(**names, **content)
    await tx.execute(statement.on_conflict_do_update(index_elements=list(names), set_=content))
    if key.given and approval.pdf_file is not None:
        await files.give(tx, key.hei_id, approval.pdf_file, {key.partner})


async def note_published(tx: AsyncConnection, key: ApprovalKey, iia_hash: str, exchange_id: str) -> None:
    """Remember the exchange in which the partner fetched our approval of this version, where there is none yet."""
    await tx.execute(_NOTE_PUBLISHED, {**_located(key), "hash": iia_hash, "new": exchange_id})


async def remove(tx: AsyncConnection, key: ApprovalKey) -> bool:
    """Withdraw an approval; False where there is none."""
    return bool((await tx.execute(_REMOVE, _located(key))).rowcount)


def _located(key: ApprovalKey) -> dict[str, object]:
    return {"at_hei": key.hei_id, "at_given": key.given, "at_partner": key.partner, "at_id": key.iia_id}


_columns = iia_approval.c
_AT = (
    (_columns.hei_id == bindparam("at_hei"))
    & (_columns.given == bindparam("at_given"))
    & (_columns.partner == bindparam("at_partner"))
    & (_columns.iia_id == bindparam("at_id"))
)
_GET = select(iia_approval).where(_AT)
_REMOVE = delete(iia_approval).where(_AT)
_NOTE_PUBLISHED = (
    update(iia_approval)
    .where(_AT, _columns.iia_hash == bindparam("hash"), _columns.published_exchange_id.is_(None))
    .values(published_exchange_id=bindparam("new"))
)
_GIVEN = select(
    _columns.partner, _columns.iia_id, _columns.iia_hash, _columns.pdf_file, _columns.published_exchange_id
).where(
    _columns.hei_id == bindparam("hei"),
    _columns.given.is_(True),
    _columns.partner.in_(bindparam("callers", expanding=True)),
    _columns.iia_id.in_(bindparam("ids", expanding=True)),
)
_HASHES = select(_columns.partner, _columns.iia_id, _columns.iia_hash).where(
    _columns.hei_id == bindparam("hei"),
    _columns.given == bindparam("given"),
    _columns.iia_id.in_(bindparam("ids", expanding=True)),
)
