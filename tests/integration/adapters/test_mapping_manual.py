"""The examples of docs/adapters/mapping.md work as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from ewpgw.adapters import loading
from ewpgw.adapters.folder import FolderAdapter
from ewpgw.adapters.folder_tables import FolderSource
from ewpgw.adapters.mapping import json_schema, load_file
from ewpgw.adapters.tables import Limits, Line, read_csv
from ewpgw.config.source import read

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "adapters" / "mapping.md").read_text("utf-8")
_EXAMPLE = re.compile(r"```(csv|json)\n([^`]*?)```\n\n```yaml\n([^`]*?)```\n\n```json\n([^`]*?)```")
EXAMPLES = [found.groups() for found in _EXAMPLE.finditer(PAGE)]


def test_all_examples_are_found() -> None:
    assert len(EXAMPLES) == 6
    assert len(re.findall("```yaml", PAGE)) == len(EXAMPLES) + 1


@pytest.mark.parametrize(("kind", "row", "part", "result"), EXAMPLES)
def test_an_example_makes_what_it_says(tmp_path: Path, kind: str, row: str, part: str, result: str) -> None:
    needed = {"ounit_id": "=U", "ounit_code": "=C", "name": "=N"}
    text = "entity: organizational-units\nsource: {}\nkey: id\nrecord:\n"
    said = {line.partition(":")[0] for line in part.splitlines()}
    text += "".join(f"  {name}: {given}\n" for name, given in needed.items() if name not in said)
    path = tmp_path / "units.yaml"
    path.write_text(text + "".join(f"  {line}\n" for line in part.splitlines()), "utf-8")
    validator = jsonschema_rs.Draft202012Validator(json_schema(FolderSource))
    assert [fault.message for fault in validator.iter_errors(read(path).data)] == []
    mapping = load_file(path, FolderSource, hei_id="north.example").record
    made: dict[str, Any] = mapping.apply(_row(kind, row))
    wanted = json.loads(result)
    assert {name: made.get(name) for name in wanted} == wanted
    assert {name for name in made if name not in wanted} <= needed.keys()


def _row(kind: str, text: str) -> dict[str, object]:
    if kind == "json":
        found = json.loads(text)
        assert isinstance(found, dict)
        return found
    [line] = read_csv(text.encode(), Limits(2**20, 10), delimiter=",", encoding="utf-8")
    assert isinstance(line, Line)
    return line.row


def test_the_example_configuration_is_accepted(tmp_path: Path) -> None:
    [block] = re.findall(r"```yaml\n(adapter:.*?)```", PAGE, re.DOTALL)
    options = yaml.safe_load(block)["adapter"]
    assert isinstance(loading.create("north.example", options.pop("kind"), options, tmp_path), FolderAdapter)


def test_every_file_that_the_page_links_is_there() -> None:
    linked = re.findall(r"\]\((\.\./[^)]+)\)", PAGE)
    assert linked
    assert [link for link in linked if not (ROOT / "docs" / "adapters" / link).exists()] == []
