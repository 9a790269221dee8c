"""A source that breaks off while it is read: few news change nothing, of many each record that was taken is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ewpgw import bulk
from ewpgw.adapters.contract import Complete, Item, SourceIncomplete
from ewpgw.adapters.importing import Importer
from ewpgw.preparing import Incoming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.integration.adapters.conftest import Gateway

    Agreement = Callable[..., dict[str, object]]

NORTH, SOUTH = "north.example", "south.example"
INSTITUTION = {"hei_id": NORTH, "name": [{"value": "North", "lang": "en"}]}


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 4)


class Breaking:
    """Agreements of which ``changed`` are other than before; breaks off where all of them were read."""

    kind = "breaking"

    def __init__(self, agreement: Agreement) -> None:
        self.agreement, self.count, self.changed, self.breaks = agreement, 0, 0, False

    async def snapshot(self) -> AsyncIterator[Item | Complete]:
        yield Item("institution", "institutions", Incoming(NORTH, INSTITUTION), digest=f"at {self.changed}")
        for number in range(self.count):
            people = 7 if number < self.changed else 5
            incoming = Incoming(None, self.agreement(f"{number:03}", people=people))
            yield Item(f"{number:03}", "iias", incoming, digest=f"{people}")
        if self.breaks:
            raise SourceIncomplete("the connection was lost")
        yield Complete("institutions")
        yield Complete("iias")


@pytest.fixture
def breaking(agreement: Agreement, gateway: Gateway) -> Breaking:
    made = Breaking(agreement)
    gateway.importer = Importer(NORTH, made, gateway.store, gateway.records)  # type: ignore[arg-type]
    return made


async def changed(gateway: Gateway) -> int:
    return [await gateway.people(id_) for id_ in await gateway.served()].count(7)


async def test_a_source_that_breaks_off_amid_few_news_changes_nothing(gateway: Gateway, breaking: Breaking) -> None:
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


async def test_of_many_news_those_that_were_read_are_there_and_nothing_is_gone(
    gateway: Gateway, breaking: Breaking
) -> None:
    breaking.count = 90
    await gateway.importer.take()
    breaking.count, breaking.changed, breaking.breaks = 80, 80, True
    with pytest.raises(SourceIncomplete):
        await gateway.importer.take()
    assert len(await gateway.served()) == 90
    assert 0 < await changed(gateway) < 80
    breaking.breaks = False
    await gateway.importer.take()
    assert (len(await gateway.served()), await changed(gateway)) == (80, 80)
