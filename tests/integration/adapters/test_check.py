"""The dry run of an adapter, and the command that shows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from support.scripted_adapter import ScriptedAdapter
from typer.testing import CliRunner

from ewpgw.adapters.check import EntityCount, Finding, Shown, dry_run, look_up
from ewpgw.adapters.contract import AdapterProblem, Complete, Item, Reading, Unchanged
from ewpgw.adapters.folder import FolderAdapter
from ewpgw.commands.adapter import app
from ewpgw.preparing import Incoming
from ewpgw.security.keys import generate, write_private_key

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from support.folder_gateway import Source
    from typer.testing import Result

NORTH = "north.example"


@pytest.fixture
def mixed(source: Source, agreement: Callable[..., dict[str, object]]) -> Source:
    """A folder with good files, a warned one, and one of each kind of refusal."""
    source.write("institutions/north.json", {"hei_id": NORTH, "name": [{"value": "North", "lang": "en"}]})
    source.write("iias/a.json", agreement("1"))
    source.write("iias/b.json", {**agreement("2"), "in_efect": True})
    source.write("iias/c.json", agreement("1"))
    source.write("iias/d.json", "{")
    source.write("iia/e.json", "{}")
    return source


async def test_a_dry_run_counts_what_would_be_imported_and_names_each_refusal(mixed: Source) -> None:
    report = await dry_run(mixed.adapter())
    assert not report.ok
    assert report.counts == {
        "iias": EntityCount(found=4, valid=1, refused=3, warnings=0),
        "institutions": EntityCount(found=1, valid=1, refused=0, warnings=1),
    }
    refusals = [each for each in report.findings if each.severity == "refusal"]
    assert [(each.key, each.entity, each.path) for each in refusals] == [
        ("iia", None, ""),
        ("iias/b.json", "iias", "in_efect"),
        ("iias/c.json", "iias", ""),
        ("iias/d.json", "iias", ""),
    ]
    assert "did you mean 'in_effect'?" in refusals[1].message
    assert refusals[2].message == "has the id 1, as iias/a.json has"


async def test_a_dry_run_of_good_files_is_ok_and_counts_an_empty_entity_too(
    source: Source, agreement: Callable[..., dict[str, object]]
) -> None:
    for number in range(60):
        source.write(f"iias/{number}.json", agreement(str(number)))
    (source.path / "organizational-units").mkdir()
    report = await dry_run(source.adapter())
    assert (report.ok, report.findings) == (True, ())
    assert report.counts == {"iias": EntityCount(found=60, valid=60), "organizational-units": EntityCount()}


async def test_a_dry_run_says_which_files_it_did_not_wait_for(source: Source) -> None:
    source.write("iias/a.json", "{")
    report = await dry_run(source.adapter(settle_seconds=3600))
    assert report.ok
    assert report.findings == (
        Finding("iias/a.json", "iias", "", "is still being written and was not checked", "warning"),
    )


async def test_a_dry_run_of_a_missing_folder_raises(source: Source) -> None:
    source.path.rmdir()
    with pytest.raises(AdapterProblem, match="mount or create it"):
        await dry_run(source.adapter())


@pytest.fixture
def config(source: Source) -> Path:
    """A configuration with two HEIs: one with the folder, one with the SIS API alone."""
    folder = source.path.parent
    heis = []
    for hei in ("north", "south"):
        write_private_key(folder / f"{hei}.pem", generate())
        heis.append(
            {
                "id": f"{hei}.example",
                "public_url": f"https://ewp.{hei}.example",
                "names": [{"text": hei, "lang": "en"}],
                "admin_emails": [f"ewp@{hei}.example"],
                "admin_provider": hei,
                "keys": [{"file": f"{hei}.pem"}],
                "adapter": {"kind": "folder", "path": "north", "settle_seconds": 0} if hei == "north" else None,
            }
        )
    file = folder / "ewpgw.yaml"
    file.write_text(yaml.safe_dump({"network": {"behind_proxy": True}, "heis": heis}), "utf-8")
    return file


def test_the_command_shows_counts_and_refusals_and_fails(mixed: Source, config: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--config", str(config)])
    assert result.exit_code == 1
    lines = [line.split() for line in result.output.splitlines()]
    assert ["iias", "4", "1", "3", "0"] in lines
    assert any(line[:3] == ["iias/b.json", "refusal", "in_efect"] for line in lines)


def test_the_command_writes_json_and_succeeds_where_all_is_good(source: Source, config: Path) -> None:
    source.write("institutions/north.json", {"hei_id": NORTH, "name": [{"value": "North", "lang": "en"}]})
    result = CliRunner().invoke(app, ["check", "--config", str(config), "--hei", NORTH, "--json"])
    assert result.exit_code == 0
    (report,) = json.loads(result.output)
    assert (report["hei_id"], report["ok"]) == (NORTH, True)
    assert report["counts"] == {"institutions": {"found": 1, "valid": 1, "refused": 0, "warnings": 1, "more": False}}
    assert {finding["severity"] for finding in report["findings"]} == {"warning"}


@pytest.mark.parametrize(
    ("hei", "words"),
    [
        ("south.example", "no adapter is configured there"),
        ("east.example", "it covers north.example, south.example"),
    ],
)
def test_the_command_says_where_there_is_nothing_to_check(config: Path, hei: str, words: str) -> None:
    result = CliRunner().invoke(app, ["check", "--config", str(config), "--hei", hei])
    assert (result.exit_code, words in result.output) == (1, True)


def test_the_command_says_that_the_folder_is_missing(source: Source, config: Path) -> None:
    source.path.rmdir()
    result = CliRunner().invoke(app, ["check", "--config", str(config)])
    assert (result.exit_code, "cannot be listed" in result.output) == (1, True)


async def test_no_more_of_a_folder_is_read_than_the_sample(
    source: Source, agreement: Callable[..., dict[str, object]]
) -> None:
    for number in range(30):
        source.write(f"iias/{number:02}.json", agreement(str(number)))
    source.write("iias/99.json", "{")
    report = await dry_run(source.adapter(), limit=5)
    assert report.counts["iias"] == EntityCount(found=5, valid=5, more=True)
    assert report.ok
    whole = await dry_run(source.adapter(), limit=31)
    assert whole.counts["iias"] == EntityCount(found=31, valid=30, refused=1)


def test_the_command_says_that_there_is_more_and_how_to_see_one_record(
    source: Source, config: Path, agreement: Callable[..., dict[str, object]]
) -> None:
    for number in range(3):
        source.write(f"iias/{number} x.json", agreement(str(number)))
    done = CliRunner().invoke(app, ["check", "--config", str(config), "--limit", "2"])
    assert ["iias", "2+", "2", "0", "0"] in [line.split() for line in done.stdout.splitlines()]
    assert "--key 'iias/0 x.json'" in done.stdout


class Sampled(ScriptedAdapter):
    """A source that can do without reading what is not asked for."""

    kind = "sampled"

    def __init__(self, documents: dict[str, object]) -> None:
        super().__init__()
        self.documents = documents
        self.read: list[str] = []

    async def snapshot(self) -> AsyncGenerator[Reading, None]:
        for key, document in self.documents.items():
            if self.imported(key, "1"):
                yield Unchanged(key, "iias", "1")
            else:
                self.read.append(key)
                yield Item(key, "iias", Incoming(id=None, document=document), "1")
        yield Complete("iias")


async def test_an_adapter_that_can_reads_no_more_than_the_sample(agreement: Callable[..., dict[str, object]]) -> None:
    adapter = Sampled({f"iias/{number}": agreement(str(number)) for number in range(10)})
    report = await dry_run(adapter, limit=3)
    assert report.counts["iias"] == EntityCount(found=10, valid=3)
    assert report.counts["iias"].unchecked == 7
    assert adapter.read == ["iias/0", "iias/1", "iias/2"]
    adapter.read.clear()
    shown = await look_up(adapter, "7")
    assert isinstance(shown, Shown)
    assert (shown.id, adapter.read) == ("7", ["iias/7"])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments])


def test_one_item_is_shown_beside_the_document_it_becomes(
    source: Source, config: Path, agreement: Callable[..., dict[str, object]]
) -> None:
    source.write("iias/a.json", agreement("2026-1", people=7))
    for key in ("iias/a.json", "a.json"):
        result = run("--config", str(config), "--key", key)
        assert result.exit_code == 0
        lines = result.stdout.splitlines()
        assert lines[0] == f"{NORTH}: iias/a.json (id 2026-1)"
        both = [
            line for line in lines if '"value": "7"' in line or "<mobilities-per-year>7</mobilities-per-year>" in line
        ]
        assert both, result.stdout
        assert lines[2].startswith("{")
        assert "<iias-get-response" in lines[2] or "<?xml" in lines[2]


def test_one_item_as_json_has_record_document_and_problems(mixed: Source, config: Path) -> None:
    good = json.loads(run("--config", str(config), "--key", "iias/a.json", "--json").stdout)
    assert (good[0]["id"], good[0]["entity"]) == ("1", "iias")
    assert good[0]["document"].startswith("<iias-get-response")
    assert good[0]["record"]["partner"][0]["iia_id"] == "1"
    refused = run("--config", str(config), "--key", "iias/b.json", "--json")
    assert refused.exit_code == 1
    (shown,) = json.loads(refused.stdout)
    assert shown["document"] is None
    assert shown["record"]["in_efect"] is True
    assert [problem["path"] for problem in shown["problems"]] == ["in_efect"]
    unreadable = run("--config", str(config), "--key", "iias/d.json")
    assert (unreadable.exit_code, "cannot be read" in unreadable.stdout, "is not JSON" in unreadable.stdout) == (
        1,
        True,
        True,
    )


def test_an_item_that_is_not_there_is_answered_with_some_that_are(mixed: Source, config: Path) -> None:
    result = run("--config", str(config), "--key", "iias/z.json")
    assert result.exit_code == 1
    assert (
        "has nothing of the key iias/z.json; there are, among others, iia, institutions/north.json, " in result.stderr
    )


def test_many_refusals_are_not_all_written_out(source: Source, config: Path) -> None:
    for number in range(25):
        source.write(f"iias/{number:02}.json", "{")
    shown = run("--config", str(config)).stdout
    assert shown.count("is not JSON") == 10
    assert "… and 15 more; --json has them all" in shown
    (report,) = json.loads(run("--config", str(config), "--json").stdout)
    assert len(report["findings"]) == 25


def test_what_an_adapter_should_not_raise_is_blamed_on_it(
    source: Source, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise KeyError("number")

    monkeypatch.setattr(FolderAdapter, "_list", fail)
    result = run("--config", str(config))
    assert result.exit_code == 1
    assert result.stderr.startswith("the adapter 'folder' raised KeyError (")
    assert result.stderr.endswith("); this is a fault of the adapter\n")


def test_the_installed_kinds_are_listed_with_a_line_each() -> None:
    listed = CliRunner().invoke(app, ["list"])
    assert listed.exit_code == 0
    rows = {line.split()[0]: line for line in listed.stdout.splitlines()[1:]}
    assert {"folder", "sql", "rest"} <= rows.keys()
    assert all(len(row.split()) > 3 and "`" not in row for row in rows.values())


def test_a_kind_without_mapping_files_has_no_schema_of_them() -> None:
    for kind, words in (("oracle", "not installed; installed are: "),):
        done = CliRunner().invoke(app, ["schema", kind])
        assert (done.exit_code, words in done.stderr) == (2, True)
