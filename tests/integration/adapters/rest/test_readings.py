"""What is read again, and when: in full, changes alone, or nothing; and one entity's trouble is not another's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from support.rest_adapter import BY_PAGE, LOOK, RECORD, Maker, agreement, end, imported, keys, pages_of, problem, read
from support.rest_service import Asked, Says, rest_service

from ewpgw.adapters.contract import AdapterProblem, Complete, Item, Partial, Unchanged
from ewpgw.adapters.rest import reading as reading_module

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
Answer = Callable[[Asked], Says]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is due again at once."""
    monkeypatch.setattr(reading_module, "_FIRST_RETRY", 0.0)


async def test_between_full_readings_only_changes_are_asked_for_and_nothing_is_deleted(adapter: Maker) -> None:
    """From two minutes before the service's own time at the start of the last reading, so that clocks may differ."""
    said = {"rows": [agreement(1), agreement(2)]}

    def answer(asked: Asked) -> Says:
        rows = said["rows"] if "since" not in asked.query else [agreement(2, people=9)]
        return Says({"data": rows}, headers={"Date": format_datetime(NOON, usegmt=True)})

    async with rest_service(answer) as service:
        made = adapter(service.url, {"modified": {"parameter": "since"}})
        first, second = await imported(made), await read(made)
        assert [dict(each.query) for each in service.asked] == [{}, {"since": "2026-09-01T11:58:00Z"}]
    assert (keys(first), end(first)) == (["iias/1", "iias/2"], Complete("iias"))
    assert (keys(second), end(second)) == (["iias/2"], Partial("iias"))


async def test_without_the_services_time_the_time_before_the_reading_counts(adapter: Maker) -> None:
    ended: list[float] = []

    def answer(asked: Asked) -> Says:
        ended.append(datetime.now(UTC).timestamp())
        return Says({"data": []}, headers={"Date": "none"})

    async with rest_service(answer) as service:
        made = adapter(service.url, {"modified": {"parameter": "after", "format": "epoch"}})
        for _ in range(3):
            await imported(made)
        first, second = (int(each.query["after"]) for each in service.asked[1:])
    assert first <= ended[0] - 120
    assert first <= second <= ended[1] - 120


async def test_a_point_in_time_can_be_asked_for_in_seconds(adapter: Maker) -> None:
    def answer(asked: Asked) -> Says:
        return Says({"data": []}, headers={"Date": format_datetime(NOON, usegmt=True)})

    async with rest_service(answer) as service:
        made = adapter(service.url, {"modified": {"parameter": "after", "format": "epoch"}})
        await imported(made)
        await read(made)
        assert service.asked[1].query["after"] == str(int((NOON - timedelta(minutes=2)).timestamp()))


async def test_everything_is_read_again_when_that_is_due(adapter: Maker) -> None:
    async with rest_service(pages_of([agreement(1)])) as service:
        made = adapter(service.url, {"modified": {"parameter": "since"}}, full_seconds=1)
        await imported(made)
        assert end(await read(made)) == Complete("iias")
        assert ["since" in each.query for each in service.asked] == [False, False]


async def test_a_reading_that_was_not_imported_is_made_again_in_full(adapter: Maker) -> None:
    async with rest_service(pages_of([agreement(1)])) as service:
        made = adapter(service.url, {"modified": {"parameter": "since"}})
        for _ in range(2):
            assert end(await read(made)) == Complete("iias")


