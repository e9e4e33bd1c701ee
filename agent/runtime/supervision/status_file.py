"""A small file with the agent's own state, for people at the machine: `edge-agent doctor` reads it."""

import json
import logging
import os
from dataclasses import asdict
from pathlib import Path

from agent.ports import Clock
from agent.runtime.supervision.health import HealthBoard

_EVERY_NS = 5 * 10**9

log = logging.getLogger(__name__)


class StatusFile:
    """Written every few seconds, as a whole. One thread. Of failures in a row only the first is a warning."""

    def __init__(self, path: Path | None, clock: Clock, board: HealthBoard, settings: str | None = None) -> None:
        """`path` is in a directory of the agent's own, on a memory file system; without one nothing is written.
        `settings` is the digest of those that the agent runs with."""
        self._path = path
        self._clock = clock
        self._board = board
        self._settings = settings
        self._due_ns = 0
        self._failed = False

    def tick(self) -> None:
        """Write it if it is due."""
        now_ns = self._clock.boottime_ns()
        if self._path is None or now_ns < self._due_ns:
            return
        self._due_ns = now_ns + _EVERY_NS
        figures = self._board.figures()
        told = {"cameras": figures.get("cameras", {}), "uploads": figures.get("uploads"), "data": figures.get("data")}
        parts = {name: asdict(state) for name, state in self._board.parts().items()}
        text = json.dumps(
            {"boottime_ns": now_ns, "pid": os.getpid(), "settings": self._settings, "parts": parts, **told}
        )
        new = self._path.with_suffix(".new")
        try:
            new.write_text(text, encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            log.log(logging.DEBUG if self._failed else logging.WARNING, "%s can't be written: %s", self._path, error)
            self._failed = True
        else:
            self._failed = False
