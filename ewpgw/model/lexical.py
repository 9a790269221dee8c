"""Simple types that keep their text exactly as written, because agreement hashes are computed over text.

A number stays ``"5.00"`` or ``"05"``, a blank stays a blank. JSON may give numbers as numbers; they become text once.
What a published schema accepts, these types accept too; the schemas remain the judge of what is sent.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic.json_schema import JsonSchemaValue

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BLANKS = " \t\r\n"
_SHORT, _REMEMBERED = 12, 128
"""Texts of up to so many characters are judged once: so many of each type."""


@dataclass(frozen=True, slots=True)
class Lexical:
    """Annotates ``str``: which texts are allowed.

    ``words`` completes "must be …". ``pattern`` covers the whole text, without the blanks around it where ``collapses``
    (the XML Schema types that ignore them). ``accepts`` judges what a pattern cannot say. With ``numeric`` a JSON
    number is taken too; ``number`` says in JSON Schema which.
    """

    words: str
    pattern: str | None = None
    collapses: bool = False
    numeric: bool = False
    accepts: Callable[[str], bool] | None = None
    number: Mapping[str, object] = field(default_factory=lambda: {"type": "number"}, compare=False)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_checking(self), handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        text: JsonSchemaValue = {"type": "string"}
        if self.pattern is not None:
            # in a JSON Schema a dot is no line break, and there is no flag to make it one
            pattern = self.pattern.replace(".+", r"[\s\S]+")
            blanks = "[ \\t\\r\\n]*" if self.collapses else ""
            text["pattern"] = f"^{blanks}(?:{pattern}){blanks}$"
        return {"anyOf": [dict(self.number), text]} if self.numeric else text

    def problem(self) -> PydanticCustomError:
        """What is said of any other text."""
        return PydanticCustomError("lexical", "must be {words}", {"words": self.words})


@cache
def _checking(lexical: Lexical) -> Callable[[object], str]:
    """What judges values of a type: one for all of its fields, of which there are more than a thousand."""
    compiled = re.compile(lexical.pattern, re.DOTALL) if lexical.pattern is not None else None

    def check(value: object) -> str:
        text = _number_as_text(value) if lexical.numeric and type(value) is not str else value
        if not isinstance(text, str):
            raise lexical.problem()
        return check_short(text) if len(text) <= _SHORT else check_text(text)

    def check_text(text: str) -> str:
        if not text.isprintable() and _NOT_IN_XML.search(text):  # what can be printed, XML can carry
            raise PydanticCustomError("lexical", "has a control character, which XML cannot carry; remove it")
        judged = text.strip(_BLANKS) if lexical.collapses else text
        if (compiled is not None and not compiled.fullmatch(judged)) or (
            lexical.accepts and not lexical.accepts(judged)
        ):
            raise lexical.problem()
        return text

    check_short = lru_cache(maxsize=_REMEMBERED)(check_text)  # codes, years and languages come again and again
    return check


def _number_as_text(value: object) -> object:
    """The plain decimal notation of a number: ``5`` and ``5.0`` are "5", ``2.5`` is "2.5". Other values unchanged."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        return value
    digits = format(number, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


_DATE = re.compile("-?([0-9]+)-([0-9]{2})-([0-9]{2})")


def _is_date(text: str) -> bool:
    found = _DATE.match(text)
    if found is None:
        return False
    year, month, day = (int(part) for part in found.groups())
    # Calendars repeat every 400 years, and XML Schema knows years beyond those of Python's calendar.
    return 1 <= month <= 12 and 1 <= day <= monthrange(2000 + year % 400, month)[1]


def _is_moment(text: str) -> bool:
    """Whether the day and the time of an xs:dateTime of the right form are such as there are; 24:00:00 is one."""
    hour, minute, second = (int(part) for part in re.split("[:.Z+-]", text.partition("T")[2])[:3])
    ends = hour == 24 and minute == 0 and text.partition("T")[2].startswith("24:00:00")
    return _is_date(text) and minute < 60 and second < 60 and (hour < 24 or ends)


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    found = {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip(_BLANKS))
    if found is None or not isinstance(value, str | int):
        raise PydanticCustomError("lexical", "must be true or false")
    return found


Text = Annotated[str, Lexical("text")]
_FlagText = Annotated[str, Field(pattern=r"^[ \t\r\n]*(?:true|false|1|0)[ \t\r\n]*$")]
Flag = Annotated[bool, BeforeValidator(_flag, json_schema_input_type=bool | Literal[0, 1] | _FlagText)]
Identifier = Annotated[str, Lexical("1 to 64 visible ASCII characters without spaces", "[!-~]{1,64}")]
PositiveInteger = Annotated[
    str,
    Lexical(
        "a whole number above zero",
        r"\+?[0-9]+",
        collapses=True,
        numeric=True,
        accepts=lambda text: text.strip("+0") != "",
        number={"type": "integer", "minimum": 1},
    ),
]
PositiveDecimal = Annotated[
    str,
    Lexical(
        "a number above zero with at most two decimal places",
        r"\+?(?:[0-9]+(?:\.[0-9]{0,2}0*)?|\.[0-9]{1,2}0*)",
        collapses=True,
        numeric=True,
        accepts=lambda text: text.strip("+.0") != "",
        number={"type": "number", "exclusiveMinimum": 0},
    ),
]
EqfLevel = Annotated[
    str,
    Lexical(
        "an EQF level, a whole number from 1 to 8",
        r"\+?0*[1-8]",
        collapses=True,
        numeric=True,
        number={"type": "integer", "minimum": 1, "maximum": 8},
    ),
]
Gender = Annotated[
    str,
    Lexical(
        "0 (not known), 1 (male), 2 (female) or 9 (not applicable)",
        r"[+-]?0+|\+?0*[129]",
        collapses=True,
        numeric=True,
        number={"type": "integer", "enum": [0, 1, 2, 9]},
    ),
]
Date = Annotated[
    str,
    Lexical(
        "a date such as 2026-09-01",
        r"-?(?:[1-9][0-9]{4,}|[0-9]{4})-[0-9]{2}-[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})?",
        collapses=True,
        accepts=_is_date,
    ),
]
_ZONE = "(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?"
DateTime = Annotated[
    str,
    Lexical(
        "a date and time such as 2026-09-01T10:15:00+02:00",
        r"-?(?:[1-9][0-9]{4,}|[0-9]{4})-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?" + _ZONE,
        collapses=True,
        accepts=_is_moment,
    ),
]
YearMonth = Annotated[
    str,
    Lexical(
        "a month such as 2026-09",
        "-?(?:[1-9][0-9]{4,}|[0-9]{4})-(?:0[1-9]|1[0-2])" + _ZONE,
        collapses=True,
    ),
]
Integer = Annotated[
    str, Lexical("a whole number", "[+-]?[0-9]+", collapses=True, numeric=True, number={"type": "integer"})
]
AnyDecimal = Annotated[str, Lexical("a number", r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", collapses=True, numeric=True)]
Language = Annotated[
    str,
    Lexical("a language code such as en or pt-BR", "[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*", collapses=True),
]
Email = Annotated[str, Lexical("an e-mail address", r"[^@]+@[^.]+\..+")]
HttpUrl = Annotated[str, Lexical("an address that starts with http:// or https://", "https?://.+", collapses=True)]
HttpsUrl = Annotated[str, Lexical("an address that starts with https://", "https://.+", collapses=True)]
CountryCode = Annotated[str, Lexical("a country code of two capital letters, such as FI", "[A-Z]{2}")]
CefrLevel = Annotated[str, Lexical("a CEFR level: A1, A2, B1, B2, C1 or C2", "[ABC][12]")]
Sha256Hex = Annotated[str, Lexical("64 hexadecimal digits in lower case", "[0-9a-f]{64}")]
