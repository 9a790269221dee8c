"""Which schema version a database has, and bringing it up to date.

Alembic is imported only where there is something to migrate, because it stays in memory.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, String, column, inspect, select, table

from ewpgw.store.errors import StoreNotMigrated, StoreTooNew

HEAD = "0001"
"""The newest migration in ``migrations/versions``; versions are ordered as text."""

_VERSION_TABLE = "alembic_version"


def is_current(bind: Connection | Engine, url: str, *, migrate: bool) -> bool:
    """Whether nothing has to be done.

    Raises StoreTooNew, and StoreNotMigrated where something has to be done but ``migrate`` is False.
    """
    if isinstance(bind, Engine):
        with bind.connect() as connection:
            return is_current(connection, url, migrate=migrate)
    found = _version(bind, url)
    if found != HEAD and not migrate:
        raise StoreNotMigrated(url, found, HEAD)
    return found == HEAD


def upgrade(connection: Connection, url: str) -> None:
    """Run the missing migrations inside ``connection``'s transaction, which the caller has made exclusive.

    Raises StoreTooNew. Looks again at the version first: another replica may have migrated meanwhile.
    """
    if _version(connection, url) == HEAD:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "ewpgw.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _version(connection: Connection, url: str) -> str | None:
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    found = connection.execute(select(column("version_num", String)).select_from(table(_VERSION_TABLE))).scalar()
    if found is not None and found > HEAD:
        raise StoreTooNew(url, found, HEAD)
    return found
