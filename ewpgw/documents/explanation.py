"""Why a document is invalid, in words that a university's IT staff understand.

libxml2 has already refused the document; `xmlschema` finds the place and the rule of each fault, and the rule is put
into words here. Heavy to import: only `Schemas.faults` does, when it needs to.
"""

from __future__ import annotations

import re
import threading
from functools import cache
from typing import TYPE_CHECKING

from lxml import etree
from xmlschema import XMLSchema10, XMLSchemaChildrenValidationError, XMLSchemaValidationError
from xmlschema.validators import XsdAttribute, XsdElement

from ewpgw.documents.misplacement import about_children
from ewpgw.documents.places import find, line_of, local_name, path_of
from ewpgw.documents.requirements import requirement
from ewpgw.documents.schemas import Complaint, Fault
from ewpgw.documents.wording import about_libxml2, about_structure, about_value, without_namespaces

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# xmlschema takes up to 0.2 ms for each element and attribute, and more where one element has many attributes; documents
# beyond these bounds are left to libxml2's own words.
_TOO_LARGE = etree.XPath("count(descendant::*) + count(descendant::*/@*) > 10000 or descendant-or-self::*/@*[20]")
_MOST_FAULTS = 50
_XML_NAMESPACE = "{http://www.w3.org/XML/1998/namespace}"
_ATTRIBUTE = re.compile(r"attribute (?P<name>.+?)=")
_LOCK = threading.Lock()


def explain(schema_file: Path, root: etree._Element) -> list[Fault]:
    """The faults of an invalid document, most of them one for each thing to mend; empty where xmlschema finds none.

    ``schema_file`` is the XSD of the root's namespace. Documents of more than 10 000 nodes are not looked at.
    """
    if _TOO_LARGE(root):
        return []
    with _LOCK:  # xmlschema promises nothing about threads
        schema = _schema(schema_file)
        declarations: dict[etree._Element, XsdElement] = {}
        errors = _distinct(_errors(schema, root, declarations))
        faults = [_fault(schema, error, element, declarations.get(element)) for element, error in errors[:_MOST_FAULTS]]
    return _with_rest(root, sorted(faults, key=lambda fault: fault.line or 0), len(errors))


def in_libxml2_words(root: etree._Element, complaints: Iterable[Complaint]) -> list[Fault]:
    """The faults of a document as libxml2 reports them; one without a place is reported at the root, without line."""
    distinct = list(dict.fromkeys(complaints))
    faults = []
    for complaint in distinct[:_MOST_FAULTS]:
        element = root if complaint.path is None else find(root, complaint.path)
        line = line_of(element) if complaint.path is not None else None
        faults.append(Fault(path_of(element), line, about_libxml2(complaint.message)))
    return _with_rest(root, faults, len(distinct))


@cache
def _schema(path: Path) -> XMLSchema10:
    return XMLSchema10(str(path), allow="local")


def _errors(
    schema: XMLSchema10, root: etree._Element, declarations: dict[etree._Element, XsdElement]
) -> list[tuple[etree._Element, XMLSchemaValidationError]]:
    """Each error with its element; ``declarations`` is filled with what the schema says of the elements seen."""

    def remember(element: object, declaration: object) -> bool:
        if isinstance(element, etree._Element) and isinstance(declaration, XsdElement):
            declarations[element] = declaration
        return False

    try:
        errors = list(schema.iter_errors(root, validation_hook=remember))
    except Exception:  # libxml2 has decided; an explainer that stumbles over hostile input must not become a crash
        return []
    return [(error.elem if isinstance(error.elem, etree._Element) else root, error) for error in errors]


def _distinct(
    errors: list[tuple[etree._Element, XMLSchemaValidationError]],
) -> list[tuple[etree._Element, XMLSchemaValidationError]]:
    """One error for each thing to mend: a value may break several rules at once."""
    kept: dict[tuple[etree._Element, str], XMLSchemaValidationError] = {}
    misshapen: set[etree._Element] = set()
    for element, error in errors:
        reason = error.reason or ""
        attribute = _ATTRIBUTE.match(reason)
        structural = isinstance(error, XMLSchemaChildrenValidationError) or about_structure(reason, element) is not None
        if structural:
            misshapen.add(element)
        key = attribute[0] if attribute else reason if structural else ""
        kept.setdefault((element, "text" if reason.startswith("character data") else key), error)
    # What has elements or text where none belong cannot also have a wrong value.
    return [(element, error) for (element, key), error in kept.items() if key or element not in misshapen]


def _fault(
    schema: XMLSchema10, error: XMLSchemaValidationError, element: etree._Element, declaration: XsdElement | None
) -> Fault:
    if isinstance(error, XMLSchemaChildrenValidationError):
        return about_children(error, element)
    reason, path, line = error.reason or "", path_of(element), line_of(element)
    if error.validator is schema:
        known = local_name(next(iter(schema.elements)))  # our schemas declare the document's element first
        name = local_name(str(element.tag))
        return Fault(path, line, f"<{name}> is no document of its namespace; expected is <{known}>")
    if structure := about_structure(reason, element):
        attribute, message = structure
        return Fault(f"{path}/@{local_name(attribute)}" if attribute else path, line, message)
    if match := _ATTRIBUTE.match(reason):
        return _about_attribute(match["name"], reason, element, declaration)
    required = requirement(declaration.type) if declaration is not None else None
    message = about_value(element.text or "", required) if required else without_namespaces(reason)
    return Fault(path, line, message)


def _about_attribute(name: str, reason: str, element: etree._Element, declaration: XsdElement | None) -> Fault:
    qualified = _XML_NAMESPACE + name[4:] if name.startswith("xml:") else name
    attribute = declaration.attributes.get(qualified) if declaration is not None else None
    required = requirement(attribute.type) if isinstance(attribute, XsdAttribute) else None
    message = about_value(str(element.get(qualified) or ""), required or without_namespaces(reason))
    return Fault(f"{path_of(element)}/@{local_name(name)}", line_of(element), message)


def _with_rest(root: etree._Element, faults: list[Fault], found: int) -> list[Fault]:
    if found > len(faults):
        faults.append(Fault(path_of(root), None, f"{found - len(faults)} more faults are not listed here"))
    return faults
