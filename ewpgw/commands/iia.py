"""``ewpgw iia``: looking at agreements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ewpgw.commands import iia_diff, iia_files, iia_take_over, iia_v6, terminal

if TYPE_CHECKING:
    from pathlib import Path

    from ewpgw.model.iia_hash import HashedIia
    from ewpgw.model.iia_v6_hash import HashedFormerIia

app = typer.Typer(no_args_is_help=True, help="Look at agreements (IIAs).")
app.command(name="diff")(iia_diff.diff)
app.command(name="import-v6")(iia_v6.import_v6)
app.command(name="take-over-v6")(iia_take_over.take_over_v6)


@app.command(name="hash")
def hash_document(file: terminal.File, as_json: terminal.Json = False) -> None:
    """Compute the hash of each agreement in a get-response, and compare it with the one stated there.

    Of a response of version 6: the iia_hash its approval has today, and the conditions-hash that was approved.
    """
    from ewpgw.model import iia_v6_hash
    from ewpgw.model.iia_hash import of_response

    document = iia_files.parsed(file)
    if iia_v6_hash.is_former(document):
        _show_former(file, list(iia_v6_hash.of_response(document)), as_json)
        return
    rows = [_row(iia) for iia in iia_files.some(file, list(of_response(document)))]
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


def _show_former(file: Path, agreements: list[HashedFormerIia], as_json: bool) -> None:
    rows = [_former_row(iia) for iia in iia_files.some(file, agreements)]
    if as_json:
        terminal.say_json(rows)
    else:
        terminal.table(
            ("IIA of version 6", "iia_hash", "conditions_hash", "stated", "agree"),
            (
                [row["iia_id"], row["iia_hash"], row["conditions_hash"], row["stated"] or "—", _agreement(row["agree"])]
                for row in rows
            ),
        )
    if any(row["agree"] is False for row in rows):
        raise typer.Exit(terminal.WRONG)


def _former_row(iia: HashedFormerIia) -> dict[str, object]:
    return {
        "iia_id": iia.iia_id,
        "iia_hash": iia.iia_hash,
        "conditions_hash": iia.conditions_hash,
        "stated": iia.stated,
        "agree": None if iia.stated is None else iia.stated == iia.conditions_hash,
    }


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
