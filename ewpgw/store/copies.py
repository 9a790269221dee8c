"""Partner copies: what a partner last served us, as received and decoded.

Each function that changes what the SIS may know of a copy appends to the feed. Put one copy in a transaction: the
feed's counter is then the last lock taken, and replicas cannot deadlock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import RowMapping, and_, bindparam, func, null, select, tuple_, update

from ewpgw.store import feed
from ewpgw.store.dialects import insert
from ewpgw.store.effects import News
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.feed import FeedKind
from ewpgw.store.tables import partner_copy

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.store.effects import Effects


class CopyState(StrEnum):
    """CURRENT: the newest received is good. INVALID: it was not, the last good one stays. GONE: no longer served."""

    CURRENT = "current"
    INVALID = "invalid"
    GONE = "gone"


@dataclass(frozen=True, slots=True, order=True)
class CopyKey:
    """What names a copy: the covered HEI that fetched it, the entity, the partner, and the partner's identifier."""

    hei_id: str
    entity: str
    partner: str
    id: str


@dataclass(frozen=True, slots=True)
class Received:
    """A valid document received from a partner.

    ``body`` is the bytes as received, ``document`` the decoded element as JSON text, ``content_hash`` what the protocol
    or we compare it by (for agreements the iia-hash), ``our_id`` our record that the copy names, where it names one,
    ``exchange_id`` the exchange in which it came, ``findings`` what else was found out about it, as JSON text, where
    its entity has such.
    """

    body: bytes
    document: str
    content_hash: str
    our_id: str | None = None
    exchange_id: str | None = None
    findings: str | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy as stored. ``body``, ``document`` and ``content_hash`` are None until something valid was received."""

    key: CopyKey
    state: CopyState
    revision: int
    fetched_at: datetime
    changed_at: datetime
    body: bytes | None
    document: str | None
    content_hash: str | None
    our_id: str | None
    invalid_body: bytes | None
    invalid_problems: str | None
    invalid_at: datetime | None
    exchange_id: str | None = None
    findings: str | None = None


@dataclass(frozen=True, slots=True)
class CopyChange:
    """What storing did. ``seq`` is the feed position, None where nothing changed, or is told later."""

    changed: bool
    created: bool
    revision: int
    seq: int | None


async def put_received(
    tx: AsyncConnection, key: CopyKey, received: Received, now: datetime, *, effects: Effects | None = None
) -> CopyChange:
    """Store a valid document. The same content as before changes nothing but the bytes and the time of fetching.

    What is to be told goes to ``effects``, where they are given, for the end of the transaction.
    """
    old = await _lock(tx, key, now)
    same = (old.document, old.content_hash, old.our_id) == (received.document, received.content_hash, received.our_id)
    content: dict[str, object] = {
        "state": CopyState.CURRENT.value,
        "body": received.body,
        "document": received.document,
        "content_hash": received.content_hash,
        "our_id": received.our_id,
        "exchange_id": received.exchange_id,
        "findings": received.findings,
        "invalid_body": None,
        "invalid_problems": None,
        "invalid_at": None,
    }
    changed = not same or old.state is not CopyState.CURRENT or old.revision == 0
    return await _store(tx, old, content, FeedKind.COPY_CHANGED if changed else None, now, effects)


async def put_invalid(
    tx: AsyncConnection, key: CopyKey, body: bytes, problems: str, now: datetime, *, effects: Effects | None = None
) -> CopyChange:
    """Store a document that is not valid, beside the last good one; ``problems`` is JSON text."""
    old = await _lock(tx, key, now)
    changed = old.state is not CopyState.INVALID or old.invalid_body != body or old.revision == 0
    content: dict[str, object] = {
        "state": CopyState.INVALID.value,
        "invalid_body": body,
        "invalid_problems": problems,
        "invalid_at": now if changed else old.invalid_at,
    }
    return await _store(tx, old, content, FeedKind.COPY_INVALID if changed else None, now, effects)


async def mark_gone(
    tx: AsyncConnection, key: CopyKey, now: datetime, *, effects: Effects | None = None
) -> CopyChange | None:
    """Note that the partner no longer serves a copy; its last good content stays. None where there is no such copy."""
    old = await get(tx, key, lock=True)
    if old is None:
        return None
    changed = old.state is not CopyState.GONE
    return await _store(tx, old, {"state": CopyState.GONE.value}, FeedKind.COPY_GONE if changed else None, now, effects)


async def get(source: Readable, key: CopyKey, *, lock: bool = False) -> Copy | None:
    """The copy, or None. ``lock`` keeps other transactions from changing it until this one ends."""
    rows = await fetch(source, _GET_LOCKED if lock else _GET, _located(key))
    return _copy(rows[0]._mapping) if rows else None


async def get_many(
    source: Readable, hei_id: str, entity: str, keys: Collection[tuple[str, str]], *, bodies: bool = True
) -> Sequence[Copy]:
    """The copies of these partners' things (partner, identifier), in that order; ``bodies``: with the bytes."""
    if not keys:
        return []
    columns = partner_copy.c
    chosen = select(partner_copy) if bodies else select(*_WITHOUT_BODIES)
    statement = chosen.where(columns.hei_id == hei_id, columns.entity == entity)
    statement = statement.where(tuple_(columns.partner, columns.id).in_(list(keys)))
    rows = await fetch(source, statement.order_by(columns.partner, columns.id))
    return [_copy(row._mapping) for row in rows]


async def ids_of_partner(source: Readable, hei_id: str, entity: str, partner: str) -> frozenset[str]:
    """The identifiers of a partner's copies that are not gone, to be compared with its index."""
    rows = await fetch(source, _IDS, {"at_hei": hei_id, "at_entity": entity, "at_partner": partner})
    return frozenset(row[0] for row in rows)


