"""How long it takes to approve an agreement with 100 conditions, beside the network: from the call to the commit."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import structlog

from bench.figures import Figure
from ewpgw.agreements.service import Agreements
from ewpgw.intake import intake
from ewpgw.model.entities import ENTITIES
from ewpgw.model.iia import Iia
from ewpgw.records import Incoming
from ewpgw.store import Store
from ewpgw.store.copies import CopyKey, Received, put_received

if TYPE_CHECKING:
    from collections.abc import Iterator

CONDITIONS = 100
MOST_MILLISECONDS = 20.0
_OURS, _THEIRS = "north.example", "south.example"
_IIAS = ENTITIES["iias"]


def _document(owner: str, iia_id: str, other: str, others_id: str) -> dict[str, Any]:
    conditions = [
        {
            "sending_hei_id": _OURS,
            "receiving_hei_id": _THEIRS,
            "receiving_first_academic_year_id": "2027/2028",
            "receiving_last_academic_year_id": "2029/2030",
            "mobilities_per_year": str(1 + number % 7),
            "recommended_language_skill": [{"language": "en", "cefr_level": "B2"}],
            "subject_area": [{"isced_f_code": f"{number + 300:04}"}],
            "total_months_per_year": "10",
            "blended": False,
            "eqf_level": ["6", "7"],
        }
        for number in range(CONDITIONS)
    ]
    return {
        "partner": [
            {"hei_id": owner, "iia_id": iia_id, "iia_code": iia_id},
            {"hei_id": other, "iia_id": others_id, "iia_code": others_id},
        ],
        "in_effect": False,
        "cooperation_conditions": {"student_studies_mobility_spec": conditions},
    }


def _now() -> datetime:
    return datetime.now(UTC)


class _Side:
    """One institution with its store, and a partner that serves what it is to serve."""

    def __init__(self, store: Store) -> None:
        self._store = store
        way_in = intake(store, {"iias": ("iia-cnr",)}, _now, lambda: None)
        self._records = way_in.records
        self.agreements = Agreements(store, way_in.records, way_in.settling, _now)

    async def both_propose(self, our_id: str, their_id: str) -> tuple[str, str]:
        """An agreement with a copy on either side; both hashes, ours first."""
        theirs = Iia.model_validate(_document(_THEIRS, their_id, _OURS, our_id)).completed()
        ours = Iia.model_validate(_document(_OURS, our_id, _THEIRS, their_id)).completed()
        document = _document(_OURS, our_id, _THEIRS, their_id)
        outcome = await self._records.put(_OURS, "iias", Incoming(our_id, document), source="bench")
        if outcome.result != "created" or theirs.iia_hash is None or ours.iia_hash is None:
            raise AssertionError(f"the record is {outcome.result}: {outcome.problems}")
        key, now = CopyKey(_OURS, "iias", _THEIRS, their_id), _now()
        received = Received(
            _IIAS.newest.wrap([_IIAS.newest.encode(theirs).fragment]),
            json.dumps(theirs.to_json()),
            theirs.iia_hash,
            our_id,
            None,
        )
        async with self._store.transaction() as tx:
            await put_received(tx, key, received, now)
            await self.agreements.copy_changed(tx, key, now)
        return ours.iia_hash, theirs.iia_hash

    async def partner_approves(self, our_id: str, iia_hash: str) -> None:
        async with self._store.transaction() as tx:
            await self.agreements.approval_received(tx, _OURS, _THEIRS, our_id, iia_hash, b"<approval/>", None, _now())


async def _milliseconds(side: _Side, numbers: Iterator[int], repetitions: int, *, last: bool) -> float:
    """The shortest time of a core; ``last``: the partner has approved, so that ours brings it into effect."""
    times = []
    for _ in range(repetitions):
        number = next(numbers)
        our_id, their_id = f"n-{number}", f"s-{number}"
        our_hash, their_hash = await side.both_propose(our_id, their_id)
        if last:
            await side.partner_approves(our_id, our_hash)
        started = time.process_time()
        approved = await side.agreements.approve(_OURS, our_id, their_hash)
        times.append(time.process_time() - started)
        if approved.standing.in_effect is not last:
            raise AssertionError(f"{our_id} is {approved.standing.state}")
    return min(times) * 1000


async def measure(quick: bool) -> list[Figure]:
    """Approves before the partner has, and after it, when the version is kept with its evidence."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    repetitions, numbers = 3 if quick else 15, iter(range(1000))
    with TemporaryDirectory(prefix="ewpgw-bench-") as folder:
        store = await Store.open(f"sqlite:///{Path(folder) / 'store.db'}")
        try:
            side = _Side(store)
            first = await _milliseconds(side, numbers, repetitions, last=False)
            second = await _milliseconds(side, numbers, repetitions, last=True)
        finally:
            await store.close()
    return [
        Figure("approving before the partner", first, "ms", at_most=MOST_MILLISECONDS),
        Figure("approving after the partner", second, "ms", at_most=MOST_MILLISECONDS),
    ]
