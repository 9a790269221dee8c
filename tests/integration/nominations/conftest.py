"""Two institutions with nominations, on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.nominating import NORTH, SOUTH, Nominator, carry
from support.sides import Moments

from ewpgw.store import Store


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open, empty store."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sides(store: Store) -> tuple[Nominator, Nominator]:
    """North, which sends students, and South, with nothing between them yet."""
    clock = Moments()
    return Nominator(NORTH, SOUTH, store, clock), Nominator(SOUTH, NORTH, store, clock)


@pytest.fixture
async def nominated(sides: tuple[Nominator, Nominator]) -> tuple[Nominator, Nominator]:
    """North has nominated n1, and South has heard of it."""
    await sides[0].put("n1")
    await carry(sides)
    return sides


@pytest.fixture
async def older(store: Store) -> tuple[Nominator, Nominator]:
    """The same as ``nominated``, but South has version 2 of the API, where decisions are published."""
    clock = Moments()
    north, south = Nominator(NORTH, SOUTH, store, clock), Nominator(SOUTH, NORTH, store, clock, version=2)
    await north.put("n1")
    await carry((north, south))
    return north, south
