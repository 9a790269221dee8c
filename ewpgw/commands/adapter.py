"""``ewpgw adapter``: setting up an institution's adapter, trying it, and importing from it."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ewpgw.commands import terminal
from ewpgw.commands.deletions import confirm_deletions
from ewpgw.commands.tables import create_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from ewpgw.adapters.check import CheckReport, Shown
    from ewpgw.adapters.contract import Adapter
    from ewpgw.config import HeiSettings, Settings

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Set up, try and run the institutions' adapters.")
app.command()(confirm_deletions)
app.command()(create_tables)

_SHOWN = 10
"""So many findings of an entity are shown; JSON has them all."""

Hei = Annotated[str | None, typer.Option("--hei", metavar="HEI", help="Only this HEI; all with an adapter otherwise.")]
Kind = Annotated[str, typer.Argument(metavar="KIND", help="A kind of adapter, such as sql; see 'list'.")]


@app.command(name="list")
def list_kinds(as_json: terminal.Json = False) -> None:
    """List the installed kinds of adapters."""
    from ewpgw.adapters.loading import described

    rows = [{"kind": kind, "about": about} for kind, about in described().items()]
    if as_json:
        terminal.say_json(rows)
    else:
        terminal.table(("kind", ""), ([row["kind"], row["about"]] for row in rows))


@app.command()
def schema(kind: Kind) -> None:
    """Write the JSON Schema of an adapter's mapping files, for editors."""
    from ewpgw.adapters.loading import UnknownAdapter, load

    try:
        source_model = load(kind).source_model
    except UnknownAdapter as unknown:
        terminal.fail(unknown, 2)
    if source_model is None:
        terminal.fail(f"adapters of kind {kind} have no mapping files; docs/adapters says how each is set up", 2)
    from ewpgw.adapters.mapping import json_schema

    terminal.say_json(json_schema(source_model))


@app.command()
def init(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="folder, csv, sql, rest or python.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="DIR", file_okay=False, help="Where to; a new or empty folder. KIND otherwise."
        ),
    ] = None,
    hei: Annotated[str, typer.Option("--hei", metavar="HEI", help="The institution.")] = "north.example",
) -> None:
    """Write the beginnings of an adapter's configuration, with a comment on every field. Never overwrites."""
    from ewpgw.adapters.starting import CannotStart, files_of, write

    target = folder or Path(kind)
    try:
        written = write(target, files_of(kind, hei, target))
    except CannotStart as problem:
        terminal.fail(problem)
    for path in written:
        terminal.say(str(path))
    terminal.complain(f"{target / 'README.md'} says how to go on.")


@app.command()
def check(
    config: terminal.ConfigFile,
    hei: Hei = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Check the first N of each kind of record only.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="Show one item, and the EWP document it becomes.")
    ] = None,
    as_json: terminal.Json = False,
) -> None:
    """Read an adapter's source and say what would be imported, and what refused and why. Changes nothing."""
    settings = terminal.load_settings(config)
    chosen = _chosen(settings, hei)
    if key is not None:
        _check_one(settings, chosen, key, as_json)
        return
    with terminal.working("reading the source"):
        reports = _run(_check(settings, chosen, limit))
    if as_json:
        terminal.say_json([report.as_json() for report in reports])
    else:
        for report in reports:
            _show(report)
        example = next((report.example for report in reports if report.example), None)
        if example is not None and example.isprintable():
            terminal.say(f"One record beside the EWP document that it becomes: --key {shlex.quote(example)}")
    if not all(report.ok for report in reports):
        raise typer.Exit(terminal.WRONG)


@app.command()
def sync(
    config: terminal.ConfigFile,
    hei: Hei = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on importing what changes, until Ctrl-C.")] = False,
    as_json: terminal.Json = False,
) -> None:
    """Import from the adapter's source now. Does no harm beside a gateway that runs."""
    from ewpgw.commands import syncing

    settings = terminal.load_settings(config)
    reports = _run(syncing.run(settings, _chosen(settings, hei), watch=watch, as_json=as_json))
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