class Pages:
    """Two pages with validators, by link; ``rows`` may change, and every answer 200 is counted."""

    def __init__(self, validator: str, *, in_header: bool) -> None:
        self.rows = [[agreement(1)], [agreement(2)]]
        self.validator = validator
        self.in_header = in_header
        self.sent = 0

    def __call__(self, asked: Asked) -> Says:
        number = int(asked.query.get("p", "0"))
        more = number + 1 < len(self.rows)
        headers = {"Date": format_datetime(NOON, usegmt=True)}
        if self.validator == "etag":
            headers["ETag"] = value = f'W/"{number} {self.rows[number][0]["conditions"][0]["people"]}"'
            condition = asked.headers.get("If-None-Match")
        else:
            value = format_datetime(NOON - timedelta(days=self.rows[number][0]["conditions"][0]["people"]), usegmt=True)
            headers["Last-Modified"] = value
            condition = asked.headers.get("If-Modified-Since")
        link = f"?p={number + 1}" if more else None
        if self.in_header and link:
            headers["Link"] = f'<{link}>; rel="next"'
        if condition == value:
            return Says(status=304, headers=headers)
        self.sent += 1
        return Says({"data": self.rows[number], "next": link}, headers=headers)


@pytest.mark.parametrize("validator", ["etag", "date"])
@pytest.mark.parametrize("in_header", [True, False], ids=["link in the header", "link in the body"])
async def test_pages_that_did_not_change_are_not_sent_again(adapter: Maker, validator: str, in_header: bool) -> None:
    """Where only the Link header would show a new page, the last page is sent again, and compared."""
    pages = Pages(validator, in_header=in_header)
    async with rest_service(pages) as service:
        made = adapter(service.url, {"paging": {"by": "link"} if in_header else {"by": "link", "next": "next"}})
        for _ in range(2):  # several pages are read twice at first, and only one reading vouches for what it read
            await imported(made)
        pages.sent = 0
        assert await imported(made) == [Partial("iias")]
        assert pages.sent == int(in_header)
        pages.rows[0] = [agreement(1, people=7)]
        found = await imported(made)
        assert (keys(found), end(found)) == (["iias/1", "iias/2"], Complete("iias"))
        pages.rows.append([agreement(3)])
        if not in_header:
            pages.rows[1] = [agreement(2, people=8)]  # its body has the new link
        assert keys(await read(made)) == ["iias/1", "iias/2", "iias/3"]


async def test_a_date_that_is_too_fresh_to_vouch_for_a_page_is_not_relied_on(adapter: Maker) -> None:
    def answer(asked: Asked) -> Says:
        assert "If-Modified-Since" not in asked.headers
        now = format_datetime(NOON, usegmt=True)
        return Says({"data": []}, headers={"Date": now, "Last-Modified": now})

    async with rest_service(answer) as service:
        made = adapter(service.url)
        for _ in range(2):
            assert end(await imported(made)) == Complete("iias")


async def test_what_is_missing_at_the_next_reading_is_looked_for_once_more(adapter: Maker) -> None:
    pages = [[agreement(1)], [agreement(2)]]

    def answer(asked: Asked) -> Says:
        return pages_of(*pages)(asked)

    async with rest_service(answer) as service:
        made = adapter(service.url, {"paging": BY_PAGE})
        await imported(made)
        assert len(service.asked) == 6  # nothing is known yet of what there was
        await imported(made)
        assert len(service.asked) == 9
        pages[0] = [agreement(3)]
        found = await imported(made)
        assert (keys(found), end(found)) == (["iias/3", "iias/2"], Complete("iias"))
        assert len(service.asked) == 15


async def test_one_entity_that_cannot_be_read_does_not_keep_the_others_from_it(adapter: Maker) -> None:
    broken = {"iias"}

    def answer(asked: Asked) -> Says:
        if asked.path.strip("/") in broken:
            return Says(status=403)
        return Says({"data": [{"number": "law", "title": "Law"}]})

    async with rest_service(answer) as service:
        adapter.mapping(entity="iias")
        made = adapter(service.url, entity="organizational-units", look_seconds=3600)
        found = await imported(made)
        assert keys(found) == ["organizational-units/law"]
        assert [each for each in found if isinstance(each, Complete | Partial)] == [
            Complete("organizational-units"),
            Partial(
                "iias",
                f"{service.url}/iias answered HTTP 403; the credentials in 'auth' do not allow this",
                taken=False,
            ),
        ]
        broken.clear()
        service.asked.clear()
        # only what failed is due before the hour is over
        assert [each for each in await read(made) if isinstance(each, Partial)] == [Partial("organizational-units")]
        assert service.paths() == ["/iias"]


