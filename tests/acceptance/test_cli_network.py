"""``ewpgw call``, ``partners``, ``adapter check``, ``iia hash`` and ``validate``, as processes beside a network."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from lxml import etree
from support.closed_network import ClosedNetwork, Gateway
from support.documents import iia
from support.processes import ewpgw


@pytest.fixture(scope="module")
def north(network: ClosedNetwork) -> Gateway:
    return network["north"]


def _call(north: Gateway, *arguments: str) -> CompletedProcess[str]:
    return ewpgw("call", *arguments, "--config", north.config_file)


def _changed(north: Gateway, name: str, **sections: object) -> Path:
    """A configuration file beside north's that differs in these sections."""
    file = north.folder / f"{name}.yaml"
    file.write_text(json.dumps({**north.config, **sections}), encoding="utf-8")
    return file


def test_a_call_shows_the_verified_answer_and_is_kept_as_evidence(north: Gateway) -> None:
    done = _call(north, "south.example", "echo", "", "echo=één", "echo=two")
    assert (done.returncode, done.stderr) == (0, "")
    first, _, body = done.stdout.partition("\n")
    assert first.endswith("/south.example/echo/v2: HTTP 200, signature verified")
    assert etree.fromstring(body.encode()).xpath("//*[local-name()='echo']/text()") == ["één", "two"]
    assert "<hei-id>north.example</hei-id>" in body
    path = "/api/v1/heis/north.example/exchanges?partner=south.example&direction=out&api=echo&limit=1"
    (kept,) = north.sis.get(path)["items"]
    assert (kept["method"], kept["status"], kept["verdict"]) == ("POST", 200, "verified")


def test_a_call_writes_json_and_nothing_else_for_programs(north: Gateway, network: ClosedNetwork) -> None:
    # with a database that knows no catalogue yet, there is something to log
    file = _changed(north, "fresh", store={"url": "sqlite:///fresh.db"})
    arguments = ["hibo.no", "institutions", "", "hei_id=hibo.no", "--as", "uw.edu.pl", "--get", "--json"]
    done = ewpgw("call", *arguments, "--config", file)
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    url = network["south"].url("/institutions/v2?hei_id=hibo.no", "hibo.no")
    assert (answer["status"], answer["signed"], answer["url"]) == (200, True, url)
    assert "institutions-response" in answer["body"]


