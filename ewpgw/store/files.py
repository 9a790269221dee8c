"""Files of ours: immutable bytes under ids that the gateway makes, and who was given these ids.

Whoever was once shown a record or an approval that refers to a file can fetch it from then on, also where another file
is referred to by now: a server must accept every file id that it shared with the caller (File API 1, file_id).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import bindparam, delete, exists, select

from ewpgw.store.dialects import insert
from ewpgw.store.engine import Readable, fetch
from ewpgw.store.tables import file, file_reader, iia_approval, record_file

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from ewpgw.store.engine import AnyRow

_EVERYONE = "*"


@dataclass(frozen=True, slots=True)
class File:
    """A file without its bytes; ``sha256`` is their digest in lower-case hex, ``size`` their number."""

    hei_id: str
    id: str
    content_type: str
    size: int
    sha256: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FileWithBody(File):
    """A file with its bytes."""

    body: bytes


class FileInUse(Exception):
    """A file that is still referred to cannot be deleted; ``by`` says by what: ``iias/2024-17``, or an approval."""

    def __init__(self, by: Sequence[str]) -> None:
        super().__init__(f"still referred to by {', '.join(by)}")
        self.by = tuple(by)


async def add(tx: AsyncConnection, hei_id: str, content_type: str, body: bytes, now: datetime) -> File:
    """Keep a new file, under a new id."""
    new = File(hei_id, str(uuid4()), content_type, len(body), sha256(body).hexdigest(), now)
    values = {name: getattr(new, name) for name in _SHOWN}
    await tx.execute(file.insert(), {**values, "body": body})
    return new


async def get(source: Readable, hei_id: str, file_id: str) -> FileWithBody | None:
    """The file, whoever may see it."""
    rows = await fetch(source, _GET, {"hei": hei_id, "file": file_id})
    return _whole(rows[0]) if rows else None


async def get_for(source: Readable, hei_id: str, file_id: str, callers: Collection[str]) -> FileWithBody | None:
    """The file, where one of ``callers`` was given its id."""
    if not callers:
        return None
    rows = await fetch(source, _GET_FOR, {"hei": hei_id, "file": file_id, "callers": [_EVERYONE, *callers]})
    return _whole(rows[0]) if rows else None


async def list_page(source: Readable, hei_id: str, *, after: str | None = None, limit: int = 100) -> Sequence[File]:
    """Up to ``limit`` files by id, from the one behind ``after`` on."""
    rows = await fetch(source, _PAGE, {"hei": hei_id, "after": after or "", "most": limit})
    return [File(**{name: getattr(row, name) for name in _SHOWN}) for row in rows]


async def missing(tx: AsyncConnection, hei_id: str, file_ids: Collection[str]) -> frozenset[str]:
    """Those of the ids under which there is no file. The others stay there until the transaction ends."""
    if not file_ids:
        return frozenset()
    rows = await tx.execute(_EXISTING, {"hei": hei_id, "files": sorted(file_ids)})
    return frozenset(file_ids) - {row[0] for row in rows}


async def give(tx: AsyncConnection, hei_id: str, file_id: str, partners: Collection[str] | None) -> None:
    """Let these HEIs (None: everyone) fetch a file from now on."""
    readers = [_EVERYONE] if partners is None else sorted(partners)
    rows = [{"hei_id": hei_id, "file_id": file_id, "partner": partner} for partner in readers]
    if rows:
        await tx.execute(insert(tx, file_reader).on_conflict_do_nothing(), rows)


async def remove(tx: AsyncConnection, hei_id: str, file_id: str) -> bool:
    """Delete a file; False where there is none. Raises FileInUse."""
    values = {"hei": hei_id, "file": file_id}
    if not (await tx.execute(_LOCK, values)).all():
        return False
    users = [f"{row.entity}/{row.id}" for row in await tx.execute(_RECORDS, values)]
    users += [f"the approval of {row.partner}'s agreement {row.iia_id}" for row in await tx.execute(_APPROVALS, values)]
    if users:
        raise FileInUse(users)
    await tx.execute(_REMOVE, values)
    return True


def _whole(row: AnyRow) -> FileWithBody:
    return FileWithBody(**{name: getattr(row, name) for name in (*_SHOWN, "body")})


_SHOWN = ("hei_id", "id", "content_type", "size", "sha256", "at")
_MOST_USERS = 10
_AT = (file.c.hei_id == bindparam("hei")) & (file.c.id == bindparam("file"))
_GIVEN = exists().where(
    file_reader.c.hei_id == file.c.hei_id,
    file_reader.c.file_id == file.c.id,
    file_reader.c.partner.in_(bindparam("callers", expanding=True)),
)
_GET = select(file).where(_AT)
_GET_FOR = select(file).where(_AT, _GIVEN)
_PAGE = (
    select(*(file.c[name] for name in _SHOWN))
    .where(file.c.hei_id == bindparam("hei"), file.c.id > bindparam("after"))
    .order_by(file.c.id)
    .limit(bindparam("most"))
)
_EXISTING = (
    select(file.c.id)
    .where(file.c.hei_id == bindparam("hei"), file.c.id.in_(bindparam("files", expanding=True)))
    .order_by(file.c.id)
    .with_for_update(read=True)
)
_LOCK = select(file.c.id).where(_AT).with_for_update()
_RECORDS = (
    select(record_file.c.entity, record_file.c.id)
    .where(record_file.c.hei_id == bindparam("hei"), record_file.c.file_id == bindparam("file"))
    .order_by(record_file.c.entity, record_file.c.id)
    .limit(_MOST_USERS)
)
_APPROVALS = (
    select(iia_approval.c.partner, iia_approval.c.iia_id)
    .where(
        iia_approval.c.hei_id == bindparam("hei"),
        iia_approval.c.given.is_(True),
        iia_approval.c.pdf_file == bindparam("file"),
    )
    .order_by(iia_approval.c.partner, iia_approval.c.iia_id)
    .limit(_MOST_USERS)
)
_REMOVE = delete(file).where(_AT)
