"""One line of the outcome: what was wanted and what was found."""

from dataclasses import dataclass, field
from typing import Any

NO_TARGET = "none"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure and its target."""

    name: str
    """Key in the record; never reused for something else."""
    title: str
    target: str
    figure: str
    reached: bool | None = None
    """None when it could not be measured: `figure` then says why."""
    values: dict[str, Any] = field(default_factory=dict)
    """Everything behind the figure, for the record."""
    sheet: str = ""
    """The table that it is a line of; empty for the one of all that stand alone."""
    cells: dict[str, str] = field(default_factory=dict)
    """Columns of that table, which stand in for `figure`."""

    @property
    def verdict(self) -> str:
        """One word; none where nothing is wanted."""
        if self.target == NO_TARGET and self.reached is not None:
            return ""
        return {True: "ok", False: "miss", None: "skipped"}[self.reached]

    def as_dict(self) -> dict[str, Any]:
        """For the record."""
        return {
            "title": self.title,
            "target": self.target,
            "figure": self.figure,
            "reached": self.reached,
            **self.cells,
            **self.values,
        }


def skipped(name: str, title: str, target: str, why: str, sheet: str = "") -> Row:
    """A row that can't be measured here."""
    return Row(name, title, target, why, sheet=sheet)
