"""Decisions on their way to the institution's system: whatever the feed tells of, in its order, until it is taken."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ewpgw.adapters import runner as runner_module
from ewpgw.adapters.contract import AdapterProblem, Decision
from ewpgw.adapters.deciding import NO_DECISIONS, decision_of
from ewpgw.adapters.runner import AdapterRunner
from ewpgw.model.iia_states import MappingState
from ewpgw.store import agreements, copies, decisions, feed
from ewpgw.store.copies import CopyKey, Received
from ewpgw.store.decisions import DecisionKey, NewDecision
from ewpgw.store.feed import FeedKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from support.folder_gateway import Gateway, Source

    Until = Callable[[Callable[[], object]], Awaitable[None]]

NORTH, SOUTH = "north.example", "south.example"
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow at once, so that tests wait for conditions alone."""
    monkeypatch.setattr(runner_module, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(runner_module, "_LONGEST_PAUSE", 0.02)


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[AdapterRunner]:
    runner = AdapterRunner(NORTH, gateway.adapter, gateway.store, gateway.records, lambda: NOW)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()


async def _happens(gateway: Gateway, kind: FeedKind, id_: str | None, entity: str = "iias") -> None:
    async with gateway.store.transaction() as tx:
        await feed.append(tx, NORTH, kind, NOW, entity=entity, partner=SOUTH, id=id_)


async def test_decisions_go_into_the_inbox_in_the_order_of_the_feed_and_other_news_do_not(
    gateway: Gateway, source: Source, until: Until
) -> None:
    await _happens(gateway, FeedKind.DELIVERY_FAILED, "N1")
    await _happens(gateway, FeedKind.APPROVAL_RECEIVED, "N1")
    received = Received(body=b"<first/>", document="{}", content_hash="first")
    async with gateway.store.transaction() as tx:
        await copies.put_received(tx, CopyKey(NORTH, "iias", SOUTH, "S1"), received, NOW)
    await _happens(gateway, FeedKind.MUTUALLY_APPROVED, "N1")
    inbox = source.path / "inbox"
    async with running(gateway):
        await until((inbox / "decisions/000000000004.json").exists)
    assert (inbox / "iias/south.example/S1.json").exists()
    assert [file.name for file in sorted((inbox / "decisions").iterdir())] == ["000000000002.json", "000000000004.json"]
    assert json.loads((inbox / "decisions/000000000004.json").read_bytes()) == {
        "hei_id": NORTH,
        "number": 4,
        "what": "mutually-approved",
        "entity": "iias",
        "partner": SOUTH,
        "id": None,
        "our_id": "N1",
        "verdict": None,
        "comment": None,
        "at": NOW.isoformat(),
    }


async def test_a_decision_is_repeated_until_it_is_taken_and_later_ones_wait(gateway: Gateway, until: Until) -> None:
    taken: list[tuple[int, str]] = []
    fails = [AdapterProblem("the system is down"), RuntimeError("unforeseen")]

    async def decided(decision: Decision) -> None:
        if fails:
            raise fails.pop(0)
        taken.append((decision.number, decision.what))

    gateway.adapter.decided = decided  # type: ignore[method-assign]
    await _happens(gateway, FeedKind.AGREEMENT_MAPPED, "N1")
    await _happens(gateway, FeedKind.APPROVAL_GIVEN, "N1")
    async with running(gateway):
        await until(lambda: len(taken) == 2)
    assert taken == [(1, "agreement-mapped"), (2, "approval-given")]


async def test_a_decision_says_what_is_known_beside_the_news(gateway: Gateway) -> None:
    standing = agreements.fresh("N1", SOUTH, NOW)
    mapped = replace(standing, mapping=MappingState.MAPPED, their_id="S1", how="person", mapped_at=NOW)
    rejection = NewDecision(DecisionKey(NORTH, "omobilities", SOUTH, "M1"), "p", "rejected", "zu spät", b"<update/>")
    async with gateway.store.transaction() as tx:
        await agreements.put(tx, NORTH, mapped)
        await decisions.put(tx, rejection, NOW)
    await _happens(gateway, FeedKind.APPROVAL_RECEIVED, "N1")
    await _happens(gateway, FeedKind.DECISION_MADE, "M1", "omobilities")
    await _happens(gateway, FeedKind.NOMINATION_DELIVERED, "M2", "omobilities")
    await _happens(gateway, FeedKind.APPROVAL_RECEIVED, "X", "an-entity-to-come")
    await _happens(gateway, FeedKind.RECORD_REFUSED, "N1")
    told = [await decision_of(gateway.store, entry) for entry in await feed.read(gateway.store, NORTH)]
    known = [one and (one.number, one.id, one.our_id, one.verdict, one.comment) for one in told]
    assert known == [
        (1, "S1", "N1", None, None),
        (2, "M1", None, "rejected", "zu spät"),
        (3, "M2", None, None, None),
        (4, "X", None, None, None),
        None,
    ]


@pytest.mark.parametrize("kind", [kind for kind in FeedKind if kind not in NO_DECISIONS])
async def test_whatever_is_decided_is_handed_over(gateway: Gateway, kind: FeedKind) -> None:
    for entity in ("iias", "omobilities", "omobility-las", "imobilities"):
        await _happens(gateway, kind, "X1", entity)
    for entry in await feed.read(gateway.store, NORTH):
        found = await decision_of(gateway.store, entry)
        assert found is not None
        assert (found.what, found.partner, found.at) == (kind.value, SOUTH, NOW)
        assert "X1" in (found.id, found.our_id)
