"""Refreshes: fetching a partner's copy of one thing, after its notification, a pull, or a person's request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from ewpgw.model import problems
from ewpgw.model.entities import ENTITIES
from ewpgw.network.failures import UnusableAnswer
from ewpgw.network.received import Gone, GoodCopy, Invalid, examine
from ewpgw.network.worker import LeaseLost
from ewpgw.store import copies, work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ewpgw.apis.declaration import Api
    from ewpgw.documents.schemas import Schemas
    from ewpgw.network.client import PartnerClient
    from ewpgw.store.engine import Store
    from ewpgw.store.work import Claim

_log = structlog.get_logger(__name__)
_LARGEST_DOCUMENT = 20 * 2**20


class Refreshes:
    """Handles rows of kind ``refresh``: ``api`` is the API that serves the thing, ``item`` the partner's id of it.

    One id is asked for at a time: the hash of an agreement depends on the whole response it came in.
    """

    def __init__(
        self,
        store: Store,
        client: PartnerClient,
        apis: Mapping[str, Api],
        *,
        schemas: Schemas,
        now: Callable[[], datetime],
        on_copy: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._client = client
        self._apis = apis
        self._schemas = schemas
        self._now = now
        self._on_copy = on_copy

    async def __call__(self, claim: Claim) -> None:
        """Fetches and stores what came, in one transaction with the row's end. Raises CallFailed."""
        key = claim.key
        api, entity = self._apis[key.api], ENTITIES[key.api]
        assert api.identifier is not None, "an API whose copies are fetched declares its identifier"
        answer = await self._client.call(
            key.hei_id, key.partner, api.name, api.major, "get", [(api.identifier, key.item)]
        )
        seen = await asyncio.to_thread(  # a large document takes seconds
            examine,
            answer.body,
            entity,
            key.item,
            hei_id=key.hei_id,
            partner=key.partner,
            schemas=self._schemas,
            max_bytes=_LARGEST_DOCUMENT,
        )
        copy_key = copies.CopyKey(key.hei_id, entity.name, key.partner, key.item)
        now = self._now()
        async with self._store.transaction() as tx:
            if not await work.finish(tx, claim, now, 200):
                raise LeaseLost
            if isinstance(seen, GoodCopy):
                received = copies.Received(answer.body, seen.document, seen.content_hash, seen.our_id)
                await copies.put_received(tx, copy_key, received, now)
            elif isinstance(seen, Gone):
                await copies.mark_gone(tx, copy_key, now)
            else:
                await copies.put_invalid(tx, copy_key, answer.body, problems.as_json(seen.problems), now)
        self._on_copy()
        if isinstance(seen, Invalid):
            self._tell(claim, seen)

    def _tell(self, claim: Claim, seen: Invalid) -> None:
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
        self._client.report(claim.key.hei_id, claim.key.partner, claim.key.api, "get", failure)
