"""All streams that are looked at: each is pushed until the last lease of its camera, and none while an alarm waits."""

from collections.abc import Mapping
from typing import Protocol

from agent.ports import Clock
from agent.runtime.live.given import HasConnection
from agent.runtime.live.push import CameraPush, StreamRules

_HOLD_NS = 30 * 10**9
"""An alarm message that no broker takes for longer holds no stream up."""


class HasAlarms(Protocol):
    """The outbox."""

    @property
    def alarm_waits(self) -> bool:
        """Whether there is an alarm message here that no broker has confirmed. Any thread."""
        ...


class Streams:
    """`lacks` on any thread, the rest under the lock of live view."""

    def __init__(self, rules: StreamRules, clock: Clock, outbox: HasAlarms, publisher: HasConnection) -> None:
        self._rules = rules
        self._clock = clock
        self._outbox = outbox
        self._publisher = publisher
        self._pushes: dict[str, CameraPush] = {}
        self._alarm_since_ns: int | None = None

    @property
    def place(self) -> str:
        """The host to which streams go."""
        return self._rules.place

    @property
    def is_pushing(self) -> bool:
        """Whether any is pushed now."""
        return bool(self._pushes)

    def lacks(self, camera: str) -> str:
        """Return why there is no stream of this camera now; empty if there is one."""
        return "" if self._rules.recorders.can_give(camera) else f"{camera} is not recorded now"

    def tick(self, wanted: Mapping[str, int]) -> dict[str, tuple[int, str | None]]:
        """Have the stream of each camera pushed until then, on CLOCK_BOOTTIME. The thread `live`, which outlives them.

        Returns how many pictures have left since the last time, and why it has ended if it has: then call `close`.
        """
        holds = self._must_hold(self._clock.boottime_ns())
        return {camera: self._tick(camera, until_ns, holds=holds) for camera, until_ns in wanted.items()}

    def close(self, camera: str) -> int:
        """End a stream, if there is one; returns how many pictures have left since the last time. 0.3 s at most."""
        push = self._pushes.pop(camera, None)
        return 0 if push is None else push.close()

    def _tick(self, camera: str, until_ns: int, *, holds: bool) -> tuple[int, str | None]:
        push = self._pushes.get(camera)
        if push is None:
            try:
                push = self._pushes[camera] = CameraPush(self._rules, camera, until_ns, self._clock)
            except OSError as error:
                return 0, f"its process can't be started: {error.strerror}"
        return push.tick(until_ns, holds=holds)

    def _must_hold(self, now_ns: int) -> bool:
        waits = self._publisher.connected and self._outbox.alarm_waits
        self._alarm_since_ns = None if not waits else self._alarm_since_ns or now_ns
        return self._alarm_since_ns is not None and now_ns - self._alarm_since_ns < _HOLD_NS
