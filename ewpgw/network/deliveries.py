"""Deliveries: telling a partner that something of ours changed, by a call of its CNR API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ewpgw.network.worker import LeaseLost
from ewpgw.store import work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ewpgw.apis.declaration import Api
    from ewpgw.network.client import PartnerClient
    from ewpgw.store.engine import Store
    from ewpgw.store.work import Claim


class Deliveries:
    """Handles rows of kind ``delivery``: ``api`` is the CNR API, ``item`` the changed thing's id."""

    def __init__(
        self, store: Store, client: PartnerClient, apis: Mapping[str, Api], now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._client = client
        self._apis = apis
        self._now = now

    async def __call__(self, claim: Claim) -> None:
        """Notifies; the row is done when the partner has answered 200. Raises CallFailed."""
        key = claim.key
        api = self._apis[key.api]
        assert api.identifier is not None, "a CNR API declares the parameter that carries the id"
        await self._client.call(key.hei_id, key.partner, api.name, api.major, "", [(api.identifier, key.item)])
        async with self._store.transaction() as tx:
            if not await work.finish(tx, claim, self._now(), 200):
                raise LeaseLost
