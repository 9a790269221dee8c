"""How long it takes to encode and validate a transcript of 20 courses, and to answer with an index of 20 000."""

from __future__ import annotations

import tempfile
import time
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.figures import Figure
from ewpgw.apis.answers import document
from ewpgw.documents.schemas import default as schemas
from ewpgw.model.entities import ENTITIES
from ewpgw.model.new_record import NewRecord
from ewpgw.model.transcript import Transcript
from ewpgw.model.transcript_examples import transcript
from ewpgw.preparing import encoded
from ewpgw.store import Store, record_writes, records

if TYPE_CHECKING:
    from collections.abc import Callable

COURSES, TRANSCRIPTS = 20, 20_000
MOST_ENCODING, MOST_INDEX = 10.0, 50.0
_REPETITIONS = 15
"""The shortest counts, in time of a core: what others do on the machine can only make one longer."""
_OURS, _THEIRS = "north.example", "south.example"
_ENTITY = ENTITIES["imobility-tors"]
_INDEX = _ENTITY.newest.namespace.replace("get-response", "index-response")


def _record() -> Transcript:
    data: dict[str, Any] = deepcopy(transcript(_OURS, _THEIRS))
    del data["attachment"]
    first = data["course"][0]
    del first["part"]
    data["course"] = [{**deepcopy(first), "los_id": f"CR/{number}", "code": f"C-{number}"} for number in range(COURSES)]
    return Transcript.model_validate(data)


def _milliseconds(work: Callable[[], object], repetitions: int) -> float:
    times = []
    for _ in range(repetitions):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) * 1000


async def _index(store: Store, repetitions: int) -> float:
    times = []
    for _ in range(repetitions):
        started = time.process_time()
        ids = await records.index(store, _OURS, _ENTITY.name, {_THEIRS})
        told = dict.fromkeys(_ENTITY.told_id(each) for each in ids)
        document(_INDEX, "imobility-tors-index-response", [("omobility-id", each) for each in told])
        times.append(time.process_time() - started)
        assert len(told) == TRANSCRIPTS
    return min(times) * 1000


async def _fill(store: Store) -> None:
    now = datetime.now(UTC)
    for start in range(0, TRANSCRIPTS, 1000):
        news = [
            NewRecord(
                hei_id=_OURS,
                entity=_ENTITY.name,
                id=f"{_THEIRS}:S-{number:06}",
                document="{}",
                encodings={3: b"<tor/>", 2: b"<tor/>"},
                partners=frozenset({_THEIRS}),
                source="bench",
                academic_years=frozenset({"2026/2027"}),
            )
            for number in range(start, start + 1000)
        ]
        async with store.transaction() as tx:
            await record_writes.put_many(tx, news, now)


async def measure(quick: bool) -> list[Figure]:
    """Encodes and validates in both versions of the API and in the newest alone; answers with the whole index."""
    repetitions, record = 3 if quick else _REPETITIONS, _record()
    checked = schemas()
    encoded(_ENTITY, record, checked)  # the schemas are read once
    both = _milliseconds(lambda: encoded(_ENTITY, record, checked), repetitions)
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(f"sqlite:///{Path(folder) / 'bench.db'}")
        try:
            await _fill(store)
            index = await _index(store, repetitions)
        finally:
            await store.close()
    return [
        Figure(f"{COURSES} courses encoded and validated, both versions", both, "ms", at_most=MOST_ENCODING),
        Figure(f"an index of {TRANSCRIPTS:,} transcripts", index, "ms", at_most=MOST_INDEX),
    ]
