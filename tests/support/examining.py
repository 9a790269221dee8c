"""Looks at one answer of a partner's in a process of its own, and prints what came of it and the memory that it took.

``python -m support.examining FILE``; what is printed is JSON: ``words`` and ``mib``.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from ewpgw.documents.schemas import default as schemas
from ewpgw.network.received import GoodCopy, Invalid, examine, reading_of_transcripts
from ewpgw.transcripts.configured import Configuration
from support.transcribing import TORS, given

STATUS = Path("/proc/self/status")
"""Where Linux tells how much memory a process has had at most."""


def answer() -> bytes:
    """An answer with a transcript as it should be."""
    record = TORS.from_json("south.example", given("south.example", "north.example", "n1")).record
    assert record is not None
    return TORS.newest.wrap([TORS.newest.encode(record).fragment])


def look(body: bytes) -> str:
    """What the gateway has to say of an answer."""
    reading = reading_of_transcripts(Configuration(), lambda: datetime.now(UTC))
    found = examine(
        body,
        TORS.newest,
        "n1",
        hei_id="north.example",
        partner="south.example",
        schemas=schemas(),
        max_bytes=reading.max_bytes,
        most_elements=reading.most_elements,
        look=reading.look,
    )
    if isinstance(found, Invalid):
        return found.problems[0].message
    return "good" if isinstance(found, GoodCopy) else "gone"


def _peak() -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])


def main() -> None:
    """Look at the good answer first, so that everything is loaded, then at the file."""
    assert look(answer()) == "good"
    body = Path(sys.argv[1]).read_bytes()
    before = _peak()
    words = look(body)
    print(json.dumps({"words": words, "mib": (_peak() - before) // 1024}))


if __name__ == "__main__":
    main()
