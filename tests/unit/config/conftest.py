"""A folder with a configuration that is right, which each test makes wrong in one way."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from support.configurations import Case, Change

from ewpgw.security import keys

RIGHT = """\
network:
  port: 8443
  tls:
    certificate: chain.pem
    key: tls.pem
heis:
  - id: north.example
    public_url: https://ewp.north.example/north.example
    names:
      - text: University of the North
        lang: en
    admin_emails: [ewp@north.example]
    admin_provider: North
    keys:
      - file: north.pem
"""

SECOND = """\
  - id: south.example
    public_url: https://ewp.north.example/south.example
    names: [{text: South College}]
    admin_emails: [ewp@south.example]
    admin_provider: North
    keys: [{file: south.pem}]
"""


@pytest.fixture(scope="session")
def made_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two HEIs' keys and a server certificate, made once."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("north", "south"):
        keys.write_private_key(folder / f"{name}.pem", keys.generate())
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("ewp.north.example")
    for number, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(folder / "chain.pem", append=number > 0)
    certificate.private_key_pem.write_to_path(folder / "tls.pem")
    return folder


@pytest.fixture
def case(made_files: Path, tmp_path: Path) -> Case:
    for path in made_files.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / path.name).chmod(0o600)
    return Case(tmp_path)


@pytest.fixture
def right() -> str:
    """A configuration of one HEI without a fault."""
    return RIGHT


@pytest.fixture
def two() -> str:
    """A configuration of two HEIs without a fault."""
    return RIGHT + SECOND


@pytest.fixture
def changed() -> Change:
    """The right configuration with one text replaced by another."""

    def change(old: str, new: str) -> str:
        assert old in RIGHT
        return RIGHT.replace(old, new)

    return change
