"""Tokens of the SIS API and the console. Only digests are kept, so that the database does not let anyone in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from sqlalchemy import bindparam, select, update

from ewpgw.store.dialects import insert
from ewpgw.store.engine import AnyRow, Readable, fetch
from ewpgw.store.tables import token

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

Scope = Literal["read", "write", "decide", "admin"]
"""What a token may be good for: looking, giving data, deciding towards partners, running the gateway. None of them
includes another.
"""

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
SAFE: Final[frozenset[Scope]] = frozenset({"read"})
"""What a token is good for where nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token by its name; ``sha256`` is the hexadecimal digest of the secret.

    ``heis`` are the covered HEIs that it opens, None means all; without ``expires_at`` it lasts until it is revoked.
    """

    name: str
    sha256: str
    created_at: datetime
    revoked_at: datetime | None
    scopes: frozenset[Scope] = SAFE
    heis: frozenset[str] | None = None
    expires_at: datetime | None = None

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


class TokenNameTaken(Exception):
    """A token of this name exists or existed; revoked ones keep theirs, so that logs stay unambiguous."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a token named {name!r} exists already or was revoked; choose another name")
        self.name = name


async def create(
    tx: AsyncConnection,
    name: str,
    sha256: str,
    now: datetime,
    *,
    scopes: Collection[Scope] = SAFE,
    heis: Collection[str] | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Keep a new token. Raises TokenNameTaken."""
    statement = insert(tx, token).values(
        name=name,
        sha256=sha256,
        created_at=now,
        scopes=" ".join(scope for scope in SCOPES if scope in scopes),
        heis=None if heis is None else " ".join(sorted(heis)),
        expires_at=expires_at,
    )
    if (await tx.execute(statement.on_conflict_do_nothing(index_elements=["name"]))).rowcount == 0:
        raise TokenNameTaken(name)


async def revoke(tx: AsyncConnection, name: str, now: datetime) -> bool:
    """Make a token invalid; False when there is no valid one of that name."""
    statement = update(token).where(token.c.name == name, token.c.revoked_at.is_(None)).values(revoked_at=now)
    return (await tx.execute(statement)).rowcount == 1


async def find(source: Readable, sha256: str) -> Token | None:
    """The token with this digest, unless it is unknown or revoked. It may have expired."""
    rows = await fetch(source, _FIND, {"sha256": sha256})
    return _token(rows[0]) if rows else None


async def list_all(source: Readable) -> Sequence[Token]:
    """All tokens by name, with those that were revoked or have expired."""
    return [_token(row) for row in await fetch(source, _LIST)]


def _token(row: AnyRow) -> Token:
    return Token(
        name=row.name,
        sha256=row.sha256,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        scopes=cast("frozenset[Scope]", frozenset(row.scopes.split())),
        heis=None if row.heis is None else frozenset(row.heis.split()),
        expires_at=row.expires_at,
    )


_FIND = select(token).where(token.c.sha256 == bindparam("sha256"), token.c.revoked_at.is_(None))
_LIST = select(token).order_by(token.c.name)
