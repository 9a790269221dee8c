"""``ewpgw adapter confirm-deletions``: what vanished from a source all at once, and a person's word that it may go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from ewpgw.config import Settings
    from ewpgw.store.held_deletions import HeldDeletion

_SHOWN_IDS = 20

Name = Annotated[
    str | None, typer.Argument(metavar="SET", help="The set to confirm; without it, those that wait are listed.")
]
Hei = Annotated[str | None, typer.Option("--hei", metavar="HEI", help="Only this HEI; all otherwise.")]


def confirm_deletions(
    config: terminal.ConfigFile, name: Name = None, hei: Hei = None, as_json: terminal.Json = False
) -> None:
    """List deletions that wait because the source lost too much at once; with SET confirm one, for good."""
    from ewpgw.store.errors import StoreProblem

    settings = terminal.load_settings(config)
    heis = [each.id for each in settings.heis if hei in (None, each.id)]
    if not heis:
        terminal.fail(f"{hei} is not a HEI of this configuration")
    try:
        held = asyncio.run(_held(settings, heis, name))
    except StoreProblem as problem:
        terminal.fail(problem)
    if name is not None and not held:
        terminal.fail(f"no deletions called {name} wait; list them again, they may have changed or come back")
    if as_json:
        terminal.say_json([_as_json(each) for each in held])
    elif name is not None:
        for each in held:
            count = len(each.ids)
            terminal.say(f"{count} {each.key.entity} of {each.key.hei_id} are deleted when the source is read next")
    elif held:
        _show(held)
    else:
        terminal.say("no deletions wait")


async def _held(settings: Settings, heis: list[str], name: str | None) -> list[HeldDeletion]:
    from ewpgw.store import Store, held_deletions

    store = await Store.open(settings.store.url.get_secret_value(), migrate=False)
    try:
        if name is None:
            return [each for hei_id in heis for each in await held_deletions.list_all(store, hei_id)]
        found = []
        async with store.transaction() as tx:
            for hei_id in heis:
                held = await held_deletions.confirm(tx, hei_id, name, "command line", datetime.now(UTC))
                found += [held] if held is not None else []
        return found
    finally:
        await store.close()


def _show(held: list[HeldDeletion]) -> None:
    terminal.table(
        ("set", "HEI", "entity", "gone", "of", "since", "confirmed", "ids"),
        (
            [
                each.set,
                each.key.hei_id,
                each.key.entity,
                len(each.ids),
                each.total,
                f"{each.held_at:%Y-%m-%d %H:%M} UTC",
                "yes" if each.confirmed_at else "no",
                ", ".join(each.ids[:_SHOWN_IDS]) + (" …" if len(each.ids) > _SHOWN_IDS else ""),
            ]
            for each in held
        ),
    )


def _as_json(held: HeldDeletion) -> dict[str, object]:
    return {
        "set": held.set,
        "hei_id": held.key.hei_id,
        "source": held.key.source,
        "entity": held.key.entity,
        "ids": held.ids,
        "total": held.total,
        "held_at": held.held_at.isoformat(),
        "confirmed_at": held.confirmed_at.isoformat() if held.confirmed_at else None,
        "confirmed_by": held.confirmed_by,
    }
