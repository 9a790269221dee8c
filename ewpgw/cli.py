"""The command ``ewpgw``: which commands there are. Each group is a module of ``ewpgw.commands``."""

from __future__ import annotations

from typing import Annotated

import typer

from ewpgw.commands import (
    adapter,
    call,
    config,
    demo,
    iia,
    keys,
    la,
    partners,
    records,
    registry,
    serve,
    tokens,
    validate,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="The open gateway that lets any university speak Erasmus Without Paper.",
)
app.add_typer(config.app, name="config")
app.add_typer(keys.app, name="keys")
app.add_typer(tokens.app, name="tokens")
app.command(name="validate")(validate.validate)
app.add_typer(iia.app, name="iia")
app.add_typer(la.app, name="la")
app.add_typer(adapter.app, name="adapter")
app.add_typer(records.app, name="records")
app.command(name="serve")(serve.serve)
app.command(name="registry")(registry.registry)
app.command(name="call")(call.call)
app.command(name="partners")(partners.partners)
app.command(name="demo")(demo.demo)


def _say_version(wanted: bool) -> None:
    if wanted:
        from ewpgw import __version__

        typer.echo(f"ewpgw {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version and end.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command that the process's arguments name."""
    app()
