"""Which parts work, and their figures. A part that stops working, or works again, is reported once."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from agent.contract.events import PartData
from agent.outbox.reporter import Reporter

_LOGGED_BY_THE_PUBLISHER = "uplink"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PartState:
    """One part: does it work, and one line for a person."""

    ok: bool
    detail: str = ""
    transient: bool = False
    """It does not work now, and nothing is broken: it is night, or the kiosk runs on its battery."""


class HealthBoard:
    """The state of every part. Any thread."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._lock = threading.Lock()
        self._parts: dict[str, PartState] = {}
        self._figures: dict[str, Callable[[], Any]] = {}

    def report(self, part: str, *, ok: bool, detail: str = "", transient: bool = False) -> None:
        """Set the state of a part. Only a change between working and not working is published. A `transient`
        failure is told to a technician as a warning."""
        state = PartState(ok, detail, transient and not ok)
        with self._lock:
            before = self._parts.get(part)
            self._parts[part] = state
        if (before is None and not ok) or (before is not None and before.ok != ok):
            self._publish(part, state)

    def parts(self) -> dict[str, PartState]:
        """Return a copy of all states."""
        with self._lock:
            return dict(self._parts)

    def add_figures(self, field: str, figures: Callable[[], Any]) -> None:
        """Take that field of the health message from `figures`: JSON values, or None when there are none. It is called
        on any thread. Call this before the threads run."""
        self._figures[field] = figures

    def figures(self) -> dict[str, Any]:
        """Return the figures of every part that has some, by field."""
        return {field: figures() for field, figures in self._figures.items()}

    def _publish(self, part: str, state: PartState) -> None:
        if part == _LOGGED_BY_THE_PUBLISHER:
            pass
        elif state.ok:
            log.info("%s works again", part)
        else:
            level = logging.WARNING if state.transient else logging.ERROR
            log.log(level, "%s does not work: %s", part, state.detail)
        change: Literal["part-restored", "part-degraded"] = "part-restored" if state.ok else "part-degraded"
        self._reporter.publish(self._reporter.make.part(change, PartData(part=part, detail=state.detail)))
