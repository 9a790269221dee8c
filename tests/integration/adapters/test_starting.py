"""What ``ewpgw adapter init`` writes: each starter is read by its adapter, which says what there is still to do."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import NullPool, create_engine, make_url, text
from support.databases import empty_database
from support.processes import environment
from support.rest_service import Says, rest_service_apart
from typer.testing import CliRunner

from ewpgw.adapters.folder_tables import FolderSource
from ewpgw.adapters.loading import load
from ewpgw.adapters.mapping import load_file
from ewpgw.adapters.rest import client
from ewpgw.adapters.starting import KINDS
from ewpgw.adapters.starting.mapping_files import KIND, key_of, starter
from ewpgw.commands.adapter import app
from ewpgw.model import shape
from ewpgw.model.entities import ENTITIES
from ewpgw.security.keys import generate, write_private_key

NORTH = "north.example"
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}
SKIPPED = {"iia_hash", "proposal_id", "id", "not_yet_defined", "v6_value"}
"""What the gateway works out, and what only agreements from before version 7 have."""


def init(folder: Path, kind: str, name: str | None = None) -> Path:
    """The folder of a starter."""
    target = folder / (name or kind)
    done = CliRunner().invoke(app, ["init", kind, "--folder", str(target)])
    assert done.exit_code == 0, done.output
    return target


def configured(folder: Path, started: Path, **changes: object) -> Path:
    """A configuration that has the starter's piece in it, as its README says."""
    write_private_key(folder / "north.pem", generate())
    piece = yaml.safe_load((started / "adapter.yaml").read_text("utf-8"))
    hei = {
        "id": NORTH,
        "public_url": f"https://ewp.{NORTH}",
        "names": [{"text": "North"}],
        "admin_emails": [f"ewp@{NORTH}"],
        "admin_provider": "North",
        "keys": [{"file": "north.pem"}],
        "adapter": {**piece["adapter"], **changes},
    }
    file = folder / "ewpgw.yaml"
    file.write_text(json.dumps({"network": {"behind_proxy": True}, "heis": [hei]}), "utf-8")
    return file


def check(config: Path, *more: str) -> tuple[int, Any, str]:
    """The exit code of a check, its JSON and what it complained of."""
    done = CliRunner().invoke(app, ["check", "--config", str(config), "--json", *more])
    return done.exit_code, json.loads(done.stdout) if done.stdout else None, done.stderr


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "python"])
def test_a_starter_names_every_file_it_writes_and_says_how_to_go_on(kind: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["init", kind, "--folder", str(tmp_path / "new")])
    written = {path for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert {Path(line) for line in done.stdout.splitlines()} == written
    assert "README.md says how to go on" in done.stderr
    assert f"ewpgw adapter check --config ewpgw.yaml --hei {NORTH}" in (tmp_path / "new/README.md").read_text("utf-8")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "python"])
