"""Which rows the rows of a list belong to.

The database decides which rows it gives for a key, and it may pass over case, blanks at the end or types where Python
does not. Whatever it gives is put where it belongs beyond doubt, or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ewpgw.adapters.contract import AdapterProblem
from ewpgw.adapters.mapping.faults import BadValue
from ewpgw.adapters.mapping.scalars import as_text
from ewpgw.adapters.sql.selecting import SAME_TYPE, fault, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ewpgw.adapters.mapping import MappingFile
    from ewpgw.adapters.sql.settings import SqlList, SqlSource

Row = dict[str, Any]


class Owners:
    """The rows that the rows of one list may belong to, by the column that these name.

    ``known``: the values of that column in rows that are not at hand, as far as they are known: rows of the list that
    are of those belong to nobody here.
    """

    def __init__(
        self,
        mapping: MappingFile[SqlSource],
        within: tuple[str, ...],
        spec: SqlList,
        parents: Iterable[Row],
        known: Callable[[], Iterable[object]],
    ) -> None:
        self._mapping, self._within, self._of = mapping, within, spec.of or spec.key
        self._known = known
        self._others: set[object] = set()
        self._ways: list[tuple[Callable[[str], str], dict[str, set[object]]]] = []
        self._rows: dict[object, list[Row]] = {}
        for parent in parents:
            value = parent[self._of]
            if value is not None:
                try:
                    self._rows.setdefault(value, []).append(parent)
                except TypeError:
                    raise self._problem(f"{self._of} has lists or fields of its own, which name no row") from None
        self.values = list(self._rows)

    def of(self, value: object) -> list[Row]:
        """The rows that a row of the list belongs to, by what it names. Raises AdapterProblem in case of doubt."""
        try:
            return self._rows[value]  # as most are
        except KeyError:
            found = self._alike(value)
        except TypeError:
            raise self._problem("has lists or fields of its own, which name no row") from None
        self._rows[value] = rows = self._rows.get(found, [])
        return rows

    def _alike(self, value: object) -> object:
        """The one value among those of all rows that the database must have taken for this one."""
        if not self._ways:
            self._prepare()
        if value in self._others:
            return value
        if (written := _text(value)) is not None:
            for simplified, known in self._ways:
                match list(known.get(simplified(written), ())):
                    case []:
                        continue
                    case [one]:
                        return one
                    case _:
                        raise self._problem(f"fits several rows' {self._of}, which differ by case or blanks alone")
        raise self._problem(f"equals no row's {self._of} as it is written, but the database takes it for one")

    def _prepare(self) -> None:
        self._others = set(self._known()) - self._rows.keys()
        self._ways = [(way, {}) for way in (str, _unpadded, _folded)]
        for value in (*self._rows, *self._others):
            if (written := _text(value)) is not None:
                for simplified, known in self._ways:
                    known.setdefault(simplified(written), set()).add(value)

    def _problem(self, said: str) -> AdapterProblem:
        return AdapterProblem(str(fault(self._mapping, place_of(self._within, "key"), f"{said}; {SAME_TYPE}")))


def _text(value: object) -> str | None:
    try:
        return as_text(value)
    except BadValue:
        return None


def _unpadded(text: str) -> str:
    return text.rstrip(" ")


def _folded(text: str) -> str:
    return text.rstrip(" ").casefold()
