"""A document published with the specification crosses the network: from one system's folder into the other's inbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree
from support.authority import key_of
from support.callers import calling
from support.closed_network import ClosedNetwork
from support.processes import ewpgw, until

from ewpgw.documents.parsing import parse
from ewpgw.documents.schemas import default as schemas
from ewpgw.model.iia import Iia
from ewpgw.model.iia_compare import same_content

NAME = "ewp-reference/examples/ewp-specs-api-iias-endpoints-get-response-example.xml"
IIA_ID = "0f7a5682-faf7-49a7-9cc7-ec486c49a281"
IIA_HASH = "e950faa83a799cf45839e7915db88ed51575babe7845c1219dfde54ce30a61e4"
IIAS = "{https://github.com/erasmus-without-paper/ewp-specs-api-iias/blob/stable-v7/endpoints/get-response.xsd}"


@pytest.fixture(scope="module")
def published(shared: Path) -> bytes:
    return (shared / NAME).read_bytes()


@pytest.fixture(scope="module")
def received(network: ClosedNetwork, published: bytes) -> Path:
    """What arrives at hibo.no's system, without its suffix, once uw.edu.pl's has handed the document in."""
    (network["north"].data("uw.edu.pl") / "iias" / "agreement with Bodø.xml").write_bytes(published)
    found = network["south"].inbox("hibo.no", "uw.edu.pl") / IIA_ID
    until(lambda: found.with_suffix(".json").exists(), f"{found}.json")
    return found


def _agreement(document: bytes) -> etree._Element:
    (found,) = parse(document).iterchildren(f"{IIAS}iia")
    return found


def _elements(root: etree._Element) -> Iterator[tuple[object, ...]]:
    """Every element in document order: its path, attributes and text."""
    tree = root.getroottree()
    for element in root.iter():
        text = (element.text or "").strip() if len(element) else element.text
        yield tree.getelementpath(element), dict(element.attrib.items()), text


def test_a_published_agreement_arrives_element_by_element(received: Path, published: bytes) -> None:
    arrived = received.with_suffix(".xml").read_bytes()
    assert list(_elements(_agreement(arrived))) == list(_elements(_agreement(published)))
    assert schemas().faults(parse(arrived)) == []


def test_the_published_agreement_keeps_its_hash_on_the_way(
    received: Path, network: ClosedNetwork, published: bytes
) -> None:
    stated = _agreement(received.with_suffix(".xml").read_bytes()).findtext(f"{IIAS}iia-hash")
    assert stated == IIA_HASH == _agreement(published).findtext(f"{IIAS}iia-hash")
    copy = network["south"].sis.copy("hibo.no", "uw.edu.pl", IIA_ID)
    assert (copy["hash"], copy["our_id"]) == (IIA_HASH, "1954991")
    done = ewpgw("iia", "hash", "--json", received.with_suffix(".xml"))
    (row,) = json.loads(done.stdout)
    assert (row["iia_id"], row["computed"], row["agree"]) == (IIA_ID, IIA_HASH, True)


def test_the_system_gets_the_agreement_in_json_with_the_same_content(received: Path, published: bytes) -> None:
    arrived = Iia.model_validate(json.loads(received.with_suffix(".json").read_text(encoding="utf-8")))
    original = Iia.from_tree(_agreement(published))
    assert same_content(arrived, original)
    assert arrived == original


async def test_the_agreement_is_served_to_nobody_but_its_partner(received: Path, network: ClosedNetwork) -> None:
    url = network["north"].url("/iias/v7/get", "uw.edu.pl")
    served = {}
    for hei_id in ("hibo.no", "south.example", "north.example"):
        async with calling(key_of(hei_id), key_of("uw.edu.pl").public) as caller:
            reply = await caller.post(url, ("iia_id", IIA_ID))
        assert reply.status == 200
        served[hei_id] = reply.texts("iia-hash")
    assert served == {"hibo.no": [IIA_HASH], "south.example": [], "north.example": []}