def test_a_folder_may_have_any_name(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "SIS: 'new' #1, \"ä\" {x}"
    text = (init(tmp_path, kind, folder.name) / "adapter.yaml").read_text("utf-8")
    places = ("path", "mappings")
    found = {name: value for name, value in yaml.safe_load(text)["adapter"].items() if name in places}
    assert found
    assert {Path(value).parent for value in found.values()} == {folder}
    for line in re.findall(r"#\s+((?:password_file|bearer|secrets): .*)", text):
        assert str(folder) in str(yaml.safe_load(line)).replace("\\'", "'"), line


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    folder = init(tmp_path, "csv")
    (folder / "README.md").write_text("mine", "utf-8")
    again = CliRunner().invoke(app, ["init", "sql", "--folder", str(folder)])
    assert again.exit_code == 1
    assert "is there already and not an empty folder" in again.stderr
    assert (folder / "README.md").read_text("utf-8") == "mine"
    assert not (folder / "mappings" / "sql").exists()


@pytest.mark.parametrize(("kind", "words"), [("oracle", "there is for folder, csv"), ("python", "Python1 cannot be")])
def test_what_cannot_be_begun_is_said(kind: str, words: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["init", kind, "--folder", str(tmp_path / "Python1")])
    assert (done.exit_code, words in done.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_starter_for_what_is_no_hei_id_is_not_written(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["init", "csv", "--folder", str(tmp_path / "sis"), "--hei", "North.example"])
    assert (done.exit_code, "--hei: 'North.example' is not a HEI id" in done.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []


def _without_marks(text: str) -> str:
    """What a person makes of a file who wants every field."""
    return re.sub("^#(?=  )", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_starter_mapping_has_every_field_of_the_record_ready_for_use(entity: str, tmp_path: Path) -> None:
    file = init(tmp_path, "csv") / "mappings" / f"{entity}.yaml"
    text = file.read_text("utf-8")
    for model in shape.parts(ENTITIES[entity].model):
        for field in shape.fields(model):
            if field.name not in SKIPPED and field.name != "value":
                assert re.search(rf"^#? *(?:- )?{field.name}:", text, re.MULTILINE), field.name
    uncommented = " ".join(re.sub("^#? *# ?", " ", text, flags=re.MULTILINE).split())
    for field in shape.fields(ENTITIES[entity].model):
        if field.name not in SKIPPED:
            assert field.about.rstrip(".") in uncommented, field.name
    file.write_text(_without_marks(text), "utf-8")
    whole = load_file(file, FolderSource, hei_id=NORTH)
    assert whole.entity == entity


def test_a_folder_starter_reads_nothing_until_something_is_put_there(tmp_path: Path) -> None:
    started = init(tmp_path, "folder")
    config = configured(tmp_path, started, settle_seconds=0)
    code, reports, _ = check(config)
    assert (code, reports[0]["counts"]) == (0, {})
    said = CliRunner().invoke(app, ["check", "--config", str(config)]).stdout
    assert "the source offers no records of any kind" in said
    shutil.copytree(started / "examples", started / "records", dirs_exist_ok=True)
    code, reports, complaints = check(config)
    assert (code, complaints) == (0, ""), reports
    assert set(reports[0]["counts"]) == set(ENTITIES)
    assert all(count["valid"] == 1 for count in reports[0]["counts"].values())


def test_a_csv_starter_reads_its_own_examples(tmp_path: Path) -> None:
    started = init(tmp_path, "csv")
    config = configured(tmp_path, started, settle_seconds=0)
    assert check(config)[:2] == (0, [{"hei_id": NORTH, "ok": True, "counts": {}, "findings": []}])
    shutil.copytree(started / "examples", started / "records", dirs_exist_ok=True)
    code, reports, complaints = check(config)
    assert (code, complaints) == (0, ""), reports
    assert {entity: count["valid"] for entity, count in reports[0]["counts"].items()} == dict.fromkeys(ENTITIES, 1)


def _rows(started: Path) -> dict[str, list[dict[str, str]]]:
    """The example rows of each entity of a csv starter."""
    found = {}
    for entity in ENTITIES:
        with (started / "examples" / entity / "example.csv").open(encoding="utf-8") as file:
            found[entity] = [*csv.DictReader(file)]
    return found


def _apart(entity: str, rows: list[dict[str, str]]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """What the record's own row has, and the rows of its list; none where it has none."""
    made = starter(ENTITIES[entity])
    if made.name is None:
        return rows[0], []
    inner = {KIND, *made.listed}
    own = {column: value for column, value in rows[0].items() if column not in inner}
    return own, [{column: value for column, value in row.items() if column in inner} for row in rows]


def _database(url: str, rows: dict[str, list[dict[str, str]]]) -> None:
    """The tables that a sql starter supposes, with a record in each."""
    engine = create_engine(make_url(url).set(drivername=DRIVERS[url.partition(":")[0]]), poolclass=NullPool)
    with engine.begin() as database:
        for entity, of in rows.items():
            table, (own, listed) = f"ewp_{entity.replace('-', '_')}", _apart(entity, of)
            key = key_of(ENTITIES[entity])
            tables = {table: [own]}
            if listed:
                tables[f"{table}_{starter(ENTITIES[entity]).name}"] = [{key: own[key], **row} for row in listed]
            for name, values in tables.items():
                columns = ", ".join(f"{column} VARCHAR(200)" for column in values[0])
                places = ", ".join(f":{column}" for column in values[0])
                database.execute(text(f"CREATE TABLE {name} ({columns})"))
                database.execute(text(f"INSERT INTO {name} VALUES ({places})"), values)


@pytest.fixture(params=DRIVERS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    with empty_database(request, tmp_path) as url:
        yield url


def test_a_sql_starter_reads_tables_as_it_supposes_them(tmp_path: Path, database: str) -> None:
    started = init(tmp_path, "sql")
    _database(database, _rows(init(tmp_path, "csv")))
    config = configured(tmp_path, started, url=database)
    code, reports, complaints = check(config)
    assert (code, complaints) == (0, ""), reports
    assert {entity: count["valid"] for entity, count in reports[0]["counts"].items()} == dict.fromkeys(ENTITIES, 1)
    assert check(config, "--key", "imobilities/south.example:S-2026-88")[0] == 0


def test_a_rest_starter_reads_a_service_as_it_supposes_it(tmp_path: Path) -> None:
    pages = {}
    for entity, rows in _rows(init(tmp_path, "csv")).items():
        own, listed = _apart(entity, rows)
        pages[f"/api/{entity}"] = [{**own, str(starter(ENTITIES[entity]).name): listed}]
    with rest_service_apart(lambda asked: Says(pages[asked.path])) as service:
        config = configured(tmp_path, init(tmp_path, "rest"), base_url=f"{service.url}/api/")
        code, reports, complaints = check(config)
        assert (code, complaints) == (0, ""), reports
        assert {entity: count["valid"] for entity, count in reports[0]["counts"].items()} == dict.fromkeys(ENTITIES, 1)
        assert check(config, "--key", "imobilities/south.example:S-2026-88")[0] == 0


def test_a_sql_starter_says_which_table_is_missing(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "sis.db")) as database:
        database.execute("CREATE TABLE other (a)")
    config = configured(tmp_path, init(tmp_path, "sql"), url=f"sqlite:///{tmp_path / 'sis.db'}")
    code, _, complaints = check(config)
    assert code == 1
    assert "no such table: ewp_" in complaints


def test_a_rest_starter_says_at_once_that_its_service_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_PAUSES", (3600.0, 3600.0))
    config = configured(tmp_path, init(tmp_path, "rest"), base_url="http://127.0.0.1:9/api/")
    code, _, complaints = check(config)
    assert code == 1
    assert len(complaints.splitlines()) == 1, "not one for each kind of record"
    assert "127.0.0.1:9" in complaints
    assert "Traceback" not in complaints


@pytest.mark.parametrize("kind", ["csv", "sql", "rest"])
def test_the_schema_beside_the_mappings_is_the_kinds_own(kind: str, tmp_path: Path) -> None:
    name = "folder" if kind == "csv" else kind
    beside = json.loads((init(tmp_path, kind) / "mapping.schema.json").read_text("utf-8"))
    assert beside == json.loads(CliRunner().invoke(app, ["schema", name]).stdout)
    source_model = load(name).source_model
    assert source_model is not None
    assert beside["properties"]["source"]["properties"].keys() == source_model.model_fields.keys()


def test_the_package_of_a_python_starter_is_found_and_checked_once_installed(tmp_path: Path) -> None:
    started = init(tmp_path, "python", "our-sis")
    site = tmp_path / "site"
    install = ["install", "--no-deps", "--no-build-isolation", "--no-index", "--target", site, started]
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, install)]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    config = configured(tmp_path, started)

    def ewpgw(*arguments: object) -> subprocess.CompletedProcess[str]:
        run = [sys.executable, "-m", "ewpgw", "adapter", *map(str, arguments)]
        environ = environment(PYTHONPATH=str(site))
        return subprocess.run(run, capture_output=True, text=True, timeout=120, check=False, env=environ)

    assert {"kind": "our-sis", "about": "Our student information system."} in json.loads(ewpgw("list", "--json").stdout)
    checked = ewpgw("check", "--config", config)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert ["iias", "0", "0", "0", "0"] in [line.split() for line in checked.stdout.splitlines()]
