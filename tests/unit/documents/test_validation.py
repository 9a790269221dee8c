"""Validating a file for a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from ewpgw.documents.validation import Report, validate_file

EWP = "https://github.com/erasmus-without-paper/ewp-specs-"

ECHO = f'<echo xmlns="{EWP}api-echo/blob/stable-v2/manifest-entry.xsd" version="2.0.1">{{}}</echo>'


def manifest(*entries: str) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<manifest xmlns="{EWP}api-discovery/tree/stable-v6" xmlns:ewp="{EWP}architecture/blob/stable-v1/common-types.xsd">
  <host>
    <ewp:admin-email>ewp@north.example</ewp:admin-email>
    <ewp:admin-provider>North</ewp:admin-provider>
    <apis-implemented xmlns="{EWP}api-registry/tree/stable-v1">
      {"".join(entries)}
    </apis-implemented>
  </host>
</manifest>"""


def report(folder: Path, content: str | bytes) -> Report:
    path = folder / "document.xml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return validate_file(path)


def test_a_valid_file_is_valid_and_named(tmp_path: Path, agreement: str) -> None:
    found = report(tmp_path, agreement)
    assert found.valid
    assert found.document is not None
    assert found.document.title == "IIAs get-response, API version 7"
    assert found.unchecked == ()


def test_the_faults_of_a_file_have_lines(tmp_path: Path, agreement: str) -> None:
    found = report(tmp_path, agreement.replace("<in-effect>false", "<in-effect>maybe"))
    assert not found.valid
    assert [(fault.path, fault.line) for fault in found.faults] == [("/iias-get-response/iia/in-effect", 9)]


def test_a_file_that_is_not_xml_is_said_to_be_so(tmp_path: Path) -> None:
    found = report(tmp_path, "hei_id=north.example")
    assert found.document is None
    assert "not well-formed XML" in found.faults[0].message


def test_an_html_page_is_said_to_be_one(tmp_path: Path) -> None:
    assert report(tmp_path, "<html><br></html>").faults[0].message == "this is an HTML page, not an XML document"


def test_an_unknown_document_is_said_to_be_so(tmp_path: Path) -> None:
    found = report(tmp_path, "<student/>")
    assert not found.valid
    assert found.faults[0].message == "not an EWP document: the root element is <student> without a namespace"


def test_a_document_of_an_api_without_a_schema_is_named(tmp_path: Path) -> None:
    found = report(tmp_path, f'<x-response xmlns="{EWP}api-of-next-year/tree/stable-v3"/>')
    assert found.document is not None
    assert found.document.api == "of-next-year"
    assert found.faults[0].message == "there is no schema to check it with"


def test_a_missing_file_is_a_fault_of_its_own(tmp_path: Path) -> None:
    found = validate_file(tmp_path / "none.xml")
    assert not found.valid
    assert found.faults[0].message == "the file cannot be read: No such file or directory"


def test_the_entries_of_a_manifest_are_checked_by_their_own_schemas(tmp_path: Path) -> None:
    assert report(tmp_path, manifest(ECHO.format("<url>https://a.example/echo</url>"))).valid
    found = report(tmp_path, manifest(ECHO.format("<url>http://a.example/echo</url>")))
    assert [(fault.path, fault.line) for fault in found.faults] == [("/manifest/host/apis-implemented/echo/url", 7)]
    assert "starts with https://" in found.faults[0].message


def test_entries_without_a_schema_are_listed_as_unchecked(tmp_path: Path) -> None:
    unknown = '<x xmlns="urn:example"/>'
    entry = f'<of-next-year xmlns="{EWP}api-of-next-year/blob/stable-v1/manifest-entry.xsd" version="1.0.0"/>'
    found = report(tmp_path, manifest(entry, entry, unknown))
    assert found.valid
    assert found.unchecked == (
        "Of Next Year manifest-entry, API version 1",
        "not an EWP document: the root element is <x> in the namespace urn:example",
    )


def test_the_manifest_itself_and_its_entries_are_both_reported(tmp_path: Path) -> None:
    text = manifest(ECHO.format("")).replace("<ewp:admin-provider>North</ewp:admin-provider>", "")
    assert [fault.path for fault in report(tmp_path, text).faults] == [
        "/manifest/host/admin-provider",
        "/manifest/host/apis-implemented/echo/url",
    ]


def test_the_faults_of_many_entries_are_bounded(tmp_path: Path) -> None:
    assert len(report(tmp_path, manifest(ECHO.format("") * 300)).faults) <= 60


def test_the_published_catalogue_and_manifest_are_valid(shared: Path) -> None:
    examples = shared / "ewp-reference" / "examples"
    for name in ("ewp-specs-api-registry-catalogue-example.xml", "ewp-specs-api-discovery-manifest-example.xml"):
        found = validate_file(examples / name)
        assert found.faults == (), name


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"<r>" * 500, b"\0" * 100])
def test_hostile_files_are_reported_not_raised(tmp_path: Path, content: bytes) -> None:
    assert not report(tmp_path, content).valid
