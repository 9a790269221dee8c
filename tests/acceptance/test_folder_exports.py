"""A nightly export as CSV and the network, through the folder adapter: rows that change, vanish, and cannot be read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from support.closed_network import ClosedNetwork, Gateway
from support.documents import iia
from support.processes import complaints, environment, ewpgw, until

NORTH, SOUTH = "north.example", "south.example"
MAPPING = """\
entity: iias
source: {files: "*.csv", delimiter: ";"}
key: number
record:
  partner:
    - {hei_id: $hei_id, iia_id: number, iia_code: "N/{number}"}
    - hei_id: partner
  in_effect: =false
  cooperation_conditions:
    student_traineeship_mobility_spec:
      sending_hei_id: $hei_id
      receiving_hei_id: partner
      receiving_first_academic_year_id: =2026/2027
      receiving_last_academic_year_id: =2028/2029
      mobilities_per_year: people
      blended: =false
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClosedNetwork]:
    """North exports a table, south has folders. North's adapter is let to fail, as it has to say so."""
    folder = tmp_path_factory.mktemp("exports")
    found = ClosedNetwork(folder)
    try:
        north = found.gateway("north", NORTH)
        found.gateway("south", SOUTH)
        (folder / "mappings").mkdir()
        (folder / "mappings" / "iias.yaml").write_text(MAPPING)
        north.config["heis"][0]["adapter"]["mappings"] = "mappings"
        north.config_file.write_text(json.dumps(north.config))
        found.start()
        yield found
    finally:
        found.put_away()
    for log in sorted(folder.glob("*.log")):
        assert {json.loads(line)["event"] for line in complaints(log)} <= {"adapter.fails"}, log.name


@pytest.fixture
def north(network: ClosedNetwork) -> Gateway:
    return network["north"]


@pytest.fixture
def inbox(network: ClosedNetwork) -> Path:
    """Where south has north's agreements."""
    return network["south"].inbox(SOUTH, NORTH)


def export(gateway: Gateway, people: dict[str, int]) -> None:
    """Write the table whole, as a rename does."""
    rows = ["number;partner;people", *(f"{number};{SOUTH};{count}" for number, count in people.items())]
    part = gateway.data(NORTH) / "iias" / "export.csv.part"
    part.write_text("\n".join(rows))
    part.rename(part.with_suffix(""))


def seen(inbox: Path, number: str) -> str | None:
    """How many people an agreement has where the partner keeps it."""
    if not (inbox / f"{number}.json").exists():
        return None
    document = json.loads((inbox / f"{number}.json").read_text())
    (condition,) = document["cooperation_conditions"]["student_traineeship_mobility_spec"]
    return str(condition["mobilities_per_year"]["value"])


def has(gateway: Gateway, numbers: set[str]) -> bool:
    """Whether the gateway has these agreements and no others."""
    return set(gateway.sis.records(NORTH)) == numbers


def adapter(gateway: Gateway) -> tuple[bool, str]:
    """What the gateway says of its adapter."""
    return gateway.sis.check(f"adapter of {NORTH}")


def test_rows_of_an_export_are_in_the_partners_system_and_the_partners_records_in_the_inbox(
    network: ClosedNetwork, north: Gateway, inbox: Path
) -> None:
    export(north, {f"N{number}": 5 for number in range(1, 11)})
    until(lambda: all(seen(inbox, f"N{number}") == "5" for number in range(1, 11)), "south has all ten")
    export(north, {f"N{number}": 8 if number == 3 else 5 for number in range(1, 11)})
    until(lambda: seen(inbox, "N3") == "8", "south has the change")
    theirs = network["south"].data(SOUTH) / "iias" / "S1.json"
    theirs.write_text(json.dumps(iia("S1", owner=SOUTH, partner=NORTH)))
    until((north.inbox(NORTH, SOUTH) / "S1.json").exists, "north has south's")


def test_a_mapping_file_that_breaks_is_said_with_its_line_and_stops_nothing_else(
    network: ClosedNetwork, north: Gateway, inbox: Path
) -> None:
    file = network.folder / "mappings" / "iias.yaml"
    until(lambda: adapter(north) == (True, "in step"), "all is well")
    file.write_text(MAPPING.replace("mobilities_per_year", "mobilities_a_year"))
    until(lambda: not adapter(north)[0], "the gateway says so")
    said = adapter(north)[1]
    assert f"{file}, line 15: record.cooperation_conditions.student_traineeship_mobility_spec" in said
    assert "mobilities_a_year: is not a field of the record here; did you mean mobilities_per_year?" in said
    assert north.sis.ready().status == 200
    assert len(north.sis.records(NORTH)) == 10
    file.write_text(MAPPING.replace("mobilities_per_year: people", "mobilities_per_year: =9"))
    until(lambda: seen(inbox, "N10") == "9", "the mended one counts, without a restart")
    file.write_text(MAPPING)
    until(lambda: seen(inbox, "N10") == "5", "and so does the next")
    assert adapter(north) == (True, "in step")


def test_an_import_by_hand_beside_the_gateway_harms_nothing(north: Gateway, inbox: Path) -> None:
    command = [sys.executable, "-m", "ewpgw", "adapter", "sync", "--config", str(north.config_file), "--json"]
    people: dict[str, int] = {f"N{number}": 5 for number in range(1, 11)}
    for _ in range(3):
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as by_hand:
            while by_hand.poll() is None:
                people = {number: count + 1 for number, count in people.items()} | {f"N{len(people) + 1}": 1}
                export(north, people)
                until(partial(has, north, set(people)), "one of the two has imported it")
            out, err = by_hand.communicate()
        assert (by_hand.returncode, err) == (0, b"")
        (report,) = json.loads(out)
        assert (report["lacking"], report["counts"]["iias"]["deleted"]) == (None, 0)
    last = f"N{len(people)}"
    until(lambda: seen(inbox, last) == str(people[last]), "south has the last row")
    until(lambda: all(seen(inbox, number) == str(count) for number, count in people.items()), "south has every row")
    assert has(north, set(people))
    assert north.sis.get(f"/api/v1/heis/{NORTH}/refusals")["items"] == []
    assert not list(inbox.glob("*.gone.json"))


def test_when_most_rows_vanish_nothing_is_deleted_before_a_person_says_so(north: Gateway, inbox: Path) -> None:
    before = set(north.sis.records(NORTH))
    kept = {"N1": 5, "N2": 5}
    export(north, kept)
    until(lambda: "confirm-deletions" in adapter(north)[1], "the gateway says that it holds them")
    assert f"{len(before) - 2} of {len(before)} iias are gone from the source" in adapter(north)[1]
    until(lambda: seen(inbox, "N1") == "5", "what is still there goes on")
    assert has(north, before)
    (held,) = json.loads(ewpgw("adapter", "confirm-deletions", "--config", north.config_file, "--json").stdout)
    done = ewpgw("adapter", "confirm-deletions", "--config", north.config_file, held["set"])
    assert done.returncode == 0, done.stderr
    until(lambda: has(north, set(kept)), "they are deleted")
    until((inbox / "N3.gone.json").exists, "south knows that they are gone")
    until(lambda: adapter(north) == (True, "in step"), "nothing waits any more")
