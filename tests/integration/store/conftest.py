"""A store on each kind of database, and a second one on the same: two replicas."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from ewpgw.store import Store


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open, empty store."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def replica(store: Store, store_url: str) -> AsyncIterator[Store]:
    """Another store on the same database."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
def now() -> datetime:
    return datetime(2025, 9, 1, 12, 0, 0, 123456, tzinfo=UTC)
