"""European Student Identifiers: their two forms, and what they say.

Source: European Student Identifier Specification 1.0 (wiki.geant.org/display/SM/European+Student+Identifier), a profile
of schacPersonalUniqueCode; the characters are those of RFC 2141, sections 2.2 to 2.4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PREFIX = "urn:schac:personalUniqueCode:int:esi:"
LONGEST = 255

_COUNTRY = re.compile("[A-Za-z]{2}(?:-[A-Za-z0-9]{1,3})?")
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ORGANIZATION = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_CODE = re.compile(r"(?:[A-Za-z0-9()+,\-.:=@;$_!*']|%(?!00)[0-9A-Fa-f]{2})+")


class BadEsi(ValueError):
    """A text is no European Student Identifier. ``words`` reads on from its name: "has no code"."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True, slots=True)
class Esi:
    """An identifier in its parts.

    ``scope`` is within what ``code`` is unique: a country or region (``fi``, ``es-ct``), or the institution that gave
    the code, by its domain.
    """

    scope: str
    code: str


def claims_to_be(text: str) -> bool:
    """Whether a text begins as such identifiers do, or nearly so."""
    return text.strip().lower().startswith(("urn:schac:", "urn:mace:terena.org:schac:"))


def read(text: str) -> Esi:
    """The parts of an identifier. Upper and lower case are the same in its beginning. Raises BadEsi."""
    if text != text.strip():
        raise BadEsi("begins or ends with blanks")
    if len(text) > LONGEST:
        raise BadEsi(f"has more than {LONGEST} characters")
    if text[: len(PREFIX)].lower() != PREFIX.lower():
        raise BadEsi(f"does not begin with {PREFIX}")
    scope, colon, code = text[len(PREFIX) :].partition(":")
    if not (_COUNTRY.fullmatch(scope) or _ORGANIZATION.fullmatch(scope)):
        raise BadEsi("does not say after esi: in which country (fi) or by which institution (uni.example) the code is")
    if not colon or not code:
        raise BadEsi("has no code after the country or institution")
    if not _CODE.fullmatch(code):
        raise BadEsi("has a character in its code that must be written as % and two hexadecimal digits")
    return Esi(scope, code)


def comparable(global_id: str) -> str:
    """What two identifiers have in common where they are of the same student.

    SCHAC compares without regard to case (schacPersonalUniqueCode is of caseIgnoreMatch); other identifiers than its
    own are the same only where they are the same text.
    """
    return global_id.lower() if claims_to_be(global_id) else global_id
