"""``ewpgw iia import-v6``: agreements that were approved under version 6 of the IIAs API."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ewpgw.commands import iia_files, terminal

if TYPE_CHECKING:
    from ewpgw.model.iia_v6_hash import HashedFormerIia

Codes = Annotated[
    list[str] | None,
    typer.Option("--isced", metavar="OLD=NEW", help="The four-digit code for a shorter one: 31=0311. May be repeated."),
]
AsXml = Annotated[bool, typer.Option("--xml", help="Write a get-response of version 7 instead of JSON.")]
PdfFile = Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help="Where to put the PDF in the document.")]

_CODE = re.compile("([0-9]{1,3})=([0-9]{4})")


def import_v6(file: terminal.File, isced: Codes = None, as_xml: AsXml = False, pdf: PdfFile = None) -> None:
    """Bring an approved agreement to version 7, so that its approval keeps counting.

    FILE is the get-response of version 6 as it was approved. What was filled in is told on standard error.
    """
    from ewpgw.model import iia_v6
    from ewpgw.model.entities import ENTITIES

    imported = iia_v6.bring_to_version_7(_former(file), dict(map(code, isced or ())))
    for problem in imported.problems:
        terminal.complain(f"{problem.severity}: {problem}")
    if imported.record is None or imported.refused:
        terminal.fail(f"{file}: not imported")
    if pdf is not None:
        _write_pdf(file, pdf, imported.pdf)
    if as_xml:
        shape = ENTITIES["iias"].newest
        terminal.say(shape.wrap([shape.encode(imported.record).fragment]).decode())
    else:
        terminal.say_json(imported.record.to_json())


def _former(file: Path) -> HashedFormerIia:
    from ewpgw.model import iia_v6_hash

    document = iia_files.parsed(file)
    if not iia_v6_hash.is_former(document):
        terminal.fail(f"{file}: is not a get-response of version 6 of the IIAs API")
    return iia_files.only_one(file, list(iia_v6_hash.of_response(document)))


def code(text: str) -> tuple[str, str]:
    """The shorter code and the one that stands for it, as ``--isced`` gives them."""
    found = _CODE.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not of the form OLD=NEW, as in 31=0311", param_hint="--isced")
    return found[1], found[2]


def _write_pdf(file: Path, target: Path, content: str | None) -> None:
    from base64 import b64decode

    if content is None:
        terminal.fail(f"{file}: has no PDF")
    try:
        decoded = b64decode("".join(content.split()), validate=True)
        with target.open("xb") as out:
            out.write(decoded)
    except ValueError:
        terminal.fail(f"{file}: its PDF is not base64")
    except FileExistsError:
        terminal.fail(f"{target}: exists already; give another name")
