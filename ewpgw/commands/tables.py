"""``ewpgw adapter create-tables``: the tables in which a database gets partners' copies and decisions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from pathlib import Path

    from ewpgw.config import HeiSettings

Hei = Annotated[str | None, typer.Option("--hei", metavar="HEI", help="Only this HEI; all with a database otherwise.")]
Print = Annotated[bool, typer.Option("--print", help="Write the statements, for who creates tables; create nothing.")]


def create_tables(config: terminal.ConfigFile, hei: Hei = None, print_only: Print = False) -> None:
    """Create the tables for copies and decisions that are missing in the databases of adapters of kind sql."""
    from ewpgw.adapters.contract import AdapterProblem
    from ewpgw.adapters.loading import AdapterFailed

    settings = terminal.load_settings(config)
    chosen = [
        each
        for each in settings.heis
        if hei in (None, each.id) and each.adapter is not None and each.adapter.kind == "sql"
    ]
    if not chosen:
        terminal.fail("no adapter of kind sql is configured there; only those write to tables")
    try:
        for each in chosen:
            asyncio.run(_create(each, settings.folder, print_only))
    except (AdapterProblem, AdapterFailed) as problem:
        terminal.fail(problem)


async def _create(hei: HeiSettings, folder: Path, print_only: bool) -> None:
    from ewpgw.adapters.contract import AdapterProblem
    from ewpgw.adapters.sql.adapter import SqlAdapter
    from ewpgw.commands.syncing import opened

    async with opened(hei, folder) as adapter:
        if not isinstance(adapter, SqlAdapter):
            raise AdapterProblem(f"{hei.id}: the adapter is another one that calls itself sql; it has no tables here")
        if print_only:
            terminal.say("\n".join(adapter.table_definitions()).strip())
            return
        created = await adapter.create_tables()
        terminal.say(f"{hei.id}: created {', '.join(created)}" if created else f"{hei.id}: all tables are there")
