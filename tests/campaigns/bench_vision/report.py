"""The outcome, for a person on the screen and in docs/measured.md."""

from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from tests.campaigns import measured
from tests.campaigns.bench_vision.row import Row

PLACE = "vision figures"
"""In docs/measured.md."""
_COLOURS = {True: "green", False: "red", None: "yellow"}


def as_table(rows: Sequence[Row]) -> Table:
    """The table."""
    table = Table(title="How well the agent sees, and what it costs", title_justify="left")
    table.add_column("")
    for heading in ("target", "figure"):
        table.add_column(heading)
    table.add_column("", no_wrap=True)
    for row in rows:
        verdict = f"[{_COLOURS[row.reached]}]{row.verdict}[/]"
        table.add_row(escape(row.title), escape(row.target), escape(row.figure), verdict)
    return table


def markdown(machine: dict[str, Any], rows: Sequence[Row]) -> str:
    """The table, and the machine that it is of."""
    lines = ["| | target | figure | |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.title} | {row.target} | {row.figure} | {row.verdict} |" for row in rows]
    return "\n".join(lines) + f"\n\n{measured.machine_line(machine)}"
