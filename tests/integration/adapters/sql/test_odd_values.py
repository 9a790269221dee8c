"""Values in rows that Python has no counterpart of, and texts that are none."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from ewpgw.adapters.contract import Complete, Item, Unreadable

if TYPE_CHECKING:
    from support.sql_gateway import Site

    from ewpgw.adapters.contract import Reading

_UNITS = """
entity: organizational-units
key: code
source:
  select: SELECT * FROM u
record:
  ounit_id: code
  ounit_code: code
  name: {name}
"""


def _mapped(site: Site, *, name: str = "name") -> None:
    for file in site.mappings.iterdir():
        file.unlink()
    (site.mappings / "units.yaml").write_text(_UNITS.format(name=name), "utf-8")


async def _read(site: Site) -> list[Reading]:
    return [each async for each in site.adapter().snapshot()]


async def _names(site: Site, name: str) -> list[object]:
    """What a field made of a column is in each row."""
    _mapped(site, name=name)
    documents: list[Any] = [each.incoming.document for each in await _read(site) if isinstance(each, Item)]
    return [document["name"][0] for document in documents]


@pytest.mark.parametrize(
    ("type_", "usual", "odd"),
    [
        ("timestamp", "2026-09-01 12:00:00", "infinity"),
        ("timestamp", "2026-09-01 12:00:00", "0044-03-15 00:00:00 BC"),
        ("timestamptz", "2026-09-01 12:00:00+00", "-infinity"),
        ("date", "2026-09-01", "infinity"),
        ("date", "2026-09-01", "12026-09-01"),
        ("time", "10:00:00", "24:00:00"),
        ("timetz", "10:00:00+02", "24:00:00+02"),
        ("timestamp[]", "{}", "{infinity}"),
        ("interval", "1 day", "100000000 years"),
    ],
)
async def test_a_time_beyond_those_of_python_ends_no_reading(site: Site, type_: str, usual: str, odd: str) -> None:
    if site.kind != "postgresql":
        pytest.skip("only PostgreSQL has such times")
    site.university.run(
        f"CREATE TABLE u (code text, name text, at {type_})",
        f"INSERT INTO u VALUES ('a', 'A', '{usual}'), ('b', 'B', '{odd}')",
        "GRANT SELECT ON u TO ewpgw_reader",
    )
    assert await _names(site, "name") == ["A", "B"]
    _mapped(site, name="at")
    assert isinstance((await _read(site))[-1], Complete)


async def test_a_text_that_is_not_utf_8_is_refused_where_it_is_used_and_not_quoted(site: Site) -> None:
    if site.kind != "sqlite":
        pytest.skip("the others take no such text")
    with sqlite3.connect(site.folder / "university.db") as connection:
        connection.execute("CREATE TABLE u (code text, name text, other text)")
        connection.execute("INSERT INTO u VALUES ('a', 'ä', 'x'), ('b', CAST(x'fc4142' AS text), 'y')")
        connection.execute("INSERT INTO u VALUES (CAST(x'fc4142' AS text), 'c', 'z')")
    connection.close()
    assert await _names(site, "other") == ["x", "y"]
    _mapped(site)
    unreadable = [each for each in await _read(site) if isinstance(each, Unreadable)]
    nameless, refused = unreadable
    assert (nameless.key, refused.key) == ("organizational-units/a row without key", "organizational-units/b")
    assert "1 rows have nothing in code" in nameless.problem.message
    assert "neither text" in refused.problem.message
    assert "AB" not in refused.problem.message


async def test_times_of_day_and_bits_are_values_like_others(site: Site) -> None:
    if site.kind != "mariadb":
        pytest.skip("PostgreSQL's are texts and times")
    site.university.run(
        "CREATE TABLE u (code varchar(5), at time, flag bit(1), bits bit(12))",
        "INSERT INTO u VALUES ('a', '09:05:00', 0, 0), ('b', '838:59:59', 1, 4095), ('c', '-01:00:00', 1, 256)",
    )
    assert await _names(site, '"{at}"') == ["09:05:00", "838:59:59", "-01:00:00"]
    assert await _names(site, '"{flag}"') == ["0", "1", "1"]
    assert await _names(site, '"{bits}"') == ["0", "4095", "256"]
