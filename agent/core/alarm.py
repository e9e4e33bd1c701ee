"""The life of an alarm. Pure: time comes in with each fact, and what must be told comes out.

A resident can't cancel, further presses raise the count of the same alarm, and only a verified ack of the
centre moves an alarm past `sent`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from agent.core.events import AckAction, AlarmDelivered, CentreAck
from agent.core.lights import LightState, for_open_alarms
from agent.core.messages import AlarmCamera, AlarmData
from agent.core.stages import Stage

Change = Literal["raised", "updated", "closed"]

_CODES = {
    "panic": {"contact_id": "120", "sia": "PA"},
    "duress": {"contact_id": "121", "sia": "HA"},
    "medical": {"contact_id": "100", "sia": "MA"},
    "fire": {"contact_id": "110", "sia": "FA"},
}
_STAGE_OF = {
    AckAction.REGISTERED: Stage.REGISTERED,
    AckAction.DISPATCHED: Stage.DISPATCHED,
    AckAction.CLOSED: Stage.CLOSED,
}


@dataclass(frozen=True, slots=True)
class InputKind:
    """What an alarm of this input is."""

    name: str
    kind: str
    silent: bool


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An alarm and what its deadlines and latencies are counted from.

    `edge_ns` is CLOCK_BOOTTIME of the first edge in the boot `boot_id`; in another boot it means nothing.
    """

    data: AlarmData
    boot_id: str
    edge_ns: int


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """Something about an alarm that the centre must hear."""

    change: Change
    alarm: OpenAlarm


class AlarmBook:
    """The open alarms, one an input at the most. Used by one thread."""

    def __init__(
        self,
        inputs: Iterable[InputKind],
        boot_id: str,
        location: dict[str, Any] | None,
        restored: Iterable[OpenAlarm] = (),
    ) -> None:
        self._kinds = {kind.name: kind for kind in inputs}
        self._boot_id = boot_id
        self._location = location
        self._open = {alarm.data.input: alarm for alarm in restored}

    def open(self) -> list[OpenAlarm]:
        """The open alarms, oldest first."""
        return sorted(self._open.values(), key=lambda alarm: alarm.data.alarm_id)

    def find(self, alarm_id: str) -> OpenAlarm | None:
        """The open alarm of that identifier."""
        return next((alarm for alarm in self._open.values() if alarm.data.alarm_id == alarm_id), None)

    def lights(self) -> LightState:
        """What the lights must say now. A silent alarm changes nothing that a bystander could see."""
        return for_open_alarms(alarm.data.stage for alarm in self._open.values() if not alarm.data.silent)

    def press(
        self, input_name: str, edge_ns: int, alarm_id: str, raised_at: str, camera: AlarmCamera | None
    ) -> AlarmChange:
        """A debounced press: a new alarm, which gets `alarm_id`, or one more press of the open one."""
        known = self._open.get(input_name)
        if known is not None:
            return self._update(known, press_count=known.data.press_count + 1)
        kind = self._kinds[input_name]
        data = AlarmData(
            alarm_id=alarm_id,
            input=input_name,
            kind=kind.kind,
            status="actual",
            silent=kind.silent,
            press_count=1,
            stage=Stage.RAISED,
            raised_at=raised_at,
            location=self._location,
            codes=_CODES[kind.kind],
            latency_ms={},
            camera=camera,
        )
        alarm = OpenAlarm(data, self._boot_id, edge_ns)
        self._open[input_name] = alarm
        return AlarmChange("raised", alarm)

    def delivered(self, fact: AlarmDelivered) -> AlarmChange | None:
        """The broker has it. Only the first such answer moves the alarm, from raised to sent."""
        alarm = self.find(fact.alarm_id)
        if alarm is None or alarm.data.stage is not Stage.RAISED:
            return None
        return self._update(alarm, stage=Stage.SENT, at_ns=fact.boottime_ns)

    def acknowledged(self, ack: CentreAck) -> AlarmChange | None:
        """The centre speaks. An ack for a stage that is already passed changes nothing."""
        alarm = self.find(ack.alarm_id)
        stage = _STAGE_OF[ack.action]
        if alarm is None or stage.rank() <= alarm.data.stage.rank():
            return None
        changed = self._update(alarm, stage=stage, at_ns=ack.boottime_ns)
        if stage is Stage.CLOSED:
            del self._open[alarm.data.input]
            return AlarmChange("closed", changed.alarm)
        return changed

    def _update(
        self,
        alarm: OpenAlarm,
        *,
        press_count: int | None = None,
        stage: Stage | None = None,
        at_ns: int | None = None,
    ) -> AlarmChange:
        update: dict[str, Any] = {}
        if press_count is not None:
            update["press_count"] = press_count
        if stage is not None:
            update["stage"] = stage
            if at_ns is not None and alarm.boot_id == self._boot_id:
                update["latency_ms"] = {
                    **alarm.data.latency_ms,
                    stage.value: (at_ns - alarm.edge_ns) // 1_000_000,
                }
        changed = OpenAlarm(alarm.data.model_copy(update=update), alarm.boot_id, alarm.edge_ns)
        self._open[alarm.data.input] = changed
        return AlarmChange("updated", changed)
