"""The typeface of our papers, Fira Sans, and what becomes of characters that it lacks.

It comes with a package of its own (SIL Open Font License 1.1), so that a paper looks the same on every machine, and the
same record gives the same bytes. It has Latin with all diacritics of Europe and Vietnam, Greek and Cyrillic. Of other
scripts (Georgian, Armenian, Hebrew, Arabic, Chinese and others) each character is printed as ``STAND_IN``.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib import resources
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR = "FiraSans"
BOLD = "FiraSans-Bold"
STAND_IN = "\N{LOZENGE}"

_PACKAGE = "fontpkg_fira_sans"
_FILES = {REGULAR: "FiraSans-Regular.ttf", BOLD: "FiraSans-Bold.ttf"}
_SPACES = {"\t", "\n", "\r", "\N{LINE SEPARATOR}", "\N{PARAGRAPH SEPARATOR}"}
_UNSEEN = ("Cc", "Cf", "Cs")


@cache
def make_ready() -> frozenset[int]:
    """Make the typeface known to the PDF library, once in a process. Returns the code points that it has."""
    loaded = []
    with resources.as_file(resources.files(_PACKAGE).joinpath("files")) as folder:
        for name, file in _FILES.items():
            font = TTFont(name, str(Path(folder, file)))
            pdfmetrics.registerFont(font)
            loaded.append(frozenset(font.face.charToGlyph))
    return frozenset.intersection(*loaded)


def seen(text: str) -> str:
    """A text as somebody sees it: accents joined to their letters, and without the characters that nobody sees.

    Marks of direction, of width and the like are left out: with them a paper could read otherwise than its record.
    """
    composed = unicodedata.normalize("NFC", text)
    spaced = (" " if each in _SPACES else each for each in composed)
    return "".join(each for each in spaced if unicodedata.category(each) not in _UNSEEN)


def printable(text: str) -> tuple[str, frozenset[str]]:
    """A text as it can be printed, and the characters that the typeface lacks: ``STAND_IN`` stands for each."""
    known, shown = make_ready(), seen(text)
    lacking = frozenset(each for each in shown if ord(each) not in known)
    if lacking:
        shown = "".join(STAND_IN if each in lacking else each for each in shown)
    return shown, lacking
