"""A SIS API over a store of its own for each test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from support.sis_api import Sis, serve_sis

from ewpgw.store import Store


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite store of the present schema, to be copied: migrating takes longer than most tests here."""
    file = tmp_path_factory.mktemp("migrated") / "store.db"

    async def make() -> None:
        await (await Store.open(f"sqlite:///{file}")).close()

    asyncio.run(make())
    return file


@pytest.fixture
async def sis(tmp_path: Path, migrated: Path) -> AsyncIterator[Sis]:
    """A SIS API over SQLite, for what does not depend on the database."""
    async with AsyncExitStack() as stack:
        file = Path(shutil.copy(migrated, tmp_path))
        store = await Store.open(f"sqlite:///{file}")
        stack.push_async_callback(store.close)
        yield await serve_sis(store, stack)


@pytest.fixture
async def sis_on_both(store_url: str) -> AsyncIterator[Sis]:
    """A SIS API over SQLite, then over PostgreSQL."""
    async with AsyncExitStack() as stack:
        store = await Store.open(store_url)
        stack.push_async_callback(store.close)
        yield await serve_sis(store, stack)
