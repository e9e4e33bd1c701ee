"""Facts in, decisions out. Owns the alarms and what the lights say.

A press runs to completion on the thread that felt it: decided, accepted by the outbox and on the wire before anybody
else is woken. Everything else is decided on the thread `pipeline`. One lock makes them take turns, and nothing that
may block happens under it.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from agent.core.alarm import AlarmBook, AlarmChange
from agent.core.contact import Contact
from agent.core.events import AlarmDelivered, CentreAck, Edge
from agent.core.kept_alarm import encode_alarm
from agent.core.lights import IDENTIFY, PRESSED, Pattern
from agent.core.link import PersonEntered, PersonLeft, ToCore
from agent.core.messages import AlarmCamera, AlarmsData, PersonEnteredData, PersonLeftData
from agent.core.stages import Stage
from agent.core.wire import Drafts, rfc3339
from agent.ports import Clock, Lights
from agent.runtime.outbox import Outbox

ALARM_KEY = "alarm/"
"""Open alarms are kept in the outbox's state under this prefix and their identifier."""

_QUIET_S = 0.005

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Announce:
    """Publish the open alarms, since the broker may have forgotten them."""


@dataclass(frozen=True, slots=True)
class Identify:
    """Blink everything until `until_ns` (CLOCK_BOOTTIME)."""

    until_ns: int


@dataclass(frozen=True, slots=True)
class CameraSaid:
    """A camera process reports."""

    camera: str
    message: ToCore


Fact = AlarmDelivered | CentreAck | Announce | Identify | CameraSaid


