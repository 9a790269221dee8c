"""Identifiers of courses in transcripts: which are good, and what is sent where a record has none.

Sources: ewp-specs-api-courses 0.7, response.xsd, LosID and LoiID; ewp-specs-api-imobility-tors 3, get-response.xsd,
elmo, which demands both of every course.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.model.transcript_parts import TranscriptCourse

PREFIXES: Mapping[str, str] = MappingProxyType(
    {"Degree Programme": "DEP", "Module": "MOD", "Course": "CR", "Class": "CLS"}
)
"""How identifiers begin, by the type of the course in ELMO. What has no type is a course."""

_LOS = re.compile("(?:CR|CLS|MOD|DEP)/.{1,40}")
_LOI = re.compile("(?:CRI|CLSI|MODI|DEPI)/.{1,40}")
_LONGEST = 40


def is_los_id(text: str) -> bool:
    """Whether a text is an identifier of a course."""
    return _LOS.fullmatch(text) is not None


def is_loi_id(text: str) -> bool:
    """Whether a text is an identifier of a course in one term."""
    return _LOI.fullmatch(text) is not None


def los_id(code: str | None, course_type: str | None) -> str | None:
    """What is sent as identifier of a course that has only a code; None where none can be made."""
    code = (code or "").strip()
    return f"{_prefix(course_type)}/{code}" if 0 < len(code) <= _LONGEST else None


def loi_id(los: str | None, begins: str | None) -> str | None:
    """What is sent as identifier of a course's instance: that of the course, and the day that it or its term began.

    None where none can be made.
    """
    prefix, slash, code = (los or "").partition("/")
    made = f"{code}:{(begins or '').strip()[:10]}" if begins else ""
    return f"{prefix}I/{made}" if slash and 0 < len(made) <= _LONGEST else None


def sent_los_id(course: TranscriptCourse) -> str | None:
    """The identifier that partners get for a course."""
    return course.los_id or los_id(course.code, course.type)


def sent_loi_id(course: TranscriptCourse) -> str | None:
    """The identifier that partners get for a course's instance."""
    begins = course.term.start_date if course.term is not None else course.start_date or course.end_date
    return course.loi_id or loi_id(sent_los_id(course), begins)


def _prefix(course_type: str | None) -> str:
    return PREFIXES.get((course_type or "").strip(), "CR")
