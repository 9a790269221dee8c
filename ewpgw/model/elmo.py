"""ELMO documents (EMREX ELMO 1 and 2): safe parsing, which version one is, and its text as it has to be kept.

What is handed in or received is never written anew as long as it can be served as it is: a signature covers its text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Mapping

ELMO: Final = "https://github.com/emrex-eu/elmo-schemas/tree/v"
NAMESPACES: Mapping[int, str] = MappingProxyType({1: f"{ELMO}1", 2: f"{ELMO}2"})
SIGNATURE: Final = "{http://www.w3.org/2000/09/xmldsig#}Signature"
NOT_SENT: Final = "urn:ewpgw:not-sent"
"""The namespace of what XML from a SIS says beside a transcript and partners are not told."""

LARGEST: Final = 16 * 2**20
"""How many bytes an ELMO document may have unless whoever asks says otherwise."""
DEEPEST: Final = 100
MOST_ELEMENTS: Final = 50_000
"""How many elements a document may have unless whoever asks says otherwise; one of 20 courses has about 1 000."""

ESI, SCHAC, LOS_ID, LOI_ID, LOCAL = "esi", "schac", "ewp-los-id", "ewp-loi-id", "local"
"""Types of identifiers (ewp-specs-api-imobility-tors 3, get-response.xsd, elmo; ELMO, schema.xsd)."""

_DECLARATION = re.compile(r"\A\ufeff?\s*<\?xml[^>]*\?>")
_ENCODING = re.compile(rb"\s*(?:\xef\xbb\xbf)?<\?xml[^>]{1,100}?encoding\s{0,9}=\s{0,9}[\"']([^\"']{1,40})")
_COUNTABLE = re.compile(rb"utf-?8|utf-?16(?:[bl]e)?|us-ascii|ascii|iso[-_]?8859-\d{1,2}|latin-?\d|windows-125\d", re.I)
"""Encodings in which the bytes of ``<`` and ``=`` are what they are in ASCII."""
_ROOM = 4


class BadElmo(ValueError):
    """A text that is no ELMO document the gateway accepts. ``words`` reads on from its name: "is not well-formed"."""

    def __init__(self, words: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {words}" if line else words)
        self.words = words
        self.line = line


@dataclass(frozen=True, slots=True)
class Elmo:
    """An ELMO document that was parsed: its version, its root element, and the text it came as."""

    version: int
    root: etree._Element
    text: str = field(repr=False)

    @property
    def signed(self) -> bool:
        """Whether the document as a whole bears a signature, valid or not."""
        return self.root.find(SIGNATURE) is not None

    @property
    def embeddable(self) -> str:
        """The text without its XML declaration, so that it can stand in another document."""
        return _DECLARATION.sub("", self.text).strip()


def parse(text: str, *, max_bytes: int = LARGEST, most_elements: int = MOST_ELEMENTS) -> Elmo:
    """The ELMO document in a text. Comments stay.

    Raises BadElmo where it is larger than ``max_bytes`` in UTF-8, is ``crowded``, not well-formed, has a document type
    declaration, is nested too deep, has a single text of more than 10 000 000 characters, or is no ELMO 1 or 2.
    """
    size = len(text) if len(text) > max_bytes else len(text.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        raise BadElmo(f"has {size} bytes; at most {max_bytes} are accepted")
    try:
        data = _DECLARATION.sub("", text).encode()
    except UnicodeEncodeError:
        raise BadElmo("has halves of characters, which no file can hold") from None
    if crowd := crowded(data, most_elements):
        raise BadElmo(crowd)
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, encoding="utf-8")
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        said = re.sub(r",? line \d+, column \d+.*$", "", error.msg or "", flags=re.DOTALL)
        raise BadElmo(f"is not well-formed XML: {said}", error.lineno) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise BadElmo("has a document type declaration (DOCTYPE); remove it", 1)
    if _deeper(root):
        raise BadElmo(f"has elements nested more than {DEEPEST} deep")
    return Elmo(version_of(root), root, text)


def crowded(document: bytes, most_elements: int) -> str | None:
    """Why a document is not to be parsed at all: it has far more tags or attributes than so many elements need.

    Told without building anything of it. Each of them takes a hundred bytes and more of memory, so that 24 MiB of the
    smallest ones take a gigabyte. What only looks like them, in comments say, counts too; there is room for it.
    """
    encoding = _ENCODING.match(document)
    if encoding is not None and not _COUNTABLE.fullmatch(encoding[1]):
        return f"is in the encoding {encoding[1].decode('ascii', 'replace')}; UTF-8 is what is read"
    for byte, sort in ((b"<", "tags"), (b"=", "attributes")):
        if (count := document.count(byte)) > _ROOM * most_elements:
            return f"has about {count} {sort}, which is more than {most_elements} elements need"
    return None


def elements(root: etree._Element) -> int:
    """How many elements there are, the root included."""
    counted = _count()(root)
    assert isinstance(counted, float), "count() of XPath yields a number"
    return int(counted)


def version_of(root: etree._Element) -> int:
    """The major version of an ELMO element. Raises BadElmo where the element is none."""
    for version, namespace in NAMESPACES.items():
        if root.tag == f"{{{namespace}}}elmo":
            return version
    raise BadElmo(f"begins with {root.tag}, not with the elmo element of ELMO 1 or 2")


def inside(tor: etree._Element) -> etree._Element:
    """The ELMO element in an element of a get-response. Raises BadElmo where there is none."""
    found = next(tor.iterchildren("{*}elmo"), None)
    if found is None:
        raise BadElmo("is missing")
    return found


def text_of(element: etree._Element) -> str:
    """An ELMO element inside another document as a document of its own, with the namespaces that it is under."""
    return etree.tostring(element, encoding="unicode", with_tail=False)


def _deeper(root: etree._Element) -> bool:
    return bool(_too_deep()(root))


@lru_cache(maxsize=1)
def _count() -> etree.XPath:
    return etree.XPath("count(descendant-or-self::*)")


@lru_cache(maxsize=1)
def _too_deep() -> etree.XPath:
    return etree.XPath(f"boolean({'/*' * (DEEPEST + 1)})")