def test_an_error_answer_is_told_in_the_partners_words(north: Gateway) -> None:
    done = _call(north, "south.example", "iias", "get")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("the partner answered with HTTP 400: ")
    assert "iia_id" in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.example", "echo", ""], "the catalogue lists no echo API of nowhere.example"),
        (["south.example", "echo", "", "--version", "7"], "no echo API in version 7 for south.example"),
        (["south.example", "iias", "fetch"], "the iias entry of south.example has no fetch URL"),
    ],
)
def test_a_call_that_cannot_be_made_says_why(north: Gateway, arguments: list[str], words: str) -> None:
    done = _call(north, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert words in line


@pytest.mark.parametrize("arguments", [["echo"], ["echo=x", "--as", "south.example"]])
def test_a_call_with_wrong_arguments_is_wrong_usage(north: Gateway, arguments: list[str]) -> None:
    done = _call(north, "south.example", "echo", "", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1


def test_partners_are_listed_with_their_apis(north: Gateway) -> None:
    done = ewpgw("partners", "--config", north.config_file)
    assert (done.returncode, done.stderr) == (0, "")
    rows = done.stdout.splitlines()
    (south,) = [row for row in rows if row.startswith("south.example ")]
    assert "University of south.example" in south
    assert "iias 7.0.0" in south
    assert "iia-cnr 3.0.0" in south
    listed = [row.split()[0] for row in rows[1:-1]]
    assert listed == sorted(listed)
    assert {"hibo.no", "north.example", "south.example", "uw.edu.pl"} <= set(listed)
    assert rows[-1] == f"{len(listed)} institutions"


def test_partners_are_json_for_programs_and_can_be_chosen(north: Gateway) -> None:
    done = ewpgw("partners", "hibo.no", "south.example", "--api", "iias", "--json", "--config", north.config_file)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [
        {"hei_id": hei_id, "name": f"University of {hei_id}", "apis": ["iias 7.0.0"]}
        for hei_id in ("hibo.no", "south.example")
    ]


def test_an_adapter_check_counts_and_tells_each_refusal_with_file_path_and_reason(
    north: Gateway, tmp_path: Path
) -> None:
    folder = tmp_path / "organizational-units"
    folder.mkdir()
    (folder / "good.json").write_text('{"ounit_id": "1", "ounit_code": "G", "name": [{"value": "Good"}]}')
    (folder / "bad.json").write_text('{"ounit_id": "2", "ounit_code": "B", "name": [], "logo_url": "http://x"}')
    (folder / "half.json").write_text('{"ounit_id": ')
    adapter = {"kind": "folder", "path": str(tmp_path), "settle_seconds": 0}
    file = _changed(north, "checked", store={"url": "sqlite:///checked.db"})
    config = json.loads(file.read_text())
    file.write_text(json.dumps({**config, "heis": [{**config["heis"][0], "adapter": adapter}]}))

    done = ewpgw("adapter", "check", "--json", "--config", file)
    assert (done.returncode, done.stderr) == (1, "")
    (report,) = json.loads(done.stdout)
    assert (report["hei_id"], report["ok"]) == ("north.example", False)
    counts = {"found": 3, "valid": 1, "refused": 2, "warnings": 0, "more": False}
    assert report["counts"] == {"organizational-units": counts}
    refused = {(found["key"], found["path"]): found["message"] for found in report["findings"]}
    assert "is not JSON" in refused["organizational-units/half.json", ""]
    assert {path for key, path in refused if key.endswith("/bad.json")} == {"name", "logo_url"}

    shown = ewpgw("adapter", "check", "--config", file)
    assert shown.returncode == 1
    rows = shown.stdout.splitlines()
    for (key, path), message in refused.items():
        assert any(key in row and path in row and message in row for row in rows), (key, path, message, rows)
    assert not (north.folder / "checked.db").exists()


def test_an_adapter_check_of_a_good_folder_ends_well(network: ClosedNetwork) -> None:
    south = network["south"]
    done = ewpgw("adapter", "check", "--hei", "south.example", "--json", "--config", south.config_file)
    assert (done.returncode, done.stderr) == (0, "")
    (report,) = json.loads(done.stdout)
    assert (report["ok"], report["findings"]) == (True, [])


def test_an_adapter_check_of_a_hei_that_is_not_covered_says_which_are(north: Gateway) -> None:
    done = ewpgw("adapter", "check", "--hei", "south.example", "--config", north.config_file)
    assert (done.returncode, done.stdout) == (1, "")
    assert "it covers north.example, uw.edu.pl" in done.stderr


def test_what_a_partner_is_served_is_valid_and_carries_its_hash(
    north: Gateway, network: ClosedNetwork, tmp_path: Path
) -> None:
    assert north.sis.put("north.example", "iias", "checked", iia("checked")).status == 201
    done = ewpgw(
        "call", "north.example", "iias", "get", "iia_id=checked", "--json", "--config", network["south"].config_file
    )
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    body = json.loads(done.stdout)["body"]
    good.write_text(body, encoding="utf-8")
    bad.write_text(body.replace("<blended>false</blended>", "<blended>perhaps</blended>"), encoding="utf-8")
    hashed = ewpgw("iia", "hash", "--json", good)
    assert hashed.returncode == 0
    assert [row["agree"] for row in json.loads(hashed.stdout)] == [True]
    checked = ewpgw("validate", good, bad)
    assert checked.returncode == 1
    assert checked.stdout.startswith(f"{good}: valid (")
    assert "blended" in checked.stderr
    assert "perhaps" in checked.stderr
    assert str(good) not in checked.stderr


@pytest.mark.parametrize("command", [["call", "south.example", "echo", ""], ["partners"]])
def test_a_database_that_is_away_is_told_in_one_line(north: Gateway, command: list[str]) -> None:
    file = _changed(north, "away", store={"url": "sqlite:////nowhere/at/all.db"})
    done = ewpgw(*command, "--config", file)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "/nowhere/at/all.db" in line
