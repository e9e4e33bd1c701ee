"""Takes in facts and decides. Owns the alarms and what the lights show.

A press runs to completion on the thread that its edge came on: it is decided, accepted by the outbox and sent before
another thread is woken. Queued facts, and what falls due, are handled on the thread `pipeline`; acks and the other
calls on the caller's. One lock makes them take turns, and nothing that may block happens under it.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from agent.contract.lamps import PRESSED, LightState, Pattern
from agent.contract.stages import Stage
from agent.core.alarms.alarm_book import AlarmBook, AlarmChange, OpenAlarm
from agent.core.alarms.service import ServiceFact
from agent.core.alarms.test_mode import TestModeAnswer
from agent.core.facts import (
    AckAnswer,
    AlarmDelivered,
    Announce,
    ButtonsHeard,
    CentreAck,
    Edge,
    Identify,
    InputFact,
    Pressed,
)
from agent.core.inputs.panel import Panel
from agent.outbox.outbox import Outbox
from agent.ports import Lights
from agent.runtime.alarms.alarms import Alarms
from agent.runtime.alarms.input_reporter import InputReporter
from agent.runtime.alarms.readiness import Readiness
from agent.runtime.alarms.siren import SirenController
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.recording.recordings import Recordings
from agent.runtime.supervision.context import Context
from agent.runtime.uplink.publisher import Publisher
from agent.runtime.uplink.sender import Sender

_DISK_PATIENCE_S = 2.0
_QUIET_S = 0.005
_LONGEST_PUT_OFF_NS = 250_000_000
"""How long follow-ups may wait for a pause between facts, as there may be none."""

log = logging.getLogger(__name__)

Fact = AlarmDelivered | Announce | Identify | ServiceFact


class Pipeline:
    """Turns facts into alarms, messages and lights. `run_once` and `drain` on one thread, the rest on any."""

    def __init__(
        self,
        *,
        book: AlarmBook,
        readiness: Readiness,
        panel: Panel,
        audible: Iterable[str],
        context: Context,
        outbox: Outbox,
        lights: Lights,
        cameras: Cameras | None,
        sender: Sender,
        paths: Publisher,
        inputs: InputReporter,
        siren: SirenController | None = None,
        recordings: Recordings | None = None,
    ) -> None:
        """`audible` are the inputs that may show a light. `paths` is asked for another path at each stage in which an
        alarm has no answer; `inputs` reports everything but presses; `siren` is updated after every pass."""
        clock = context.clock
        self._alarms = Alarms(
            book=book,
            outbox=outbox,
            factory=context.reporter.make,
            clock=clock,
            cameras=cameras,
            recordings=recordings,
            sender=sender,
        )
        self._book = book
        self._siren = siren
        self._recordings = recordings
        self._readiness = readiness
        self._panel = panel
        self._audible = frozenset(audible)
        self._outbox = outbox
        self._lights = lights
        self._clock = clock
        self._paths = paths
        self._inputs = inputs
        self._lock = threading.Lock()
        self._facts: queue.SimpleQueue[Fact | None] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._follow_ups: list[Callable[[], object]] = []
        self._follow_up_by_ns: int | None = None

    def edge(self, edge: Edge) -> None:
        """Handle a change of an input; for a press, do all that it needs. On the pin library's thread.

        An error here ends the thread `pipeline`, and so the agent, which reads the level of every input when it starts
        again.
        """
        try:
            with self._lock:
                self._on_inputs(self._panel.take(edge))
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._facts.put(None)

    def lost(self, name: str, detail: str) -> None:
        """Note that a line of this input can't be watched. Any thread."""
        with self._lock:
            self._on_inputs(self._panel.lost(name, detail, self._clock.boottime_ns()))
        self.wake()

    @property
    def open_ids(self) -> frozenset[str]:
        """Identifiers of the open alarms. Any thread."""
        return self._alarms.open_ids

    def wake(self) -> None:
        """End the wait of `run_once`. Any thread."""
        self._facts.put(None)

    def submit(self, fact: Fact) -> None:
        """Queue a fact. Never blocks."""
        self._facts.put(fact)

    def acknowledge(self, ack: CentreAck) -> AckAnswer:
        """Act on a verified ack. A close is published when the disk has it, or after 2 s at most. Any thread."""
        with self._lock:
            self._on_inputs(self._panel.flush())  # a press before the ack belongs to the alarm that it closes
            answer, change, is_first, safe = self._alarms.acknowledged(ack)
            self._changed(change)
            if is_first and change is not None and not change.alarm.data.silent:
                self._lights.beep(2)
        if safe is not None:  # the lamps are off already
            durable = safe.wait(0 if self._outbox.writer.fault else _DISK_PATIENCE_S)
            with self._lock:
                answer = self._alarms.publish_closed(ack.alarm_id, durable=durable)
        self.wake()
        return answer

    def identify(self, seconds: float) -> None:
        """Blink for `seconds`, unless an alarm needs the lights. Any thread."""
        self._facts.put(Identify(self._clock.boottime_ns() + int(seconds * 1e9)))

    def test_mode(self, seconds: float, inputs: Sequence[str] | None) -> TestModeAnswer:
        """Treat presses of these inputs, or of all, as tests for `seconds`; 0 ends test mode. Any thread."""
        if inputs is not None and not self._panel.buttons >= set(inputs):
            return "unknown-input"
        with self._lock:
            if not seconds:
                self._readiness.end_tests("it was ended")
            elif self._alarms.in_earnest():
                return "alarm-open"
            else:
                self._readiness.begin_tests(inputs, self._clock.boottime_ns(), seconds)
            self._show_lights()
        self._facts.put(None)
        return "ok"

    def show_code(self, code: str | None) -> None:
        """Have the beacon blink this code of the service page, or no longer. An alarm's lamps come before it, and an
        audible press ends it for good. Any thread."""
        with self._lock:
            self._readiness.show_code(code, self._clock.boottime_ns())
            self._show_lights()
        self._facts.put(None)

    def show_look(self, looks: bool) -> None:
        """Have the beacon show that somebody looks through a camera, or no longer. An alarm's lamps come before it. Any
        thread."""
        with self._lock:
            self._readiness.is_looked_through = looks
            self._show_lights()

    def has_silent(self) -> bool:
        """Return whether a silent alarm is open: then nothing new may show at the device. Any thread."""
        with self._lock:
            return any(alarm.data.silent for alarm in self._book.open())

    def kept(self) -> dict[str, str]:
        """Return what the outbox keeps of alarms, by key, without those that are being closed now. Any thread."""
        with self._lock:
            return self._alarms.kept()

    def restore(self, alarms: Iterable[OpenAlarm], keep: Callable[[AlarmBook], Callable[[], None]]) -> None:
        """Add open alarms of an earlier run that were found late; calls `keep` with the book that has them. Any
        thread."""
        with self._lock:
            self._follow_ups.append(self._alarms.restore(alarms, keep))
            self._show_lights()
        self._facts.put(Announce())

    def run_once(self, timeout_s: float) -> None:
        """Take the next fact, if one comes within `timeout_s`, and act on it and on what is due."""
        fact: Fact | None = None
        try:
            fact = self._facts.get(timeout=self._patience_s(timeout_s))
        except queue.Empty:
            self._follow_up()
        if self._follow_up_by_ns is not None and self._clock.boottime_ns() >= self._follow_up_by_ns:
            self._follow_up()
        if self._failure is not None:
            raise self._failure
        with self._lock:
            if fact is not None:
                self._act(fact)
            self._tick()
            alarms = self._book.open()
        if self._siren is not None:
            self._siren.update(alarms)

    def drain(self) -> None:
        """Act on everything that is still queued. Call it after the thread has ended."""
        while not self._facts.empty():
            self.run_once(0.0)
        with self._lock:
            self._on_inputs(self._panel.flush())
        self._follow_up()

    def drive_lights(self, state: LightState | None) -> bool:
        """Have the lights show this, for a self-test; None makes them show the real state again. Any thread.

        Returns false, and does nothing, when an audible alarm is open. An audible press takes the lights back at once.
        """
        with self._lock:
            if state is not None and self._alarms.lights() is not None:
                return False
            self._readiness.driven = state
            self._show_lights()
            return True

    def show_lights(self) -> None:
        """Bring the lights in line with the open alarms. Any thread."""
        with self._lock:
            self._show_lights()

    def _show_lights(self, at_once: LightState | None = None) -> None:
        """Bring the lights in line with alarms and readiness, or show `at_once` until these are decided."""
        self._lights.show(at_once or self._alarms.lights() or self._readiness.lights())

    def _patience_s(self, timeout_s: float) -> float:
        """Return how long to wait for a fact: at most until something is due, only briefly while follow-ups wait."""
        now_ns = self._clock.boottime_ns()
        with self._lock:
            if self._follow_ups:
                self._follow_up_by_ns = self._follow_up_by_ns or now_ns + _LONGEST_PUT_OFF_NS
                return min(timeout_s, _QUIET_S)
            siren_ns = None if self._siren is None else self._siren.next_due_ns()
            due = (self._panel.next_due_ns(), self._alarms.next_due_ns(), self._readiness.next_due_ns(), siren_ns)
        return min([timeout_s, *(max(0.0, (at - now_ns) / 1e9) for at in due if at is not None)])

    def _tick(self) -> None:
        """Do what is due for the inputs, the alarms and the readiness of the kiosk."""
        now_ns = self._clock.boottime_ns()
        self._on_inputs(self._panel.tick(now_ns))
        for change in self._alarms.tick(now_ns):
            self._changed(change)
        before = self._readiness.lights()
        self._readiness.tick(now_ns)
        self._follow_ups += self._readiness.reports()
        if self._readiness.lights() != before:
            self._show_lights()

    def _act(self, fact: Fact) -> None:
        match fact:
            case AlarmDelivered():
                self._changed(self._alarms.delivered(fact))
            case Announce():
                self._alarms.announce()
                self._alarms.publish_restored()
                if fact.moved:
                    self._alarms.publish_unanswered()
            case Identify():
                self._readiness.identify(fact.until_ns)
                self._show_lights()
            case _:
                self._readiness.take(fact, self._clock.boottime_ns())

    def _on_inputs(self, facts: Iterable[InputFact]) -> None:
        for fact in facts:
            if isinstance(fact, Pressed):
                self._on_press(fact)
            else:
                self._readiness.take(ButtonsHeard(self._panel.hears(self._audible)), self._clock.boottime_ns())
                self._follow_ups.append(partial(self._inputs.report, fact))

    def _on_press(self, press: Pressed) -> None:
        name = press.input
        try:
            # A flashing beacon means that the lights show an open alarm already, which may be in a worse stage.
            if name in self._audible and self._lights.shown().beacon is not Pattern.FLASH:
                self._show_lights(PRESSED)
        finally:  # a light that fails must not cost the press
            # Several presses are a test only if the first and the last are, counted from the finger's first touch.
            is_test = self._readiness.is_test
            test = is_test(name, press.edge_ns - press.held_ns) and is_test(name, press.last_ns)
            change = self._alarms.press(press, test=test)
            self._changed(change)
            if not change.alarm.data.silent:
                self._lights.beep(1)
            if self._recordings is not None:
                is_new = change.change == "raised"
                record = partial(self._recordings.pressed, change.alarm.data, press.edge_ns, is_new=is_new)
                self._follow_ups.insert(0, record)  # before the log, which may not be read
            if name in self._audible:  # else it would show that somebody has pressed
                self._readiness.show_code(None, press.edge_ns)
            if not test and name in self._audible:  # ending test mode shows, and a silent press must not
                self._readiness.end_tests("an alarm in earnest")

    def _changed(self, change: AlarmChange | None) -> None:
        """Pass a change of an alarm to lights, panel, log and paths, if it is one that shows."""
        if change is None or change.change == "noted":
            return
        self._show_lights()
        data = change.alarm.data
        if change.change == "closed":
            self._panel.report_next(data.input)
            if self._recordings is not None:
                self._follow_ups.append(partial(self._recordings.closed, data.alarm_id))
        said = "alarm %s: %s, %s, presses %d"
        self._follow_ups.append(partial(log.info, said, data.alarm_id, data.input, data.stage.value, data.press_count))
        if data.stage in {Stage.DELAYED, Stage.UNCONFIRMED}:
            reason = f"{data.alarm_id}/{data.stage.value}/{data.reraised}/{data.repeats}"
            self._paths.try_other_path(reason, unless_watched=data.stage is not Stage.DELAYED)

    def _follow_up(self) -> None:
        """Do what can wait until the alarm itself is on its way: it would only take the processor from the alarm."""
        self._follow_up_by_ns = None
        with self._lock:
            follow_ups, self._follow_ups = self._follow_ups, []
            if follow_ups:
                self._alarms.announce_changes()
        for follow_up in follow_ups:  # not under the lock: a log that is not read must not hold up a press
            follow_up()
