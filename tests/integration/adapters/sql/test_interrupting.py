"""Readings that are given up."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from ewpgw.adapters.contract import AdapterProblem
from ewpgw.adapters.sql.connecting import Database
from ewpgw.adapters.sql.settings import SqlSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from support.sql_gateway import Site


@pytest.mark.parametrize("when", ["between statements", "before a statement", "when given up", "after its end"])
async def test_a_connection_that_is_interrupted_logs_nothing(
    site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    settings = SqlSettings.model_validate({"url": SecretStr(site.reader_url), "mappings": str(site.mappings)})
    database = Database(settings.url, password_file=None, schema=None, statement_seconds=20, writes=False)
    with suppress(AdapterProblem), database.transaction() as connection:
        connection.scalar(text("SELECT 1"))
        if when == "after its end":
            _at_commit(monkeypatch, connection, database.interrupt)
        else:
            database.interrupt()
        if when == "before a statement":
            connection.scalar(text("SELECT 1"))
        if when == "when given up":
            raise AdapterProblem(when)
    monkeypatch.undo()
    assert caplog.records == []
    with database.transaction() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    database.close()
    assert caplog.records == []


def _at_commit(monkeypatch: pytest.MonkeyPatch, connection: Connection, then: Callable[[], None]) -> None:
    """Have something done as soon as the transaction has ended, before its connection is closed."""

    def commit(raw: DBAPIConnection) -> None:
        raw.commit()
        then()

    monkeypatch.setattr(connection.dialect, "do_commit", commit)
