"""``ewpgw demo``: a small network on this machine, and the life of an agreement on it, from draft to termination."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ewpgw.commands.terminal import Json


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End after the story instead of keeping the network up.")
    ] = False,
    json: Json = False,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", metavar="DIR", file_okay=False, help="Keep the network's files there, with network.json."
        ),
    ] = None,
) -> None:
    """Run a registry and two gateways on this machine, and follow what two universities exchange in a year."""
    import asyncio

    from ewpgw.demo.run import run

    raise typer.Exit(asyncio.run(run(once=once, as_json=json, state=state)))
