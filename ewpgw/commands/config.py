"""``ewpgw config``: checking and describing the configuration."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from ewpgw.config import ConfigFault, Settings

app = typer.Typer(no_args_is_help=True, help="Check and describe the configuration.")


@app.command()
def check(config: terminal.ConfigFile, as_json: terminal.Json = False) -> None:
    """Check a configuration file, and the mapping files it names; say every fault, one line each."""
    from ewpgw.config import ConfigFaults, load

    try:
        settings = load(config, knowledge=terminal.knowledge())
        if faults := _mapping_faults(settings):
            raise ConfigFaults(faults)
    except ConfigFaults as error:
        if as_json:
            terminal.say_json({"ok": False, "faults": [asdict(fault) for fault in error.faults]})
        else:
            terminal.complain(error)
        raise typer.Exit(terminal.WRONG) from None
    if as_json:
        terminal.say_json({"ok": True, "faults": [], "heis": [row["id"] for row in _heis(settings)]})
        return
    terminal.table(("", ""), _summary(settings))
    terminal.say("")
    terminal.table(
        ("HEI", "public URL", "keys", "APIs", "adapter"),
        ([row[name] for name in ("id", "public_url", "keys", "apis", "adapter")] for row in _heis(settings)),
    )


@app.command()
def schema() -> None:
    """Write the configuration file's JSON Schema, for editors."""
    from ewpgw.config.reference import json_schema

    terminal.say_json(json_schema())


@app.command(hidden=True)
def docs() -> None:
    """Write the page docs/configuration.md, which is made of the settings' descriptions."""
    from ewpgw.config.reference import page

    terminal.say(page().rstrip("\n"))


def _mapping_faults(settings: Settings) -> tuple[ConfigFault, ...]:
    """What is wrong with the mapping files, each fault once where several institutions share a file."""
    from ewpgw.adapters.loading import mapping_faults
    from ewpgw.config import ConfigFault

    found = dict.fromkeys(
        fault
        for hei in settings.heis
        if hei.adapter is not None
        for fault in mapping_faults(hei.id, hei.adapter.kind, hei.adapter.options, settings.folder)
    )
    return tuple(ConfigFault(str(fault.file), fault.where, *_parted(fault.message), fault.line) for fault in found)


def _parted(message: str) -> tuple[str, str]:
    """A problem and its remedy."""
    problem, _, remedy = message.partition("; ")
    return problem, remedy


def _summary(settings: Settings) -> list[tuple[str, str]]:
    network, sis = settings.network, settings.sis
    way = "https" if network.tls else "http behind a proxy"
    return [
        ("network", f"{network.host}:{network.port}, {way}"),
        ("SIS API", f"{sis.host}:{sis.port}, {'https' if sis.tls else 'http'}"),
        ("registry", f"{settings.registry.catalogue_url}, every {settings.registry.refresh_seconds} s"),
        ("store", settings.store.shown_url),
    ]


def _heis(settings: Settings) -> list[dict[str, str]]:
    return [
        {
            "id": hei.id,
            "public_url": hei.public_url.url,
            "keys": str(len(hei.keys)),
            "apis": "all" if hei.apis is None else ", ".join(hei.apis),
            "adapter": hei.adapter.kind if hei.adapter else "SIS API only",
        }
        for hei in settings.heis
    ]
