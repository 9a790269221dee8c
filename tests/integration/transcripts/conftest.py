"""Two institutions with transcripts, on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.sides import Moments
from support.transcribing import NORTH, SOUTH, Issuer, carry

from ewpgw.store import Store


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """An open, empty store."""
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sides(store: Store) -> tuple[Issuer, Issuer]:
    """North, which received a student of South's, and South, with nothing between them yet."""
    clock = Moments()
    return Issuer(NORTH, SOUTH, store, clock), Issuer(SOUTH, NORTH, store, clock)


@pytest.fixture
async def issued(sides: tuple[Issuer, Issuer]) -> tuple[Issuer, Issuer]:
    """North has issued the transcript s1, and South has it."""
    await sides[0].put()
    await carry(sides)
    return sides
