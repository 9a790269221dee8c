"""``ewpgw adapter sync``: importing from the command line, and what it tells of it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from support.configurations import with_adapter
from support.processes import environment, until
from typer.testing import CliRunner

from ewpgw.adapters.syncing import EntitySync, Refused, Sync
from ewpgw.commands.adapter import app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from support.folder_gateway import Gateway, Source

    Agreement = Callable[..., dict[str, object]]

NORTH = "north.example"
NO_KEY = "Expecting property name enclosed in double quotes (line 1, column 2)"


@pytest.fixture
def config(source: Source) -> Path:
    """A configuration with the folder."""
    return with_adapter(source.path.parent, {"kind": "folder", "path": "north", "settle_seconds": 0})


def sync(config: Path) -> tuple[int, Any]:
    """The exit code and the report of one import."""
    done = CliRunner().invoke(app, ["sync", "--config", str(config), "--json"])
    assert done.stderr == ""
    return done.exit_code, json.loads(done.stdout)[0]


async def test_records_that_look_wrong_are_counted_when_they_come(
    source: Source, gateway: Gateway, agreement: Agreement
) -> None:
    source.write("iias/1.json", {**agreement("1"), "cooperation_conditions": {}})
    source.write("iias/2.json", agreement("2"))
    syncing = Sync(source.adapter(), gateway.store, gateway.records)
    assert (await syncing.take()).counts["iias"] == EntitySync(read=2, created=2, warnings=1)
    assert (await syncing.take()).counts["iias"] == EntitySync(read=2)


async def test_an_import_counts_what_it_brought(source: Source, gateway: Gateway, agreement: Agreement) -> None:
    for number in range(3):
        source.write(f"iias/{number}.json", agreement(str(number)))
    source.write("iias/bad.json", {**agreement("9"), "in_effect": "perhaps"})
    source.write("iias/half.json", "{")
    (source.path / "organizational-units").mkdir()
    syncing = Sync(source.adapter(), gateway.store, gateway.records)
    seen, stored = list[str](), list[int]()
    first = await syncing.take(seen.append, stored.append)
    assert first.counts == {
        "iias": EntitySync(read=5, created=3, refused=2, reasons=2),
        "organizational-units": EntitySync(),
    }
    assert seen == ["iias"] * 5
    assert stored == [5]
    assert sorted(first.refusals, key=lambda refused: refused.key) == [
        Refused("iias/bad.json", "iias", "in_effect", "must be true or false; the value is perhaps"),
        Refused("iias/half.json", "iias", "", "is not JSON: " + NO_KEY),
    ]
    assert (first.ok, first.moved) == (False, True)
    assert await gateway.served() == ["0", "1", "2"]

    source.write("iias/0.json", agreement("0", people=9))
    (source.path / "iias/1.json").unlink()
    (source.path / "iias/bad.json").unlink()
    (source.path / "iias/half.json").unlink()
    second = await syncing.take()
    assert second.counts["iias"] == EntitySync(read=2, changed=1, deleted=1)
    assert second.counts["iias"].unchanged == 1
    assert second.ok
    third = await Sync(source.adapter(), gateway.store, gateway.records).take()
    assert third.counts["iias"] == EntitySync(read=2)
    assert not third.moved


async def test_what_is_still_being_written_is_pending(source: Source, gateway: Gateway, agreement: Agreement) -> None:
    source.write("iias/0.json", agreement("0"))
    report = await Sync(source.adapter(settle_seconds=3600), gateway.store, gateway.records).take()
    assert report.counts["iias"] == EntitySync(read=1, pending=1)


def test_the_command_imports_and_the_next_one_finds_nothing_to_do(
    source: Source, config: Path, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    code, report = sync(config)
    assert (code, report["ok"]) == (0, True)
    assert report["counts"]["iias"]["created"] == 1
    code, report = sync(config)
    assert (code, report["counts"]["iias"]["created"], report["counts"]["iias"]["unchanged"]) == (0, 0, 1)


def test_the_command_shows_counts_and_reasons_and_fails_where_something_is_refused(
    source: Source, config: Path
) -> None:
    source.write("iias/a.json", "{")
    done = CliRunner().invoke(app, ["sync", "--config", str(config)])
    assert done.exit_code == 1
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["entity", "read", "created", "changed", "unchanged", "refused", "reasons"] in [line[:7] for line in lines]
    assert ["iias", "1", "0", "0", "0", "1", "1", "0", "0", "0"] in lines
    assert "is not JSON" in done.stdout


def test_every_bad_row_of_a_table_is_counted_and_told(source: Source, config: Path) -> None:
    rows = "".join(f"{number},x,y,en,z\n" for number in range(4))
    source.write("organizational-units/units.csv", f"ounit_id,ounit_code,name.0.value,name.0.lang\n{rows}")
    _, report = sync(config)
    count = report["counts"]["organizational-units"]
    assert (count["read"], count["refused"], count["reasons"]) == (1, 1, 4)
    assert [refused["message"][:6] for refused in report["refusals"]] == ["line 2", "line 3", "line 4", "line 5"]

    source.write("organizational-units/units.csv", f"ounit_id,ounit_code,name.0.value,name.0.lang\n{rows * 3}")
    done = CliRunner().invoke(app, ["sync", "--config", str(config)])
    assert [done.stdout.count(f"line {number} has more cells") for number in (2, 11, 12)] == [1, 1, 0]
    assert "… and 2 more; 'ewpgw adapter check --json' tells them all" in done.stdout


def test_a_source_that_has_lost_a_whole_kind_of_records_is_told_and_nothing_deleted(
    source: Source, config: Path, agreement: Agreement
) -> None:
    source.write("iias/a.json", agreement("1"))
    sync(config)
    (source.path / "iias/a.json").unlink()
    (source.path / "iias").rmdir()
    code, report = sync(config)
    assert (code, report["counts"]) == (1, {})
    assert "does not offer iias (1 before)" in report["lacking"]


def test_a_folder_that_is_not_there_is_said_in_words(source: Source, config: Path) -> None:
    source.path.rmdir()
    done = CliRunner().invoke(app, ["sync", "--config", str(config)])
    assert (done.exit_code, "cannot be listed" in done.stderr, done.stdout) == (1, True, "")


@pytest.fixture
def watching(config: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """``ewpgw adapter sync --watch --json``, and the file that it writes to."""
    written = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "ewpgw", "adapter", "sync", "--watch", "--json", "--config", str(config)]
    with written.open("wb") as out, (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen(command, env=environment(), stdout=out, stderr=err)
    try:
        yield process, written
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


def test_a_watch_goes_on_importing_until_it_is_interrupted(
    source: Source, watching: tuple[subprocess.Popen[bytes], Path], agreement: Agreement
) -> None:
    process, written = watching

    def reports() -> list[Any]:
        return [json.loads(line) for line in written.read_text("utf-8").splitlines()]

    until(lambda: len(reports()) == 1, "the first import is told")
    source.write("iias/a.json", agreement("1"))
    until(lambda: len(reports()) == 2, "the second import is told")
    assert reports()[1]["counts"]["iias"]["created"] == 1
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert (written.parent / "err").read_text("utf-8") == ""


def test_a_terminal_sees_the_progress(source: Source, config: Path, agreement: Agreement) -> None:
    for number in range(40):
        source.write(f"iias/{number}.json", agreement(str(number)))
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "ewpgw", "adapter", "sync", "--config", str(config)]
    with subprocess.Popen(
        command, env=environment(TERM="xterm"), stdout=subprocess.DEVNULL, stderr=end, close_fds=True
    ) as process:
        os.close(end)
        seen = b""
        with suppress(OSError):  # the terminal's other end is closed
            while piece := os.read(terminal, 65536):
                seen += piece
        assert process.wait(60) == 0
    os.close(terminal)
    assert b"north.example: reading iias" in seen
    assert b"north.example: storing" in seen
    assert "━".encode() in seen
