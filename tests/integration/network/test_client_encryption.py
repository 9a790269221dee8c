"""Calls to partners that demand encrypted bodies: both directions, against a node that offers the encryption."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from support.nodes import running_node
from support.outgoing import NORTH, Clock, outgoing
from support.partners import catalogue_with, without_method

from ewpgw.apis.discovery import DISCOVERY, build
from ewpgw.registry.manifest import read_manifest
from ewpgw.security import encryption

SOUTH = "south.example"


async def test_a_partner_that_takes_nothing_but_encrypted_bodies_is_called_so(tmp_path: Path) -> None:
    clock = Clock(datetime.now(UTC))
    async with (
        running_node(
            f"sqlite:///{tmp_path}/south.db", tmp_path, hei_id=SOUTH, others=(NORTH,), encryption=True
        ) as node,
        outgoing(f"sqlite:///{tmp_path}/north.db", tmp_path, clock) as north,
    ):
        manifest = read_manifest(node.url(DISCOVERY.path(DISCOVERY.endpoints[0])), build(node.node))
        for aspect in ("request-encryption", "response-encryption"):
            manifest = without_method(manifest, aspect, "tls")
        north.catalogue = catalogue_with(manifest)
        answer = await north.client.call(NORTH, SOUTH, "echo", 2, "", [("echo", "secret")])
        assert b"<echo>secret</echo>" in answer.body
        assert answer.signed
        (exchange,) = await north.exchanged()
        assert b"secret" not in exchange.request_body
        assert b"secret" not in exchange.response_body
        assert encryption.is_encrypted(exchange.response_headers)
        assert exchange.verdict == "verified"


async def test_a_partner_that_takes_plain_bodies_too_is_sent_plain_ones(tmp_path: Path) -> None:
    clock = Clock(datetime.now(UTC))
    async with (
        running_node(
            f"sqlite:///{tmp_path}/south.db", tmp_path, hei_id=SOUTH, others=(NORTH,), encryption=True
        ) as node,
        outgoing(f"sqlite:///{tmp_path}/north.db", tmp_path, clock) as north,
    ):
        north.catalogue = node.catalogue
        await north.client.call(NORTH, SOUTH, "echo", 2, "", [("echo", "open")])
        (exchange,) = await north.exchanged()
        assert exchange.request_body == b"echo=open"
