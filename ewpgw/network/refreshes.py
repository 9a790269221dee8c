"""Refreshes: fetching a partner's copy of one thing, after its notification, a pull, or a person's request."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import structlog

from ewpgw.model import problems
from ewpgw.network.failures import UnusableAnswer
from ewpgw.network.fetching import Fetching
from ewpgw.network.received import Gone, GoodCopy, Invalid
from ewpgw.network.worker import LeaseLost
from ewpgw.store import copies, work
from ewpgw.store.effects import Effects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.apis.declaration import Api
    from ewpgw.documents.schemas import Schemas
    from ewpgw.network.client import PartnerClient
    from ewpgw.network.received import Reading
    from ewpgw.network.versions import Versions
    from ewpgw.store.copies import CopyKey
    from ewpgw.store.engine import Store
    from ewpgw.store.work import Claim

_log = structlog.get_logger(__name__)


class TakesCopies(Protocol):
    """Who works with partners' copies of one entity."""

    async def copy_changed(self, tx: AsyncConnection, key: CopyKey, now: datetime) -> Effects:
        """A copy was fetched and stored, in this transaction; what that calls for beside."""


class Refreshes:
    """Handles rows of kind ``refresh``: ``api`` is the API that serves the thing, ``item`` the partner's id of it.

    ``takers``: by entity, who works with the copies; ``readings``: how answers are read where that is not as usual.
    ``on_copy`` is called whenever something was stored, which may have called for news and for work.
    """

    def __init__(
        self,
        store: Store,
        client: PartnerClient,
        versions: Versions,
        *,
        schemas: Schemas,
        now: Callable[[], datetime],
        takers: Mapping[str, TakesCopies] = MappingProxyType({}),
        readings: Mapping[str, Reading] = MappingProxyType({}),
        on_copy: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._client = client
        self._fetching = Fetching(client, versions, schemas, readings)
        self._now = now
        self._takers = takers
        self._on_copy = on_copy

    async def __call__(self, claim: Claim) -> None:
        """Fetches and stores what came, in one transaction with the row's end. Raises CallFailed."""
        key = claim.key
        fetched = await self._fetching.fetch(key)
        answer, seen = fetched.answer, fetched.seen
        copy_key = copies.CopyKey(key.hei_id, key.api, key.partner, key.item)
        now, effects = self._now(), Effects()
        async with self._store.transaction() as tx:
            if not await work.finish(tx, claim, now, 200):
                raise LeaseLost
            if isinstance(seen, GoodCopy):
                received = copies.Received(
                    answer.body, seen.document, seen.content_hash, seen.our_id, answer.exchange_id, seen.findings
                )
                await copies.put_received(tx, copy_key, received, now, effects=effects)
            elif isinstance(seen, Gone):
                await copies.mark_gone(tx, copy_key, now, effects=effects)
            else:
                found = problems.as_json(seen.problems)
                await copies.put_invalid(tx, copy_key, answer.body, found, now, effects=effects)
            if (taker := self._takers.get(key.api)) is not None:
                effects.add(await taker.copy_changed(tx, copy_key, now))
            await effects.carry_out(tx, key.hei_id, now)
        self._on_copy()
        if isinstance(seen, Invalid):
            self._tell(claim, fetched.api, seen)

    def _tell(self, claim: Claim, api: Api, seen: Invalid) -> None:
        """An invalid document is reported like a failed call, by the place of its first fault.

        Reasons quote the document, which holds personal data; logs and public reports must not.
        """
        first = seen.problems[0]
        reason = (
            f"the answer is not valid at {first.path}" if first.path else "the answer is not the document asked for"
        )
        if len(seen.problems) > 1:
            reason += f" (and {len(seen.problems) - 1} more)"
        _log.warning(
            "copy.invalid", hei_id=claim.key.hei_id, partner=claim.key.partner, item=claim.key.item, why=reason
        )
        failure = UnusableAnswer(reason, status=200)
        self._client.report(claim.key.hei_id, claim.key.partner, api.name, api.getter, failure)
