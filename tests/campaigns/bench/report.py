"""The outcome, for a person on the screen."""

from collections.abc import Sequence
from itertools import groupby

from rich.table import Table

from tests.campaigns.bench.figures import Figure


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


def _amount(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}" if abs(value) < 100 else f"{value:.0f} {unit}"


def _colour(figure: Figure) -> str:
    return {True: "green", False: "yellow", None: "default"}[figure.reached]
