"""What a document is called, from its root element alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from ewpgw import resources
from ewpgw.documents.names import DocumentName, describe

EWP = "https://github.com/erasmus-without-paper/ewp-specs-"
XS = "{http://www.w3.org/2001/XMLSchema}"


def named(namespace: str, element: str) -> DocumentName:
    return describe(etree.Element(f"{{{namespace}}}{element}" if namespace else element))


@pytest.mark.parametrize(
    ("namespace", "element", "expected"),
    [
        (
            "api-iias/blob/stable-v7/endpoints/get-response.xsd",
            "iias-get-response",
            DocumentName("iias", "7", "get-response", "IIAs get-response, API version 7"),
        ),
        (
            "api-iias/blob/stable-v7/manifest-entry.xsd",
            "iias",
            DocumentName("iias", "7", "manifest-entry", "IIAs manifest-entry, API version 7"),
        ),
        (
            "api-ounits/tree/stable-v2",
            "ounits-response",
            DocumentName("organizational-units", "2", "response", "Organizational Units response, API version 2"),
        ),
        (
            "api-discovery/tree/stable-v6",
            "manifest",
            DocumentName("discovery", "6", "manifest", "Discovery manifest, API version 6"),
        ),
        (
            "api-registry/tree/stable-v1",
            "catalogue",
            DocumentName("registry", "1", "catalogue", "Registry catalogue, API version 1"),
        ),
        ("api-echo/tree/stable-v2", "response", DocumentName("echo", "2", "response", "Echo response, API version 2")),
        (
            "api-monitoring/tree/stable-v1",
            "monitoring-response",
            DocumentName("monitoring", "0", "response", "Monitoring response, API version 0"),
        ),
        (
            "architecture/blob/stable-v1/common-types.xsd",
            "error-response",
            DocumentName(None, None, "error-response", "EWP error-response (architecture, version 1)"),
        ),
        (
            "types-contact/tree/stable-v1",
            "contact",
            DocumentName(None, None, "contact", "EWP contact (types-contact, version 1)"),
        ),
    ],
)
def test_a_document_is_named(namespace: str, element: str, expected: DocumentName) -> None:
    assert named(EWP + namespace, element) == expected


@pytest.mark.parametrize(
    ("namespace", "element", "api", "version", "document"),
    [
        (
            "api-omobility-las/blob/stable-v1/endpoints/update-request.xsd",
            "omobility-las-update-request",
            "omobility-las",
            "1",
            "update-request",
        ),
        (
            "api-omobility-la-cnr/tree/stable-v1/endpoints/stats-response.xsd",
            "omobility-las-stats-response",
            "omobility-la-cnr",
            "1",
            "stats-response",
        ),
        ("api-courses/tree/stable-v1", "courses-response", "courses", "0", "response"),
        ("api-of-next-year/tree/stable-v12", "of-next-year-response", "of-next-year", "12", "response"),
    ],
)
def test_documents_of_apis_without_a_schema_here_are_named_too(
    namespace: str, element: str, api: str, version: str, document: str
) -> None:
    name = named(EWP + namespace, element)
    assert (name.api, name.version, name.document) == (api, version, document)


@pytest.mark.parametrize(
    ("namespace", "element", "title"),
    [
        ("", "html", "an HTML page, not an EWP document"),
        ("http://www.w3.org/1999/xhtml", "html", "an HTML page, not an EWP document"),
        ("", "iia", "not an EWP document: the root element is <iia> without a namespace"),
        ("urn:x", "iia", "not an EWP document: the root element is <iia> in the namespace urn:x"),
        (
            "https://evil.example/" + EWP + "api-iias/tree/stable-v7",
            "iia",
            f"not an EWP document: the root element is <iia> in the namespace https://evil.example/{EWP}api-iias/tree/stable-v7",
        ),
    ],
)
def test_what_is_not_of_ewp_is_said_to_be_so(namespace: str, element: str, title: str) -> None:
    assert named(namespace, element) == DocumentName(None, None, element, title)


def test_every_schema_of_an_api_is_in_the_folder_of_its_name_and_version() -> None:
    folder = resources.folder("schemas")
    checked = 0
    for path in sorted(folder.rglob("*.xsd")):
        schema = etree.parse(str(path)).getroot()
        element = schema.find(f"{XS}element")
        if element is None or not str(schema.get("targetNamespace")).startswith(EWP + "api-"):
            continue
        name = named(str(schema.get("targetNamespace")), str(element.get("name")))
        assert path.relative_to(folder) == Path(f"{name.api}/{name.version}/{name.document}.xsd")
        checked += 1
    assert checked >= 17
