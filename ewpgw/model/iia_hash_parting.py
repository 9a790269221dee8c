"""Where the texts that the hashes of two copies cover part.

The hashes of the two sides' copies need never be equal: each covers the identifiers in the order of its own partners,
its own order of conditions and its own notation, and each side approves the *other's* hash. So the texts are compared
as if the partners stood in the same order, and what is then still unlike is shown: it is either a real difference, or
an order or notation that the eye does not see. For two versions of one copy the first place where the texts part is
exactly why the hash has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ewpgw.model.iia_hash import hashed_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml import etree


@dataclass(frozen=True, slots=True)
class HashParting:
    """The first place where two hash texts are unlike.

    ``a`` and ``b`` are the parts of the texts there, empty where that text has ended. ``before`` is the last part that
    is common to both, empty at the very beginning. ``offset`` is how many characters the texts have in common before
    the parts; the identifiers of the partners are then in the order of the first copy. ``condition`` counts the
    cooperation conditions from 1, in the order of the document; 0 stands for what comes before them.
    """

    offset: int
    condition: int
    before: str
    a: str
    b: str

    @property
    def words(self) -> str:
        """The place in words."""
        where = f"in condition {self.condition}" if self.condition else "before the conditions"
        if not self.a or not self.b:
            ended, longer = ("first", "second") if not self.a else ("second", "first")
            return f"{where}: the {ended} text ends here, the {longer} goes on"
        if self.a.split() == self.b.split():
            return f"{where}: the two differ in blanks only"
        return (
            f"{where}: {_name(self.a)}" if _name(self.a) == _name(self.b) else f"{where}: not the same element follows"
        )


def hash_texts_part(a: etree._Element, b: etree._Element) -> HashParting | None:
    """Compare the hash texts of two ``iia`` elements; None where they are alike but for the order of the partners."""
    parts_a, parts_b = hashed_parts(a), hashed_parts(b)
    if _owner(a) != _owner(b):
        parts_b = _partners_swapped(parts_b)
    return parting(parts_a, parts_b)


def parting(parts_a: Sequence[str], parts_b: Sequence[str]) -> HashParting | None:
    """Compare two hash texts given in their parts (``iia_hash.hashed_parts``); None where they are the same."""
    if "".join(parts_a) == "".join(parts_b):
        return None
    common = 0
    while parts_a[common : common + 1] == parts_b[common : common + 1]:
        common += 1
    return HashParting(
        offset=sum(map(len, parts_a[:common])),
        condition=_condition(parts_a[:common], (*parts_a[common : common + 1], *parts_b[common : common + 1])),
        before=parts_a[common - 1] if common else "",
        a=parts_a[common] if common < len(parts_a) else "",
        b=parts_b[common] if common < len(parts_b) else "",
    )


_FIRST, _SECOND = "_iia-id_1=", "_iia-id_2="
_BEFORE_CONDITIONS = (_FIRST, _SECOND, "_@terminated-as-a-whole@_")
_END_OF_CONDITION = "_receiving-last-academic-year-id="


def _partners_swapped(parts: Sequence[str]) -> list[str]:
    """The parts as if the other partner came first."""
    first = [_FIRST + part.removeprefix(_SECOND) for part in parts if part.startswith(_SECOND)]
    second = [_SECOND + part.removeprefix(_FIRST) for part in parts if part.startswith(_FIRST)]
    start = next((at for at, part in enumerate(parts) if part.startswith(_FIRST)), 0)
    rest = [part for part in parts if not part.startswith((_FIRST, _SECOND))]
    return [*rest[:start], *first, *second, *rest[start:]]


def _condition(common: Sequence[str], parting: Sequence[str]) -> int:
    """In which condition the parts are that follow the common ones."""
    if any(part.startswith(_BEFORE_CONDITIONS) for part in parting):
        return 0
    return 1 + sum(part.startswith(_END_OF_CONDITION) for part in common)


def _name(part: str) -> str:
    return part.strip("_@").partition("=")[0]


def _owner(iia: etree._Element) -> str:
    return next((element.text or "" for element in iia.iterfind("{*}partner/{*}hei-id")), "")
