"""Keeps the catalogue fresh: asks the registry, judges the answer, keeps the last good one for bad days.

Caching rules of ewp-specs-api-registry (README, Caching and Fallback cache): conditional requests, not more than one
a minute, no copy older than three hours where the registry answers, a stale copy for a limited time where it does not.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import structlog

from ewpgw.network.catalogue import MAX_BYTES, BadCatalogue, Catalogue
from ewpgw.network.download import DownloadFailed, anonymous_client, download
from ewpgw.store import catalogues
from ewpgw.store.errors import StoreProblem

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from ewpgw.store.engine import Store

FLOOR_SECONDS = 60.0
MAX_REFRESH_SECONDS = 3 * 3600.0
STALE_LIMIT = timedelta(days=7)
"""How long a catalogue may be used that the registry has not confirmed; after that there is none."""
_GUARDED_HEIS = 4
"""Catalogues with fewer HEIs than this may shrink at will: networks that small are being set up or taken down."""

_log = structlog.get_logger(__name__)


class NoCatalogue(Exception):
    """There is no catalogue to work with; ``reason`` says why, in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"there is no catalogue of the network: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CatalogueStatus:
    """How good the catalogue in use is.

    Attributes:
        url: where the registry serves it.
        hei_count: how many HEIs it covers; 0 without a usable catalogue.
        usable: whether there is one that is not too stale.
        confirmed_at: when the registry last said that this is its catalogue; None where it never did.
        from_store: whether it is the copy of an earlier run, which the registry has not confirmed to this one.
        ignored_entries: how many API entries in it are no usable entries of EWP APIs.
        asked_at: when this process last asked the registry.
        last_error: why the last attempt failed, in words; None where it succeeded.
    """

    url: str
    hei_count: int
    usable: bool
    confirmed_at: datetime | None
    from_store: bool
    ignored_entries: int
    asked_at: datetime | None
    last_error: str | None

    def age_seconds(self, now: datetime) -> float | None:
        """How long ago the registry confirmed the catalogue."""
        return None if self.confirmed_at is None else (now - self.confirmed_at).total_seconds()

    def outdated(self, now: datetime) -> bool:
        """Whether it is older than the three hours that the specification allows while the registry answers."""
        age = self.age_seconds(now)
        return age is not None and age > MAX_REFRESH_SECONDS

    def in_words(self, now: datetime) -> str:
        """One sentence for a person."""
        problem = "" if self.last_error is None else f"; the last attempt failed: {self.last_error}"
        age = self.age_seconds(now)
        if age is None:
            return f"there is no catalogue yet{problem or f'; {self.url} has not been asked'}"
        if not self.usable:
            return f"the catalogue is too stale to use, last confirmed {_duration(age)} ago{problem}"
        source = "the copy of an earlier run, " if self.from_store else ""
        return f"{self.hei_count} HEIs; {source}confirmed {_duration(age)} ago{problem}"


@dataclass(frozen=True, slots=True)
class _Held:
    catalogue: Catalogue
    digest: bytes
    etag: str | None
    last_modified: str | None
    confirmed_at: datetime
    from_store: bool


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _now() -> datetime:
    return datetime.now(UTC)


