"""The life of an alarm. Pure: each fact brings its time, and the changes to report come out.

A resident can't cancel an alarm, and further presses raise the count of the same alarm. Only a verified ack of the
centre moves an alarm past `unconfirmed` or out of the book. The full table is in docs/alarm-life.md.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from agent.contract.lamps import LightState, for_open_alarms
from agent.contract.messages import AlarmCamera, AlarmClip, AlarmData, Status
from agent.contract.stages import Stage, Waits
from agent.contract.vocabulary import AckAction, Codes, Location
from agent.core.alarms.hold import answered, ended
from agent.core.facts import AlarmDelivered, CentreAck

Change = Literal["raised", "updated", "closed", "noted"]
"""The first three become messages; `noted` is only saved for the next start."""

_CODES: dict[str, Codes] = {
    "panic": {"contact_id": "120", "sia": "PA"},
    "duress": {"contact_id": "121", "sia": "HA"},
    "medical": {"contact_id": "100", "sia": "MA"},
    "fire": {"contact_id": "110", "sia": "FA"},
}
_MOST_SERIOUS_FIRST: tuple[Status, ...] = ("actual", "exercise", "test")
_ANSWERED = (Stage.REGISTERED, Stage.DISPATCHED)
_MOST_TAKEN = 16


class Beginning(NamedTuple):
    """What a new alarm has of its own."""

    alarm_id: str
    raised_at: str
    """The time of the press as in messages."""
    camera: AlarmCamera | None
    """What a camera sees."""
    clips: tuple[AlarmClip, ...] | None = None
    """What the recorders will be asked for."""


@dataclass(frozen=True, slots=True)
class InputKind:
    """The kind of alarm that an input raises."""

    name: str
    kind: str
    silent: bool


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An open alarm, and the times that its latencies and waits count from, in CLOCK_BOOTTIME of the boot `boot_id`.

    `edge_ns` is the first edge; None if that was in another boot. `since_ns` is when the wait of the current stage
    began: at the edge, the last ack, the last repeat, or the start of this boot.
    """

    data: AlarmData
    boot_id: str
    edge_ns: int | None
    since_ns: int
    taken_by: tuple[str, ...] = ()
    """The commands that gave somebody the alarm since it was raised last: one that runs again after a crash must not do
    so twice."""


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """A change of an alarm that the centre must hear of, or that the next start must know."""

    change: Change
    alarm: OpenAlarm


