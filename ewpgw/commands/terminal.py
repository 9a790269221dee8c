"""What the commands share: options, listings, faults on standard error, exit codes, and loading the settings."""

from __future__ import annotations

import json
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ewpgw.config import Knowledge, Settings

WRONG = 1
"""Exit code where the checked thing is wrong. 0 is success, 2 wrong usage."""

_PIPE_WIDTH = 4000
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves a terminal's cursor or turns its text around, and halves of characters; not ends of lines and tabs."""

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="EWPGW_CONFIG", metavar="FILE", help="The configuration file.")
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON for programs instead of a table.")]
Files = Annotated[
    list[Path], typer.Argument(metavar="FILE…", exists=True, dir_okay=False, readable=True, help="XML documents.")
]
File = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="An XML document.")
]
NewFile = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The file to make; never overwritten.")]


def harmless(text: str) -> str:
    """A text of somebody else's with its control characters written out: ``\\x1b``."""
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def name(text: str) -> str:
    """The same for a name, such as a file's, which is one line."""
    return harmless(text).replace("\n", "\\n").replace("\t", "\\t")


def say(text: str) -> None:
    """Write a line to standard output."""
    typer.echo(text)


def say_json(value: object) -> None:
    """Write a value to standard output as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def complain(text: object) -> None:
    """Write a line to standard error. It may name files, so it is made harmless."""
    typer.echo(harmless(str(text)), err=True)


def fail(text: object, code: int = WRONG) -> NoReturn:
    """Say what is wrong on standard error, and end the command."""
    complain(text)
    raise typer.Exit(code)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to standard output; whole lines where it is a pipe, folded cells where it is a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    listing = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        listing.add_column(column, overflow="fold")
    for row in rows:
        # Text, so that brackets in a value are no markup
        listing.add_row(*(Text(harmless(str(cell))) for cell in row))
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False).print(listing)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show on standard error that something takes its time, where that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


def knowledge() -> Knowledge:
    """What the configuration's check has to know of the APIs and the installed adapters."""
    from ewpgw.adapters import loading
    from ewpgw.apis.running import APIS, chosen
    from ewpgw.config import Knowledge

    return Knowledge(
        api_names=frozenset(api.name for api in APIS),
        choose_apis=chosen,
        adapter_model=lambda kind: loading.load(kind).settings_model,
    )


def load_settings(path: Path) -> Settings:
    """The settings, or the end of the command with every fault on standard error."""
    from ewpgw.config import ConfigFaults, load

    try:
        return load(path, knowledge=knowledge())
    except ConfigFaults as faults:
        fail(faults)
