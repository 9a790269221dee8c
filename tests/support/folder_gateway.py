"""A folder of records, and a gateway that imports it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ewpgw.adapters.folder import FolderAdapter, FolderSettings
from ewpgw.adapters.importing import Importer
from ewpgw.documents import schemas
from ewpgw.records import Records
from ewpgw.store import Store, records, refusals

NORTH, SOUTH = "north.example", "south.example"


def iia(id_: str, *, people: int = 5) -> dict[str, object]:
    """An agreement of north.example with south.example."""
    condition = {
        "sending_hei_id": NORTH,
        "receiving_hei_id": SOUTH,
        "receiving_first_academic_year_id": "2026/2027",
        "receiving_last_academic_year_id": "2028/2029",
        "mobilities_per_year": people,
        "blended": False,
    }
    return {
        "partner": [{"hei_id": NORTH, "iia_id": id_, "iia_code": f"N-{id_}"}, {"hei_id": SOUTH}],
        "in_effect": False,
        "cooperation_conditions": {"student_traineeship_mobility_spec": [condition]},
    }


@dataclass
class Source:
    """The institution's folder."""

    path: Path

    def write(self, key: str, content: object) -> Path:
        """Write a file whole; what is neither text nor bytes as JSON."""
        file = self.path / key
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return file

    def adapter(self, *, settle_seconds: float = 0) -> FolderAdapter:
        return FolderAdapter(NORTH, FolderSettings(path=self.path, settle_seconds=settle_seconds))


@dataclass
class Gateway:
    """A store that imports the folder; a new one stands for a restarted process."""

    store: Store
    adapter: FolderAdapter
    records: Records = field(init=False)
    importer: Importer = field(init=False)

    def __post_init__(self) -> None:
        told = {"iias": ("iia-cnr",)}
        self.records = Records(self.store, schemas.default(), told, lambda: datetime.now(UTC), lambda: None)
        self.importer = Importer(NORTH, self.adapter, self.store, self.records)

    def restarted(self) -> Gateway:
        settings = FolderSettings(path=self.adapter.folder, settle_seconds=0)
        return Gateway(self.store, FolderAdapter(NORTH, settings))

    async def served(self) -> list[str]:
        return await records.index(self.store, NORTH, "iias", [SOUTH])

    async def refused(self) -> dict[str, str]:
        """What is refused, with the first reason."""
        found = await refusals.list_page(self.store, NORTH)
        return {each.key: json.loads(each.problems)[0]["message"] for each in found}

    async def people(self, id_: str) -> int:
        """A detail of the served version, to tell versions apart."""
        found = await records.get(self.store, records.RecordKey(NORTH, "iias", id_))
        assert found is not None
        assert found.document is not None
        conditions = json.loads(found.document)["cooperation_conditions"]
        value = conditions["student_traineeship_mobility_spec"][0]["mobilities_per_year"]
        return int(value["value"] if isinstance(value, dict) else value)
