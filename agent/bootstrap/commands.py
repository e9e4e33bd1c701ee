"""Connects commands to the parts that carry them out; acks and confirmations go to the alarm that they name."""

from agent.core.alarms.test_mode import TestModeAnswer
from agent.core.facts import AckAnswer, AlarmDelivered, CentreAck
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.commands.orders import SelfTestAnswer
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.self_test import SelfTest
from agent.runtime.uplink.status import Uplink


class AllAlarms:
    """The kiosk's alarms and the self-test's alarm. Any thread."""

    def __init__(self, pipeline: Pipeline, probe: ProbeAlarm) -> None:
        self._pipeline = pipeline
        self._probe = probe

    def acknowledge(self, ack: CentreAck) -> AckAnswer:
        """Act on a verified ack."""
        return "taken" if self._probe.acknowledge(ack) else self._pipeline.acknowledge(ack)

    def delivered(self, fact: AlarmDelivered) -> None:
        """The broker has a message of an alarm."""
        if not self._probe.delivered(fact):
            self._pipeline.submit(fact)


class CommandActions:
    """See `agent.runtime.commands.actions.Actions`."""

    def __init__(
        self, alarms: AllAlarms, pipeline: Pipeline, uplink: Uplink, cameras: Cameras, self_test: SelfTest
    ) -> None:
        self._alarms = alarms
        self._pipeline = pipeline
        self._uplink = uplink
        self._cameras = cameras
        self._self_test = self_test

    def acknowledge(self, ack: CentreAck) -> AckAnswer:
        """Pass the ack to the alarm that it names."""
        return self._alarms.acknowledge(ack)

    def rebirth(self) -> None:
        """Publish birth, description and open alarms."""
        self._uplink.announce()

    def identify(self, seconds: float) -> None:
        """Blink for `seconds`."""
        self._pipeline.identify(seconds)

    def snapshot(self, picture_id: str, camera: str | None) -> str | None:
        """Take a picture with the named camera, or with the first one."""
        return self._cameras.snapshot(picture_id, camera)

    def test_mode(self, seconds: float, input_name: str | None) -> TestModeAnswer:
        """Set test mode for one input, or for all."""
        return self._pipeline.test_mode(seconds, input_name)

    def self_test(self, order_id: str) -> SelfTestAnswer:
        """Begin a self-test."""
        return self._self_test.order(order_id)
