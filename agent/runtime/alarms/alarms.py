"""The open alarms. Publishes each change at once, and keeps it on disk for the next start."""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Protocol

from agent.contract.envelope import MessageFactory, rfc3339
from agent.contract.lamps import LightState
from agent.contract.messages import AlarmCamera, AlarmClip, AlarmData, AlarmsData
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm_book import AlarmBook, AlarmChange, Beginning, OpenAlarm
from agent.core.alarms.hold import verdict
from agent.core.alarms.persistence import encode_alarm
from agent.core.facts import AckAnswer, AlarmDelivered, CentreAck, Pressed
from agent.outbox.outbox import Outbox
from agent.ports import Clock, Lights
from agent.runtime.alarms.persistence import ALARM_KEY

_UNANSWERED = (Stage.SENT, Stage.DELAYED, Stage.UNCONFIRMED)
_ANSWERED = (Stage.REGISTERED, Stage.DISPATCHED)

log = logging.getLogger(__name__)


class CapturesView(Protocol):
    """The cameras."""

    def capture(self, alarm_id: str) -> AlarmCamera | None:
        """Ask a camera for a picture under this identifier; returns at once what is known of the view."""
        ...


class Records(Protocol):
    """The recorders. Never waits for one."""

    def clips(self) -> tuple[AlarmClip, ...] | None:
        """Return the names of the clips that a new alarm will ask for; None if no camera is recorded now."""
        ...

    def pressed(self, alarm: AlarmData, press_ns: int, *, is_new: bool) -> None:
        """Record an alarm that was raised, or pressed again."""
        ...

    def closed(self, alarm_id: str) -> None:
        """Let the clips of an alarm end soon."""
        ...


class SendsNow(Protocol):
    """The sender."""

    def send(self, most: int) -> None:
        """Send at most `most` of the waiting messages, the most important first, if the broker takes them now."""
        ...


class AlarmListener(Protocol):
    """The part that acts on changes of alarms: the pipeline."""

    def alarm_changed(self, change: AlarmChange) -> None:
        """Act on a change, which is published already unless it is a close."""
        ...


