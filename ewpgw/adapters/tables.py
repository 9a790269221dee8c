"""Rows of CSV files and Excel workbooks, with the line each begins in. All of it blocks; run it in a thread."""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import TYPE_CHECKING, Protocol, cast

from ewpgw.adapters.number_formats import shown, shows_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


MAX_COLUMNS = 1000
MAX_PARTS = 1000
MAX_GAP = 50_000
"""So many empty lines may follow each other in a sheet; a file can claim any number with a few bytes."""
_CHUNK = 2**16
_SHOWN_FORMAT = 60
_LATE = "has blanks before a quote, which then quotes nothing; remove them, or quote the whole cell as RFC 4180 says"
_ENTITIES = tuple("<!DOCTYPE".encode(codec) for codec in ("ascii", "utf-16-le", "utf-16-be"))
_FORMULA = re.compile(rb"<(?:[A-Za-z0-9_]+:)?f[\s/>]")


class _Cell(Protocol):
    """A cell as openpyxl has it."""

    value: object
    data_type: str
    number_format: str | None
    coordinate: str


_Cells = tuple[_Cell, ...]


class _Sheet(Protocol):
    """A sheet as openpyxl reads it row by row. Its type stubs have other rows."""

    title: str
    sheet_state: str

    def reset_dimensions(self) -> None: ...

    def iter_rows(self) -> Iterator[_Cells]: ...