class AlarmBook:
    """The open alarms: at most one of each status per input. One thread at a time."""

    def __init__(
        self,
        inputs: Iterable[InputKind],
        boot_id: str,
        location: Location | None,
        restored: Iterable[OpenAlarm] = (),
        *,
        now_ns: int = 0,
        waits: Waits | None = None,
        simulated: bool = False,
    ) -> None:
        """`restored` are alarms of an earlier run. If that was in this boot, their waits continue; otherwise they start
        over at `now_ns`. `simulated` presses raise exercises."""
        self._kinds = {kind.name: kind for kind in inputs}
        self._boot_id = boot_id
        self._location = location
        self._waits = waits or Waits()
        self._status: Status = "exercise" if simulated else "actual"
        self._open: dict[str, OpenAlarm] = {}
        self.restore(restored, now_ns)

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs that raise alarms."""
        return [*self._kinds]

    def restore(self, alarms: Iterable[OpenAlarm], now_ns: int) -> None:
        """Add alarms of an earlier run, perhaps found late. An alarm that the book already has stays as it is.

        They are where the device is now: a card with an open alarm may have got another name and place.
        """
        in_order = sorted(alarms, key=lambda alarm: (alarm.data.raised_at, alarm.data.alarm_id))
        mine = (self._with_deadline(self._as_of_now(alarm, now_ns)) for alarm in in_order)
        self._open = {alarm.data.alarm_id: alarm for alarm in mine} | self._open

    def open(self) -> list[OpenAlarm]:
        """Return the open alarms, oldest first."""
        return [*self._open.values()]

    def find(self, alarm_id: str) -> OpenAlarm | None:
        """Return the open alarm with that identifier."""
        return self._open.get(alarm_id)

    def counting(self, input_name: str, *, test: bool) -> OpenAlarm | None:
        """Return the open alarm that a press of this input would count towards. Tests and real presses never share an
        alarm.
        """
        status = "test" if test else self._status
        mine = (alarm for alarm in self.open() if alarm.data.input == input_name and alarm.data.status == status)
        return next(mine, None)

    def in_earnest(self) -> bool:
        """Return whether an alarm is open that is not a test."""
        return any(alarm.data.status != "test" for alarm in self._open.values())

    def lights(self) -> LightState:
        """Return what the lights must show now.

        A silent alarm changes nothing that a bystander could see, and an open test shows nothing beside a real alarm.
        """
        audible = [alarm.data for alarm in self._open.values() if not alarm.data.silent]
        stages = ([data.stage for data in audible if data.status == status] for status in _MOST_SERIOUS_FIRST)
        return for_open_alarms(next(filter(None, stages), []))

    def press(
        self,
        input_name: str,
        edge_ns: int,
        begin: Callable[[], Beginning],
        *,
        count: int = 1,
        test: bool = False,
    ) -> AlarmChange:
        """Count `count` presses: on the open alarm, or as a new one. Only for a new one `begin` is called."""
        known = self.counting(input_name, test=test)
        if known is not None:
            return self._change("updated", known, press_count=known.data.press_count + count)
        begun = begin()
        kind = self._kinds[input_name]
        data = AlarmData(
            alarm_id=begun.alarm_id,
            input=input_name,
            kind=kind.kind,
            status="test" if test else self._status,
            silent=kind.silent,
            press_count=count,
            stage=Stage.RAISED,
            raised_at=begun.raised_at,
            location=self._location,
            codes=_CODES[kind.kind],
            latency_ms={},
            camera=begun.camera,
            clips=begun.clips,
        )
        return self._keep("raised", OpenAlarm(data, self._boot_id, edge_ns, edge_ns))

    def delivered(self, fact: AlarmDelivered) -> AlarmChange | None:
        """Note that the broker has the alarm: a raised one becomes sent. Later only the first time is noted."""
        alarm = self.find(fact.alarm_id)
        if alarm is None:
            return None
        latency = self._latency(alarm, Stage.SENT, fact.boottime_ns)
        if alarm.data.stage is Stage.RAISED:
            return self._change("updated", alarm, stage=Stage.SENT, **latency)
        if alarm.data.stage in {Stage.DELAYED, Stage.UNCONFIRMED} and latency:
            return self._change("noted", alarm, **latency)
        return None

    def acknowledged(self, ack: CentreAck) -> AlarmChange | None:
        """Apply an ack of the centre.

        An ack that changes nothing else, since its stage has passed or another person has the alarm, still shows that
        somebody is there: the alarm waits the full time of its stage before it raises itself again.

        A close by somebody who does not know of the last press closes nothing: the alarm raises itself again.
        """
        alarm = self.find(ack.alarm_id)
        if alarm is None:
            return None
        alarm = replace(alarm, since_ns=ack.boottime_ns)
        if ack.action is AckAction.CLOSED and ack.press_count is not None and ack.press_count < alarm.data.press_count:
            return self._raise_again(alarm)
        runs_again = ack.command in alarm.taken_by
        update = {} if runs_again else answered(alarm.data, ack)
        takes = ack.action is AckAction.TAKE_OVER or (update and update["held_by"] is not alarm.data.held_by)
        if takes and ack.command and not runs_again:
            alarm = replace(alarm, taken_by=(*alarm.taken_by, ack.command)[-_MOST_TAKEN:])
        if not update:
            return self._keep("noted", alarm)
        is_closed = ack.action is AckAction.CLOSED
        latency = self._latency(alarm, update["stage"], ack.boottime_ns)
        changed = self._change("closed" if is_closed else "updated", alarm, **update, **latency)
        if is_closed:
            del self._open[alarm.data.alarm_id]
        return changed

    def tick(self, now_ns: int) -> list[AlarmChange]:
        """Move every alarm whose wait is over by one step: it becomes late, is sent again, or raises itself again."""
        return [self._step(alarm, now_ns) for alarm in self.open() if self._due_ns(alarm) <= now_ns]

    def next_due_ns(self) -> int | None:
        """Return when `tick` next has something to do; None without an open alarm."""
        return min(map(self._due_ns, self._open.values()), default=None)

    def without_input(self) -> list[OpenAlarm]:
        """Return the open alarms whose input is no longer in the settings."""
        return [alarm for alarm in self.open() if alarm.data.input not in self._kinds]

    def _due_ns(self, alarm: OpenAlarm) -> int:
        return alarm.since_ns + self._waits.of(alarm.data.stage)

    def _step(self, alarm: OpenAlarm, now_ns: int) -> AlarmChange:
        stage = alarm.data.stage
        if stage in _ANSWERED:
            return self._raise_again(replace(alarm, since_ns=now_ns))
        if stage is Stage.UNCONFIRMED:
            return self._change("updated", replace(alarm, since_ns=now_ns), repeats=alarm.data.repeats + 1)
        if stage is Stage.DELAYED:
            alarm = replace(alarm, since_ns=now_ns)
        late = Stage.UNCONFIRMED if stage is Stage.DELAYED else Stage.DELAYED
        return self._change("updated", alarm, stage=late, **self._latency(alarm, late, now_ns))

    def _raise_again(self, alarm: OpenAlarm) -> AlarmChange:
        alarm = replace(alarm, taken_by=())
        return self._change("updated", alarm, stage=Stage.RAISED, reraised=alarm.data.reraised + 1, **ended(alarm.data))

    def _latency(self, alarm: OpenAlarm, stage: Stage, at_ns: int) -> dict[str, Any]:
        """Return the update of `latency_ms`; empty if the stage was reached before, or the edge was in another boot."""
        known = alarm.data.latency_ms
        if alarm.edge_ns is None or stage.value in known:
            return {}
        return {"latency_ms": {**known, stage.value: (at_ns - alarm.edge_ns) // 1_000_000}}

    def _change(self, change: Change, alarm: OpenAlarm, **update: Any) -> AlarmChange:
        return self._keep(change, replace(alarm, data=alarm.data.model_copy(update=update)))

    def _keep(self, change: Change, alarm: OpenAlarm) -> AlarmChange:
        alarm = self._with_deadline(alarm)
        self._open[alarm.data.alarm_id] = alarm
        return AlarmChange(change, alarm)

    def _with_deadline(self, alarm: OpenAlarm) -> OpenAlarm:
        """Return the alarm with the moment in its data at which it raises itself again, if it is answered."""
        due_ms = self._due_ns(alarm) // 1_000_000 if alarm.data.stage in _ANSWERED else None
        if due_ms == alarm.data.raises_again_monoms:  # as at every press: it costs no copy
            return alarm
        return replace(alarm, data=alarm.data.model_copy(update={"raises_again_monoms": due_ms}))

    def _as_of_now(self, alarm: OpenAlarm, now_ns: int) -> OpenAlarm:
        if alarm.data.location != self._location:
            alarm = replace(alarm, data=alarm.data.model_copy(update={"location": self._location}))
        if alarm.boot_id == self._boot_id:
            return alarm
        return replace(alarm, boot_id=self._boot_id, edge_ns=None, since_ns=now_ns)
