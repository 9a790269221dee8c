"""The page that leads from a system to its first records in the gateway, followed as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from support.pages import Reader, blocks

from ewpgw.adapters.contract import Adapter, Reading
from ewpgw.adapters.starting import KINDS
from ewpgw.security.keys import generate, write_private_key

DOCS = Path(__file__).resolve().parents[2] / "docs"
CONFIG = """\
network: {behind_proxy: true}
heis:
  - id: north.example
    public_url: https://ewp.north.example/north.example
    names: [{text: University of the North}]
    admin_emails: [ewp@north.example]
    admin_provider: North
    keys: [{file: north.pem}]
"""


def test_the_page_leads_from_nothing_to_the_first_import(tmp_path: Path) -> None:
    write_private_key(tmp_path / "north.pem", generate())

    def configured() -> bool:
        """The reader has put the piece into the configuration, and the copied files have settled."""
        config = yaml.safe_load(CONFIG)
        config["heis"][0] |= yaml.safe_load((tmp_path / "sis/adapter.yaml").read_text("utf-8"))
        config["heis"][0]["adapter"]["settle_seconds"] = 0
        (tmp_path / "ewpgw.yaml").write_text(yaml.safe_dump(config), "utf-8")
        return True

    reader = Reader(tmp_path / "home", {}, cwd=tmp_path, waits={"adapter check": configured})
    assert reader.run(DOCS / "adapters" / "connect.md") == len(blocks(DOCS / "adapters" / "connect.md")) == 4
    assert (tmp_path / "ewpgw.db").exists()


def test_the_page_names_every_kind_that_there_are_beginnings_of() -> None:
    text = (DOCS / "adapters" / "connect.md").read_text("utf-8")
    (said,) = re.findall(r"There are beginnings for (.*?)\. ", " ".join(text.split()))
    assert re.findall("`([a-z]+)`", said) == list(KINDS)


def test_the_manual_of_python_adapters_names_all_of_the_contract() -> None:
    text = (DOCS / "adapters" / "python.md").read_text("utf-8")
    for reading in Reading.__args__:
        assert f"| `{reading.__name__}(" in text
    members = {name for name in vars(Adapter) if not name.startswith("_")} | {"imported", "kind", "settings_model"}
    for name in members:
        assert f"| `{name}" in text, name
