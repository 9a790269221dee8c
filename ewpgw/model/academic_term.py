"""Academic years (EWP types AcademicTerm)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from ewpgw.model.lexical import Lexical

AcademicYearId = Annotated[str, Lexical("an academic year such as 2026/2027", "[0-9]{4}/[0-9]{4}")]

_YEARS = re.compile("([0-9]{4})/([0-9]{4})")


@dataclass(frozen=True, slots=True, order=True)
class AcademicYear:
    """An academic year, in order of time. ``first`` and ``last`` are calendar years."""

    first: int
    last: int

    @classmethod
    @lru_cache(maxsize=500)
    def read(cls, text: str) -> AcademicYear:
        """The year an AcademicYearId stands for.

        ``2026/2027`` is a year of the northern hemisphere, ``2026/2026`` one of the southern; other pairs raise
        ValueError (ewp-specs-types-academic-term, AcademicYearId).
        """
        found = _YEARS.fullmatch(text)
        if found is None or int(found[2]) - int(found[1]) not in (0, 1):
            raise ValueError(f"{text!r} is no academic year: its two years must follow each other or be the same")
        return cls(int(found[1]), int(found[2]))

    @property
    def southern(self) -> bool:
        """Whether the year is a calendar year, as in the southern hemisphere."""
        return self.first == self.last
