"""One manifest of the network over time: what was last read, what is still good, and what is wrong with it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import structlog

from ewpgw.network.download import DownloadFailed, download
from ewpgw.registry.manifest import MAX_BYTES, BadManifest, Manifest, read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp

KEPT = timedelta(hours=24)
"""How long a manifest that became bad or unreachable keeps its last good content."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Good:
    manifest: Manifest
    confirmed_at: datetime
    etag: str | None = None
    last_modified: str | None = None


class Source:
    """A manifest's URL, its last good content, and the faults of its last reading."""

    def __init__(self, url: str, state_folder: Path | None) -> None:
        self.url = url
        self.checked_at: datetime | None = None
        self.faults: tuple[str, ...] = ()
        """Why the last reading gave nothing; empty after a good one, whatever it refused in part."""
        self._good: _Good | None = None
        self._file = state_folder / f"{sha256(url.encode()).hexdigest()}.xml" if state_folder else None

    @property
    def good_at(self) -> datetime | None:
        """When the content in use was last confirmed."""
        return self._good.confirmed_at if self._good else None

    def manifest(self, now: datetime) -> Manifest | None:
        """The content to publish: the last good one, for a bounded time."""
        return self._good.manifest if self._good and now - self._good.confirmed_at <= KEPT else None

    def restore(self) -> None:
        """Takes up the content that an earlier run kept in the state folder."""
        if self._file is None or not self._file.is_file():
            return
        try:
            kept_at = datetime.fromtimestamp(self._file.stat().st_mtime, UTC)
            self._good = _Good(read_manifest(self.url, self._file.read_bytes()), kept_at)
        except (OSError, BadManifest) as error:
            _log.warning("registry.kept_manifest_unusable", url=self.url, file=str(self._file), problem=str(error))

    async def refresh(self, client: aiohttp.ClientSession, now: datetime) -> None:
        """Reads the manifest; a failure is noted in ``faults`` and leaves the good content in place."""
        good, former = self._good, self.faults
        self.checked_at = now
        try:
            answer = await download(
                client,
                self.url,
                max_bytes=MAX_BYTES,
                etag=good.etag if good else None,
                last_modified=good.last_modified if good else None,
            )
            if answer is not None:
                manifest = await asyncio.to_thread(read_manifest, self.url, answer.body)
                self._good = _Good(manifest, now, answer.etag, answer.last_modified)
                await asyncio.to_thread(self._keep, answer.body, now)
            elif good is not None:
                self._good = _Good(good.manifest, now, good.etag, good.last_modified)
                await asyncio.to_thread(self._keep, None, now)
            self.faults = ()
        except DownloadFailed as failure:
            self.faults = (failure.reason,)
        except BadManifest as bad:
            self.faults = bad.faults
        if self.faults and self.faults != former:
            _log.warning("registry.manifest_unusable", url=self.url, faults=list(self.faults))

    def _keep(self, body: bytes | None, now: datetime) -> None:
        if self._file is None:
            return
        try:
            if body is not None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                unfinished = self._file.with_suffix(".new")
                unfinished.write_bytes(body)
                unfinished.replace(self._file)
            os.utime(self._file, (now.timestamp(), now.timestamp()))
        except OSError as error:
            _log.warning("registry.manifest_not_kept", file=str(self._file), problem=str(error))
