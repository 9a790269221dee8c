"""Conditional requests: ETags that are revision numbers (RFC 9110, sections 8.8.3 and 13.1)."""

from __future__ import annotations

import re

from ewpgw.sis.errors import ApiError

_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*')


def etag(revision: int) -> str:
    """The ETag of a revision."""
    return f'"{revision}"'


def if_none_match(header: str | None, revision: int) -> bool:
    """Whether the client already has this revision (304)."""
    if header is None:
        return False
    return header.strip() == "*" or str(revision) in {tag for _weak, tag in _tags("If-None-Match", header)}


def check_if_match(header: str | None, revision: int | None) -> None:
    """Refuse (412) unless the record is at one of the revisions that the client names; ``*`` is any revision.

    ``revision`` is the current one, None where there is no record. Weak tags never match.
    """
    if header is None:
        return
    if header.strip() == "*":
        matches = revision is not None
    else:
        strong = {tag for weak, tag in _tags("If-Match", header) if not weak}
        matches = revision is not None and str(revision) in strong
    if not matches:
        raise precondition_failed(revision)


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
    tags = []
    for part in header.split(","):
        match = _TAG.fullmatch(part)
        if match is None:
            raise ApiError(
                400, "bad-parameter", f'{name} is not a list of ETags; send the ETag as it was given, as in "3"'
            )
        tags.append((match.group(1) is not None, match.group(2)))
    return tags
