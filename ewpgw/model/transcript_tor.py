"""The elements of the Incoming Mobility ToRs API, versions 3 and 2: a transcript with what stands around its ELMO.

Version 3 has the receiving academic year and ELMO 2; version 2 has ELMO 1 and no year.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from lxml import etree
from pydantic import JsonValue

from ewpgw.model import elmo, elmo_completion, elmo_reading, elmo_versions, elmo_writing
from ewpgw.model.base import NS
from ewpgw.model.elmo_writing import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ewpgw.model.problems import Problem
    from ewpgw.model.transcript import Transcript
    from ewpgw.model.transcript_parts import IscedTable

NAMESPACES: Mapping[int, str] = MappingProxyType(
    {
        version: f"{NS}ewp-specs-api-imobility-tors/blob/stable-v{version}/endpoints/get-response.xsd"
        for version in (2, 3)
    }
)
ELMO_VERSIONS: Mapping[int, int] = MappingProxyType({2: 1, 3: 2})
"""Which ELMO each version of the API carries."""

JsonObject = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class EncodedTor:
    """A transcript as an element of one version of the API, in UTF-8, and warnings of what it has no place for."""

    fragment: bytes
    unsaid: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class DecodedTor:
    """A transcript of a partner.

    ``fields`` are those of the simple record, as JSON; ``elmo`` the text of the ELMO as it came, ``unplaced`` the paths
    of what it has beyond those fields.
    """

    fields: JsonObject
    elmo: str
    unplaced: tuple[str, ...]


def encode(record: Transcript, version: int) -> EncodedTor:
    """The transcript as partners with a version of the API get it; always the same bytes for the same record.

    Raises BadElmo where the record has an ELMO text that is none.
    """
    text, unsaid = _elmo(record, ELMO_VERSIONS[version])
    parts = [f'<tor xmlns="{NAMESPACES[version]}"><omobility-id>{escaped(record.omobility_id)}</omobility-id>']
    if version > 2 and record.receiving_academic_year_id is not None:
        year = escaped(record.receiving_academic_year_id)
        parts.append(f"<receiving-academic-year-id>{year}</receiving-academic-year-id>")
    parts.append(text)
    parts.extend(_tables(record.grade_conversion_table))
    parts.append("</tor>")
    return EncodedTor("".join(parts).encode(), unsaid)


def decode(element: etree._Element) -> DecodedTor:
    """The fields of a transcript that a partner serves, in either version.

    Raises BadElmo where there is no ELMO in it.
    """
    root = elmo.inside(element)
    elmo.version_of(root)
    reading = elmo_reading.read(root)
    fields = {**_around(element), **reading.fields}
    return DecodedTor(fields, elmo.text_of(root), reading.unplaced)


def as_handed_in(element: etree._Element) -> JsonObject:
    """The fields of a record of ours that comes as an element: its ELMO stays as it is."""
    fields = _around(element)
    for field in ("sending-hei-id", "ready-for-recognition"):
        found = next(element.iterchildren(f"{{*}}{field}"), None)
        if found is not None:
            fields[field.replace("-", "_")] = (found.text or "").strip()
    root = next(element.iterchildren("{*}elmo"), None)
    if root is not None:
        fields["elmo"] = elmo.text_of(root)
    return fields


def _elmo(record: Transcript, version: int) -> tuple[str, tuple[Problem, ...]]:
    if record.elmo is None:
        made = elmo_writing.written(record, version)
        return made.text, made.unsaid
    # how large it may be was looked at when it was handed in
    given = elmo.parse(record.elmo, max_bytes=sys.maxsize, most_elements=sys.maxsize)
    document = elmo_completion.completed(given, known_of(record)).document
    if document.version == version:
        return document.embeddable, ()
    other = elmo_versions.converted(document.root, version)
    return other.text, other.unsaid


def known_of(record: Transcript) -> elmo_completion.Known:
    """What a record says beside its ELMO document."""
    student, issuer = record.student, record.issuer
    return elmo_completion.Known(
        hei_id=issuer.hei_id if issuer is not None else None,
        global_id=student.global_id if student is not None else None,
        birth_date=student.birth_date if student is not None else None,
    )


def _around(element: etree._Element) -> JsonObject:
    fields: JsonObject = {}
    for name in ("omobility-id", "receiving-academic-year-id"):
        found = next(element.iterchildren(f"{{*}}{name}"), None)
        if found is not None:
            fields[name.replace("-", "_")] = found.text or ""
    tables: list[JsonValue] = []
    for table in element.iterfind("{*}gradeConversionTable/{*}iscedTable"):
        grades: list[JsonValue] = [
            {"label": _token(grade.get("label")), "percentage": grade.get("percentage") or ""}
            for grade in table.iterchildren("{*}gradeFrequency")
        ]
        tables.append({"isced_code": _token(table.get("iscedCode")), "grade_frequency": grades})
    if tables:
        fields["grade_conversion_table"] = tables
    return fields


def _tables(tables: Sequence[IscedTable]) -> Iterator[str]:
    if not tables:
        return
    yield "<gradeConversionTable>"
    for table in tables:
        yield f'<iscedTable iscedCode="{escaped(table.isced_code)}">'
        for grade in table.grade_frequency:
            yield f'<gradeFrequency label="{escaped(grade.label)}" percentage="{escaped(grade.percentage)}"/>'
        yield "</iscedTable>"
    yield "</gradeConversionTable>"


def _token(text: str | None) -> str:
    return " ".join((text or "").split())
