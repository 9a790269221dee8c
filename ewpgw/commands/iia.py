"""``ewpgw iia``: looking at agreements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from pathlib import Path

    from ewpgw.model.iia_hash import HashedIia

app = typer.Typer(no_args_is_help=True, help="Look at agreements (IIAs).")


@app.callback()
def _group() -> None:
    """Keep ``hash`` a command of its own; without this, typer would make it the whole group."""


@app.command(name="hash")
def hash_document(file: terminal.File, as_json: terminal.Json = False) -> None:
    """Compute the hash of each agreement in a get-response, and compare it with the one stated there."""
    rows = [_row(iia) for iia in _read(file)]
    if not rows:
        terminal.fail(f"{file}: holds no agreement; give a response of the IIAs API's get endpoint, or one <iia>")
    if as_json:
        terminal.say_json(rows)
    else:
        terminal.table(
            ("IIA", "computed", "stated", "agree", "approvable"),
            (
                [
                    row["iia_id"],
                    row["computed"],
                    row["stated"] or "—",
                    _agreement(row["agree"]),
                    _yes(row["approvable"]),
                ]
                for row in rows
            ),
        )
    if any(row["agree"] is False for row in rows):
        raise typer.Exit(terminal.WRONG)


def _read(file: Path) -> list[HashedIia]:
    from ewpgw.documents.parsing import MalformedDocument, parse
    from ewpgw.model.iia_hash import of_response

    try:
        return list(of_response(parse(file.read_bytes())))
    except MalformedDocument as problem:
        terminal.fail(f"{file}: {problem}")


def _row(iia: HashedIia) -> dict[str, object]:
    stated = next((element.text or "" for element in iia.element.iterchildren("{*}iia-hash")), None)
    return {
        "iia_id": iia.iia_id,
        "computed": iia.iia_hash,
        "stated": stated,
        "agree": None if stated is None else stated == iia.iia_hash,
        "approvable": iia.valid_for_approval,
    }


def _agreement(value: object) -> str:
    return "nothing stated" if value is None else _yes(value)


def _yes(value: object) -> str:
    return "yes" if value else "no"
