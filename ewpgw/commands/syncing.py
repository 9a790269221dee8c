"""The work of ``ewpgw adapter sync``: imports of one or several institutions, told while they go on."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ewpgw.adapters.contract import AdapterProblem
from ewpgw.adapters.guard import DeletionLimits
from ewpgw.adapters.loading import AdapterFailed, create, is_fault
from ewpgw.adapters.syncing import Sync
from ewpgw.apis.running import notifications
from ewpgw.commands import terminal
from ewpgw.intake import intake
from ewpgw.nominations.calendars import Calendars
from ewpgw.store import Store
from ewpgw.store.errors import StoreProblem
from ewpgw.transcripts.configured import Configuration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from ewpgw.adapters.contract import Adapter
    from ewpgw.adapters.syncing import SyncReport
    from ewpgw.config import HeiSettings, Settings
    from ewpgw.records import Records

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_SHOWN = 10


@asynccontextmanager
async def opened(hei: HeiSettings, folder: Path) -> AsyncIterator[Adapter]:
    """The adapter of a HEI that has one, closed at the end. Raises AdapterFailed for what it should not raise."""
    if hei.adapter is None:
        raise TypeError(f"{hei.id} has no adapter")
    adapter: Adapter | None = None
    try:
        adapter = create(hei.id, hei.adapter.kind, hei.adapter.options, folder)
        yield adapter
    except (AdapterProblem, AdapterFailed, StoreProblem):
        raise
    except BaseException as error:  # an adapter may be anyone's code
        if not is_fault(error):
            raise
        raise AdapterFailed(hei.adapter.kind, error) from error
    finally:
        if adapter is not None:
            await adapter.close()


async def run(settings: Settings, heis: Sequence[HeiSettings], *, watch: bool, as_json: bool) -> list[SyncReport]:
    """Import from the adapters of these HEIs and tell what that brought; with ``watch`` go on until a signal.

    Returns the reports; none with ``watch``. Raises AdapterProblem, AdapterFailed and StoreProblem.
    """
    keep_quiet()
    store = await Store.open(settings.store.url.get_secret_value())
    try:
        # the gateway tells the partners: it looks for work now and then
        calendars, transcripts = Calendars.of(settings.heis), Configuration.of(settings)
        records = intake(store, notifications(), _now, _nothing, calendars, transcripts).records
        if watch:
            await _until_a_signal(settings, heis, store, records, as_json)
            return []
        reports = []
        for hei in heis:
            async with opened(hei, settings.folder) as adapter:
                reports.append(await _once(Sync(adapter, store, records, DeletionLimits.of(hei.adapter)), adapter))
        if as_json:
            terminal.say_json([report.as_json() for report in reports])
        else:
            for report in reports:
                _show(report)
        return reports
    finally:
        await store.close()


async def _once(sync: Sync, adapter: Adapter) -> SyncReport:
    await adapter.check()
    if not sys.stderr.isatty():
        return await sync.take()
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        # what was there last time is a good guess at what is there now
        reading = progress.add_task(adapter.hei_id, total=await sync.expected() or None)
        storing = progress.add_task(f"{adapter.hei_id}: storing", total=None, visible=False)

        def seen(entity: str) -> None:
            progress.update(reading, advance=1, description=f"{adapter.hei_id}: reading {entity}")

        def stored(items: int) -> None:
            progress.update(storing, advance=items, total=progress.tasks[reading].completed, visible=True)

        return await sync.take(seen, stored)


async def _until_a_signal(
    settings: Settings, heis: Sequence[HeiSettings], store: Store, records: Records, as_json: bool
) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)

    async def follow(hei: HeiSettings) -> None:
        async with opened(hei, settings.folder) as adapter:
            sync = Sync(adapter, store, records, DeletionLimits.of(hei.adapter))
            _tell(await _once(sync, adapter), as_json)
            await _follow(sync, adapter, as_json)

    tasks = [asyncio.create_task(follow(hei)) for hei in heis]
    end = asyncio.create_task(ending.wait())
    await asyncio.wait([*tasks, end], return_when=asyncio.FIRST_COMPLETED)
    for task in (*tasks, end):
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    for problem in done:
        if isinstance(problem, Exception):
            raise problem


async def _follow(sync: Sync, adapter: Adapter, as_json: bool) -> None:
    """Import whenever the source has changed; what keeps it from being read is told, and tried again."""
    pause = _FIRST_PAUSE
    while True:
        try:
            async with aclosing(sync.changes()) as changes:
                async for _ in changes:
                    report = await sync.take()
                    pause = _FIRST_PAUSE
                    if report.moved or not report.ok:
                        _tell(report, as_json)
        except AdapterProblem as problem:
            terminal.complain(f"{adapter.hei_id}: {problem}; it is tried again in {pause:g} s")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _tell(report: SyncReport, as_json: bool) -> None:
    """One import of many: a line of JSON, or a table."""
    if as_json:
        terminal.say(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        terminal.say(f"{_now():%Y-%m-%d %H:%M:%S} UTC")
        _show(report)
    with suppress(OSError):
        sys.stdout.flush()


def _show(report: SyncReport) -> None:
    terminal.say(report.hei_id)
    names = ("read", "created", "changed", "unchanged", "refused", "reasons", "warnings", "pending", "deleted")
    terminal.table(
        ("entity", *names),
        ([entity, *(getattr(count, name) for name in names)] for entity, count in report.counts.items()),
    )
    if report.refusals:
        terminal.say("")
        terminal.table(
            ("refused", "place", "reason"),
            ([terminal.name(refused.key), refused.path, refused.message] for refused in report.refusals[:_SHOWN]),
        )
        left = sum(count.reasons for count in report.counts.values()) - len(report.refusals[:_SHOWN])
        if left > 0:
            terminal.say(f"… and {left} more; 'ewpgw adapter check --json' tells them all")
    if any(count.warnings for count in report.counts.values()):
        terminal.say("What was warned about is taken all the same; 'ewpgw adapter check' tells why")
    if report.lacking is not None:
        terminal.complain(f"{report.hei_id}: {report.lacking}")
    terminal.say("")


def keep_quiet() -> None:
    """The importer's log is for the gateway's; here the report says the same to a person."""
    from ewpgw import logs
    from ewpgw.config import LogSettings

    logs.set_up(LogSettings(format="console", level="error"))


def _now() -> datetime:
    return datetime.now(UTC)


def _nothing() -> None:
    pass
