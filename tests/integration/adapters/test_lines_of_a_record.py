"""Records of several lines, of a file or of a database's lists: no column, and no line, is lost without a word."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from ewpgw.adapters import loading
from ewpgw.adapters.check import CheckReport, Finding, dry_run
from ewpgw.adapters.contract import AdapterProblem
from ewpgw.adapters.folder import FolderAdapter, FolderSettings

if TYPE_CHECKING:
    from pathlib import Path

UNITS = """\
entity: organizational-units
source: {rows: people}
key: nr
record:
  ounit_id: nr
  ounit_code: nr
  name: name
  contact:
    - each: people
      where: {role: [dean, office]}
      item: {contact_name: who, email: mail}
"""
HEADER = "nr,name,role,who,mail\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a source with its mapping file."""
    for each in ("mappings", "records/organizational-units"):
        (tmp_path / each).mkdir(parents=True)
    (tmp_path / "mappings" / "units.yaml").write_text(UNITS, "utf-8")
    return tmp_path


async def _checked(folder: Path, table: str) -> CheckReport:
    (folder / "records" / "organizational-units" / "u.csv").write_text(table, "utf-8")
    options = {"path": folder / "records", "mappings": folder / "mappings", "settle_seconds": 0}
    return await dry_run(FolderAdapter("north.example", FolderSettings.model_validate(options)))


async def test_a_column_that_only_the_lines_of_a_record_need_is_missed_too(folder: Path) -> None:
    report = await _checked(folder, "nr,name,role,who,e-mail\nit,IT,dean,A,a@north.example\n")
    (finding,) = report.findings
    assert "lacks columns that units.yaml names: mail (line 11)" in finding.message
    assert not report.ok


async def test_a_line_that_goes_into_no_part_of_its_record_is_told_before_it_is_imported(folder: Path) -> None:
    report = await _checked(folder, f"{HEADER}it,IT,dean,A,a@north.example\nit,IT,porter,B,\nit,IT,guard,C,\n")
    said = (
        "2 of 3 people are left out: no 'where' in units.yaml takes them, in organizational-units/u.csv, line 2; "
        "the value is role porter, role guard"
    )
    assert report.findings == (Finding("organizational-units/u.csv#it", "organizational-units", "", said, "warning"),)
    assert report.ok
    assert report.counts["organizational-units"].warnings == 1


async def test_a_line_that_says_nothing_of_what_is_asked_is_not_told(folder: Path) -> None:
    assert (await _checked(folder, f"{HEADER}it,IT,,,\nlaw,Law,office,Office,law@north.example\n")).findings == ()


async def test_lines_of_which_an_expression_takes_some_are_not_told(folder: Path) -> None:
    others = "    - {each: {jmespath: \"people[?role=='porter']\"}, item: {contact_name: who, email: mail}}\n"
    (folder / "mappings" / "units.yaml").write_text(UNITS + others, "utf-8")
    report = await _checked(folder, f"{HEADER}it,IT,dean,A,a@north.example\nit,IT,porter,B,b@north.example\n")
    assert report.findings == ()


@pytest.fixture
def database(folder: Path) -> Path:
    """A database with a unit and its people, and the same mapping file for it."""
    database = folder / "university.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            """
            CREATE TABLE unit (nr TEXT PRIMARY KEY, name TEXT);
            CREATE TABLE person (nr TEXT, role TEXT, who TEXT, mail TEXT);
            INSERT INTO unit VALUES ('it', 'IT');
            INSERT INTO person VALUES ('it', 'dean', 'A', 'a@north.example'), ('it', 'porter', 'B', NULL);
            """
        )
    lists = "{select: SELECT * FROM unit, lists: {people: {select: SELECT * FROM person, key: nr}}}"
    (folder / "mappings" / "units.yaml").write_text(UNITS.replace("{rows: people}", lists), "utf-8")
    return database


async def _checked_database(database: Path) -> CheckReport:
    options = {"url": f"sqlite:///{database}", "mappings": str(database.parent / "mappings")}
    adapter = loading.create("north.example", "sql", options, database.parent)
    try:
        return await dry_run(adapter)
    finally:
        await adapter.close()


async def test_a_column_that_a_list_of_a_database_lacks_is_told_with_its_line(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("ALTER TABLE person RENAME mail TO email")
    with pytest.raises(
        AdapterProblem, match=r"units\.yaml, line 11: mail: is not among the columns of the list people; it"
    ):
        await _checked_database(database)


async def test_a_row_of_a_list_that_goes_into_no_part_of_its_record_is_told(database: Path) -> None:
    report = await _checked_database(database)
    said = "1 of 2 people are left out: no 'where' in units.yaml takes them, in nr it; the value is role porter"
    assert report.findings == (Finding("organizational-units/it", "organizational-units", "", said, "warning"),)
