"""Copies and decisions in the university's database: in tables that the gateway lays out, or through statements."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from ewpgw.adapters.contract import AdapterProblem

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sql_gateway import Site

    from ewpgw.adapters.contract import CopyDelivery, Decision

    Deliver = Callable[..., CopyDelivery]
    Decide = Callable[..., Decision]

PROBLEM = {"path": "partner", "message": "is required"}


def outward(site: Site, **options: object) -> dict[str, object]:
    """The reading is done by the reader; these go in as the owner."""
    return {"url": site.university.url, **options}


def stored(site: Site) -> dict[str, Any]:
    """The one row of the table."""
    [row] = site.university.rows("SELECT * FROM ewp_partner_copy")
    found = dict(row._mapping)
    return {
        name: bytes(value) if name.endswith("xml") and value is not None else value for name, value in found.items()
    }


def decided(site: Site) -> dict[str, Any]:
    """The one row of the table of decisions."""
    [row] = site.university.rows("SELECT * FROM ewp_decisions")
    return dict(row._mapping)


async def test_the_tables_are_created_once_and_missed_before(site: Site) -> None:
    adapter = site.adapter(outward=outward(site, tables="ewp_"))
    with pytest.raises(AdapterProblem, match="ewp_partner_copy is missing") as told:
        await adapter.check()
    assert "ewp_decisions is missing" in str(told.value)
    assert await adapter.create_tables() == ["ewp_partner_copy", "ewp_decisions"]
    assert await adapter.create_tables() == []
    await adapter.check()


async def test_a_table_that_came_later_is_created_beside_those_that_are_there(site: Site) -> None:
    adapter = site.adapter(outward=outward(site, tables="ewp_"))
    await adapter.create_tables()
    site.university.run("DROP TABLE ewp_decisions")
    assert await adapter.create_tables() == ["ewp_decisions"]


async def test_the_tables_hold_any_text_though_others_of_the_database_do_not(site: Site, delivery: Deliver) -> None:
    if site.kind != "mariadb":
        pytest.skip("only MariaDB and MySQL have databases of other character sets here")
    site.university.run("ALTER DATABASE CHARACTER SET latin1")
    adapter = site.adapter(writes=True, outward={"tables": "ewp_"})
    await adapter.create_tables()
    await adapter.deliver(delivery(document={"name": "Łódź, Δελφοί"}))
    assert site.university.rows("SELECT document FROM ewp_partner_copy")[0][0] == '{"name": "Łódź, Δελφοί"}'


async def test_the_tables_may_be_made_by_hand(site: Site, delivery: Deliver, decision: Decide) -> None:
    adapter = site.adapter(outward=outward(site, tables="ewp_"))
    site.university.run(*(statement.strip().rstrip(";") for statement in adapter.table_definitions()))
    await adapter.check()
    await adapter.deliver(delivery())
    assert stored(site)["state"] == "current"
    await adapter.decided(decision())
    assert decided(site)["what"] == "approval-received"


async def test_a_copy_is_a_row_that_follows_it_through_its_states(site: Site, delivery: Deliver) -> None:
    adapter = site.adapter(outward=outward(site, tables="ewp_"))
    await adapter.create_tables()
    for _ in range(2):
        await adapter.deliver(delivery())
        row = stored(site)
        assert (row["hei_id"], row["partner"], row["id"], row["state"]) == (
            "north.example",
            "south.example",
            "S/1",
            "current",
        )
        assert json.loads(row["document"])["partner"][0]["iia_id"] == "S/1"
        assert (row["xml"], row["problems"], row["invalid_xml"]) == (b"<iia>\xc3\xa4</iia>", None, None)
        assert datetime.fromisoformat(str(row["changed_at"])) == datetime(2026, 9, 1, 12)
    await adapter.deliver(delivery(state="invalid", revision=2, body=b"<no/>", document=None, problems=(PROBLEM,)))
    row = stored(site)
    assert (row["state"], row["revision"], row["xml"], row["invalid_xml"]) == (
        "invalid",
        2,
        b"<iia>\xc3\xa4</iia>",
        b"<no/>",
    )
    assert json.loads(row["problems"]) == [PROBLEM]
    await adapter.deliver(delivery(revision=3))
    assert [stored(site)[name] for name in ("state", "problems", "invalid_xml")] == ["current", None, None]
    for _ in range(2):
        await adapter.deliver(delivery(state="gone", revision=4, body=None, document=None))
        row = stored(site)
        assert (row["state"], row["revision"], row["document"], row["xml"]) == ("gone", 4, None, None)


async def test_ids_that_differ_by_case_are_different_rows(site: Site, delivery: Deliver) -> None:
    adapter = site.adapter(outward=outward(site, tables="ewp_"))
    await adapter.create_tables()
    for id_ in ("a", "A"):
        await adapter.deliver(delivery(id=id_))
    assert len(site.university.rows("SELECT id FROM ewp_partner_copy")) == 2


async def test_statements_of_ones_own_are_run_by_the_state_of_the_copy(site: Site, delivery: Deliver) -> None:
    site.university.run(
        "CREATE TABLE theirs (id VARCHAR(64) PRIMARY KEY, partner VARCHAR(99), revision INTEGER, doc TEXT)"
    )
    statements = {
        "current": [
            "DELETE FROM theirs WHERE id = :id AND partner = :partner",
            "INSERT INTO theirs VALUES (:id, :partner, :revision, :document)",
        ],
        "gone": "DELETE FROM theirs WHERE id = :id AND partner = :partner",
    }
    adapter = site.adapter(outward=outward(site, statements={"iias": statements}))
    for _ in range(2):
        await adapter.deliver(delivery())
        [row] = site.university.rows("SELECT * FROM theirs")
        assert (row[0], row[1], row[2]) == ("S/1", "south.example", 1)
        assert json.loads(row[3])["partner"]
    await adapter.deliver(delivery(state="invalid", body=b"<no/>", document=None))
    await adapter.deliver(delivery(entity="institutions", id="other"))
    assert len(site.university.rows("SELECT * FROM theirs")) == 1
    await adapter.deliver(delivery(state="gone", body=None, document=None))
    assert site.university.rows("SELECT * FROM theirs") == []


async def test_of_several_statements_all_count_or_none(site: Site, delivery: Deliver) -> None:
    site.university.run("CREATE TABLE theirs (id VARCHAR(64) PRIMARY KEY)")
    statements = {"current": ["INSERT INTO theirs VALUES (:id)", "INSERT INTO nothing_there VALUES (:id)"]}
    adapter = site.adapter(outward=outward(site, statements={"*": statements}))
    with pytest.raises(AdapterProblem, match="nothing_there") as told:
        await adapter.deliver(delivery())
    assert "S/1" not in str(told.value)
    assert site.university.rows("SELECT * FROM theirs") == []


async def test_a_procedure_may_take_the_copy(site: Site, delivery: Deliver) -> None:
    if site.kind == "sqlite":
        pytest.skip("SQLite has no procedures")
    body = "LANGUAGE sql AS 'INSERT INTO theirs VALUES (a, b)'"
    arguments = "a varchar, b integer"
    if site.kind == "mariadb":
        body, arguments = "INSERT INTO theirs VALUES (a, b)", "a VARCHAR(64), b INTEGER"
    site.university.run(
        "CREATE TABLE theirs (id VARCHAR(64), revision INTEGER)", f"CREATE PROCEDURE take({arguments}) {body}"
    )
    statements = {"*": {"current": "CALL take(:id, :revision)"}}
    await site.adapter(outward=outward(site, statements=statements)).deliver(delivery())
    assert [tuple(row) for row in site.university.rows("SELECT * FROM theirs")] == [("S/1", 1)]


async def test_a_decision_is_a_row_however_often_it_comes(site: Site, decision: Decide) -> None:
    adapter = site.adapter(outward=outward(site, tables="ewp_"))
    await adapter.create_tables()
    for _ in range(2):
        await adapter.decided(decision())
        row = decided(site)
        assert datetime.fromisoformat(str(row.pop("happened_at"))) == datetime(2026, 9, 1, 12)
        assert row == {
            "hei_id": "north.example",
            "number": 7,
            "what": "approval-received",
            "entity": "iias",
            "partner": "south.example",
            "id": "S/1",
            "our_id": "N/1",
            "verdict": None,
            "comment": None,
        }
    await adapter.decided(decision(number=8, what="nomination-rejected", entity="omobilities", comment="zu spät ✗"))
    assert [
        tuple(row) for row in site.university.rows("SELECT number, comment FROM ewp_decisions ORDER BY number")
    ] == [
        (7, None),
        (8, "zu spät ✗"),
    ]


async def test_statements_of_ones_own_are_run_by_what_was_decided(
    site: Site, delivery: Deliver, decision: Decide
) -> None:
    site.university.run(
        "CREATE TABLE ours (our_id VARCHAR(64) PRIMARY KEY, approved INTEGER)",
        "CREATE TABLE others (number INTEGER PRIMARY KEY, what VARCHAR(64))",
        "INSERT INTO ours VALUES ('N/1', 0)",
    )
    statements = {
        "approval-received": "UPDATE ours SET approved = 1 WHERE our_id = :our_id",
        "received-approval-lapsed": [],
        "*": ["DELETE FROM others WHERE number = :number", "INSERT INTO others VALUES (:number, :what)"],
    }
    adapter = site.adapter(outward=outward(site, decisions=statements))
    for what in ("approval-received", "received-approval-lapsed", "something-new", "something-new"):
        await adapter.decided(decision(what=what))
    await adapter.deliver(delivery())
    assert [tuple(row) for row in site.university.rows("SELECT * FROM ours")] == [("N/1", 1)]
    assert [tuple(row) for row in site.university.rows("SELECT * FROM others")] == [(7, "something-new")]


async def test_without_outward_nothing_is_written(site: Site, delivery: Deliver, decision: Decide) -> None:
    adapter = site.adapter(writes=True)
    await adapter.deliver(delivery())
    await adapter.decided(decision())
    with pytest.raises(AdapterProblem, match=r"outward\.tables"):
        await adapter.create_tables()