async def test_what_failed_is_left_alone_for_a_while(adapter: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_module, "_FIRST_RETRY", 3600.0)
    async with rest_service(lambda _: Says(status=404)) as service:
        made = adapter(service.url)
        said = {problem(await read(made)) for _ in range(3)}
        assert said == {f"{service.url}/iias answered HTTP 404; is the address right?"}
        assert len(service.asked) == 1


async def test_a_mapping_that_changed_makes_every_item_new(adapter: Maker) -> None:
    async with rest_service(pages_of([agreement(1)])) as service:
        first = await read(adapter(service.url))
        second = await read(adapter(service.url, {"modified": {"parameter": "since"}}))
    assert keys(first) == keys(second) == ["iias/1"]
    assert first[0] != second[0]
    assert isinstance(first[0], Item)
    assert isinstance(second[0], Item)
    assert replace(first[0], digest="") == replace(second[0], digest="")


async def test_where_deletions_wait_everything_is_read_at_once(adapter: Maker) -> None:
    async with rest_service(pages_of([agreement(1)])) as service:
        made = adapter(service.url, {"modified": {"parameter": "since"}})
        await imported(made)
        adapter.clock.seconds -= LOOK
        assert await read(made) == [Partial("iias")]
        made.in_full = True
        assert end(await read(made)) == Complete("iias")
        assert [dict(each.query) for each in service.asked] == [{}, {}]


async def test_what_was_imported_is_not_mapped_again(adapter: Maker) -> None:
    async with rest_service(pages_of([agreement(1), agreement(2)])) as service:
        made = adapter(service.url)
        first = {each.key: each.digest for each in await imported(made) if isinstance(each, Item)}
        made.imported = lambda key, digest: key == "iias/1" and digest == first[key]
        again = await read(made)
    assert [type(each) for each in again] == [Unchanged, Item, Complete]
    assert isinstance(again[0], Unchanged)
    assert again[0].digest == first["iias/1"]


async def test_a_changed_mapping_file_counts_at_the_next_reading(adapter: Maker) -> None:
    """What was learned of the service held for the old one: its pages are read in full, though they did not change."""
    pages = Pages("etag", in_header=False)
    async with rest_service(pages) as service:
        made = adapter(service.url, {"paging": {"by": "link", "next": "next"}})
        for _ in range(2):
            first = await imported(made)
        assert await imported(made) == [Partial("iias")]
        adapter.mapping({"paging": {"by": "link", "next": "next"}}, record={**RECORD, "in_effect": "=true"})
        second = await read(made)
    assert end(second) == Complete("iias")
    documents: list[Any] = [each.incoming.document for each in second if isinstance(each, Item)]
    assert [document["in_effect"] for document in documents] == [True, True]
    digests = [{each.digest for each in readings if isinstance(each, Item)} for readings in (first, second)]
    assert not digests[0] & digests[1]


async def test_a_mapping_file_that_breaks_stops_the_reading_until_it_is_mended(adapter: Maker) -> None:
    async with rest_service(pages_of([agreement(1)])) as service:
        made = adapter(service.url)
        await imported(made)
        file = adapter.folder / "mappings" / "iias.yaml"
        good = file.read_text()
        file.write_text("entity: iias\nsource: {}\n")
        with pytest.raises(AdapterProblem, match=r"iias\.yaml"):
            await read(made)
        file.write_text(good)
        assert end(await read(made)) == Complete("iias")


async def test_no_further_page_is_read_than_a_sample_needs(adapter: Maker) -> None:
    async with rest_service(pages_of([agreement(1), agreement(2)], [agreement(3)], [agreement(4)])) as service:
        made = adapter(service.url, {"paging": BY_PAGE})
        made.sample = 3
        readings = await read(made)
        assert [each.query["page"] for each in service.asked] == ["1", "2"]
    assert (keys(readings), end(readings)) == (["iias/1", "iias/2", "iias/3"], Partial("iias"))
