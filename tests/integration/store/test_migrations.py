"""The schema: made, kept, and refused where it is newer."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from ewpgw.store import Store, StoreNotMigrated, StoreTooNew, schema, tokens
from ewpgw.store.tables import metadata

ROOT = Path(__file__).resolve().parents[3]


async def test_the_migrations_make_the_tables_that_the_queries_expect(store: Store) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    async with store.transaction() as tx:
        assert await tx.run_sync(differences) == []


async def test_the_newest_migration_is_the_one_the_code_expects() -> None:
    config = Config()
    config.set_main_option("script_location", "ewpgw.store:migrations")
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert script.get_current_head() == schema.HEAD
    revisions = [revision.revision for revision in script.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)


async def test_partial_indexes_keep_their_conditions(store: Store) -> None:
    sqlite = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %' ORDER BY name"
    postgresql = "SELECT indexdef FROM pg_indexes WHERE indexdef LIKE '% WHERE %' ORDER BY indexname"
    rows = await store.fetch(text(sqlite if store.url.startswith("sqlite") else postgresql))
    conditions = [row[0].split(" WHERE ")[1].replace("(", "").replace(")", "").lower() for row in rows]
    assert len(conditions) == 6
    assert "'mapped'" in conditions.pop(0)
    assert conditions[0] == "code is not null"
    assert "visible_to_all is" in conditions[1]
    assert "failed" in conditions[2]
    assert "'due'" in conditions[3]
    assert conditions[4] == "lease_until is not null"


async def test_opening_again_keeps_the_data(store_url: str, now: Any) -> None:
    for name in ("first", "second"):
        store = await Store.open(store_url)
        async with store.transaction() as tx:
            await tokens.create(tx, name, name, now)
        await store.close()
    store = await Store.open(store_url, migrate=False)
    assert [one.name for one in await tokens.list_all(store)] == ["first", "second"]
    await store.close()


async def test_replicas_may_open_an_empty_database_together(store_url: str) -> None:
    stores = await asyncio.wait_for(asyncio.gather(*(Store.open(store_url) for _ in range(5))), 120)
    for store in stores:
        rows = await store.fetch(text("SELECT version_num FROM alembic_version"))
        assert [row[0] for row in rows] == [schema.HEAD]
        await store.close()


OPENER = """
import asyncio, sys
from ewpgw.store import Store
async def main():
    store = await Store.open(sys.argv[1])
    await store.close()
asyncio.run(main())
"""


async def test_processes_may_open_an_empty_database_together(store_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", OPENER, store_url, cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    outcomes = await asyncio.wait_for(asyncio.gather(*(process.communicate() for process in processes)), 120)
    assert [error for _, error in outcomes] == [b""] * 4


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(store_url: str) -> None:
    store = await Store.open(store_url)
    async with store.transaction() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreTooNew, match=r"'9999'.*run the newer ewpgw"):
        await Store.open(store_url)
    rows = await store.fetch(text("SELECT version_num FROM alembic_version"))
    assert rows[0][0] == "9999"
    await store.close()


async def test_an_empty_database_is_refused_when_it_may_not_be_migrated(store_url: str) -> None:
    with pytest.raises(StoreNotMigrated, match="no schema"):
        await Store.open(store_url, migrate=False)


async def test_a_migration_that_fails_leaves_nothing_behind(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = schema.upgrade

    def fail(connection: Connection, url: str) -> None:
        whole(connection, url)
        raise RuntimeError("half way")

    monkeypatch.setattr(schema, "upgrade", fail)
    with pytest.raises(RuntimeError, match="half way"):
        await Store.open(store_url)
    with pytest.raises(StoreNotMigrated, match="no schema"):
        await Store.open(store_url, migrate=False)


async def test_alembic_is_not_loaded_where_nothing_is_to_be_migrated(store: Store, store_url: str) -> None:
    check = OPENER + "\nassert 'alembic' not in sys.modules, 'loaded'"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", check, store_url, cwd=ROOT, stderr=subprocess.PIPE
    )
    _, error = await asyncio.wait_for(process.communicate(), 60)
    assert error == b""
