"""The open alarms. Publishes each change at once, and keeps it on disk for the next start."""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from agent.contract.envelope import MessageFactory, rfc3339
from agent.contract.lamps import LightState
from agent.contract.messages import AlarmData, AlarmsData
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm_book import AlarmBook, AlarmChange, Beginning, OpenAlarm
from agent.core.alarms.hold import verdict
from agent.core.alarms.persistence import encode_alarm
from agent.core.facts import AckAnswer, AlarmDelivered, CentreAck, Pressed
from agent.outbox.outbox import Outbox
from agent.ports import Clock
from agent.runtime.alarms.persistence import ALARM_KEY
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.recording.recordings import Recordings
from agent.runtime.uplink.sender import Sender

_UNANSWERED = (Stage.SENT, Stage.DELAYED, Stage.UNCONFIRMED)
_ANSWERED = (Stage.REGISTERED, Stage.DISPATCHED)

log = logging.getLogger(__name__)


class Acknowledged(NamedTuple):
    """What an ack of the centre has done."""

    answer: AckAnswer
    change: AlarmChange | None = None
    is_first: bool = False
    """Whether it is the first answer to the alarm."""
    safe: threading.Event | None = None
    """Set when a close is on disk; then call `publish_closed`."""


class Alarms:
    """Used under the pipeline's lock; `open_ids` from any thread.

    A change that a method returns is published already, but a close, since that waits for the disk."""

    def __init__(
        self,
        *,
        book: AlarmBook,
        outbox: Outbox,
        factory: MessageFactory,
        clock: Clock,
        cameras: Cameras | None,
        recordings: Recordings | None,
        sender: Sender,
    ) -> None:
        self._book = book
        self._outbox = outbox
        self._factory = factory
        self._clock = clock
        self._cameras = cameras
        self._recordings = recordings
        self._sender = sender
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
        return change

    def delivered(self, fact: AlarmDelivered) -> AlarmChange | None:
        """Note that the broker has a message of an alarm; return what that has changed."""
        change = self._book.delivered(fact)
        if change is not None:
            self._publish(change)
        return change

    def acknowledged(self, ack: CentreAck) -> Acknowledged:
        """Act on an ack of the centre."""
        was = self._book.find(ack.alarm_id)
        change = self._book.acknowledged(ack)
        if was is None or change is None:
            return Acknowledged(AckAnswer("unknown-alarm"))
        safe = None
        if change.change == "closed":
            safe = self._outbox.keep(ALARM_KEY + ack.alarm_id, encode_alarm(change.alarm))
            self._closing[ack.alarm_id] = (was.data, change.alarm.data)
            self._published()
        else:
            self._publish(change)
        if change.change == "noted":
            self.announce_changes()  # only the list says that it raises itself again later now
        data = change.alarm.data
        is_refused = ack.action is AckAction.CLOSED and safe is None
        answer = AckAnswer("pressed-since" if is_refused else verdict(data, ack), data)
        return Acknowledged(answer, change, was.data.stage not in _ANSWERED and data.stage in _ANSWERED, safe)

    def publish_closed(self, alarm_id: str, *, durable: bool) -> AckAnswer:
        """Publish that the alarm is closed, and whether the close would survive a power cut (`durable`)."""
        data = self._closing.pop(alarm_id)[1]
        said = data if durable else data.model_copy(update={"durable": False})
        self._outbox.accept(self._factory.alarm("closed", said), keep={ALARM_KEY + alarm_id: None})
        self._sender.send(1)
        self._outbox.wake()
        self.announce_changes()
        return AckAnswer("taken" if durable else "not-durable", said)

    def tick(self, now_ns: int) -> list[AlarmChange]:
        """Move every alarm that has waited long enough to its next step; return what that has changed."""
        changes = [*self._book.tick(now_ns)]
        for change in changes:
            self._publish(change)
        return changes

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

    def _publish(self, change: AlarmChange) -> None:
        data = change.alarm.data
        if change.change == "noted":
            self._outbox.keep(ALARM_KEY + data.alarm_id, encode_alarm(change.alarm))
            return
        draft = self._factory.alarm(change.change, data)
        kept = {ALARM_KEY + data.alarm_id: encode_alarm(change.alarm, draft.data_json)}
        self._outbox.accept(draft, keep=kept)
        self._sender.send(1)
        os.sched_yield()  # a broker, tunnel or driver on this machine takes it further first: the rest can wait
        self._published()

    def _published(self) -> None:
        self.open_ids = frozenset(alarm.data.alarm_id for alarm in self._book.open())
        self._outbox.wake()

    def _open(self) -> tuple[AlarmData, ...]:
        return (*(alarm.data for alarm in self._book.open()), *(was for was, _ in self._closing.values()))

    def _begin(self, press: Pressed, test: bool) -> Beginning:
        alarm_id = self._outbox.new_id()
        camera = None if self._cameras is None else self._cameras.capture(alarm_id)
        late = timedelta(microseconds=(self._clock.boottime_ns() - press.edge_ns) // 1000)
        clips = None if test or self._recordings is None else self._recordings.clips()
        return Beginning(alarm_id, rfc3339(self._clock.wall() - late), camera, clips)
