"""The table of `edge-agent doctor`: each line appears as soon as its check is done."""

from collections.abc import Callable

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from agent.core.diagnosis.finding import Report, State

_STYLE = {State.OK: "green", State.UNKNOWN: "blue", State.WARN: "yellow", State.FAIL: "bold red"}
_WORD = {State.OK: "ok", State.UNKNOWN: "?", State.WARN: "warn", State.FAIL: "FAIL"}
_PATIENCE_S = 0.5
"""A check that takes no longer than this is not announced."""


class Table:
    """Findings go to `out`; what is being done goes to `notes`, if that is a terminal."""

    def __init__(self, out: Console, notes: Console, name_width: int) -> None:
        self._out = out
        self._notes = notes
        self._name_width = name_width
        self._has_note = False

    def waiting(self, name: str) -> Callable[[str, float], None]:
        """Return the function to call while the check of that name runs."""

        def tick(doing: str, for_s: float) -> None:
            if self._notes.is_terminal and for_s >= _PATIENCE_S:
                self._has_note = True
                line = f"      {name:{self._name_width}}  {doing or 'starting'}, {for_s:.0f} s"
                self._notes.file.write(f"\r\x1b[2K{line[: self._notes.width - 1]}")
                self._notes.file.flush()

        return tick

    def show(self, report: Report) -> None:
        """Print all findings of a finished check."""
        self._wipe()
        for place, finding in enumerate(report.findings):
            if not self._out.is_terminal:  # one line each, for grep
                do = f" → {finding.do}" if finding.do else ""
                line = f"{_WORD[finding.state]:4}  {report.name:{self._name_width}}  {finding.what}{do}"
                self._out.print(line, soft_wrap=True, markup=False)
                continue
            text = Text(finding.what)
            if finding.do:
                text.append(f"\n→ {finding.do}", style="bold" if finding.state is State.FAIL else "")
            grid = Grid.grid(padding=(0, 2, 0, 0))
            grid.add_column(width=4)
            grid.add_column(width=self._name_width)
            grid.add_column(overflow="fold")
            name = report.name if place == 0 else ""
            grid.add_row(Text(_WORD[finding.state], _STYLE[finding.state]), name, text)
            self._out.print(grid)

    def end(self, state: State, summary: str) -> None:
        """Print the last line."""
        self._out.print()
        self._out.print(Text(summary, _STYLE[state]), soft_wrap=True)

    def _wipe(self) -> None:
        if self._has_note:
            self._has_note = False
            self._notes.file.write("\r\x1b[2K")
            self._notes.file.flush()
