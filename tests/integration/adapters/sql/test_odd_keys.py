"""Keys that name nothing, or the same; rows of lists whose key is not that of their row to the letter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from ewpgw.adapters.contract import AdapterProblem, Complete, Item, Partial, SourceIncomplete, Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.sql_gateway import Gateway, Site

    from ewpgw.adapters.contract import Reading

_UNITS = """
entity: organizational-units
key: code
source:
  select: SELECT * FROM u
  lists:
    rooms:
      select: SELECT * FROM room
      key: {key}
      order: [n]
record:
  ounit_id: "u{{id}}"
  ounit_code: "u{{id}}"
  name: name
  contact:
    each: rooms
    item: {{contact_name: room}}
"""


def _given(
    site: Site, type_: str, rows: Sequence[str], rooms: Sequence[str] = (), *, key: str = "code", of: str | None = None
) -> None:
    """Units with rooms. ``type_``: of the unit's code; ``of``: of the code in rooms."""
    site.university.run(
        f"CREATE TABLE u (code {type_}, id varchar(20), name varchar(20))",
        f"CREATE TABLE room (code {of or type_}, n integer, room varchar(20))",
        *(f"INSERT INTO u VALUES {row}" for row in rows),
        *(f"INSERT INTO room VALUES {row}" for row in rooms),
    )
    if site.kind == "postgresql":
        site.university.run("GRANT SELECT ON u, room TO ewpgw_reader")
    (site.mappings / "iias.yaml").unlink()
    (site.mappings / "units.yaml").write_text(_UNITS.format(key=key), "utf-8")


async def _read(site: Site) -> list[Reading]:
    return [each async for each in site.adapter().snapshot()]


def _rooms(found: Sequence[Reading]) -> dict[str, list[Any]]:
    documents = {each.key.partition("/")[2]: each.incoming.document for each in found if isinstance(each, Item)}
    return {
        key: [contact["contact_name"][0] for contact in document.get("contact", ())]
        for key, document in documents.items()
        if isinstance(document, dict)
    }


def _unreadable(found: Sequence[Reading]) -> dict[str, str]:
    return {each.key: each.problem.message for each in found if isinstance(each, Unreadable)}


@pytest.mark.parametrize("blank", ["   ", "\u00a0", "\t\u00a0 "])
async def test_a_key_that_becomes_blank_deletes_nothing(gateway: Gateway, site: Site, blank: str) -> None:
    for number in ("A1", "A2"):
        site.university.add(number)
    await gateway.importer.take()
    site.university.run(f"UPDATE agreement SET agreement_no = '{blank}' WHERE agreement_no = 'A1'")
    assert await gateway.importer.take() is None
    assert await gateway.served() == ["A1", "A2"]
    assert "1 rows have nothing in agreement_no" in _unreadable(gateway.seen)["iias/a row without key"]
    assert isinstance(gateway.seen[-1], Partial)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("bytea", r"'\x41'"),
        ("int4range", "'[1,2)'"),
        ("text[]", "'{a}'"),
        ("json", """'{"a": 1}'"""),
        ("numeric", "'NaN'"),
        ("double precision", "'NaN'"),
    ],
)
async def test_what_cannot_name_a_row_is_told_and_deletes_nothing(site: Site, type_: str, value: str) -> None:
    if site.kind != "postgresql":
        pytest.skip("the types are PostgreSQL's")
    _given(site, type_, [f"({value}, '1', 'n')"], of="text")
    found = await _read(site)
    assert (
        "1 rows have nothing in code that can name them" in _unreadable(found)["organizational-units/a row without key"]
    )
    assert [type(each) for each in found] == [Unreadable, Partial]


async def test_keys_that_come_to_the_same_are_told_and_the_others_imported(site: Site) -> None:
    rows = ["(' a', '1', 'one')", "('a', '2', 'two')", "('b', '3', 'three')"]
    if site.kind == "sqlite":
        rows += ["(1, '4', 'four')", "('1', '5', 'five')"]
    _given(site, "" if site.kind == "sqlite" else "varchar(5)", rows, ["('a', 1, 'r1')", "('b', 1, 'r2')"])
    found = await _read(site)
    wanted = {"organizational-units/a"} | ({"organizational-units/1"} if site.kind == "sqlite" else set())
    assert _unreadable(found).keys() == wanted
    assert all("several rows have the same code" in said for said in _unreadable(found).values())
    assert _rooms(found) == {"b": ["r2"]}
    assert isinstance(found[-1], Complete)


