"""The day on which everybody nominates: thousands of nominations to a hundred partners, handed over in one call.

Each names an agreement, so that it is held against that and against the others under it. Every partner fetches each
nomination that it is told of. Meanwhile a coordinator's screen looks at nominations, and one is put now and then.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import aiohttp
from sqlalchemy import func, select

from bench import agreements
from bench.figures import Figure
from bench.machine import cpu_seconds, resident_mib
from bench.site import Gateway, Running, Site, opened, site
from ewpgw.demo.network import until
from ewpgw.model.omobility_examples import nomination
from ewpgw.store import tokens
from ewpgw.store.engine import fetch
from ewpgw.store.tables import work
from ewpgw.store.work import WorkKind, WorkState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ewpgw.store.engine import Store

_PARTNERS = 100
_WARM_UP = 1_000
_MOST_SECONDS = 300.0
_MOST_MILLISECONDS = 100.0
_MOST_GROWTH = 1.15
_TOKEN = "measurements"
_LOOK_SECONDS = 0.1
_NOT_DONE = (
    select(func.count())
    .select_from(work)
    .where(work.c.kind == WorkKind.DELIVERY.value, work.c.state != WorkState.DONE.value)
)


@dataclass(slots=True)
class _Watched:
    """What was seen while the nominations were on their way: milliseconds of each call, and memory in MiB."""

    gets: list[float] = field(default_factory=list)
    puts: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)


async def measure(quick: bool) -> list[Figure]:
    """Seconds until every partner has taken every notification, and what that means for the gateway meanwhile."""
    count = 1_000 if quick else 5_000
    async with site(partners=_PARTNERS, own_keys=True) as net:
        gateway = net.gateway("nominating", tls=True)
        async with opened(gateway) as store:
            await agreements.fill(store, gateway, net.partners, _PARTNERS)
            await _let_in(store)
            running = await net.run(gateway)
            await net.fetching_from(gateway)
            async with _sis(gateway) as sis:
                return await _measure(net, store, running, sis, count)


async def _measure(net: Site, store: Store, running: Running, sis: aiohttp.ClientSession, count: int) -> list[Figure]:
    gateway = running.gateway
    expected = await _put(sis, gateway, net.partners, "warm", _WARM_UP)
    await until(partial(_has_fetched, net, expected), "the first nominations are fetched", _MOST_SECONDS)
    before, core = resident_mib(running.pid), cpu_seconds(running.pid)
    started = time.time()
    async with _watching(sis, running, net.partners) as watched:
        expected = await _put(sis, gateway, net.partners, "n", count)
        put = time.time() - started
        await until(partial(_is_done, store), "every nomination is delivered", 2 * _MOST_SECONDS)
    told = await net.received()
    await until(partial(_has_fetched, net, expected), "every nomination is fetched", _MOST_SECONDS)
    core = cpu_seconds(running.pid) - core
    found = await net.received()
    return [
        Figure(f"{count:,} nominations put in one call", put, "s"),
        Figure("until the last partner was told", told.last - started, "s", at_most=_MOST_SECONDS),
        Figure("told exactly once", _once(found.told, expected), "of the nominations", at_least=1.0),
        Figure("fetched by its partner, each in a call of its own", _once(found.fetched, expected), "", at_least=1.0),
        Figure("the gateway's time on a core", core, "s"),
        Figure("most memory meanwhile", max(watched.resident), "MiB"),
        Figure(
            f"memory afterwards, of that after the first {_WARM_UP:,}",
            resident_mib(running.pid) / before,
            "",
            at_most=_MOST_GROWTH,
        ),
        *_answering("GET of a nomination", watched.gets),
        *_answering("PUT of a nomination", watched.puts),
    ]


def _answering(what: str, taken: Sequence[float]) -> list[Figure]:
    in_order = sorted(taken)
    nearly = in_order[int(len(in_order) * 0.99)]
    return [
        Figure(f"{what} meanwhile, 95 of 100", in_order[int(len(in_order) * 0.95)], "ms", at_most=_MOST_MILLISECONDS),
        Figure(f"{what} meanwhile, 99 of 100 ({len(in_order):,} were sent)", nearly, "ms", at_most=_MOST_MILLISECONDS),
    ]


def _once(counted: dict[str, int], expected: frozenset[str]) -> float:
    return sum(counted.get(pair) == 1 for pair in expected) / len(expected)


async def _let_in(store: Store) -> None:
    async with store.transaction() as tx:
        digest = sha256(_TOKEN.encode()).hexdigest()
        await tokens.create(tx, "measurements", digest, datetime.now(UTC), scopes=("read", "write"))


@asynccontextmanager
async def _sis(gateway: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{gateway.sis_port}",
        headers={"Authorization": f"Bearer {_TOKEN}"},
        raise_for_status=True,
    ) as session:
        yield session


def _document(hei_id: str, partners: Sequence[str], name: str, number: int) -> dict[str, object]:
    """A nomination under the agreement with one of the partners, which agreements.fill has numbered."""
    place = number % len(partners)
    document: dict[str, object] = deepcopy(dict(nomination(hei_id, partners[place])))
    said = document["nomination"]
    assert isinstance(said, dict)
    said["sending_hei"] = {"hei_id": hei_id, "iia_id": agreements.iia_id(place)}
    said["receiving_hei"] = {"hei_id": partners[place], "iia_id": f"theirs-{place}"}
    said |= {"sending_academic_term_ewp_id": "2027/2028-1/2", "receiving_academic_year_id": "2027/2028"}
    return {**document, "omobility_id": f"{name}-{number:05}"}


async def _put(
    sis: aiohttp.ClientSession, gateway: Gateway, partners: Sequence[str], name: str, count: int
) -> frozenset[str]:
    """Puts nominations, a line each; the pairs of partner and nomination to be told, as the partners count."""
    documents = [_document(gateway.hei_id, partners, name, number) for number in range(count)]
    lines = "".join(json.dumps(document) + "\n" for document in documents)
    async with sis.post(
        f"/api/v1/heis/{gateway.hei_id}/records/omobilities",
        data=lines.encode(),
        headers={"Content-Type": "application/x-ndjson"},
        timeout=aiohttp.ClientTimeout(total=_MOST_SECONDS),
    ) as answer:
        results = [json.loads(line)["result"] async for line in answer.content]
    assert results == ["created"] * count, "every nomination is new and accepted"
    return frozenset(
        f"{partners[number % len(partners)]} {document['omobility_id']}" for number, document in enumerate(documents)
    )


@asynccontextmanager
async def _watching(sis: aiohttp.ClientSession, running: Running, partners: Sequence[str]) -> AsyncIterator[_Watched]:
    """Calls the SIS API as people do who work beside it, until the block ends."""
    watched, ended = _Watched(), asyncio.Event()
    task = asyncio.create_task(_watch(sis, running, partners, watched, ended))
    try:
        yield watched
    finally:
        ended.set()
        await task


async def _watch(
    sis: aiohttp.ClientSession, running: Running, partners: Sequence[str], watched: _Watched, ended: asyncio.Event
) -> None:
    heis = f"/api/v1/heis/{running.gateway.hei_id}"
    number = 0
    while not ended.is_set():
        document = _document(running.gateway.hei_id, partners, "meanwhile", number)
        started = time.perf_counter()
        async with sis.put(f"{heis}/records/omobilities/{document['omobility_id']}", json=document) as answer:
            await answer.read()
        watched.puts.append((time.perf_counter() - started) * 1e3)
        for path in (f"nominations/sent/warm-{number % _WARM_UP:05}", f"nominations/sent/{document['omobility_id']}"):
            await asyncio.sleep(_LOOK_SECONDS / 3)
            started = time.perf_counter()
            async with sis.get(f"{heis}/{path}") as answer:
                await answer.read()
            watched.gets.append((time.perf_counter() - started) * 1e3)
        watched.resident.append(resident_mib(running.pid))
        number += 1
        await asyncio.sleep(_LOOK_SECONDS / 3)


async def _is_done(store: Store) -> bool:
    return int((await fetch(store, _NOT_DONE))[0][0]) == 0


async def _has_fetched(net: Site, expected: frozenset[str]) -> bool:
    return expected <= (await net.received()).fetched.keys()
