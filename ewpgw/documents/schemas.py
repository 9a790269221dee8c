"""The XSDs: found by namespace, compiled when first needed; libxml2 decides what is valid."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, cast

from lxml import etree

from ewpgw import resources
from ewpgw.documents.places import namespace_of, path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# libxml2 finds the place of each fault by counting siblings, so a broken document of many siblings takes quadratic time
# (minutes for 5 MB). A document with this many elements, or with an element of this many attributes, is therefore
# validated as a stream: linear, and left at the first faulty stretch, but without places.
_IS_LARGE = etree.XPath("boolean(descendant::*[2000]) or boolean(descendant-or-self::*/@*[20])")
# libxml2 makes its built-in types with the first schema that is compiled, and does not mind who else is about to: two
# threads at it fail with an internal error, or end the process.
_COMPILING = threading.Lock()
_CHUNK = 2**16
_MOST_COMPLAINTS = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason why a document is invalid.

    ``path`` leads to the place by local names; ``line`` is counted from 1, None where it is not known. ``message`` is
    in plain words and may quote the document, so it is for the people who may read the document, not for the log.
    """

    path: str
    line: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """What libxml2 says about an invalid document: the place as a node path (None where unknown), and its message."""

    path: str | None
    message: str


class UnknownDocument(LookupError):
    """There is no schema for a document. ``root`` is the qualified name (``{namespace}name``) of its root element."""

    def __init__(self, root: str) -> None:
        super().__init__(f"there is no schema for documents whose root element is {root}")
        self.root = root


class Schemas:
    """The schemas of one folder, by target namespace. May be shared between threads."""

    def __init__(self, folder: Path | None = None) -> None:
        """Index the XSDs below ``folder`` (default: those that ship with ewpgw) without compiling them."""
        self._files = dict(_index(folder or resources.folder("schemas")))
        self._compiled = threading.local()  # lxml keeps the log of a validation in the schema object

    @property
    def namespaces(self) -> frozenset[str]:
        """The target namespaces there are schemas for."""
        return frozenset(self._files)

    def file(self, namespace: str) -> Path:
        """The XSD of a target namespace. Raises UnknownDocument."""
        try:
            return self._files[namespace]
        except KeyError:
            raise UnknownDocument(f"{{{namespace}}}*") from None

    def xsd(self, namespace: str) -> etree.XMLSchema:
        """The compiled schema of a target namespace, for use in this thread only. Raises UnknownDocument."""
        compiled: dict[str, etree.XMLSchema] = self._compiled.__dict__
        if namespace not in compiled:
            file = str(self.file(namespace))
            with _COMPILING:
                compiled[namespace] = etree.XMLSchema(file=file)
        return compiled[namespace]

    def is_valid(self, root: etree._Element) -> bool:
        """Whether libxml2 finds the element valid against the schema of its namespace. Raises UnknownDocument."""
        xsd = self._xsd_for(root)
        if _IS_LARGE(root):
            return not _stream(xsd, root)
        return xsd.validate(root)

    def faults(self, root: etree._Element) -> list[Fault]:
        """Why the element is invalid, in plain words; empty exactly where `is_valid` holds. Raises UnknownDocument.

        Explaining takes far longer than deciding (up to some seconds for large documents), and the list is bounded: its
        last entry then says how many more there are.
        """
        if self.is_valid(root):
            return []
        # xmlschema is heavy, and only broken documents need it.
        from ewpgw.documents.explanation import explain, in_libxml2_words

        namespace = namespace_of(str(root.tag))
        explained = explain(self.file(namespace), root)
        if explained:
            return explained
        xsd = self.xsd(namespace)
        if _IS_LARGE(root):
            partly = Fault(path_of(root), None, "the document is large: only its first faulty part was examined")
            return [*in_libxml2_words(root, _stream(xsd, root)), partly]
        xsd.validate(root)
        return in_libxml2_words(root, _complaints(xsd.error_log))

    def _xsd_for(self, root: etree._Element) -> etree.XMLSchema:
        try:
            return self.xsd(namespace_of(str(root.tag)))
        except UnknownDocument:
            raise UnknownDocument(str(root.tag)) from None


@lru_cache(maxsize=1)
def default() -> Schemas:
    """The schemas that ship with ewpgw; one instance for the process."""
    return Schemas()


def _index(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*.xsd")):
        with path.open("rb") as file:
            _, element = next(iter(etree.iterparse(file, events=("start",))))
            yield element.get("targetNamespace", ""), path


def _complaints(log: object, most: int | None = None) -> list[Complaint]:
    # lxml's type stubs do not know that its logs can be iterated.
    entries = islice(cast("Iterable[Complaint]", log), most)
    return [Complaint(entry.path, entry.message) for entry in entries]


def _stream(xsd: etree.XMLSchema, root: etree._Element) -> list[Complaint]:
    """The complaints about the first faulty stretch of a large document; empty where it is valid."""
    text = etree.tostring(root, encoding="utf-8", with_tail=False)
    parser = etree.XMLParser(schema=xsd, resolve_entities=False, no_network=True)
    try:
        for start in range(0, len(text), _CHUNK):
            parser.feed(text[start : start + _CHUNK])
            if complaints := _complaints(parser.feed_error_log, _MOST_COMPLAINTS):
                return complaints
        parser.close()
    except etree.XMLSyntaxError as error:
        return _complaints(error.error_log, _MOST_COMPLAINTS) or [Complaint(None, str(error))]
    return []
