"""The schemas: the folder they are in, and deciding what is valid."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lxml import etree

from ewpgw import resources
from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import Schemas, UnknownDocument, default
from ewpgw.documents.wording import PATTERNS

XS = "{http://www.w3.org/2001/XMLSchema}"
IIAS = "https://github.com/erasmus-without-paper/ewp-specs-api-iias/blob/stable-v7/endpoints/get-response.xsd"
INDEX = "https://github.com/erasmus-without-paper/ewp-specs-api-iias/blob/stable-v7/endpoints/index-response.xsd"
FILES = sorted(resources.folder("schemas").rglob("*.xsd"))


def index_response(ids: str) -> etree._Element:
    return parse(f'<iias-index-response xmlns="{INDEX}">{ids}</iias-index-response>'.encode())


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_each_schema_compiles_on_its_own_from_disk(path: Path) -> None:
    etree.XMLSchema(file=str(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_each_import_leads_to_the_right_file_of_the_folder(path: Path) -> None:
    for node in etree.parse(str(path)).getroot().iter(f"{XS}import"):
        location = path.parent / str(node.get("schemaLocation"))
        assert resources.folder("schemas") in location.resolve().parents
        assert etree.parse(str(location)).getroot().get("targetNamespace") == node.get("namespace")


def test_each_namespace_is_declared_by_one_file_only() -> None:
    assert len(default().namespaces) == len(FILES)


def test_every_pattern_of_the_schemas_has_plain_words() -> None:
    patterns = {node.get("value") for path in FILES for node in etree.parse(str(path)).getroot().iter(f"{XS}pattern")}
    assert patterns - PATTERNS.keys() == set()


def test_catalogue_and_manifest_do_not_know_the_entries_of_the_apis() -> None:
    for name in ("discovery/6/manifest.xsd", "registry/1/catalogue.xsd"):
        text = (resources.folder("schemas") / name).read_text()
        assert "manifest-entry" not in text


def test_a_valid_document_is_valid_and_has_no_faults(schemas: Schemas, agreement: str) -> None:
    root = parse(agreement.encode())
    assert schemas.is_valid(root)
    assert schemas.faults(root) == []


def test_an_invalid_document_is_invalid_and_has_faults(schemas: Schemas, agreement: str) -> None:
    root = parse(agreement.replace("<blended>true</blended>", "").encode())
    assert not schemas.is_valid(root)
    assert schemas.faults(root)


def test_the_published_examples_are_valid(shared: Path, schemas: Schemas) -> None:
    checked = set()
    for path in sorted((shared / "ewp-reference" / "examples").glob("*.xml")):
        root = parse(path.read_bytes())
        namespace = str(etree.QName(root).namespace)
        if namespace in schemas.namespaces:
            assert schemas.faults(root) == [], path.name
            checked.add(etree.QName(root).localname)
    assert {"manifest", "catalogue", "institutions-response", "ounits-response", "iias-get-response"} <= checked


@pytest.mark.parametrize("document", [b"<r/>", b'<r xmlns="urn:example"/>'])
def test_a_document_without_a_schema_is_named(schemas: Schemas, document: bytes) -> None:
    root = parse(document)
    for check in (schemas.is_valid, schemas.faults):
        with pytest.raises(UnknownDocument) as caught:
            check(root)
        assert caught.value.root == root.tag
    with pytest.raises(UnknownDocument):
        schemas.xsd("urn:example")


def test_a_folder_of_ones_own_is_indexed_without_compiling(tmp_path: Path) -> None:
    (tmp_path / "broken.xsd").write_text(f'<s:schema xmlns:s="{XS[1:-1]}" targetNamespace="urn:b"><oops/></s:schema>')
    schemas = Schemas(tmp_path)
    assert schemas.namespaces == {"urn:b"}
    with pytest.raises(etree.XMLSchemaParseError):
        schemas.xsd("urn:b")


def test_an_element_inside_a_document_can_be_validated_alone(schemas: Schemas, agreement: str) -> None:
    condition = parse(agreement.replace("<blended>true</blended>", "").encode()).find(f".//{{{IIAS}}}blended/..")
    assert condition is not None
    assert schemas.is_valid(condition)
    second = condition.getnext()
    assert second is not None
    assert [fault.path for fault in schemas.faults(second)] == [
        "/iias-get-response/iia/cooperation-conditions/student-studies-mobility-spec[2]/blended"
    ]


@pytest.mark.parametrize("count", [1, 1999, 2000, 30_000])
def test_documents_of_any_size_are_decided(schemas: Schemas, count: int) -> None:
    assert schemas.is_valid(index_response("<iia-id>a</iia-id>" * count))
    assert not schemas.is_valid(index_response("<iia-id>a</iia-id>" * count + "<iia-id/>"))
    assert not schemas.is_valid(index_response("<iia-id>a</iia-id>" * count + "<other/>"))


def test_a_large_document_that_breaks_off_is_refused(schemas: Schemas) -> None:
    registry = "https://github.com/erasmus-without-paper/ewp-specs-api-registry/tree/stable-v1"
    hosts = parse(f'<catalogue xmlns="{registry}">{"<host/>" * 12_000}</catalogue>'.encode())
    assert not schemas.is_valid(hosts)
    assert "an element is missing in <catalogue>; expected is <host> or <institutions>" in {
        fault.message for fault in schemas.faults(hosts)
    }


def test_a_large_document_with_a_fault_in_each_element_is_still_explained(schemas: Schemas) -> None:
    # With a place for each fault, libxml2 would need minutes for this one.
    faults = schemas.faults(index_response("<iia-id/>" * 200_000))
    assert faults[0].message.startswith("'' is not allowed in <iia-id>: 1 to 64 printable ASCII characters")
    assert "only its first faulty part" in faults[-1].message
    assert len(faults) < 60


def test_an_element_of_very_many_attributes_is_refused(schemas: Schemas) -> None:
    attributes = " ".join(f'a{number}=""' for number in range(50_000))
    faults = schemas.faults(index_response(f"<iia-id {attributes}>a</iia-id>"))
    assert "'a0'" in faults[0].message
    assert len(faults) < 60


def test_one_schema_is_compiled_at_a_time_in_the_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """libxml2 crashes where two threads compile the first ones at once; here the second comes in vain, or it meets."""
    both = threading.Barrier(2)

    def compiled(*, file: str) -> str:
        try:
            both.wait(timeout=0.3)
        except threading.BrokenBarrierError:
            return f"{file}, alone"
        return f"{file}, beside another"

    monkeypatch.setattr(etree, "XMLSchema", compiled)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda namespace: str(Schemas().xsd(namespace)), [IIAS, INDEX]))
    assert [each.rpartition(", ")[2] for each in found] == ["alone", "alone"]


def test_threads_do_not_disturb_one_another(schemas: Schemas) -> None:
    good, bad = "<iia-id>a</iia-id>" * 50, "<iia-id>a</iia-id>" * 50 + "<iia-id/>"

    def check(number: int) -> bool:
        root = index_response(bad if number % 2 else good)
        return schemas.is_valid(root) == (number % 2 == 0) and len(schemas.faults(root)) == number % 2

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, range(200)))


def test_the_explainer_is_not_imported_until_it_is_needed() -> None:
    code = "import sys, ewpgw.documents.validation as v; v.default(); print('xmlschema' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
