"""Pairing two lists so that the costs of all pairs together are as low as possible (the assignment problem)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def cheapest_pairs(costs: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The pairs of rows and columns whose costs add up to the least, in the order of the rows.

    ``costs`` has a row for each member of the first list and a column for each of the second. Every member of the
    shorter list is in exactly one pair. Takes time of the third power of the length at worst, and far less where most
    rows have a column of their own that is cheap.
    """
    if not costs or not costs[0]:
        return []
    if len(costs) > len(costs[0]):
        return sorted((row, column) for column, row in cheapest_pairs(list(zip(*costs, strict=True))))
    return _Assignment(costs).pairs()


class _Assignment:
    """The shortest augmenting paths of Kuhn, Munkres and Jonker-Volgenant, on whole numbers, so without rounding.

    ``_row_price`` and ``_column_price`` are the dual variables: no pair ever costs less than the prices of its row and
    its column together, and the pairs taken cost exactly that.
    """

    def __init__(self, costs: Sequence[Sequence[int]]) -> None:
        self._costs = costs
        self._rows, self._columns = len(costs), len(costs[0])
        self._row_price = [min(row) for row in costs]
        self._column_price = [0] * self._columns
        self._row_of = [-1] * self._columns

    def pairs(self) -> list[tuple[int, int]]:
        """Every row with its column."""
        for row in [row for row in range(self._rows) if not self._take_free(row)]:
            self._augment(row)
        return sorted((row, column) for column, row in enumerate(self._row_of) if row >= 0)

    def _take_free(self, row: int) -> bool:
        """Give the row a column that is cheapest for it and nobody's yet."""
        least, costs = self._row_price[row], self._costs[row]
        for column, taken_by in enumerate(self._row_of):
            if taken_by < 0 and costs[column] == least:
                self._row_of[column] = row
                return True
        return False

    def _augment(self, start: int) -> None:
        """Find the cheapest chain of exchanges at whose end a column is free, and make the exchanges."""
        costs, column_price, row_of = self._costs, self._column_price, self._row_of
        distance = [
            cost - self._row_price[start] - price for cost, price in zip(costs[start], column_price, strict=True)
        ]
        came_from = [start] * self._columns
        open_columns = set(range(self._columns))
        closed: list[int] = []
        while True:
            column = min(open_columns, key=distance.__getitem__)
            reached = distance[column]
            open_columns.remove(column)
            row = row_of[column]
            if row < 0:
                break
            closed.append(column)
            base, line = reached - self._row_price[row], costs[row]
            for other in open_columns:
                through = base + line[other] - column_price[other]
                if through < distance[other]:
                    distance[other] = through
                    came_from[other] = row
        self._row_price[start] += reached
        for each in closed:
            self._row_price[row_of[each]] += reached - distance[each]
            column_price[each] -= reached - distance[each]
        column_of = {row_of[each]: each for each in closed}
        while True:
            row = came_from[column]
            row_of[column] = row
            if row == start:
                return
            column = column_of[row]
