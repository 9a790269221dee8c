"""A university's database and the network, through the sql adapter: what changes on one side is on the other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.closed_network import ClosedNetwork, closed_network
from support.coordinators import Coordinator
from support.databases import empty_database
from support.documents import iia, twin
from support.processes import ewpgw, until
from support.university import University

from ewpgw import resources

NORTH, SOUTH = "north.example", "south.example"


@pytest.fixture(scope="module", params=["postgresql", "mariadb", "sqlite"])
def university(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[University]:
    with empty_database(request, tmp_path_factory.mktemp("university")) as url:
        found = University(url)
        found.create()
        yield found


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, university: University) -> Iterator[ClosedNetwork]:
    """North reads the database, south has folders."""
    folder = tmp_path_factory.mktemp("sql")
    with closed_network(folder) as found:
        north = found.gateway("north", NORTH)
        found.gateway("south", SOUTH)
        shutil.copytree(resources.folder("config") / "sql", folder / "mappings")
        north.config["heis"][0]["adapter"] = {
            "kind": "sql",
            "url": university.url,
            "mappings": "mappings",
            "poll_seconds": 0.5,
            "outward": {"tables": "ewp_"},
        }
        north.config_file.write_text(json.dumps(north.config))
        created = ewpgw("adapter", "create-tables", "--config", north.config_file)
        assert created.returncode == 0, created.stderr
        found.start()
        yield found


def _people(file: Path) -> str | None:
    if not file.exists():
        return None
    studies = json.loads(file.read_text())["cooperation_conditions"]["student_studies_mobility_spec"]
    return str(studies[0]["mobilities_per_year"]["value"])


def _copy(university: University, id_: str) -> tuple[str, str | None] | None:
    """The state and the document of a partner's copy."""
    rows = university.rows("SELECT id, state, document FROM ewp_partner_copy")
    return next(((state, document) for found, state, document in rows if found == id_), None)


def test_what_the_database_holds_is_in_the_partners_system_changes_and_deletions_too(
    network: ClosedNetwork, university: University
) -> None:
    inbox = network["south"].inbox(SOUTH, NORTH)
    university.add("N1", people=5)
    university.add("N2")
    until(lambda: (inbox / "N2.json").exists() and _people(inbox / "N1.json") == "5", "south has both")
    university.change("N1", people=8)
    until(lambda: _people(inbox / "N1.json") == "8", "south has the change")
    university.remove("N2")
    until((inbox / "N2.gone.json").exists, "south knows that it is gone")


def test_what_the_partner_changes_is_in_our_table(network: ClosedNetwork, university: University) -> None:
    file = network["south"].data(SOUTH) / "iias" / "S1.json"
    file.write_text(json.dumps(iia("S1", owner=SOUTH, partner=NORTH, people=3)))
    until(lambda: _copy(university, "S1"), "the copy is in the table")
    file.write_text(json.dumps(iia("S1", owner=SOUTH, partner=NORTH, people=7)))
    until(lambda: '"value": "7"' in str(_copy(university, "S1")), "the change is in the table")
    file.unlink()
    until(lambda: _copy(university, "S1") == ("gone", None), "the table says that it is gone")


def test_what_the_partner_decides_is_in_our_table(network: ClosedNetwork, university: University) -> None:
    def decisions() -> list[tuple[str, str, str, str]]:
        rows = university.rows("SELECT what, partner, id, our_id FROM ewp_decisions ORDER BY number")
        return [tuple(row) for row in rows if row.our_id == "N5"]

    south = Coordinator(network["south"].sis, SOUTH, NORTH)
    university.add("N5")
    copy = until(lambda: south.copy("N5"), "south has it")
    twins = twin(copy["document"], "S5")
    (network["south"].data(SOUTH) / "iias" / "S5.json").write_text(json.dumps(twins))
    until(lambda: decisions() == [("agreement-mapped", SOUTH, "S5", "N5")], "the table says which copy is theirs")
    until(lambda: (south.copy("N5") or {}).get("our_id") == "S5", "south sees that its copy is named")
    south.approves("S5")
    until(lambda: decisions()[1:] == [("approval-received", SOUTH, "S5", "N5")], "the approval is in the table")
