"""Values of the store as the answers show them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import JsonValue, TypeAdapter

from ewpgw.sis.errors import ProblemView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ewpgw.model.problems import Problem

_PROBLEMS = TypeAdapter(list[ProblemView])


def problems(found: Iterable[Problem]) -> list[ProblemView]:
    """Problems of a record."""
    return [
        ProblemView(path=each.path, message=each.message, severity=each.severity, source=each.source) for each in found
    ]


def stored_problems(text: str | None) -> list[ProblemView]:
    """Problems that the store keeps as JSON text."""
    return [] if text is None else _PROBLEMS.validate_json(text)


def document(text: str | None) -> JsonValue:
    """A document that the store keeps as JSON text."""
    value: JsonValue = None if text is None else json.loads(text)
    return value
