"""What the gateway itself adds to transcripts of ours, whoever gave them: whether partners see them, and versions.

What was issued stays as it was issued for as long as the institution's system says the same: another grade table in the
settings, a new certificate or a newer gateway makes no new version of it. And what a person took back here stays so
until the system says something else, or the person does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from ewpgw.model.problems import Problem
from ewpgw.model.transcript import Transcript
from ewpgw.store import transcripts
from ewpgw.store.effects import Effects
from ewpgw.store.transcripts import ENTITY, Ended, IssuedTranscript
from ewpgw.transcripts.issued import enter, settle, shown, stored, versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.model.new_record import NewRecord
    from ewpgw.preparing import Prepared
    from ewpgw.store.record_writes import PutResult

__all__ = ["ENTITY", "Derived", "Deriving"]

_READY = "ewp-specs-api-imobility-tors 2, README, Security and permissions"


@dataclass(slots=True)
class Derived:
    """A batch on its way into the store; ``issued`` are the transcripts as they stand once it is written."""

    batch: list[Prepared]
    issued: dict[str, tuple[IssuedTranscript, NewRecord]] = field(default_factory=dict)


class Deriving:
    """Completes records of transcripts on their way into the store; Records calls it for every source."""

    async def before(self, tx: AsyncConnection, hei_id: str, batch: Sequence[Prepared], now: datetime) -> Derived:
        """Say of the accepted records of a batch whether partners see them."""
        await enter(tx, hei_id)
        known = await transcripts.get_many(tx, hei_id, [one.new.id for one in batch if one.new is not None])
        done = Derived(list(batch))
        for place, one in enumerate(batch):
            if one.new is not None:
                whole, issued = await _complete(tx, one, one.new, known.get(one.new.id), now)
                done.batch[place] = whole
                if whole.new is not None:
                    done.issued[whole.new.id] = issued, whole.new
        return done

    async def after(
        self, tx: AsyncConnection, hei_id: str, done: Derived, results: Mapping[str, PutResult], now: datetime
    ) -> Effects:
        """Keep the versions that partners see now. ``results`` lacks the records whose identifiers were retired."""
        stand = []
        for record_id, (issued, new) in sorted(done.issued.items()):
            if record_id in results:
                changed = replace(issued, changed_at=now) if results[record_id].changed else issued
                stand.append(await settle(tx, hei_id, changed, new, now))
        await transcripts.put_many(tx, hei_id, stand)
        return Effects()

    async def kept(self, tx: AsyncConnection, hei_id: str, our_id: str) -> str | None:
        """A transcript can always be deleted."""
        await enter(tx, hei_id)
        return None

    async def deleted(self, tx: AsyncConnection, hei_id: str, our_id: str, now: datetime) -> Effects:
        """Keep that a transcript is no longer there; the partner is told by Records."""
        issued = await transcripts.get(tx, hei_id, our_id)
        if issued is not None:
            await transcripts.end_version(tx, versions_of(hei_id, issued), issued.number, Ended.DELETED, now)
            gone = replace(issued, ready=False, deleted=True, changed_at=now)
            await transcripts.put_many(tx, hei_id, [gone])
        return Effects()


async def _complete(
    tx: AsyncConnection, one: Prepared, new: NewRecord, before: IssuedTranscript | None, now: datetime
) -> tuple[Prepared, IssuedTranscript]:
    record = Transcript.model_validate_json(new.document)
    given, said = _given(one, new), record.ready_for_recognition
    same = before is not None and before.given == given
    problems: tuple[Problem, ...] = ()
    if before is None:
        ready = bool(said)
    elif same or said is None:
        ready = before.ready
    else:
        ready = bool(said)
    if same and said is not None and bool(said) != ready:
        words = "was made ready" if ready else "was withdrawn"
        message = f"is {str(bool(said)).lower()}, but the transcript {words} here; that holds until you send a change"
        problems = (Problem("ready_for_recognition", message, "warning", _READY),)
    if same and ready and (served := await stored(tx, new.hei_id, new.id)) is not None:
        new = replace(served, source=new.source)
    else:
        new = shown(new, record, ready=ready)
    issued = IssuedTranscript(
        id=new.id,
        partner=record.sending_hei_id or "",
        omobility_id=record.omobility_id,
        year=record.receiving_academic_year_id or "",
        ready=ready,
        deleted=False,
        number=before.number if before is not None else 0,
        given=given,
        changed_at=before.changed_at if before is not None else now,
    )
    return replace(one, new=new, problems=(*one.problems, *problems)), issued


def _given(one: Prepared, new: NewRecord) -> str:
    """A digest of what was handed in, and of which of the files that it names are there."""
    incoming = one.incoming
    given = incoming.xml or json.dumps(incoming.document, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    return sha256(given + b"\0" + ",".join(sorted(new.files.values())).encode()).hexdigest()
