"""``ewpgw tokens``: who may use the SIS API."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from ewpgw.store import Store

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke tokens of the SIS API.")

T = TypeVar("T")

_MAX_NAME = 64

Name = Annotated[str, typer.Argument(metavar="NAME", help="Who uses the token, such as 'sis'.")]


class ScopeName(StrEnum):
    """A scope, for the command line."""

    READ = "read"
    WRITE = "write"
    DECIDE = "decide"
    ADMIN = "admin"


Scopes = Annotated[
    list[ScopeName] | None,
    typer.Option(
        "--scope",
        help="What it is good for: read (look), write (give records), decide (approve, reject … towards partners), "
        "admin (run the gateway). Give it several times for several; none includes another. Without: read alone.",
    ),
]
Heis = Annotated[
    list[str] | None,
    typer.Option("--hei", metavar="HEI_ID", help="A HEI that it opens; several times for several. Without: all."),
]
Expires = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
        metavar="TIME",
        help="When it stops to work, as in 2027-09-30 (its first moment) or 2027-09-30T18:00:00+02:00; in UTC unless "
        "the time says otherwise. Without: when it is revoked.",
    ),
]


@app.command()
def create(
    name: Name,
    config: terminal.ConfigFile,
    scope: Scopes = None,
    hei: Heis = None,
    expires: Expires = None,
) -> None:
    """Make a token and write it once; only its SHA-256 is stored."""
    from datetime import UTC
    from hashlib import sha256
    from secrets import token_urlsafe

    from ewpgw.store import tokens

    if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise typer.BadParameter(f"a name has 1 to {_MAX_NAME} printable characters", param_hint="NAME")
    now, secret = datetime.now(UTC), token_urlsafe(32)
    until = expires.replace(tzinfo=expires.tzinfo or UTC) if expires is not None else None
    if until is not None and until <= now:
        raise typer.BadParameter("is not in the future", param_hint="--expires")
    covered = [each.id for each in terminal.load_settings(config).heis]
    for each in hei or ():
        if each not in covered:
            raise typer.BadParameter(f"{each} is not a HEI of {config}: {', '.join(covered)}", param_hint="--hei")

    async def store_digest(store: Store) -> None:
        async with store.transaction() as tx:
            await tokens.create(
                tx,
                name,
                sha256(secret.encode()).hexdigest(),
                now,
                scopes=tokens.SAFE if not scope else [each.value for each in scope],
                heis=hei or None,
                expires_at=until,
            )

    try:
        _with_store(config, store_digest)
    except tokens.TokenNameTaken as taken:
        terminal.fail(taken)
    terminal.complain("This token is shown only now; give it to the SIS as 'Authorization: Bearer TOKEN'.")
    terminal.say(secret)


@app.command(name="list")
def list_tokens(config: terminal.ConfigFile, as_json: terminal.Json = False) -> None:
    """List all tokens by name, revoked and expired ones too; the tokens themselves are not stored."""
    from ewpgw.store import tokens

    rows: list[dict[str, Any]] = [
        {
            "name": token.name,
            "created_at": token.created_at.isoformat(timespec="seconds"),
            "revoked_at": token.revoked_at.isoformat(timespec="seconds") if token.revoked_at else None,
            "scopes": [scope for scope in tokens.SCOPES if scope in token.scopes],
            "heis": sorted(token.heis) if token.heis is not None else None,
            "expires_at": token.expires_at.isoformat(timespec="seconds") if token.expires_at else None,
        }
        for token in _with_store(config, tokens.list_all)
    ]
    if as_json:
        terminal.say_json(rows)
    else:
        terminal.table(
            ("name", "scopes", "HEIs", "created", "expires", "revoked"),
            (
                [
                    row["name"],
                    " ".join(row["scopes"]),
                    "all" if row["heis"] is None else " ".join(row["heis"]),
                    row["created_at"],
                    row["expires_at"] or "—",
                    row["revoked_at"] or "—",
                ]
                for row in rows
            ),
        )


@app.command()
def revoke(name: Name, config: terminal.ConfigFile) -> None:
    """Make a token invalid at once, for good."""
    from datetime import UTC

    from ewpgw.store import tokens

    async def mark(store: Store) -> bool:
        async with store.transaction() as tx:
            return await tokens.revoke(tx, name, datetime.now(UTC))

    if not _with_store(config, mark):
        terminal.fail(f"there is no valid token named {name!r}; 'ewpgw tokens list' names them all")
    terminal.say(f"revoked {name}")


def _with_store(config: Path, work: Callable[[Store], Awaitable[T]]) -> T:
    """What the work returns, done with the configured store open; the end of the command where that is away."""
    import asyncio

    from ewpgw.store import Store, StoreProblem

    settings = terminal.load_settings(config)

    async def run() -> T:
        store = await Store.open(settings.store.url.get_secret_value())
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except StoreProblem as problem:
        terminal.fail(problem)
