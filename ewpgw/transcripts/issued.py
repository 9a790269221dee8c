"""Transcripts of ours: their versions, whether partners see them, and when partners learnt of them.

These are functions, since what partners call holds no service.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from ewpgw.model.entities import ENTITIES
from ewpgw.model.new_record import NewRecord
from ewpgw.model.transcript import Transcript
from ewpgw.store import record_writes, records, transcripts, work
from ewpgw.store.dialects import serialise
from ewpgw.store.effects import Effects, News
from ewpgw.store.feed import FeedKind
from ewpgw.store.records import RecordKey
from ewpgw.store.transcripts import ENTITY, Ended, IssuedTranscript, VersionKey, VersionSummary
from ewpgw.store.work import WorkKey, WorkKind, WorkState
from ewpgw.transcripts.refusing import UnknownTranscript

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.store.engine import Readable

CNR = "imobility-tor-cnr"
_ENTITY = ENTITIES[ENTITY]

Note: TypeAlias = Callable[["AsyncConnection", str], Awaitable[None]]
"""As in ``ewpgw.evidence``: called with an exchange's id, in the transaction in which that is written."""


async def enter(tx: AsyncConnection, hei_id: str) -> None:
    """One transaction at a time changes where the transcripts of a HEI stand."""
    await serialise(tx, f"transcripts of {hei_id}")


def versions_of(hei_id: str, issued: IssuedTranscript) -> VersionKey:
    """What names the versions of a transcript of ours."""
    return VersionKey(hei_id, True, issued.partner, issued.omobility_id)


def shown(new: NewRecord, record: Transcript, *, ready: bool) -> NewRecord:
    """A record on its way into the store, shown to the partner or to nobody; what is served of it stays the same."""
    record = record.model_copy(update={"ready_for_recognition": ready})
    return replace(new, document=record.json_text(), partners=record.partners(new.hei_id))


async def stored(source: Readable, hei_id: str, record_id: str) -> NewRecord | None:
    """A record of ours with all that is served of it, as it was put last; None where there is none."""
    found = await records.get(source, RecordKey(hei_id, ENTITY, record_id))
    if found is None or found.document is None:
        return None
    encodings = {}
    for shape in _ENTITY.shapes:
        fragment = await records.fragment(source, found.key, shape.version)
        if fragment is not None:
            encodings[shape.version] = bytes(fragment)
    record = Transcript.model_validate_json(found.document)
    return NewRecord(
        hei_id=hei_id,
        entity=ENTITY,
        id=record_id,
        document=found.document,
        encodings=encodings,
        partners=found.partners,
        source=found.source,
        academic_years=found.academic_years,
        files=record.files(),
    )


async def told(source: Readable, hei_id: str, record_id: str) -> bytes | None:
    """What partners are told of a transcript of ours, or would be once it is ready, in the newest version.

    None where there is none.
    """
    newest = _ENTITY.newest
    found = await records.get(source, RecordKey(hei_id, ENTITY, record_id))
    if found is None or found.document is None:
        return None
    fragment = await records.fragment(source, found.key, newest.version)
    return newest.wrap([bytes(fragment)]) if fragment is not None else None


async def settle(
    tx: AsyncConnection, hei_id: str, issued: IssuedTranscript, new: NewRecord, now: datetime
) -> IssuedTranscript:
    """Keep the version that partners see from now on, and that the former one has ended; where the transcript stands.

    Nothing is kept where they see what they saw before.
    """
    key = versions_of(hei_id, issued)
    if not issued.ready:
        await transcripts.end_version(tx, key, issued.number, Ended.WITHDRAWN, now)
        return issued
    fragment = new.encodings[_ENTITY.newest.version]
    digest = sha256(fragment).hexdigest()
    last = next(iter(await transcripts.versions(tx, key)), None)
    if last is not None and last.ended is None:
        if last.content_hash == digest:
            return issued
        await transcripts.end_version(tx, key, last.number, Ended.REPLACED, now)
    number = 1 if last is None else last.number + 1
    await transcripts.add_version(tx, VersionSummary(key, number, now, digest), _ENTITY.newest.wrap([fragment]))
    return replace(issued, number=number)


async def move(tx: AsyncConnection, hei_id: str, record_id: str, now: datetime, *, ready: bool) -> bool:
    """Let the partner see a transcript, or take it back; the partner is told. False where that was so before.

    Raises UnknownTranscript.
    """
    await enter(tx, hei_id)
    issued = await transcripts.get(tx, hei_id, record_id)
    new = await stored(tx, hei_id, record_id)
    if issued is None or issued.deleted or new is None:
        raise UnknownTranscript(record_id)
    if issued.ready == ready:
        return False
    changed = shown(new, Transcript.model_validate_json(new.document), ready=ready)
    await record_writes.put_many(tx, [changed], now, keep_refusals=True)
    moved = await settle(tx, hei_id, replace(issued, ready=ready, changed_at=now), changed, now)
    await transcripts.put_many(tx, hei_id, [moved])
    await work.want_many(tx, [WorkKey(WorkKind.DELIVERY, hei_id, issued.partner, CNR, record_id)], now)
    return True


async def notified(tx: AsyncConnection, key: WorkKey, exchange_id: str, now: datetime) -> Effects:
    """The partner took the notification of a transcript, which is delivered by that; what that calls for."""
    effects = Effects()
    issued = await transcripts.get(tx, key.hei_id, key.item)
    row = await work.get(tx, key)
    if issued is None or not issued.ready or issued.deleted or issued.partner != key.partner:
        return effects
    if row is not None and row.state is WorkState.DUE:
        return effects  # it has changed since, and is told again
    versions = versions_of(key.hei_id, issued)
    if await transcripts.note_notified(tx, versions, issued.number, now, exchange_id):
        effects.news.append(News(FeedKind.TRANSCRIPT_DELIVERED, ENTITY, key.partner, issued.omobility_id))
    return effects


def fetched_by(hei_id: str, numbers: Mapping[str, int], at: datetime) -> Note:
    """Remembers that partners have fetched transcripts of ours, which are delivered by that.

    ``numbers`` are the versions before they were read, by the ids of the records: there may be another by now. For the
    exchange log's writer, off the request's path: nothing of it slows the answer.
    """

    async def note(tx: AsyncConnection, exchange_id: str) -> None:
        for record_id, number in sorted(numbers.items()):
            partner, _, omobility_id = record_id.partition(":")
            key = VersionKey(hei_id, True, partner, omobility_id)
            await transcripts.note_fetched(tx, key, number, at, exchange_id)

    return note
