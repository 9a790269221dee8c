"""The rules of the schemas in plain words: of values, of text and attributes, and of libxml2's own messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ewpgw.documents.places import children, local_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml import etree

_LONGEST_QUOTE = 60
_NAMESPACE = re.compile(r"\{[a-z][a-z0-9+.-]*:[^{}\s]*\}")

# Built-in types of XML Schema.
BUILTINS = {
    "string": "text is required",
    "token": "text is required",
    "ID": "a name that nothing else in the document has is required",
    "boolean": "true or false is required",
    "date": "a date such as 2026-09-30 is required",
    "dateTime": "a date and time such as 2026-09-30T12:00:00Z is required",
    "duration": "a time span such as P6M is required",
    "gYearMonth": "a month such as 2026-09 is required",
    "language": "a language code such as en or pt-PT is required",
    "anyURI": "a web address is required",
    "base64Binary": "base64 text is required",
    "decimal": "a number is required",
    "integer": "a whole number is required",
    "positiveInteger": "a whole number of at least 1 is required",
    "nonNegativeInteger": "a whole number of at least 0 is required",
    "byte": "a whole number is required",
}

# Regular expressions that the schemas restrict text to.
PATTERNS = {
    "[0-9]{4}": "four digits are required",
    "[0-9]{1,3}": "one to three digits are required",
    "[0-9a-f]{64}": "64 lower-case hexadecimal digits (a SHA-256) are required",
    "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}": (
        "a UUID in lower case, such as 1b4e28ba-2fa1-41d2-883f-0016d3cca427, is required"
    ),
    "[0-9]{4}/[0-9]{4}": "an academic year such as 2026/2027 is required",
    "[0-9]{4}/[0-9]{4}-[1-9]/[1-9]": "an academic term such as 2026/2027-1/2 is required",
    r"[0-9]+\.[0-9]+\.[0-9]+": "a version of three numbers, such as 7.0.0, is required",
    "[!-~]{1,64}": "1 to 64 printable ASCII characters without spaces are required",
    r"[^@]+@[^.]+\..+": "an e-mail address is required",
    "https?://.+": "a web address that starts with http:// or https:// is required",
    "https://.+": "a web address that starts with https:// is required",
    "[A-Z][A-Z]": "a country code of two capital letters, such as FI, is required",
    "[ABC][12]": "a language level from A1 to C2 is required",
    "[ABC][12]|NS": "a language level from A1 to C2, or NS, is required",
    r"\+[0-9]{1,15}": "a + and 1 to 15 digits, without spaces, are required",
    "(CR|CLS|MOD|DEP)/(.{1,40})": "an identifier that starts with CR/, CLS/, MOD/ or DEP/ is required",
    "(CRI|CLSI|MODI|DEPI)/(.{1,40})": "an identifier that starts with CRI/, CLSI/, MODI/ or DEPI/ is required",
    r"[0-9\.]+": "a section number such as 4.2 is required",
    "[0-9]+x[0-9]+": "a width and a height in pixels, such as 300x400, are required",
    ".*": "a single line is required",
}

_LIBXML2 = (
    (
        re.compile(r"^Element '(?P<name>[^']+)': This element is not expected\.(?: Expected is (?P<expected>.+)\.)?$"),
        "the element <{name}> is not expected here{expected}",
    ),
    (
        re.compile(r"^Element '(?P<name>[^']+)': Missing child element\(s\)\.(?: Expected is (?P<expected>.+)\.)?$"),
        "an element is missing in <{name}>{expected}",
    ),
    (
        re.compile(
            r"^Element '(?P<name>[^']+)': Character content is not allowed, because the content type is empty\.$"
        ),
        "<{name}> must be entirely empty, without spaces or line breaks inside",
    ),
)
_LIBXML2_PATTERN = re.compile(
    r"Element '(?P<name>[^']+)'(?:, attribute '(?P<attribute>[^']+)')?: \[facet 'pattern'\] "
    r"The value '(?P<value>.*)' is not accepted by the pattern '(?P<pattern>.*)'\.$",
    re.DOTALL,
)


def quoted(text: str) -> str:
    """The text in quotes, on one line and shortened."""
    shown = text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"
    return "'" + "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown) + "'"


def without_namespaces(message: str) -> str:
    """A validator's own message, with local names for qualified ones."""
    return _NAMESPACE.sub("", message).strip()


def about_value(value: str, required: str) -> str:
    """Why a value is refused; ``required`` says what its type asks for."""
    if not value.strip():
        return f"a value is missing here: {required}"
    return f"{quoted(value)} is not allowed here: {required}"


def about_structure(reason: str, element: etree._Element) -> tuple[str, str] | None:
    """The attribute concerned (empty for none) and the message, for faults of attributes, text and nesting."""
    name = local_name(str(element.tag))
    if match := re.match(r"missing required attribute '(.+)'$", reason):
        return match[1], f"the attribute {local_name(match[1])} of <{name}> is missing"
    if match := re.match(r"'(.+)' attribute not allowed for element$", reason):
        return match[1], f"the attribute {local_name(match[1])} is not known here"
    if reason.startswith("character data between child elements"):
        stray = next((text for text in _texts(element) if text.strip()), "")
        return (
            "",
            f"the text {quoted(stray.strip())} must not stand directly inside <{name}>, which only takes elements",
        )
    if reason.startswith("character data is not allowed"):
        if stray := (element.text or "").strip():
            return "", f"<{name}> must be empty, but contains the text {quoted(stray)}"
        return "", f"<{name}> must be entirely empty, without spaces or line breaks inside"
    if reason.startswith("a simple content element can't have child"):
        return "", f"<{name}> takes a plain value, without elements inside"
    return None


def about_libxml2(message: str) -> str:
    """libxml2's own message, in plain words where it is one of the usual ones."""
    plain = without_namespaces(message)
    if match := _LIBXML2_PATTERN.match(plain):
        required = PATTERNS.get(match["pattern"], f"text of the form {match['pattern']} is required")
        attribute = f"the attribute {match['attribute']} of " if match["attribute"] else ""
        return f"{quoted(match['value'])} is not allowed in {attribute}<{match['name']}>: {required}"
    for pattern, words in _LIBXML2:
        if match := pattern.match(plain):
            expected = match.groupdict().get("expected")
            return words.format(name=match["name"], expected=f"; expected is {_listed(expected)}" if expected else "")
    return plain


def _listed(expected: str) -> str:
    """``one of ( a, b )`` → ``<a> or <b>``."""
    names = re.sub(r"^(one of )?\(|\)$", "", expected).split(",")
    return " or ".join(f"<{name.strip()}>" for name in names)


def _texts(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in children(element):
        yield child.tail or ""
