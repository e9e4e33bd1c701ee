"""The outcome, for a person on the screen and in docs/measured.md."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from tests.campaigns import measured
from tests.campaigns.bench_vision import budgets, false_alerts, stress, who
from tests.campaigns.bench_vision.row import Row

PLACES = {
    "": "vision figures",
    stress.SHEET: "vision variants",
    budgets.SHEET: "vision budgets",
    false_alerts.SHEET: "vision negatives",
    who.SHEET: "who is seen",
}
"""In docs/measured.md, by sheet."""
_COLOURS = {True: "green", False: "red", None: "yellow"}


def as_tables(rows: Sequence[Row]) -> Group:
    """The table of all that stands alone, and then the sheets."""
    tables = []
    for sheet, of_it in _sheets(rows).items():
        table = Table(title=sheet or "How well the agent sees, and what it costs", title_justify="left")
        for heading in ("", "target", *_columns(of_it)):
            table.add_column(heading, overflow="fold")
        table.add_column("", no_wrap=True)
        for row in of_it:
            cells = [row.title, row.target, *_cells(row, _columns(of_it))]
            table.add_row(*map(escape, cells), f"[{_COLOURS[row.reached]}]{row.verdict}[/]")
        tables.append(table)
    return Group(*tables)


def markdown(machine: dict[str, Any], rows: Sequence[Row]) -> dict[str, str]:
    """For each place its table, and the machine that it is of."""
    tables = {}
    for sheet, of_it in _sheets(rows).items():
        columns = _columns(of_it)
        lines = [f"| | target | {' | '.join(columns)} | |", f"| {' | '.join(['---'] * (len(columns) + 3))} |"]
        lines += [f"| {' | '.join([row.title, row.target, *_cells(row, columns), row.verdict])} |" for row in of_it]
        tables[PLACES[sheet]] = "\n".join(lines) + f"\n\n{measured.machine_line(machine)}"
    return tables


def _sheets(rows: Sequence[Row]) -> dict[str, list[Row]]:
    sheets: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: bool(row.sheet)):
        sheets.setdefault(row.sheet, []).append(row)
    return sheets


def _columns(rows: Sequence[Row]) -> list[str]:
    return next((list(row.cells) for row in rows if row.cells), ["figure"])


def _cells(row: Row, columns: list[str]) -> list[str]:
    """Why there is no figure stands in the first column."""
    return [row.cells[name] for name in columns] if row.cells else [row.figure] + [""] * (len(columns) - 1)
