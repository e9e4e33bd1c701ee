"""The time in which presses are tests because a technician asked for it. Pure."""

from collections.abc import Iterable
from typing import Literal

TestModeAnswer = Literal["ok", "alarm-open", "unknown-input"]
"""Whether test mode began or ended as requested."""


class TestMode:
    """Test mode. It only changes what a press counts as: no input is ever disabled. One thread at a time."""

    def __init__(self) -> None:
        self._on: tuple[frozenset[str] | None, int, int] | None = None
        """Of which inputs, or of any, and from when until when; None while it is off."""

    @property
    def ends_ns(self) -> int | None:
        """When test mode ends, in CLOCK_BOOTTIME; None while it is off."""
        return None if self._on is None else self._on[2]

    def begin(self, inputs: Iterable[str] | None, now_ns: int, until_ns: int) -> None:
        """Treat presses of these inputs, or of any if it is None, as tests from now on. Replaces an earlier test mode.

        Where that one is on and covers all of these, it goes on: a button that is held meanwhile is still tested.
        """
        named = None if inputs is None else frozenset(inputs)
        began_ns = now_ns
        if self._on is not None:
            covered, earlier_ns, ends_ns = self._on
            if now_ns < ends_ns and (covered is None or (named is not None and named <= covered)):
                began_ns = earlier_ns
        self._on = named, began_ns, until_ns

    def covers(self, input_name: str, edge_ns: int) -> bool:
        """Return whether a press is a test, judged by its edge at `edge_ns`.

        A press before the beginning is not a test, however late it is handled, and neither is one after the end.
        """
        if self._on is None:
            return False
        covered, began_ns, until_ns = self._on
        return (covered is None or input_name in covered) and began_ns <= edge_ns < until_ns

    def end(self) -> None:
        """End test mode: from now on every press is in earnest."""
        self._on = None
