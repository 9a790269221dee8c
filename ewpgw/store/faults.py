"""Tells a database that is away or unable from a statement that is wrong."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import Engine, event

from ewpgw.store.errors import StoreUnavailable

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

# Conditions that pass, or that a person mends, without any change to the program: connection exceptions,
# insufficient resources, operator intervention (PostgreSQL manual, appendix A), and 25006, a standby server.
_PASSING_CLASSES = ("08", "53", "57P")
_PASSING_STATES = frozenset({"25006"})

_PASSING_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def explain(engine: Engine, url: str) -> None:
    """Make ``engine`` raise StoreUnavailable where the database, and not the statement, is at fault."""

    @event.listens_for(engine, "handle_error")
    def translate(context: ExceptionContext) -> BaseException | None:
        error = context.original_exception
        # asyncpg's command_timeout: the server said nothing for longer than its own statement_timeout allows, so the
        # connection is dead although no one has closed it.
        if isinstance(error, TimeoutError):
            context.is_disconnect = True
            return StoreUnavailable(url, "it does not answer", connection_lost=True)
        if not isinstance(error, Exception):
            return None  # a cancellation
        if context.is_disconnect or isinstance(error, OSError) or is_passing(error):
            return StoreUnavailable(url, _words(error), connection_lost=context.is_disconnect)
        return None


def is_passing(error: Exception) -> bool:
    """Whether a driver's error is about the database as a whole."""
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return state.startswith(_PASSING_CLASSES) or state in _PASSING_STATES
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(code, int) and code & 0xFF in _PASSING_SQLITE


def _words(error: Exception) -> str:
    # The first line only: PostgreSQL's detail lines can quote rows.
    return (str(error).splitlines() or [type(error).__name__])[0]
