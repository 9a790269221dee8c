"""Preparing many records in processes: the same outcomes in the same order, whatever happens to a process."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from support.documents import iia
from support.processes import alive, children
from support.waiting import eventually

from ewpgw import bulk
from ewpgw.bulk import Preparer
from ewpgw.documents.schemas import Schemas
from ewpgw.documents.schemas import default as schemas
from ewpgw.preparing import Incoming, Prepared

NORTH, SOUTH = "north.example", "south.example"


@pytest.fixture(autouse=True)
def large_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_LARGE", 10)


def batches(count: int = 6) -> list[list[Incoming]]:
    """Batches of ten records each, of which the fourth is refused by a rule and the seventh cannot be read."""
    made = []
    for batch in range(count):
        records = [
            Incoming(None, iia(f"{batch}-{number}", owner=NORTH, partner=SOUTH), raw="raw", place=f"{batch}/{number}")
            for number in range(10)
        ]
        document = iia(f"{batch}-3", owner=SOUTH, partner=NORTH)
        records[3] = Incoming(None, document, raw="raw 3", place=f"{batch}/3")
        records[6] = Incoming(None, {"partner": []}, raw="raw 6", place=f"{batch}/6")
        made.append(records)
    return made


async def in_turn(given: list[list[Incoming]]) -> AsyncIterator[Sequence[Incoming]]:
    for batch in given:
        yield batch


async def prepared(preparer: Preparer, given: list[list[Incoming]]) -> list[list[Prepared]]:
    async with preparer.bulk() as many:
        await started(preparer)
        async with aclosing(many.in_order(NORTH, "iias", in_turn(given), "test")) as ready:
            return [batch async for batch in ready]


async def started(preparer: Preparer) -> None:
    """Wait until a process takes batches, where there are to be any."""
    if (workers := preparer.workers()) is not None:
        await eventually(lambda: workers.ready)


def of_bulk() -> list[int]:
    return [pid for pid, command in children(os.getpid()) if "ewpgw.bulk" in command]


async def test_processes_prepare_as_the_gateway_itself_does_and_end_with_the_import() -> None:
    given = batches()
    here = await prepared(Preparer(schemas(), processes=0), given)
    assert here == await prepared(Preparer(schemas(), processes=2), given)
    assert [one.id for batch in here for one in batch if one.new] == [
        f"{batch}-{number}" for batch in range(6) for number in (0, 1, 2, 4, 5, 7, 8, 9)
    ]
    assert of_bulk() == []


async def test_a_process_that_is_lost_costs_nothing_but_time() -> None:
    given = batches()
    preparer = Preparer(schemas(), processes=1)
    async with preparer.bulk() as many:
        await started(preparer)
        await many.prepare(NORTH, "iias", given[0] + given[1], "test")
        [process] = of_bulk()
        os.kill(process, signal.SIGKILL)
        found = await asyncio.gather(*(many.prepare(NORTH, "iias", batch, "test") for batch in given))
    assert found == await prepared(Preparer(schemas(), processes=0), given)
    assert not alive(process)


async def test_a_process_that_does_not_go_on_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    given = batches()
    preparer = Preparer(schemas(), processes=1)
    async with preparer.bulk() as many:
        await started(preparer)
        await many.prepare(NORTH, "iias", given[0], "test")
        [process] = of_bulk()
        os.kill(process, signal.SIGSTOP)
        monkeypatch.setattr(bulk, "_ANSWER_SECONDS", 0.1)
        found = await asyncio.wait_for(
            asyncio.gather(*(many.prepare(NORTH, "iias", each, "test") for each in given)), 30
        )
        assert not alive(process)
    assert found == await prepared(Preparer(schemas(), processes=0), given)


async def test_records_that_come_before_a_process_is_ready_do_not_wait_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    never_ready = tmp_path / "python"
    never_ready.write_text("#!/bin/sh\nexec cat >/dev/null\n")
    never_ready.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(never_ready))
    preparer, given = Preparer(schemas(), processes=1), batches()
    async with preparer.bulk() as many:
        found = [await many.prepare(NORTH, "iias", batch, "test") for batch in given]
        assert found == await prepared(Preparer(schemas(), processes=0), given)


async def test_without_a_process_everything_is_prepared_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    preparer, given = Preparer(schemas(), processes=1), batches()
    async with preparer.bulk() as many:
        found = [await many.prepare(NORTH, "iias", batch, "test") for batch in given]
        assert found == await prepared(Preparer(schemas(), processes=0), given)


@pytest.mark.parametrize("given_up", [0, 1])
async def test_a_batch_that_is_given_up_leaves_no_answer_to_the_next(given_up: int) -> None:
    given = batches()
    preparer = Preparer(schemas(), processes=1)
    async with preparer.bulk() as many:
        await started(preparer)
        await many.prepare(NORTH, "iias", given[0], "test")
        tasks = [asyncio.create_task(many.prepare(NORTH, "iias", batch, "test")) for batch in given[1:]]
        await asyncio.sleep(0)  # by now the process has two of them
        tasks.pop(given_up).cancel()
        found = await asyncio.gather(*tasks)
    given = [batch for number, batch in enumerate(given[1:]) if number != given_up]
    assert found == await prepared(Preparer(schemas(), processes=0), given)


async def test_who_waits_for_a_process_prepares_a_batch_that_waits_too() -> None:
    given, preparer = batches(5), Preparer(schemas(), processes=1)
    async with preparer.bulk() as many:
        await started(preparer)
        first = await many.prepare(NORTH, "iias", given[0], "test")
        [process] = of_bulk()
        os.kill(process, signal.SIGSTOP)
        try:
            tasks = [asyncio.create_task(many.prepare(NORTH, "iias", batch, "test")) for batch in given[1:]]
            await asyncio.sleep(0)
            many.lend_a_hand()
            many.lend_a_hand()
            third = await asyncio.wait_for(tasks[2], 20)  # the process has the first two at hand
            assert [task.done() for task in tasks] == [False, False, True, False], "one at a time"
        finally:
            os.kill(process, signal.SIGCONT)
        found = [first, await tasks[0], await tasks[1], third, await tasks[3]]
    assert found == await prepared(Preparer(schemas(), processes=0), given)


async def test_questions_and_answers_may_be_larger_than_what_a_pipe_holds() -> None:
    given = batches(4)
    for batch in given:
        for one in batch[:3]:
            document: Any = one.document
            (condition,) = document["cooperation_conditions"]["staff_teacher_mobility_spec"]
            condition["other_info_terms"] = "x" * 300_000
    preparer = Preparer(schemas(), processes=1)
    async with preparer.bulk() as many:
        await started(preparer)
        asked = [many.prepare(NORTH, "iias", batch, "test") for batch in given]
        found = await asyncio.wait_for(asyncio.gather(*asked), 30)
    assert [one.id for batch in found for one in batch if one.new] == [
        f"{batch}-{number}" for batch in range(4) for number in (0, 1, 2, 4, 5, 7, 8, 9)
    ]


async def test_what_no_process_can_be_given_is_prepared_here_and_no_process_is_lost() -> None:
    given = batches(2)
    given[1][2] = Incoming("x", {"partner": lambda: None}, place="1/2")
    preparer = Preparer(schemas(), processes=1)
    async with preparer.bulk() as many:
        await started(preparer)
        before = of_bulk()
        found = [await many.prepare(NORTH, "iias", batch, "test") for batch in given]
        assert of_bulk() == before
    refused = found[1][2]
    assert refused.new is None
    assert refused.problems
    assert [one.id for one in found[1] if one.new] == [f"1-{number}" for number in (0, 1, 4, 5, 7, 8, 9)]


async def test_few_records_start_no_process() -> None:
    preparer = Preparer(schemas(), processes=2)
    async with preparer.bulk() as many:
        many.lend_a_hand()
        await many.prepare(NORTH, "iias", batches(1)[0], "test")
        assert of_bulk() == []


async def test_garbage_is_looked_for_seldom_in_a_large_import_and_as_before_after_it() -> None:
    before, preparer = gc.get_threshold(), Preparer(schemas(), processes=1)
    async with preparer.bulk() as one:
        async with preparer.bulk() as other:
            await started(preparer)
            await other.prepare(NORTH, "iias", batches(1)[0], "test")
        assert gc.get_threshold() > before
        await one.prepare(NORTH, "iias", batches(1)[0], "test")
    assert gc.get_threshold() == before


async def test_imports_at_the_same_time_share_the_processes() -> None:
    preparer = Preparer(schemas(), processes=2)
    given = batches(4)
    async with preparer.bulk() as one, preparer.bulk() as other:
        await started(preparer)
        for batch in given:
            await asyncio.gather(one.prepare(NORTH, "iias", batch, "a"), other.prepare(NORTH, "iias", batch, "b"))
        assert 1 <= len(of_bulk()) <= 2
    assert of_bulk() == []


async def test_schemas_of_ones_own_are_not_for_processes() -> None:
    preparer = Preparer(Schemas(), processes=2)
    async with preparer.bulk() as many:
        for batch in batches(3):
            await many.prepare(NORTH, "iias", batch, "test")
        assert of_bulk() == []


async def test_an_import_that_is_given_up_leaves_no_process() -> None:
    preparer = Preparer(schemas(), processes=1)

    async def import_all() -> None:
        async with preparer.bulk() as many:
            while True:
                await many.prepare(NORTH, "iias", batches(1)[0], "test")

    task = asyncio.create_task(import_all())
    while not of_bulk():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert of_bulk() == []
