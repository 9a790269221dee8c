"""What can be wrong with a store, and what to do about it."""

from __future__ import annotations


class StoreProblem(Exception):
    """Any problem of the store as a whole; never about the data in it."""


class BadStoreUrl(StoreProblem):
    """The store's URL cannot be used.

    ``url`` is the URL without its password, ``reason`` a sentence.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"the store's URL {url!r} cannot be used: {reason}; "
            "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
        )
        self.url = url
        self.reason = reason


class StoreUnavailable(StoreProblem):
    """The database cannot be reached or cannot work now; the same call may succeed later.

    ``url`` is the store's URL without its password; ``reason`` is the database's or the system's own words;
    ``connection_lost`` says that an established connection ended, so that a new one may help at once.
    """

    def __init__(self, url: str, reason: str, *, connection_lost: bool = False) -> None:
        super().__init__(
            f"the store {url} is not available: {reason}; see to the database: a running gateway tries again"
        )
        self.url = url
        self.reason = reason
        self.connection_lost = connection_lost


class StoreTooNew(StoreProblem):
    """The database was migrated by a newer ewpgw; this one would damage it."""

    def __init__(self, url: str, found: str, known: str) -> None:
        super().__init__(
            f"the store {url} has schema version {found!r}, but this ewpgw knows versions up to {known!r}; "
            "run the newer ewpgw, or restore the backup made before its upgrade"
        )
        self.url = url
        self.found = found
        self.known = known


class StoreNotMigrated(StoreProblem):
    """The database has an older schema (or none), and the caller asked not to migrate it."""

    def __init__(self, url: str, found: str | None, wanted: str) -> None:
        super().__init__(
            f"the store {url} has {'no schema' if found is None else f'schema version {found!r}'}, "
            f"but this ewpgw needs {wanted!r}; start the daemon once, which migrates it"
        )
        self.url = url
        self.found = found
        self.wanted = wanted
