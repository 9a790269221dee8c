"""Nonces: which requests were already answered, so that a copied request is not answered again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete

from ewpgw.store.dialects import insert
from ewpgw.store.tables import nonce

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


async def remember(tx: AsyncConnection, key_id: str, request_id: str, expires_at: datetime) -> bool:
    """Take note of a request; False when the same key has sent the same request identifier before.

    Of two replicas that receive the same request at once, one is told True: the other waits for its transaction.
    ``expires_at`` is when the request's date alone will make it refused.
    """
    statement = insert(tx, nonce).values(key_id=key_id, request_id=request_id, expires_at=expires_at)
    return (await tx.execute(statement.on_conflict_do_nothing())).rowcount == 1


async def purge(tx: AsyncConnection, now: datetime) -> int:
    """Forget the requests that expired before ``now``; returns how many."""
    return (await tx.execute(delete(nonce).where(nonce.c.expires_at < now))).rowcount
