"""Conditional requests: ETags that are revision numbers (RFC 9110, sections 8.8.3 and 13.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ewpgw.sis.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ewpgw.records import Condition

HEADERS: Final = ("If-Match", "If-None-Match")
PATTERN: Final = r'^(\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*)$'
"""What such a header holds, for the OpenAPI document."""

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_OPAQUE = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"\s*{_OPAQUE}\s*(?:,\s*{_OPAQUE}\s*)*")


def etag(revision: int) -> str:
    """The ETag of a revision."""
    return f'"{revision}"'


def if_none_match(header: str | None, revision: int) -> bool:
    """Whether the client already has this revision (304)."""
    if header is None:
        return False
    return header.strip() == "*" or str(revision) in {tag for _weak, tag in _tags("If-None-Match", header)}


def condition(headers: Mapping[str, str]) -> Condition | None:
    """What If-Match and If-None-Match of a write demand of the revision that is there; None without either.

    If-Match names the revisions that the change may be based on, ``*`` any; weak tags never match. With
    ``If-None-Match: *`` something is created or nothing happens.
    """
    match, none_match = headers.get("If-Match"), headers.get("If-None-Match")
    if match is None and none_match is None:
        return None
    wanted = _choice("If-Match", match, weak=False)
    unwanted = _choice("If-None-Match", none_match, weak=True)

    def holds(revision: int | None) -> bool:
        if match is not None and (revision is None or not (wanted is None or str(revision) in wanted)):
            return False
        return none_match is None or revision is None or not (unwanted is None or str(revision) in unwanted)

    return holds


def _choice(name: str, header: str | None, *, weak: bool) -> frozenset[str] | None:
    """The tags of a header, None for all."""
    if header is None:
        return frozenset()
    if header.strip() == "*":
        return None
    return frozenset(tag for is_weak, tag in _tags(name, header) if weak or not is_weak)


def precondition_failed(revision: int | None) -> ApiError:
    """The answer where somebody else changed the record in the meantime."""
    state = "there is no such record" if revision is None else f"the record is at revision {revision}"
    return ApiError(
        412,
        "precondition-failed",
        f"{state}; read it again, apply your change to what is there, and send its new ETag",
        details={"revision": revision},
    )


def _tags(name: str, header: str) -> list[tuple[bool, str]]:
    if not _LIST.fullmatch(header):
        raise ApiError(400, "bad-parameter", f'{name} is not a list of ETags; send the ETag as it was given, as in "3"')
    return [(weak != "", tag) for weak, tag in _TAG.findall(header)]
