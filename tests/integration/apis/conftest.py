"""A node of north.example and its partners' clients, over real TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.authority import key_of
from support.callers import Caller, calling
from support.nodes import RunningNode, running_node


@pytest.fixture
async def node(store_url: str, tmp_path: Path) -> AsyncIterator[RunningNode]:
    """A node on SQLite and on PostgreSQL."""
    async with running_node(store_url, tmp_path) as running:
        yield running


@pytest.fixture
async def south(node: RunningNode) -> AsyncIterator[Caller]:
    """A partner; every answer it gets must be signed by the node."""
    async with calling(key_of("south.example"), key_of("north.example").public) as caller:
        yield caller


@pytest.fixture
async def west(node: RunningNode) -> AsyncIterator[Caller]:
    """Another partner."""
    async with calling(key_of("west.example"), key_of("north.example").public) as caller:
        yield caller
