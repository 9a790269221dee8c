"""From page to page: by link, cursor, number and offset; and what ends a walk before its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from support.rest_adapter import BY_PAGE, Maker, agreement, end, imported, keys, pages_of, problem, read
from support.rest_service import Asked, Says, rest_service

from ewpgw.adapters.contract import Complete, Partial, Unreadable

ROWS = [[agreement(1), agreement(2)], [agreement(3)], [agreement(4)]]
ALL = ["iias/1", "iias/2", "iias/3", "iias/4"]
Answer = Callable[[Asked], Says]


def _by_header(asked: Asked) -> Says:
    number = int(asked.query.get("p", "0"))
    rest = '<https://elsewhere.example/>; rel="last"'
    link = f'</iias?p={number + 1}&q=a%2Cb>; title="a, b"; rel="prefetch next", {rest}'
    return Says({"data": ROWS[number]}, headers={"Link": link if number < 2 else rest})


def _by_body(asked: Asked) -> Says:
    number = int(asked.query.get("p", "0"))
    return Says({"data": ROWS[number], "links": {"next": f"?p={number + 1}" if number < 2 else None}})


def _by_cursor(asked: Asked) -> Says:
    number = {"": 0, "a+b/=": 1, "7": 2}[asked.query.get("after", "")]
    return Says({"data": ROWS[number], "meta": {"next": ["a+b/=", 7, ""][number]}})


def _by_offset(asked: Asked) -> Says:
    rows = [row for page in ROWS for row in page]
    start = int(asked.query["start"])
    return Says({"data": rows[start : start + 3]})


@pytest.mark.parametrize(
    ("answer", "paging"),
    [
        (_by_header, {"by": "link"}),
        (_by_body, {"by": "link", "next": "links.next"}),
        (_by_cursor, {"by": "cursor", "cursor": "meta.next", "parameter": "after"}),
        (_by_offset, {"by": "offset", "parameter": "start"}),
        (pages_of(*ROWS), BY_PAGE),
    ],
    ids=["link in the header", "link in the body", "cursor", "offset", "page number"],
)
async def test_every_way_of_paging_leads_to_the_last_item(
    adapter: Maker, answer: Answer, paging: dict[str, str]
) -> None:
    async with rest_service(answer) as service:
        found = await read(adapter(service.url, {"paging": paging}))
    assert keys(found) == ALL
    assert end(found) == Complete("iias")


async def test_a_total_spares_the_empty_page_at_the_end_and_may_be_the_page_itself(adapter: Maker) -> None:
    rows = [agreement(1), agreement(2)]
    async with rest_service(pages_of(rows, total=2)) as service:
        found = await read(adapter(service.url, {"paging": {**BY_PAGE, "first": 1, "total": "total"}}))
        assert {each.query["page"] for each in service.asked} == {"1"}
    assert keys(found) == ["iias/1", "iias/2"]


async def test_a_query_of_the_mapping_is_kept_on_every_page(adapter: Maker) -> None:
    async with rest_service(pages_of(*ROWS)) as service:
        await read(adapter(f"{service.url}/api", {"url": "iias?status=a%2Bb&page=9", "paging": BY_PAGE}))
        first = service.asked[:4]
    assert [(each.path, dict(each.query)) for each in first] == [
        ("/api/iias", {"status": "a+b", "page": str(number)}) for number in (1, 2, 3, 4)
    ]


def _loop(asked: Asked) -> Says:
    number = int(asked.query.get("p", "0"))
    return Says({"data": [agreement(number)], "next": f"?p={(number + 1) % 3}"})


def _elsewhere(asked: Asked) -> Says:
    return Says({"data": [agreement(1)], "next": "https://elsewhere.example/iias"})


def _same_host_in_clear(asked: Asked) -> Says:
    return Says({"data": [agreement(1)], "next": "http://localhost:1/iias"})


def _with_credentials(asked: Asked) -> Says:
    return Says({"data": [agreement(1)], "next": f"//user@{asked.headers['Host']}/iias"})


def _no_text(asked: Asked) -> Says:
    return Says({"data": [agreement(1)], "next": {"url": "?p=2"}})


def _cut_header(asked: Asked) -> Says:
    return Says({"data": [agreement(1)]}, headers={"Link": "</iias?p=2; rel=next"})


LINK = {"by": "link", "next": "next"}


@pytest.mark.parametrize(
    ("answer", "paging", "said"),
    [
        (_loop, LINK, "leads back to a page before it"),
        (_elsewhere, LINK, "links to another server"),
        (_same_host_in_clear, LINK, "links to another server"),
        (_with_credentials, LINK, "links to another server"),
        (_no_text, LINK, "has no URL as the link"),
        (_cut_header, {"by": "link"}, "has a Link header that cannot be read"),
        (lambda _: Says({"data": [agreement(1)]}), BY_PAGE, "repeats the page before"),
        (lambda _: Says({"data": [agreement(1)], "n": 7}), {"by": "none", "total": "n"}, "has 7 items by its own"),
        (lambda _: Says({"data": [], "n": "7"}), {"by": "none", "total": "n"}, "has no number at 'n'"),
        (
            lambda _: Says({"data": [agreement(1)], "c": {}}),
            {"by": "cursor", "cursor": "c", "parameter": "c"},
            "has no cursor",
        ),
        (lambda _: Says({"error": "no"}), {}, "has no list of objects at 'data'"),
        (lambda _: Says({"data": None}), {}, "has no list of objects"),
        (lambda _: Says({"data": [1]}), {}, "has no list of objects"),
    ],
)
async def test_a_walk_that_does_not_reach_the_end_is_never_taken_for_all(
    adapter: Maker, answer: Answer, paging: dict[str, str], said: str
) -> None:
    async with rest_service(answer) as service:
        found = await read(adapter(service.url, {"paging": paging}))
    assert said in problem(found)


async def test_a_link_header_that_nobody_reads_may_be_anything(adapter: Maker) -> None:
    paged = pages_of([agreement(1), agreement(2)])
    for paging in ({}, LINK, BY_PAGE):
        async with rest_service(lambda asked: replace(paged(asked), headers={"Link": "<", "ETag": '"1"'})) as service:
            found = await read(adapter(service.url, {"paging": paging}))
        assert (keys(found), end(found)) == (["iias/1", "iias/2"], Complete("iias"))


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Says(status=500), "answered HTTP 500"),
        (Says({"data": []}, cut=True), "page 2 of"),
        (Says(status=503, headers={"Retry-After": "3600"}), "asks to be left alone until"),
        (Says(b"{"), "cannot be used"),
        (Says(b"{}", headers={"Content-Encoding": "gzip"}), "answers compressed"),
        (Says(b" " * 2000), "sent more than 1024 bytes"),
        (Says({}), "has no list of objects"),
        (Says({"data": [agreement(1)]}), "repeats the page before"),
        (Says({"data": [agreement(2)], "next": "/api/units/SECRET/john.doe@x"}), "leads back to a page"),
        (Says({"data": [agreement(2)], "next": "https://elsewhere.example/SECRET"}), "links to another server"),
        (Says({"data": [agreement(2)], "next": "a b"}), "has no URL as the link"),
        (Says(status=302, headers={"Location": "/api/units/SECRET/john.doe@x"}), "redirects in a circle"),
        (Says(status=302, headers={"Location": "https://elsewhere.example/SECRET"}), "redirects to another server"),
        (Says(status=302, headers={"Location": "http://[SECRET"}), "redirects to something that is no URL"),
        (Says(status=302, headers={"Location": "/api/SECRET"}), "answered HTTP 404"),
    ],
)
async def test_what_the_server_links_to_is_in_no_error(adapter: Maker, trouble: Says, said: str) -> None:
    """A path may name persons."""
    path = "/api/units/SECRET/john.doe@x"

    def answer(asked: Asked) -> Says:
        if asked.path == "/api/iias":
            return Says({"data": [agreement(1)], "next": path})
        return trouble if asked.path == path else Says(status=404)

    async with rest_service(answer) as service:
        found = await read(adapter(f"{service.url}/api", {"paging": LINK}, max_page_bytes=1024))
    assert problem(found).startswith(f"page 2 of {service.url}/api/iias")
    assert said in problem(found)
    assert not any(part in problem(found) for part in ("SECRET", "units", "john"))


async def test_nor_when_it_is_asked_whether_a_page_has_changed(adapter: Maker) -> None:
    path = "/units/SECRET"

    def answer(asked: Asked) -> Says:
        if asked.path == path and "If-None-Match" in asked.headers:
            return Says(status=500)
        rows, link = ([agreement(2)], None) if asked.path == path else ([agreement(1)], path)
        return Says({"data": rows, "next": link}, headers={"ETag": '"1"'})

    async with rest_service(answer) as service:
        made = adapter(service.url, {"paging": LINK})
        for _ in range(2):  # the second reading vouches for pages
            assert end(await imported(made)) == Complete("iias")
        assert problem(await read(made)) == f"page 2 of {service.url}/iias answered HTTP 500"


async def test_the_number_of_pages_is_bounded(adapter: Maker) -> None:
    def endless(asked: Asked) -> Says:
        return Says({"data": [agreement(int(asked.query["page"]))]})

    async with rest_service(endless) as service:
        found = await read(adapter(service.url, {"paging": BY_PAGE}, max_pages=5))
        assert len(service.asked) == 5
    assert "more than 5 pages" in problem(found)


async def test_two_items_of_one_key_are_told_and_an_item_that_moved_on_is_not(adapter: Maker) -> None:
    moved = [[agreement(1), agreement(2)], [agreement(2), agreement(3)]]
    async with rest_service(pages_of(*moved)) as service:
        found = await read(adapter(service.url, {"paging": BY_PAGE}))
    assert keys(found) == ["iias/1", "iias/2", "iias/3"]
    assert not [each for each in found if isinstance(each, Unreadable)]
    for twice in ([[agreement(1), agreement(1)]], [[agreement(1)], [agreement(1, people=6)]]):
        async with rest_service(pages_of(*twice)) as service:
            found = await read(adapter(service.url, {"paging": BY_PAGE}))
        [told] = [each for each in found if isinstance(each, Unreadable)]
        assert keys(found) == ["iias/1"]
        assert told.problem.message.startswith("has the same number as an item before it (iias, page ")


async def test_items_without_a_key_keep_everything_from_being_deleted(adapter: Maker) -> None:
    async with rest_service(pages_of([agreement(1), agreement(None)])) as service:
        found = await read(adapter(service.url))
    assert keys(found) == ["iias/1"]
    assert [each.problem.message for each in found if isinstance(each, Unreadable)]
    assert end(found) == Partial(
        "iias", "there are items without number, so that nobody knows what is gone", taken=True
    )


async def test_an_item_that_fell_between_two_pages_is_found_in_a_second_reading(adapter: Maker) -> None:
    """While page 1 is read, an item of it is deleted, so that the first of page 2 moves to page 1 unseen."""
    rows = [agreement(number) for number in range(1, 7)]

    def answer(asked: Asked) -> Says:
        start = 2 * (int(asked.query["page"]) - 1)
        page = rows[start : start + 2]
        if len(service.asked) == 1:
            del rows[0]
        return Says({"data": page})

    async with rest_service(answer) as service:
        found = await read(adapter(service.url, {"paging": BY_PAGE}))
    assert sorted(keys(found)) == [f"iias/{number}" for number in range(1, 7)]
    assert end(found) == Complete("iias")


@pytest.mark.parametrize("by", ["page", "link"])
async def test_a_page_that_is_empty_for_once_deletes_nothing(adapter: Maker, by: str) -> None:
    """Or a link that is missing for once: page 1 is all that is left, in one reading, whatever was known before."""
    rows = [[agreement(1), agreement(2)], [agreement(3)]]
    cut = [True]

    def answer(asked: Asked) -> Says:
        number = int(asked.query.get("page", "1"))
        if number == (2 if by == "page" else 1) and cut and cut.pop():
            return Says({"data": rows[0] if by == "link" else []})
        more = number < 2 and by == "link"
        return Says({"data": rows[number - 1] if number < 3 else [], "next": "?page=2" if more else None})

    async with rest_service(answer) as service:
        made = adapter(service.url, {"paging": BY_PAGE if by == "page" else LINK})
        for before in ("nothing is known", "two pages were read"):
            cut[:] = [True]
            found = await imported(made)
            assert sorted(keys(found)) == ["iias/1", "iias/2", "iias/3"], before
            assert (end(found), cut) == (Complete("iias"), []), before
        cut[:] = [True] * 2  # two readings agree
        found = await imported(made)
        assert (keys(found), end(found)) == (["iias/1", "iias/2"], Complete("iias"))


async def test_what_is_missing_from_the_only_page_there_can_be_is_gone_at_once(adapter: Maker) -> None:
    rows = [agreement(1), agreement(2)]
    async with rest_service(lambda _: Says({"data": rows})) as service:
        made = adapter(service.url)
        await imported(made)
        rows.pop()
        found = await imported(made)
        assert (keys(found), end(found), len(service.asked)) == (["iias/1"], Complete("iias"), 2)


async def test_a_source_that_never_stands_still_deletes_nothing(adapter: Maker) -> None:
    def answer(asked: Asked) -> Says:
        page = int(asked.query["page"])
        return Says({"data": [agreement(len(service.asked))] if page < 3 else []})

    async with rest_service(answer) as service:
        found = await read(adapter(service.url, {"paging": BY_PAGE}))
    assert "changed places in each of 4 readings" in problem(found)
    assert end(found) == Partial("iias", problem(found), taken=True)
