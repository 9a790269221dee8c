"""Strict reading of JSON from outside: one meaning only, bounded depth, nothing that a database cannot hold."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

MAX_DEPTH = 64
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class BadJson(ValueError):
    """A text that is not JSON as it is taken here; ``reason`` says what to change and never quotes a value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(data: bytes) -> str:
    """The text of a JSON body; a byte order mark at the start is dropped.

    Raises BadJson where the bytes are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadJson(f"the body is not UTF-8 (byte {error.start}); send the JSON in UTF-8") from None


def parse(text: str, *, max_depth: int = MAX_DEPTH) -> JsonValue:
    """The value of a JSON text.

    Refused with BadJson, besides what is not JSON at all: a key given twice, NaN and infinities (also by overflow, as
    1e999), nesting deeper than ``max_depth``, integers of thousands of digits, NUL characters and lone surrogates.
    """
    try:
        value: JsonValue = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite_float
        )
    except BadJson:
        raise
    except json.JSONDecodeError as error:
        raise BadJson(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise BadJson(f"nested deeper than {max_depth} levels") from None
    except ValueError:
        raise BadJson("a number has too many digits; write it as a string or shorten it") from None
    _check(value, max_depth)
    return value


def _object(pairs: Sequence[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        seen: set[str] = set()
        repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise BadJson(f"the key {repeated[:64]!r} is given twice in one object; keep one of them")
    return fields


def _no_constant(name: str) -> JsonValue:
    raise BadJson(f"{name} is not JSON; leave the field out or send null")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise BadJson("a number is too large; the largest is about 1.8e308")
    return number


def _check(value: JsonValue, max_depth: int) -> None:
    """Walk without recursion: depth, and characters that neither XML nor PostgreSQL can hold."""
    waiting: list[tuple[JsonValue, int]] = [(value, 1)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, str):
            _check_characters(node)
        elif isinstance(node, dict | list):
            if depth > max_depth:
                raise BadJson(f"nested deeper than {max_depth} levels")
            if isinstance(node, dict):
                for name in node:
                    _check_characters(name)
                waiting.extend((child, depth + 1) for child in node.values())
            else:
                waiting.extend((child, depth + 1) for child in node)


def _check_characters(text: str) -> None:
    found = _UNSTORABLE.search(text)
    if found is None:
        return
    if found.group() == "\x00":
        raise BadJson("a text holds the NUL character (\\u0000); remove it")
    raise BadJson("a text holds half of a surrogate pair (\\ud800 to \\udfff); send the whole character")
