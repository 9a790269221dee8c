"""The folder adapter: records as files in a folder, partners' copies as files in its inbox.

``docs/adapters/folder.md`` is its manual.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from ewpgw.adapters import inbox
from ewpgw.adapters.contract import (
    Adapter,
    AdapterProblem,
    Complete,
    CopyDelivery,
    Decision,
    Item,
    NotYet,
    Partial,
    Reading,
    SourceIncomplete,
    Unchanged,
    Unreadable,
)
from ewpgw.adapters.folder_files import LOCK, Settling, ignored, is_text, read, unfinished, unreadable, written_out
from ewpgw.adapters.folder_tables import Delimiter, Encoding, FolderSource, KnownTables, Tables
from ewpgw.adapters.mapping import BadMapping, MappingFile, load_folder
from ewpgw.adapters.watching import Watch, wait_for_any
from ewpgw.config.values import AbsolutePath
from ewpgw.model.entities import ENTITIES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

INBOX = "inbox"
_BATCH = 32
_LOOK_SECONDS = 30.0
_LOOK_SECONDS_WITHOUT_NOTICES = 2.0
_SHORTEST_PAUSE = 0.05
_STALE_SECONDS = 3600.0
_REST = 4
_ORDER = {name: number for number, name in enumerate(ENTITIES)}
"""After a snapshot, rest for so many times as long as it took."""


class FolderSettings(BaseModel):
    """The options of an adapter of kind ``folder``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path: AbsolutePath = Field(description="The institution's folder. It must exist; the gateway makes only its inbox.")
    settle_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        0.5, description="A file is read once it has not changed for so long."
    )
    mappings: AbsolutePath | None = Field(
        None,
        description="The folder of the mapping files for CSV and Excel files. Without one, their columns are named by "
        "the paths of the record's fields.",
    )
    delimiter: Delimiter = Field(",", description="What is between two cells of a CSV file: one character, or 'tab'.")
    encoding: Encoding = Field("utf-8", description="The encoding of CSV files.")
    max_table_mib: Annotated[int, Field(ge=1, le=1024)] = Field(
        64, description="A CSV file, or a workbook when it is unpacked, may be so large."
    )
    max_rows: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        100_000, description="A CSV file or a sheet may have so many rows."
    )


@dataclass(frozen=True, slots=True)
class _Listing:
    """What lies in the folder: the files of each entity folder that can be listed, sorted, and what is amiss.

    ``unfinished``: by entity, the files that say of an export that it is still being written.
    """

    files: dict[str, list[str]]
    unfinished: dict[str, list[str]]
    amiss: list[Unreadable]
    identity: tuple[tuple[int, int], ...]


