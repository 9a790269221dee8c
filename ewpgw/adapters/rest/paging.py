"""One walk through an entity's pages. What is not as it should be ends it: half a source must not pass for all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from ewpgw.adapters.rest.client import RequestFailed, same_origin, shown
from ewpgw.adapters.rest.links import BadLinks, next_link
from ewpgw.adapters.rest.source import items_of, search
from ewpgw.documents import json_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from pydantic import JsonValue

    from ewpgw.adapters.rest.client import Answer, Authorization, Client
    from ewpgw.adapters.rest.source import Paging, RestSource

_PARSED_IN_THREAD = 64 * 1024
_LONGEST_CURSOR = 4096


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read: its number from 1, where it was asked for, the answer, and its items. ``last``: the end."""

    number: int
    url: str
    answer: Answer
    items: Sequence[dict[str, JsonValue]]
    last: bool


@dataclass(frozen=True, slots=True)
class Service:
    """The service that pages are read from, with the bounds of a walk."""

    client: Client
    authorization: Authorization | None
    base_url: str
    max_page_bytes: int
    max_pages: int

    def start(self, source: RestSource) -> str:
        """The URL that an entity's pages start from, as it is configured."""
        return urljoin(self.base_url, source.url)


async def walk(
    service: Service, source: RestSource, parameters: Sequence[tuple[str, str]] = ()
) -> AsyncGenerator[Page, None]:
    """The pages of a source from the first to the last, each asked for when the one before is done with.

    ``parameters`` are added to the first page's query. Raises RequestFailed where the walk cannot reach the end; then
    what came until then is not everything.
    """
    paging = source.paging
    start = _with(service.start(source), parameters)
    whole = shown(start)
    if paging.by in ("page", "offset"):
        start = _with(start, [(str(paging.parameter), str(paging.start))])
    url: str | None = start
    asked: set[str] = set()
    before: Sequence[dict[str, JsonValue]] = ()
    number = count = 0
    while url is not None:
        if url in asked:
            raise RequestFailed(f"page {number} of {whole} leads back to a page before it")
        if number == service.max_pages:
            raise RequestFailed(f"{whole} has more than {number} pages, the bound that 'max_pages' sets")
        asked.add(url)
        number += 1
        where = f"page {number} of {whole}"
        answer = await service.client.get(
            url,
            max_bytes=service.max_page_bytes,
            authorization=service.authorization,
            where=where if number > 1 else whole,
        )
        document = await parsed(answer, where)
        items = items_of(source, document)
        if items is None:
            raise RequestFailed(f"{where} has no list of objects at {source.items!r}; see 'items' of the mapping")
        if items and items == before:
            raise RequestFailed(
                f"{where} repeats the page before; see 'paging' of the mapping, and name 'total' there where the "
                "service gives its last page again and again"
            )
        count += len(items)
        total = _total(paging, document, where)
        following = _next(
            paging, start, answer, document, where, number=number, items=len(items), count=count, total=total
        )
        yield Page(number, url, answer, items, last=following is None)
        url, before = following, items
        if url is None and total is not None and count < total:
            raise RequestFailed(f"{whole} has {total} items by its own account, but gave {count}")


def header_link(answer: Answer, where: str) -> str | None:
    """The link to the next page in the Link header; None without one. Raises RequestFailed where it cannot be read."""
    try:
        return next_link(answer.headers.getall("Link", []))
    except BadLinks:
        raise RequestFailed(
            f"{where} has a Link header that cannot be read, so that nobody knows whether a page follows; "
            "it is to be written as in '<URL>; rel=\"next\"'"
        ) from None


async def parsed(answer: Answer, where: str) -> JsonValue:
    """The JSON of a page. Raises RequestFailed."""
    try:
        text = json_text.decode(answer.body)
        if len(text) > _PARSED_IN_THREAD:
            return await asyncio.to_thread(json_text.parse, text)
        return json_text.parse(text)
    except json_text.BadJson as bad:
        kind = answer.headers.get("Content-Type", "no type").partition(";")[0][:60]
        raise RequestFailed(f"{where} ({kind}) cannot be used: {bad.reason}") from None


def _next(
    paging: Paging,
    start: str,
    answer: Answer,
    document: JsonValue,
    where: str,
    *,
    number: int,
    items: int,
    count: int,
    total: int | None,
) -> str | None:
    """The URL of the next page; None at the end."""
    match paging.by:
        case "link" if paging.next is None:
            return _linked(header_link(answer, where), answer, where)
        case "link":
            return _linked(search(str(paging.next), document), answer, where)
        case "cursor":
            cursor = search(str(paging.cursor), document)
            if cursor is None or cursor == "":
                return None
            if isinstance(cursor, bool) or not isinstance(cursor, str | int) or len(str(cursor)) > _LONGEST_CURSOR:
                raise RequestFailed(f"{where} has no cursor at {paging.cursor!r}")
            return _with(start, [(str(paging.parameter), str(cursor))])
        case "page" | "offset":
            # a page that is not full may be one that the server cut short, so it takes an empty one to be the last
            if items == 0 or (total is not None and count >= total):
                return None
            position = paging.start + (number if paging.by == "page" else count)
            return _with(start, [(str(paging.parameter), str(position))])
    return None


def _linked(link: object, answer: Answer, where: str) -> str | None:
    if link is None or link == "":
        return None
    if not isinstance(link, str) or not link.isascii() or any(char.isspace() for char in link):
        raise RequestFailed(f"{where} has no URL as the link to the next page")
    try:
        target = urlsplit(urljoin(answer.url, link))._replace(fragment="").geturl()
    except ValueError:
        target = ""
    if not same_origin(answer.url, target):
        raise RequestFailed(f"{where} links to another server, which is not followed")
    return target


def _total(paging: Paging, document: JsonValue, where: str) -> int | None:
    if paging.total is None:
        return None
    total = search(paging.total, document)
    if isinstance(total, bool) or not isinstance(total, int) or total < 0:
        raise RequestFailed(f"{where} has no number at {paging.total!r}; see 'paging.total'")
    return total


def _with(url: str, parameters: Sequence[tuple[str, str]]) -> str:
    """A URL with parameters in its query, in place of those of the same names; the others stay as they are written."""
    if not parameters:
        return url
    parts = urlsplit(url)
    names = {name for name, _ in parameters}
    kept = [pair for pair in parts.query.split("&") if pair and not {name for name, _ in parse_qsl(pair, True)} & names]
    return urlunsplit(parts._replace(query="&".join([*kept, urlencode(parameters)])))
