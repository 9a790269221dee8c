"""``ewpgw adapter confirm-deletions``."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ewpgw.commands.adapter import app
from ewpgw.security import keys
from ewpgw.store import Store, held_deletions
from ewpgw.store.held_deletions import HeldDeletion, HeldKey

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
NAME = "0f3a9c21b7de"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose store holds one set."""
    keys.write_private_key(tmp_path / "north.pem", keys.generate())
    path = tmp_path / "ewpgw.yaml"
    path.write_text(CONFIG, encoding="utf-8")

    async def hold() -> None:
        store = await Store.open(f"sqlite:///{tmp_path / 'ewpgw.db'}")
        key = HeldKey("north.example", "folder", "iias")
        async with store.transaction() as tx:
            ids = tuple(str(number) for number in range(30))
            held = HeldDeletion(key, NAME, ids, 40, datetime(2026, 9, 1, tzinfo=UTC), None, None)
            await held_deletions.put(tx, held)
        await store.close()

    asyncio.run(hold())
    return path


def _run(config: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["confirm-deletions", "--config", str(config), *arguments])
    return result.exit_code, result.output


def test_what_waits_is_listed_and_confirmed_by_its_name(config: Path) -> None:
    code, shown = _run(config)
    assert code == 0
    assert [word in shown for word in (NAME, "north.example", "30", "40", "no")] == [True] * 5
    code, shown = _run(config, NAME)
    assert (code, shown) == (0, "30 iias of north.example are deleted when the source is read next\n")
    [listed] = json.loads(_run(config, "--json")[1])
    assert (listed["confirmed_by"], len(listed["ids"])) == ("command line", 30)


def test_a_set_that_does_not_wait_is_wrong(config: Path) -> None:
    code, said = _run(config, "aaaaaaaaaaaa")
    assert code == 1
    assert "no deletions called aaaaaaaaaaaa wait" in said
