"""``ewpgw validate``: holding documents against the network's schemas."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from ewpgw.documents.validation import Report


def validate(files: terminal.Files, as_json: terminal.Json = False) -> None:
    """Say what each XML document is, and everything that is wrong with it."""
    from ewpgw.documents.validation import validate_file

    reports = [validate_file(file) for file in files]
    if as_json:
        terminal.say_json([_row(report) for report in reports])
    else:
        for report in reports:
            _tell(report)
    if not all(report.valid for report in reports):
        raise typer.Exit(terminal.WRONG)


def _row(report: Report) -> dict[str, object]:
    name = report.document
    return {
        "file": str(report.file),
        "valid": report.valid,
        "document": name.title if name else None,
        "api": name.api if name else None,
        "version": name.version if name else None,
        "faults": [asdict(fault) for fault in report.faults],
        "unchecked": list(report.unchecked),
    }


def _tell(report: Report) -> None:
    kind = report.document.title if report.document else "not an XML document"
    if report.valid:
        terminal.say(f"{report.file}: valid ({kind})")
    else:
        terminal.complain(f"{report.file}: not valid ({kind})")
    for fault in report.faults:
        place = " ".join(part for part in (f"line {fault.line}" if fault.line else "", fault.path) if part)
        terminal.complain(f"{report.file}: {place}: {fault.message}" if place else f"{report.file}: {fault.message}")
    for title in report.unchecked:
        terminal.say(f"{report.file}: not checked, because there is no schema for it: {title}")
