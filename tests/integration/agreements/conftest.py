"""Two institutions with agreements, on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.sides import NORTH, SOUTH, Moments, Side, carry

from ewpgw.store import Store


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open, empty store."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sides(store: Store) -> tuple[Side, Side]:
    """North and South, with nothing between them yet."""
    clock = Moments()
    return Side(NORTH, SOUTH, store, clock), Side(SOUTH, NORTH, store, clock)


@pytest.fixture
async def mapped(sides: tuple[Side, Side]) -> tuple[Side, Side]:
    """North's n1 and South's s1 are of one agreement, say the same, and both sides know it."""
    north, south = sides
    await north.put("n1")
    await carry(sides)
    await south.put("s1", their_id="n1")
    await carry(sides)
    return sides


@pytest.fixture
async def agreed(mapped: tuple[Side, Side]) -> tuple[Side, Side]:
    """Both sides have approved n1 and s1."""
    north, south = mapped
    await north.approve("n1")
    await south.approve("s1")
    await carry(mapped)
    return mapped