def _run(work: Coroutine[None, None, T]) -> T:
    """What the work returns; the end of the command, in words, where an adapter or the store cannot be used."""
    from ewpgw.adapters.contract import AdapterProblem
    from ewpgw.adapters.loading import AdapterFailed
    from ewpgw.store.errors import StoreProblem

    try:
        return asyncio.run(work)
    except (AdapterProblem, AdapterFailed, StoreProblem) as problem:
        terminal.fail(problem)


async def _each(
    settings: Settings, heis: Sequence[HeiSettings], work: Callable[[Adapter], Coroutine[None, None, T]]
) -> list[T]:
    from ewpgw.commands.syncing import opened

    results = []
    for hei in heis:
        async with opened(hei, settings.folder) as adapter:
            results.append(await work(adapter))
    return results


async def _check(settings: Settings, heis: Sequence[HeiSettings], limit: int | None) -> list[CheckReport]:
    from ewpgw.adapters.check import dry_run
    from ewpgw.adapters.trial import Setup
    from ewpgw.commands.syncing import keep_quiet

    keep_quiet()
    setup = Setup.of(settings)
    return await _each(settings, heis, lambda adapter: dry_run(adapter, limit=limit, setup=setup))


def _check_one(settings: Settings, heis: Sequence[HeiSettings], key: str, as_json: bool) -> None:
    from ewpgw.adapters.check import Shown, look_up
    from ewpgw.adapters.trial import Setup
    from ewpgw.commands.syncing import keep_quiet

    keep_quiet()
    setup = Setup.of(settings)

    with terminal.working(f"looking for {key}"):
        answers = _run(_each(settings, heis, lambda adapter: look_up(adapter, key, setup=setup)))
    found = [answer for answer in answers if isinstance(answer, Shown)]
    if not found:
        others = [other for answer in answers if not isinstance(answer, Shown) for other in answer]
        there = (
            f"there are, among others, {', '.join(map(terminal.name, others))}"
            if others
            else "the source holds nothing"
        )
        terminal.fail(f"the source has nothing of the key {key}; {there}")
    if as_json:
        terminal.say_json([shown.as_json() for shown in found])
    else:
        for shown in found:
            _show_one(shown)
    if any(problem.severity == "refusal" for shown in found for problem in shown.problems):
        raise typer.Exit(terminal.WRONG)


def _show(report: CheckReport) -> None:
    terminal.say(report.hei_id)
    if not report.counts:
        terminal.say("the source offers no records of any kind")
    sampled = any(count.unchecked for count in report.counts.values())
    terminal.table(
        ("entity", "found", "valid", "refused", "with warnings", *(["not checked"] if sampled else [])),
        (
            [
                entity,
                f"{count.found}+" if count.more else count.found,
                count.valid,
                count.refused,
                count.warnings,
                *([count.unchecked] if sampled else []),
            ]
            for entity, count in report.counts.items()
        ),
    )
    terminal.say("")
    left = 0
    rows = []
    for entity in dict.fromkeys(found.entity for found in report.findings):
        # refusals first: sorting keeps the order otherwise
        of_entity = sorted(
            (found for found in report.findings if found.entity == entity), key=lambda found: found.severity
        )
        rows += [[terminal.name(found.key), found.severity, found.path, found.message] for found in of_entity[:_SHOWN]]
        left += len(of_entity[_SHOWN:])
    if rows:
        terminal.table(("item", "", "place", "reason"), rows)
        if left:
            terminal.say(f"… and {left} more; --json has them all")
        terminal.say("")


def _show_one(shown: Shown) -> None:
    import json

    terminal.say(
        f"{shown.hei_id}: {terminal.name(shown.key)}" + (f" (id {terminal.harmless(shown.id)})" if shown.id else "")
    )
    record = shown.record
    left = record if isinstance(record, str) else json.dumps(record, indent=2, ensure_ascii=False)
    if record is None:
        left = "cannot be read"
    terminal.table(("record", "EWP document"), [[left, shown.document or "none: it is refused"]])
    if shown.problems:
        terminal.say("")
        terminal.table(("", "place", "reason"), ([each.severity, each.path, each.message] for each in shown.problems))
