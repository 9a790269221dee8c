"""CSV files and Excel workbooks become rows; what is no row is told with its line, what is too large is not read."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, datetime, time
from typing import Any

import pytest
from openpyxl import Workbook

from ewpgw.adapters.tables import BadLine, BadTable, Limits, Line, Table, read_csv, read_xlsx

LIMITS = Limits(max_bytes=2**20, max_rows=1000)


def _csv(content: bytes, *, delimiter: str = ",", encoding: str = "utf-8", limits: Limits = LIMITS) -> Table:
    return read_csv(content, limits, delimiter=delimiter, encoding=encoding)


def _book(*rows: list[Any], title: str = "Sheet") -> Workbook:
    book = Workbook()
    assert book.active is not None
    book.active.title = title
    for row in rows:
        book.active.append(row)
    return book


def _bytes(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _xlsx(content: bytes | Workbook, *, sheet: str | None = None, limits: Limits = LIMITS) -> Table:
    return read_xlsx(content if isinstance(content, bytes) else _bytes(content), limits, sheet=sheet)


def _with_part(content: bytes, name: str, change: tuple[str, str]) -> bytes:
    """The workbook with some text of a part replaced."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            data = old.read(part)
            if part.filename == name:
                assert change[0].encode() in data
                data = data.replace(change[0].encode(), change[1].encode())
            new.writestr(part.filename, data)
    return file.getvalue()


def test_a_csv_row_has_its_cells_by_name_and_the_line_it_begins_in() -> None:
    table = _csv(b'\xef\xbb\xbfid, name ,note\r\n1,"a, ""b""",\r\n\r\n2,"two\nlines",x\r\n3,c,y')
    assert table.columns == ("id", "name", "note")
    assert list(table) == [
        Line(2, {"id": "1", "name": 'a, "b"', "note": ""}),
        Line(4, {"id": "2", "name": "two\nlines", "note": "x"}),
        Line(6, {"id": "3", "name": "c", "note": "y"}),
    ]


def test_delimiter_and_encoding_are_as_said() -> None:
    assert list(_csv("id;näme\n1;ö\n".encode("cp1252"), delimiter=";", encoding="windows-1252")) == [
        Line(2, {"id": "1", "näme": "ö"})
    ]


def test_a_file_that_is_marked_as_utf_8_is_read_as_nothing_else() -> None:
    marked = "id;näme\n1;ö\n".encode("utf-8-sig")
    for encoding in ("utf-8", "UTF8", "utf-8-sig"):
        assert list(_csv(marked, delimiter=";", encoding=encoding)) == [Line(2, {"id": "1", "näme": "ö"})]
    with pytest.raises(BadTable, match="but windows-1252 is said to be its encoding; say encoding: utf-8"):
        _csv(marked, delimiter=";", encoding="windows-1252")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1", "has 1 cells, but the first line names 2 columns"),
        ("1,2,3", "has more cells than the 2 columns of the first line"),
    ],
)
def test_a_line_of_another_length_is_no_row_and_the_others_are(line: str, reason: str) -> None:
    assert list(_csv(f"id,name\n0,a\n{line}\n2,b\n".encode()))[1:] == [
        BadLine(3, reason),
        Line(4, {"id": "2", "name": "b"}),
    ]


