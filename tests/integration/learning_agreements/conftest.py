"""Two institutions with learning agreements, on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.learning import NORTH, SOUTH, Learner, carry
from support.sides import Moments

from ewpgw.store import Store


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open, empty store."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sides(store: Store) -> tuple[Learner, Learner]:
    """North, which sends students, and South, with nothing between them yet."""
    clock = Moments()
    return Learner(NORTH, SOUTH, store, clock), Learner(SOUTH, NORTH, store, clock)


@pytest.fixture
async def proposed(sides: tuple[Learner, Learner]) -> tuple[Learner, Learner]:
    """North has proposed the first version of n1, and South has heard of it."""
    outcome = await sides[0].put("n1")
    assert outcome.result == "created", outcome
    await carry(sides)
    return sides
