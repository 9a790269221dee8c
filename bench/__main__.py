"""``python -m bench``: takes the measurements and prints each figure with its bound; exit code 1 where one fails."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console

from bench import approving, catalogue, comparing, figures, memory, nominations, notifications, rates, sync, transcripts

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bench.figures import Figure

MEASUREMENTS: dict[str, tuple[str, Callable[[bool], Coroutine[None, None, list[Figure]]]]] = {
    "rates": ("Signed requests on one core", rates.measure),
    "catalogue": ("A catalogue of 5,000 institutions", catalogue.measure),
    "approving": ("Approving an agreement with 100 conditions", approving.measure),
    "comparing": ("Two copies of an agreement with 100 conditions", comparing.measure),
    "memory": ("The idle daemon", memory.measure),
    "nominations": ("Nominations to 100 partners", nominations.measure),
    "notifications": ("Notifications to 50 partners", notifications.measure),
    "transcripts": ("Transcripts of records", transcripts.measure),
    "sync": ("A first sync from a database", sync.measure),
}


def main() -> int:
    """Takes the chosen measurements."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="this measurement alone; may be repeated")
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of tables")
    parser.add_argument("--quick", action="store_true", help="shorter and less exact")
    options = parser.parse_args()
    console = Console(stderr=options.json, highlight=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the processes under test end in any case
    found: list[Figure] = []
    for name in options.only or MEASUREMENTS:
        title, measure = MEASUREMENTS[name]
        started = time.perf_counter()
        with console.status(f"{title} …"):
            new = asyncio.run(measure(options.quick))
        console.print(figures.table(f"{title} ({name}, {time.perf_counter() - started:.0f} s)", new))
        found += new
    if options.json:
        print(figures.as_json(found))
    return 0 if figures.all_kept(found) else 1


if __name__ == "__main__":
    sys.exit(main())
