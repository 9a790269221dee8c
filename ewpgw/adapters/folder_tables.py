"""Tables of the folder adapter: the rows of a CSV file or a workbook as the contract's readings.

A row is a record, or with ``rows`` in the mapping file a part of one. Without a mapping file the columns are named by
the paths of the record's fields (``partner.0.hei_id``), and are compiled as if a mapping file said so.
"""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ewpgw.adapters.contract import Item, Unchanged, Unreadable
from ewpgw.adapters.mapping import BadMapping, MappingFile, content_digest, of_columns, reading, row_key
from ewpgw.adapters.tables import BadLine, BadTable, Limits, Line, Table, check_columns, read_csv, read_xlsx
from ewpgw.config.values import refusal
from ewpgw.model.problems import Problem
from ewpgw.preparing import BY_MAPPING, VALUE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ewpgw.model.entity import EntityType

EXTENSIONS = (".csv", ".xlsx")
_SHOWN = 100
_KNOWN_ROWS = 100_000


def _delimiter(value: str) -> str:
    text = "\t" if value == "tab" else value
    if len(text) != 1 or text in '"\r\n':
        raise refusal("is not one character", "write the character between two cells, as in ';', or 'tab'")
    return text


def _encoding(value: str) -> str:
    try:
        codecs.lookup(value).decode(b"")
        "".encode(value)
    except (LookupError, TypeError, ValueError):
        raise refusal("is not an encoding of texts", "write 'utf-8', 'windows-1252' or 'iso-8859-15'") from None
    return value


Delimiter = Annotated[str, AfterValidator(_delimiter)]
Encoding = Annotated[str, AfterValidator(_encoding)]


class FolderSource(BaseModel):
    """``source`` in the mapping files of the folder adapter."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    files: str = Field(
        "*",
        min_length=1,
        description="The CSV and Excel files in the entity's folder that this file is for: 'export-*.csv'.",
    )
    rows: str | None = Field(
        None,
        min_length=1,
        description="Where a record takes several rows, one below the other with the same key: the name of the list "
        "that they make. The record's own columns are read from the first of them.",
    )
    sheet: str | None = Field(
        None, min_length=1, description="The sheet of a workbook; the first that is not hidden unless said otherwise."
    )
    delimiter: Delimiter | None = Field(
        None, description="What is between two cells of a CSV file, if not as configured."
    )
    encoding: Encoding | None = Field(None, description="The encoding of a CSV file, if not as configured.")


@dataclass(slots=True)
class KnownTables:
    """What tables held when they were read last, so that one that is as it was need not be taken apart again.

    Every row costs some hundred bytes, so there is a bound to how many are kept.
    """

    _tables: dict[str, tuple[bytes, tuple[Unchanged | Unreadable, ...]]] = field(default_factory=dict)

    def of(self, key: str, version: bytes) -> tuple[Unchanged | Unreadable, ...]:
        """The readings of a table of this version; none where they are not known."""
        known, readings = self._tables.get(key, (b"", ()))
        return readings if known == version else ()

    def keep(self, key: str, version: bytes, readings: Sequence[Unchanged | Unreadable]) -> None:
        """Remember what a table of this version gave."""
        self._tables.pop(key, None)
        if len(readings) + sum(len(kept) for _, kept in self._tables.values()) <= _KNOWN_ROWS:
            self._tables[key] = version, tuple(readings)

    def forget_all_but(self, keys: Collection[str]) -> None:
        """Drop what is remembered of files that are no more."""
        for key in self._tables.keys() - keys:
            del self._tables[key]


@dataclass(frozen=True, slots=True)
class Tables:
    """How tables are read: the mapping files, and what holds where none says otherwise."""

    mappings: tuple[MappingFile[FolderSource], ...]
    delimiter: str
    encoding: str
    max_bytes: int
    max_rows: int
    imported: Callable[[str, str], bool]
    known: KnownTables

    def readings(self, key: str, entity: EntityType, content: bytes) -> Iterator[Item | Unchanged | Unreadable]:
        """The records of a table, one after the other; at the end one Unreadable for all that has no key of its own.

        The keys are ``<key>#<key of the row>``, so that what is said of the file holds for all its rows.
        """
        version = self._version(content)
        before = self.known.of(key, version)
        if before and all(isinstance(one, Unreadable) or self.imported(one.key, one.digest) for one in before):
            yield from before
            return
        found = list[Unchanged | Unreadable]()
        for each in self._read(key, entity, content):
            found.append(Unchanged(each.key, each.entity, each.digest) if isinstance(each, Item) else each)
            yield each
        self.known.keep(key, version, found)

    def _version(self, content: bytes) -> bytes:
        """What changes when a file or a mapping file does; the other options stay as they are."""
        digest = hashlib.blake2b(" ".join(each.fingerprint for each in self.mappings).encode(), digest_size=16)
        digest.update(b"\0" + content)
        return digest.digest()

    def _read(self, key: str, entity: EntityType, content: bytes) -> Iterator[Item | Unchanged | Unreadable]:
        said: list[Problem] = []
        try:
            mapping = self._mapping(key, entity)
            table = self._table(key, content, mapping.source if mapping is not None else FolderSource())
            if mapping is None:
                mapping = of_columns(entity, table.columns, FolderSource(), Path(key))
            else:
                check_columns(table, _needed(mapping), mapping.path.name)
            yield from _Rows(key, mapping, said, self.imported).readings(table)
        except BadTable as bad:
            said.append(_problem(bad.reason, bad.content))
        except BadMapping as bad:
            # the names of columns come from the file, and one without them has a record in their place
            said += [_problem(f"has columns that make no record: {fault.message}", fault.where) for fault in bad.faults]
        if said:
            shown = said[:_SHOWN]
            if len(said) > _SHOWN:
                shown.append(_problem(f"has {len(said) - _SHOWN} more faults of this sort"))
            yield Unreadable(key, entity.name, shown[0], tuple(shown[1:]))

    def _mapping(self, key: str, entity: EntityType) -> MappingFile[FolderSource] | None:
        """The mapping file for a table: the first, by name, whose ``files`` fit. None where there is none at all."""
        name = key.rpartition("/")[2].lower()
        of_entity = [each for each in self.mappings if each.entity == entity.name]
        fitting = next((each for each in of_entity if fnmatchcase(name, each.source.files.lower())), None)
        if of_entity and fitting is None:
            patterns = ", ".join(f"{each.source.files} ({each.path.name})" for each in of_entity)
            raise BadTable(f"is for no mapping file; those are for {patterns}")
        return fitting

    def _table(self, key: str, content: bytes, source: FolderSource) -> Table:
        limits = Limits(self.max_bytes, self.max_rows)
        if key.lower().endswith(".xlsx"):
            return read_xlsx(content, limits, sheet=source.sheet)
        return read_csv(
            content, limits, delimiter=source.delimiter or self.delimiter, encoding=source.encoding or self.encoding
        )


def _problem(reason: str, content: str | None = None) -> Problem:
    quoted = f"{VALUE}{content}" if content is not None else ""
    return Problem("", f"{reason}{quoted}", "refusal", BY_MAPPING)


def _needed(mapping: MappingFile[FolderSource]) -> dict[str, int | None]:
    """The columns that a mapping names, of the record's first line and of all its lines."""
    rows = mapping.source.rows
    of_row = {name: line for name, line in mapping.record.named.items() if name != rows}
    return {**mapping.record.of_entries.get((rows,), {}), **of_row} if rows is not None else of_row


