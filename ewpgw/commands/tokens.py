"""``ewpgw tokens``: who may use the SIS API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

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


@app.command()
def create(name: Name, config: terminal.ConfigFile) -> None:
    """Make a token and write it once; only its SHA-256 is stored."""
    from datetime import UTC, datetime
    from hashlib import sha256
    from secrets import token_urlsafe

    from ewpgw.store import tokens

    if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise typer.BadParameter(f"a name has 1 to {_MAX_NAME} printable characters", param_hint="NAME")
    secret = token_urlsafe(32)

    async def store_digest(store: Store) -> None:
        async with store.transaction() as tx:
            await tokens.create(tx, name, sha256(secret.encode()).hexdigest(), datetime.now(UTC))

    try:
        _with_store(config, store_digest)
    except tokens.TokenNameTaken as taken:
        terminal.fail(taken)
    terminal.complain("This token is shown only now; give it to the SIS as 'Authorization: Bearer TOKEN'.")
    terminal.say(secret)


@app.command(name="list")
def list_tokens(config: terminal.ConfigFile, as_json: terminal.Json = False) -> None:
    """List all tokens by name, revoked ones too; the tokens themselves are not stored."""
    from ewpgw.store import tokens

    rows = [
        {
            "name": token.name,
            "created_at": token.created_at.isoformat(timespec="seconds"),
            "revoked_at": token.revoked_at.isoformat(timespec="seconds") if token.revoked_at else None,
        }
        for token in _with_store(config, tokens.list_all)
    ]
    if as_json:
        terminal.say_json(rows)
    else:
        terminal.table(
            ("name", "created", "revoked"), ([row["name"], row["created_at"], row["revoked_at"] or "—"] for row in rows)
        )


@app.command()
def revoke(name: Name, config: terminal.ConfigFile) -> None:
    """Make a token invalid at once, for good."""
    from datetime import UTC, datetime

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
