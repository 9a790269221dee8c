"""A source that breaks off while it is read changes nothing, however much of it was read."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pytest
from support.scripted_adapter import ScriptedAdapter

from ewpgw import bulk
from ewpgw.adapters.contract import Complete, Item, SourceIncomplete
from ewpgw.adapters.importing import Importer
from ewpgw.preparing import Incoming
from ewpgw.store import refusals

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from support.folder_gateway import Gateway

    from ewpgw.adapters.contract import Reading

    Agreement = Callable[..., dict[str, object]]

NORTH, SOUTH = "north.example", "south.example"
INSTITUTION = {"hei_id": NORTH, "name": [{"value": "North", "lang": "en"}]}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 4)


def place(line: int, _path: str) -> str:
    return f", in line {line}"


class Breaking(ScriptedAdapter):
    """Agreements of which ``changed`` are other than before; breaks off where all of them were read."""

    kind = "breaking"

    def __init__(self, agreement: Agreement) -> None:
        super().__init__()
        self.agreement, self.count, self.changed, self.breaks = agreement, 0, 0, False
        self.people = 7

    async def snapshot(self) -> AsyncGenerator[Reading, None]:
        yield Item("institution", "institutions", Incoming(NORTH, INSTITUTION), digest=f"at {self.changed}")
        for number in range(self.count):
            people = self.people if number < self.changed else 5
            incoming = Incoming(None, self.agreement(f"{number:03}", people=people))
            yield Item(f"{number:03}", "iias", incoming, f"{people}", partial(place, number))
        if self.breaks:
            raise SourceIncomplete("the connection was lost")
        yield Complete("institutions")
        yield Complete("iias")


@pytest.fixture
def breaking(agreement: Agreement, gateway: Gateway) -> Breaking:
    made = Breaking(agreement)
    gateway.importer = Importer(NORTH, made, gateway.store, gateway.records)
    return made


async def changed(gateway: Gateway) -> int:
    return [await gateway.people(id_) for id_ in await gateway.served()].count(7)


async def test_a_source_that_breaks_off_changes_nothing(gateway: Gateway, breaking: Breaking) -> None:
    breaking.count, breaking.breaks = 15, True
    with pytest.raises(SourceIncomplete):
        await gateway.importer.take()
    assert await gateway.served() == []
    breaking.breaks = False
    assert await gateway.importer.take() is None
    breaking.count, breaking.changed, breaking.breaks = 14, 12, True
    with pytest.raises(SourceIncomplete):
        await gateway.importer.take()
    assert (len(await gateway.served()), await changed(gateway)) == (15, 0)
    breaking.breaks = False
    await gateway.importer.take()
    assert (len(await gateway.served()), await changed(gateway)) == (14, 12)


async def test_what_is_known_does_not_count_as_news(gateway: Gateway, breaking: Breaking) -> None:
    breaking.count = 90
    await gateway.importer.take()
    breaking.changed, breaking.breaks = 12, True
    with pytest.raises(SourceIncomplete):
        await gateway.importer.take()
    assert await changed(gateway) == 0


async def test_neither_does_one_of_so_many_news_that_they_wait_in_a_file(gateway: Gateway, breaking: Breaking) -> None:
    breaking.count, breaking.breaks = 90, True
    with pytest.raises(SourceIncomplete):
        await gateway.importer.take()
    assert await gateway.served() == []
    breaking.breaks = False
    await gateway.importer.take()
    breaking.count, breaking.changed, breaking.breaks = 80, 80, True
    with pytest.raises(SourceIncomplete):
        await gateway.importer.take()
    assert (len(await gateway.served()), await changed(gateway)) == (90, 0)
    breaking.breaks = False
    await gateway.importer.take()
    assert (len(await gateway.served()), await changed(gateway)) == (80, 80)


async def test_what_waits_in_a_file_is_refused_with_all_that_its_source_says_of_it(
    gateway: Gateway, breaking: Breaking
) -> None:
    breaking.count, breaking.changed, breaking.people = 90, 90, -7
    await gateway.importer.take()
    found = {one.source: one for one in await refusals.list_page(gateway.store, NORTH, "iias")}
    assert len(found) == 90
    for number in (0, 89):
        [problem] = json.loads(found[f"breaking:{number:03}"].problems)
        assert problem["message"].endswith(f", in line {number}")
        assert json.loads(found[f"breaking:{number:03}"].document)["partner"][0]["iia_id"] == f"{number:03}"
