"""The gateway's own copy of everything it exchanges: tables, queries and migrations over SQLite or PostgreSQL."""

from __future__ import annotations

from ewpgw.store.engine import Readable, Store
from ewpgw.store.errors import BadStoreUrl, StoreNotMigrated, StoreProblem, StoreTooNew, StoreUnavailable

__all__ = [
    "BadStoreUrl",
    "Readable",
    "Store",
    "StoreNotMigrated",
    "StoreProblem",
    "StoreTooNew",
    "StoreUnavailable",
]
