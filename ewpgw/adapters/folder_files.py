"""Reading one file of the folder adapter, once it may be read. All of it blocks; run it in a thread."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lxml import etree

from ewpgw.adapters import folder_tables
from ewpgw.adapters.contract import Item, NotYet, Unchanged, Unreadable
from ewpgw.documents.parsing import MalformedDocument, parse
from ewpgw.model.problems import Problem
from ewpgw.preparing import Incoming

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ewpgw.adapters.folder_tables import Tables
    from ewpgw.model.entity import EntityType

MAX_BYTES = 5 * 2**20
EXTENSIONS = (".json", ".xml", *folder_tables.EXTENSIONS)
LOCK = ".lock"
_UNFINISHED = (".part", LOCK)
_TEMPORARY = ("~", ".tmp", *_UNFINISHED)


def ignored(name: str) -> bool:
    """Whether a file is none of ours: hidden, or by its name a half-written or backup copy."""
    return name.startswith((".", "~$")) or name.lower().endswith(_TEMPORARY)


def unfinished(name: str) -> bool:
    """Whether a file says that an export is still being written."""
    return not name.startswith(".") and name.lower().endswith(_UNFINISHED)


def is_text(name: str) -> bool:
    """Whether a file's name is UTF-8; Python stands in for other bytes with what no file or database can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def written_out(name: str, others: Collection[str] = ()) -> str:
    """A file's name with ``\\xf6`` in place of bytes that are not UTF-8, and like none of ``others``."""
    if is_text(name):
        return name
    text = os.fsencode(name).replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    while text in others:
        text += "?"
    return text


@dataclass(slots=True)
class Settling:
    """Which files have stopped changing.

    A file whose time stamp is older than ``seconds`` has. Another has once its size and time stamp stayed the same for
    so long on this machine's monotonic clock, so that a file server's fast clock does not hide its files.
    """

    seconds: float
    _seen: dict[str, tuple[int, int, float]] = field(default_factory=dict)

    def settled(self, key: str, status: os.stat_result) -> bool:
        """Whether the file may be read; one that may not is remembered until it may."""
        if self.seconds <= time.time() - status.st_mtime:
            self._seen.pop(key, None)
            return True
        size, modified, since = self._seen.get(key, (-1, -1, 0.0))
        now = time.monotonic()
        if (size, modified) != (status.st_size, status.st_mtime_ns):
            self._seen[key] = (status.st_size, status.st_mtime_ns, now)
            return self.seconds == 0
        return now - since >= self.seconds

    def forget_all_but(self, keys: set[str]) -> None:
        """Drop what is remembered of files that are no more."""
        for key in self._seen.keys() - keys:
            del self._seen[key]


class _Refused(Exception):
    """The file cannot be read; the text says why, without its content."""


class _StillWritten(Exception):
    """The file changed while it was read."""


def read(
    root: Path, key: str, entity: EntityType, settling: Settling, tables: Tables
) -> Iterator[Item | Unchanged | Unreadable | NotYet]:
    """The records of one file; none where the file vanished meanwhile or is a response without elements.

    - ``root``: the adapter's folder, resolved
    - ``key``: the file's path below it, with ``/``
    """
    extension = Path(key).suffix.lower()
    try:
        if extension in _ONE_BY_ONE:
            content = _content(root, key, settling, MAX_BYTES)
            if tables.imported(key, digest := _digest(content)):
                yield Unchanged(key, entity.name, digest)
            else:
                yield from _ONE_BY_ONE[extension](key, entity, content)
        elif extension in folder_tables.EXTENSIONS:
            yield from tables.readings(key, entity, _content(root, key, settling, tables.max_bytes))
        else:
            raise _Refused(f"is none of {', '.join(EXTENSIONS)}; rename it, or keep it elsewhere")
    except FileNotFoundError:
        return
    except _StillWritten:
        yield NotYet(key, entity.name)
    except _Refused as refusal:
        yield unreadable(key, entity.name, str(refusal))
    except OSError as error:
        yield unreadable(key, entity.name, f"cannot be read: {error.strerror}; let the gateway's user read it")


def unreadable(key: str, entity: str | None, message: str) -> Unreadable:
    """A source item that cannot be read, with its reason."""
    return Unreadable(key, entity, Problem(path="", message=message, severity="refusal", source="folder adapter"))


def _content(root: Path, key: str, settling: Settling, max_bytes: int) -> bytes:
    descriptor = _open(root, key)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise _Refused("is not a file; records are files directly in the entity's folder")
        if not settling.settled(key, before):
            raise _StillWritten
        if before.st_size > max_bytes:
            raise _Refused(f"is larger than the {max_bytes // 2**20} MiB that a file of its sort may have; split it")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != after.st_size:
        raise _StillWritten
    return content


def _open(root: Path, key: str) -> int:
    # a pipe must not hold the reader, and a link is followed only after a look at where it leads
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(root / key, flags)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    try:
        target = (root / key).resolve(strict=True)
    except (OSError, RuntimeError):  # the latter for links in a circle
        raise _Refused("is a link that leads nowhere; put the file itself there") from None
    if not target.is_relative_to(root):
        raise _Refused("is a link that leads out of the folder; put the file itself there")
    return os.open(target, flags)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json_items(key: str, entity: EntityType, content: bytes) -> list[Item]:
    try:
        text = content.decode("utf-8-sig")
        document: object = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise _Refused(f"is not UTF-8 (byte {error.start + 1}); save it as UTF-8") from None
    except json.JSONDecodeError as error:
        raise _Refused(f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise _Refused("is not a record: nested too deeply") from None
    except ValueError as error:
        # the integer digit limit of the interpreter, and the two hooks below
        raise _Refused(f"is not a record: {error}") from None
    return [Item(key, entity.name, Incoming(id=None, document=document, raw=text), _digest(content))]


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # RFC 8259 section 4 leaves the meaning open; half of such a record would be lost in silence
        raise _Refused("is not a record: a key is given twice in one object")
    return found


def _no_constant(name: str) -> object:
    raise _Refused(f"is not JSON: {name} is no number")


def _xml_items(key: str, entity: EntityType, content: bytes) -> list[Item]:
    try:
        root = parse(content, max_bytes=MAX_BYTES)
    except MalformedDocument as error:
        place = f" (line {error.line})" if error.line is not None else ""
        raise _Refused(f"is not usable XML: {error.reason}{place}") from None
    shape = entity.newest
    if root.tag != f"{{{shape.namespace}}}{shape.envelope}":
        return [_xml_item(key, entity, content)]
    elements = root.findall(f"{{{shape.namespace}}}{shape.element}")
    if len(elements) == 1:
        return [_xml_item(key, entity, content)]
    fragments = [etree.tostring(element, encoding="utf-8", with_tail=False) for element in elements]
    return [
        _xml_item(key if number == 1 else f"{key}#{number}", entity, fragment)
        for number, fragment in enumerate(fragments, start=1)
    ]


def _xml_item(key: str, entity: EntityType, xml: bytes) -> Item:
    raw = xml.decode("utf-8", errors="replace")
    return Item(key, entity.name, Incoming(id=None, xml=xml, raw=raw), _digest(xml))


_ONE_BY_ONE = {".json": _json_items, ".xml": _xml_items}
