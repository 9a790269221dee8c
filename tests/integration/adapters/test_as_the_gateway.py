"""What a check says of records is what the gateway says: both know what is configured, and what other records say."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from ewpgw.adapters.check import dry_run
from ewpgw.adapters.importing import Importer
from ewpgw.adapters.trial import Setup
from ewpgw.apis.running import notifications
from ewpgw.commands.adapter import app
from ewpgw.config import load
from ewpgw.intake import intake
from ewpgw.model.examples import example
from ewpgw.security.keys import generate, write_private_key
from ewpgw.store import Store, refusals
from ewpgw.store import records as stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from support.folder_gateway import Source

NORTH, SOUTH = "north.example", "south.example"
GRADES = [{"label": "1.0", "count": 10}, {"label": "2.0", "count": 40}, {"label": "5.0", "count": 3, "passing": False}]


def sample(entity: str, **changes: object) -> dict[str, Any]:
    """The complete example of an entity, changed."""
    record: dict[str, Any] = {**copy.deepcopy(example(entity, NORTH)), **changes}
    return {name: value for name, value in record.items() if value is not None}


def nomination(**changes: object) -> dict[str, Any]:
    """A nomination whose academic year at the partner is left out."""
    record = sample("omobilities", **changes)
    del record["nomination"]["receiving_academic_year_id"]
    return record


def transcript(**changes: object) -> dict[str, Any]:
    """A transcript whose issuer and grade tables are left out."""
    record = sample("imobility-tors", issuer=None, grade_conversion_table=None, **changes)
    for course in record["course"]:
        course.pop("result_distribution", None)
    return record


@pytest.fixture
def config(source: Source) -> Path:
    """A configuration of a folder, in which everything is said that decides about records."""
    folder = source.path.parent
    write_private_key(folder / "north.pem", generate())
    hei = {
        "id": NORTH,
        "public_url": f"https://ewp.{NORTH}",
        "names": [{"text": "North", "lang": "en"}],
        "admin_emails": [f"ewp@{NORTH}"],
        "admin_provider": "North",
        "keys": [{"file": "north.pem"}],
        "adapter": {"kind": "folder", "path": "north", "settle_seconds": 0},
        "partner_calendars": [{"hei_id": SOUTH}],
        "transcripts": {"grade_distributions": [{"grades": GRADES}]},
    }
    file = folder / "ewpgw.yaml"
    file.write_text(yaml.safe_dump({"network": {"behind_proxy": True}, "heis": [hei]}), "utf-8")
    return file


@pytest.fixture
def setup(config: Path) -> Setup:
    """What the gateway knows by this configuration."""
    return Setup.of(load(config))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield store
    await store.close()


def importer(source: Source, store: Store, setup: Setup) -> Importer:
    """The gateway's, with this configuration."""
    accepts = intake(
        store, notifications(), lambda: datetime.now(UTC), lambda: None, setup.calendars, setup.transcripts
    )
    return Importer(NORTH, source.adapter(), store, accepts.records)


async def refused(store: Store) -> list[tuple[str, str, str]]:
    """What the gateway refuses: entity, place and reason."""
    return sorted(
        (each.entity, one["path"], one["message"].removesuffix("; give one of the two another id, or remove it"))
        for each in await refusals.list_page(store, NORTH)
        for one in json.loads(each.problems)
        if one["severity"] == "refusal"
    )


SOURCES: dict[str, dict[str, object]] = {
    "all is completed": {
        "imobility-tors/a": transcript(),
        "institutions/a": sample("institutions"),
        "omobilities/a": nomination(),
    },
    "a nomination that the partner is said to have approved": {"omobilities/a": nomination(status="approved")},
    "nothing says who issues": {"imobility-tors/a": transcript(), "omobilities/a": nomination()},
    "an agreement for another time than its nomination": {
        "omobilities/a": nomination(),
        "omobility-las/a": sample("omobility-las", omobility_id="2026-301", receiving_hei={"hei_id": "west.example"}),
    },
    "one record twice": {"omobilities/a": nomination(), "omobilities/b": nomination()},
    "a refused transcript of a known year": {"imobility-tors/a": transcript(issue_date=None)},
}


@pytest.mark.parametrize(("case", "refuses"), [(case, number > 1) for number, case in enumerate(SOURCES)])
async def test_a_check_refuses_what_the_gateway_refuses_with_the_same_words(
    source: Source, store: Store, setup: Setup, case: str, refuses: bool
) -> None:
    for key, record in SOURCES[case].items():
        source.write(f"{key}.json", record)
    report = await dry_run(source.adapter(), setup=setup)
    assert await importer(source, store, setup).take() is None
    told = sorted(
        (finding.entity or "", finding.path, finding.message)
        for finding in report.findings
        if finding.severity == "refusal"
    )
    assert told == await refused(store)
    assert bool(told) == refuses
    served = {entity: len(await stored.list_page(store, NORTH, entity)) for entity in report.counts}
    assert {entity: count.valid for entity, count in report.counts.items()} == served


async def test_what_is_configured_completes_what_a_check_shows(source: Source, config: Path, setup: Setup) -> None:
    for key, record in SOURCES["all is completed"].items():
        source.write(f"{key}.json", record)
    report = await dry_run(source.adapter(), setup=setup)
    assert {entity: count.valid for entity, count in report.counts.items()} == {
        "imobility-tors": 1,
        "institutions": 1,
        "omobilities": 1,
    }
    assert not (await dry_run(source.adapter())).ok, "without the settings the nomination's year is missing"


def test_one_record_is_shown_as_partners_get_it(source: Source, config: Path) -> None:
    for key, record in SOURCES["all is completed"].items():
        source.write(f"{key}.json", record)

    def shown(key: str) -> dict[str, Any]:
        done = CliRunner().invoke(app, ["check", "--config", str(config), "--key", key, "--json"])
        assert done.exit_code == 0, done.output
        (found,) = json.loads(done.stdout)
        return dict(found)

    nominated = shown("omobilities/a.json")
    assert nominated["record"]["nomination"]["receiving_academic_year_id"] == "2026/2027"
    assert "<receiving-academic-year-id>2026/2027<" in nominated["document"].replace("ewp:", "")
    issued = shown("imobility-tors/a.json")
    assert issued["record"]["issuer"]["hei_id"] == NORTH
    assert issued["record"]["grade_conversion_table"]
    assert "gradeConversionTable" in issued["document"]


async def test_a_transcript_is_issued_with_the_institution_that_comes_with_it(
    source: Source, store: Store, setup: Setup
) -> None:
    source.write("imobility-tors/a.json", transcript())
    source.write("institutions/a.json", sample("institutions"))
    await importer(source, store, setup).take()
    assert await refused(store) == []
    (issued,) = await stored.list_page(store, NORTH, "imobility-tors")
    assert json.loads(issued.document or "")["issuer"]["hei_id"] == NORTH


async def test_what_was_refused_for_another_record_is_tried_again_once_that_has_changed(
    source: Source, store: Store, setup: Setup
) -> None:
    source.write("imobility-tors/a.json", transcript())
    source.write("institutions/a.json", sample("institutions", website_url=None))
    again = importer(source, store, setup)
    for _ in range(2):
        await again.take()
        assert [path for _, path, _ in await refused(store)] == ["issuer"]
    source.write("institutions/a.json", sample("institutions"))
    await again.take()
    assert await refused(store) == []
    assert len(await stored.list_page(store, NORTH, "imobility-tors")) == 1
