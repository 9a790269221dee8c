"""A university's database brought into the store, over and over."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from support.sql_gateway import NORTH, without_modified

from ewpgw.adapters.check import dry_run
from ewpgw.adapters.contract import AdapterProblem, Item, SourceIncomplete, Unchanged, Unreadable
from ewpgw.adapters.sql import connecting, reading
from ewpgw.adapters.sql.connecting import Database

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from support.sql_gateway import Gateway, Site

    from ewpgw.adapters.contract import Reading


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few rows take several statements."""
    monkeypatch.setattr(reading, "_CHUNK", 2)


@pytest.mark.usefixtures("small_chunks")
async def test_rows_become_records_with_the_lists_that_belong_to_them(site: Site) -> None:
    for number in ("A1", "A2", "A3"):
        site.university.add(number)
    site.university.run("UPDATE agreement SET title = 'ä 100% :x ''12:30' WHERE agreement_no = 'A2'")
    site.write_mapping(lambda text: text.replace("<> 'internal'", "NOT IN ('internal', ':y %', '12:30')"))
    adapter = site.adapter()
    report = await dry_run(adapter)
    assert (report.ok, report.counts["iias"].valid) == (True, 3)
    async with aclosing(adapter.snapshot()) as found:
        items = [each async for each in found if isinstance(each, Item)]
    assert [item.key for item in items] == ["iias/A1", "iias/A2", "iias/A3"]
    document = items[1].incoming.document
    assert isinstance(document, dict)
    studies = document["cooperation_conditions"]["student_studies_mobility_spec"]
    assert [one["sending_hei_id"] for one in studies] == [NORTH, "south.example"]
    assert [one["language"] for one in studies[0]["recommended_language_skill"]] == ["en", "fi"]


@pytest.mark.parametrize("edit", [lambda text: text, without_modified], ids=["by a column", "by content"])
@pytest.mark.usefixtures("small_chunks")
async def test_changes_and_deletions_are_found_and_nothing_else_is_read_again(
    gateway: Gateway, site: Site, edit: Callable[[str], str]
) -> None:
    site.write_mapping(edit)
    for number in ("A1", "A2", "A3", "A4"):
        site.university.add(number, people=3)
    assert await gateway.importer.take() is None
    assert await gateway.served() == ["A1", "A2", "A3", "A4"]
    await gateway.importer.take()
    assert list(gateway.kinds().values()) == [Unchanged] * 4
    site.university.change("A2", people=8, changed=datetime(2026, 2, 2, 12))
    site.university.remove("A3")
    site.university.add("A5")
    assert await gateway.importer.take() is None
    assert gateway.kinds() == {"iias/A1": Unchanged, "iias/A2": Item, "iias/A4": Unchanged, "iias/A5": Item}
    assert await gateway.served() == ["A1", "A2", "A4", "A5"]
    assert ">8</mobilities-per-year>" in await gateway.fragment("A2")


async def test_a_second_change_within_the_second_of_the_first_is_not_missed(gateway: Gateway, site: Site) -> None:
    now = datetime.fromisoformat(str(site.university.rows("SELECT CURRENT_TIMESTAMP")[0][0])).replace(tzinfo=None)
    site.university.add("A1", people=3, changed=now)
    await gateway.importer.take()
    site.university.change("A1", people=4, changed=now)
    await gateway.importer.take()
    assert ">4</mobilities-per-year>" in await gateway.fragment("A1")


async def test_a_second_change_is_not_missed_whatever_zone_its_time_is_of(gateway: Gateway, site: Site) -> None:
    now = datetime.fromisoformat(str(site.university.rows("SELECT CURRENT_TIMESTAMP")[0][0])).replace(tzinfo=None)
    site.university.add("A1", people=3, changed=now - timedelta(hours=11))
    await gateway.importer.take()
    site.university.change("A1", people=4, changed=now - timedelta(hours=11))
    await gateway.importer.take()
    assert ">4</mobilities-per-year>" in await gateway.fragment("A1")


async def test_a_time_in_the_past_stands_for_the_content(gateway: Gateway, site: Site) -> None:
    """The price of not reading what has not changed: a change that keeps the time is not seen."""
    then = datetime(2026, 1, 1) - timedelta(days=30)
    site.university.add("A1", people=3, changed=then)
    await gateway.importer.take()
    site.university.change("A1", people=4, changed=then)
    await gateway.importer.take()
    assert ">3</mobilities-per-year>" in await gateway.fragment("A1")


