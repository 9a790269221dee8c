"""The page about databases, followed as it stands."""

from __future__ import annotations

from pathlib import Path

import yaml
from support.pages import Reader, fenced
from support.university import University

from ewpgw import resources
from ewpgw.adapters.loading import create
from ewpgw.adapters.sql.settings import OF_DECISIONS, PARAMETERS, SqlList, SqlSettings, SqlSource
from ewpgw.security.keys import generate, write_private_key

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adapters" / "sql.md"
CONFIG = """\
network: {behind_proxy: true}
heis:
  - id: north.example
    public_url: https://ewp.north.example/north.example
    names: [{text: University of the North}]
    admin_emails: [ewp@north.example]
    admin_provider: North
    keys: [{file: north.pem}]
    adapter:
      kind: sql
      url: sqlite:///sis.db
      mappings: MAPPINGS
      outward: {tables: ewp_}
"""


def test_the_commands_of_the_page_work(tmp_path: Path) -> None:
    write_private_key(tmp_path / "north.pem", generate())
    university = University(f"sqlite:///{tmp_path / 'sis.db'}")
    university.create()
    university.add("2026-17")
    (tmp_path / "ewpgw.yaml").write_text(CONFIG.replace("MAPPINGS", str(resources.folder("config") / "sql")), "utf-8")
    reader = Reader(tmp_path / "home", {}, cwd=tmp_path)
    assert reader.run(PAGE) == 2


def test_the_configurations_of_the_page_are_accepted(tmp_path: Path) -> None:
    whole, _, *others = (yaml.safe_load(each) for each in fenced(PAGE, "yaml"))
    options = whole["adapter"]
    assert len(others) == 2
    for each in (options, *({**options, **other} for other in others)):
        create("north.example", "sql", {name: value for name, value in each.items() if name != "kind"}, tmp_path)


def test_the_mapping_on_the_page_is_how_the_example_begins() -> None:
    shown = yaml.safe_load(fenced(PAGE, "yaml")[1])
    whole = yaml.safe_load((resources.folder("config") / "sql" / "iias.yaml").read_text("utf-8"))
    assert shown == {name: whole[name] for name in shown}


def test_the_page_names_every_option() -> None:
    text = PAGE.read_text("utf-8")
    for name, field in SqlSettings.model_fields.items():
        assert f"| `{field.alias or name}` |" in text, name
    for name in SqlSource.model_fields:
        assert f"| `{name}` |" in text, name
    for name in SqlList.model_fields.keys() - {"lists", "of"}:
        assert f"| `lists.….{name}` |" in text, name
    for name in (*PARAMETERS, *OF_DECISIONS):
        assert f"`:{name}`" in text, name
