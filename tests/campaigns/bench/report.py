"""The outcome, for a person on the screen and in docs/measured.md."""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich.table import Table

from tests.campaigns import measured
from tests.campaigns.bench.figures import Figure

PLACE = "figures"
"""In docs/measured.md."""


def as_table(figures: Sequence[Figure]) -> Table:
    """The table, by baseline."""
    table = Table(title="edge-agent beside the least that could do the same", title_justify="left")
    table.add_column("")
    for heading in ("ours", "baseline", "ratio", "goal"):
        table.add_column(heading, justify="right", no_wrap=True)
    for against, group in groupby(figures, key=lambda figure: figure.against):
        table.add_section()
        table.add_row(
            f"[italic]beside {against}[/]" if against else "[italic]alone, until the simulator answers a press[/]"
        )
        for figure in group:
            table.add_row(
                f"  {figure.title}",
                _amount(figure.ours, figure.unit),
                "" if figure.baseline is None else _amount(figure.baseline, figure.unit),
                "" if figure.ratio is None else f"[{_colour(figure)}]{figure.ratio:.2f}[/]",
                "" if figure.goal is None else f"{'≥' if figure.more_is_better else '≤'} {figure.goal:g}",
            )
    return table


def markdown(machine: dict[str, Any], figures: Sequence[Figure]) -> str:
    """The table, a line for the percentiles of one distribution, and the machine that it is of."""
    lines = ["| figure | ours | baseline | ratio | the baseline is |", "| --- | --- | --- | --- | --- |"]
    for _, group in groupby(figures, key=lambda figure: re.sub(r"_p\d+$", "", figure.name)):
        same = list(group)
        title = " and ".join([same[0].title, *(each.title.rpartition(", ")[2] for each in same[1:])])
        unit = same[0].unit.strip()
        ours = ", ".join(_number(each.ours) for each in same)
        baseline = ", ".join(_number(each.baseline) for each in same if each.baseline is not None)
        ratio = ", ".join(f"{each.ratio:.2f}" for each in same if each.ratio is not None)
        cells = (title, f"{ours} {unit}", f"{baseline} {unit}" if baseline else "", ratio, same[0].against)
        lines.append(f"| {' | '.join(map(measured.cell, cells))} |")
    return "\n".join(lines) + f"\n\n{measured.machine_line(machine)}"


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _amount(value: float, unit: str) -> str:
    return f"{_number(value)} {unit}"


def _colour(figure: Figure) -> str:
    return {True: "green", False: "yellow", None: "default"}[figure.reached]