async def test_another_mapping_makes_other_records_of_the_same_rows(gateway: Gateway, site: Site) -> None:
    site.university.add("A1")
    await gateway.importer.take()
    site.write_mapping(lambda text: text.replace('"N/{agreement_no}"', '"New/{agreement_no}"'))
    await gateway.importer.take()
    assert "<iia-code>New/A1</iia-code>" in await gateway.fragment("A1")


@pytest.mark.usefixtures("small_chunks")
async def test_a_connection_that_is_lost_amid_a_reading_changes_nothing(gateway: Gateway, site: Site) -> None:
    if site.kind == "sqlite":
        pytest.skip("SQLite has no connection that could be lost")
    for number in range(10):
        site.university.add(f"A{number}")
    await gateway.importer.take()
    before = [await gateway.fragment(id_) for id_ in await gateway.served()]
    for number in range(10):
        site.university.change(f"A{number}", title="changed")
    site.university.remove("A9")
    adapter = site.adapter()
    read = adapter.snapshot

    async def snapshot() -> AsyncGenerator[Reading, None]:
        async with aclosing(read()) as found:
            yield await anext(found)
            _cut(site)
            async for each in found:
                yield each

    adapter.snapshot = snapshot  # type: ignore[method-assign]
    gateway.use(adapter)
    with pytest.raises(SourceIncomplete, match="breaks off"):
        await gateway.importer.take()
    assert [await gateway.fragment(id_) for id_ in await gateway.served()] == before
    gateway.use(site.adapter())
    await gateway.importer.take()
    assert "A9" not in await gateway.served()


def _cut(site: Site) -> None:
    """End the server's side of the reader's connections."""
    if site.kind == "postgresql":
        site.university.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ewpgw_reader'")
    else:
        found = site.university.rows("SELECT id FROM information_schema.processlist WHERE user = 'ewpgw_reader'")
        site.university.run(*(f"KILL {row[0]}" for row in found))


@pytest.mark.usefixtures("small_chunks")
async def test_a_reading_sees_one_state_of_the_database(site: Site) -> None:
    if site.kind == "sqlite":
        site.university.run("PRAGMA journal_mode=WAL")  # else the writer would have to wait
    for number in ("A1", "A2", "A3", "A4", "A5", "A6"):
        site.university.add(number, people=3)
    async with aclosing(site.adapter().snapshot()) as found:
        first = await anext(found)
        site.university.run("UPDATE agreement_condition SET people = 9")
        site.university.remove("A6")
        items = [first, *[each async for each in found]]
    people = [
        item.incoming.document["cooperation_conditions"]["student_studies_mobility_spec"][0]["mobilities_per_year"]
        for item in items
        if isinstance(item, Item) and isinstance(item.incoming.document, dict)
    ]
    assert people == ["3"] * 6


async def test_reading_writes_nothing_even_as_a_user_who_could(site: Site) -> None:
    if site.kind == "sqlite":
        pytest.skip("SELECTs of SQLite have nothing that writes")
    site.university.add("A1")
    returns = "RETURNS integer LANGUAGE sql AS 'UPDATE faculty SET name = name RETURNING 1'"
    if site.kind == "mariadb":
        returns = "RETURNS INTEGER MODIFIES SQL DATA BEGIN UPDATE faculty SET name = name; RETURN 1; END"
    site.university.run(f"CREATE FUNCTION writes() {returns}")
    site.write_mapping(lambda text: text.replace("SELECT agreement_no,", "SELECT writes() AS w, agreement_no,"))
    adapter = site.adapter(writes=True)
    with pytest.raises(SourceIncomplete, match=r"(?i)read.only"):
        async with aclosing(adapter.snapshot()) as found:
            async for _ in found:
                pass


async def test_rows_without_a_key_or_with_one_key_are_told_and_nothing_is_deleted_for_want_of_a_key(
    gateway: Gateway, site: Site
) -> None:
    for number in ("A1", "A2"):
        site.university.add(number)
    await gateway.importer.take()
    nameless = "SELECT NULLIF(agreement_no, 'A1') AS agreement_no,"
    site.write_mapping(lambda text: text.replace("SELECT agreement_no,", nameless))
    assert await gateway.importer.take() is None
    assert await gateway.served() == ["A1", "A2"]
    twice = "    FROM agreement CROSS JOIN (SELECT 1 AS n UNION SELECT 2) x\n"
    site.write_mapping(lambda text: text.replace("    FROM agreement\n", twice))
    await gateway.importer.take()
    assert gateway.kinds() == {"iias/A1": Unreadable, "iias/A2": Unreadable}
    assert isinstance(gateway.seen[0], Unreadable)
    assert "several rows" in gateway.seen[0].problem.message
    assert await gateway.served() == ["A1", "A2"]


