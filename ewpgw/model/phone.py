"""Phone numbers (EWP type PhoneNumber 1)."""

from __future__ import annotations

from typing import Annotated

from ewpgw.model.base import XmlModel, maybe
from ewpgw.model.lexical import Lexical, Text

E164 = Annotated[str, Lexical("a plus sign and 1 to 15 digits, without spaces", r"\+[0-9]{1,15}")]


class PhoneNumber(XmlModel, ns="p"):
    """A phone or fax number."""

    e164: E164 | None = maybe(
        "e164",
        "International number",
        "The number in international form: a plus sign, then digits only (+35820123456).",
    )
    ext: Text | None = maybe(
        "ext", "Extension", "What to dial, or ask for, once connected to the international number."
    )
    other_format: Text | None = maybe(
        "other-format",
        "Number as written",
        "The number in any other notation, where the international form is not known.",
    )
