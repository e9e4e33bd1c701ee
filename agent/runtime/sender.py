"""The sending half of the link: a window of messages in flight, and what the broker's answers mean for them.

The client library's own queue is never used: nothing is handed over without a connection, and what a dead
connection has not confirmed goes back to the outbox.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from agent.core.errors import BrokerError
from agent.core.events import AlarmDelivered
from agent.core.messages import Rank
from agent.ports import Broker, Clock, OutgoingMessage, Published
from agent.runtime.backlog import Waiting
from agent.runtime.outbox import Outbox

_WINDOW = 20
_TELEMETRY_TIMEOUT_NS = 30 * 10**9
_REFUSALS_BEFORE_GIVING_UP = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SenderTells:
    """Whom the sender tells of the broker's answers; all are called on the publisher's thread and must not block."""

    accepted: Callable[[], None]
    """The broker has taken our state: it has a place for this device."""
    delivered: Callable[[AlarmDelivered], None]
    refused: Callable[[OutgoingMessage, str], None]
    """The broker refused a message; told once a message."""


@dataclass(slots=True)
class _InFlight:
    waiting: Waiting
    message: OutgoingMessage
    sent_ns: int


class Sender:
    """Hands messages to the broker. `send` from any thread, the rest from the publisher's.

    A press is sent by the thread that felt it, so every method takes the lock; none calls anybody under it but the
    outbox and `Broker.publish`, which do not block.
    """

    def __init__(
        self, broker: Broker, outbox: Outbox, clock: Clock, tells: SenderTells, alarm_timeout_s: float
    ) -> None:
        self._broker = broker
        self._outbox = outbox
        self._clock = clock
        self._tells = tells
        self._alarm_timeout_ns = int(alarm_timeout_s * 1e9)
        self._lock = threading.Lock()
        self._open = False
        self._window = 0
        self._own_topic = ""
        """Where our state goes, that of the will too."""
        self._in_flight: dict[int, _InFlight] = {}
        self._resting: list[tuple[int, Waiting]] = []
        self._refusals: dict[int, int] = {}

    def open(self, receive_maximum: int, own_topic: str) -> None:
        """There is a connection, whose broker takes so many messages at a time."""
        with self._lock:
            self._window = min(_WINDOW, receive_maximum)
            self._own_topic = own_topic
            self._open = True

    def close(self) -> None:
        """The connection is gone: what it has not confirmed waits again."""
        with self._lock:
            self._open = False
            for sent in self._in_flight.values():
                self._outbox.give_back(sent.waiting)
            for _, waiting in self._resting:
                self._outbox.give_back(waiting)
            self._in_flight.clear()
            self._resting.clear()
            # Told once, but counted by connection: what another broker refused is no reason to give up.
            self._refusals = dict.fromkeys(self._refusals, 1)

    def send(self, most: int = _WINDOW) -> None:
        """Send what waits, at most so many, as far as there is a connection and room in the window. Any thread.

        The lock is let go between two messages: a press waits for one of them at the most.
        """
        for _ in range(most):
            with self._lock:
                if not self._send_next():
                    return

    def settle(self, answer: Published) -> str | None:
        """The broker's answer for one message. Returns its reason if it refuses our own state."""
        with self._lock:
            sent = self._in_flight.pop(answer.mid, None)
            if sent is None:
                return None
            row = sent.waiting.row
            ours = row.topic == self._own_topic
            if answer.accepted:
                self._refusals.pop(row.ord, None)
                self._outbox.confirm(sent.waiting)
            elif ours:
                self._outbox.give_up(sent.waiting)
                return answer.detail
            else:
                first = self._rest(sent.waiting)
        if not answer.accepted:
            log.log(logging.ERROR if first else logging.DEBUG, "the broker refused %s: %s", row.topic, answer.detail)
            if first:
                self._tells.refused(sent.message, answer.detail)
            return None
        if ours:
            self._tells.accepted()
        if row.alarm_id is not None:
            self._tells.delivered(AlarmDelivered(row.alarm_id, self._clock.boottime_ns()))
        return None

    def give_up_retained(self) -> None:
        """Forget the retained messages in flight: the next connection makes them anew, and they would pile up."""
        with self._lock:
            for mid, sent in [*self._in_flight.items()]:
                if sent.message.retain:
                    self._outbox.give_up(sent.waiting)
                    del self._in_flight[mid]

    def return_rested(self) -> None:
        """What was refused and has rested long enough waits again."""
        now_ns = self._clock.boottime_ns()
        with self._lock:
            for due_ns, waiting in [*self._resting]:
                if due_ns <= now_ns:
                    self._resting.remove((due_ns, waiting))
                    self._outbox.give_back(waiting)

    def stalled(self) -> bool:
        """Whether the broker owes an answer for longer than is right for the message."""
        now_ns = self._clock.boottime_ns()
        with self._lock:
            return any(now_ns - sent.sent_ns > self._patience_ns(sent) for sent in self._in_flight.values())

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight. Any thread."""
        with self._lock:
            return not self._in_flight

    def _send_next(self) -> bool:
        if not self._open or len(self._in_flight) >= self._window or (taken := self._outbox.take()) is None:
            return False
        waiting, message = taken
        try:
            mid = self._broker.publish(message)
        except BrokerError:
            self._outbox.give_back(waiting)
            return False
        self._in_flight[mid] = _InFlight(waiting, message, self._clock.boottime_ns())
        return True

    def _rest(self, waiting: Waiting) -> bool:
        """Try a refused message again later, or give it up; whether it was the first refusal. Under the lock."""
        row = waiting.row
        refusals = self._refusals[row.ord] = self._refusals.get(row.ord, 0) + 1
        if row.rank is not Rank.ALARM and refusals >= _REFUSALS_BEFORE_GIVING_UP:
            del self._refusals[row.ord]
            self._outbox.give_up(waiting)
        else:
            rest_ns = min(60, 2 ** (refusals - 1)) * 10**9
            self._resting.append((self._clock.boottime_ns() + rest_ns, waiting))
        return refusals == 1

    def _patience_ns(self, sent: _InFlight) -> int:
        return self._alarm_timeout_ns if sent.waiting.row.rank is Rank.ALARM else _TELEMETRY_TIMEOUT_NS
