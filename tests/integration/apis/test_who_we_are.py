"""Institutions, Organizational Units and the manifest."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest
from lxml import etree
from support.authority import client_tls, key_of
from support.callers import Caller, calling
from support.documents import institution, ounit
from support.nodes import RunningNode, running_node

from ewpgw.apis.running import APIS, IncompleteFamily, chosen
from ewpgw.documents.schemas import default as schemas
from ewpgw.records import Incoming

INSTITUTIONS, UNITS, MANIFEST = "/institutions/v2", "/organizational-units/v2", "/discovery/v6"


async def manifest_of(node: RunningNode) -> etree._Element:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=client_tls())) as session:
        async with session.get(node.url(MANIFEST)) as response:
            assert response.status == 200
            return etree.fromstring(await response.read())


async def test_without_a_record_the_institution_is_served_from_the_settings(node: RunningNode, south: Caller) -> None:
    reply = await south.get(node.url(INSTITUTIONS), ("hei_id", "north.example"))
    assert schemas().faults(reply.root) == []
    assert reply.texts("name") == ["University of north.example"]
    assert reply.texts("other-id") == ["X NORTH.EXAMPLE"]


async def test_the_institutions_own_record_comes_first(node: RunningNode, south: Caller) -> None:
    incoming = Incoming(None, document=institution("north.example"))
    assert (await node.records.put("north.example", "institutions", incoming, source="test")).result == "created"
    reply = await south.get(node.url(INSTITUTIONS), ("hei_id", "north.example"), ("hei_id", "north.example"))
    assert schemas().faults(reply.root) == []
    assert reply.texts("abbreviation") == ["TFN"], "an id asked for twice is answered once"


async def test_unknown_institutions_are_left_out(node: RunningNode, south: Caller) -> None:
    reply = await south.get(node.url(INSTITUTIONS), ("hei_id", "nowhere.example"), ("hei_id", "NORTH.example"))
    assert (reply.status, len(reply.root)) == (200, 0)


async def test_units_are_found_by_id_and_by_code(node: RunningNode, south: Caller) -> None:
    for unit in (ounit("u1", "MATH"), ounit("u2", "PHYS")):
        outcome = await node.records.put(
            "north.example", "organizational-units", Incoming(None, document=unit), source="test"
        )
        assert outcome.result == "created", outcome
    hei = ("hei_id", "north.example")
    by_id = await south.post(node.url(UNITS), hei, ("ounit_id", "u2"), ("ounit_id", "nope"))
    assert schemas().faults(by_id.root) == []
    assert by_id.texts("ounit-code") == ["PHYS"]
    by_code = await south.post(node.url(UNITS), hei, ("ounit_code", "MATH"), ("ounit_code", "math"))
    assert by_code.texts("ounit-id") == ["u1"]
    await node.records.delete("north.example", "organizational-units", "u1", source="test")
    assert len((await south.post(node.url(UNITS), hei, ("ounit_code", "MATH"))).root) == 0


async def test_units_of_another_hei_are_400(node: RunningNode, south: Caller) -> None:
    reply = await south.get(node.url(UNITS), ("hei_id", "west.example"), ("ounit_id", "u1"))
    assert reply.status == 400
    assert "west.example" in reply.developer_message


async def test_both_ids_and_codes_of_units_are_400(node: RunningNode, south: Caller) -> None:
    reply = await south.get(node.url(UNITS), ("hei_id", "north.example"), ("ounit_id", "u1"), ("ounit_code", "c"))
    assert reply.status == 400
    assert "exactly one" in reply.developer_message


async def test_the_manifest_is_valid_and_lists_exactly_what_runs(node: RunningNode) -> None:
    root = await manifest_of(node)
    assert schemas().faults(root) == []
    entries = [entry for entry in root.iter() if entry.get("version")]
    assert [etree.QName(entry).localname for entry in entries] == [api.name for api in APIS]
    for entry, api in zip(entries, APIS, strict=True):
        assert schemas().faults(entry) == []
        assert etree.QName(entry).namespace == api.namespace
        urls = {element.text for element in entry if element.tag.endswith("url")}
        assert urls == {node.url(api.path(endpoint)) for endpoint in api.endpoints}


async def test_every_url_of_the_manifest_answers(node: RunningNode, south: Caller) -> None:
    root = await manifest_of(node)
    for element in root.iter():
        if element.tag.endswith("url") and element.text and "discovery" not in element.text:
            reply = await south.post(element.text)
            assert reply.status in (200, 400, 405, 415), "an endpoint, though it may want parameters"


async def test_the_manifest_offers_httpsig_clients_and_tlscert_and_httpsig_servers(node: RunningNode) -> None:
    root = await manifest_of(node)
    entry = next(element for element in root.iter() if etree.QName(element).localname == "iias")
    security = entry.find("{*}http-security")
    assert security is not None
    methods = {
        etree.QName(aspect).localname: [etree.QName(method).localname for method in aspect] for aspect in security
    }
    assert methods == {"client-auth-methods": ["httpsig"], "server-auth-methods": ["tlscert", "httpsig"]}


async def test_the_manifest_publishes_the_keys_for_both_roles(node: RunningNode) -> None:
    root = await manifest_of(node)
    for role in ("client", "server"):
        keys = root.findall(f".//{{*}}{role}-credentials-in-use/{{*}}rsa-public-key")
        fingerprints = [sha256(b64decode(key.text or "")).hexdigest() for key in keys]
        assert fingerprints == [key_of("north.example").public.fingerprint]


async def test_only_chosen_apis_run_and_are_listed(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/n.db", tmp_path, apis=chosen([])) as node:
        listed = [etree.QName(e).localname for e in (await manifest_of(node)).iter() if e.get("version")]
        assert listed == ["discovery", "echo", "institutions"]
        async with calling(key_of("south.example"), key_of("north.example").public) as south:
            assert (await south.get(node.url("/iias/v7/index"))).status == 404


AGREEMENTS = ("iias", "iia-cnr", "iias-approval", "iia-approval-cnr", "factsheet")


NOMINATIONS = ("omobilities", "omobility-cnr", "omobility-stats", "imobilities", "imobility-cnr")


@pytest.mark.parametrize(
    ("family", "left_out"), [(family, name) for family in (AGREEMENTS, NOMINATIONS) for name in family]
)
def test_half_a_family_cannot_be_chosen(family: tuple[str, ...], left_out: str) -> None:
    rest = [name for name in family if name != left_out]
    with pytest.raises(IncompleteFamily, match=f"^{left_out} must run too"):
        chosen([*rest, "file"])


@pytest.mark.parametrize("family", [AGREEMENTS, NOMINATIONS])
def test_what_may_refer_to_files_cannot_run_without_them(family: tuple[str, ...]) -> None:
    with pytest.raises(IncompleteFamily, match=r"^file must run too"):
        chosen(family)
    assert {api.name for api in chosen([*family, "file"])} >= {*family, "file"}


def test_an_api_that_is_chosen_runs_in_all_its_versions() -> None:
    running = [(api.name, api.major) for api in chosen([*NOMINATIONS, "file"]) if api.name in NOMINATIONS]
    assert sorted(running) == [
        ("imobilities", 1),
        ("imobilities", 2),
        ("imobility-cnr", 1),
        ("imobility-cnr", 2),
        ("omobilities", 2),
        ("omobilities", 3),
        ("omobility-cnr", 1),
        ("omobility-cnr", 2),
        ("omobility-stats", 1),
    ]


def test_files_can_be_served_for_themselves() -> None:
    assert [api.name for api in chosen(["file"])] == ["discovery", "echo", "institutions", "file"]
