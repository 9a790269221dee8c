"""A university's database, and a gateway that may only read it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ewpgw import resources
from ewpgw.adapters import loading
from ewpgw.adapters.contract import Complete, Partial, Reading
from ewpgw.adapters.importing import Importer
from ewpgw.adapters.sql.adapter import SqlAdapter
from ewpgw.documents.schemas import default as schemas
from ewpgw.records import Records
from ewpgw.store import Store, records
from support.university import University

NORTH, SOUTH = "north.example", "south.example"


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
