"""Assigns rows to columns at the least total cost."""

from collections.abc import Sequence

_NEVER = 1e6


def assign(costs: Sequence[Sequence[float | None]]) -> list[tuple[int, int]]:
    """Return as many pairs (row, column) as possible, at the least total cost; a cost of None forbids the pair.

    The Hungarian method with potentials (Kuhn 1955, Munkres 1957), rows x rows x columns steps.
    """
    if not costs or not costs[0]:
        return []
    rows, columns = len(costs), len(costs[0])
    table = [[_NEVER if cost is None else cost for cost in row] for row in costs]
    if rows > columns:
        table = [list(column) for column in zip(*table, strict=True)]
    owners = _solve(table)
    pairs = [(owner, column) for column, owner in enumerate(owners) if owner >= 0 and table[owner][column] < _NEVER]
    return sorted((column, row) for row, column in pairs) if rows > columns else sorted(pairs)


def _solve(table: list[list[float]]) -> list[int]:
    """Return the row of each column, -1 for none; needs at least as many columns as rows."""
    columns = len(table[0])
    row_price = [0.0] * len(table)
    column_price = [0.0] * columns
    owner = [-1] * columns
    for row in range(len(table)):
        _place(row, table, row_price, column_price, owner)
    return owner


def _place(
    row: int, table: list[list[float]], row_price: list[float], column_price: list[float], owner: list[int]
) -> None:
    """Give one more row a column, along the cheapest chain of rows that move to another column."""
    columns = len(owner)
    slack = [float("inf")] * columns
    before = [-1] * columns
    """The column whose row would move here; -1 is the new row."""
    visited: list[int] = []
    column, current = -1, row
    while current >= 0:
        free = [other for other in range(columns) if other not in visited]
        for other in free:
            reduced = table[current][other] - row_price[current] - column_price[other]
            if reduced < slack[other]:
                slack[other], before[other] = reduced, column
        column = min(free, key=slack.__getitem__)
        step = slack[column]
        row_price[row] += step
        for other in visited:
            row_price[owner[other]] += step
            column_price[other] -= step
        for other in free:
            slack[other] -= step
        visited.append(column)
        current = owner[column]
    while column >= 0:
        previous = before[column]
        owner[column] = row if previous < 0 else owner[previous]
        column = previous