@pytest.mark.parametrize("type_", ["real", "double precision"])
async def test_a_key_that_is_not_found_again_is_told_with_its_column_and_what_to_do(site: Site, type_: str) -> None:
    _given(site, type_ if site.kind != "mariadb" else "float", ["(0.1, '1', 'n')"])
    if site.kind == "sqlite" or (site.kind == "postgresql" and type_ == "double precision"):
        assert _rooms(await _read(site)) == {"0.1": []}
    else:
        with pytest.raises(AdapterProblem, match=r"units\.yaml, line 3: key: code is a floating-point .*CAST"):
            await _read(site)


async def test_rows_of_lists_go_to_the_row_with_just_their_key(site: Site) -> None:
    collated = " COLLATE utf8mb4_bin" if site.kind == "mariadb" else ""
    rooms = ["('a1', 1, 'low')", "('A1', 1, 'up')"]
    of = {"postgresql": "char(5)", "mariadb": "varchar(5)", "sqlite": "text COLLATE NOCASE"}[site.kind]
    _given(site, f"varchar(5){collated}", ["('a1', '1', 'n')", "('A1', '2', 'n')"], rooms, of=of)
    assert _rooms(await _read(site)) == {"a1": ["low"], "A1": ["up"]}


@pytest.mark.parametrize("size", [500, 1])
async def test_rows_of_lists_that_fit_several_rows_are_never_guessed(
    site: Site, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if site.kind == "postgresql":
        pytest.skip("its usual collations do not pass over case")
    monkeypatch.setattr("ewpgw.adapters.sql.reading._CHUNK", size)
    bound = {"mariadb": ("varchar(5) COLLATE utf8mb4_bin", "varchar(5) COLLATE utf8mb4_general_ci")}
    type_, of = bound.get(site.kind, ("text", "text COLLATE NOCASE"))
    rows = ["('ab', '1', 'n')", "('AB', '2', 'n')", "('c', '3', 'n')"]
    _given(site, type_, rows, ["('Ab', 1, 'r')", "('C', 1, 'r')"], of=of)
    told = (
        r"units\.yaml, line 9: source\.lists\.rooms\.key: fits several rows' code, .*; let both SELECTs give the same"
    )
    with pytest.raises(SourceIncomplete, match=told):
        await _read(site)
    site.university.run("DELETE FROM room WHERE room.code = 'Ab'")
    assert _rooms(await _read(site)) == {"ab": [], "AB": [], "c": ["r"]}


@pytest.mark.parametrize("size", [500, 1])
async def test_keys_that_the_database_alone_takes_for_the_same_are_told(
    site: Site, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if site.kind != "mariadb":
        pytest.skip("only collations of MariaDB and MySQL pass over accents here")
    monkeypatch.setattr("ewpgw.adapters.sql.reading._CHUNK", size)
    types = "varchar(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    _given(site, types, ["('Sao', '1', 'n')"], ["('São', 1, 'r')"])
    with pytest.raises(SourceIncomplete, match=r"units\.yaml, line 9: source\.lists\.rooms\.key: equals no row's code"):
        await _read(site)


@pytest.mark.parametrize(
    ("type_", "of"), [("integer", "varchar(5)"), ("varchar(5)", "integer"), ("numeric(5)", "integer")]
)
async def test_the_key_of_a_list_may_be_of_another_type(site: Site, type_: str, of: str) -> None:
    _given(site, type_, ["('1', '1', 'n')", "('2', '2', 'n')"], ["('1', 1, 'r1')", "('2', 1, 'r2')"], of=of)
    if site.kind == "postgresql" and (type_, of) == ("integer", "varchar(5)"):
        told = r"units\.yaml, line 9: source\.lists\.rooms\.key: cannot be compared .* operator does not exist.*CAST"
        with pytest.raises(SourceIncomplete, match=told):
            await _read(site)
    else:
        assert _rooms(await _read(site)) == {"1": ["r1"], "2": ["r2"]}


async def test_a_select_that_breaks_off_is_named(site: Site) -> None:
    if site.kind != "postgresql":
        pytest.skip("the others make NULL of it")
    _given(site, "varchar(5)", ["('1', '1', 'n')"], ["('1', 0, 'r1')"])
    file = site.mappings / "units.yaml"
    file.write_text(re.sub(r"SELECT \* FROM room", "SELECT code, 1 / n AS n, room FROM room", file.read_text()))
    with pytest.raises(SourceIncomplete, match=r"units\.yaml, line 8: source\.lists\.rooms\.select: .*SQLSTATE 22012"):
        await _read(site)