class BadTable(Exception):
    """A file that is no table. ``reason`` says why and what to do, without content; ``content``: what is quoted."""

    def __init__(self, reason: str, content: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.content = reason, content


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no row: why, and what to do, without its content."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row by the names of its columns, and its line (from 1). None and empty texts are empty cells."""

    line: int
    row: dict[str, object]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a table may hold: bytes, as a file and unpacked, and rows."""

    max_bytes: int
    max_rows: int


class Table:
    """The rows of one file. ``columns`` are the names in its first line that is not empty."""

    def __init__(self, lines: Iterator[tuple[int, Sequence[object]]], limits: Limits, advice: str = "") -> None:
        """``lines``: the cells of each line; raises BadTable where there is no line with names."""
        self._lines = lines
        self._limits = limits
        first = next((line for line in lines if isinstance(line[1], _Bad) or not _empty(line[1])), None)
        if first is None:
            raise BadTable(f"is empty; its first line must name the columns{advice}")
        if isinstance(first[1], _Bad):
            raise BadTable(f"line {first[0]} {first[1].reason}; it must name the columns")
        names = ["" if cell is None else str(cell).strip() for cell in first[1]]
        while names and not names[-1]:
            names.pop()
        twice = next((name for name in names if name and names.count(name) > 1), None)
        if twice is not None:
            raise BadTable("names a column twice in its first line; each name must be there once", twice)
        if len(names) > MAX_COLUMNS:
            raise BadTable(f"has more than {MAX_COLUMNS} columns; leave out what is not mapped")
        self._names = names
        self.columns: tuple[str, ...] = tuple(name for name in names if name)

    def __iter__(self) -> Iterator[Line | BadLine]:
        """Every line but empty ones. Raises BadTable where the file breaks off or is too large."""
        names, width = self._names, len(self._names)
        rows = 0
        for number, cells in self._lines:
            if isinstance(cells, _Bad):
                yield BadLine(number, cells.reason)
                continue
            if _empty(cells):
                continue
            rows += 1
            if rows > self._limits.max_rows:
                raise BadTable(f"has more than {self._limits.max_rows} rows (max_rows); split it, or raise the limit")
            if len(cells) > width and not _empty(cells[width:]):
                yield BadLine(number, f"has more cells than the {width} columns of the first line")
            elif len(cells) < width:
                yield BadLine(number, f"has {len(cells)} cells, but the first line names {width} columns")
            elif any(not name and not _empty((cell,)) for name, cell in zip(names, cells, strict=False)):
                yield BadLine(number, "has a value in a column without a name; name it in the first line")
            else:
                yield Line(number, {name: cell for name, cell in zip(names, cells, strict=False) if name})


class _Bad(tuple[object, ...]):
    """In place of the cells of a line: why they cannot be taken."""

    reason: str

    @classmethod
    def because(cls, reason: str) -> _Bad:
        bad = cls(("",))
        bad.reason = reason
        return bad


def _empty(cells: Sequence[object]) -> bool:
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)


def read_csv(content: bytes, limits: Limits, *, delimiter: str, encoding: str) -> Table:
    """A CSV file (RFC 4180). Nothing is guessed. Raises BadTable."""
    utf_8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
    if content.startswith(codecs.BOM_UTF8) and not utf_8:
        raise BadTable(f"begins with the mark of UTF-8, but {encoding} is said to be its encoding; say encoding: utf-8")
    codec = "utf-8-sig" if utf_8 else encoding
    text = io.TextIOWrapper(io.BytesIO(content), encoding=codec, newline="")
    taken: list[str] = []
    reader = csv.reader(_noted(text, taken), delimiter=delimiter, strict=True)

    def lines() -> Iterator[tuple[int, Sequence[object]]]:
        number = 1
        while True:
            number = reader.line_num + 1
            taken.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except UnicodeDecodeError:
                said = f"is not {encoding} (after line {number}); save it so, or say its encoding, such as windows-1252"
                raise BadTable(said) from None
            except UnicodeError:  # what codecs raise beyond bytes that they cannot decode: a mark that is missing
                said = f"does not begin as {encoding} does, with a byte order mark; save it so, or say its encoding"
                raise BadTable(f"{said}, such as {encoding}-le") from None
            except csv.Error as error:
                raise BadTable(
                    f"is not CSV from line {number} on: {error}; quote such cells as RFC 4180 says"
                ) from None
            if any(cell[:1].isspace() and cell.lstrip()[:1] == '"' for cell in cells) and _quotes_late(
                taken, delimiter
            ):
                yield number, _Bad.because(_LATE)
            else:
                yield number, cells

    table = Table(lines(), limits)
    if len(table.columns) == 1:
        other = next((mark for mark in (",", ";", "\t", "|") if mark != delimiter and mark in table.columns[0]), None)
        if other is not None:
            written = "tab" if other == "\t" else f"'{other}'"
            raise BadTable(
                f"has one column only, with {other!r} in its name; say delimiter: {written} if it parts them"
            )
    return table


def _noted(lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    """The lines as they are; each is put into ``taken``."""
    for line in lines:
        taken.append(line)
        yield line


def _quotes_late(taken: Sequence[str], delimiter: str) -> bool:
    """Whether a cell of a row has blanks before its quotes: for RFC 4180 it is not quoted then, and ends too early."""
    text, place = "".join(taken), 0
    cell = re.compile(rf'"(?:[^"]|"")*"|(?P<plain>[^{re.escape(delimiter)}\r\n]*)')
    while place <= len(text) and (found := cell.match(text, place)):
        if (found["plain"] or "").lstrip()[:1] == '"':
            return True
        place = found.end() + 1
    return False


def read_xlsx(content: bytes, limits: Limits, *, sheet: str | None) -> Table:
    """A sheet of an Excel workbook; the first one that is not hidden unless ``sheet`` names one. Raises BadTable."""
    from openpyxl import load_workbook

    formulas = _looked_at(content, limits)
    try:
        values = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        found = _sheet(cast("list[_Sheet]", values.worksheets), sheet)
        written = None
        if formulas:
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
            written = _sheet(cast("list[_Sheet]", book.worksheets), found.title)
    except BadTable:
        raise
    except Exception as error:  # openpyxl has no family of its own for what is wrong with a file
        raise BadTable(f"is not an Excel workbook ({type(error).__name__}); save it as .xlsx") from None
    return Table(_xlsx_lines(found, written), limits)


def _looked_at(content: bytes, limits: Limits) -> bool:
    """Whether a workbook has formulas. Raises BadTable for what could become larger than it may.

    A part unpacks to no more than it declares, and without entities its text is no longer than the part.
    """
    formulas = False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > limits.max_bytes:
                raise BadTable(
                    f"unpacks to more than {limits.max_bytes // 2**20} MiB (max_table_mib); split it or raise the limit"
                )
            for part in parts:
                for piece in _pieces(archive, part):
                    if any(mark in piece for mark in _ENTITIES):
                        raise BadTable("is not an Excel workbook (it declares entities); save it as .xlsx")
                    formulas = formulas or _FORMULA.search(piece) is not None
    except BadTable:
        raise
    except Exception as error:  # zipfile raises many kinds for a damaged archive
        raise BadTable(f"is not an Excel workbook ({type(error).__name__}); save it as .xlsx") from None
    return formulas


def _pieces(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """A part in pieces that overlap, so that nothing looked for is cut in two."""
    if part.filename.lower().endswith((".xml", ".rels")):
        with archive.open(part) as opened:
            before = b""
            while chunk := opened.read(_CHUNK):
                yield before + chunk
                before = chunk[-64:]


def _sheet(sheets: Sequence[_Sheet], wanted: str | None) -> _Sheet:
    if wanted is None:
        found = next((each for each in sheets if each.sheet_state == "visible"), None)
        if found is None:
            raise BadTable("has no sheet that is not hidden")
        return found
    named = next((each for each in sheets if each.title == wanted), None)
    if named is None:
        raise BadTable(f"has no sheet called {wanted}", ", ".join(each.title for each in sheets))
    return named


def _xlsx_lines(values: _Sheet, written: _Sheet | None) -> Iterator[tuple[int, Sequence[object]]]:
    # the dimensions that a file claims for itself may be those of another time
    values.reset_dimensions()
    rows = iter(values.iter_rows())
    others: Iterator[_Cells | None]
    if written is not None:
        written.reset_dimensions()
        others = iter(written.iter_rows())
    else:
        others = iter(lambda: None, 0)
    width = last = 0
    for number in count(1):
        try:
            row, formulas = next(rows, None), next(others, None)
        except Exception as error:  # whatever openpyxl's parsers raise
            raise BadTable(f"is damaged after line {number} ({type(error).__name__}); save it anew") from None
        if row is None:
            return
        if len(row) > MAX_COLUMNS:
            raise BadTable(f"has more than {MAX_COLUMNS} columns; leave out what is not mapped")
        last = number if row else last
        if number - last > MAX_GAP:
            raise BadTable(f"has more than {MAX_GAP} empty lines together; remove them, and what stands below")
        try:
            cells: list[object] = [_value(cell) for cell in row]
            _have_results(row, formulas)
        except _BadCell as bad:
            yield number, _Bad.because(bad.reason)
            continue
        while cells and cells[-1] is None:
            cells.pop()
        # lines end at their last cell that has anything; the first that has is as wide as the table
        width = width or len(cells)
        yield number, cells + [None] * (width - len(cells))


class _BadCell(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _value(cell: _Cell) -> object:
    value = cell.value
    if value is None or isinstance(value, str | bool):
        if value is not None and cell.data_type == "e":
            raise _BadCell(f"has the error {value} in cell {cell.coordinate}")
        if isinstance(value, str) and value and not shows_texts(_format(cell)):
            raise _not_as_shown(cell)
        return value
    if isinstance(value, int | float):
        if isinstance(value, float):
            # what Excel keeps is a double, what it shows has fifteen digits
            value = float(f"{value:.15g}")
        counts = shown(value, _format(cell))
        if counts is None:
            raise _not_as_shown(cell)
        return counts
    if isinstance(value, timedelta):
        raise _not_as_shown(cell)
    if isinstance(value, datetime) and value.time() == time():
        return value.date()
    if isinstance(value, date | time):
        return value
    return str(value)


def _not_as_shown(cell: _Cell) -> _BadCell:
    said = f"cell {cell.coordinate}, whose number format ({_format(cell)[:_SHOWN_FORMAT]}) shows more than its value"
    return _BadCell(f"has something else than it shows in {said}; make the cell a text")


def _format(cell: _Cell) -> str:
    try:
        return cell.number_format or ""
    except IndexError:  # a format that the workbook does not define
        return ""


def _have_results(cells: _Cells, formulas: _Cells | None) -> None:
    """Raise _BadCell where there is a formula that no program has worked out. An empty text is a result, too."""
    for cell, formula in zip(cells, formulas or (), strict=False):
        if formula.data_type == "f" and cell.value is None and cell.data_type != "str":
            raise _BadCell(
                f"has a formula without its result in cell {formula.coordinate}; open the file in a spreadsheet "
                "program and save it, or export values"
            )


def check_columns(table: Table, needed: Mapping[str, int | None], place: str) -> None:
    """Raise BadTable where the table lacks a column that a mapping names (with the line that names it)."""
    lacking = [name for name in needed if name not in table.columns]
    if lacking:
        said = ", ".join(f"{name} (line {needed[name]})" if needed[name] else name for name in sorted(lacking))
        advice = "name them so in both places; those of the file are told last"
        raise BadTable(f"lacks columns that {place} names: {said}; {advice}", ", ".join(table.columns))
