"""Opening a store, reading, transactions, and a database that is away."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, StatementError

from ewpgw.store import BadStoreUrl, Readable, Store, StoreUnavailable, nonces, sources, sqlite, tokens
from ewpgw.store.tables import nonce, token

ROOT = Path(__file__).resolve().parents[3]


async def add_token(store: Store, name: str, now: datetime) -> None:
    async with store.transaction() as tx:
        await tokens.create(tx, name, f"digest of {name}", now)


async def names(source: Readable) -> list[str]:
    return [one.name for one in await tokens.list_all(source)]


async def test_what_a_transaction_wrote_is_read_after_it(store: Store, now: datetime) -> None:
    await add_token(store, "sis", now)
    assert await names(store) == ["sis"]


async def test_a_transaction_that_raises_leaves_nothing(store: Store, now: datetime) -> None:
    with pytest.raises(RuntimeError, match="changed my mind"):
        async with store.transaction() as tx:
            await tokens.create(tx, "sis", "digest", now)
            assert await names(tx) == ["sis"]
            raise RuntimeError("changed my mind")
    assert await names(store) == []


async def test_reads_do_not_see_what_is_not_committed(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        await tokens.create(tx, "sis", "digest", now)
        assert await names(store) == []
    assert await names(store) == ["sis"]


async def test_a_cancelled_transaction_leaves_nothing_and_the_next_one_works(store: Store, now: datetime) -> None:
    entered = asyncio.Event()

    async def never_ending() -> None:
        async with store.transaction() as tx:
            await tokens.create(tx, "cancelled", "digest", now)
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_ending())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add_token(store, "next", now)
    assert await names(store) == ["next"]


async def test_cancellation_at_any_moment_leaves_the_store_usable(store: Store, now: datetime) -> None:
    for steps in range(25):
        task = asyncio.create_task(add_token(store, f"{steps}", now))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await add_token(store, "last", now)
    assert "last" in await names(store)


async def test_many_transactions_at_once_all_succeed(store: Store, replica: Store, now: datetime) -> None:
    expected = [f"{number:02}" for number in range(40)]
    await asyncio.gather(
        *(add_token((store, replica)[position % 2], name, now) for position, name in enumerate(expected))
    )
    assert await names(store) == expected


async def test_times_come_back_aware_and_in_utc(store: Store, now: datetime) -> None:
    elsewhere = now.astimezone(timezone(timedelta(hours=5, minutes=30)))
    await add_token(store, "sis", elsewhere)
    (found,) = await tokens.list_all(store)
    assert found.created_at == now
    assert found.created_at.tzinfo is UTC


async def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        await add_token(store, "sis", datetime(2025, 9, 1))


async def test_times_are_ordered_as_instants_not_as_text(store: Store, now: datetime) -> None:
    early = now.replace(microsecond=0)
    async with store.transaction() as tx:
        for number, time in enumerate((early + timedelta(microseconds=1), early, early + timedelta(seconds=1))):
            await nonces.remember(tx, "key", f"{number}", time)
    rows = await store.fetch(select(nonce.c.request_id).order_by(nonce.c.expires_at))
    assert [row[0] for row in rows] == ["1", "0", "2"]


async def test_identifiers_are_ordered_by_code_point(store: Store, now: datetime) -> None:
    for name in ("b", "B", "a", "-", "_"):
        await add_token(store, name, now)
    assert await names(store) == ["-", "B", "_", "a", "b"]


async def test_a_wrong_statement_is_not_called_unavailability(store: Store) -> None:
    with pytest.raises(DBAPIError):
        await store.fetch(text("SELECT nothing FROM nowhere"))


async def test_errors_do_not_repeat_the_data(store: Store, now: datetime) -> None:
    await add_token(store, "secret-name", now)
    with pytest.raises(DBAPIError) as caught:
        async with store.transaction() as tx:
            await tx.execute(insert(token), {"name": "secret-name", "sha256": "secret-digest", "created_at": now})
    assert "secret-digest" not in str(caught.value)


async def test_a_closed_store_says_so(store_url: str) -> None:
    store = await Store.open(store_url)
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.fetch(select(token))
    with pytest.raises(StoreUnavailable, match="closed"):
        async with store.transaction():
            pass


@pytest.mark.parametrize(
    "url",
    ["mysql://host/db", "sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro", "postgresql://host", "no url"],
)
async def test_a_url_that_cannot_serve_is_refused(url: str) -> None:
    with pytest.raises(BadStoreUrl, match="cannot be used"):
        await Store.open(url)


async def test_an_unknown_option_in_a_postgresql_url_is_named() -> None:
    with pytest.raises(BadStoreUrl, match="'timeout'"):
        await Store.open("postgresql://user@host/database?timeout=1")


async def test_no_error_shows_the_password() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        await Store.open("postgresql://user:hunter2@127.0.0.1:1/database")
    assert "hunter2" not in str(caught.value)


async def test_a_folder_that_does_not_exist_makes_sqlite_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="unable to open database file, whose folder has to be there"):
        await Store.open(f"sqlite:///{tmp_path / 'missing' / 'store.db'}")


async def test_nobody_but_its_owner_may_read_a_new_sqlite_file(tmp_path: Path, now: datetime) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    await add_token(store, "sis", now)
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    await store.close()
    assert files == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm"), 0o600)


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("notes on paper, long enough to be taken for a header" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    assert (tmp_path / "store.db").read_text().startswith("notes")


async def test_reading_from_sqlite_cannot_write(tmp_path: Path, now: datetime) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    with pytest.raises(StoreUnavailable, match="readonly"):
        await store.fetch(insert(token).values(name="a", sha256="b", created_at=now).returning(token.c.name))
    await store.close()


async def test_sqlite_keeps_its_promises_of_durability(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    async with store.transaction() as tx:
        settings = [
            (await tx.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    await store.close()
    assert settings == ["wal", 2, 1]


async def test_a_sqlite_file_that_another_process_holds_is_reported(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_WRITER_WAITS_MS", 20)
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        await add_token(store, "sis", now)
    assert await names(store) == []
    other.execute("ROLLBACK")
    other.close()
    await add_token(store, "sis", now)
    assert await names(store) == ["sis"]
    await store.close()


async def test_a_sqlite_transaction_may_read_before_it_writes_while_others_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    stores = [await Store.open(url), await Store.open(url)]

    async def step(store: Store) -> None:
        async with store.transaction() as tx:
            reached = await sources.position(tx, "north.example", "folder")
            await sources.set_position(tx, "north.example", "folder", reached + 1)

    await asyncio.gather(*(step(stores[number % 2]) for number in range(40)))
    assert await sources.position(stores[0], "north.example", "folder") == 40
    for store in stores:
        await store.close()


async def test_work_that_nobody_waits_for_lets_a_caller_go_before_all_that_is_queued(
    tmp_path: Path, now: datetime
) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    background, done = store.in_background(), list[str]()

    async def write(where: Store, name: str) -> None:
        await add_token(where, name, now)
        done.append(name)

    async with background.transaction():
        waiting = [asyncio.create_task(write(background, f"work {number}")) for number in range(5)]
        for _ in range(20):
            await asyncio.sleep(0)
        waiting.append(asyncio.create_task(write(store, "caller")))
        for _ in range(20):
            await asyncio.sleep(0)
        assert done == []
    await asyncio.gather(*waiting)
    assert done == ["caller", *(f"work {number}" for number in range(5))]
    await store.close()


WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from ewpgw.store import Store, feed
async def main():
    store = await Store.open(sys.argv[1])
    for _ in range(50):
        async with store.transaction() as tx:
            await feed.append(tx, "north.example", feed.FeedKind.COPY_CHANGED, datetime.now(UTC), entity="iias")
    await store.close()
asyncio.run(main())
"""


