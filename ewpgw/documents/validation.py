"""Validation of a file for a person: what it is, and everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.documents.names import DocumentName, describe
from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.documents.places import line_of, namespace_of
from ewpgw.documents.schemas import Fault, Schemas, UnknownDocument, default

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Local files may be far larger than what the network may send: a whole catalogue, a database's dump of agreements.
_MOST_BYTES = 64 * 2**20
_MOST_FAULTS = 50
_APIS_IMPLEMENTED = "{https://github.com/erasmus-without-paper/ewp-specs-api-registry/tree/stable-v1}apis-implemented"


@dataclass(frozen=True, slots=True)
class Report:
    """What `validate_file` found.

    ``document`` is None where the file is not XML. ``unchecked`` names the API entries of a manifest or catalogue for
    which there is no schema.
    """

    file: Path
    document: DocumentName | None
    faults: tuple[Fault, ...]
    unchecked: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether the file is a valid document of a kind known here."""
        return not self.faults


def validate_file(path: Path, schemas: Schemas | None = None) -> Report:
    """Validate one file against the schema of its root element.

    In a manifest or a catalogue, each API's entry is also held against that API's own schema, which the catalogue's
    schema leaves open. A file that cannot be read, is not XML or is no document known here has that as its fault.
    """
    schemas = schemas or default()
    try:
        with path.open("rb") as file:
            root = parse(file.read(_MOST_BYTES + 1), max_bytes=_MOST_BYTES)
    except OSError as error:
        return Report(path, None, (Fault("", None, f"the file cannot be read: {error.strerror}"),), ())
    except MalformedDocument as error:
        return Report(path, None, (Fault("", error.line, error.reason),), ())
    name = describe(root)
    try:
        faults = schemas.faults(root)
    except UnknownDocument:
        why = "there is no schema to check it with" if name.version else name.title
        return Report(path, name, (Fault(f"/{etree.QName(root).localname}", line_of(root), why),), ())
    unchecked: set[str] = set()
    for entry in _entries(root):
        if namespace_of(str(entry.tag)) not in schemas.namespaces:
            unchecked.add(describe(entry).title)
        elif len(faults) < _MOST_FAULTS:
            faults.extend(schemas.faults(entry))
    return Report(path, name, tuple(faults), tuple(sorted(unchecked)))


def _entries(root: etree._Element) -> Iterator[etree._Element]:
    for implemented in root.iter(_APIS_IMPLEMENTED):
        yield from (entry for entry in implemented if isinstance(entry.tag, str))
