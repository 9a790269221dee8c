"""Reading one entity: in full, its changes alone, or nothing where the service says that nothing changed.

A record is deleted for good once it is missing from a full reading, so such a reading has to be one. Items move from
page to page while a service is read, and a page may be empty for once; what is missing from a source that has pages is
looked for a second time.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ewpgw.adapters.contract import Complete, Item, Partial, Unchanged, Unreadable
from ewpgw.adapters.mapping import reading, row_digest, row_key
from ewpgw.adapters.rest.client import RequestFailed, http_date, shown
from ewpgw.adapters.rest.paging import header_link, walk
from ewpgw.model.problems import Problem
from ewpgw.preparing import BY_MAPPING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from ewpgw.adapters.contract import Reading
    from ewpgw.adapters.mapping import MappingFile
    from ewpgw.adapters.rest.client import Answer
    from ewpgw.adapters.rest.paging import Page, Service
    from ewpgw.adapters.rest.source import RestSource

_OVERLAP = timedelta(minutes=2)
"""Changes are asked for from so long before the last reading: clocks differ, and transactions take their time."""
_FIRST_RETRY = 5.0
_MOST_READINGS = 4
_VALIDATOR_CHARACTERS = 1024
_SURE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page as it was: its URL, the headers that ask whether it changed, its digest, and whether it had a Link "next".

    Where the headers are empty the page is asked for anew and compared.
    """

    url: str
    conditions: tuple[tuple[str, str], ...]
    digest: bytes
    linked: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known after a reading.

    - ``full_at``: when everything was last read, and ``due_at`` when the next look is due (monotonic seconds)
    - ``since``: the service's time before the last reading
    - ``keys``: of all rows of the last full reading, and of the changes since
    - ``pages``: of the last full reading, where the service offers a way to ask whether they changed; else empty
    """

    full_at: float
    due_at: float
    since: datetime
    keys: frozenset[str]
    pages: tuple[_Seen, ...]


class _NotSure(RequestFailed):
    """The source was read to its end, so that what was found can be taken; but nobody knows what is gone."""


class EntityReader:
    """One entity's pages. Remembers what makes the next reading cheaper, once ``settle`` says that this one counted."""

    def __init__(
        self,
        mapping: MappingFile[RestSource],
        service: Service,
        *,
        look_seconds: float,
        full_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.entity = mapping.entity
        self._mapping = mapping
        self._source = mapping.source
        self._service = service
        self._look_seconds = look_seconds
        self._full_seconds = full_seconds
        self._clock = clock
        self._known: _Known | None = None
        self._pending: _Known | None = None
        self._imported: Callable[[str, str], bool] = _never
        self._sample: int | None = None
        self._problem: str | None = None
        self._retry_at = 0.0
        self._retry_pause = _FIRST_RETRY

    @property
    def due_at(self) -> float:
        """When the next look is due, in seconds of the clock."""
        return max(self._known.due_at if self._known else 0.0, self._retry_at)

    def settle(self) -> None:
        """What was read last has been imported: the next reading may build on it."""
        if self._pending is not None:
            self._known, self._pending = self._pending, None

    async def first_page(self) -> Page:
        """The first page, to see whether there is one. Raises RequestFailed."""
        async with aclosing(walk(self._service, self._source)) as pages:
            return await anext(pages)

    async def readings(
        self, imported: Callable[[str, str], bool], *, in_full: bool = False, sample: int | None = None
    ) -> AsyncGenerator[Reading, None]:
        """The entity's readings, with ``Complete`` or ``Partial`` at the end.

        Before it is due there is nothing but ``Partial``, unless it is wanted ``in_full``. ``imported`` says of a key
        and a digest whether the content is of no interest. After so many items as ``sample`` says no further page is
        read. What was yielded before the source broke off is not to be taken. Raises AdapterProblem where secrets are
        missing.
        """
        known, self._pending = self._known, None
        self._imported, self._sample = imported, sample
        if self._clock() < (self._retry_at if in_full else self.due_at):
            yield Partial(self.entity, self._problem)
            return
        try:
            async with aclosing(self._due(known, in_full=in_full)) as due:
                async for each in due:
                    yield each
        except RequestFailed as failed:
            self._problem = failed.reason
            self._retry_at = self._clock() + self._retry_pause
            self._retry_pause = min(self._retry_pause * 2, max(self._look_seconds, _FIRST_RETRY))
            yield Partial(self.entity, failed.reason, taken=isinstance(failed, _NotSure))
        else:
            self._problem, self._retry_at, self._retry_pause = None, 0.0, _FIRST_RETRY

    async def _due(self, known: _Known | None, *, in_full: bool) -> AsyncGenerator[Reading, None]:
        if known is None or in_full:
            readings = self._everything(known)
        elif self._source.modified and self._clock() < known.full_at + self._full_seconds:
            readings = self._changes(known)
        elif await self._unchanged(known):
            self._pending = replace(known, full_at=self._clock(), due_at=self._next_look())
            yield Partial(self.entity)
            return
        else:
            readings = self._everything(known)
        async with aclosing(readings):
            async for each in readings:
                yield each

    def _next_look(self) -> float:
        return self._clock() + self._look_seconds

    async def _changes(self, known: _Known) -> AsyncGenerator[Reading, None]:
        """What changed since the last reading."""
        modified = self._source.modified
        assert modified is not None, "only such entities are asked for changes"
        since = modified.write(known.since - _OVERLAP)
        found: dict[str, str] = {}
        began, moment = datetime.now(UTC), None
        async with aclosing(walk(self._service, self._source, [(modified.parameter, since)])) as pages:
            async for page in pages:
                moment = moment or _moment(page)
                for each in await asyncio.to_thread(self._read, page, found):
                    yield each
        self._pending = replace(known, since=moment or began, due_at=self._next_look(), keys=known.keys | found.keys())
        yield Partial(self.entity)

    async def _everything(self, known: _Known | None) -> AsyncGenerator[Reading, None]:
        """All there is. What is missing from a source with pages is looked for again, until two readings agree."""
        began_at, began, moment = self._clock(), datetime.now(UTC), None
        found: dict[str, str] = {}
        before: set[str] | None = None
        nameless = False
        for _ in range(_MOST_READINGS):
            keys: set[str] = set()
            seen: list[_Seen | None] = []
            async with aclosing(walk(self._service, self._source)) as pages:
                async for page in pages:
                    moment = moment or _moment(page)
                    seen.append(self._seen(page))
                    names = {row_key(self._mapping, row) for row in page.items}
                    nameless = nameless or None in names
                    keys.update(name for name in names if name is not None)
                    for each in await asyncio.to_thread(self._read, page, found, again=before is not None):
                        yield each
                    if self._sample is not None and len(found) >= self._sample and not page.last:
                        yield Partial(self.entity)
                        return
            # one page may be the first of several, the next of which was empty for once or whose link was missing
            if self._source.paging.by == "none" or keys == before or (known and known.keys <= found.keys()):
                break
            before = keys
        else:
            raise _NotSure(
                f"the items changed places in each of {_MOST_READINGS} readings, so that nobody knows what is gone; "
                "page by a cursor, or in a fixed order"
            )
        if nameless:
            raise _NotSure(f"there are items without {self._mapping.key}, so that nobody knows what is gone")
        # what changed between two readings was taken in its older version, so that only one reading vouches for pages
        sure = before is None and None not in seen
        self._pending = _Known(
            full_at=began_at,
            due_at=self._next_look(),
            since=moment or began,
            keys=frozenset(found),
            pages=tuple(page for page in seen if page is not None) if sure else (),
        )
        yield Complete(self.entity)

    def _read(self, page: Page, found: dict[str, str], *, again: bool = False) -> list[Item | Unchanged | Unreadable]:
        """The readings of a page's rows, of those ``found`` before none. Adds to ``found``, the keys with digests.

        ``again``: in a further reading of everything, in which nothing is told twice.
        """
        readings: list[Item | Unchanged | Unreadable] = []
        here: set[str] = set()
        for number, row in enumerate(page.items, start=1):
            place = f"{self._source.url.partition('?')[0]}, page {page.number}, item {number}"
            key = row_key(self._mapping, row)
            if key is not None and key not in found:
                found[key] = digest = row_digest(self._mapping, row)
                name = f"{self.entity}/{key}"
                known = self._imported(name, digest)
                readings.append(
                    Unchanged(name, self.entity, digest) if known else reading(self._mapping, row, place=place)
                )
                here.add(key)
            elif again:
                continue
            elif key is None:
                readings.append(reading(self._mapping, row, place=place))
            elif key in here or found[key] != row_digest(self._mapping, row):
                # an item that comes again as it was has moved on to this page while the service was read
                readings.append(self._twice(key, place, f"{page.number}.{number}"))
        return readings

    def _twice(self, key: str, place: str, part: str) -> Unreadable:
        said = f"has the same {self._mapping.key} as an item before it ({place}); name one that differs in each"
        return Unreadable(f"{self.entity}/{key}#{part}", self.entity, Problem("", said, "refusal", BY_MAPPING))

    def _seen(self, page: Page) -> _Seen | None:
        """How to ask whether a page changed; None where the service offers no way."""
        conditions = _conditions(page.answer)
        if not conditions:
            return None
        paging = self._source.paging
        if page.last and paging.by == "link" and paging.next is None:
            conditions = ()  # validators are about the body, and a new page shows in the Link header alone
        return _Seen(
            page.url, conditions, hashlib.sha256(page.answer.body).digest(), self._linked(page.answer, page.number)
        )

    async def _unchanged(self, known: _Known) -> bool:
        """Whether the service says that all pages are as they were."""
        for number, page in enumerate(known.pages, start=1):
            answer = await self._service.client.get(
                page.url,
                max_bytes=self._service.max_page_bytes,
                headers=dict(page.conditions),
                authorization=self._service.authorization,
                where=self._where(number),
            )
            if answer.status == 304:
                continue
            same = hashlib.sha256(answer.body).digest() == page.digest
            if not same or self._linked(answer, number) != page.linked:
                return False
        return bool(known.pages)

    def _linked(self, answer: Answer, number: int) -> bool:
        """Whether a Link header leads on from a page; of no interest where the next one is found in another way."""
        paging = self._source.paging
        return paging.by == "link" and paging.next is None and header_link(answer, self._where(number)) is not None

    def _where(self, number: int) -> str:
        return f"page {number} of {shown(self._service.start(self._source))}"


def _moment(page: Page) -> datetime | None:
    """The service's own time when it answered."""
    return http_date(page.answer.headers.get("Date", ""))


def _conditions(answer: Answer) -> tuple[tuple[str, str], ...]:
    """The headers that ask whether a page is as it was (RFC 9110, 13.1); none where it cannot be told for sure."""
    etag, modified = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
    if etag and len(etag) <= _VALIDATOR_CHARACTERS:
        return (("If-None-Match", etag),)
    if modified and len(modified) <= _VALIDATOR_CHARACTERS:
        changed, sent = http_date(modified), http_date(answer.headers.get("Date", ""))
        # within one second it may have changed again (RFC 9110, 8.8.2.2)
        if changed and sent and sent - changed >= _SURE:
            return (("If-Modified-Since", modified),)
    return ()


def _never(key: str, digest: str) -> bool:
    return False
