"""Fixtures that every test may use."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from support.databases import mariadb_server

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of published reference data beside the checkout; tests that read it are skipped without it."""
    folder = ROOT.parent / "shared"
    if not (folder / "ewp-reference").is_dir():
        pytest.skip("the published reference data (../shared) is not beside this checkout")
    return folder


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL cluster of this run alone, reached through a Unix socket; yields its socket folder."""
    programs = _postgres_programs()
    if programs is None:
        pytest.fail("PostgreSQL is not installed; .ci/run installs it (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="ewpgw-pg-", dir="/tmp"))
    folder.chmod(0o777)
    data, as_user = folder / "data", ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def run(program: str, *arguments: str) -> None:
        subprocess.run([*as_user, str(programs / program), *arguments], check=True, capture_output=True, timeout=120)

    run("initdb", "-D", str(data), "-U", "ewpgw", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=200"
    run("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield str(folder)
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists() and as_user:
            subprocess.run([*as_user, "rm", "-rf", str(data)], check=False, timeout=60)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database, dropped afterwards."""
    programs = _postgres_programs()
    assert programs is not None
    name = f"ewpgw_{uuid4().hex[:12]}"

    def psql(statement: str) -> None:
        command = [str(programs / "psql"), "-h", postgres_server, "-U", "ewpgw", "-d", "postgres", "-qc", statement]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    psql(f'CREATE DATABASE "{name}"')
    yield f"postgresql://ewpgw@/{name}?host={postgres_server}"
    psql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def mariadb_port() -> Iterator[int]:
    """A MariaDB server of this run alone; yields its port on loopback, where root needs no password."""
    with mariadb_server() as port:
        yield port


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres_url"))
