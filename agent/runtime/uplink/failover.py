"""When to try another path while the current one is up."""

import queue

from agent.core.delivery.paths import Paths
from agent.outbox.outbox import Outbox
from agent.runtime.uplink.centre_watch import CentreWatch, KioskAlarms
from agent.runtime.uplink.sender import Sender


class Failover:
    """The policy: when to try another path, most urgent first. `ask` from any thread, the rest from the publisher's.

    - Nobody answers an alarm. The pipeline asks when it becomes delayed, and, unless a centre is watching on the broker
      in use, when it becomes unconfirmed and at each repeat.
    - The broker refuses an alarm.
    - The required centre is known to be absent from the broker in use.
    - The first path may work again, and no alarm is open.

    Beside this, the publisher leaves a broker that owes an answer for too long, and one that is lost.
    """

    def __init__(self, paths: Paths, sender: Sender, outbox: Outbox) -> None:
        self._paths = paths
        self._sender = sender
        self._outbox = outbox
        self._alarms: KioskAlarms  # these two from `depend_on` on
        self._centres: CentreWatch
        self._asked: queue.SimpleQueue[tuple[str, bool]] = queue.SimpleQueue()
        self._tries_left = 0
        """Tries left: each reason has every other path tried once, until one works."""

    def depend_on(self, alarms: KioskAlarms, centres: CentreWatch) -> None:
        """Consult these, too, before another path is tried."""
        self._alarms, self._centres = alarms, centres

    def ask(self, reason: str, *, unless_watched: bool) -> None:
        """Ask for another path, as nobody answers an alarm. Each reason counts once; one `unless_watched` does not
        count while a centre is watching on the broker in use."""
        self._asked.put((reason, unless_watched))

    def forget(self) -> None:
        """Drop everything that was asked for: without a path in use, or with a new one, none of it is left to do.

        What is asked while another path is being tried is kept, as that try may fail."""
        self._tries_left = 0
        while not self._asked.empty():
            self._asked.get()

    @property
    def is_urgent(self) -> bool:
        """Whether an alarm is open, or not confirmed yet: a try that hangs keeps it from the next path."""
        return self._outbox.alarm_waits or bool(self._alarms.open_ids)

    def wanted(self, now_ns: int) -> int | None:
        """Return the path to try beside the one in use, or None when there is no reason to."""
        if self._is_asked():
            self._tries_left = self._paths.count - 1
        if self._sender.unwelcome() or self._tries_left:
            path = self._paths.other(now_ns)
            if path is not None:
                self._tries_left = max(0, self._tries_left - 1)
            return path
        if self._centres.nobody():
            return self._paths.unwatched(now_ns)
        if self._centres.somebody():
            self._paths.watched()
        if self._paths.return_due(now_ns) and not self.is_urgent:
            return self._paths.first_again(now_ns)
        return None

    def _is_asked(self) -> bool:
        asked = False
        while not self._asked.empty():
            reason, unless_watched = self._asked.get()
            if not (unless_watched and self._centres.somebody()):
                asked = self._paths.ask(reason) or asked
        return asked
