"""Agreements in files, for the commands that look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ewpgw.commands import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lxml import etree

Found = TypeVar("Found")

_MOST_BYTES = 20 * 2**20  # version 6 had the PDF in the document


def parsed(file: Path) -> etree._Element:
    """The document in a file, or the end of the command."""
    from ewpgw.documents.parsing import MalformedDocument, parse

    try:
        return parse(file.read_bytes(), max_bytes=_MOST_BYTES)
    except MalformedDocument as problem:
        terminal.fail(f"{file}: {problem}")


def some(file: Path, found: Sequence[Found]) -> Sequence[Found]:
    """What was found, or the end of the command where that is nothing."""
    if not found:
        terminal.fail(f"{file}: holds no agreement; give a response of the IIAs API's get endpoint, or one <iia>")
    return found


def only_one(file: Path, found: Sequence[Found]) -> Found:
    """The one that was found, or the end of the command where there is none, or another."""
    if len(some(file, found)) > 1:
        terminal.fail(f"{file}: holds {len(found)} agreements; give a get-response with one, or one <iia>")
    return found[0]
