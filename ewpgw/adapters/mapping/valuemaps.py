"""Value maps: what a source's codes mean, given in the mapping file or in a file beside it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ewpgw.adapters.mapping.faults import BadValue
from ewpgw.adapters.mapping.scalars import as_text
from ewpgw.config.source import UnreadableSource, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ewpgw.adapters.mapping.faults import Notes
    from ewpgw.config.faults import Location

_MAX_BYTES = 5 * 2**20
_COLUMNS = ["from", "to"]


@dataclass(frozen=True, slots=True)
class ValueMap:
    """From the source's values, as text, to the record's."""

    name: str
    known: Mapping[str, object]
    unlisted: str = "refuse"

    def of(self, value: object) -> object:
        """What a value means; None where it means nothing. Raises BadValue where it is not listed."""
        text = as_text(value)
        try:
            return self.known[text]
        except KeyError:
            if self.unlisted == "keep":
                return value
            if self.unlisted == "leave-out":
                return None
            raise BadValue(f"is not listed in {self.name}; add it there", value) from None

    def with_unlisted(self, unlisted: str) -> ValueMap:
        """The same map with another fate of what it does not list."""
        return replace(self, unlisted=unlisted)


def inline(notes: Notes, given: object, at: Location, unlisted: str = "refuse", name: str = "") -> ValueMap | None:
    """A value map written in the mapping file."""
    if not isinstance(given, Mapping) or not given:
        notes.add(at, "is not a value map", "write the source's values and what each means, as in {B: 6, M: 7}")
        return None
    return _made(notes, given.items(), at, name or "the value map", unlisted)


def named(notes: Notes, name: str, given: object, at: Location, used: list[Path]) -> ValueMap | None:
    """A value map of the top of the file: the map itself, or the name of a file. That file is added to ``used``."""
    words = f"the value map {name}"
    if not isinstance(given, str):
        return inline(notes, given, at, name=words)
    file = notes.file.parent / given
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            notes.add(at, f"{file} is larger than {_MAX_BYTES // 2**20} MiB", "keep only what the source can have")
            return None
        used.append(file)
        if file.suffix.lower() == ".csv":
            return _made(notes, _pairs(notes, content.decode("utf-8-sig"), at, file), at, f"{words} ({given})")
        pairs = read(file, "write a line 'value: what it means' for each value").data.items()
        return _made(notes, pairs, at, f"{words} ({given})")
    except UnicodeDecodeError:
        notes.add(at, f"{file} is not UTF-8", "save it as UTF-8")
    except OSError as error:
        notes.add(at, f"{file} cannot be read ({error.strerror})", "put the file there, beside the mapping file")
    except UnreadableSource as error:
        place = f", line {error.line}" if error.line is not None else ""
        notes.add(at, f"{file}{place}: {error.problem}", error.remedy)
    except csv.Error as error:
        notes.add(at, f"{file} is not CSV: {error}", "write two columns, from and to")
    return None


def _pairs(notes: Notes, text: str, at: Location, file: Path) -> Iterable[tuple[str, object]]:
    lines = csv.reader(text.splitlines(), delimiter=";" if ";" in text.partition("\n")[0] else ",", strict=True)
    header = next(lines, [])
    if [name.strip() for name in header] != _COLUMNS:
        notes.add(at, f"{file} does not begin with the columns from and to", "write 'from,to' into its first line")
        return
    seen: dict[str, int] = {}
    for row in lines:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != 2:
            notes.add(at, f"{file}, line {lines.line_num}: has {len(row)} cells, not 2", "write from and to")
            return
        key = row[0].strip()
        if key in seen:
            notes.add(at, f"{file}, line {lines.line_num}: is given twice (first in line {seen[key]})", "keep one")
        seen[key] = lines.line_num
        yield key, row[1].strip() or None


def _made(
    notes: Notes, pairs: Iterable[tuple[str, object]], at: Location, name: str, unlisted: str = "refuse"
) -> ValueMap | None:
    known: dict[str, object] = {}
    for key, value in pairs:
        several = value if isinstance(value, list) else [value]
        if any(isinstance(each, Mapping | list) for each in several):
            notes.add((*at, key), "is not a value", "write one value, or a list of values where the field is a list")
            return None
        known[str(key).strip()] = value
    return ValueMap(name, known, unlisted)
