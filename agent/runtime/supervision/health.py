"""Which parts work. A part that stops working, or works again, is told once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PartState:
    """One part: does it work, and one line for a person."""

    ok: bool
    detail: str = ""


class HealthBoard:
    """The state of every part. Any thread."""

    def __init__(self, on_change: Callable[[str, PartState], None]) -> None:
        """`on_change` runs in the thread that calls `report`, when a part begins or ceases to work."""
        self._on_change = on_change
        self._lock = threading.Lock()
        self._parts: dict[str, PartState] = {}

    def report(self, part: str, *, ok: bool, detail: str = "") -> None:
        """Set the state of a part. Only a change between working and not working is told."""
        state = PartState(ok, detail)
        with self._lock:
            before = self._parts.get(part)
            self._parts[part] = state
        if (before is None and not ok) or (before is not None and before.ok != ok):
            self._on_change(part, state)

    def parts(self) -> dict[str, PartState]:
        """A copy of all states."""
        with self._lock:
            return dict(self._parts)
