"""A folder, and a gateway that imports it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
import structlog
from support.folder_gateway import Gateway, Source, iia

from ewpgw.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """The commands set logging up for their whole process, which here is that of the tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "north").mkdir()
    return Source((tmp_path / "north").resolve())


@pytest.fixture
async def gateway(source: Source, tmp_path: Path) -> AsyncIterator[Gateway]:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield Gateway(store, source.adapter())
    await store.close()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Waits for a condition, a plain function or a coroutine function; fails after a long time."""

    async def wait(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while True:
                held = condition()
                if asyncio.iscoroutine(held):
                    held = await held
                if held:
                    return
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def agreement() -> Callable[..., dict[str, object]]:
    return iia
