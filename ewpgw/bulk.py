"""Preparing many records: beside the event loop, and in processes of their own where there are thousands.

The processes are started for a large import and end with it. They share nothing: batches go to them and come back
through pipes. When one is lost, its batch is prepared here.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Protocol, TypeAlias

import structlog

from ewpgw.documents import schemas as shipped
from ewpgw.model.entities import ENTITIES
from ewpgw.model.knowledge import NOTHING
from ewpgw.preparing import Incoming, Prepared, origin_of, prepare

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Sequence

    from ewpgw.documents.schemas import Schemas
    from ewpgw.model.knowledge import Knowledge
    from ewpgw.model.new_record import NewRecord
    from ewpgw.model.problems import Problem

    _Done: TypeAlias = "tuple[str | None, NewRecord | None, tuple[Problem, ...]]"

_log = structlog.get_logger(__name__)

Fill: TypeAlias = Callable[[str, object], object]
"""A record of a HEI as a source gives it, parsed from JSON, with what follows from the rest of it. Doing it twice is
doing it once."""

BATCH = 400
"""Records that are prepared, and stored, together."""
_BULKY_BATCH = 20
"""The same of records that may have megabytes each: with what waits, a hundred of them are in memory at a time."""
AHEAD = 3
"""Batches that may be prepared, or wait for it, while an earlier one is stored."""
_SLICE = 25
"""Records prepared in one go in a thread; the event loop gets its turns in between."""
_INLINE_CHARACTERS = 20_000
"""A single record up to this size is prepared on the event loop: some milliseconds."""
_LARGE = 300
"""So many records have to come before processes are started. A first full batch of news is hardly ever the last."""
_MOST_PROCESSES = 3
_AT_HAND = 2
"""Batches that a process has: one that it works on, and the next, so that it need not wait for whoever stores them."""
_SELDOM = 20_000
"""So many new objects are looked through for garbage together during a large import."""
_ANSWER_SECONDS = 300.0
"""What a process works on for longer is prepared elsewhere. A batch takes a second, the largest ones half a minute."""
_HEADER = 8
_READY = b"ready"


def batch_of(entity: str | None) -> int:
    """How many records of an entity are prepared, and stored, together."""
    known = ENTITIES.get(entity or "")
    return _BULKY_BATCH if known is not None and known.bulky else BATCH


class Knows(Protocol):
    """Who says what an institution's records are completed and checked with."""

    async def about(self, hei_id: str, entity: str, incoming: Sequence[Incoming]) -> Knowledge:
        """What is known for these records."""


class Preparer:
    """Prepares records of ours. ``processes``: how many there may be for large imports; 0 for none.

    ``fills``: by entity, what adds to records as they come what follows from the rest and the settings. ``knows``: who
    is asked what records are completed with once they are read; None where nothing is known.
    """

    def __init__(
        self,
        schemas: Schemas,
        processes: int | None = None,
        fills: Mapping[str, Fill] = MappingProxyType({}),
        knows: Knows | None = None,
    ) -> None:
        self._schemas = schemas
        self._fills = fills
        self._knows = knows
        if schemas is not shipped.default():
            processes = 0  # a process has the schemas that ship with the project
        self._processes = _processes() if processes is None else processes
        self._workers: _Workers | None = None
        self._users = 0
        self._thresholds = gc.get_threshold()

    async def prepare(self, hei_id: str, entity: str, incoming: Sequence[Incoming], source: str) -> list[Prepared]:
        """Records that are ready to be stored, or refused, in the same order; in a thread where it takes long."""
        known = await self.known(hei_id, entity, incoming)
        return await self.with_known(hei_id, entity, self.filled(hei_id, entity, incoming), source, known)

    async def known(self, hei_id: str, entity: str, incoming: Sequence[Incoming]) -> Knowledge:
        """What these records are completed with."""
        return NOTHING if self._knows is None else await self._knows.about(hei_id, entity, incoming)

    async def with_known(
        self, hei_id: str, entity: str, incoming: Sequence[Incoming], source: str, known: Knowledge
    ) -> list[Prepared]:
        """As ``prepare``, for records that are filled and of which it is known what they are completed with."""
        if len(incoming) == 1 and len(incoming[0].raw) <= _INLINE_CHARACTERS and not known.heavy:
            return self._work_through(hei_id, entity, incoming, source, known)
        prepared: list[Prepared] = []
        for start in range(0, len(incoming), _SLICE):
            part = incoming[start : start + _SLICE]
            prepared += await asyncio.to_thread(self._work_through, hei_id, entity, part, source, known)
        return prepared

    def filled(self, hei_id: str, entity: str, incoming: Sequence[Incoming]) -> Sequence[Incoming]:
        """Records with what follows from the rest of them; those in XML stay as they are."""
        fill = self._fills.get(entity)
        if fill is None:
            return incoming
        return [
            Incoming(one.id, fill(hei_id, one.document), one.xml, one.raw, one.place) if one.xml is None else one
            for one in incoming
        ]

    @asynccontextmanager
    async def bulk(self) -> AsyncIterator[Bulk]:
        """For an import that may be large. Processes are started when it is; several imports share them."""
        self._users += 1
        try:
            yield Bulk(self)
        finally:
            self._users -= 1
            if not self._users and self._workers is not None:
                workers, self._workers = self._workers, None
                gc.set_threshold(*self._thresholds)
                await workers.end()

    def workers(self) -> _Workers | None:
        """The processes; None where there are to be none."""
        if self._workers is None and self._processes:
            self._workers = _Workers(self._processes)
            # what is there before a large import outlives it; to look through that for garbage, again and again while
            # records come and go, took a tenth of the import's time, and to look as often as else a twentieth
            gc.collect()
            gc.freeze()
            self._thresholds = gc.get_threshold()
            gc.set_threshold(_SELDOM, *self._thresholds[1:])
        return self._workers

    def lend_a_hand(self) -> None:
        """See Bulk; nothing happens where there are no processes."""
        if self._workers is not None:
            self._workers.lend_a_hand()

    def _work_through(
        self, hei_id: str, entity: str, incoming: Sequence[Incoming], source: str, known: Knowledge
    ) -> list[Prepared]:
        kind = ENTITIES[entity]
        return [prepare(kind, hei_id, one, self._schemas, source, known) for one in incoming]


