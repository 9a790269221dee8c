"""``ewpgw partners``: who is in the catalogue, with which APIs and versions."""

from __future__ import annotations

from typing import Annotated

import typer

from ewpgw.commands.terminal import ConfigFile, Json, fail, load_settings, say, say_json, table


def partners(
    hei: Annotated[list[str] | None, typer.Argument(metavar="[HEI]…", help="Only these HEI ids.")] = None,
    *,
    config: ConfigFile,
    api: Annotated[str | None, typer.Option("--api", help="Only institutions that offer this API.")] = None,
    json: Json = False,
) -> None:
    """List the institutions of the network with the APIs they offer."""
    import asyncio

    from ewpgw.commands.catalogues import read_catalogue
    from ewpgw.store.errors import StoreProblem

    try:
        catalogue = asyncio.run(read_catalogue(load_settings(config)))
    except StoreProblem as problem:
        fail(problem)
    found = []
    for hei_id in sorted(catalogue.hei_ids):
        listed = [entry for host in catalogue.hosts(hei_id) for entry in host.entries]
        entries = [entry for entry in listed if api in (None, entry.api)]
        if (hei and hei_id not in hei) or (api and not entries):
            continue
        names = catalogue.names(hei_id)
        offered = {f"{entry.api} {entry.version}" for entry in entries}
        found.append({"hei_id": hei_id, "name": names[0].text if names else "", "apis": sorted(offered)})
    if json:
        say_json(found)
        return
    table(("HEI", "Name", "APIs"), [(f["hei_id"], f["name"], ", ".join(f["apis"])) for f in found])
    say(f"{len(found)} institutions")
