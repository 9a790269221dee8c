"""The JSON Schemas of mapping files accept all mapping files of the project: examples, starters, those of the pages."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from support.pages import fenced

from ewpgw.adapters.loading import load
from ewpgw.adapters.mapping import json_schema
from ewpgw.adapters.starting import files_of
from ewpgw.config.source import parse
from ewpgw.model.entities import ENTITIES

ROOT = Path(__file__).parents[3]
EXAMPLES = {
    path: "sql" if "sql" in path.parts else "rest" if "rest" in path.parts else "folder"
    for path in sorted((ROOT / "config").rglob("*.yaml"))
    if re.search(r"(?m)^entity:", path.read_text("utf-8"))
}
PAGES = {"sql.md": "sql", "rest.md": "rest"}
STARTERS = {"csv": "folder", "sql": "sql", "rest": "rest"}


@cache
def schema(kind: str) -> dict[str, Any]:
    source_model = load(kind).source_model
    assert source_model is not None
    return json_schema(source_model)


def faults(kind: str, data: object) -> list[str]:
    """What the schema of a kind has against a mapping file."""
    found = jsonschema_rs.Draft202012Validator(schema(kind)).iter_errors(data)
    return [f"{'.'.join(map(str, fault.instance_path))}: {fault.message}" for fault in found]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: "-".join(path.relative_to(ROOT / "config").parts))
def test_the_schema_accepts_every_mapping_file_of_config(file: Path) -> None:
    assert faults(EXAMPLES[file], parse(file.read_text("utf-8")).data) == []


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("kind", STARTERS)
def test_the_schema_accepts_every_starter_as_it_is_and_with_every_field(kind: str, entity: str) -> None:
    text = files_of(kind, "north.example", Path("/srv/adapter"))[f"mappings/{entity}.yaml"]
    assert faults(STARTERS[kind], parse(text).data) == []
    assert faults(STARTERS[kind], parse(re.sub("^#(?=  )", "", text, flags=re.MULTILINE)).data) == []


@pytest.mark.parametrize("page", PAGES)
def test_the_schema_accepts_the_mapping_files_of_the_pages(page: str) -> None:
    blocks = [parse(block).data for block in fenced(ROOT / "docs" / "adapters" / page, "yaml")]
    found = [block for block in blocks if "entity" in block]
    assert found
    whole: dict[str, object] = {"record": {}}
    for block in found:
        complaints = faults(PAGES[page], {**whole, **block})
        assert [each for each in complaints if "record" in block or not each.startswith("record")] == []


def test_the_schemas_refuse_what_no_mapping_file_may_have() -> None:
    for kind in ("folder", "sql", "rest"):
        assert faults(kind, {"entity": "iias", "key": "a", "source": {"nothing": "such"}, "record": {}})
        assert faults(kind, {"entity": "iia", "key": "a", "source": {}, "record": {}})