async def documents(
    source: Readable, hei_id: str, entity: str, partner: str, ids: Collection[str]
) -> Mapping[str, str]:
    """What a partner's copies say as JSON text, by identifier; only of those that the partner served last."""
    if not ids:
        return {}
    values = {"at_hei": hei_id, "at_entity": entity, "at_partner": partner, "ids": list(ids)}
    return {row[0]: row[1] for row in await fetch(source, _DOCUMENTS, values)}


async def partners(source: Readable, hei_id: str, entity: str) -> frozenset[str]:
    """The partners of whose things there are copies, gone ones too."""
    columns = partner_copy.c
    statement = select(columns.partner).where(columns.hei_id == hei_id, columns.entity == entity).distinct()
    return frozenset(row[0] for row in await fetch(source, statement))


async def list_page(
    source: Readable,
    hei_id: str,
    entity: str,
    *,
    partner: str | None = None,
    states: Collection[CopyState] | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 100,
    bodies: bool = True,
) -> Sequence[Copy]:
    """Up to ``limit`` copies by (partner, id), from the one behind ``after`` on; ``bodies``: with the bytes."""
    columns = partner_copy.c
    chosen = select(partner_copy) if bodies else select(*_WITHOUT_BODIES)
    statement = chosen.where(columns.hei_id == hei_id, columns.entity == entity)
    if partner is not None:
        statement = statement.where(columns.partner == partner)
    if states is not None:
        statement = statement.where(columns.state.in_(sorted(state.value for state in states)))
    if after is not None:
        statement = statement.where(tuple_(columns.partner, columns.id) > after)
    statement = statement.order_by(columns.partner, columns.id).limit(limit)
    return [_copy(row._mapping) for row in await fetch(source, statement)]


async def counts(source: Readable, hei_id: str) -> Mapping[tuple[str, CopyState], int]:
    """How many copies there are, by entity and state."""
    return {(row[0], CopyState(row[1])): row[2] for row in await fetch(source, _COUNTS, {"at_hei": hei_id})}


async def _lock(tx: AsyncConnection, key: CopyKey, now: datetime) -> Copy:
    """The copy, locked; made with revision 0 where there is none, so that two replicas cannot both make it."""
    if (old := await get(tx, key, lock=True)) is not None:
        return old
    new = {"state": CopyState.INVALID.value, "revision": 0, "fetched_at": now, "changed_at": now}
    await tx.execute(
        insert(tx, partner_copy).on_conflict_do_nothing(),
        {"hei_id": key.hei_id, "entity": key.entity, "partner": key.partner, "id": key.id, **new},
    )
    old = await get(tx, key, lock=True)
    if old is None:
        raise RuntimeError(f"the copy {key} vanished while it was locked")  # rows of this table are never deleted
    return old


async def _store(
    tx: AsyncConnection,
    old: Copy,
    content: dict[str, object],
    kind: FeedKind | None,
    now: datetime,
    effects: Effects | None,
) -> CopyChange:
    key, seq, revision = old.key, None, old.revision
    content["fetched_at"] = now
    if kind is not None:
        revision += 1
        content |= {"revision": revision, "changed_at": now}
    await tx.execute(update(partner_copy).where(_AT_KEY).values(content), _located(key))
    if kind is not None and effects is not None:
        effects.news.append(News(kind, key.entity, key.partner, key.id, revision))
    elif kind is not None:
        seq = await feed.append(
            tx, key.hei_id, kind, now, entity=key.entity, partner=key.partner, id=key.id, revision=revision
        )
    return CopyChange(changed=kind is not None, created=old.revision == 0, revision=revision, seq=seq)


def _located(key: CopyKey) -> dict[str, object]:
    return {"at_hei": key.hei_id, "at_entity": key.entity, "at_partner": key.partner, "at_id": key.id}


def _copy(row: RowMapping) -> Copy:
    fields = {name: row[name] for name in _PLAIN_FIELDS}
    return Copy(
        key=CopyKey(row["hei_id"], row["entity"], row["partner"], row["id"]), state=CopyState(row["state"]), **fields
    )


_PLAIN_FIELDS = (
    "revision",
    "fetched_at",
    "changed_at",
    "body",
    "document",
    "content_hash",
    "our_id",
    "invalid_body",
    "invalid_problems",
    "invalid_at",
    "exchange_id",
    "findings",
)
_BODIES = ("body", "invalid_body")
_WITHOUT_BODIES = [null().label(column.name) if column.name in _BODIES else column for column in partner_copy.columns]
_IN_ENTITY = and_(partner_copy.c.hei_id == bindparam("at_hei"), partner_copy.c.entity == bindparam("at_entity"))
_OF_PARTNER = and_(_IN_ENTITY, partner_copy.c.partner == bindparam("at_partner"))
_NOT_GONE = partner_copy.c.state != CopyState.GONE.value
_AT_KEY = and_(_OF_PARTNER, partner_copy.c.id == bindparam("at_id"))
_GET = select(partner_copy).where(_AT_KEY)
_GET_LOCKED = _GET.with_for_update()
_IDS = select(partner_copy.c.id).where(_OF_PARTNER, _NOT_GONE)
_DOCUMENTS = select(partner_copy.c.id, partner_copy.c.document).where(
    _OF_PARTNER,
    partner_copy.c.id.in_(bindparam("ids", expanding=True)),
    partner_copy.c.state == CopyState.CURRENT.value,
)
_COUNTS = (
    select(partner_copy.c.entity, partner_copy.c.state, func.count())
    .where(partner_copy.c.hei_id == bindparam("at_hei"))
    .group_by(partner_copy.c.entity, partner_copy.c.state)
)
