"""How long it takes to compare two copies of an agreement with 100 conditions, and to say how alike they are."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.figures import Figure
from ewpgw.model.iia import Iia
from ewpgw.model.iia_diff import differences
from ewpgw.model.iia_likeness import likeness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CONDITIONS = 100
MOST_MILLISECONDS = 50.0
_REPETITIONS = 15
"""The shortest counts, in time of a core: what others do on the machine can only make one longer."""
_OURS, _THEIRS = "north.example", "south.example"


def _condition(number: int, **changes: object) -> dict[str, object]:
    sending, receiving = (_OURS, _THEIRS) if number % 2 else (_THEIRS, _OURS)
    return {
        "sending_hei_id": sending,
        "receiving_hei_id": receiving,
        "receiving_first_academic_year_id": "2027/2028",
        "receiving_last_academic_year_id": "2029/2030",
        "mobilities_per_year": str(1 + number % 7),
        "recommended_language_skill": [{"language": "en", "cefr_level": "B2"}],
        "subject_area": [{"isced_f_code": f"{number + 300:04}"}],
        "total_months_per_year": "10",
        "blended": False,
        "eqf_level": ["6", "7"],
        **changes,
    }


def _copy(owner: str, conditions: Sequence[dict[str, object]]) -> Iia:
    partners = [{"hei_id": _OURS, "iia_id": "n-1"}, {"hei_id": _THEIRS, "iia_id": "s-9"}]
    data: dict[str, Any] = {
        "partner": partners if owner == _OURS else partners[::-1],
        "in_effect": False,
        "cooperation_conditions": {"student_studies_mobility_spec": list(conditions)},
    }
    return Iia.model_validate(data)


def _cases() -> dict[str, tuple[Iia, Iia]]:
    """Two copies each: as they should be, as they are, and the worst there is."""
    chance = random.Random(1)
    numbers = list(range(CONDITIONS))
    ours = _copy(_OURS, [_condition(number) for number in numbers])
    chance.shuffle(numbers)
    one_way = [2 * number for number in range(CONDITIONS)]
    areas = [{"isced_f_code": "0314"}]

    def any_number(number: int) -> dict[str, object]:
        levels = chance.sample(["5", "6", "7", "8"], 2)
        return _condition(number, subject_area=areas, mobilities_per_year=chance.randint(1, 50), eqf_level=levels)

    return {
        "equal but for the order": (ours, _copy(_THEIRS, [_condition(number) for number in numbers])),
        "a number changed in each condition": (
            ours,
            _copy(_THEIRS, [_condition(number, mobilities_per_year="9") for number in numbers]),
        ),
        "hardly to be told apart": (
            _copy(_OURS, [any_number(number) for number in one_way]),
            _copy(_THEIRS, [any_number(number) for number in one_way]),
        ),
    }


def _milliseconds(work: Callable[[], object], repetitions: int) -> float:
    times = []
    for _ in range(repetitions):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) * 1000


async def measure(quick: bool) -> list[Figure]:
    """Compares copies that differ in nothing, in some things, and in everything."""
    repetitions = 3 if quick else _REPETITIONS
    found = []
    for name, (one, other) in _cases().items():
        taken = _milliseconds(partial(differences, one, other), repetitions)
        found.append(Figure(f"diff, {name}", taken, "ms", at_most=MOST_MILLISECONDS))
        taken = _milliseconds(partial(likeness, one, other), repetitions)
        found.append(Figure(f"likeness, {name}", taken, "ms", at_most=MOST_MILLISECONDS))
    return found
