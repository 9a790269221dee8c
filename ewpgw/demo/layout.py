"""The demonstration network's folder: certificates, keys, configurations and data, laid out from ``config/demo``."""

from __future__ import annotations

import fcntl
import getpass
import os
import random
import re
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

import trustme

from ewpgw.resources import folder as shipped
from ewpgw.security.keys import generate, write_private_key

MEMBERS = ("north", "south", "tester")
_PORT = re.compile(r"\b184[45][0-9]\b")
_SHIPPED_PORTS = (18440, 18441, 18442, 18443, 18451, 18452)
_OURS = ("tls", "keys", "data", "logs", "papers")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is. ``ports`` maps the ports that ``config/demo`` names to those in use here."""

    root: Path
    ports: dict[int, int]

    @property
    def ca_file(self) -> Path:
        """The certificate authority that every member trusts."""
        return self.root / "tls" / "ca.pem"

    def key_file(self, member: str) -> Path:
        """A member's private key."""
        return self.root / "keys" / f"{member}.pem"

    def data(self, member: str) -> Path:
        """The folder that stands for a member's own system."""
        return self.root / "data" / member

    @property
    def papers(self) -> Path:
        """The folder for what is printed in the story."""
        return self.root / "papers"

    def log(self, name: str) -> Path:
        """Where a process writes its log."""
        return self.root / "logs" / f"{name}.log"

    def base_url(self, member: str) -> str:
        """The base of a member's endpoints."""
        port = self.ports[{"north": 18441, "south": 18442, "tester": 18443}[member]]
        return f"https://localhost:{port}/{member}.example"

    def manifest_url(self, member: str) -> str:
        """Where a member's manifest is served."""
        return f"{self.base_url(member)}/discovery/v6"

    def sis_url(self, member: str) -> str:
        """The base of a gateway's SIS API."""
        return f"http://127.0.0.1:{self.ports[{'north': 18451, 'south': 18452}[member]]}"

    @property
    def registry_url(self) -> str:
        """The registry's own pages."""
        return f"https://localhost:{self.ports[18440]}"

    @property
    def catalogue_url(self) -> str:
        """Where the registry serves the catalogue."""
        return f"{self.registry_url}/catalogue-v1.xml"


def prepare(root: Path) -> Layout:
    """Lays a fresh network out below ``root``; what an earlier demonstration left there is removed first.

    The shipped configurations name fixed ports; each that is taken on this machine is replaced by a free one.
    """
    root.mkdir(parents=True, exist_ok=True)
    _clear(root)
    for name in _OURS:
        (root / name).mkdir()
    _issue_certificates(root / "tls")
    for member in MEMBERS:
        write_private_key(root / "keys" / f"{member}.pem", generate())
    ports = _ports_in_use()
    for source in sorted(shipped("config").joinpath("demo").glob("*.yaml")):
        text = _PORT.sub(lambda match: str(ports[int(match[0])]), source.read_text(encoding="utf-8"))
        (root / source.name).write_text(text, encoding="utf-8")
    for member in ("north", "south"):
        (root / "data" / member / "iias").mkdir(parents=True)
    return Layout(root, ports)


def bring_data(layout: Layout, member: str) -> list[str]:
    """Puts a member's own data into its folder, as its system's export would; the names of the files."""
    source = shipped("config") / "demo" / "data" / member
    names = []
    for path in sorted(source.rglob("*.json")):
        target = layout.data(member) / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        names.append(str(path.relative_to(source)))
    return names


def _clear(root: Path) -> None:
    for name in _OURS:
        shutil.rmtree(root / name, ignore_errors=True)
    for path in [*root.glob("*.db*"), *root.glob("*.yaml"), root / "network.json"]:
        path.unlink(missing_ok=True)


def _issue_certificates(folder: Path) -> None:
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    server.private_key_pem.write_to_path(str(folder / "server.key"))
    (folder / "server.key").chmod(0o600)
    for number, blob in enumerate(server.cert_chain_pems):
        blob.write_to_path(str(folder / "server.pem"), append=number > 0)


def _ports_in_use() -> dict[int, int]:
    """The shipped ports where all are free and the only demonstration here, else others.

    The others lie below those that the system hands out by itself, and far apart from another demonstration's.
    """
    if _is_the_only_one() and all(_is_free(port) for port in _SHIPPED_PORTS):
        return {port: port for port in _SHIPPED_PORTS}
    while True:
        first = random.randrange(10_000, 32_000, 20)  # noqa: S311 (avoids others, guards nothing)
        ports = {port: first + number for number, port in enumerate(_SHIPPED_PORTS)}
        if all(_is_free(port) for port in ports.values()):
            return ports


def _is_the_only_one() -> bool:
    """Whether no other demonstration of this user runs; holds a lock until the process ends."""
    name = f"ewpgw-demo-{getpass.getuser()}.lock"
    lock = os.open(Path(tempfile.gettempdir()) / name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
