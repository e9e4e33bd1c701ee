"""The table of `edge-agent doctor`: each line appears as soon as its check is done."""

import shutil
import textwrap
from collections.abc import Callable
from typing import TextIO

from agent.core.diagnosis.finding import Report, State

_STYLE = {State.OK: "32", State.UNKNOWN: "34", State.WARN: "33", State.FAIL: "1;31"}
"""Of ECMA-48's SGR: green, blue, yellow, bold red."""
_WORD = {State.OK: "ok", State.UNKNOWN: "?", State.WARN: "warn", State.FAIL: "FAIL"}
_PATIENCE_S = 0.5
"""A check that takes no longer than this is not announced."""


class Table:
    """Findings go to `out`; what is being done goes to `notes`, if that is a terminal."""

    def __init__(self, out: TextIO, notes: TextIO, name_width: int) -> None:
        self._out = out
        self._notes = notes
        self._name_width = name_width
        self._has_note = False

    def waiting(self, name: str) -> Callable[[str, float], None]:
        """Return the function to call while the check of that name runs."""

        def tick(doing: str, for_s: float) -> None:
            if self._notes.isatty() and for_s >= _PATIENCE_S:
                self._has_note = True
                line = f"      {name:{self._name_width}}  {doing or 'starting'}, {for_s:.0f} s"
                self._notes.write(f"\r\x1b[2K{line[: _width() - 1]}")
                self._notes.flush()

        return tick

    def show(self, report: Report) -> None:
        """Print all findings of a finished check."""
        self._wipe()
        for place, finding in enumerate(report.findings):
            name = report.name if place == 0 or not self._out.isatty() else ""
            begin = f"{_WORD[finding.state]:4}  {name:{self._name_width}}  "
            if not self._out.isatty():  # one line each, for grep
                print(begin + finding.what + (f" → {finding.do}" if finding.do else ""), file=self._out, flush=True)
                continue
            room = max(_width() - len(begin), 20)
            lines = textwrap.wrap(finding.what, room) or [""]
            do = textwrap.wrap(f"→ {finding.do}", room) if finding.do else []
            lines += [_styled(line, "1") for line in do] if finding.state is State.FAIL else do
            print(_styled(begin[:4], _STYLE[finding.state]) + begin[4:] + lines[0], file=self._out)
            for line in lines[1:]:
                print(" " * len(begin) + line, file=self._out)
            self._out.flush()

    def end(self, state: State, summary: str) -> None:
        """Print the last line."""
        print(
            "", _styled(summary, _STYLE[state]) if self._out.isatty() else summary, sep="\n", file=self._out, flush=True
        )

    def _wipe(self) -> None:
        if self._has_note:
            self._has_note = False
            self._notes.write("\r\x1b[2K")
            self._notes.flush()


def _width() -> int:
    return shutil.get_terminal_size().columns


def _styled(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m"
