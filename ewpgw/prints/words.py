"""Codes, days and times of records as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?(?:Z|[+-][0-9:]{5})?")

_LANGUAGES: Mapping[str, str] = {
    "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian", "bg": "Bulgarian", "bs": "Bosnian", "ca": "Catalan",
    "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "et": "Estonian", "eu": "Basque", "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician",
    "he": "Hebrew", "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "ka": "Georgian", "lb": "Luxembourgish", "lt": "Lithuanian", "lv": "Latvian",
    "mk": "Macedonian", "mt": "Maltese", "nb": "Norwegian Bokmål", "nl": "Dutch", "nn": "Norwegian Nynorsk",
    "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian",
    "zh": "Chinese",
}  # fmt: skip
_GENDERS = {0: "not known", 1: "male", 2: "female", 9: "not applicable"}
_CYCLES = {5: "short cycle", 6: "bachelor or equivalent", 7: "master or equivalent", 8: "doctorate or equivalent"}


def day(text: str) -> str:
    """A day or a month: "5 May 1997", "February 2019"; other notations as they are."""
    found = _DAY.fullmatch(text.strip())
    if found is None or not 1 <= int(found[2]) <= len(_MONTHS):
        return text.strip()
    month = f"{_MONTHS[int(found[2]) - 1]} {found[1]}"
    return month if found[3] is None else f"{int(found[3])} {month}"


def moment(text: str) -> str:
    """A date and time, with the offset it was given in: "3 March 2019, 12:54 (UTC+01:00)"."""
    read = as_datetime(text)
    if read is None:
        return text.strip()
    offset = "" if read.tzinfo is None else f" (UTC{read:%z})" if read.utcoffset() else " (UTC)"
    offset = re.sub(r"(\d\d)(\d\d)\)", r"\1:\2)", offset)
    return f"{read.day} {_MONTHS[read.month - 1]} {read.year}, {read:%H:%M}{offset}"


def as_datetime(text: str) -> datetime | None:
    """A date and time as a value; None where it is beyond those that a calendar has."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def latest(texts: list[str]) -> datetime:
    """The last of several dates and times, those without an offset taken as UTC; the year 2000 where there is none."""
    read = [value for text in texts if (value := as_datetime(text)) is not None]
    return max(
        (each if each.tzinfo is not None else each.replace(tzinfo=UTC) for each in read),
        default=datetime(2000, 1, 1, tzinfo=UTC),
    )


def gender(code: str) -> str:
    """What a code of ISO/IEC 5218 says."""
    return _GENDERS.get(_whole(code), code)


def study_cycle(eqf_level: str) -> str:
    """What a level of the European Qualifications Framework is called."""
    level = _whole(eqf_level)
    return f"{_CYCLES[level]} (EQF level {level})" if level in _CYCLES else f"EQF level {level}"


def language(code: str) -> str:
    """A language by its code: "English (en)"."""
    name = _LANGUAGES.get(code.strip().split("-")[0].lower())
    return code.strip() if name is None else f"{name} ({code.strip()})"


def language_level(code: str) -> str:
    """A level of the common European framework for languages."""
    return "native speaker" if code.strip() == "NS" else code.strip()


def _whole(text: str) -> int:
    """A whole number in any notation. Unlike ``int``, this takes any number of zeros before it."""
    return int(Decimal(text.strip()))