class Pipeline:
    """Turns facts into alarms, messages and lights. `run_once` and `drain` on one thread, the rest on any."""

    def __init__(
        self,
        *,
        book: AlarmBook,
        contacts: Mapping[str, Contact],
        audible: Iterable[str],
        outbox: Outbox,
        drafts: Drafts,
        lights: Lights,
        clock: Clock,
        look: Callable[[str], AlarmCamera | None],
        send: Callable[[], None],
    ) -> None:
        """`audible` are the inputs that may show a light. `look` asks a camera for a picture with the identifier
        of a new alarm, and returns at once what is known of the view, or None without a camera. `send` sends the
        most important message that waits, if the broker takes one now."""
        self._book = book
        self._contacts = contacts
        self._audible = frozenset(audible)
        self._outbox = outbox
        self._drafts = drafts
        self._lights = lights
        self._clock = clock
        self._look = look
        self._send = send
        self._lock = threading.Lock()
        self._facts: queue.SimpleQueue[Fact | None] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._identify_until_ns: int | None = None
        self._follow_ups: list[AlarmChange] = []
        self._announced: list[tuple[str, Stage]] = []
        """What the retained list of alarms says: identifiers and stages."""
        self.open_ids = frozenset(alarm.data.alarm_id for alarm in book.open())
        """Identifiers of the open alarms; replaced, never changed, so that any thread may read it."""

    def edge(self, edge: Edge) -> None:
        """An input changed: all that a press needs. On the pin library's thread.

        What goes wrong here ends the thread `pipeline`, and so the agent, which reads the level of every input when
        it starts again.
        """
        try:
            with self._lock:
                self._on_edge(edge)
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._facts.put(None)

    def tell(self, fact: Fact) -> None:
        """Hand over a fact. Never blocks."""
        self._facts.put(fact)

    def acknowledge(self, ack: CentreAck) -> bool:
        """Hand over a verified ack; false, and nothing happens, when there is no such open alarm. Any thread."""
        if ack.alarm_id not in self.open_ids:
            return False
        self._facts.put(ack)
        return True

    def identify(self, seconds: float) -> None:
        """Blink for so long, unless an alarm needs the lights. Any thread."""
        self._facts.put(Identify(self._clock.boottime_ns() + int(seconds * 1e9)))

    def run_once(self, timeout_s: float) -> None:
        """Take the next fact, if one comes within `timeout_s`, and act on it."""
        fact: Fact | None = None
        try:
            fact = self._facts.get(timeout=min(timeout_s, _QUIET_S) if self._follow_ups else timeout_s)
        except queue.Empty:
            self._follow_up()
        if self._failure is not None:
            raise self._failure
        with self._lock:
            if fact is not None:
                self._act(fact)
            if self._identify_until_ns is not None and self._clock.boottime_ns() >= self._identify_until_ns:
                self._identify_until_ns = None
                self._show_lights()

    def drain(self) -> None:
        """Act on everything that is still queued. After the thread has ended."""
        while not self._facts.empty():
            self.run_once(0.0)
        self._follow_up()

    def show_lights(self) -> None:
        """Bring the lights in line with the open alarms. Any thread."""
        with self._lock:
            self._show_lights()

    def _show_lights(self) -> None:
        audible_alarm = any(not alarm.data.silent for alarm in self._book.open())
        identifying = self._identify_until_ns is not None and not audible_alarm
        self._lights.show(IDENTIFY if identifying else self._book.lights())

    def _act(self, fact: Fact) -> None:
        match fact:
            case AlarmDelivered():
                self._on_change(self._book.delivered(fact))
            case CentreAck():
                self._on_change(self._book.acknowledged(fact))
            case CameraSaid():
                self._on_camera(fact)
            case Announce():
                self._announce()
            case Identify():
                self._identify_until_ns = fact.until_ns
                self._show_lights()

    def _on_edge(self, edge: Edge) -> None:
        if not self._contacts[edge.input].press(edge):
            return
        try:
            if edge.input in self._audible and self._lights.shown().yellow is not Pattern.ON:
                self._lights.show(PRESSED)
        finally:  # a light that fails must not cost the press
            known = any(alarm.data.input == edge.input for alarm in self._book.open())
            alarm_id = self._outbox.new_id()
            late = timedelta(microseconds=(self._clock.boottime_ns() - edge.boottime_ns) // 1000)
            raised_at = rfc3339(self._clock.wall() - late)
            camera = None if known else self._look(alarm_id)
            self._on_change(self._book.press(edge.input, edge.boottime_ns, alarm_id, raised_at, camera))

    def _on_change(self, change: AlarmChange | None) -> None:
        if change is None:
            return
        data = change.alarm.data
        if change.change == "noted":
            self._outbox.keep(ALARM_KEY + data.alarm_id, encode_alarm(change.alarm))
            return
        self.open_ids = frozenset(alarm.data.alarm_id for alarm in self._book.open())
        kept = None if change.change == "closed" else encode_alarm(change.alarm)
        self._outbox.accept(self._drafts.alarm(change.change, data), keep={ALARM_KEY + data.alarm_id: kept})
        self._send()
        self._outbox.wake()
        self._show_lights()
        self._follow_ups.append(change)

    def _follow_up(self) -> None:
        """What can wait until the alarm itself is on its way: it would only take the processor from it."""
        with self._lock:
            changes, self._follow_ups = self._follow_ups, []
            if changes and self._stages() != self._announced:
                self._announce()
        for change in changes:  # not under the lock: a log that is not read must not hold up a press
            data = change.alarm.data
            log.info("alarm %s: %s, %s, presses %d", data.alarm_id, data.input, data.stage.value, data.press_count)

    def _announce(self) -> None:
        self._announced = self._stages()
        self._outbox.put(self._drafts.alarms(self._open_alarms()))

    def _stages(self) -> list[tuple[str, Stage]]:
        return [(alarm.data.alarm_id, alarm.data.stage) for alarm in self._book.open()]

    def _on_camera(self, said: CameraSaid) -> None:
        match said.message:
            case PersonEntered() as entered:
                self._outbox.put(
                    self._drafts.person_entered(
                        PersonEnteredData(
                            event_id=entered.event_id,
                            camera=said.camera,
                            persons=entered.persons,
                            score=entered.score,
                            box=entered.box,
                            snapshot=entered.event_id if entered.snapshot else None,
                        )
                    )
                )
            case PersonLeft() as left:
                self._outbox.put(
                    self._drafts.person_left(
                        PersonLeftData(
                            event_id=left.event_id,
                            camera=said.camera,
                            duration_ms=left.duration_ms,
                            persons_max=left.persons_max,
                        )
                    )
                )
            case _:
                pass

    def _open_alarms(self) -> AlarmsData:
        return AlarmsData(open=tuple(alarm.data for alarm in self._book.open()))