@pytest.mark.parametrize(
    ("type_", "keys"),
    [
        ("uuid", ["0b0e4b9e-7a49-4a8e-9a3c-0d6f7f1d2a11", "f3a1c1de-2b77-4a55-8d0e-1c2b3a4d5e6f"]),
        ("kind_of_key", ["first", "second"]),
        ("char(8)", ["a", "b"]),
        ("numeric(8, 2)", ["1.50", "2.25"]),
        ("bigint", ["1", str(2**40)]),
        ("date", ["2026-09-01", "2026-09-02"]),
    ],
)
async def test_keys_may_be_of_any_type(site: Site, type_: str, keys: list[str]) -> None:
    if site.kind != "postgresql":
        pytest.skip("the types are PostgreSQL's, whose driver gets the keys as one array")
    university = site.university
    university.run("CREATE TYPE kind_of_key AS ENUM ('first', 'second')")
    university.run(f"CREATE TABLE keyed (key {type_} PRIMARY KEY, agreement_no varchar(40))")
    for number, key in enumerate(keys):
        university.add(f"K{number}")
        university.run(f"INSERT INTO keyed VALUES ('{key}', 'K{number}')")
    university.run("GRANT SELECT ON keyed TO ewpgw_reader")
    site.write_mapping(
        lambda text: (
            re.sub("(?m)^key: agreement_no", "key: key", text)
            .replace("SELECT agreement_no, title", "SELECT key, agreement_no, title", 1)
            .replace("FROM agreement\n", "FROM agreement JOIN keyed USING (agreement_no)\n", 1)
        )
    )
    found = [each async for each in site.adapter().snapshot()]
    assert [type(each).__name__ for each in found] == ["Item", "Item", "Complete"], found


async def test_lists_belong_to_their_rows_as_the_database_compares(site: Site) -> None:
    if site.kind != "mariadb":
        pytest.skip("only collations of MariaDB and MySQL pass over case here")
    site.university.add("A1")
    site.university.run("UPDATE agreement_condition SET agreement_no = 'a1 '")
    async with aclosing(site.adapter().snapshot()) as found:
        item = await anext(found)
    assert isinstance(item, Item)
    assert isinstance(item.incoming.document, dict)
    assert len(item.incoming.document["cooperation_conditions"]["student_studies_mobility_spec"]) == 2


async def test_what_does_not_fit_the_database_is_told_all_at_once_with_its_place(site: Site) -> None:
    def edit(text: str) -> str:
        text = text.replace("key: agreement_no ", "key: number_of_it ").replace("status, signed_on", "status")
        return text.replace("modified: changed_at", "modified: changed").replace("order: [language]", "order: [tongue]")

    site.write_mapping(edit)
    with pytest.raises(AdapterProblem) as told:
        await site.adapter().check()
    for words in ("number_of_it", "source.modified: changed is not", "languages.order: tongue is not", "signed_on"):
        assert words in str(told.value)
    site.write_mapping(lambda text: text.replace("FROM condition_language", "FROM nothing_there"))
    with pytest.raises(
        AdapterProblem,
        match=r"iias\.yaml, line \d+: source\.lists\.conditions\.lists\.languages\.select: the database refuses it: .*"
        r"nothing_there",
    ):
        await site.adapter().check()


@pytest.mark.parametrize(
    ("written", "wrong", "told"),
    [
        ("status, signed_on", "status, signed_at", "signed_at"),
        ("signing_date: signed_on", "signing_date: signed_at", r"line 28: signed_at: is not among the columns"),
        (
            "      key: agreement_no ",
            "      key: agreement ",
            r"line 15: source\.lists\.conditions\.key: agreement is not",
        ),
        ("last_year\n", "last_years\n", r"last_years: is not among the columns of the list conditions"),
    ],
)
async def test_nothing_is_imported_while_a_mapping_does_not_fit_the_database(
    gateway: Gateway, site: Site, written: str, wrong: str, told: str
) -> None:
    site.university.add("A1", people=3)
    await gateway.importer.take()
    site.university.add("A2")
    site.university.change("A1", people=4)
    site.write_mapping(lambda text: text.replace(written, wrong))
    for _ in range(2):
        with pytest.raises(AdapterProblem, match=told):
            await gateway.importer.take()
    assert gateway.seen == []
    assert ">3</mobilities-per-year>" in await gateway.fragment("A1")
    site.write_mapping()
    assert await gateway.importer.take() is None
    assert await gateway.served() == ["A1", "A2"]


