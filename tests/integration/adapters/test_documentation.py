"""The manuals' examples work as they stand there."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from contextlib import aclosing, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ewpgw.adapters import loading
from ewpgw.adapters.check import EntityCount, dry_run
from ewpgw.adapters.contract import Adapter, CopyDelivery
from ewpgw.adapters.folder import FolderAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from support.folder_gateway import Source

DOCS = Path(__file__).parents[3] / "docs" / "adapters"
NORTH = "north.example"


def _example(page: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


async def test_the_example_agreement_of_the_folder_manual_would_be_imported(source: Source) -> None:
    source.write("iias/2026-17.json", _example("folder.md", "json"))
    report = await dry_run(source.adapter())
    assert report.counts["iias"] == EntityCount(found=1, valid=1)


def test_the_example_configuration_of_the_folder_manual_is_accepted(tmp_path: Path) -> None:
    options = yaml.safe_load(_example("folder.md", "yaml"))["adapter"]
    adapter = loading.create(NORTH, options.pop("kind"), options, tmp_path)
    assert isinstance(adapter, FolderAdapter)
    assert adapter.folder == tmp_path / "records/north"


async def test_the_example_adapter_of_the_python_manual_imports_and_delivers(
    tmp_path: Path, agreement: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    scope: dict[str, object] = {"__name__": "north_ewp"}
    exec(compile(_example("python.md", "python"), "python.md", "exec", dont_inherit=True), scope)
    example = scope["TableAdapter"]
    assert isinstance(example, type)
    assert issubclass(example, Adapter)
    monkeypatch.setattr(loading, "load", lambda _: example)
    file = tmp_path / "sis.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE agreement (number, document, version)")
        database.execute("CREATE TABLE partner_agreement (partner, id, state, document, PRIMARY KEY (partner, id))")
        database.execute("INSERT INTO agreement VALUES (1, ?, 1)", (json.dumps(agreement("1")),))
    adapter = loading.create(NORTH, "table", {"file": str(file), "look_seconds": 0.01}, tmp_path)
    report = await dry_run(adapter)
    assert (report.ok, report.counts) == (True, {"iias": EntityCount(found=1, valid=1)})
    async with asyncio.timeout(10), aclosing(adapter.changes()) as changes:
        await anext(changes)
    copy = CopyDelivery(
        NORTH, "iias", "south.example", "S1", "current", 1, b"<x/>", {"a": 1}, (), datetime(2026, 9, 1, tzinfo=UTC)
    )
    for delivery in (copy, copy, replace(copy, state="gone", body=None, document=None)):
        await adapter.deliver(delivery)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT * FROM partner_agreement").fetchall() == [("south.example", "S1", "gone", None)]


def test_the_example_entry_point_is_of_the_group_that_is_searched() -> None:
    assert f'"{loading.GROUP}"' in _example("python.md", "toml")