class Alarms:
    """Used under the pipeline's lock; `open_ids` from any thread."""

    def __init__(
        self,
        *,
        book: AlarmBook,
        outbox: Outbox,
        factory: MessageFactory,
        clock: Clock,
        cameras: CapturesView | None,
        recordings: Records | None,
        sender: SendsNow,
        lights: Lights,
        listener: AlarmListener,
    ) -> None:
        """`listener` is called after each change is published; for a close, before, since that waits for the disk."""
        self._book = book
        self._outbox = outbox
        self._factory = factory
        self._clock = clock
        self._cameras = cameras
        self._recordings = recordings
        self._sender = sender
        self._lights = lights
        self._listener = listener
        self._announced: tuple[AlarmData, ...] = ()
        """The retained list of open alarms, as last published."""
        self._closing: dict[str, tuple[AlarmData, AlarmData]] = {}
        """Alarms whose close is not published yet, by identifier: as they were before, and as they are now."""
        self.open_ids = frozenset(alarm.data.alarm_id for alarm in book.open())
        """Identifiers of the open alarms; the set is replaced, never changed."""
        self._restored = self.open_ids
        """Identifiers of the alarms of an earlier run that this run has not published yet."""

    # --- what happens

    def press(self, press: Pressed, *, test: bool) -> AlarmChange:
        """Handle one or several presses of an input, in earnest or as a test; return what that has changed."""
        begin = partial(self._begin, press, test)
        change = self._book.press(press.input, press.edge_ns, begin, count=press.count, test=test)
        self._publish(change)
        if not change.alarm.data.silent:
            self._lights.beep(1)
        return change

    def delivered(self, fact: AlarmDelivered) -> None:
        """Note that the broker has a message of an alarm."""
        self._publish(self._book.delivered(fact))

    def acknowledged(self, ack: CentreAck) -> tuple[AckAnswer, threading.Event | None]:
        """Act on an ack of the centre. For a close, the event is set when it is on disk; then call `publish_closed`."""
        was = self._book.find(ack.alarm_id)
        change = self._book.acknowledged(ack)
        if was is None or change is None:
            return AckAnswer("unknown-alarm"), None
        safe = None
        if change.change == "closed":
            safe = self._outbox.keep(ALARM_KEY + ack.alarm_id, encode_alarm(change.alarm))
            self._closing[ack.alarm_id] = (was.data, change.alarm.data)
            self._published(change)
        else:
            self._publish(change)
        if change.change == "noted":
            self.announce_changes()  # only the list says that it raises itself again later now
        data = change.alarm.data
        if _is_answer(was, change) and not data.silent:
            self._lights.beep(2)
        is_refused = ack.action is AckAction.CLOSED and safe is None
        return AckAnswer("pressed-since" if is_refused else verdict(data, ack), data), safe

    def publish_closed(self, alarm_id: str, *, durable: bool) -> AckAnswer:
        """Publish that the alarm is closed, and whether the close would survive a power cut (`durable`)."""
        data = self._closing.pop(alarm_id)[1]
        said = data if durable else data.model_copy(update={"durable": False})
        self._outbox.accept(self._factory.alarm("closed", said), keep={ALARM_KEY + alarm_id: None})
        self._sender.send(1)
        self._outbox.wake()
        self.announce_changes()
        return AckAnswer("taken" if durable else "not-durable", said)

    def tick(self, now_ns: int) -> None:
        """Move every alarm that has waited long enough to its next step."""
        for change in self._book.tick(now_ns):
            self._publish(change)

    def next_due_ns(self) -> int | None:
        """Return when `tick` next has something to do."""
        return self._book.next_due_ns()

    def kept(self) -> dict[str, str]:
        """Return what is kept of alarms, by key, without those whose close is not published yet."""
        kept = self._outbox.kept(ALARM_KEY)
        return {key: text for key, text in kept.items() if key.removeprefix(ALARM_KEY) not in self._closing}

    def restore(
        self, alarms: Iterable[OpenAlarm], keep: Callable[[AlarmBook], Callable[[], None]]
    ) -> Callable[[], None]:
        """Add open alarms of an earlier run; returns a function that reports them, to call without the lock.

        `alarms` were read a moment ago, without the lock: one of this run that was closed since must stay closed.
        """
        kept = self.kept()
        still_open = [alarm for alarm in alarms if ALARM_KEY + alarm.data.alarm_id in kept]
        self._book.restore(still_open, self._clock.boottime_ns())
        report = keep(self._book)
        before, self.open_ids = self.open_ids, frozenset(alarm.data.alarm_id for alarm in self._book.open())
        self._restored |= self.open_ids - before
        return report

    # --- what is published

    def announce(self) -> None:
        """Publish the list of open alarms."""
        self._announced = self._open()
        self._outbox.put(self._factory.alarms(AlarmsData(open=self._announced)))

    def announce_changes(self) -> None:
        """Publish the list of open alarms if it has changed since it was published last."""
        if self._open() != self._announced:
            self.announce()

    def publish_unanswered(self) -> None:
        """Publish every unanswered alarm again, to a new broker: another one took it, and nobody has answered."""
        for alarm in self._book.open():
            if alarm.data.stage in _UNANSWERED:
                self._outbox.put(self._factory.alarm("updated", alarm.data))

    def publish_restored(self) -> None:
        """Publish, once, the alarms that an earlier run has left open: a power cut may have undone a close."""
        restored, self._restored = self._restored, frozenset()
        for alarm in self._book.open():
            if alarm.data.alarm_id in restored:
                self._outbox.put(self._factory.alarm("updated", alarm.data))

    def in_earnest(self) -> bool:
        """Whether an alarm is open that is not a test."""
        return self._book.in_earnest()

    def lights(self) -> LightState | None:
        """Return what the lights show for the open alarms; None when no audible one is open."""
        audible = any(not alarm.data.silent for alarm in self._book.open())
        return self._book.lights() if audible else None

    def _publish(self, change: AlarmChange | None) -> None:
        if change is None:
            return
        data = change.alarm.data
        if change.change == "noted":
            self._outbox.keep(ALARM_KEY + data.alarm_id, encode_alarm(change.alarm))
            return
        draft = self._factory.alarm(change.change, data)
        kept = {ALARM_KEY + data.alarm_id: encode_alarm(change.alarm, draft.data_json)}
        self._outbox.accept(draft, keep=kept)
        self._sender.send(1)
        os.sched_yield()  # a broker, tunnel or driver on this machine takes it further first: the rest can wait
        self._published(change)

    def _published(self, change: AlarmChange) -> None:
        self.open_ids = frozenset(alarm.data.alarm_id for alarm in self._book.open())
        self._outbox.wake()
        self._listener.alarm_changed(change)

    def _open(self) -> tuple[AlarmData, ...]:
        return (*(alarm.data for alarm in self._book.open()), *(was for was, _ in self._closing.values()))

    def _begin(self, press: Pressed, test: bool) -> Beginning:
        alarm_id = self._outbox.new_id()
        camera = None if self._cameras is None else self._cameras.capture(alarm_id)
        late = timedelta(microseconds=(self._clock.boottime_ns() - press.edge_ns) // 1000)
        clips = None if test or self._recordings is None else self._recordings.clips()
        return Beginning(alarm_id, rfc3339(self._clock.wall() - late), camera, clips)


def _is_answer(was: OpenAlarm, change: AlarmChange) -> bool:
    """Return whether the change is the first answer to the alarm."""
    return was.data.stage not in _ANSWERED and change.alarm.data.stage in _ANSWERED
