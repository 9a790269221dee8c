"""A university's database on PostgreSQL, MariaDB and SQLite, and a gateway that may only read it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from support.databases import mariadb_database, postgres_database
from support.sql_gateway import NORTH, SOUTH, Gateway, Site
from support.university import University

from ewpgw.adapters.contract import CopyDelivery, Decision
from ewpgw.store import Store

PASSWORD = "s3cret-of-the-reader"


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def urls(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of the database's owner, and of who may only read."""
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'university.db'}"
        yield url, url
    elif kind == "postgresql":
        with postgres_database(request.getfixturevalue("postgres_server")) as url:
            yield url, url.replace("//ewpgw@", "//ewpgw_reader@")
    else:
        with mariadb_database(request.getfixturevalue("mariadb_port")) as url:
            yield url, url.replace("//root@", "//ewpgw_reader@")


@pytest.fixture
async def site(kind: str, urls: tuple[str, str], tmp_path: Path) -> AsyncIterator[Site]:
    university = University(urls[0])
    university.create()
    if kind == "postgresql":
        university.run(
            "DO $$ BEGIN CREATE ROLE ewpgw_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ewpgw_reader",
        )
    elif kind == "mariadb":
        database = make_url(urls[0]).database
        university.run(
            f"CREATE USER IF NOT EXISTS 'ewpgw_reader'@'%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT SELECT ON {database}.* TO 'ewpgw_reader'@'%'",
        )
    made = Site(kind, university, urls[1].replace("ewpgw_reader@127", f"ewpgw_reader:{PASSWORD}@127"), tmp_path)
    made.write_mapping()
    yield made
    for adapter in made.made:
        await adapter.close()


@pytest.fixture
async def gateway(site: Site, tmp_path: Path) -> AsyncIterator[Gateway]:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield Gateway(store, site)
    await store.close()


@pytest.fixture
def delivery() -> Callable[..., CopyDelivery]:
    """A partner's copy; the current one unless told otherwise."""
    document: dict[str, Any] = {"partner": [{"hei_id": SOUTH, "iia_id": "S/1"}]}
    at = datetime(2026, 9, 1, 12, tzinfo=UTC)
    current = CopyDelivery(NORTH, "iias", SOUTH, "S/1", "current", 1, b"<iia>\xc3\xa4</iia>", document, (), at)
    return lambda **changes: replace(current, **changes)


@pytest.fixture
def decision() -> Callable[..., Decision]:
    """A decision; that of a partner to approve our copy unless told otherwise."""
    at = datetime(2026, 9, 1, 12, tzinfo=UTC)
    approval = Decision(NORTH, 7, "approval-received", "iias", SOUTH, "S/1", "N/1", None, None, at)
    return lambda **changes: replace(approval, **changes)
