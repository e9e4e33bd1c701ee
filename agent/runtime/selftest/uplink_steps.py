"""The steps of a self-test that lead to the centre: the path in use, the other paths, and a person or program there."""

from collections.abc import Iterator, Sequence

from agent.contract.messages import AlarmData
from agent.contract.stages import Stage
from agent.core.errors import NoProbeCertificate, StepFailed
from agent.ports import Broker, BrokerAddress
from agent.runtime.selftest.path_probe import check_path
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.steps import Step
from agent.runtime.supervision.context import Context
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.publisher import Publisher


class WayOut:
    """Raises one test alarm per test. Used by the thread `self-test`."""

    def __init__(
        self,
        *,
        alarm: ProbeAlarm,
        context: Context,
        addresses: Sequence[BrokerAddress],
        publisher: Publisher,
        probe: Broker,
        announcer: Announcer,
        path_within_s: float,
        ack_within_s: float | None,
    ) -> None:
        """`path_within_s` is how long each broker may take; `ack_within_s` is how long the centre may take from the
        alarm on, None if no centre is asked. `probe` is a client beside the connection in use."""
        self._alarm = alarm
        self._make = context.reporter.make
        self._clock = context.clock
        self._addresses = addresses
        self._publisher = publisher
        self._probe = probe
        self._announcer = announcer
        self._path_within_s = path_within_s
        self._ack_within_s = ack_within_s

    def steps(self) -> Iterator[tuple[str, Step]]:
        """Yield each step with its name. The alarm is open from the first step until `ProbeAlarm.close`."""
        in_use = self._publisher.path
        alarm = None if in_use is None else self._alarm.raise_alarm()
        raised_ns = self._clock.boottime_ns()
        yield "uplink", self._check_uplink(raised_ns, is_up=alarm is not None)
        for place, address in enumerate(self._addresses):
            if place != in_use:
                yield f"path-{place + 1}", self._check_other(address, alarm)
        if self._ack_within_s is not None:
            yield "centre", self._check_centre(raised_ns, self._ack_within_s, is_up=alarm is not None)

    def _check_uplink(self, raised_ns: int, *, is_up: bool) -> Step:
        if not is_up:
            raise StepFailed("not connected to a broker")
        while self._stage() is Stage.RAISED:
            if self._clock.boottime_ns() - raised_ns > self._path_within_s * 1e9:
                raise StepFailed(f"the broker did not accept the test alarm within {self._path_within_s:g} s")
            yield
        return "the broker in use accepted the test alarm"

    def _check_other(self, address: BrokerAddress, alarm: AlarmData | None) -> Step:
        """Send this broker the alarm too, as complete as any `updated`.

        Without an identity of its own the probe does not log in: that could end the connection in use, if both
        addresses lead to one broker."""
        data = alarm or self._alarm.example()
        message = self._announcer.unnumbered(self._make.alarm("updated", data))
        try:
            return (yield from check_path(self._probe, address, message, self._clock, self._path_within_s))
        except NoProbeCertificate as error:
            return f"{address}: not tried, so whether it accepts an alarm is unknown: {error}"

    def _check_centre(self, raised_ns: int, within_s: float, *, is_up: bool) -> Step:
        if not is_up:
            raise StepFailed("not connected to a broker, so no centre was asked")
        while (stage := self._stage()) is not Stage.CLOSED:
            if self._clock.boottime_ns() - raised_ns > within_s * 1e9:
                if stage in {Stage.REGISTERED, Stage.DISPATCHED}:
                    raise StepFailed(f"the centre registered the alarm, but did not close it within {within_s:g} s")
                raise StepFailed(f"no verified ack from a centre within {within_s:g} s")
            yield
        if not self._alarm.was_registered:
            raise StepFailed("the alarm was closed, but no centre had registered it")
        return "the centre answered with verified acks"

    def _stage(self) -> Stage:
        data = self._alarm.data
        return Stage.CLOSED if data is None else data.stage
