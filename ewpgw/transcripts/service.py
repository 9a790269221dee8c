"""The moves of our side with transcripts, and what is heard of them. No HTTP here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import structlog

from ewpgw.records import RevisionConflict
from ewpgw.store import record_writes
from ewpgw.store.effects import Effects
from ewpgw.store.records import RecordKey
from ewpgw.store.transcripts import ENTITY
from ewpgw.transcripts import issued, received
from ewpgw.transcripts.configured import Configuration

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.records import Condition
    from ewpgw.store.copies import CopyKey
    from ewpgw.store.engine import Store
    from ewpgw.store.work import WorkKey

_log = structlog.get_logger(__name__)

Within: TypeAlias = Callable[["AsyncConnection", bool], Awaitable[None]]
"""Something more to do in the transaction of a move; it is given whether the move changed anything."""

Speaks: TypeAlias = Callable[[str, str], int | None]
"""The newest version of an API that a partner and this gateway have in common; None where they have none."""


class Transcripts:
    """Transcripts of the covered HEIs: what comes from partners, and the moves of our side.

    - ``speaks``: which version of an API to use with a partner
    - ``configuration``: what institutions have configured for transcripts
    - ``on_work``: called after work was wanted, so that it begins at once
    """

    def __init__(
        self,
        store: Store,
        now: Callable[[], datetime],
        speaks: Speaks,
        configuration: Configuration | None = None,
        on_work: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._now = now
        self._on_work = on_work
        self.speaks = speaks
        self.configuration = configuration or Configuration()

    async def move(
        self,
        hei_id: str,
        partner: str,
        omobility_id: str,
        *,
        ready: bool,
        only_if: Condition | None = None,
        within: Within | None = None,
    ) -> bool:
        """Let the partner see a transcript of ours, or take it back; the partner is told. False where that was so.

        Raises UnknownTranscript, and RevisionConflict where the record does not fulfil ``only_if``.
        """
        now, record_id = self._now(), f"{partner}:{omobility_id}"
        async with self._store.transaction() as tx:
            await issued.enter(tx, hei_id)
            if only_if is not None:
                current = await record_writes.locked_revision(tx, RecordKey(hei_id, ENTITY, record_id))
                if not only_if(current):
                    raise RevisionConflict(current)
            changed = await issued.move(tx, hei_id, record_id, now, ready=ready)
            if within is not None:
                await within(tx, changed)
        if changed:
            _log.info("transcript.moved", hei_id=hei_id, partner=partner, id=omobility_id, ready=ready)
            self._on_work()
        return changed

    async def copy_changed(self, tx: AsyncConnection, key: CopyKey, now: datetime) -> Effects:
        """A partner's transcript was fetched, or is gone; what that calls for."""
        return await received.transcript_changed(tx, key, now) if key.entity == ENTITY else Effects()

    async def delivered(self, tx: AsyncConnection, key: WorkKey, exchange_id: str, now: datetime) -> Effects:
        """A partner took a notification, in the exchange given; what that calls for."""
        return await issued.notified(tx, key, exchange_id, now) if key.api == issued.CNR else Effects()
