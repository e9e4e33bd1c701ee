"""Whether recordings and streams must wait because a message of an alarm, or its picture, goes first."""

from agent.contract.messages import AlarmData
from agent.outbox.outbox import Outbox

_PICTURE_NS, _NO_PICTURE_NS = 2 * 10**9, 7 * 10**8
"""How long they wait for the picture of an alarm that was just raised, and where none comes at all."""
_HOLD_NS = 30 * 10**9
"""An alarm message that no broker takes for longer holds nothing up."""


class AlarmsFirst:
    """`pressed` from any thread, the rest from one."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._pressed: tuple[int, bool] = (-(10**18), False)
        self._held_since_ns: int | None = None

    def pressed(self, alarm: AlarmData, now_ns: int) -> None:
        """Note an alarm that was raised, or pressed again. Never blocks."""
        has_picture = alarm.camera is not None and alarm.camera.snapshot is not None
        self._pressed = now_ns, has_picture and alarm.press_count == 1

    def must_hold(self, now_ns: int, *, connected: bool) -> bool:
        """Return whether nothing may leave. Without a broker nothing is gained by waiting."""
        pressed_ns, has_picture = self._pressed
        age_ns = now_ns - pressed_ns
        picture = has_picture and (age_ns < _NO_PICTURE_NS or (age_ns < _PICTURE_NS and self._outbox.picture_waits))
        if not (connected and (self._outbox.alarm_waits or picture)):
            self._held_since_ns = None
        elif self._held_since_ns is None:
            self._held_since_ns = now_ns
        return self._held_since_ns is not None and now_ns - max(self._held_since_ns, pressed_ns) < _HOLD_NS
