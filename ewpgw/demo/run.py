"""The demonstration for people and for programs: the story told with rich, or as one JSON object."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import tempfile
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ewpgw.demo.network import Network
from ewpgw.demo.steps import Step
from ewpgw.demo.story import tell


async def run(*, once: bool, as_json: bool, state: Path | None) -> int:
    """Tells the story; 0 where every step held, else 1. Without ``once`` the network then stays up until Ctrl-C."""
    root = state.absolute() if state else Path(tempfile.mkdtemp(prefix="ewpgw-demo-"))
    console = Console(stderr=as_json, highlight=False)
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    assert this is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, this.cancel)
    network = Network(root)
    ok = False
    try:
        ok = await _tell(network, console, as_json=as_json)
        if ok and not once:
            _show_network(console, network)
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        console.print("\nending the network")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        await network.stop()
        if state is None:
            shutil.rmtree(root, ignore_errors=True)
    return 0 if ok else 1


async def _tell(network: Network, console: Console, *, as_json: bool) -> bool:
    """Shows each step as it ends, or all of them as one JSON object at the end; whether every step held."""
    steps: list[Step] = []
    with console.status("…"):
        async for step in tell(network):
            if not as_json:
                if not steps or steps[-1].act != step.act:
                    console.print(f"\n[bold underline]{escape(step.act)}[/]\n")
                _show(console, step)
            steps.append(step)
    ok = all(step.ok for step in steps)
    if as_json:
        told = [{"name": step.name, "ok": step.ok, "seconds": step.seconds, "detail": step.detail} for step in steps]
        print(json.dumps({"ok": ok, "steps": told}), flush=True)
    return ok


def _show(console: Console, step: Step) -> None:
    mark = "[green]✓[/]" if step.ok else "[bold red]✗[/]"
    console.print(f"{mark} [bold]{escape(step.name)}[/] [dim]{step.seconds:.1f} s[/]")
    console.print(Padding(Text(step.detail, style="dim" if step.ok else "red"), (0, 0, 0, 2), expand=False))


def _show_network(console: Console, network: Network) -> None:
    layout = network.layout
    table = Table(title="\nThe network stays up until Ctrl-C", title_justify="left", show_header=False, box=None)
    table.add_row("registry", layout.registry_url)
    table.add_row("catalogue", layout.catalogue_url)
    for member in ("north", "south"):
        table.add_row(f"{member}.example", layout.base_url(member))
        table.add_row("", f"manifest {layout.manifest_url(member)}")
        table.add_row("", f"SIS API {layout.sis_url(member)}/docs")
        table.add_row("", f"token {network.tokens[member]}")
        table.add_row("", f"its system's folder {layout.data(member)}")
    table.add_row("papers to look at", str(layout.papers))
    table.add_row("for programs", str(layout.root / "network.json"))
    console.print(table)
