"""A folder with a configuration that is right, which each test makes wrong in one way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import trustme

from ewpgw.config import ConfigFault, ConfigFaults, Knowledge, Settings, load
from ewpgw.security import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

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


@dataclass
class Case:
    """A configuration file in a folder of its own."""

    folder: Path

    def write(self, text: str) -> Path:
        path = self.folder / "ewpgw.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, text: str, environ: Mapping[str, str] | None = None, knowledge: Knowledge | None = None) -> Settings:
        return load(self.write(text), environ or {}, knowledge=knowledge)

    def faults(
        self, text: str, environ: Mapping[str, str] | None = None, knowledge: Knowledge | None = None
    ) -> tuple[ConfigFault, ...]:
        with pytest.raises(ConfigFaults) as caught:
            self.load(text, environ, knowledge)
        return caught.value.faults

    def fault(
        self, text: str, environ: Mapping[str, str] | None = None, knowledge: Knowledge | None = None
    ) -> ConfigFault:
        """The only fault there is."""
        found = self.faults(text, environ, knowledge)
        assert len(found) == 1, "\n".join(map(str, found))
        return found[0]


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
def changed() -> Callable[[str, str], str]:
    """The right configuration with one text replaced by another."""

    def change(old: str, new: str) -> str:
        assert old in RIGHT
        return RIGHT.replace(old, new)

    return change
