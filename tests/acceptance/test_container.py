"""What the image and the composition promise. No engine is needed: they are read, and the health check is run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.closed_network import ClosedNetwork, free_port

from ewpgw.config import load
from ewpgw.security.keys import generate, write_private_key

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def image() -> list[list[tuple[str, str]]]:
    """The Dockerfile's instructions, stage by stage: ``("USER", "ewpgw")``."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    instructions = [(name.upper(), rest.strip()) for name, _, rest in (line.partition(" ") for line in lines) if name]
    stages: list[list[tuple[str, str]]] = []
    for instruction in instructions:
        if instruction[0] == "FROM":
            stages.append([])
        stages[-1].append(instruction)
    return stages


@pytest.fixture(scope="module")
def final(image: list[list[tuple[str, str]]]) -> dict[str, str]:
    """The last word of each instruction in the stage that becomes the image."""
    return dict(image[-1])


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of the composition."""
    document = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    assert set(document["volumes"]) == {"data", "database"}
    return dict(document["services"])


def health_check(final: dict[str, str]) -> list[str]:
    command = json.loads(final["HEALTHCHECK"].partition("CMD ")[2])
    assert isinstance(command, list)
    return command


def test_the_image_is_slim_and_runs_as_a_user_without_rights(
    image: list[list[tuple[str, str]]], final: dict[str, str]
) -> None:
    assert len(image) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim( AS build)?", stage[0][1]) for stage in image)
    names = [name for name, _ in image[-1]]
    assert final["USER"] not in ("root", "0")
    assert re.search(rf"useradd --uid 10001 .*--home-dir /var/lib/ewpgw .* {final['USER']}\b", str(image[-1]))
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "RUN" not in names[names.index("USER") :]
    assert final["VOLUME"] == final["WORKDIR"] == "/var/lib/ewpgw"


def test_signals_reach_the_gateway(final: dict[str, str]) -> None:
    assert json.loads(final["ENTRYPOINT"]) == ["ewpgw"]
    assert json.loads(final["CMD"]) == ["serve"]
    assert final["STOPSIGNAL"] == "SIGTERM"


def test_everything_that_the_wheel_is_made_of_is_copied_and_nothing_secret(
    image: list[list[tuple[str, str]]],
) -> None:
    copied = " ".join(rest for name, rest in image[0] if name == "COPY").split()
    for needed in ("pyproject.toml", "README.md", "LICENSE", "ewpgw", "schemas", "config"):
        assert needed in copied
        assert not ignored(needed)
    for secret in (".env", "deploy/keys/north.pem", ".git/config", "ewpgw.db", "keys/north.pem", "tests/conftest.py"):
        assert ignored(secret)


def ignored(path: str) -> bool:
    """Whether a path stays out of the build: the last pattern that fits it or a folder above it decides."""
    result = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = line.lstrip("!").removeprefix("**/")
            parts = path.split("/")
            above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
            if any(fnmatch(each, pattern) and ("/" not in each or pattern != "*") for each in above):
                result = not line.startswith("!")
    return result


def run_health_check(final: dict[str, str], port: int) -> int:
    command = [sys.executable, *health_check(final)[1:]]
    environ = {**os.environ, "EWPGW_SIS__PORT": str(port), "http_proxy": "http://127.0.0.1:1"}
    return subprocess.run(command, env=environ, capture_output=True, timeout=60, check=False).returncode


def test_the_health_check_passes_for_a_gateway_that_lives_and_fails_where_none_does(
    final: dict[str, str], network: ClosedNetwork
) -> None:
    assert health_check(final)[0] == "python"
    assert re.search(r"EWPGW_SIS__PORT=8080", final["ENV"])
    assert run_health_check(final, network["north"].sis_port) == 0
    assert run_health_check(final, free_port()) != 0


def test_the_composition_runs_the_gateway_over_postgresql(services: dict[str, Any]) -> None:
    gateway, postgres = services["gateway"], services["postgres"]
    assert gateway["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert postgres["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    password = r"${EWPGW_DATABASE_PASSWORD:?write it into the file .env}"
    assert gateway["environment"]["EWPGW_STORE__URL"] == f"postgresql://ewpgw:{password}@postgres/ewpgw"
    assert postgres["environment"]["POSTGRES_PASSWORD"] == password
    assert gateway["volumes"] == ["./deploy:/etc/ewpgw:ro", "data:/var/lib/ewpgw"]


def test_the_composition_shows_the_api_for_your_system_to_this_machine_alone(services: dict[str, Any]) -> None:
    assert services["gateway"]["ports"] == ["8443:8443", "127.0.0.1:8080:8080"]
    assert "ports" not in services["postgres"]


def test_the_settings_of_the_composition_are_settings(tmp_path: Path, services: dict[str, Any]) -> None:
    write_private_key(tmp_path / "north.pem", generate())
    (tmp_path / "ewpgw.yaml").write_text(
        """\
network: {behind_proxy: true}
heis:
  - id: north.example
    public_url: https://ewp.north.example/north.example
    names: [{text: University of the North}]
    admin_emails: [ewp@north.example]
    admin_provider: North
    keys: [{file: north.pem}]
""",
        encoding="utf-8",
    )
    environ = {
        name: re.sub(r"\$\{[^}]*\}", "secret", value) for name, value in services["gateway"]["environment"].items()
    }
    settings = load(tmp_path / "ewpgw.yaml", environ=environ)
    assert settings.sis.host == "0.0.0.0"
    assert settings.store.url.get_secret_value() == "postgresql://ewpgw:secret@postgres/ewpgw"
