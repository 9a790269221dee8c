"""Tokens of the SIS API and the console. Only digests are kept, so that the database does not let anyone in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from ewpgw.store.dialects import insert
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import token

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Token:
    """A token by its name; ``sha256`` is the hexadecimal digest of the secret."""

    name: str
    sha256: str
    created_at: datetime
    revoked_at: datetime | None


class TokenNameTaken(Exception):
    """A token of this name exists or existed; revoked ones keep theirs, so that logs stay unambiguous."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a token named {name!r} exists already or was revoked; choose another name")
        self.name = name


async def create(tx: AsyncConnection, name: str, sha256: str, now: datetime) -> None:
    """Keep a new token. Raises TokenNameTaken."""
    statement = insert(tx, token).values(name=name, sha256=sha256, created_at=now)
    if (await tx.execute(statement.on_conflict_do_nothing(index_elements=["name"]))).rowcount == 0:
        raise TokenNameTaken(name)


async def revoke(tx: AsyncConnection, name: str, now: datetime) -> bool:
    """Make a token invalid; False when there is no valid one of that name."""
    statement = update(token).where(token.c.name == name, token.c.revoked_at.is_(None)).values(revoked_at=now)
    return (await tx.execute(statement)).rowcount == 1


async def find(source: Readable, sha256: str) -> Token | None:
    """The token with this digest, unless it is unknown or revoked."""
    rows = await fetch(source, _FIND, {"sha256": sha256})
    return Token(**rows[0]._mapping) if rows else None


async def list_all(source: Readable) -> Sequence[Token]:
    """All tokens by name, with the revoked ones."""
    return [Token(**row._mapping) for row in await fetch(source, _LIST)]


_FIND = select(token).where(token.c.sha256 == bindparam("sha256"), token.c.revoked_at.is_(None))
_LIST = select(token).order_by(token.c.name)
