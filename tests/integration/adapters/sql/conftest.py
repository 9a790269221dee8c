"""A university's database on PostgreSQL, MariaDB and SQLite, and a gateway that may only read it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from support.databases import mariadb_database, postgres_database
from support.university import University

from ewpgw import resources
from ewpgw.adapters import loading
from ewpgw.adapters.contract import Complete, CopyDelivery, Decision, Partial, Reading
from ewpgw.adapters.importing import Importer
from ewpgw.adapters.sql.adapter import SqlAdapter
from ewpgw.documents.schemas import default as schemas
from ewpgw.records import Records
from ewpgw.store import Store, records

NORTH, SOUTH = "north.example", "south.example"
PASSWORD = "s3cret-of-the-reader"


@dataclass
class Site:
    """The database with its owner, and how the gateway reaches it."""

    kind: str
    university: University
    reader_url: str
    folder: Path
    made: list[SqlAdapter] = field(default_factory=list)

    @property
    def mappings(self) -> Path:
        return self.folder / "mappings"

    def write_mapping(self, edit: Callable[[str], str] = lambda text: text) -> Path:
        """The example of config/, edited."""
        text = (resources.folder("config") / "sql" / "iias.yaml").read_text("utf-8")
        self.mappings.mkdir(exist_ok=True)
        file = self.mappings / "iias.yaml"
        file.write_text(edit(text), "utf-8")
        return file

    def adapter(self, *, writes: bool = False, **options: object) -> SqlAdapter:
        """An adapter of the reading user; of the owner where it writes."""
        url = self.university.url if writes else self.reader_url
        given = {"url": url, "mappings": str(self.mappings), "statement_seconds": 20, **options}
        adapter = loading.create(NORTH, "sql", given, self.folder)
        assert isinstance(adapter, SqlAdapter)
        self.made.append(adapter)
        return adapter


def without_modified(text: str) -> str:
    return re.sub("(?m)^  modified:.*\n", "", text)


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


@dataclass
class Gateway:
    """A store that imports the database."""

    store: Store
    site: Site

    def __post_init__(self) -> None:
        now: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731
        self.records = Records(self.store, schemas(), {"iias": ("iia-cnr",)}, now, lambda: None)
        self.use(self.site.adapter())

        self.seen: list[Reading] = []
        """What the last reading yielded."""

    def use(self, adapter: SqlAdapter) -> None:
        read = adapter.snapshot

        async def snapshot() -> AsyncGenerator[Reading, None]:
            self.seen = []
            async with aclosing(read()) as found:
                async for each in found:
                    self.seen.append(each)
                    yield each

        adapter.snapshot = snapshot  # type: ignore[method-assign]
        self.importer = Importer(NORTH, adapter, self.store, self.records)

    async def served(self) -> list[str]:
        return await records.index(self.store, NORTH, "iias", [SOUTH])

    async def fragment(self, id_: str) -> str:
        found = await records.fragment(self.store, records.RecordKey(NORTH, "iias", id_), 7)
        return (found or b"").decode()

    def kinds(self) -> dict[str, type[Reading]]:
        """What sort of reading each item was in the last reading."""
        return {each.key: type(each) for each in self.seen if not isinstance(each, Complete | Partial)}


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
