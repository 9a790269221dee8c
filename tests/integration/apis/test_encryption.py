"""Bodies encrypted by ewp-rsa-aes128gcm, where the settings offer it (ewp-specs-sec-{req,res}encr-rsa-aes128gcm)."""

from __future__ import annotations

from pathlib import Path

from lxml import etree
from support.authority import key_of
from support.callers import Caller, Draft, Reply, calling
from support.nodes import RunningNode, running_node

from ewpgw.apis.discovery import build
from ewpgw.documents.schemas import default as schemas
from ewpgw.security import encryption

SOUTH, NORTH = key_of("south.example"), key_of("north.example")


def encrypted(caller: Caller, node: RunningNode, text: bytes) -> Draft:
    """A request to the echo whose body only the node can read."""
    headers = {"Content-Encoding": encryption.CODING}
    return caller.draft(node.url("/echo/v2"), body=encryption.encrypt(text, NORTH.public), headers=headers)


def decrypted(reply: Reply) -> etree._Element:
    assert encryption.is_encrypted(reply.headers)
    return etree.fromstring(encryption.decrypt(reply.body, {SOUTH.public.fingerprint: SOUTH}))


async def test_an_encrypted_request_is_understood(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/n.db", tmp_path, encryption=True) as node:
        async with calling(SOUTH, NORTH.public) as south:
            draft = encrypted(south, node, b"echo=secret")
            assert b"secret" not in draft.body
            assert (await south.send(draft)).texts("echo") == ["secret"]


async def test_a_response_is_encrypted_for_the_caller_who_asks(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/n.db", tmp_path, encryption=True) as node:
        async with calling(SOUTH, NORTH.public) as south:
            wish = {"Accept-Encoding": encryption.CODING}
            reply = await south.send(south.draft(node.url("/echo/v2"), [("echo", "secret")], headers=wish))
            assert b"secret" not in reply.body
            assert [element.text for element in decrypted(reply).iter("{*}echo")] == ["secret"]
            refusal = await south.send(south.draft(node.url("/iias/v7/get"), headers=wish))
            assert refusal.status == 400
            assert "iia_id" in (decrypted(refusal).findtext("{*}developer-message") or "")


async def test_what_cannot_be_decrypted_is_400(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/n.db", tmp_path, encryption=True) as node:
        async with calling(SOUTH, NORTH.public) as south:
            good = encryption.encrypt(b"echo=1", NORTH.public)
            for body in (b"", good[:-1], encryption.encrypt(b"echo=1", SOUTH.public)):
                headers = {"Content-Encoding": encryption.CODING}
                reply = await south.send(south.draft(node.url("/echo/v2"), body=body, headers=headers))
                assert reply.status == 400
                assert reply.developer_message


async def test_a_node_that_does_not_offer_it_says_so(tmp_path: Path) -> None:
    async with running_node(f"sqlite:///{tmp_path}/n.db", tmp_path) as node:
        async with calling(SOUTH, NORTH.public) as south:
            reply = await south.send(encrypted(south, node, b"echo=1"))
            assert reply.status == 415
            assert "manifest" in reply.developer_message
            wish = south.draft(node.url("/echo/v2"), headers={"Accept-Encoding": encryption.CODING})
            assert not encryption.is_encrypted((await south.send(wish)).headers)


async def test_the_manifest_offers_it_exactly_where_it_runs(tmp_path: Path) -> None:
    for offered in (False, True):
        folder = tmp_path / str(offered)
        folder.mkdir()
        async with running_node(f"sqlite:///{folder}/n.db", folder, encryption=offered) as node:
            manifest = etree.fromstring(build(node.node))
            assert schemas().faults(manifest) == []
            listed = {etree.QName(element).localname for element in manifest.iter()}
            assert ("ewp-rsa-aes128gcm" in listed) is offered
            assert ("request-encryption-methods" in listed) is offered
