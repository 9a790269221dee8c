"""Lists in pages, and the opaque cursors of those that are ordered by more than one column."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, TypeVar

from ewpgw.sis.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

ItemT = TypeVar("ItemT")


def cut(found: Sequence[ItemT], limit: int) -> tuple[Sequence[ItemT], ItemT | None]:
    """A page of ``limit`` items out of up to one more, and its last item where another page follows."""
    page = found[:limit]
    return page, page[-1] if len(found) > limit else None


def encode(*parts: str) -> str:
    """The cursor behind the item with these values in the columns of the order."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, length: int) -> tuple[str, ...]:
    """The values of a cursor that ``encode`` made of ``length`` values; refused (400) where it did not."""
    try:
        parts = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        raise unknown() from None
    if not isinstance(parts, list) or len(parts) != length or not all(_is_storable(part) for part in parts):
        raise unknown()
    return tuple(parts)


def _is_storable(part: object) -> bool:
    return isinstance(part, str) and "\x00" not in part and not any("\ud800" <= sign <= "\udfff" for sign in part)


def unknown() -> ApiError:
    """The answer for a cursor that this API did not give."""
    return ApiError(400, "bad-parameter", "after is not a cursor of this list; give the next of the page before")
