"""What keeps a gateway or a registry from starting is told in plain lines, and nothing is left half started."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.authority import write_files
from support.closed_network import free_port, listens
from support.processes import ewpgw


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """A right configuration, to be spoiled."""
    write_files(tmp_path / "tls", "north.example")
    tls = {"certificate": "tls/server.pem", "key": "tls/server.key"}
    return {
        "network": {"host": "127.0.0.1", "port": free_port(), "tls": tls},
        "sis": {"port": free_port()},
        "store": {"url": "sqlite:///north.db"},
        "heis": [
            {
                "id": "north.example",
                "public_url": "https://localhost/north.example",
                "names": [{"text": "North"}],
                "admin_emails": ["ewp@north.example"],
                "admin_provider": "Tests",
                "keys": [{"file": "tls/north.example.pem"}],
            }
        ],
    }


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something else listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


def _serve(folder: Path, config: dict[str, Any], command: str = "serve") -> list[str]:
    """What the command complains of, besides its log, which a new database leaves at level info.

    It must end by itself, with exit code 1 and nothing on standard output.
    """
    (folder / "ewpgw.yaml").write_text(json.dumps(config))
    done = ewpgw(command, "--config", "ewpgw.yaml", cwd=folder, seconds=60)
    assert (done.returncode, done.stdout) == (1, ""), done
    return [line for line in done.stderr.splitlines() if not (line.startswith("{") and '"level": "info"' in line)]


def test_every_fault_of_the_configuration_is_one_line_and_nothing_starts(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    config["network"]["prot"] = 1
    config["sis"]["port"] = 99_999
    config["heis"][0]["keys"][0]["file"] = "tls/gone.pem"
    config["heis"][0]["adapter"] = {"kind": "fodler"}
    lines = _serve(tmp_path, config)
    assert len(lines) == 4
    for place in ("network.prot", "sis.port", "heis[0].keys[0].file", "heis[0].adapter.kind"):
        (line,) = [line for line in lines if f" {place} " in line]
        assert "ewpgw.yaml" in line
    assert not listens(config["network"]["port"])
    assert not (tmp_path / "north.db").exists()


@pytest.mark.parametrize("section", ["network", "sis"])
def test_a_port_in_use_is_told_in_one_line(tmp_path: Path, config: dict[str, Any], taken: int, section: str) -> None:
    config[section]["port"] = taken
    (line,) = _serve(tmp_path, config)
    assert line.startswith(f"{section}.host and {section}.port: cannot listen on 127.0.0.1:{taken}: ")
    assert "in use" in line
    assert not listens(config["network"]["port"]) or section == "network"


@pytest.mark.parametrize("url", ["sqlite:///nowhere/at/all.db", "postgresql://x@127.0.0.1:1/x"])
def test_a_database_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, config: dict[str, Any], url: str) -> None:
    config["store"]["url"] = url
    (line,) = _serve(tmp_path, config)
    assert "is not available: " in line
    assert not listens(config["network"]["port"])


def test_a_file_that_is_no_database_is_told_in_one_line_and_left_as_it_is(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    (tmp_path / "north.db").write_bytes(b"minutes of the senate\n" * 1000)
    (line,) = _serve(tmp_path, config)
    assert "north.db" in line
    assert (tmp_path / "north.db").read_bytes() == b"minutes of the senate\n" * 1000


def test_a_registry_without_its_port_or_with_faults_says_so(tmp_path: Path, taken: int) -> None:
    write_files(tmp_path / "tls")
    registry: dict[str, Any] = {
        "port": taken,
        "tls": {"certificate": "tls/server.pem", "key": "tls/server.key"},
        "manifest_urls": ["https://localhost:1/manifest"],
    }
    (line,) = _serve(tmp_path, registry, "registry")
    assert "the registry cannot serve: host and port: cannot listen on" in line
    assert f":{taken}: Address already in use; end what uses it, or choose another" in line
    lines = _serve(tmp_path, {**registry, "tls": None, "manifest_urls": ["http://localhost/"]}, "registry")
    assert len(lines) == 2
    assert all("ewpgw.yaml" in line for line in lines)


def test_half_of_what_goes_together_is_refused_with_what_is_missing(tmp_path: Path, config: dict[str, Any]) -> None:
    config["heis"][0]["apis"] = ["omobilities", "omobility-cnr", "file"]
    (line,) = _serve(tmp_path, config)
    assert "ewpgw.yaml" in line
    assert " heis[0].apis " in line
    assert "imobilities, imobility-cnr, omobility-stats must run too" in line
    assert not listens(config["network"]["port"])
