"""The dry run of an adapter, and the command that shows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from ewpgw.adapters.check import EntityCount, Finding, dry_run
from ewpgw.adapters.contract import AdapterProblem
from ewpgw.commands.adapter import app
from ewpgw.security.keys import generate, write_private_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.adapters.conftest import Source

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
    assert report["counts"] == {"institutions": {"found": 1, "valid": 1, "refused": 0, "warnings": 1}}
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
