"""``ewpgw records``: what it writes for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from ewpgw.commands.records import app
from ewpgw.model.entities import ENTITIES
from ewpgw.model.reference import pages

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


def records(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_every_kind_of_record_is_listed_with_its_identifier() -> None:
    listed = json.loads(records("list", "--json").stdout)
    assert [row["entity"] for row in listed] == list(ENTITIES)
    assert {"partner.0.iia_id", "ounit_id", "hei_id", "omobility_id"} <= {row["identifier"] for row in listed}
    table = records("list").stdout
    assert all(name in table for name in ENTITIES)


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_example_is_valid_by_the_schema_and_for_the_named_institution(entity: str) -> None:
    schema = json.loads(records("schema", entity).stdout)
    example = json.loads(records("example", entity, "--hei", "uni.example").stdout)
    jsonschema_rs.validate(schema, example)
    assert ENTITIES[entity].from_json("uni.example", example).problems == ()


@pytest.mark.parametrize("command", ["schema", "example"])
def test_a_kind_that_there_is_not_is_wrong_usage(command: str) -> None:
    done = records(command, "student")
    assert done.exit_code == 2
    assert done.stderr == f"student is no kind of record; there are {', '.join(ENTITIES)}\n"


def test_the_pages_are_written_into_a_folder(tmp_path: Path) -> None:
    assert records("docs", str(tmp_path / "new")).exit_code == 0
    written = {path.name: path.read_text("utf-8") for path in (tmp_path / "new").iterdir()}
    assert written == pages()
