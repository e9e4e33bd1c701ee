"""Does what a broker takes reach us? A message of our own, there and back, tells."""

from collections import deque
from collections.abc import Iterable

_S = 10**9
_EVERY_NS, _URGENT_EVERY_NS = 225 * _S, 4 * _S
"""At rest with every third report of health; while an alarm is open, so that ten seconds are enough for the verdict."""
_PATIENCE_NS, _URGENT_PATIENCE_NS = 30 * _S, 3 * _S
_UNANSWERED_NS = 60 * _S
_MOST_IN_VAIN = 3
"""After so many connections in a row that ended for the want of an echo, another one would change nothing either."""
_SOON_NS = 10 * _S
_PAUSE_NS, _LONGEST_PAUSE_NS = 3600 * _S, 24 * 3600 * _S
_REMEMBERED = 8


class Echo:
    """Times are CLOCK_BOOTTIME. One thread.

    Brokers that have returned an echo once are proven: there one that does not come back means that nothing does. The
    time for it begins when the broker has confirmed the message, and doubles with each such verdict, so a broker or a
    line that is slow gets the time that it needs.
    """

    def __init__(self) -> None:
        self.proven: set[str] = set()
        self.trouble = ""
        """Why no echo comes from the broker in use, for a person; empty if one does, or that is not known yet."""
        self._broker = ""
        self._mine: deque[str] = deque(maxlen=_REMEMBERED)
        self._sent_ns: int | None = None
        self._confirmed_ns: int | None = None
        self._due_ns = 0
        self._returned_ns: int | None = None
        """When the last one came, on this connection."""
        self._is_deaf = False
        self._in_vain: dict[str, int] = {}
        self._paused: dict[str, tuple[int, int]] = {}
        """By broker that ended a connection at an echo: until when none is sent, and how long that was."""

    def prove(self, brokers: Iterable[str]) -> None:
        """Take in which brokers have returned an echo in an earlier run."""
        self.proven |= set(brokers)

    def connected(self, broker: str, now_ns: int) -> None:
        """Begin a new connection."""
        self._broker = broker
        self._sent_ns = self._confirmed_ns = self._returned_ns = None
        self._due_ns = now_ns
        self._is_deaf = False

    def disconnected(self, now_ns: int, *, died: bool) -> None:
        """End the connection; `died`: the other side ended it. Some brokers do so for a topic that they don't allow."""
        if died and self._sent_ns is not None and now_ns - self._sent_ns < _SOON_NS and not self._counts:
            _, before_ns = self._paused.get(self._broker, (0, _PAUSE_NS // 2))
            pause_ns = min(2 * before_ns, _LONGEST_PAUSE_NS)
            self._paused[self._broker] = now_ns + pause_ns, pause_ns
            if pause_ns > _PAUSE_NS:  # the first time, the line may have broken by chance
                self.trouble = "it ends the connection when this device sends its echo"
        self._broker, self._sent_ns, self._is_deaf = "", None, False

    @property
    def _counts(self) -> bool:
        return self._broker in self.proven

    def due(self, now_ns: int, *, urgent: bool) -> bool:
        """Return whether to send one now; `urgent` while an alarm is open, or waits.

        None is sent to a broker that is not proven while it is urgent: it might end the connection."""
        if not self._broker or self._sent_ns is not None or now_ns < self._paused.get(self._broker, (0, 0))[0]:
            return False
        if not self._counts:
            return not urgent and now_ns >= self._due_ns
        soon_ns = self._due_ns if self._returned_ns is None else self._returned_ns + _URGENT_EVERY_NS
        return now_ns >= (min(soon_ns, self._due_ns) if urgent else self._due_ns)

    def sent(self, text: str, now_ns: int) -> None:
        """Note what was sent."""
        self._mine.append(text)
        self._sent_ns, self._confirmed_ns = now_ns, None

    def confirmed(self, now_ns: int) -> None:
        """Note that the broker has taken it."""
        self._confirmed_ns = now_ns

    def refused(self, detail: str, now_ns: int, *, forbidden: bool) -> None:
        """Note that the broker has not taken it: that proves nothing of what it delivers. `forbidden`: nor will it."""
        self._sent_ns, self._due_ns = None, now_ns + _EVERY_NS
        if forbidden:
            self.proven.discard(self._broker)
        if not self._counts:
            self.trouble = f"it refuses this device's echo ({detail.lower()})"

    def heard(self, text: str, now_ns: int) -> bool:
        """Take what has come on the topic of echoes; return false if it is none of ours."""
        if text not in self._mine:
            return False
        if self._sent_ns is None or text != self._mine[-1]:
            return True  # of an earlier connection
        waited_ns = 0 if self._confirmed_ns is None else now_ns - self._confirmed_ns
        if waited_ns < _URGENT_PATIENCE_NS:
            self._in_vain.pop(self._broker, None)
        self._paused.pop(self._broker, None)
        self.proven.add(self._broker)
        self.trouble = ""
        self._sent_ns, self._is_deaf = None, False
        self._returned_ns, self._due_ns = now_ns, now_ns + _EVERY_NS
        return True

    def judge(self, now_ns: int, *, urgent: bool) -> str:
        """Return what is wrong, once, when a proven broker does not return the echo; else nothing.

        One that is not proven, or has not returned any for some connections, is only in `trouble`."""
        if self._sent_ns is None or self._is_deaf or not self._broker:
            return ""
        level = self._in_vain.get(self._broker, 0)
        patience_ns = (_URGENT_PATIENCE_NS if urgent and self._counts else _PATIENCE_NS) << level
        if self._confirmed_ns is None:
            if not self._counts and now_ns - self._sent_ns >= _UNANSWERED_NS:
                self.trouble = "it does not answer when this device sends its echo"
            return ""
        if now_ns - self._confirmed_ns < patience_ns:
            return ""
        if self._counts and level < _MOST_IN_VAIN:
            self._in_vain[self._broker] = level + 1
            self._is_deaf = True
            return f"took this device's echo, and has not delivered it for {patience_ns // _S} s"
        self.proven.discard(self._broker)
        self.trouble = "it takes this device's echo and does not deliver it"
        self._sent_ns, self._due_ns = None, now_ns + _EVERY_NS
        return ""

    @property
    def is_deaf(self) -> bool:
        """Whether nothing reaches us from the broker in use: connect again, or to another one."""
        return self._is_deaf
