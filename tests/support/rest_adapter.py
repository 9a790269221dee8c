"""Rest adapters for tests: their mapping files, the rows that they map, and one reading of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from ewpgw.adapters.contract import Complete, Item, Partial, Reading
from ewpgw.adapters.rest.adapter import RestAdapter
from ewpgw.adapters.rest.settings import RestSettings
from support.rest_service import Asked, Says

LOOK = 60
NORTH, SOUTH = "north.example", "south.example"

RECORD = {
    "partner": [{"hei_id": "$hei_id", "iia_id": "number", "iia_code": "N/{number}"}, {"hei_id": "partner"}],
    "in_effect": "=false",
    "cooperation_conditions": {
        "student_traineeship_mobility_spec": {
            "each": "conditions",
            "item": {
                "sending_hei_id": "from",
                "receiving_hei_id": "to",
                "receiving_first_academic_year_id": "first",
                "receiving_last_academic_year_id": "last",
                "mobilities_per_year": "people",
                "blended": "=false",
            },
        }
    },
}


def agreement(number: object, *, people: int = 5, partner: str = SOUTH) -> dict[str, Any]:
    """An agreement as the service has it."""
    condition = {"from": NORTH, "to": partner, "first": "2026/2027", "last": "2028/2029", "people": people}
    return {"number": number, "partner": partner, "conditions": [condition]}


def pages_of(*pages: Sequence[object], **more: object) -> Callable[[Asked], Says]:
    """A service that pages by number: page 1, 2, … and empty ones after the last."""

    def answer(asked: Asked) -> Says:
        number = int(asked.query.get("page", "1"))
        return Says({"data": list(pages[number - 1]) if number <= len(pages) else [], **more})

    return answer


BY_PAGE = {"by": "page", "parameter": "page"}


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Maker:
    """Makes adapters with mapping files in a folder of the test; closes them at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[RestAdapter] = []
        self.clock = Clock()

    def __call__(
        self, url: str, source: Mapping[str, object] | None = None, *, entity: str = "iias", **options: object
    ) -> RestAdapter:
        self.mapping(source, entity=entity)
        settings = RestSettings.model_validate(
            {"mappings": "mappings", "base_url": url, "look_seconds": LOOK, **options}, context={"folder": self.folder}
        )
        self.made.append(RestAdapter(NORTH, settings, clock=self.clock))
        return self.made[-1]

    def mapping(
        self, source: Mapping[str, object] | None = None, *, entity: str = "iias", record: object = RECORD
    ) -> None:
        if entity == "organizational-units":
            record = {"ounit_id": "number", "ounit_code": "number", "name": "title"}
        document = {
            "entity": entity,
            "source": {"url": entity, "items": "data", **(source or {})},
            "key": "number",
            "record": record,
        }
        (self.folder / "mappings").mkdir(exist_ok=True)
        (self.folder / "mappings" / f"{entity}.yaml").write_text(json.dumps(document))

    def secret(self, name: str, value: str) -> dict[str, str]:
        (self.folder / name).write_text(value + "\n")
        return {"file": name}


async def read(adapter: RestAdapter) -> list[Reading]:
    """One reading of everything."""
    async with aclosing(adapter.snapshot()) as readings:
        return [each async for each in readings]


async def imported(adapter: RestAdapter) -> list[Reading]:
    """One reading that is then taken for imported; time passes until the next is due."""
    found = await read(adapter)
    clock = adapter._clock
    assert isinstance(clock, Clock)
    clock.seconds += LOOK
    async with aclosing(adapter.changes()) as changes:
        await anext(changes)
    return found


def keys(readings: Sequence[Reading]) -> list[str]:
    return [each.key for each in readings if isinstance(each, Item)]


def end(readings: Sequence[Reading]) -> Complete | Partial:
    """The last reading, which says how the reading ended."""
    last = readings[-1]
    assert isinstance(last, Complete | Partial)
    return last


def problem(readings: Sequence[Reading]) -> str:
    last = end(readings)
    assert isinstance(last, Partial)
    return last.problem or ""
