"""The pages of a paper: what stands at their edges, and the PDF file that they become.

The same content gives the same bytes: nothing in the file depends on the clock, the machine or the process.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from ewpgw.prints import fonts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from reportlab.pdfgen.canvas import Canvas

INK = colors.HexColor("#1a1a1a")
BLUE = colors.HexColor("#1f3a6e")
PALE = colors.HexColor("#e9eef7")
LINE = colors.HexColor("#9aa7bd")
RED = colors.HexColor("#a3260c")
WHITE = colors.HexColor("#ffffff")

_MARGIN, _TOP, _BOTTOM = 15 * mm, 21 * mm, 17 * mm
_WIDTH, _HEIGHT = A4
INNER_WIDTH = _WIDTH - 2 * _MARGIN
INNER_HEIGHT = _HEIGHT - _TOP - _BOTTOM
"""What lies between the margins of a page, in points."""

_SIZE = 7.5
_TOTAL = "total"
_TOTAL_ROOM = 13


@dataclass(frozen=True, slots=True)
class Edges:
    """What stands on every page: at the top left and right, ``mark`` below them, and at the bottom left.

    The texts are printable already; they are cut where they do not fit on their half of the page.
    """

    left: str
    right: str
    mark: str | None
    bottom: str


@dataclass(frozen=True, slots=True)
class About:
    """What the file says of itself: its title, its subject, and the time that stands for its making."""

    title: str
    subject: str
    made: datetime


def set_pages(story: Sequence[Flowable], edges: Edges, about: About) -> bytes:
    """The PDF file with the parts of a paper in their order."""
    file = io.BytesIO()
    document = BaseDocTemplate(
        file,
        pagesize=A4,
        title=about.title,
        subject=about.subject,
        author="",
        creator="ewpgw",
        lang="en",
        invariant=1,
        initialFontName=fonts.REGULAR,
    )
    frame = Frame(_MARGIN, _BOTTOM, INNER_WIDTH, INNER_HEIGHT, 0, 0, 0, 0)

    def at_edges(canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.setDateFormatter(lambda *_: pdf_date(about.made))
        _draw_edges(canvas, edges)

    document.addPageTemplates(PageTemplate(frames=[frame], onPage=at_edges))
    document.build([*story, _Total()])
    return file.getvalue()


def pdf_date(moment: datetime) -> str:
    """A moment in the notation of PDF files (ISO 32000-1, 7.9.4). One without a time zone is taken as it stands."""
    offset = moment.strftime("%z")
    return f"D:{moment:%Y%m%d%H%M%S}" + (f"{offset[:3]}'{offset[3:5]}'" if offset else "")


def _draw_edges(canvas: Canvas, edges: Edges) -> None:
    canvas.saveState()
    right, top = _WIDTH - _MARGIN, _HEIGHT - 11 * mm
    canvas.setFillColor(BLUE)
    canvas.setFont(fonts.BOLD, _SIZE)
    canvas.drawString(_MARGIN, top, _cut(edges.left, fonts.BOLD))
    canvas.setFont(fonts.REGULAR, _SIZE)
    canvas.drawRightString(right, top, _cut(edges.right, fonts.REGULAR))
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.5)
    canvas.line(_MARGIN, top - 4, right, top - 4)
    if edges.mark is not None:
        canvas.setFillColor(RED)
        canvas.setFont(fonts.BOLD, _SIZE)
        canvas.drawString(_MARGIN, top - 13, edges.mark)
    canvas.setFillColor(BLUE)
    canvas.setFont(fonts.REGULAR, _SIZE)
    canvas.line(_MARGIN, _BOTTOM - 9, right, _BOTTOM - 9)
    canvas.drawString(_MARGIN, _BOTTOM - 19, _cut(edges.bottom, fonts.REGULAR))
    canvas.drawRightString(right - _TOTAL_ROOM, _BOTTOM - 19, f"Page {canvas.getPageNumber()} of ")
    canvas.translate(right - _TOTAL_ROOM, _BOTTOM - 19)
    canvas.doForm(_TOTAL)
    canvas.restoreState()


class _Total(Flowable):
    """The last part of every paper, which nobody sees: writes down the number of pages, for the foot of each page."""

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """It takes no room."""
        return 0, 0

    def draw(self) -> None:
        """Write the number of the page it is on, which is the last."""
        canvas: Canvas = self.canv
        canvas.beginForm(_TOTAL)
        canvas.setFillColor(BLUE)
        canvas.setFont(fonts.REGULAR, _SIZE)
        canvas.drawString(0, 0, str(canvas.getPageNumber()))
        canvas.endForm()


def _cut(text: str, font: str) -> str:
    room = INNER_WIDTH * 0.48
    if stringWidth(text, font, _SIZE) <= room:
        return text
    short = text[:200]
    while stringWidth(f"{short}…", font, _SIZE) > room:
        short = short[:-1]
    return f"{short}…"
