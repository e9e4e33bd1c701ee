"""The alarm of a self-test: its messages are like any alarm's, but it is not an open alarm, and no light shows it."""

import threading
from typing import Literal

from agent.contract.envelope import rfc3339
from agent.contract.messages import AlarmData
from agent.contract.stages import Stage
from agent.contract.vocabulary import SELF_TEST, Location
from agent.core.alarms.hold import answered, verdict
from agent.core.alarms.self_test import CODES
from agent.core.facts import AckAnswer, AlarmDelivered, CentreAck
from agent.outbox.outbox import Outbox
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.supervision.context import Context

KEPT = "self-test/alarm"
"""Alarms that are not closed are kept under this and their identifier, since one of an earlier run may be found late.
An earlier version kept only the last one, under this key alone."""


class ProbeAlarm:
    """The self-test's alarm, one at a time. Any thread."""

    def __init__(self, context: Context, outbox: Outbox, location: Location | None) -> None:
        self._outbox = outbox
        self._reporter = context.reporter
        self._clock = context.clock
        self._location = location
        self._lock = threading.Lock()
        self._raised_ns = 0
        self.data: AlarmData | None = None
        """The alarm that was raised last, even when it is closed; None before the first."""

    def raise_alarm(self) -> AlarmData:
        """Raise a new one, with `status` test."""
        with self._lock:
            self._raised_ns = self._clock.boottime_ns()
            self.data = self.example()
            self._reporter.publish(self._reporter.make.alarm("raised", self.data), self._kept(self.data))
            return self.data

    def example(self) -> AlarmData:
        """Return an alarm as it would be raised now."""
        return AlarmData(
            alarm_id=self._outbox.new_id(),
            input=SELF_TEST,
            kind=SELF_TEST,
            status="test",
            silent=True,
            press_count=0,
            stage=Stage.RAISED,
            raised_at=rfc3339(self._clock.wall()),
            location=self._location,
            codes=CODES,
            latency_ms={},
        )

    def delivered(self, fact: AlarmDelivered) -> bool:
        """Note that the broker has a message of an alarm; false when it is another alarm."""
        with self._lock:
            if self.data is None or self.data.alarm_id != fact.alarm_id:
                return False
            if self.data.stage is Stage.RAISED:
                self._reach(Stage.SENT, fact.boottime_ns)
            return True

    def acknowledge(self, ack: CentreAck) -> AckAnswer | None:
        """Act on a verified ack; None when it is for another alarm, or this one is closed."""
        with self._lock:
            data = self.data
            if data is None or data.alarm_id != ack.alarm_id or data.stage is Stage.CLOSED:
                return None
            if update := answered(data, ack):
                self.data = data = data.model_copy(update=update)
                self._reach(data.stage, ack.boottime_ns)
                self._report()
            return AckAnswer(verdict(data, ack), self.data)

    @property
    def was_registered(self) -> bool:
        """Whether a verified ack has registered it before it was closed."""
        return self.data is not None and Stage.REGISTERED.value in self.data.latency_ms

    def close(self) -> None:
        """Close the alarm: the test is over, and nobody needs to answer. Does nothing when none is open."""
        with self._lock:
            if self.data is not None and self.data.stage is not Stage.CLOSED:
                self._reach(Stage.CLOSED, self._clock.boottime_ns())
                self._report()

    def close_kept(self) -> None:
        """Close the alarms that earlier runs have left open, but not this run's, which may be open when the disk comes
        late. One that can't be read is forgotten, and nothing is raised."""
        for key, text in self._outbox.kept(KEPT).items():
            try:
                data = AlarmData.model_validate_json(text)
            except ValueError:
                self._outbox.keep(key, None)
                continue
            if self.data is None or data.alarm_id != self.data.alarm_id:
                closed = data.model_copy(update={"stage": Stage.CLOSED})
                self._reporter.publish(self._reporter.make.alarm("closed", closed), keep={key: None})

    def _reach(self, stage: Stage, at_ns: int) -> None:
        assert self.data is not None
        latency_ms = {stage.value: (at_ns - self._raised_ns) // 1_000_000} | self.data.latency_ms
        self.data = self.data.model_copy(update={"stage": stage, "latency_ms": latency_ms})

    def _report(self) -> None:
        assert self.data is not None
        change: Literal["updated", "closed"] = "closed" if self.data.stage is Stage.CLOSED else "updated"
        self._reporter.publish(self._reporter.make.alarm(change, self.data), self._kept(self.data))

    def _kept(self, data: AlarmData) -> dict[str, str | None]:
        return {f"{KEPT}/{data.alarm_id}": None if data.stage is Stage.CLOSED else data.model_dump_json()}


class AllAlarms:
    """The kiosk's alarms and the self-test's alarm. Any thread."""

    def __init__(self, pipeline: Pipeline, probe: ProbeAlarm) -> None:
        self._pipeline = pipeline
        self._probe = probe

    def acknowledge(self, ack: CentreAck) -> AckAnswer:
        """Act on a verified ack."""
        return self._probe.acknowledge(ack) or self._pipeline.acknowledge(ack)

    def delivered(self, fact: AlarmDelivered) -> None:
        """The broker has a message of an alarm."""
        if not self._probe.delivered(fact):
            self._pipeline.submit(fact)