async def test_several_processes_write_to_one_database(store: Store, store_url: str) -> None:
    from ewpgw.store import feed

    command = [sys.executable, "-c", WRITER, store_url]
    processes = [await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)]
    outcomes = await asyncio.wait_for(asyncio.gather(*(process.communicate() for process in processes)), 120)
    assert [(process.returncode, error) for process, (_, error) in zip(processes, outcomes, strict=True)] == [
        (0, b"")
    ] * 3
    entries = await feed.read(store, "north.example", limit=1000)
    assert [entry.seq for entry in entries] == list(range(1, 151))


@pytest.fixture
def administer(postgres_server: str, postgres_url: str) -> Callable[[str], None]:
    """Runs a statement on the server from outside the database; {name} stands for it."""
    name = make_url(postgres_url).database

    def run(statement: str) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"))
        command = [str(programs[-1]) if programs else "psql", "-h", postgres_server, "-U", "ewpgw", "-d", "postgres"]
        subprocess.run([*command, "-qc", statement.format(name=name)], check=True, capture_output=True, timeout=60)

    return run


TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"


async def test_connections_that_died_while_idle_are_replaced(
    postgres_url: str, administer: Callable[[str], None], now: datetime
) -> None:
    store = await Store.open(postgres_url)
    await asyncio.gather(*(add_token(store, f"{number}", now) for number in range(4)))
    administer(TERMINATE)
    assert len(await names(store)) == 4
    administer(TERMINATE)
    await add_token(store, "after", now)
    assert len(await names(store)) == 5
    await store.close()


async def test_a_transaction_whose_connection_dies_is_unavailable_and_rolled_back(
    postgres_url: str, administer: Callable[[str], None], now: datetime
) -> None:
    store = await Store.open(postgres_url)
    with pytest.raises(StoreUnavailable) as caught:
        async with store.transaction() as tx:
            await tokens.create(tx, "lost", "digest", now)
            administer(TERMINATE)
            await tokens.create(tx, "never", "other digest", now)
    assert caught.value.connection_lost
    assert await names(store) == []
    await store.close()


async def test_a_commit_whose_connection_died_is_not_reported_as_done(
    postgres_url: str, administer: Callable[[str], None], now: datetime
) -> None:
    store = await Store.open(postgres_url)
    with pytest.raises(StoreUnavailable):
        async with store.transaction() as tx:
            await tokens.create(tx, "lost", "digest", now)
            administer(TERMINATE)
    assert await names(store) == []
    await store.close()


async def test_a_server_that_is_away_is_reported_and_found_again(
    postgres_url: str, administer: Callable[[str], None], now: datetime
) -> None:
    store = await Store.open(postgres_url)
    await add_token(store, "before", now)
    administer('ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    administer(TERMINATE)
    with pytest.raises(StoreUnavailable, match="not currently accepting"):
        await names(store)
    with pytest.raises(StoreUnavailable, match="not currently accepting"):
        await add_token(store, "meanwhile", now)
    administer('ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await add_token(store, "after", now)
    assert await names(store) == ["after", "before"]
    await store.close()
