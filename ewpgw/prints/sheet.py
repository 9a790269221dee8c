"""A paper in the making: sections, labelled fields, tables and remarks, in the order they are added.

Every text from outside goes through ``Sheet.text``, which makes it harmless for the PDF library: there, ``<`` and ``&``
begin markup, which could change the paper or make the library read files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from xml.sax.saxutils import escape

from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Paragraph, Spacer, Table

from ewpgw.prints import fonts
from ewpgw.prints.pages import BLUE, INK, INNER_HEIGHT, INNER_WIDTH, LINE, PALE, RED, WHITE, About, Edges, set_pages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reportlab.lib.colors import Color
    from reportlab.platypus import Flowable

Look = Literal[
    "body",
    "strong",
    "right",
    "strong right",
    "head",
    "head right",
    "label",
    "small",
    "part",
    "section",
    "title",
    "warning",
]


class _Rows(Table):
    """A table whose rows are cut only where one is higher than a whole page; others go to the next page as they are."""

    def split(self, available_width: float, available_height: float) -> list[Flowable]:
        """The part that fits, and the rest."""
        self.splitInRow = available_height >= INNER_HEIGHT - 1
        parts: list[Flowable] = super().split(available_width, available_height)
        return parts


_Cell = tuple[int, int]
_Rule = tuple[str, _Cell, _Cell, *tuple[Any, ...]]
"""How cells look: what is set, the first and the last cell, and the values."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, its share of the width, and how its cells look."""

    head: str
    share: float
    look: Look = "body"


class Sheet:
    """A paper in the making. What is added stands below what was added before."""

    def __init__(self) -> None:
        fonts.make_ready()
        self._story: list[Flowable] = []
        self._lacking: set[str] = set()

    def text(self, value: str, look: Look = "body") -> Paragraph:
        """A text, of whatever origin, as a part of a paper."""
        return Paragraph(escape(self._shown(value)), _STYLES[look])

    def title(self, text: str) -> None:
        """The name of the paper."""
        self._story += [self.text(text, "title"), Spacer(0, 2 * mm)]

    def section(self, text: str) -> None:
        """The beginning of one of the paper's main parts: a band with its name."""
        style: list[_Rule] = [*_PADDING, ("BACKGROUND", (0, 0), (-1, -1), BLUE)]
        band = Table([[self.text(text, "section")]], colWidths=[INNER_WIDTH], style=style)
        self._story += [CondPageBreak(45 * mm), Spacer(0, 3 * mm), band, Spacer(0, 2 * mm)]

    def part(self, text: str) -> None:
        """The name of a table or of a group of fields, never the last thing on a page."""
        self._story += [CondPageBreak(28 * mm), Spacer(0, 1.5 * mm), self.text(text, "part"), Spacer(0, 1 * mm)]

    def say(self, text: str, look: Look = "body") -> None:
        """A paragraph across the page."""
        self._story += [self.text(text, look), Spacer(0, 1.5 * mm)]

    def fields(self, rows: Sequence[tuple[str, str]], *, in_a_row: int = 2) -> None:
        """Labels with what is said under each, several beside one another."""
        cells = [[self.text(label, "label"), self.text(value)] for label, value in rows]
        cells += [[self.text("")] for _ in range(-len(cells) % in_a_row)]
        grid = [cells[start : start + in_a_row] for start in range(0, len(cells), in_a_row)]
        self._add(_Rows(grid, colWidths=[INNER_WIDTH / in_a_row] * in_a_row, style=[*_PADDING, *_GRID]))

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[str]],
        *,
        last: Sequence[str] | None = None,
        room: float | None = None,
    ) -> None:
        """A table whose heads stand on each page that it takes.

        ``last`` is a row of sums. ``room`` is what a row has below its texts, in points.
        """
        cells = [[self.text(column.head, _HEADS.get(column.look, "head")) for column in columns]]
        cells += [[self.text(cell, column.look) for cell, column in zip(row, columns, strict=True)] for row in rows]
        style: list[_Rule] = [*_PADDING, *_GRID, ("BACKGROUND", (0, 0), (-1, 0), PALE)]
        if last is not None:
            cells.append(
                [self.text(cell, _SUMS.get(column.look, "strong")) for cell, column in zip(last, columns, strict=True)]
            )
            style.append(("BACKGROUND", (0, -1), (-1, -1), PALE))
        shares = sum(column.share for column in columns)
        widths = [INNER_WIDTH * column.share / shares for column in columns]
        if room is not None:
            style.append(("BOTTOMPADDING", (0, 1), (-1, -1), room))
        self._add(_Rows(cells, colWidths=widths, style=style, repeatRows=1))

    def pdf(self, edges: Edges, about: About) -> bytes:
        """The paper as a PDF file. The sheet is used up by it."""
        shown = Edges(self._shown(edges.left), self._shown(edges.right), edges.mark, self._shown(edges.bottom))
        if self._lacking:
            codes = ", ".join(f"U+{ord(each):04X}" for each in sorted(self._lacking)[:_CODES_SHOWN])
            more = ", …" if len(self._lacking) > _CODES_SHOWN else ""
            self.say(
                f"{fonts.STAND_IN} stands for characters that the typeface of this paper lacks: {codes}{more}.", "small"
            )
        while self._story and isinstance(self._story[-1], Spacer):
            self._story.pop()  # on a full page it would be the only thing on the next
        return set_pages(self._story, shown, about)

    def _shown(self, value: str) -> str:
        shown, lacking = fonts.printable(value)
        self._lacking |= lacking
        return shown

    def _add(self, table: Table) -> None:
        self._story += [table, Spacer(0, 2 * mm)]


def _style(size: float, color: Color = INK, *, bold: bool = False, right: bool = False) -> ParagraphStyle:
    font = fonts.BOLD if bold else fonts.REGULAR
    return ParagraphStyle(
        font, fontName=font, fontSize=size, leading=size * 1.3, textColor=color, alignment=2 if right else 0
    )


_STYLES: dict[Look, ParagraphStyle] = {
    "body": _style(8.5),
    "strong": _style(8.5, bold=True),
    "right": _style(8.5, right=True),
    "strong right": _style(8.5, bold=True, right=True),
    "head": _style(7.5, BLUE, bold=True),
    "head right": _style(7.5, BLUE, bold=True, right=True),
    "label": _style(7.5, BLUE),
    "small": _style(7.5),
    "part": _style(9.5, BLUE, bold=True),
    "section": _style(11, WHITE, bold=True),
    "title": _style(17, BLUE, bold=True),
    "warning": _style(9.5, RED, bold=True),
}
_HEADS: dict[Look, Look] = {"right": "head right"}
_SUMS: dict[Look, Look] = {"right": "strong right"}
_CODES_SHOWN = 12
_PADDING: list[_Rule] = [
    ("LEFTPADDING", (0, 0), (-1, -1), 4),
    ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ("TOPPADDING", (0, 0), (-1, -1), 2.5),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 3.5),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
]
_GRID: list[_Rule] = [("GRID", (0, 0), (-1, -1), 0.5, LINE)]
