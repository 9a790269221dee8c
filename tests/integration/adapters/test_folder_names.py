"""Names of files that no database or terminal can take: written out, and no harm to the other files."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from support.configurations import with_adapter
from typer.testing import CliRunner

from ewpgw.adapters.contract import Complete, Item, Partial, Unreadable
from ewpgw.commands.adapter import app
from ewpgw.store import refusals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.folder_gateway import Gateway, Source

    from ewpgw.adapters.contract import Reading

    Agreement = Callable[..., dict[str, object]]

NORTH = "north.example"


def _make(source: Source, name: bytes, content: bytes = b"{}") -> None:
    path = os.path.join(os.fsencode(source.path / "iias"), name)  # noqa: PTH118  (a Path takes no bytes)
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(content)


async def _read(source: Source) -> list[Reading]:
    return [reading async for reading in source.adapter().snapshot()]


@pytest.mark.parametrize("ending", [b"json", b"csv", b"txt"])
async def test_a_file_whose_name_is_not_utf_8_is_told_and_the_others_are_read(
    gateway: Gateway, source: Source, agreement: Agreement, ending: bytes
) -> None:
    source.write("iias/a.json", agreement("a"))
    _make(source, b"Gr\xf6\xdfe." + ending)
    with capture_logs() as logs:
        assert await gateway.importer.take() is None
    assert await gateway.served() == ["a"]
    [found] = await refusals.list_page(gateway.store, NORTH)
    assert found.key == "folder:iias/Gr\\xf6\\xdfe." + ending.decode()
    assert json.loads(found.problems)[0]["message"] == "has a name that is not UTF-8 and is not read; rename it"
    assert str(logs).encode()


async def test_a_name_written_out_is_no_other_files(source: Source, agreement: Agreement) -> None:
    source.write("iias/\\xf6.json", agreement("a"))
    _make(source, b"\xf6.json")
    keys = [each.key for each in await _read(source) if isinstance(each, Item | Unreadable)]
    assert sorted(keys) == ["iias/\\xf6.json", "iias/\\xf6.json?"]


async def test_such_a_file_is_passed_over_where_any_other_were(source: Source, agreement: Agreement) -> None:
    source.write("iias/a.json", agreement("a"))
    for name in (b".\xf6.json", b"\xf6.json~", b"\xf6.tmp"):
        _make(source, name)
    assert [type(each) for each in await _read(source)] == [Item, Complete]
    for name in (b"\xf6.json", b"\xf6.json.lock"):
        _make(source, name)
    os.utime(os.path.join(os.fsencode(source.path), b"iias/\xf6.json.lock"), (1, 1))  # noqa: PTH118
    *_, last = await _read(source)
    assert isinstance(last, Partial)
    assert last.problem is not None
    assert last.problem.startswith("iias/\\xf6.json.lock is there for more than an hour")


async def test_a_folder_whose_name_is_not_utf_8_is_told(source: Source) -> None:
    os.mkdir(os.path.join(os.fsencode(source.path), b"\xf6"))  # noqa: PTH102, PTH118
    assert [each.key for each in await _read(source) if isinstance(each, Unreadable)] == ["\\xf6"]


@pytest.mark.parametrize("command", ["check", "sync"])
def test_control_characters_in_names_do_not_reach_the_terminal(source: Source, tmp_path: Path, command: str) -> None:
    source.write("iias/\x1b[31mred\n.json", "{")
    source.write("iias/\x9bbad.part", "")
    os.utime(source.path / "iias/\x9bbad.part", (1, 1))
    config = with_adapter(tmp_path, {"kind": "folder", "path": "north", "settle_seconds": 0})
    done = CliRunner().invoke(app, [command, "--config", str(config)])
    assert done.exit_code == 1
    assert "iias/\\x1b[31mred\\n.json" in done.stdout
    assert "\\x9bbad.part is there" in done.output
    assert not set(done.output) & {"\x1b", "\x9b"}