class FolderAdapter(Adapter):
    """Records of ours in ``<path>/<entity>/*``, copies of partners' records in ``<path>/inbox``."""

    kind: ClassVar[str] = "folder"
    settings_model: ClassVar[type[BaseModel]] = FolderSettings
    source_model: ClassVar[type[BaseModel] | None] = FolderSource

    def __init__(self, hei_id: str, settings: BaseModel) -> None:
        super().__init__(hei_id, settings)
        if not isinstance(settings, FolderSettings):
            raise TypeError(f"FolderAdapter takes FolderSettings, not {type(settings).__name__}")
        self.folder = settings.path
        self._settings = settings
        self._settling = Settling(settings.settle_seconds)
        self._pause = max(settings.settle_seconds, _SHORTEST_PAUSE)
        self._known_tables = KnownTables()
        self._taken: object = None
        self._waiting = False

    async def check(self) -> None:
        """Raise AdapterProblem when the folder cannot be listed, or a mapping file cannot be used."""
        await asyncio.to_thread(self._list)
        await asyncio.to_thread(self._tables)

    async def snapshot(self) -> AsyncGenerator[Reading, None]:
        """Read all entity folders in the order of ENTITIES, file by file in the order of their names.

        Raises SourceIncomplete when the folder is missing or another one takes its place meanwhile (an unmounted disk).
        """
        self._waiting = False
        self._taken = await asyncio.to_thread(self._fingerprint)
        listing = await asyncio.to_thread(self._list)
        tables = await asyncio.to_thread(self._tables)
        for stranger in listing.amiss:
            yield stranger
        there = set(chain.from_iterable(listing.files.values()))
        self._settling.forget_all_but(there)
        self._known_tables.forget_all_but(there)
        for entity, keys in listing.files.items():
            unfinished = listing.unfinished[entity]
            locked = [key for key in keys if key + LOCK in unfinished]
            for key in locked:
                yield NotYet(key, entity)
            found = self._read(entity, [key for key in keys if key not in locked], tables)
            wanted = found if self.sample is None else islice(found, self.sample)
            while batch := await asyncio.to_thread(_some, wanted):
                for reading in batch:
                    self._waiting = self._waiting or isinstance(reading, NotYet)
                    yield reading
            if await asyncio.to_thread(next, found, None) is not None:  # beyond the sample
                yield Partial(entity)
                continue
            again = await asyncio.to_thread(self._list)
            if again.identity != listing.identity:
                raise SourceIncomplete(f"{self.folder} was replaced while it was read; it is read again")
            if unfinished or again.unfinished.get(entity):
                yield Partial(entity, await asyncio.to_thread(self._stale, unfinished))
            else:
                yield Complete(entity)

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yield when files have changed since the last snapshot, or when one still being written may be done."""
        watches = [Watch(self.folder, self._matters)]
        if self._settings.mappings is not None:
            watches.append(Watch(self._settings.mappings, lambda _: True))
        try:
            waited = False
            while True:
                changed = await asyncio.to_thread(self._fingerprint) != self._taken
                if changed or (waited and self._waiting):
                    began = time.monotonic()
                    yield
                    # a large folder that changes all the time must not keep the machine reading all the time
                    await asyncio.sleep(min(_REST * (time.monotonic() - began), _LOOK_SECONDS))
                if self._waiting:
                    await wait_for_any(watches, self._pause, self._pause)
                else:
                    await wait_for_any(watches, _LOOK_SECONDS, _LOOK_SECONDS_WITHOUT_NOTICES)
                waited = True
        finally:
            for watch in watches:
                await watch.stop()

    async def deliver(self, delivery: CopyDelivery) -> None:
        """Write the copy's files into the inbox."""
        await self._put(partial(inbox.write, self.folder / INBOX, delivery))

    async def decided(self, decision: Decision) -> None:
        """Write the decision's file into the inbox."""
        await self._put(partial(inbox.write_decision, self.folder / INBOX, decision))

    async def _put(self, write: Callable[[], None]) -> None:
        try:
            if not self.folder.is_dir():
                # else an inbox would be made on the bare mount point, and lost from sight with the next mount
                raise AdapterProblem(f"{self.folder} is not there; mount or create it")
            await asyncio.to_thread(write)
        except OSError as error:
            raise AdapterProblem(f"{self.folder / INBOX} cannot be written: {error.strerror}") from error

    def _read(self, entity: str, keys: list[str], tables: Tables) -> Iterator[Item | Unchanged | Unreadable | NotYet]:
        for key in keys:
            yield from read(self.folder, key, ENTITIES[entity], self._settling, tables)

    def _tables(self) -> Tables:
        """How to read tables, by the mapping files as they are now. Raises AdapterProblem."""
        options = self._settings
        mappings: tuple[MappingFile[FolderSource], ...] = ()
        if options.mappings is not None:
            try:
                mappings = load_folder(options.mappings, FolderSource, hei_id=self.hei_id)
            except BadMapping as bad:
                raise AdapterProblem(str(bad)) from None
        return Tables(
            mappings,
            options.delimiter,
            options.encoding,
            options.max_table_mib * 2**20,
            options.max_rows,
            self.imported,
            self._known_tables,
        )

    def _stale(self, unfinished: list[str]) -> str | None:
        """What to say of an export that has been under way for too long to be true."""
        for key in unfinished:
            with suppress(OSError):
                if time.time() - (self.folder / key).stat().st_mtime > _STALE_SECONDS:
                    said = "is there for more than an hour, so nothing is deleted; remove it when all is written"
                    return f"{written_out(key)} {said}"
        return None

    def _matters(self, path: str) -> bool:
        try:
            parts = Path(path).relative_to(self.folder).parts
        except ValueError:
            return True
        return not (parts and (parts[0] == INBOX or any(ignored(part) and not unfinished(part) for part in parts)))

    def _list(self) -> _Listing:
        files: dict[str, list[str]] = {}
        marks: dict[str, list[str]] = {}
        amiss: list[Unreadable] = []
        try:
            identity = [_identity(self.folder)]
            names = [name for name in _names(self.folder) if name != INBOX and not ignored(name)]
        except OSError as error:
            raise SourceIncomplete(
                f"{self.folder} cannot be listed: {error.strerror}; mount or create it, readable for the gateway"
            ) from error
        for name in sorted(names, key=lambda name: _ORDER.get(name, -1)):
            if name not in ENTITIES:
                known = ", ".join(sorted(ENTITIES))
                shown = written_out(name, names)
                amiss.append(unreadable(shown, None, f"is no folder of an entity and not read; those are: {known}"))
                continue
            folder = self.folder / name
            try:
                if not folder.resolve(strict=True).is_relative_to(self.folder):
                    amiss.append(unreadable(name, name, "is a link that leads out of the folder; use a folder"))
                    continue
                identity.append(_identity(folder))
                inside = _names(folder)
                wanted = [file for file in inside if not ignored(file)]
                files[name] = [f"{name}/{file}" for file in wanted if is_text(file)]
                amiss += _not_named_in_text(name, wanted, inside)
                marks[name] = [f"{name}/{file}" for file in inside if unfinished(file)]
            except OSError as error:
                amiss.append(unreadable(name, name, f"cannot be listed: {error.strerror}"))
        return _Listing(files, marks, amiss, tuple(identity))

    def _fingerprint(self) -> object:
        """A value that differs when any file that matters does: names, sizes, time stamps, access rights."""
        try:
            listing = self._list()
        except SourceIncomplete as problem:
            return str(problem)
        stamps = 0
        for stamp in _stamps(self.folder, chain.from_iterable(listing.files.values())):
            stamps = hash((stamps, stamp))  # one by one: ten thousand of them would take megabytes
        marks = [(key, self._stale([key])) for key in chain.from_iterable(listing.unfinished.values())]
        return hash((listing.identity, tuple(item.key for item in listing.amiss), stamps, tuple(marks), self._said()))

    def _said(self) -> tuple[object, ...]:
        """What differs when a mapping file, or a value map beside it, does."""
        folder = self._settings.mappings
        if folder is None:
            return ()
        try:
            return tuple(_stamps(folder, iter(_names(folder))))
        except OSError as error:
            return (error.errno,)


def _some(found: Iterator[Item | Unchanged | Unreadable | NotYet]) -> list[Item | Unchanged | Unreadable | NotYet]:
    return list(islice(found, _BATCH))


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries)


def _not_named_in_text(folder: str, wanted: list[str], inside: list[str]) -> Iterator[Unreadable]:
    """The files whose names nothing but the file system can hold; those with a lock beside them have their time."""
    for file in wanted:
        if not is_text(file) and file + LOCK not in inside:
            key = f"{folder}/{written_out(file, inside)}"
            yield unreadable(key, folder, "has a name that is not UTF-8 and is not read; rename it")


def _stamps(folder: Path, keys: Iterator[str]) -> Iterator[tuple[object, ...]]:
    for key in keys:
        try:
            status = (folder / key).stat()
        except OSError as error:
            yield key, error.errno
        else:
            yield key, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
