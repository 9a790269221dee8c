"""An adapter in a package of its own, installed and run: the example that the manual shows."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.closed_network import ClosedNetwork, Gateway, closed_network
from support.documents import iia
from support.processes import ewpgw, until

PACKAGE = Path(__file__).resolve().parents[1] / "support" / "example_adapter"
NORTH, SOUTH = "north.example", "south.example"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the package is installed, as anyone would, but for what it depends on."""
    folder = tmp_path_factory.mktemp("site")
    install = ["install", "--no-deps", "--no-build-isolation", "--no-index", "--target", folder, PACKAGE]
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, install)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def lyceum(site: Path) -> ModuleType:
    """The student system's own module, out of the installed package."""
    found = importlib.util.spec_from_file_location("lyceum", site / "lyceum_ewp" / "lyceum.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["lyceum"] = module  # its dataclasses look themselves up there
    found.loader.exec_module(module)
    return module


@pytest.fixture
def network(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClosedNetwork]:
    """North's records come from Lyceum, south's through the SIS API. Nothing is started yet."""
    monkeypatch.setenv("PYTHONPATH", str(site))
    (tmp_path / "lyceum.json").write_text(json.dumps({"agreements": [], "foreign": {}}), "utf-8")
    with closed_network(tmp_path) as made:
        north = made.gateway("north", NORTH)
        made.gateway("south", SOUTH, adapter=False)
        north.config["heis"][0]["adapter"] = {"kind": "lyceum", "file": "lyceum.json", "look_seconds": 0.1}
        north.config_file.write_text(json.dumps(north.config), encoding="utf-8")
        yield made


def row(number: str, **changes: object) -> dict[str, object]:
    """An agreement as Lyceum keeps it."""
    return {
        "number": number,
        "changed": 1,
        "partner": SOUTH,
        "signed": False,
        "students_out": 3,
        "students_in": 2,
        "language": "en",
        "first_year": 2026,
        "last_year": 2028,
        **changes,
    }


def document(gateway: Gateway, hei_id: str, partner: str, number: str) -> Any:
    """A partner's copy."""
    return gateway.sis.get(f"/api/v1/heis/{hei_id}/partner-copies/iias/{partner}/{number}")["document"]


def people(gateway: Gateway, hei_id: str, partner: str, number: str) -> list[str]:
    """How many students go each way, by the partner's copy of an agreement."""
    if gateway.sis.copy(hei_id, partner, number) is None:
        return []
    conditions = document(gateway, hei_id, partner, number)["cooperation_conditions"]["student_studies_mobility_spec"]
    return [condition["mobilities_per_year"]["value"] for condition in conditions]


def test_the_installed_example_connects_a_student_system_both_ways(
    network: ClosedNetwork, lyceum: ModuleType, tmp_path: Path
) -> None:
    system = lyceum.Lyceum(tmp_path / "lyceum.json")
    north, south = network["north"], network["south"]
    network.start()
    system.put_agreement(**row("L-1"))
    until(lambda: people(south, SOUTH, NORTH, "L-1") == ["3", "2"], "south has the agreement")

    system.put_agreement(**row("L-1", changed=2, students_out=8))
    until(lambda: people(south, SOUTH, NORTH, "L-1") == ["8", "2"], "south has the change")

    theirs = iia("S-7", owner=SOUTH, partner=NORTH, partner_iia_id="L-1")
    assert south.sis.put(SOUTH, "iias", "S-7", theirs).status == 201
    until(lambda: f"{SOUTH}/S-7" in system.foreign(), "Lyceum has south's copy")
    until(
        lambda: system.foreign()[f"{SOUTH}/S-7"]["remark"] == "the copy of our agreement", "Lyceum knows what it is of"
    )
    kept = system.foreign()[f"{SOUTH}/S-7"]
    assert kept["document"]["partner"][1]["iia_id"] == "L-1"

    assert north.process.terminate() == 0
    system.put_agreement(**row("L-1", changed=3, students_out=9))
    synced = json.loads(ewpgw("adapter", "sync", "--config", north.config_file, "--json").stdout)
    assert synced[0]["counts"]["iias"]["changed"] == 1
    north.start()
    until(lambda: people(south, SOUTH, NORTH, "L-1") == ["9", "2"], "south is told of what was imported meanwhile")
    assert document(south, SOUTH, NORTH, "L-1")["partner"][1]["iia_id"] == "S-7"

    gone = south.sis.request("DELETE", f"/api/v1/heis/{SOUTH}/records/iias/S-7")
    assert gone.status == 204
    until(lambda: system.foreign()[f"{SOUTH}/S-7"]["document"] is None, "Lyceum knows that it is gone")
    assert system.foreign()[f"{SOUTH}/S-7"]["remark"] == "withdrawn by the partner"

    system.put_agreement(**row("L-2", first_year=2029))
    refusals = f"/api/v1/heis/{NORTH}/refusals"
    until(lambda: north.sis.get(refusals)["items"], "the gateway says what is wrong")
    (refused,) = north.sis.get(refusals)["items"]
    assert "ends before it begins" in refused["problems"][0]["message"]
    assert set(north.sis.records(NORTH)) == {"L-1"}

    system.put_agreement(**row("L-3"))
    until(lambda: people(south, SOUTH, NORTH, "L-3"), "south has the third")
    system.remove_agreement("L-1")
    until(lambda: south.sis.copy(SOUTH, NORTH, "L-1") is None, "south knows that the first is gone")


def test_the_commands_know_the_installed_adapter(network: ClosedNetwork, lyceum: ModuleType, tmp_path: Path) -> None:
    system = lyceum.Lyceum(tmp_path / "lyceum.json")
    system.put_agreement(**row("L-1"))
    system.put_agreement(**row("L-2", first_year=2029))
    config = network["north"].config_file

    listed = json.loads(ewpgw("adapter", "list", "--json").stdout)
    about = "Agreements of the student system Lyceum, and partners' copies of them."
    assert {"kind": "lyceum", "about": about} in listed

    checked = ewpgw("adapter", "check", "--config", config)
    assert checked.returncode == 1
    assert ["iias", "2", "1", "1", "0"] in [line.split() for line in checked.stdout.splitlines()]
    assert "ends before it begins; correct its years in Lyceum" in checked.stdout

    shown = ewpgw("adapter", "check", "--config", config, "--key", "agreement/L-1")
    assert shown.returncode == 0
    assert "LYC L-1" in shown.stdout
    assert "<iia-code>LYC L-1</iia-code>" in shown.stdout

    synced = json.loads(ewpgw("adapter", "sync", "--config", config, "--json").stdout)
    assert (synced[0]["counts"]["iias"]["created"], synced[0]["counts"]["iias"]["refused"]) == (1, 1)

    (tmp_path / "lyceum.json").unlink()
    away = ewpgw("adapter", "check", "--config", config)
    assert (away.returncode, away.stdout) == (1, "")
    assert away.stderr.startswith("Lyceum does not answer: ")


def test_options_that_the_adapter_does_not_have_are_faults_of_the_configuration(
    network: ClosedNetwork, tmp_path: Path
) -> None:
    north = network["north"]
    north.config["heis"][0]["adapter"] = {"kind": "lyceum", "fiel": "lyceum.json"}
    north.config_file.write_text(json.dumps(north.config), encoding="utf-8")
    done = ewpgw("config", "check", "--config", north.config_file)
    assert done.returncode == 1
    assert "heis[0].adapter.fiel" in done.stderr
    assert "heis[0].adapter.file" in done.stderr
