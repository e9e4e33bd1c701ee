"""The table of a day for a person, and its record for machines."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from tests.campaigns import measured
from tests.campaigns.emulation.book import Row

PLACE = "emulated day"
"""In docs/measured.md."""


def as_table(rows: Sequence[Row]) -> Table:
    """The rows, by step."""
    table = Table(title="what the package did on emulated machines", title_justify="left")
    table.add_column("")
    table.add_column("seen")
    table.add_column("s", justify="right", no_wrap=True)
    for step, group in groupby(rows, key=lambda row: row.step):
        table.add_section()
        table.add_row(f"[italic]{step}[/]")
        for row in group:
            colour, mark = ("green", "✓") if row.fault is None else ("red", "✗")
            seen = row.seen if row.fault is None else row.fault.splitlines()[0]
            table.add_row(f"[{colour}]{mark}[/] {escape(row.title)}", escape(seen), f"{row.seconds:.1f}")
    return table


def markdown(machine: dict[str, Any], rows: Sequence[Row], seconds: float) -> str:
    """The table, and the machine that it is of."""
    lines = ["| step | what had to be so | seen |", "| --- | --- | --- |"]
    for step, group in groupby(rows, key=lambda row: row.step):
        for number, row in enumerate(group):
            cells = (step if number == 0 else "", row.title, row.seen if row.fault is None else f"FAILED: {row.fault}")
            lines.append(f"| {' | '.join(map(measured.cell, cells))} |")
    return "\n".join(lines) + f"\n\n{measured.machine_line(machine, seconds=seconds)}"


def write_json(path: Path, rows: Sequence[Row], more: dict[str, Any]) -> None:
    """Everything in numbers."""
    listed = [
        {
            "step": row.step,
            "title": row.title,
            "passed": row.fault is None,
            "seen": row.seen,
            "seconds": row.seconds,
            "figures": row.figures,
            "fault": row.fault,
        }
        for row in rows
    ]
    measured.write_record(path, {**more, "rows": listed})
