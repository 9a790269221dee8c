"""``ewpgw adapter``: trying an institution's adapter without importing anything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ewpgw.adapters.check import CheckReport
    from ewpgw.config import HeiSettings, Settings

app = typer.Typer(no_args_is_help=True, help="Try the institutions' adapters.")

Hei = Annotated[str | None, typer.Option("--hei", metavar="HEI", help="Only this HEI; all with an adapter otherwise.")]


@app.callback()
def _group() -> None:
    """Keeps ``check`` a command of its own while it is the only one."""


@app.command()
def check(config: terminal.ConfigFile, hei: Hei = None, as_json: terminal.Json = False) -> None:
    """Read everything an adapter's source holds and say what would be imported, and what refused and why."""
    from ewpgw.adapters.contract import AdapterProblem

    settings = terminal.load_settings(config)
    try:
        reports = asyncio.run(_check(settings, _chosen(settings, hei)))
    except AdapterProblem as problem:
        terminal.fail(problem)
    if as_json:
        terminal.say_json([report.as_json() for report in reports])
    else:
        for report in reports:
            _show(report)
    if not all(report.ok for report in reports):
        raise typer.Exit(terminal.WRONG)


def _chosen(settings: Settings, hei: str | None) -> list[HeiSettings]:
    if hei is not None and settings.hei(hei) is None:
        terminal.fail(
            f"{hei} is not a HEI of this configuration; it covers {', '.join(each.id for each in settings.heis)}"
        )
    chosen = [each for each in settings.heis if hei in (None, each.id) and each.adapter is not None]
    if not chosen:
        terminal.fail("no adapter is configured there; records come through the SIS API alone")
    return chosen


async def _check(settings: Settings, heis: Sequence[HeiSettings]) -> list[CheckReport]:
    from ewpgw.adapters.check import dry_run
    from ewpgw.adapters.loading import create

    reports = []
    for hei in heis:
        if hei.adapter is not None:
            adapter = create(hei.id, hei.adapter.kind, hei.adapter.options, settings.folder)
            try:
                reports.append(await dry_run(adapter))
            finally:
                await adapter.close()
    return reports


def _show(report: CheckReport) -> None:
    terminal.say(report.hei_id)
    terminal.table(
        ("entity", "found", "valid", "refused", "with warnings"),
        ([entity, count.found, count.valid, count.refused, count.warnings] for entity, count in report.counts.items()),
    )
    if report.findings:
        terminal.say("")
        terminal.table(
            ("item", "", "place", "reason"),
            ([found.key, found.severity, found.path, found.message] for found in report.findings),
        )
    terminal.say("")
