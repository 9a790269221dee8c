"""Noticing that something in a folder tree may have changed: the kernel's notice where there is one, a look where not.

Notices get lost (a network share sends none for the changes of others, a full queue drops them, a remounted disk is
another folder), so they only shorten the wait until the next look.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from watchfiles import awatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_DEBOUNCE_MS = 200
_RETRY_SECONDS = 60.0


class Watch:
    """Kernel notices about one folder tree. Start it, wait with ``wait``, stop it."""

    def __init__(self, folder: Path, wanted: Callable[[str], bool]) -> None:
        """``wanted`` says of a changed path whether it matters."""
        self._folder = folder
        self._wanted = wanted
        self._noticed = asyncio.Event()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._noticing = False
        self._identity: tuple[int, int] | None = None

    async def wait(self, with_notices: float, without: float) -> None:
        """Return at a notice, or after so many seconds where notices can be had and where they cannot."""
        await self._follow()
        timeout = with_notices if self._noticing else without
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._noticed.wait()
        self._noticed.clear()

    async def stop(self) -> None:
        """End the watch and its thread."""
        if self._task is not None:
            self._stop.set()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _follow(self) -> None:
        """Watch the folder that now bears the name: after a remount it is another one."""
        identity = _identity(self._folder)
        if identity == self._identity:
            return
        await self.stop()
        self._identity = identity
        if identity is not None:
            self._stop = asyncio.Event()
            self._task = asyncio.create_task(self._notices(self._stop), name=f"watch {self._folder}")

    async def _notices(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            # the kernel's limits on watches, a file system without any, a folder that went away: looking still works
            with suppress(OSError, RuntimeError):
                changes = awatch(
                    self._folder,
                    watch_filter=lambda _, path: self._wanted(path),
                    debounce=_DEBOUNCE_MS,
                    stop_event=stop,
                    ignore_permission_denied=True,
                )
                self._noticing = True
                async for _ in changes:
                    self._noticed.set()
            self._noticing = False
            with suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_SECONDS):
                    await stop.wait()


async def wait_for_any(watches: Sequence[Watch], with_notices: float, without: float) -> None:
    """Return at a notice of one of several trees, or when the first of them has waited for its time."""
    waits = [asyncio.create_task(watch.wait(with_notices, without)) for watch in watches]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
