"""A source that breaks off in mid-paging: nothing of that entity is imported, and the others are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.configurations import with_adapter
from support.rest_adapter import BY_PAGE, Maker, agreement
from support.rest_service import Asked, Says, rest_service, rest_service_apart
from typer.testing import CliRunner

from ewpgw.adapters.rest import reading as reading_module
from ewpgw.adapters.syncing import Sync
from ewpgw.commands.adapter import app
from ewpgw.documents import schemas
from ewpgw.records import Records
from ewpgw.store import Store, records

NORTH, SOUTH = "north.example", "south.example"
LINK = {"by": "link", "next": "next"}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is due again at once."""
    monkeypatch.setattr(reading_module, "_FIRST_RETRY", 0.0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield store
    await store.close()


def two_pages(people: int, second: Says | None) -> Callable[[Asked], Says]:
    """Two pages, by link and by number, and a unit apart; with ``second`` the second page is that."""

    def answer(asked: Asked) -> Says:
        if asked.path != "/iias":
            return Says({"data": [{"number": "law", "title": f"Law {people}"}]})
        match int(asked.query.get("page", "1")):
            case 1:
                return Says({"data": [agreement(1, people=people), agreement(people)], "next": "?page=2", "n": 3})
            case 2:
                return second or Says({"data": [agreement(3)], "n": 3})
        return Says({"data": [], "n": 3})

    return answer


@pytest.mark.parametrize(
    ("paging", "second", "said"),
    [
        (BY_PAGE, Says(status=500), "answered HTTP 500"),
        (LINK, Says({"data": []}, cut=True), "page 2 of"),
        (LINK, Says(b'{"data": [{"number'), "cannot be used"),
        (LINK, Says({"data": [agreement(2)], "next": "?page=2"}), "leads back to a page before it"),
        (LINK, Says({"data": [agreement(2)], "next": "//elsewhere.example/"}), "links to another server"),
        ({**LINK, "total": "n"}, Says({"data": [], "n": 3}), "has 3 items by its own account, but gave 2"),
        (BY_PAGE, Says({"data": [agreement(1, people=9), agreement(9)]}), "repeats the page before"),
    ],
    ids=["status", "reset", "truncated", "loop", "link", "total", "repeated"],
)
async def test_what_came_before_a_source_broke_off_is_not_imported(
    adapter: Maker, store: Store, paging: dict[str, str], second: Says, said: str
) -> None:
    async def served() -> list[str]:
        return sorted(await records.index(store, NORTH, "iias", [SOUTH]))

    made = Records(store, schemas.default(), {}, lambda: datetime.now(UTC), lambda: None)
    adapter.mapping({"paging": paging})
    async with rest_service(two_pages(5, None)) as service:
        sync = Sync(adapter(service.url, entity="organizational-units"), store, made)
        assert (await sync.take()).lacking is None
        assert await served() == ["1", "3", "5"]
        adapter.clock.seconds += 3600
        service.answer = two_pages(9, second)
        report = await sync.take()
        assert said in str(report.lacking)
        assert not report.ok
        assert report.counts["organizational-units"].changed == 1
        assert (report.counts["iias"].read, report.counts["iias"].created, report.counts["iias"].changed) == (0, 0, 0)
        assert await served() == ["1", "3", "5"]
        service.answer = two_pages(9, None)
        report = await sync.take()
        assert report.ok
        assert await served() == ["1", "3", "9"]
        assert (report.counts["iias"].created, report.counts["iias"].changed) == (1, 1)


def test_the_command_says_why_and_ends_with_1(adapter: Maker) -> None:
    adapter.mapping({"paging": BY_PAGE})
    with rest_service_apart(two_pages(5, None)) as service:
        wanted = {"kind": "rest", "mappings": "mappings", "base_url": service.url}
        file = with_adapter(adapter.folder, wanted, store="apart.db")
        assert _sync(file)[0] == 0
        service.answer = two_pages(9, Says(status=500))
        code, report = _sync(file)
        assert (code, report["ok"]) == (1, False)
        assert report["lacking"] == f"iias: page 2 of {service.url}/iias answered HTTP 500"
        assert (report["counts"]["iias"]["created"], report["counts"]["iias"]["changed"]) == (0, 0)


def _sync(config: Path) -> tuple[int, Any]:
    """The exit code and the report of one import."""
    done = CliRunner().invoke(app, ["sync", "--config", str(config), "--json"])
    return done.exit_code, json.loads(done.stdout)[0]
