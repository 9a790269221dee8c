"""From a row of a source to the adapter contract's reading of it."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from ewpgw.adapters.contract import Item, Unreadable
from ewpgw.adapters.mapping.faults import BadValue, Unmappable
from ewpgw.adapters.mapping.scalars import as_text
from ewpgw.model.problems import Problem
from ewpgw.preparing import BY_MAPPING, VALUE, Incoming

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ewpgw.adapters.mapping.files import MappingFile

S = TypeVar("S", bound=BaseModel)
_LONGEST_KEY = 200


def row_key(mapping: MappingFile[S], row: Mapping[str, object]) -> str | None:
    """What names a row at its source; None where it has no name."""
    try:
        value = mapping.key_of(row, row)
        text = None if value is None else as_text(value)
    except BadValue:
        return None
    if not text:
        return None
    if text.isprintable() and "#" not in text and "%" not in text and len(text) <= _LONGEST_KEY:
        return text  # as most are
    # "#" parts an item's key from that of the whole it belongs to
    written = "".join(
        char
        if char.isprintable() and char not in "#%"
        else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for char in text
    )
    if len(written) > _LONGEST_KEY:
        return f"{written[:_LONGEST_KEY]}~{hashlib.sha256(written.encode()).hexdigest()[:16]}"
    return written


def row_digest(mapping: MappingFile[S], row: Mapping[str, object]) -> str:
    """A text that changes when anything in the row does, or the mapping."""
    return f"{mapping.fingerprint}:{content_digest(row)}"


def content_digest(content: object) -> str:
    """A text that changes when a row does, or several."""
    text = json.dumps(content, default=str, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def reading(
    mapping: MappingFile[S],
    row: Mapping[str, object],
    *,
    key: str | None = None,
    digest: str | None = None,
    place: str = "",
    within: str | None = None,
    lists: Collection[str] = (),
) -> Item | Unreadable:
    """The contract's reading of one row.

    - ``key``: what ``row_key`` gives, where the adapter has asked for it already
    - ``digest``: what the adapter knows to change with the row, such as the time of its last change; otherwise the
      row's content counts. The mapping's own changes are always noticed.
    - ``place``: where the row is, for people: "iias.csv, line 7"
    - ``lists``: the lists in the row of which the record is expected to take every entry
    - ``within``: the key of the larger item that the row is a part of; its key then is ``<within>#<key of the row>``

    A row without a key makes an Unreadable named after its place, which may be a row that had a key before: the adapter
    must not yield Complete for its entity then.
    """
    if key is None:
        key = row_key(mapping, row)
    if key is None:
        said = f"has nothing in {mapping.key}, which is to name it ({_where(mapping, place)}); fill it in"
        name = f"{mapping.entity}/({place or 'a row without key'})" if within is None else within
        return Unreadable(name, mapping.entity, Problem("", said, "refusal", BY_MAPPING))
    name = f"{mapping.entity}/{key}" if within is None else f"{within}#{key}"
    version = row_digest(mapping, row) if digest is None else f"{mapping.fingerprint}:{digest}"
    try:
        document = mapping.record.apply(row)
    except Unmappable as error:
        first, *more = (_placed(each, place) for each in error.problems)
        return Unreadable(name, mapping.entity, first, tuple(more))
    about = partial(_about, mapping, place)
    unwise = partial(_unwise, mapping, row, lists, place) if lists else None
    return Item(name, mapping.entity, Incoming(id=None, document=document), version, about, unwise)


def _unwise(
    mapping: MappingFile[S], row: Mapping[str, object], lists: Collection[str], place: str
) -> tuple[Problem, ...]:
    return tuple(_placed(each, place) for name in lists for each in mapping.record.passed_over(row, name))


def _about(mapping: MappingFile[S], place: str, path: str) -> str:
    """What to say behind a problem at a path of a record: where it is made, and of which row."""
    made = mapping.record.place_of(path)
    return (f" ({made})" if made else "") + (f", in {place}" if place else "")


def _placed(problem: Problem, place: str) -> Problem:
    """A problem that also says which row it is about."""
    if not place:
        return problem
    reason, mark, value = problem.message.partition(VALUE)
    return Problem(problem.path, f"{reason}, in {place}{mark}{value}", problem.severity, problem.source)


def _where(mapping: MappingFile[S], place: str) -> str:
    return f"{place}; {mapping.path.name}" if place else mapping.path.name
