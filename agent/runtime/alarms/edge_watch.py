"""Checks that the pin library still reports edges: if a thread of it had ended, every button would be deaf."""

import logging

from agent.core.errors import HardwareError
from agent.core.facts import Edge
from agent.ports import Buttons
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.supervision.health import HealthBoard

PINS = "pins"
"""The name of this part in the health message."""
_DEAF = 2
"""After this many changes that were seen but not reported, with none reported in between, the library counts as dead.
A press and its release are two."""

log = logging.getLogger(__name__)


class EdgeWatch:
    """Passes edges from the pins to the pipeline. `edge` on the pin library's thread, `tick` on the main one."""

    def __init__(self, buttons: Buttons, pipeline: Pipeline, board: HealthBoard) -> None:
        self._buttons = buttons
        self._pipeline = pipeline
        self._board = board
        self._last_edges: dict[tuple[str, bool], tuple[bool, int]] = {}
        """By line: the level of its last edge, and the number of its edges."""
        self._suspects: dict[tuple[str, bool], int] = {}
        """Lines whose level differed from their last edge at the last check, with the number of their edges by then."""
        self._missed = 0

    def edge(self, edge: Edge, *, reported: bool = True) -> None:
        """Pass on an edge. `reported` is false for one that the pin library should have reported and did not."""
        line = (edge.input, edge.normally_closed)
        self._last_edges[line] = (edge.active, self._last_edges.get(line, (False, 0))[1] + 1)
        if reported:
            self._missed = 0
        self._pipeline.edge(edge)

    def tick(self) -> bool:
        """Check, about once a second, whether edges are reported; false when they no longer are.

        An edge that was not reported is made up for, so that a press that lasts still counts."""
        try:
            levels = self._buttons.read()
        except HardwareError as error:
            self._board.report(PINS, ok=False, detail=str(error))
            return True
        suspects, self._suspects = self._suspects, {}
        for level in levels:
            line = (level.input, level.normally_closed)
            reported, count = self._last_edges.get(line, (level.active, 0))
            if reported is level.active:
                continue
            if suspects.get(line) != count:
                self._suspects[line] = count  # its edge may be on its way; it is missed if it is not here next time
                continue
            log.error("the pin library missed an edge of %s; its level is %s", level.input, level.active)
            self._missed += 1
            self.edge(level, reported=False)
        self._board.report(PINS, ok=not self._missed, detail="the pin library missed an edge" if self._missed else "")
        return self._missed < _DEAF
