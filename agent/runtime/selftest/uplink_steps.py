"""The steps of a self-test that lead to the centre: the path in use, the other paths, and a person or program there."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agent.contract.envelope import MessageFactory
from agent.contract.messages import AlarmData, Draft
from agent.contract.stages import Stage
from agent.core.errors import NoProbeCertificate, StepFailed
from agent.ports import Broker, BrokerAddress, Clock, OutgoingMessage
from agent.runtime.selftest.path_probe import check_path
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.steps import Step


@dataclass(frozen=True, slots=True)
class Paths:
    """The brokers, and by which of them the device is connected."""

    addresses: Sequence[BrokerAddress]
    in_use: Callable[[], int | None]
    """The place of the one in use; None without a connection."""
    probe: Broker
    """A connection beside the one in use."""


class WayOut:
    """One test alarm a test. Used by the thread `self-test`."""

    def __init__(
        self,
        *,
        alarm: ProbeAlarm,
        paths: Paths,
        factory: MessageFactory,
        unnumbered: Callable[[Draft], OutgoingMessage],
        clock: Clock,
        path_within_s: float,
        ack_within_s: float | None,
    ) -> None:
        """`path_within_s` is the patience with each broker, `ack_within_s` with the centre, from the alarm on; None
        when no centre is asked. `unnumbered` makes a message that does not go through the outbox."""
        self._alarm = alarm
        self._paths = paths
        self._factory = factory
        self._unnumbered = unnumbered
        self._clock = clock
        self._path_within_s = path_within_s
        self._ack_within_s = ack_within_s

    def steps(self) -> Iterator[tuple[str, Step]]:
        """The steps by name. Between the first and `close` the alarm is open."""
        in_use = self._paths.in_use()
        alarm = None if in_use is None else self._alarm.raise_alarm()
        raised_ns = self._clock.boottime_ns()
        yield "uplink", self._check_uplink(raised_ns, is_up=alarm is not None)
        for place, address in enumerate(self._paths.addresses):
            if place != in_use:
                yield f"path-{place + 1}", self._check_other(address, alarm)
        if self._ack_within_s is not None:
            yield "centre", self._check_centre(raised_ns, self._ack_within_s, is_up=alarm is not None)

    def _check_uplink(self, raised_ns: int, *, is_up: bool) -> Step:
        if not is_up:
            raise StepFailed("no broker has us")
        while self._stage() is Stage.RAISED:
            if self._clock.boottime_ns() - raised_ns > self._path_within_s * 1e9:
                raise StepFailed(f"the broker did not take the test alarm within {self._path_within_s:g} s")
            yield
        return "the broker in use took the test alarm"

    def _check_other(self, address: BrokerAddress, alarm: AlarmData | None) -> Step:
        """Tells this broker of the alarm too, as complete as any `updated`. Without an identity of its own it does not
        log in: that could end the connection in use, if both addresses lead to one broker."""
        data = alarm or self._alarm.example()
        message = self._unnumbered(self._factory.alarm("updated", data))
        try:
            return (yield from check_path(self._paths.probe, address, message, self._clock, self._path_within_s))
        except NoProbeCertificate as error:
            return f"{address}: not tried, whether it takes an alarm is not known: {error}"

    def _check_centre(self, raised_ns: int, within_s: float, *, is_up: bool) -> Step:
        if not is_up:
            raise StepFailed("no broker has us, so no centre was asked")
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
