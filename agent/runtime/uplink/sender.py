"""The sending half of the link: keeps a window of messages in flight, and acts on the broker's answers to them.

The client library's own queue is never used: nothing is handed over without a connection, and messages that a dead
connection has not confirmed go back to the outbox.
"""

import logging
import threading
from dataclasses import dataclass
from typing import NamedTuple

from agent.contract.identity import REPORTS
from agent.contract.messages import Rank
from agent.core.errors import BrokerError, MessageRefused
from agent.core.facts import AlarmDelivered
from agent.outbox.backlog import Waiting
from agent.outbox.outbox import Outbox
from agent.ports import Broker, Clock, Line, OutgoingMessage, Published
from agent.runtime.uplink.listener import UplinkListener

_WINDOW = 20
_RESERVE = 4
"""Places in the window that only alarms and state may take, if the broker's window is large enough."""
_TELEMETRY_TIMEOUT_NS = 30 * 10**9
_REFUSALS_BEFORE_GIVING_UP = 5
_MOVES_IN_PART = 5
"""So often an alarm that is passed on in part is a reason to try another broker: by then each has been asked."""
_MOST_ENDED = 2
"""After so many connections that ended soon after their first picture of live view, none is offered for a while."""
_SOON_NS = 5 * 10**9
_PICTURES_REST_NS = 600 * 10**9

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _InFlight:
    waiting: Waiting
    message: OutgoingMessage
    sent_ns: int


class _Echo(NamedTuple):
    mid: int
    sent_ns: int
    counts: bool


