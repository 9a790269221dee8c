"""Which components of two lists are the same course.

A change names the component it is about only by what stands in it: there is no identifier of a line. So components
belong together by the instance of a course (``loi_id``), then by the course (``los_id``), then by the code that people
know, then by the title; among equals, the ones of the same term first. Those that contradict each other in an
identifier are never brought together by their titles (ewp-specs-api-omobility-las 1, get-response.xsd, component, says
what each of the four is worth).
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING

from ewpgw.model.learning_agreement_words import FIELDS, said, term

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from ewpgw.model.learning_agreement_parts import Component


_LOOKED_AT = 100
"""How many of those that are called the same are tried: a hostile list could have thousands that all contradict."""


def paired(first: Sequence[Component], second: Sequence[Component]) -> dict[int, int]:
    """The positions in the second list of what is the same course in the first, by the positions there.

    No position occurs twice: where a course stands in a list two times, it needs two counterparts.
    """
    open_first, open_second = dict(enumerate(first)), dict(enumerate(second))
    found: dict[int, int] = {}
    for key in _KEYS:
        waiting: defaultdict[Hashable, list[int]] = defaultdict(list)
        for position, component in open_second.items():
            waiting[key(component)].append(position)
        for position, component in list(open_first.items()):
            if (value := key(component)) is None:
                continue
            candidates = islice(waiting[value], _LOOKED_AT)
            match = next((each for each in candidates if not _contradict(component, second[each])), None)
            if match is not None:
                waiting[value].remove(match)
                del open_first[position], open_second[match]
                found[position] = match
    return found


def _contradict(one: Component, other: Component) -> bool:
    """Whether the two say themselves that they are different courses."""
    if _loi(one) is not None and _loi(one) == _loi(other):
        return False
    for identifier in (_los, _code):
        values = identifier(one), identifier(other)
        if None not in values:
            return values[0] != values[1]
    return False


def _same_letters(text: str | None) -> str | None:
    given = said(text)
    return unicodedata.normalize("NFKC", given).casefold() if given is not None else None


def _code(component: Component) -> str | None:
    return _same_letters(component.los_code)


def _title(component: Component) -> str | None:
    return _same_letters(component.title)


def _los(component: Component) -> str | None:
    return said(component.los_id)


def _loi(component: Component) -> str | None:
    return said(component.loi_id)


def _content(component: Component) -> Hashable:
    return tuple(field.value(component) for field in FIELDS)


def _with_term(key: Callable[[Component], str | None]) -> Callable[[Component], Hashable]:
    def both(component: Component) -> Hashable:
        value = key(component)
        return None if value is None else (value, term(component))

    return both


_KEYS: tuple[Callable[[Component], Hashable], ...] = (
    _content,
    _loi,
    _with_term(_los),
    _los,
    _with_term(_code),
    _code,
    _with_term(_title),
    _title,
)
