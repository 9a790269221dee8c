"""Deliveries: telling a partner that something of ours changed, by a call of its CNR API."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from ewpgw.model.entities import ENTITIES
from ewpgw.network.worker import LeaseLost
from ewpgw.store import work
from ewpgw.store.effects import Effects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.network.client import PartnerClient
    from ewpgw.network.versions import Versions
    from ewpgw.store.engine import Store
    from ewpgw.store.work import Claim, WorkKey


class HearsOfDeliveries(Protocol):
    """Who wants to know that a partner was told."""

    async def delivered(self, tx: AsyncConnection, key: WorkKey, exchange_id: str, now: datetime) -> Effects:
        """The partner has taken the notification, in the exchange given; what that calls for."""


class Deliveries:
    """Handles rows of kind ``delivery``: ``api`` is the CNR API, ``item`` the changed thing's id."""

    def __init__(
        self,
        store: Store,
        client: PartnerClient,
        versions: Versions,
        now: Callable[[], datetime],
        hearers: Mapping[str, HearsOfDeliveries] = MappingProxyType({}),
        on_news: Callable[[], None] = lambda: None,
    ) -> None:
        """``hearers``: by CNR API, who wants to know; ``on_news`` is called after that may have made news."""
        self._store = store
        self._client = client
        self._versions = versions
        self._now = now
        self._hearers = hearers
        self._on_news = on_news

    async def __call__(self, claim: Claim) -> None:
        """Notifies; the row is done when the partner has answered 200. Raises CallFailed."""
        key = claim.key
        api = self._versions.common(key.partner, key.api)
        entity = ENTITIES.get(api.subject)
        told_id = entity.told_id(key.item) if entity is not None else key.item
        parameters = api.asking(key.hei_id, told_id)
        answer = await self._client.call(key.hei_id, key.partner, api.name, api.major, "", parameters)
        now, hearer = self._now(), self._hearers.get(key.api)
        async with self._store.transaction() as tx:
            if not await work.finish(tx, claim, now, 200):
                raise LeaseLost
            if hearer is not None:
                effects = await hearer.delivered(tx, key, answer.exchange_id, now)
                await effects.carry_out(tx, key.hei_id, now)
        if hearer is not None:
            self._on_news()