class Sender:
    """Hands messages to the broker. `send` from any thread, the rest from the publisher's.

    A press is sent on the thread that its edge came on, so every method takes the lock. Under the lock they call only
    the outbox and `Broker.publish`, which do not block.
    """

    def __init__(self, outbox: Outbox, clock: Clock, alarm_timeout_s: float) -> None:
        self._outbox = outbox
        self._clock = clock
        self._listener: UplinkListener  # from `listen` on
        self._alarm_timeout_ns = int(alarm_timeout_s * 1e9)
        self._lock = threading.Lock()
        self._broker: Broker | None = None
        self._window = 0
        self._own_topic = ""
        """The topic of our state, and of the will."""
        self._in_flight: dict[int, _InFlight] = {}
        self._echo: _Echo | None = None
        """The device's echo that the broker has not confirmed: it takes a place in flight, but is not of the outbox."""
        self._resting: list[tuple[int, Waiting]] = []
        self._connection = 0
        self._held_back = False
        """Whether a suspect waits until nothing is in flight; until then only alarms may go before it."""
        self._unwelcome = False
        self._offered_ns: int | None = None
        """When the first picture of live view was sent on this connection."""
        self._ended_by_pictures = 0
        self._pictures_from_ns = 0
        """Until when no picture of live view is sent."""

    def listen(self, listener: UplinkListener) -> None:
        """Report the broker's answers to this listener. Call it before the threads run."""
        self._listener = listener

    def open(self, broker: Broker, receive_maximum: int, own_topic: str) -> None:
        """Use a new connection, whose broker takes at most `receive_maximum` messages at a time."""
        with self._lock:
            self._window = min(_WINDOW, receive_maximum)
            self._own_topic = own_topic
            self._unwelcome = False
            self._connection += 1
            self._offered_ns = None
            self._echo = None
            self._broker = broker

    def close(self, *, died: bool = False) -> None:
        """Stop using the connection: what it has not confirmed waits again. `died`: the other side ended it.

        A message that has ended one connection after another, each time alone, is given up; an alarm rests instead.
        """
        given_up: list[OutgoingMessage] = []
        now_ns = self._clock.boottime_ns()
        with self._lock:
            self._broker = None
            pictures_rest = died and self._ended_for_picture(now_ns)
            resting, self._resting = self._resting, []
            for sent in self._in_flight.values():
                if died:
                    alone = len(self._in_flight) == 1 and self._echo is None
                    sent.waiting.suspicion = sent.waiting.suspicion.lost(alone=alone)
                suspicion = sent.waiting.suspicion
                if suspicion.goes_alone and sent.waiting.row.rank is Rank.ALARM:
                    sent.waiting.behind += 1  # also behind a suspect that has been tried less often
                if not suspicion.quarantined:
                    self._outbox.give_back(sent.waiting)
                elif sent.waiting.row.rank is Rank.ALARM:
                    resting.append((now_ns + suspicion.rest_s * 10**9, sent.waiting))
                else:
                    self._outbox.give_up(sent.waiting)
                    given_up.append(sent.message)
            for due_ns, waiting in resting:
                if waiting.suspicion.quarantined:
                    self._resting.append((due_ns, waiting))
                else:
                    self._outbox.give_back(waiting)
            self._in_flight.clear()
            self._held_back = False
        if pictures_rest:
            log.warning("connections ended soon after a picture of live view: none is sent for 10 minutes")
        for message in given_up:
            log.error("%s has ended one connection after another and is quarantined", message.topic)
            self._listener.refused(message, "the broker ended each connection on which it was sent alone")

    def send(self, most: int = _WINDOW) -> None:
        """Send at most `most` waiting messages, as far as there is a connection and room in the window. Any thread.

        The lock is released between two messages, so a press waits for one of them at most.
        """
        for _ in range(most):
            with self._lock:
                goes_on, refused = self._send_next()
            if refused is not None:
                log.error("%s can't be sent: %s", refused[0].topic, refused[1])
                self._listener.refused(*refused)
            if not goes_on:
                return

    def line(self) -> Line | None:
        """Return how the line is if a picture of live view may be sent; None while none may. Any thread."""
        with self._lock:
            return self._line()

    def pictures_rest_s(self) -> float:
        """Return for how long no picture of live view is sent, as connections have ended for them. Any thread."""
        with self._lock:
            return max(0, self._pictures_from_ns - self._clock.boottime_ns()) / 1e9

    def offer(self, message: OutgoingMessage) -> bool:
        """Send a picture of live view, which nobody will miss: not while an alarm waits for the broker, nor before the
        line has taken all else. Returns whether it was sent. Any thread.

        A broker that ends the connection for such a picture, as some do for a topic that they don't allow, is given
        two, and then one every ten minutes: an alarm needs the connection. A line that broke twice looks the same.

        Raises MessageRefused if the broker takes no message as large as this one."""
        now_ns = self._clock.boottime_ns()
        with self._lock:
            if self._broker is None or self._line() is None:
                return False
            try:
                is_sent = self._broker.offer(message)
            except MessageRefused:
                raise
            except BrokerError:
                return False
            if is_sent:
                self._offered_ns = self._offered_ns or now_ns
                if now_ns - self._offered_ns >= _SOON_NS:
                    self._ended_by_pictures = 0
            return is_sent

    def echo(self, message: OutgoingMessage, *, counts: bool) -> bool:
        """Send the device's echo, beside the outbox: like telemetry, it leaves the places of alarms free. Returns
        whether it was sent. With `counts`, a broker that does not confirm it in time has stalled."""
        with self._lock:
            least = self._least()
            if self._broker is None or self._echo is not None or least is None or least < Rank.REPLAY:
                return False
            try:
                self._echo = _Echo(self._broker.publish(message), self._clock.boottime_ns(), counts)
            except BrokerError:
                return False
            return True

    def is_echo(self, answer: Published) -> bool:
        """Return whether the broker answers the echo, which is then no longer in flight."""
        with self._lock:
            found = self._echo is not None and self._echo.mid == answer.mid
            if found:
                self._echo = None
            return found

    def answered(self, answer: Published) -> str | None:
        """Handle the broker's answer to one message. Returns its reason if it forbids our own state, as it then takes
        nothing; None otherwise.

        Any other refusal, even of our state, may be temporary. A cluster that could pass a message to only some
        receivers, because another one's queue is on a dead node, has accepted us: the others hear us. For whoever has
        missed it, it is in the record; only the newest message of an alarm is sent again.
        """
        with self._lock:
            sent = self._in_flight.pop(answer.mid, None)
            if sent is None:
                return None
            row = sent.waiting.row
            ours = row.topic == self._own_topic
            self._held_back = self._held_back and bool(self._in_flight)
            first = False
            if answer.accepted or (answer.in_part and row.rank is not Rank.ALARM):
                self._outbox.confirm(sent.waiting)
            elif ours and answer.forbidden:
                self._outbox.give_up(sent.waiting)
                return answer.detail
            else:
                sent.waiting.in_part = answer.in_part
                first = self._rest(sent.waiting)
        if not answer.accepted:
            log.log(logging.ERROR if first else logging.DEBUG, "the broker refused %s: %s", row.topic, answer.detail)
            if first:
                self._listener.refused(sent.message, answer.detail)
        if ours and (answer.accepted or answer.in_part):
            self._listener.accepted()
        if answer.accepted and row.alarm_id is not None:
            self._listener.delivered(AlarmDelivered(row.alarm_id, self._clock.boottime_ns()))
        return None

    def give_up_retained(self) -> None:
        """Forget the retained messages in flight: the next connection makes them anew, and they would pile up. Not the
        report of a commissioning, which is made once."""
        with self._lock:
            for mid, sent in [*self._in_flight.items()]:
                if sent.message.retain and not sent.message.topic.endswith(REPORTS):
                    self._outbox.give_up(sent.waiting)
                    del self._in_flight[mid]

    def return_rested(self) -> None:
        """Let messages that were refused, and have rested long enough, wait again."""
        now_ns = self._clock.boottime_ns()
        with self._lock:
            for due_ns, waiting in [*self._resting]:
                if due_ns <= now_ns:
                    self._resting.remove((due_ns, waiting))
                    self._outbox.give_back(waiting)

    def stalled(self, *, alarm_is_open: bool = False) -> bool:
        """Return whether the broker has owed an answer for too long, for that message or for an alarm behind it, or,
        with `alarm_is_open`, for nothing but an echo."""
        now_ns = self._clock.boottime_ns()
        with self._lock:
            urgent = self._least() is None and self._outbox.alarm_waits
            echo = self._echo
            if echo is not None and (echo.counts or urgent):
                is_soon = urgent or (alarm_is_open and not self._in_flight)
                if now_ns - echo.sent_ns > (self._alarm_timeout_ns if is_soon else _TELEMETRY_TIMEOUT_NS):
                    return True
            return any(
                now_ns - sent.sent_ns
                > (self._alarm_timeout_ns if urgent or sent.waiting.row.rank is Rank.ALARM else _TELEMETRY_TIMEOUT_NS)
                for sent in self._in_flight.values()
            )

    def unwelcome(self) -> bool:
        """Return whether an alarm was refused since the last call: another broker may take it."""
        with self._lock:
            unwelcome, self._unwelcome = self._unwelcome, False
            return unwelcome

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight. Any thread."""
        with self._lock:
            return not self._in_flight

    # --- under the lock

    def _ended_for_picture(self, now_ns: int) -> bool:
        """Count a connection that has died soon after a picture; returns whether pictures rest from now on."""
        if self._offered_ns is None or now_ns - self._offered_ns >= _SOON_NS:
            return False
        self._ended_by_pictures += 1
        if self._ended_by_pictures < _MOST_ENDED:
            return False
        self._pictures_from_ns = now_ns + _PICTURES_REST_NS
        return True

    def _line(self) -> Line | None:
        # What was passed on in part rests for as long as a node is dead: until it is due, no picture keeps it waiting.
        resting = sum(waiting.in_part for _, waiting in self._resting)
        alarm_waits = self._outbox.figures()[0]["alarm"] > resting
        if self._broker is None or alarm_waits or self._clock.boottime_ns() < self._pictures_from_ns:
            return None
        return self._broker.line()

    def _least(self) -> Rank | None:
        """Return the least important class that may be sent now; None when none may."""
        room = self._window - len(self._in_flight) - (self._echo is not None)
        if self._broker is None or room <= 0:
            return None
        if self._held_back or self._poison_under_way(Rank.REPLAY):
            return Rank.ALARM
        return Rank.STATE if room <= min(_RESERVE, self._window // 2) else Rank.REPLAY

    def _send_next(self) -> tuple[bool, tuple[OutgoingMessage, str] | None]:
        """Send one message. Returns whether there may be more to send, and what can't be sent at all, with a reason."""
        least = self._least()
        if self._broker is None or least is None or (taken := self._outbox.take(least)) is None:
            return False, None
        waiting, message = taken
        row = waiting.row
        if waiting.suspicion.goes_alone and self._must_wait(row.rank):
            self._held_back = self._held_back or row.rank is not Rank.ALARM
            self._outbox.give_back(waiting)
            return False, None
        try:
            mid = self._broker.publish(message)
        except MessageRefused as error:
            first = True
            if row.rank is Rank.ALARM:
                first = self._rest(waiting)
            else:
                self._outbox.give_up(waiting)
            return True, (message, str(error)) if first else None
        except BrokerError:
            self._outbox.give_back(waiting)
            return False, None
        self._in_flight[mid] = _InFlight(waiting, message, self._clock.boottime_ns())
        return True, None

    def _must_wait(self, rank: Rank) -> bool:
        """Return whether a suspect of this class must wait: an alarm waits only for another suspected alarm."""
        if rank is Rank.ALARM:
            return self._poison_under_way(Rank.ALARM)
        # For an echo that no broker ever answers it would wait for ever; and `close` does not blame it beside one.
        return bool(self._in_flight) or (self._echo is not None and self._echo.counts)

    def _poison_under_way(self, least: Rank) -> bool:
        for sent in self._in_flight.values():
            if sent.waiting.suspicion.goes_alone and sent.waiting.row.rank <= least:
                return True
        return False

    def _rest(self, waiting: Waiting) -> bool:
        """Try a refused message again later, or give it up; returns whether it was the first refusal."""
        row = waiting.row
        waiting.refused(self._connection)
        if row.rank is not Rank.ALARM and waiting.refusals_here >= _REFUSALS_BEFORE_GIVING_UP:
            self._outbox.give_up(waiting)
        else:
            if waiting.in_part:
                self._confirm_older(waiting)
            if not waiting.in_part or waiting.refusals <= _MOVES_IN_PART:
                self._unwelcome = self._unwelcome or row.rank is Rank.ALARM
            rest_ns = min(60, 1 << min(waiting.refusals - 1, 6)) * 10**9
            self._resting.append((self._clock.boottime_ns() + rest_ns, waiting))
        return waiting.refusals == 1

    def _confirm_older(self, newer: Waiting) -> None:
        """Leave to the record what was passed on in part before this newer message of its alarm, which goes on with the
        pauses of the older one."""
        for resting in [*self._resting]:
            older = resting[1]
            if older.in_part and older.row.alarm_id == newer.row.alarm_id and older.row.ord < newer.row.ord:
                self._resting.remove(resting)
                self._outbox.confirm(older)
                newer.refusals += older.refusals
