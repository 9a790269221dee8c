"""What the number formats of Excel show of a number: the number itself, or a text that is made of it.

ECMA-376 part 1, section 18.8.31. What ``shown`` cannot render is told, since a code that is half of what people see
would be taken without a word.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_.|\*.|\[(?P<bracket>[^\]]*)\]|(?P<general>General)|(?P<power>E[+-])'
    r"|(?P<digit>[0#?.,])|(?P<end>;)|(?P<bare>.)",
    re.DOTALL | re.IGNORECASE,
)
_COLOUR = re.compile(r"black|blue|cyan|green|magenta|red|white|yellow|color *\d+", re.IGNORECASE)
_CURRENCY = re.compile(r"\$(?P<symbol>[^-]*)(?P<place>-[0-9A-Fa-f,]*)?")
_CODE = re.compile("[A-Z]{3}")
# the literals of a section become marks: m for money and blanks, x for anything else, or a sign; G is General, T is @
_DIGITS = r"(?:G|T|(?P<whole>[0#?](?:[0#?,]*[0#?])?)?(?:\.[0#?]*)?(?:E[0#?]+)?)"
_NUMBER = (
    re.compile(rf"m*\+?m*{_DIGITS}m*"),
    re.compile(rf"m*[-(]?m*{_DIGITS}m*[-)]?m*"),
    re.compile(rf"m*-?m*{_DIGITS}m*"),
)
_PADS = re.compile(r"[#?]*(0[0#?]+)")
_SECTIONS = 3
_LONGEST = 255
"""What Excel takes; patterns are slow with what only a forged file can have."""


@dataclass(frozen=True, slots=True)
class _Section:
    """What a section does with a number: shows it, pads it with zeros to a width, or makes something else of it."""

    does: Literal["show", "pad", "other"]
    width: int = 0


def shown(value: float, number_format: str) -> str | float | None:
    """A number as it counts: padded with zeros where its format does so, or else as it is.

    None where the format shows something else, such as ``R003`` for 3, or ``50%`` for 0.5.
    """
    sections = _sections(number_format)
    section = sections[0]
    if value < 0 and len(sections) > 1:
        section = sections[1]
    elif value == 0 and len(sections) == _SECTIONS:
        section = sections[2]
    if section.does == "pad" and value >= 0 and value == int(value):
        return str(int(value)).zfill(section.width)
    return value if section.does == "show" else None


@lru_cache(maxsize=1000)
def shows_texts(number_format: str) -> bool:
    """Whether a text in a cell of this format is shown as it is, without anything before or behind it."""
    if len(number_format) > _LONGEST:
        return False
    sections = _marks(number_format)
    return not ("T" in sections[-1] or len(sections) > _SECTIONS) or re.fullmatch("m*T*m*", sections[-1]) is not None


@lru_cache(maxsize=1000)
def _sections(number_format: str) -> tuple[_Section, ...]:
    sections = _marks(number_format[: _LONGEST + 1])[:_SECTIONS]
    if len(number_format) > _LONGEST or any(
        ">" in section for section in sections
    ):  # a condition: which section counts is not told by the sign
        return (_Section("other"),)
    return tuple(_section(marks, number) for marks, number in zip(sections, _NUMBER, strict=False))


def _section(marks: str, number: re.Pattern[str]) -> _Section:
    found = number.fullmatch(marks)
    if found is None:
        return _Section("other")
    whole = (found["whole"] or "").replace(",", "")
    pads = _PADS.fullmatch(whole)
    if pads is None:
        return _Section("show")
    return _Section("pad", len(pads[1])) if marks == whole else _Section("other")


def _marks(number_format: str) -> list[str]:
    """The sections of a format, with a mark for every literal."""
    sections = [""]
    for found in _TOKEN.finditer(number_format or "General"):
        match found.lastgroup:
            case "end":
                sections.append("")
            case "digit":
                sections[-1] += found["digit"]
            case "general":
                sections[-1] += "G"
            case "power":
                sections[-1] += "E"
            case "bracket":
                sections[-1] += _of_bracket(found["bracket"])
            case "bare":
                sections[-1] += "T" if found["bare"] == "@" else _of_literal(found["bare"])
            case "quoted" | "escaped" as kind:
                sections[-1] += "".join(map(_of_literal, found[kind]))
            case _:  # a blank as wide as a character, or a filling
                pass
    return [re.sub("m+", "m", marks) for marks in sections]


def _of_literal(character: str) -> str:
    if character in "+-()":
        return character
    return "m" if character.isspace() or unicodedata.category(character) == "Sc" else "x"


def _of_bracket(content: str) -> str:
    if _COLOUR.fullmatch(content):
        return ""
    if content.startswith(("<", ">", "=")):
        return ">"
    currency = _CURRENCY.fullmatch(content)
    if currency is None:
        return "x"
    symbol = currency["symbol"]
    is_money = currency["place"] or _CODE.fullmatch(symbol) or all(_of_literal(each) == "m" for each in symbol)
    return ("m" if symbol else "") if is_money else "x"