class Answer:
    """What became of a batch: as it was prepared here, or the bytes that a process has sent, until they are wanted."""

    def __init__(self, done: list[_Done] | bytes) -> None:
        self._done = done

    def packed(self) -> bytes:
        """The answer as bytes, of which another can be made."""
        return self._done if isinstance(self._done, bytes) else _packed(self._done)

    def of(self, incoming: Sequence[Incoming], source: str) -> list[Prepared]:
        """What became of each record of the batch, given in the same order."""
        given = self._done
        done: list[_Done] = pickle.loads(given) if isinstance(given, bytes) else given  # noqa: S301  (our own process)
        return [
            Prepared(one, origin_of(source, one.place), id_, new, problems)
            for one, (id_, new, problems) in zip(incoming, done, strict=True)
        ]


class Bulk:
    """One import that may be large."""

    def __init__(self, preparer: Preparer) -> None:
        self._preparer = preparer
        self._seen = 0

    async def prepare(self, hei_id: str, entity: str, incoming: Sequence[Incoming], source: str) -> list[Prepared]:
        """As Preparer.prepare; in a process once there were many. May be called several times at once."""
        return (await self.answer(hei_id, entity, incoming, source)).of(incoming, source)

    async def answer(self, hei_id: str, entity: str, incoming: Sequence[Incoming], source: str) -> Answer:
        """The same, for who does not want to look at what became of the records at once."""
        self._seen += len(incoming)
        known = await self._preparer.known(hei_id, entity, incoming)
        incoming = self._preparer.filled(hei_id, entity, incoming)
        workers = self._preparer.workers() if self._seen > _LARGE else None
        here = partial(self._preparer.with_known, hei_id, entity, incoming, source, known)
        if workers is None:
            return _answer(await here())
        return await workers.answer(hei_id, entity, incoming, source, known, here)

    def lend_a_hand(self) -> None:
        """Who waits for the processes, and has nothing else to do, prepares one of the batches that wait as well."""
        self._preparer.lend_a_hand()

    async def in_order(
        self, hei_id: str, entity: str, batches: AsyncIterable[Sequence[Incoming]], source: str
    ) -> AsyncGenerator[list[Prepared], None]:
        """Batches as they come, prepared: the next ones while the last one is worked on. Close it when done early."""
        waiting: deque[asyncio.Task[list[Prepared]]] = deque()
        try:
            async for batch in batches:
                waiting.append(asyncio.create_task(self.prepare(hei_id, entity, batch, source)))
                if len(waiting) > AHEAD:
                    yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


