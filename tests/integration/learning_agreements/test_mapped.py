"""The examples of config/learning-agreements: several courses of several tables, from SELECTs and from an export."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from support.learning import ENTITY, NORTH, Learner, carry

from ewpgw.adapters import loading
from ewpgw.adapters.check import dry_run
from ewpgw.adapters.contract import Item
from ewpgw.model.learning_agreement_after import as_approved
from ewpgw.model.learning_agreement_standing import Stage
from ewpgw.preparing import Incoming

if TYPE_CHECKING:
    from ewpgw.adapters.contract import Adapter

_ROOT = Path(__file__).parents[3]
EXAMPLES, PAGE = _ROOT / "config" / "learning-agreements", _ROOT / "docs" / "learning-agreements.md"
_SIGNED = """
UPDATE version SET signer = 'Aino Korhonen', signer_position = 'Mobility coordinator', signed = '2026-10-02 12:30',
    signer_mail = 'aino.korhonen@north.example' WHERE version_no = 3
"""


class Source:
    """A copy of the example of a kind, which a test may change."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        if kind == "csv":
            shutil.copytree(EXAMPLES / "csv" / "data", folder, dirs_exist_ok=True)
        else:
            self._run((EXAMPLES / "sql" / "tables.sql").read_text("utf-8"))

    def adapter(self) -> Adapter:
        mappings = {"mappings": str(EXAMPLES / self.kind)}
        if self.kind == "csv":
            return loading.create(
                NORTH, "folder", {"path": str(self.folder), "settle_seconds": 0, **mappings}, self.folder
            )
        return loading.create(NORTH, "sql", {"url": f"sqlite:///{self.folder / 'sis.db'}", **mappings}, self.folder)

    async def records(self) -> dict[str, Any]:
        """The records that come of it, by identifier."""
        reads = self.adapter()
        try:
            documents: list[Any] = [one.incoming.document for one in await _items(reads)]
            return {document["omobility_id"]: document for document in documents}
        finally:
            await reads.close()

    def sign_changes(self) -> None:
        """The coordinator signs the changes to the agreement of stay 302."""
        if self.kind == "sql":
            self._run(_SIGNED)
            return
        file = self.folder / "omobility-las" / "agreements-2026.csv"
        lines = file.read_text("utf-8").splitlines()
        head = next(line for line in lines if line.startswith("302,")).split(",")[:23]
        head[19], head[22] = "02.10.2026 09:00", "02.10.2026 12:30"
        courses = [
            "A,CS-301,Logic for computer scientists,1,6,-,TIMETABLE,",
            "A,CS-340,Advanced databases,1,6,+,REPLACES,",
            'C,,Open data,,3,+,ONLINE,"Recorded lectures, and a project in pairs."',
        ]
        kept = [line for line in lines if not line.startswith("302,")]
        file.write_text("\n".join([*kept, *(",".join([*head, course]) for course in courses), ""]), "utf-8")

    def _run(self, script: str) -> None:
        with closing(sqlite3.connect(self.folder / "sis.db")) as database:
            database.executescript(script)
            database.commit()


async def _items(reads: Adapter) -> list[Item]:
    return [each async for each in reads.snapshot() if isinstance(each, Item)]


@pytest.fixture(params=["csv", "sql"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    folder = tmp_path / "source"
    folder.mkdir()
    return Source(request.param, folder)


def titles(record: Any) -> dict[str, list[str]]:
    proposal = record["changes_proposal"]
    return {name: [one["title"] for one in proposal[name]] for name in proposal if "components" in name}


def test_the_page_shows_the_example_as_it_is() -> None:
    [shown] = re.findall(r"```yaml\n(source:.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    page, whole = yaml.safe_load(shown), yaml.safe_load((EXAMPLES / "sql" / "omobility-las.yaml").read_text("utf-8"))
    assert page["source"]["lists"]["studied"] == whole["source"]["lists"]["studied"]
    here, there = (one["record"]["changes_proposal"]["components_studied"] for one in (page, whole))
    assert here["each"] == there["each"]
    assert {**there["item"], **here["item"]} == there["item"]


async def test_every_record_of_the_example_is_accepted_as_it_is(source: Source) -> None:
    report = await dry_run(reads := source.adapter())
    await reads.close()
    assert list(report.findings) == []
    assert {entity: count.valid for entity, count in report.counts.items()} == {ENTITY: 3}


async def test_each_table_has_its_courses_in_their_order(source: Source) -> None:
    found = await source.records()
    assert titles(found["301"]) == {
        "components_studied": ["Logic for computer scientists", "Big data processing", "Language course"],
        "components_recognized": ["Mathematical logic", "Data engineering"],
        "virtual_components": ["Ethics of computing"],
    }
    assert titles(found["303"]) == {
        "blended_mobility_components": ["Sustainable cities: field week", "Sustainable cities: preparation"]
    }
    studied = found["301"]["changes_proposal"]["components_studied"]
    assert studied[1] == {
        "los_code": "CS-322",
        "title": "Big data processing",
        "term_id": {"term_number": "1", "total_terms": "2"},
        "credit": [{"scheme": "ects", "value": "7.5"}],
    }
    assert "credit" not in studied[2]


async def test_changes_that_are_signed_during_the_stay_are_proposed(
    source: Source, sides: tuple[Learner, Learner]
) -> None:
    north, south = sides

    async def take(item: str) -> str:
        given = (await source.records())[item]
        return (await north.records.put(NORTH, ENTITY, Incoming(item, given), source="test")).result

    assert await take("302") == "created"
    await carry(sides)
    await south.approve("302")
    await carry(sides)
    assert await take("302") == "unchanged", "the same rows again propose nothing"
    source.sign_changes()
    assert await take("302") == "changed"
    await carry(sides)
    assert (await south.theirs("302")).standing.stage is Stage.CHANGES_PROPOSED
    proposal = (await north.document("302"))["changes_proposal"]
    assert [(one["status"], one["reason_code"]) for one in proposal["components_studied"]] == [
        ("deleted", "timetable-conflict"),
        ("inserted", "substituting-deleted"),
    ]
    assert proposal["sending_hei_signature"]["timestamp"] == "2026-10-02T12:30:00+03:00"
    await south.approve("302")
    await carry(sides)
    agreed = as_approved(await north.record("302"))
    assert agreed is not None
    assert [one["title"] for one in agreed.to_json()["components_studied"]] == ["Advanced databases"]