async def test_a_column_that_is_renamed_while_the_gateway_runs_is_missed(gateway: Gateway, site: Site) -> None:
    site.university.add("A1")
    await gateway.importer.take()
    site.university.run("ALTER TABLE agreement_condition RENAME COLUMN months TO how_long")
    site.university.change("A1", title="changed")
    refused = site.write_mapping(lambda text: text.replace("key: agreement_no  ", "key: agreement_no "))
    broken = site.mappings / "more.yaml"
    broken.write_text(refused.read_text("utf-8").replace("FROM agreement\n", "FROM nothing_there\n"), "utf-8")
    with pytest.raises(AdapterProblem) as problem:
        await gateway.importer.take()
    assert "months: is not among the columns of the list conditions" in str(problem.value)
    assert "more.yaml, line 7: source.select: the database refuses it" in str(problem.value)
    assert gateway.seen == []


async def test_a_statement_that_takes_too_long_is_ended(site: Site) -> None:
    if site.kind == "sqlite":
        pytest.skip("SQLite has no time limit")
    site.university.add("A1")
    sleep = "pg_sleep(30)" if site.kind == "postgresql" else "SLEEP(30)"
    site.write_mapping(lambda text: text.replace("SELECT agreement_no,", f"SELECT {sleep} AS s, agreement_no,"))
    adapter = site.adapter(statement_seconds=1)
    async with asyncio.timeout(15):
        with pytest.raises(SourceIncomplete, match=r"(?i)time|interrupted"):
            await anext(adapter.snapshot())


async def test_a_reading_that_is_given_up_ends_its_statement(site: Site) -> None:
    if site.kind == "sqlite":
        pytest.skip("SQLite has nothing to wait for")
    site.university.add("A1")
    sleep = "pg_sleep(30)" if site.kind == "postgresql" else "SLEEP(30)"
    site.write_mapping(lambda text: text.replace("SELECT agreement_no,", f"SELECT {sleep} AS s, agreement_no,"))
    adapter = site.adapter()
    async with asyncio.timeout(15):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(adapter.snapshot())
        await adapter.close()


async def test_a_database_that_is_not_there_is_told_without_password(site: Site) -> None:
    match site.kind:
        case "sqlite":
            url = f"sqlite:///{site.folder / 'elsewhere.db'}"
        case "postgresql":
            url = "postgresql://reader:hidden-word@127.0.0.1:1/sis"
        case _:
            url = site.reader_url.replace("s3cret", "hidden-word")
    adapter = site.adapter(url=url)
    with pytest.raises(AdapterProblem, match="cannot be reached") as told:
        await adapter.check()
    assert "hidden-word" not in str(told.value)
    assert "hidden-word" not in repr(adapter._settings)
    assert not (site.folder / "elsewhere.db").exists()


async def test_a_server_that_takes_a_connection_and_says_nothing_is_given_up_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connecting._PER_DRIVER, "pymysql", {"connect_timeout": 1, "read_timeout": 1})
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def answer() -> None:
            taken, _ = silent.accept()
            with taken:
                ended.wait(15)  # long before the time that a statement may take

        threading.Thread(target=answer, daemon=True).start()
        url = SecretStr(f"mariadb+pymysql://reader@127.0.0.1:{silent.getsockname()[1]}/sis")
        database = Database(url, password_file=None, schema=None, statement_seconds=60, writes=False)
        with pytest.raises(AdapterProblem, match=r"cannot be reached: .*timed out"), database.transaction():
            pass
        ended.set()


async def test_the_password_may_be_in_a_file_of_its_own(site: Site) -> None:
    if site.kind != "mariadb":
        pytest.skip("only this server of the tests asks for a password")
    (site.folder / "password").write_text("s3cret-of-the-reader\n")
    url = site.reader_url.replace(":s3cret-of-the-reader@", "@")
    await site.adapter(url=url, password_file="password").check()
    with pytest.raises(AdapterProblem, match="no-such-file cannot be read"):
        await site.adapter(url=url, password_file="no-such-file").check()


async def test_unqualified_names_are_of_the_schema_that_is_named(site: Site) -> None:
    if site.kind != "postgresql":
        pytest.skip("schemas within a database are PostgreSQL's")
    tables = ("agreement", "agreement_condition", "condition_language")
    site.university.run(
        'CREATE SCHEMA "Sis"',
        *(f'CREATE TABLE "Sis".{name} AS SELECT * FROM {name}' for name in tables),
        'GRANT USAGE ON SCHEMA "Sis" TO ewpgw_reader',
        'GRANT SELECT ON ALL TABLES IN SCHEMA "Sis" TO ewpgw_reader',
    )
    site.university.add("A1")
    assert (await dry_run(site.adapter(schema="Sis"))).counts["iias"].found == 0
    assert (await dry_run(site.adapter())).counts["iias"].found == 1
