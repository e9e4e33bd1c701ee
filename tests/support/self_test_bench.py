"""The bench on which the tests of the self-test run."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from agent.contract.lamps import IDLE, LightState, Pattern
from agent.contract.messages import Draft
from agent.contract.vocabulary import AckAction
from agent.core.alarms.self_test import Timetable
from agent.core.errors import StepFailed
from agent.core.facts import AlarmDelivered, CentreAck, SelfTested
from agent.outbox.outbox import Outbox
from agent.ports import BrokerAddress, OutgoingMessage
from agent.runtime.commands.orders import OrderDone
from agent.runtime.selftest.probe_alarm import ProbeAlarm
from agent.runtime.selftest.self_test import SelfTest
from agent.runtime.selftest.steps import Step
from agent.runtime.selftest.uplink_steps import WayOut
from tests.support.alarm_book import CENTRE
from tests.support.context import make_context
from tests.support.drafts import body, open_outbox, taken, write
from tests.support.fake_ports import MemoryBroker
from tests.support.sim_clock import SimClock
from tests.support.stores import DeadStore

FLASH = LightState(Pattern.OFF, Pattern.OFF, Pattern.OFF, Pattern.OFF)
ADDRESSES = [BrokerAddress("mqtt://a"), BrokerAddress("mqtt://b")]


@dataclass
class Bench:
    """A self-test whose steps at the kiosk are made up and whose way out is real, to a broker in memory."""

    directory: Path
    clock: SimClock = field(default_factory=lambda: SimClock(boottime_ns=10**12))
    ack_within_s: float | None = 30.0
    in_use: int | None = 0
    alarm_is_open: bool = False
    flashes: bool = False
    waits: int = 2
    """Passes that the step `lights` takes."""
    lights_end: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    told: list[SelfTested] = field(default_factory=list)
    done: list[OrderDone] = field(default_factory=list)
    siren_sounded: list[bool] = field(default_factory=list)
    """Whether each test was to sound the siren."""
    scheduled: bool = True
    probe: MemoryBroker = field(default_factory=MemoryBroker)
    store: DeadStore | None = None
    """The disk of the next start, where it is not a sound one."""

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """As after a (re)start of the agent."""
        self.outbox: Outbox = open_outbox(self.directory, self.clock, self.store)
        context = make_context(self.outbox, self.clock)
        self.board = context.board
        any_part: Any = self
        self.alarm = ProbeAlarm(context, self.outbox, {"lat": 0.0, "lon": 0.0, "text": "here"})
        self.way_out = WayOut(
            alarm=self.alarm,
            context=context,
            addresses=ADDRESSES,
            publisher=any_part,
            probe=self.probe,
            announcer=any_part,
            path_within_s=20.0,
            ack_within_s=self.ack_within_s,
        )

        timetable = Timetable(
            at=time(3),
            spread_s=0,
            device="kiosk-1",
            started_ns=self.clock.boottime_ns(),
            soonest_s=300,
            retry_s=3600,
        )
        self.worker = SelfTest(
            script=any_part,
            alarm=self.alarm,
            timetable=timetable if self.scheduled else None,
            context=context,
            outbox=self.outbox,
            kiosk=any_part,
            lights=any_part,
            commands=any_part,
        )

    @property
    def path(self) -> int | None:
        return self.in_use

    @property
    def open_ids(self) -> frozenset[str]:
        return frozenset({"an alarm"}) if self.alarm_is_open else frozenset()

    def unnumbered(self, draft: Draft) -> OutgoingMessage:
        assert draft.data is not None
        return OutgoingMessage(draft.topic, draft.data.model_dump_json().encode())

    def steps(self, *, siren_sounds: bool) -> Iterator[tuple[str, Step]]:
        self.siren_sounded.append(siren_sounds)
        yield "lights", self.lights()
        yield from self.way_out.steps()

    def shown(self) -> LightState:
        return FLASH if self.flashes else IDLE

    def submit(self, fact: SelfTested) -> None:
        self.told.append(fact)

    def order_done(self, done: OrderDone) -> None:
        self.done.append(done)

    def restart(self) -> None:
        write(self.outbox)
        self.outbox.close()
        self.told.clear()
        self.start()

    def lights(self) -> Step:
        try:
            for _ in range(self.waits):
                yield
            if "lights" in self.broken:
                raise StepFailed("yellow can't be switched on")
            return "driven"
        finally:
            self.lights_end.append("shown again")

    def run(self, passes: int = 1, each_s: float = 0.05) -> None:
        for _ in range(passes):
            self.worker.run_once(0)
            self.clock.advance(timedelta(seconds=each_s))

    def answer(self, *actions: AckAction) -> None:
        """What the broker and the centre say to the alarm."""
        data = self.alarm.data
        assert data is not None
        now_ns = self.clock.boottime_ns()
        assert self.alarm.delivered(AlarmDelivered(data.alarm_id, now_ns))
        for action in actions:
            assert self.alarm.acknowledge(CentreAck(data.alarm_id, action, CENTRE, now_ns))

    def sent(self) -> list[tuple[str, dict[str, Any]]]:
        write(self.outbox)
        return [(body(m)["type"], body(m)["data"]) for m in taken(self.outbox)]

    def result(self) -> dict[str, Any]:
        return next(data for kind, data in reversed(self.sent()) if kind == "edge.event.self-test.v1")


def ended(bench: Bench) -> bool:
    return bench.worker.last is not None


def play(bench: Bench, *actions: AckAction) -> None:
    """Run an ordered test to its end."""
    assert bench.worker.order("o1") == "asked"
    bench.run(6)
    if bench.in_use is not None:
        bench.answer(*actions)
    bench.run(20)


def failed(result: dict[str, Any]) -> list[str]:
    return [step["name"] for step in result["steps"] if not step["ok"]]