class CatalogueKeeper:
    """Holds the current catalogue of one registry.

    A catalogue that is broken never replaces a good one. Nor does one that lists fewer than half of the former's HEIs
    (where those were at least four): more likely the registry is ill than half of the network gone. An operator who
    knows better sets ``accept_shrunken``. Withdrawn keys lose their force in any case, since a catalogue that the
    registry has not confirmed for STALE_LIMIT is no longer used.
    """

    def __init__(
        self,
        url: str,
        store: Store,
        *,
        tls: ssl.SSLContext,
        now: Callable[[], datetime] = _now,
        refresh_seconds: float = 900.0,
        floor_seconds: float = FLOOR_SECONDS,
        accept_shrunken: bool = False,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """``floor_seconds`` is the least time between two questions: a minute in the real network, less in closed ones.

        Raises ValueError where ``refresh_seconds`` is below the floor or above the three hours of the specification.
        """
        if not floor_seconds <= refresh_seconds <= MAX_REFRESH_SECONDS:
            raise ValueError(
                f"the catalogue cannot be refreshed every {refresh_seconds:g} seconds; choose at least "
                f"{floor_seconds:g} and at most {MAX_REFRESH_SECONDS:g}"
            )
        self._url = url
        self._store = store
        self._tls = tls
        self._refresh_seconds = refresh_seconds
        self._floor_seconds = floor_seconds
        self._accept_shrunken = accept_shrunken
        self._max_bytes = max_bytes
        self._now = now
        self._held: _Held | None = None
        self._last_error: str | None = None
        self._asked_at: datetime | None = None
        self._asked_monotonic: float | None = None
        self._asking = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._loaded = asyncio.Event()
        self._subscribers: list[Callable[[Catalogue], None]] = []

    @property
    def current(self) -> Catalogue | None:
        """The catalogue to work with, if there is one that is not too stale."""
        held = self._held
        return held.catalogue if held is not None and self._now() - held.confirmed_at <= STALE_LIMIT else None

    @property
    def status(self) -> CatalogueStatus:
        """How good the current catalogue is, and what is wrong."""
        held, current = self._held, self.current
        return CatalogueStatus(
            url=self._url,
            hei_count=len(current.hei_ids) if current else 0,
            usable=current is not None,
            confirmed_at=held.confirmed_at if held else None,
            from_store=held is not None and held.from_store,
            ignored_entries=current.ignored_entries if current else 0,
            asked_at=self._asked_at,
            last_error=self._last_error,
        )

    def subscribe(self, callback: Callable[[Catalogue], None]) -> Callable[[], None]:
        """Calls back with each new catalogue; the function returned ends that. The callback must not raise or block."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def request_refresh(self) -> None:
        """Asks the running loop to refresh as soon as the floor allows, for example since a key is unknown."""
        self._wanted.set()

    async def wait_until_loaded(self, timeout: float) -> Catalogue:  # noqa: ASYNC109 - callers read better so
        """The catalogue, as soon as there is one. Raises NoCatalogue after ``timeout`` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._loaded.wait()
        except TimeoutError:
            raise NoCatalogue(self._last_error or f"{self._url} has not answered within {timeout:g} seconds") from None
        catalogue = self.current
        if catalogue is None:
            raise NoCatalogue(f"{self._url} has not confirmed it for {STALE_LIMIT.days} days")
        return catalogue

    async def load_stored(self) -> None:
        """Takes up the catalogue that an earlier run stored, where none is held yet."""
        if self._held is not None:
            return
        try:
            stored = await catalogues.load(self._store)
        except StoreProblem as problem:
            _log.warning("catalogue.stored_unreadable", problem=str(problem))
            return
        if stored is None or stored.url != self._url:
            return  # the copy of another registry says nothing about this network
        try:
            catalogue = await asyncio.to_thread(Catalogue.read, stored.body, max_bytes=self._max_bytes)
        except BadCatalogue as bad:
            _log.warning("catalogue.stored_unusable", problem=str(bad))
            return
        digest = sha256(stored.body).digest()
        self._replace(
            _Held(catalogue, digest, stored.etag, stored.last_modified, stored.checked_at, from_store=True),
        )

    async def refresh(self) -> CatalogueStatus:
        """Asks the registry now, unless it was asked less than ``floor_seconds`` ago. Failures are in the status."""
        async with self._asking:
            if self._floor_left() > 0:
                return self.status
            self._wanted.clear()
            self._asked_monotonic = time.monotonic()
            self._asked_at = self._now()
            try:
                await self._ask()
            except DownloadFailed as failure:
                self._failed(failure.reason)
            except BadCatalogue as bad:
                self._failed(f"the catalogue at {self._url} cannot be used: {bad}")
        return self.status

    async def run(self) -> None:
        """Loads the stored catalogue, then refreshes for ever; cancel it to stop."""
        await self.load_stored()
        failures = 0
        while True:
            await self.refresh()
            failures = failures + 1 if self._last_error else 0
            backoff = max(self._floor_seconds, 1.0) * 2 ** min(failures - 1, 12) if failures else self._refresh_seconds
            await self._pause(min(self._refresh_seconds, backoff))

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        except TimeoutError:
            pass
        if left := self._floor_left():
            await asyncio.sleep(left + 0.001)  # a timer may wake a little early

    def _floor_left(self) -> float:
        if self._asked_monotonic is None:
            return 0.0
        return max(0.0, self._asked_monotonic + self._floor_seconds - time.monotonic())

    async def _ask(self) -> None:
        held = self._held
        # The validators of an earlier run may be another registry's, whose 304 would confirm the wrong catalogue.
        mine = held if held is not None and not held.from_store else None
        async with anonymous_client(self._tls) as client:
            answer = await download(
                client,
                self._url,
                max_bytes=self._max_bytes,
                etag=mine.etag if mine else None,
                last_modified=mine.last_modified if mine else None,
            )
        now = self._now()
        if answer is None:
            if mine is None:
                raise DownloadFailed(f"{self._url} answered 304 to a request that was not conditional")
            await self._confirm(replace(mine, confirmed_at=now))
            return
        digest = sha256(answer.body).digest()
        if held is not None and digest == held.digest:
            await self._confirm(_Held(held.catalogue, digest, answer.etag, answer.last_modified, now, from_store=False))
            return
        catalogue = await asyncio.to_thread(Catalogue.read, answer.body, max_bytes=self._max_bytes)
        if held is not None:
            self._guard(held.catalogue, catalogue)
        self._replace(_Held(catalogue, digest, answer.etag, answer.last_modified, now, from_store=False))
        self._succeeded()
        _log.info("catalogue.replaced", heis=len(catalogue.hei_ids), bytes=len(answer.body))
        try:
            async with self._store.transaction() as tx:
                new = catalogues.StoredCatalogue(self._url, answer.body, answer.etag, answer.last_modified, now, now)
                await catalogues.save(tx, new)
        except StoreProblem as problem:
            _log.warning("catalogue.not_stored", problem=str(problem))

    async def _confirm(self, held: _Held) -> None:
        self._held = held
        self._succeeded()
        try:
            async with self._store.transaction() as tx:
                await catalogues.checked(tx, held.confirmed_at)
        except StoreProblem as problem:
            _log.warning("catalogue.not_stored", problem=str(problem))

    def _guard(self, former: Catalogue, new: Catalogue) -> None:
        before, after = len(former.hei_ids), len(new.hei_ids)
        if before < _GUARDED_HEIS or after * 2 >= before:
            return
        if self._accept_shrunken:
            _log.warning("catalogue.shrunken_accepted", former_heis=before, heis=after)
            return
        raise BadCatalogue(
            f"it lists {after} HEIs where the former lists {before}; the former stays in use. Where so many really "
            "left, set registry.accept_shrunken to true until the new one is taken"
        )

    def _replace(self, held: _Held) -> None:
        self._held = held
        if self.current is not None:
            self._loaded.set()
        for callback in tuple(self._subscribers):
            try:
                callback(held.catalogue)
            except Exception:
                _log.exception("catalogue.subscriber_failed")

    def _succeeded(self) -> None:
        if self._last_error is not None:
            _log.info("catalogue.registry_answers_again", url=self._url)
        self._last_error = None
        self._loaded.set()

    def _failed(self, reason: str) -> None:
        self._last_error = reason
        _log.warning("catalogue.not_renewed", problem=reason, in_use=self.status.in_words(self._now()))
