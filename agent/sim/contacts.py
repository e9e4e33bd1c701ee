"""The contacts of a simulated kiosk: a finger on each button, and what is broken in the wiring."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from agent.core.wiring import InputLine


class SimContacts:
    """Which lines are closed. Held buttons and broken lines outlive the agent, as they do in the street.

    One thread.
    """

    def __init__(self, lines: Sequence[InputLine], file: Path) -> None:
        """`file` keeps what outlives the agent."""
        self.lines = tuple(lines)
        self._file = file
        self._pressed: set[str] = set()
        self._broken: dict[int, bool] = {}
        """Pins whose line is closed (true) or open (false), whatever the finger does."""
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            kept = json.loads(file.read_text(encoding="utf-8"))
            broken = {int(pin): bool(closed) for pin, closed in kept["broken"].items()}
            self._pressed, self._broken = {str(name) for name in kept["held"]}, broken

    def of(self, name: str) -> list[InputLine]:
        """The lines of this input."""
        return [line for line in self.lines if line.name == name]

    def is_pressed(self, name: str) -> bool:
        """Whether a finger is on the button, or the condition is active."""
        return name in self._pressed

    def press(self, name: str, *, active: bool) -> None:
        """Put the finger on, or take it off."""
        (self._pressed.add if active else self._pressed.discard)(name)

    def breaks(self, line: InputLine, *, closed: bool) -> None:
        """Break this line: from now on it is closed, or open, whatever the finger does."""
        self._broken[line.pin] = closed

    def mend(self, name: str) -> None:
        """Repair all lines of this input, and take the finger off."""
        self._pressed.discard(name)
        for line in self.of(name):
            self._broken.pop(line.pin, None)

    def is_high(self, line: InputLine) -> bool:
        """Whether the line's pin is high."""
        closed = self._broken.get(line.pin, self.is_pressed(line.name) is not line.normally_closed)
        return closed is not line.pull_up

    def levels(self) -> dict[int, bool]:
        """Return whether each pin is high, by its number."""
        return {line.pin: self.is_high(line) for line in self.lines}

    def keep(self) -> None:
        """Write the state to the file, so that it outlives the agent. Raises OSError."""
        kept = {"held": sorted(self._pressed), "broken": self._broken}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(kept), encoding="utf-8")
