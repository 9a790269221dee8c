"""Databases that live longer than one test."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pymysql
import pytest

from support.closed_network import free_port
from support.processes import until
from support.threads import in_thread


@contextmanager
def postgres_database(socket_folder: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database, dropped afterwards whoever is still connected."""
    name = f"ewpgw_{uuid4().hex[:12]}"

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(host=socket_folder, user="ewpgw", database="postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    in_thread(execute(f'CREATE DATABASE "{name}"'))
    try:
        yield f"postgresql://ewpgw@/{name}?host={socket_folder}"
    finally:
        in_thread(execute(f'DROP DATABASE "{name}" WITH (FORCE)'))


@contextmanager
def mariadb_server() -> Iterator[int]:
    """A MariaDB server of its own, in a temporary folder, on a port of loopback; yields the port.

    Its administrator is ``root`` without a password. It runs as an unprivileged user, also where the tests do not.
    """
    server, install = _program("mariadbd"), _program("mariadb-install-db")
    folder = Path(tempfile.mkdtemp(prefix="ewpgw-mariadb-", dir="/tmp"))
    user = ["--user=mysql"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "mysql")
    data, port = f"--datadir={folder}/data", free_port()
    made = [install, "--no-defaults", data, *user, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(made, check=True, capture_output=True, timeout=120)
    options = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/socket", f"--pid-file={folder}/pid"]
    quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--skip-log-bin"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([server, "--no-defaults", data, *user, *options, *quick], stdout=log, stderr=log)
    try:
        until(lambda: _answers(process, port, folder / "log"), "MariaDB answers", seconds=60)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def mariadb_database(port: int) -> Iterator[str]:
    """The URL of a fresh MariaDB database, dropped afterwards."""
    name = f"ewpgw_{uuid4().hex[:12]}"

    def execute(statement: str) -> None:
        with closing(pymysql.connect(host="127.0.0.1", port=port, user="root")) as connection:
            connection.cursor().execute(statement)

    execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        yield f"mariadb://root@127.0.0.1:{port}/{name}"
    finally:
        execute(f"DROP DATABASE {name}")


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")
    assert found, f"{name} is not installed; .ci/run installs it (apt-get install mariadb-server)"
    return found


def _answers(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, f"mariadbd ended:\n{log.read_text(errors='replace')[-2000:]}"
    try:
        pymysql.connect(host="127.0.0.1", port=port, user="root").close()
    except pymysql.OperationalError:
        return False
    return True


@contextmanager
def empty_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The URL of an empty database of the kind that the fixture's parameter names; one of SQLite is in the folder."""
    if request.param == "sqlite":
        yield f"sqlite:///{folder / 'sis.db'}"
    elif request.param == "postgresql":
        with postgres_database(request.getfixturevalue("postgres_server")) as url:
            yield url
    else:
        with mariadb_database(request.getfixturevalue("mariadb_port")) as url:
            yield url
