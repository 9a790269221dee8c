"""Whether the catalogue lists a covered HEI as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.nodes import identity_of, utc_now

from ewpgw.identity import Identity
from ewpgw.network.catalogue import Catalogue
from ewpgw.network.membership import missing
from ewpgw.security.keys import generate

from .test_catalogue import document, host


@pytest.fixture
def north(tmp_path: Path) -> Identity:
    return identity_of("north.example", "https://ewp.north.example/north.example", tmp_path)


def said(hosts: str, north: Identity) -> str | None:
    return missing(Catalogue.read(document(hosts)), north, utc_now())


def test_a_hei_whose_signing_key_is_listed_on_both_sides_lacks_nothing(north: Identity) -> None:
    key = north.keys[0].public.fingerprint
    assert said(host("north.example", client=(key,), server=(key,)), north) is None
    two_hosts = host("north.example", client=(key,)) + host("north.example", server=(key,))
    assert said(two_hosts, north) is None


def test_a_hei_that_no_host_covers_is_said_to_be_missing(north: Identity) -> None:
    key = north.keys[0].public.fingerprint
    words = said(host("south.example", client=(key,), server=(key,)), north)
    assert words is not None
    assert words.startswith("the catalogue does not list north.example, so partners refuse its requests; the registry")


@pytest.mark.parametrize(
    ("client", "server", "sides"),
    [(False, False, "client or server"), (False, True, "client"), (True, False, "server")],
)
def test_a_signing_key_that_is_not_listed_is_said_to_be_missing(
    client: bool, server: bool, sides: str, north: Identity
) -> None:
    key, former = north.keys[0].public.fingerprint, generate().public.fingerprint
    words = said(host("north.example", client=(key if client else former,), server=(key if server else former,)), north)
    assert words is not None
    assert f"lists north.example, but not as a {sides} key the one that signs at present ({key[:16]}" in words