class _Rows:
    """The rows of one table on their way to records."""

    def __init__(
        self,
        key: str,
        mapping: MappingFile[FolderSource],
        said: list[Problem],
        imported: Callable[[str, str], bool],
    ) -> None:
        self._key = key
        self._mapping = mapping
        self._said = said
        self._imported = imported
        self._seen: dict[str, int] = {}

    def readings(self, table: Table) -> Iterator[Item | Unchanged | Unreadable]:
        rows = self._mapping.source.rows
        open_key, open_line, together = "", 0, list[dict[str, object]]()
        for line in table:
            key = self._key_of(line)
            if key is None or not isinstance(line, Line):
                continue
            if rows is not None and together and key == open_key:
                together.append(line.row)
                continue
            if together:
                yield self._reading(open_key, open_line, together)
                together = []
            if key in self._seen:
                again = "; rows of one record must follow each other" if rows is not None else "; the first counts"
                self._say(line.line, f"has the same {self._mapping.key} as line {self._seen[key]}{again}")
                continue
            self._seen[key] = line.line
            open_key, open_line, together = key, line.line, [line.row]
        if together:
            yield self._reading(open_key, open_line, together)

    def _key_of(self, line: Line | BadLine) -> str | None:
        if isinstance(line, BadLine):
            self._say(line.line, line.reason)
            return None
        key = row_key(self._mapping, line.row)
        if key is None:
            self._say(line.line, f"has nothing in {self._mapping.key}, which is to name it; fill it in")
        return key

    def _say(self, line: int, reason: str) -> None:
        self._said.append(_problem(f"line {line} {reason}"))

    def _reading(self, key: str, line: int, together: list[dict[str, object]]) -> Item | Unchanged | Unreadable:
        rows = self._mapping.source.rows
        row = together[0] if rows is None else {**together[0], rows: together}
        digest = content_digest(together)
        version = f"{self._mapping.fingerprint}:{digest}"
        if self._imported(f"{self._key}#{key}", version):
            return Unchanged(f"{self._key}#{key}", self._mapping.entity, version)
        place, lists = f"{self._key}, line {line}", () if rows is None else (rows,)
        return reading(self._mapping, row, digest=digest, place=place, within=self._key, lists=lists)