def test_a_column_without_a_name_must_be_empty() -> None:
    rows = list(_csv(b"id,,name\n1,,a\n2,x,b\n"))
    assert rows == [
        Line(2, {"id": "1", "name": "a"}),
        BadLine(3, "has a value in a column without a name; name it in the first line"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty; its first line must name the columns"),
        (b"\n \n", "is empty"),
        (b"a,b,a\n", "names a column twice"),
        (b"id;name\n1;a\n", "has one column only, with ';' in its name; say delimiter: ';' if"),
        (b"id\tname\n1\ta\n", "has one column only, with '\\t' in its name; say delimiter: tab if"),
        (b"id,name\n1,\xff\n", "is not utf-8"),
        (b'id,name\n1,"a\n', "is not CSV from line 2 on"),
        (b"id\n" + b"1\n" * 1001, "has more than 1000 rows"),
        (b",".join(b"c%d" % number for number in range(1001)), "has more than 1000 columns"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(content: bytes, words: str) -> None:
    with pytest.raises(BadTable, match=re.escape(words)):
        list(_csv(content))


def test_a_file_without_the_mark_that_its_encoding_begins_with_is_told() -> None:
    marked = "id,name\n1,ö\n".encode("utf-16")
    assert list(_csv(marked, encoding="utf-16")) == [Line(2, {"id": "1", "name": "ö"})]
    with pytest.raises(BadTable, match="does not begin as utf-16 does, with a byte order mark; save it so, or say"):
        _csv(marked[2:], encoding="utf-16")


def test_a_cell_with_blanks_before_its_quotes_is_told_and_others_with_quotes_are_not() -> None:
    rows = list(_csv(b'id,name,note\n1, "b, c"\n2,b, "c"\n3,"a\nb", x\n4," ""q"" ",5" disk\n5, "b,x\n'))
    assert [row.line for row in rows if isinstance(row, BadLine)] == [2, 3, 7]
    assert isinstance(rows[0], BadLine)
    assert rows[0].reason.startswith("has blanks before a quote, which then quotes nothing; remove them, or quote")
    assert rows[3] == Line(6, {"id": "4", "name": ' "q" ', "note": '5" disk'})
    with pytest.raises(BadTable, match="line 1 has blanks before a quote"):
        _csv(b'id, "name"\n1,a\n')


def test_cells_of_which_a_workbook_shows_more_than_they_hold_are_told_with_their_format() -> None:
    codes = [(3, '"R"000'), (12, "00-00"), (0.5, "0%"), (45000.5, "[h]:mm"), ("x", '"R"@')]
    book = _book(["id"], *([value] for value, _ in codes), [3])
    assert book.active is not None
    for line, (_, number_format) in enumerate(codes, start=2):
        book.active[f"A{line}"].number_format = number_format
    *bad, good = _xlsx(book)
    assert bad == [
        BadLine(
            line,
            f"has something else than it shows in cell A{line}, whose number format ({number_format}) shows more than "
            "its value; make the cell a text",
        )
        for line, (_, number_format) in enumerate(codes, start=2)
    ]
    assert good == Line(7, {"id": 3})


def test_cells_of_a_workbook_have_the_values_that_they_show() -> None:
    book = _book(
        ["text", "whole", "number", "padded", "date", "moment", "time", "flag", "none"],
        [" x ", 5, 0.1 + 0.2, 314, date(2026, 9, 1), datetime(2026, 9, 1, 10, 30), time(8), True, None],
    )
    assert book.active is not None
    book.active["D2"].number_format = "0000"
    [line] = _xlsx(book)
    assert line == Line(
        2,
        {
            "text": " x ",
            "whole": 5,
            "number": 0.3,
            "padded": "0314",
            "date": date(2026, 9, 1),
            "moment": datetime(2026, 9, 1, 10, 30),
            "time": time(8),
            "flag": True,
            "none": None,
        },
    )


def test_empty_lines_of_a_workbook_are_passed_over_and_the_numbers_of_lines_are_those_of_the_sheet() -> None:
    table = _xlsx(_book([], ["id", "name"], [1, "a"], [None, " "], [2]))
    assert list(table) == [Line(3, {"id": 1, "name": "a"}), Line(5, {"id": 2, "name": None})]


def test_a_formula_counts_with_its_result_and_without_one_is_told() -> None:
    content = _bytes(_book(["id", "sum"], [1, "=1+1"], [2, "=A2+1"]))
    worked_out = _with_part(content, "xl/worksheets/sheet1.xml", ("<f>1+1</f><v></v>", "<f>1+1</f><v>2</v>"))
    first, second = _xlsx(worked_out)
    assert first == Line(2, {"id": 1, "sum": 2})
    assert isinstance(second, BadLine)
    assert re.match("has a formula without its result in cell B3; open the file", second.reason)


def test_a_formula_whose_result_is_an_empty_text_has_one() -> None:
    content = _bytes(_book(["id", "sum"], [1, '=IF(1,"","x")']))
    part = "xl/worksheets/sheet1.xml"
    assert list(_xlsx(_with_part(content, part, ('<c r="B2">', '<c r="B2" t="str">')))) == [
        Line(2, {"id": 1, "sum": None})
    ]


def test_an_error_in_a_cell_is_told() -> None:
    content = _with_part(
        _bytes(_book(["id", "x"], [1, True])),
        "xl/worksheets/sheet1.xml",
        ('<c r="B2" t="b"><v>1</v></c>', '<c r="B2" t="e"><v>#N/A</v></c>'),
    )
    assert list(_xlsx(content)) == [BadLine(2, "has the error #N/A in cell B2")]


def test_the_first_sheet_that_is_not_hidden_counts_unless_one_is_named() -> None:
    book = _book(["a"], [1], title="Hidden")
    assert book.active is not None
    book.active.sheet_state = "hidden"
    for title in ("Second", "Third"):
        book.create_sheet(title).append([title])
    assert _xlsx(book).columns == ("Second",)
    assert _xlsx(book, sheet="Third").columns == ("Third",)
    assert _xlsx(book, sheet="Hidden").columns == ("a",)
    with pytest.raises(BadTable, match="has no sheet called Fourth"):
        _xlsx(book, sheet="Fourth")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"id,name\n", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(BadTable, match="is not an Excel workbook"):
        _xlsx(content)


def test_a_workbook_that_unpacks_to_more_than_it_may_is_not_unpacked() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(2**21))
    assert len(file.getvalue()) < 2**14
    with pytest.raises(BadTable, match="unpacks to more than 1 MiB"):
        _xlsx(file.getvalue())


@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_a_workbook_that_declares_entities_is_refused(codec: str) -> None:
    file = io.BytesIO()
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/sharedStrings.xml", " " * 65530 + bomb if codec == "utf-8" else bomb.encode(codec))
    with pytest.raises(BadTable, match="declares entities"):
        _xlsx(file.getvalue())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('r="A2"', 'r="XFD2"'), "has more than 1000 columns"),
        (('<row r="2"', '<row r="99999999999"'), "has more than 50000 empty lines together"),
        (('<row r="2"', '<row r="x"'), "is damaged after line 2"),
    ],
)
def test_places_that_no_sheet_has_are_refused(change: tuple[str, str], words: str) -> None:
    content = _bytes(_book(["id"], [1], [2]))
    with pytest.raises(BadTable, match=words):
        list(_xlsx(_with_part(content, "xl/worksheets/sheet1.xml", change)))


def test_a_sheet_with_too_many_rows_is_refused() -> None:
    with pytest.raises(BadTable, match="has more than 3 rows"):
        list(_xlsx(_book(["id"], *([number] for number in range(4))), limits=Limits(2**20, 3)))