class _Workers:
    """Some processes, each with a batch to work on and the next one at hand.

    Until the first one has started, where none is left, and where somebody lends a hand, batches are prepared here, one
    at a time: threads that do that together hinder each other.
    """

    def __init__(self, most: int) -> None:
        self._idle: asyncio.Queue[_Worker | None] = asyncio.Queue()  # None is whoever asks, preparing it here
        self._idle.put_nowait(None)
        self._lent = False
        self._all: list[_Worker] = []
        self.ready: set[_Worker] = set()
        """Those that take batches by now."""
        self._starting = [asyncio.create_task(self._start()) for _ in range(most)]

    async def answer(
        self,
        hei_id: str,
        entity: str,
        incoming: Sequence[Incoming],
        source: str,
        known: Knowledge,
        here: Callable[[], Awaitable[list[Prepared]]],
    ) -> Answer:
        """What became of the batch in a process that is free; or ``here``."""
        asked = [one.as_handed(raw=False) for one in incoming]
        try:
            question = _packed((hei_id, entity, source, asked, known))
        except (TypeError, AttributeError, ValueError, pickle.PicklingError):
            return _answer(await here())  # an adapter's own sort of objects: no other process can have them
        while (worker := await self._idle.get()) is not None:
            try:
                answer = await worker.ask(question)
            except Exception as error:
                _log.warning("bulk.process_lost", reason=type(error).__name__)
                await self._lose(worker)
                continue
            except BaseException:
                await self._lose(worker)  # its answer would be taken for that of the next batch
                raise
            self._idle.put_nowait(worker)
            return answer
        try:
            return _answer(await here())
        finally:
            self._lent = False
            if not self.ready:
                self._idle.put_nowait(None)

    def lend_a_hand(self) -> None:
        """See Bulk."""
        if self.ready and not self._lent:
            self._lent = True
            self._idle.put_nowait(None)

    async def _lose(self, worker: _Worker) -> None:
        """Do without a process, and where it was the last one, prepare here again."""
        if worker in self.ready:
            self.ready.remove(worker)
            if not self.ready:
                self._idle.put_nowait(None)
        await worker.end()

    async def end(self) -> None:
        """End the processes."""
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._all))

    async def _start(self) -> None:
        """Start a process, and count with it as soon as it has said that it is ready."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", __name__), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
            worker = _Worker(process)
            self._all.append(worker)
            await worker.started()
        except (OSError, EOFError) as error:
            _log.warning("bulk.process_lost", reason=type(error).__name__)
        else:
            if not self.ready and not self._idle.empty():
                self._idle.get_nowait()  # from now on nothing is prepared here
            self.ready.add(worker)
            for _ in range(_AT_HAND):
                self._idle.put_nowait(worker)


class _Worker:
    """One process. It may be asked again before it has answered; answers come in the order of the questions."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()
        self._ended = False

    async def started(self) -> None:
        """Wait until the process takes questions. Raises EOFError where it ends before."""
        assert self._process.stdout is not None
        await self._process.stdout.readexactly(len(_READY))

    async def ask(self, question: bytes) -> Answer:
        """The process's answer. Raises OSError or EOFError where it is gone, TimeoutError where it does not go on."""
        to, answers = self._process.stdin, self._process.stdout
        assert to is not None
        assert answers is not None
        # not drained: the process takes the next question when its answer to this one is read
        to.write(len(question).to_bytes(_HEADER) + question)
        async with self._turn:  # those that ask wait in the order in which they wrote
            if self._ended:
                raise EOFError
            async with asyncio.timeout(_ANSWER_SECONDS):
                length = int.from_bytes(await answers.readexactly(_HEADER))
                return Answer(await answers.readexactly(length))

    async def end(self) -> None:
        """End the process, whatever it does, and wait for it. Who else waits for an answer gets EOFError."""
        self._ended = True
        with suppress(ProcessLookupError):
            self._process.kill()
        async with self._turn:
            await self._process.communicate()


def _answer(prepared: Sequence[Prepared]) -> Answer:
    return Answer([(one.id, one.new, one.problems) for one in prepared])


def _packed(thing: object) -> bytes:
    return pickle.dumps(thing, pickle.HIGHEST_PROTOCOL)


def _processes() -> int:
    """One core is for reading and storing."""
    return min(_MOST_PROCESSES, len(os.sched_getaffinity(0)) - 1) if hasattr(os, "sched_getaffinity") else 1


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Prepare what comes until no more does: what each process runs."""
    schemas = shipped.default()
    gc.freeze()  # what is there now is there to stay
    gc.disable()  # between answers there is next to nothing left, so that is when to look
    answers.write(_READY)
    answers.flush()
    while header := questions.read(_HEADER):
        data = questions.read(int.from_bytes(header))
        question = pickle.loads(data)  # noqa: S301  (from the process that started this one)
        hei_id, entity, source, asked, known = question
        kind = ENTITIES[entity]
        found = (prepare(kind, hei_id, Incoming.handed(*each), schemas, source, known) for each in asked)
        done = _packed([(one.id, one.new, one.problems) for one in found])
        answers.write(len(done).to_bytes(_HEADER) + done)
        answers.flush()
        del question, asked, found, data, done
        gc.collect()


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to a whole group; the gateway ends its processes itself
        signal.signal(number, signal.SIG_IGN)
    with suppress(BrokenPipeError):
        _serve(sys.stdin.buffer, sys.stdout.buffer)
