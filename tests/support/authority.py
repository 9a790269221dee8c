"""A certificate authority of the test run's own, and keys that are made once."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

import trustme

from ewpgw.security.keys import PrivateKey, generate, write_private_key


@cache
def authority() -> trustme.CA:
    """The authority that every member of a test network trusts."""
    return trustme.CA()


@cache
def _server() -> trustme.LeafCert:
    return authority().issue_cert("localhost", "127.0.0.1")


@cache
def key_of(member: str) -> PrivateKey:
    """A member's key pair, the same throughout the run: making one takes a tenth of a second."""
    return generate()


def server_tls() -> ssl.SSLContext:
    """The server side of TLS for ``localhost``."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _server().configure_cert(context)
    return context


def client_tls() -> ssl.SSLContext:
    """Trusts the test run's authority and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)
    return context


def write_files(folder: Path, *members: str) -> None:
    """The authority, the server certificate and the members' keys as files: ca.pem, server.pem, <member>.pem."""
    folder.mkdir(parents=True, exist_ok=True)
    authority().cert_pem.write_to_path(str(folder / "ca.pem"))
    _server().private_key_pem.write_to_path(str(folder / "server.key"))
    for number, blob in enumerate(_server().cert_chain_pems):
        blob.write_to_path(str(folder / "server.pem"), append=number > 0)
    for member in members:
        write_private_key(folder / f"{member}.pem", key_of(member))
