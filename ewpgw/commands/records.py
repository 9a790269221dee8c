"""``ewpgw records``: which records there are, and what they consist of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from ewpgw.model.entity import EntityType

app = typer.Typer(no_args_is_help=True, help="Describe the records that an institution's system hands in.")

Entity = Annotated[str, typer.Argument(metavar="ENTITY", help="A kind of record, such as iias; see 'list'.")]


@app.command(name="list")
def list_entities(as_json: terminal.Json = False) -> None:
    """List the kinds of records, with what each is known by."""
    from ewpgw.model.entities import ENTITIES
    from ewpgw.model.problems import dotted
    from ewpgw.model.reference import guide

    rows = [
        {
            "entity": entity.name,
            "title": guide(entity).title,
            "identifier": dotted(*entity.id_path),
            "api": entity.api,
            "version": entity.newest.version,
        }
        for entity in ENTITIES.values()
    ]
    if as_json:
        terminal.say_json(rows)
        return
    terminal.table(
        ("entity", "records", "identifier", "API"),
        ([row["entity"], row["title"], row["identifier"], f"{row['api']} {row['version']}"] for row in rows),
    )


@app.command()
def schema(entity: Entity) -> None:
    """Write the JSON Schema of a record, for editors and programs."""
    from ewpgw.model.json_schema import json_schema

    terminal.say_json(json_schema(_known(entity)))


@app.command()
def example(
    entity: Entity,
    hei: Annotated[str, typer.Option("--hei", metavar="HEI", help="Whose record it is.")] = "north.example",
) -> None:
    """Write a complete example of a record, fit to be handed in."""
    from ewpgw.model import examples

    terminal.say_json(examples.example(_known(entity).name, hei))


@app.command(hidden=True)
def docs(
    folder: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="Where the pages are written.")],
) -> None:
    """Write the pages docs/records, which are made of the models' descriptions."""
    from ewpgw.model.reference import pages

    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _known(name: str) -> EntityType:
    from ewpgw.model.entities import ENTITIES

    if name not in ENTITIES:
        terminal.fail(f"{name} is no kind of record; there are {', '.join(ENTITIES)}", 2)
    return ENTITIES[name]
