"""The student system Lyceum, as its programming interface might be: a file with two lists, ours and our partners'.

Whoever writes a real adapter has such a module already: the client library of the vendor, or a few calls of a service.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_UN, flock
from pathlib import Path
from typing import Any


class LyceumDown(Exception):
    """The system cannot be used at present."""


@dataclass(frozen=True)
class Agreement:
    """An agreement as Lyceum keeps it: flat, with words of its own. ``changed`` counts its changes."""

    number: str
    changed: int
    partner: str
    signed: bool
    students_out: int
    students_in: int
    language: str
    first_year: int
    last_year: int


class Lyceum:
    """One installation of the system."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def agreements(self) -> Iterator[Agreement]:
        """All agreements, by number. Raises LyceumDown."""
        for row in sorted(self._content()["agreements"], key=lambda row: str(row["number"])):
            yield Agreement(**row)

    def put_agreement(self, **row: object) -> None:
        """What the staff do in Lyceum's own windows."""
        with self._changing() as content:
            others = [one for one in content["agreements"] if one["number"] != row["number"]]
            content["agreements"] = [*others, row]

    def remove_agreement(self, number: str) -> None:
        """What the staff do when an agreement was a mistake."""
        with self._changing() as content:
            content["agreements"] = [one for one in content["agreements"] if one["number"] != number]

    def keep_foreign(self, partner: str, number: str, document: Mapping[str, object] | None, remark: str) -> None:
        """Keep what a partner says of an agreement. Doing it twice changes nothing. Raises LyceumDown."""
        with self._changing() as content:
            content["foreign"][f"{partner}/{number}"] = {"document": document, "remark": remark}

    def remark_on_foreign(self, partner: str, number: str, remark: str) -> None:
        """Note something about what is kept of a partner. Raises LyceumDown."""
        with self._changing() as content:
            content["foreign"].setdefault(f"{partner}/{number}", {"document": None})["remark"] = remark

    def foreign(self) -> dict[str, dict[str, object]]:
        """What is kept of partners, by partner and their number."""
        return dict(self._content()["foreign"])

    def _content(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise LyceumDown(f"{self._file} cannot be read: {error}") from error
        return content

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The content, to be changed by one process at a time, and written whole or not at all."""
        try:
            with self._file.with_suffix(".lock").open("w") as lock:
                flock(lock, LOCK_EX)
                content = self._content()
                yield content
                new = self._file.with_suffix(".new")
                with new.open("w", encoding="utf-8") as file:
                    json.dump(content, file, ensure_ascii=False)
                    file.flush()
                    os.fsync(file.fileno())
                new.replace(self._file)
                flock(lock, LOCK_UN)
        except OSError as error:
            raise LyceumDown(f"{self._file} cannot be written: {error}") from error
