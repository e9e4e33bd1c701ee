"""The time in which presses are tests, because a technician has said so. Pure."""

from typing import Literal

TestModeAnswer = Literal["ok", "alarm-open", "unknown-input"]
"""Whether test mode has begun or ended as asked."""


class TestMode:
    """Test mode. It only changes what a press is called: no input is ever disabled. One thread at a time."""

    def __init__(self) -> None:
        self._input: str | None = None
        self._began_ns = 0
        self._until_ns: int | None = None

    @property
    def ends_ns(self) -> int | None:
        """When it ends, CLOCK_BOOTTIME; None when it is not on."""
        return self._until_ns

    def begin(self, input_name: str | None, now_ns: int, until_ns: int) -> None:
        """Presses of this input, or of any when it is None, are tests from now on. Replaces an earlier one."""
        self._input, self._began_ns, self._until_ns = input_name, now_ns, until_ns

    def covers(self, input_name: str, edge_ns: int) -> bool:
        """Whether a press is a test, judged by its edge at `edge_ns`. One before the beginning is not, however late it
        is acted on, and neither is one after the end."""
        if self._until_ns is None or self._input not in {None, input_name}:
            return False
        return self._began_ns <= edge_ns < self._until_ns

    def end(self) -> None:
        """From now on every press is in earnest."""
        self._until_ns = None
