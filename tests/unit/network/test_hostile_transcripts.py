"""What an answer with a transcript may cost, however hostile: it is looked at in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.examining import STATUS, answer

LARGEST = 24 * 2**20
"""What is read of a partner's answer unless the settings say otherwise, in bytes."""
BOUND = 160
"""The most MiB that looking at one answer may take, the answer itself aside."""

BEFORE = b"<learningOpportunitySpecification>"
CONTENT = b"base64,"


def _filled(place: bytes, unit: bytes, *, before: bool = True) -> bytes:
    """A good answer with as many units at a place as there is room for."""
    good = answer()
    many = unit * ((LARGEST - len(good)) // len(unit))
    return good.replace(place, many + place if before else place + many, 1)


def _attachments() -> bytes:
    good = answer()
    begin, end = good.index(b"<attachment>"), good.index(b"</attachment>") + len(b"</attachment>")
    large = good[begin:end].replace(CONTENT, CONTENT + b"AAAA" * 1_200_000)
    return good[:begin] + large * 4 + good[end:]


def _attributes() -> bytes:
    attributes = b" ".join(b'a%x=""' % number for number in range(700_000))
    return answer().replace(BEFORE, (b"<a " + attributes + b"/>") * 2 + BEFORE, 1)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "the smallest elements": (lambda: _filled(BEFORE, b"<a/>"), "tags"),
    "attributes": (_attributes, "attributes"),
    "comments": (lambda: _filled(BEFORE, b"<!---->"), "tags"),
    "one text": (lambda: _filled(CONTENT, b"AAAA", before=False), "too long"),
    "another encoding": (
        lambda: _filled(BEFORE, b"<a/>").replace(b'encoding="UTF-8"', b'encoding="UTF-7"', 1),
        "encoding",
    ),
    "attachments as large as they may be": (_attachments, "good"),
}


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells how much memory a process has had at most")
@pytest.mark.parametrize("name", HOSTILE)
def test_looking_at_the_largest_answers_takes_a_bounded_amount_of_memory(name: str, tmp_path: Path) -> None:
    make, said = HOSTILE[name]
    file = tmp_path / "answer.xml"
    file.write_bytes(make())
    assert 9_000_000 < file.stat().st_size <= LARGEST
    folder = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "support.examining", str(file)],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = json.loads(done.stdout)
    assert said in found["words"]
    assert found["mib"] < BOUND, found
