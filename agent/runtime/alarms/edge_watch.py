"""Looks whether the pin library still tells of edges: a thread of it that has ended would make every button deaf."""

import logging
from typing import Protocol

from agent.core.errors import HardwareError
from agent.core.events import Edge
from agent.ports import Buttons
from agent.runtime.supervision.health import HealthBoard

PINS = "pins"
"""The part of the health."""
_DEAF = 2
"""So many changes that were seen and not told, and none that was told in between: nothing is told any more. A press
and its release are two."""

log = logging.getLogger(__name__)


class TakesEdges(Protocol):
    """Whoever acts on edges: the pipeline."""

    def edge(self, edge: Edge) -> None:
        """On the thread that the edge came on."""
        ...


class EdgeWatch:
    """Stands between the pins and whoever acts on edges. `edge` on the pin library's thread, `tick` on the main one."""

    def __init__(self, buttons: Buttons, pipeline: TakesEdges, board: HealthBoard) -> None:
        self._buttons = buttons
        self._pipeline = pipeline
        self._board = board
        self._told: dict[tuple[str, bool], tuple[bool, int]] = {}
        """By line: the last level that an edge told, and how many it told."""
        self._suspects: dict[tuple[str, bool], int] = {}
        """Lines whose level was another one at the last look, and how many edges they had told by then."""
        self._missed = 0

    def edge(self, edge: Edge, *, told: bool = True) -> None:
        """An edge as the pin library tells it; not `told`: one that it should have."""
        line = (edge.input, edge.normally_closed)
        self._told[line] = (edge.active, self._told.get(line, (False, 0))[1] + 1)
        if told:
            self._missed = 0
        self._pipeline.edge(edge)

    def tick(self) -> bool:
        """About once a second: whether edges are told. One that was not is made up for, so that a press that lasts
        counts all the same."""
        try:
            levels = self._buttons.read()
        except HardwareError as error:
            self._board.report(PINS, ok=False, detail=str(error))
            return True
        suspects, self._suspects = self._suspects, {}
        for level in levels:
            line = (level.input, level.normally_closed)
            told, count = self._told.get(line, (level.active, 0))
            if told is level.active:
                continue
            if suspects.get(line) != count:
                self._suspects[line] = count  # its edge may be on its way: it counts if it is still so next time
                continue
            log.error("the pin library told no edge of %s; its level is %s", level.input, level.active)
            self._missed += 1
            self.edge(level, told=False)
        self._board.report(PINS, ok=not self._missed, detail="a change of a line was not told" if self._missed else "")
        return self._missed < _DEAF
