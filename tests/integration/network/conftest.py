"""North's calling side, a scripted partner, and a clock that stands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.outgoing import PORTAL, Clock, Outgoing, outgoing
from support.partners import FakePartner, Says, catalogue_with, fake_partner, with_monitoring


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 9, 1, 12, 0, 0, 250000, tzinfo=UTC))


@pytest.fixture
async def south(tmp_path: Path, clock: Clock) -> AsyncIterator[FakePartner]:
    """A partner; nothing is scripted yet."""
    async with fake_partner(tmp_path, clock) as partner:
        yield partner


@pytest.fixture
async def north(store_url: str, tmp_path: Path, clock: Clock, south: FakePartner) -> AsyncIterator[Outgoing]:
    """Our side, on each kind of database, with ``south`` in its catalogue."""
    async with outgoing(store_url, tmp_path, clock, south) as side:
        yield side


@pytest.fixture
async def caller(tmp_path: Path, clock: Clock, south: FakePartner) -> AsyncIterator[Outgoing]:
    """Our side where the kind of database does not matter: the client alone is looked at."""
    async with outgoing(f"sqlite:///{tmp_path / 'caller.db'}", tmp_path, clock, south) as side:
        yield side


@pytest.fixture
async def portal(tmp_path: Path, clock: Clock) -> AsyncIterator[FakePartner]:
    """The Stats Portal, which takes reports under ``monitoring``."""
    async with fake_partner(tmp_path, clock, hei_id=PORTAL) as partner:
        namespace = "https://github.com/erasmus-without-paper/ewp-specs-api-monitoring/tree/stable-v1"
        partner.script("monitoring", Says(f'<monitoring-response xmlns="{namespace}"/>'.encode()))
        yield partner


@pytest.fixture
async def reporting(
    store_url: str, tmp_path: Path, clock: Clock, south: FakePartner, portal: FakePartner
) -> AsyncIterator[Outgoing]:
    """Our side, which reports failed calls to the portal."""
    async with outgoing(store_url, tmp_path, clock, south, portal, portal=PORTAL) as side:
        url = f"https://localhost:{portal.port}/{PORTAL}/monitoring"
        side.catalogue = catalogue_with(south.manifest(), with_monitoring(portal.manifest(), url))
        yield side
