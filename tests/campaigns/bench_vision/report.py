"""The outcome, for a person on the screen and in the README."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from tests.campaigns.bench.child import ChildError
from tests.campaigns.bench_vision.row import Row

BEGIN, END = "<!-- vision figures -->", "<!-- /vision figures -->"
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


def into_readme(path: Path, machine: dict[str, Any], rows: Sequence[Row]) -> None:
    """Replace what is between the markers. Raises ChildError when they are not there."""
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ChildError(f"{path} has no place for the figures: put {BEGIN} and {END} into it")
    path.write_text(f"{before}{BEGIN}\n\n{markdown(machine, rows)}\n{END}{after}", encoding="utf-8")


def markdown(machine: dict[str, Any], rows: Sequence[Row]) -> str:
    """The table, and the machine that it is of."""
    lines = ["| | target | figure | |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.title} | {row.target} | {row.figure} | {row.verdict} |" for row in rows]
    return "\n".join(lines) + f"\n\n({machine['processor']}, {machine['cores']} cores.)\n"
