"""What a document is, told from its root element."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.documents.places import local_name, namespace_of

if TYPE_CHECKING:
    from lxml import etree

_EWP_NAMESPACE = re.compile(
    r"https://github\.com/erasmus-without-paper/ewp-specs-(?P<repository>[a-z0-9-]+)"
    r"/(?:blob|tree)/stable-v(?P<version>\d+)(?:/(?:endpoints/)?(?P<file>[a-z-]+)\.xsd)?"
)

# Repository of an API's specification → the API's name (its element in a manifest) and what people call it.
_APIS = {
    "discovery": ("discovery", "Discovery"),
    "registry": ("registry", "Registry"),
    "monitoring": ("monitoring", "Monitoring"),
    "echo": ("echo", "Echo"),
    "institutions": ("institutions", "Institutions"),
    "ounits": ("organizational-units", "Organizational Units"),
    "courses": ("courses", "Courses"),
    "course-replication": ("simple-course-replication", "Simple Course Replication"),
    "factsheet": ("factsheet", "Factsheet"),
    "file": ("file", "File"),
    "iias": ("iias", "IIAs"),
    "iia-cnr": ("iia-cnr", "IIA CNR"),
    "iias-approval": ("iias-approval", "IIAs Approval"),
    "iia-approval-cnr": ("iia-approval-cnr", "IIA Approval CNR"),
    "omobilities": ("omobilities", "Outgoing Mobilities"),
    "omobility-cnr": ("omobility-cnr", "Outgoing Mobility CNR"),
    "omobility-stats": ("omobility-stats", "Outgoing Mobility Stats"),
    "omobility-las": ("omobility-las", "Outgoing Mobility LAs"),
    "omobility-la-cnr": ("omobility-la-cnr", "Outgoing Mobility LA CNR"),
    "imobilities": ("imobilities", "Incoming Mobilities"),
    "imobility-cnr": ("imobility-cnr", "Incoming Mobility CNR"),
    "imobility-tors": ("imobility-tors", "Incoming Mobility ToRs"),
    "imobility-tor-cnr": ("imobility-tor-cnr", "Incoming Mobility ToR CNR"),
    "imobility-tor-stats": ("imobility-tor-stats", "Incoming Mobility ToR Stats"),
}

# APIs whose namespaces say v1 while their versions are still 0.x.
_STILL_ZERO = {"monitoring", "courses"}


@dataclass(frozen=True, slots=True)
class DocumentName:
    """The name of a document.

    ``api`` is the API's name as in a manifest and ``version`` its major version (``"7"``); both are None where the
    document belongs to no API. ``document`` is its kind (``get-response``, ``manifest-entry``, ``error-response``) and
    ``title`` a phrase for people.
    """

    api: str | None
    version: str | None
    document: str
    title: str


def describe(root: etree._Element) -> DocumentName:
    """The name of the document with this root element, by its qualified name alone.

    Namespaces of EWP APIs are recognised by their pattern, with or without a schema for them here.
    """
    tag = str(root.tag)
    element, namespace = local_name(tag), namespace_of(tag)
    match = _EWP_NAMESPACE.fullmatch(namespace)
    if match is None:
        return DocumentName(None, None, element, _title_of_unknown(element, namespace))
    repository, version = match["repository"], match["version"]
    if not repository.startswith("api-"):
        return DocumentName(None, None, element, f"EWP {element} ({repository}, version {version})")
    name, called = _api(repository.removeprefix("api-"))
    if name in _STILL_ZERO and version == "1":
        version = "0"
    document = _kind(element, match["file"])
    return DocumentName(name, version, document, f"{called} {document}, API version {version}")


def _api(repository: str) -> tuple[str, str]:
    return _APIS.get(repository) or (repository, repository.replace("-", " ").title())


def _kind(element: str, file: str | None) -> str:
    """``iias-get-response`` → ``get-response``: the API's own name in front says nothing new."""
    if file == "manifest-entry":
        return file
    if file is not None and element.endswith(file):
        return file
    if file is None and element.endswith("-response"):
        return "response"
    return element


def _title_of_unknown(element: str, namespace: str) -> str:
    if element.lower() == "html":
        return "an HTML page, not an EWP document"
    where = f"in the namespace {namespace}" if namespace else "without a namespace"
    return f"not an EWP document: the root element is <{element}> {where}"
