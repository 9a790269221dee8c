"""The wheel holds everything: installed on its own, far from the sources, it does what the checkout does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.processes import environment

from ewpgw import __version__

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = """\
<manifest xmlns="https://github.com/erasmus-without-paper/ewp-specs-api-discovery/tree/stable-v6">
  <host><wrong/></host>
</manifest>
"""
ECHO = """\
<response xmlns="https://github.com/erasmus-without-paper/ewp-specs-api-echo/tree/stable-v2">
  <hei-id>north.example</hei-id><echo>hello</echo>
</response>
"""


@dataclass(frozen=True)
class Installation:
    """An environment in which the wheel is installed, and nothing else; what it depends on is the tests' own."""

    folder: Path

    def run(self, *arguments: object, cwd: Path, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        command = [str(self.folder / "bin" / "ewpgw"), *map(str, arguments)]
        environ = {name: value for name, value in environment().items() if not name.startswith("PYTHON")}
        return subprocess.run(
            command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=seconds, check=False
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as anyone builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("installation")
    venv.create(folder, with_pip=False, symlinks=True)
    pip("--python", folder / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    packages = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    # Found after what is installed here. Paths named in it count, but not its .pth files, which lead to the checkout.
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(packages, "dependencies.pth").write_text("".join(f"{path}\n" for path in sorted(paths)), encoding="utf-8")
    return Installation(folder)


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_program_is_the_installed_one(installation: Installation, tmp_path: Path) -> None:
    python = installation.folder / "bin" / "python"
    where = subprocess.run(
        [python, "-I", "-c", "import ewpgw; print(ewpgw.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(installation.folder)
    assert installation.run("--version", cwd=tmp_path).stdout == f"ewpgw {__version__}\n"


def test_the_schemas_are_inside(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "echo.xml").write_text(ECHO, encoding="utf-8")
    right = installation.run("validate", "echo.xml", cwd=tmp_path)
    assert (right.returncode, right.stderr) == (0, "")
    (tmp_path / "manifest.xml").write_text(MANIFEST, encoding="utf-8")
    wrong = installation.run("validate", "manifest.xml", cwd=tmp_path)
    assert wrong.returncode == 1
    assert "wrong" in wrong.stderr


def test_every_shipped_schema_and_example_is_inside(installation: Installation) -> None:
    (data,) = installation.folder.glob("lib/python*/site-packages/ewpgw/_data")
    for name in ("schemas", "config"):
        shipped = {path.relative_to(ROOT / name) for path in (ROOT / name).rglob("*") if path.is_file()}
        assert {path.relative_to(data / name) for path in (data / name).rglob("*") if path.is_file()} == shipped


def test_the_configuration_is_described_and_an_adapter_found(installation: Installation, tmp_path: Path) -> None:
    schema = installation.run("config", "schema", cwd=tmp_path)
    assert schema.returncode == 0, schema.stderr
    assert "heis" in json.loads(schema.stdout)["properties"]
    key = installation.run("keys", "generate", "--out", "north.pem", cwd=tmp_path)
    assert key.returncode == 0, key.stderr
    (tmp_path / "records").mkdir()
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
    adapter: {kind: folder, path: records}
""",
        encoding="utf-8",
    )
    check = installation.run("adapter", "check", "--config", "ewpgw.yaml", cwd=tmp_path)
    assert (check.returncode, check.stderr) == (0, "")
    token = installation.run("tokens", "create", "sis", "--scope", "write", "--config", "ewpgw.yaml", cwd=tmp_path)
    assert token.returncode == 0, token.stderr  # its store was made by the migrations inside


def test_the_demonstration_runs_from_an_empty_folder(installation: Installation, tmp_path: Path) -> None:
    told = installation.run("demo", "--once", "--json", cwd=tmp_path, seconds=240)
    assert told.returncode == 0, told.stdout + told.stderr
    story = json.loads(told.stdout)
    assert story["ok"]
    assert len(story["steps"]) >= 10
    assert list(tmp_path.iterdir()) == []
