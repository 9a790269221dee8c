"""Databases that live longer than one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import asyncpg

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
