"""The whole way of an alarm against the written table: presses, answers, losses, crashes and clocks in any order."""

import itertools
import os
import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agent.contract.lamps import IDLE, OUT_OF_SERVICE, TEST_MODE, for_open_alarms
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from agent.core.alarms.persistence import encode_alarm
from agent.core.facts import AlarmDelivered, Announce, CentreAck, UplinkChanged
from agent.runtime.alarms.persistence import ALARM_KEY
from tests.support.alarm_book import CENTRE
from tests.support.drafts import body, killed, open_outbox, write
from tests.support.kiosk import Kiosk
from tests.support.life_table import FACTS, TRANSITIONS
from tests.support.sim_clock import SimClock

_56_YEARS = timedelta(days=56 * 365)
_EXAMPLES = int(os.environ.get("LIFE_EXAMPLES", "100"))
WAIT_MS = {"registered": 180_000, "dispatched": 900_000}
TOLD = {
    (stage, cell.change, Stage.CLOSED if cell.change == "closed" else cell.stage)
    for (stage, _), cell in TRANSITIONS.items()
    if cell.change not in {"", "noted"}
}
"""Stage before, message, and the stage that the message says."""


def test_the_table_tells_of_every_change() -> None:
    assert all(
        cell.change or cell.stage is stage
        for stage, fact in itertools.product(Stage, FACTS)
        if (cell := TRANSITIONS.get((stage, fact)))
    )


class KioskMachine(RuleBasedStateMachine):
    """A kiosk, a broker that loses and repeats, and a centre that remembers all it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.runs = itertools.count()
        self.boots = itertools.count(2)
        self.clock = SimClock(boottime_ns=10**12)
        self.now_is_1970 = False
        self.ids: list[str] = []
        self.heard: dict[str, dict[str, Any]] = {}
        """Envelopes by their identifier: a subscriber sees each once."""
        self.pressed: Counter[tuple[str, str]] = Counter()
        """Presses by input and by the status that they were made with."""
        self.tests: tuple[int, list[str] | None] | None = None
        """Until when presses are tests, and of which inputs."""

    @initialize(camera=st.booleans())
    def begin(self, camera: bool) -> None:
        self.camera = camera
        self._run(self.root / "run")

    def _run(self, directory: Path) -> None:
        self.directory = directory
        self.outbox = open_outbox(directory, self.clock)
        self.kiosk = Kiosk(self.outbox, self.clock, camera=self.camera)
        self.pipeline = self.kiosk.pipeline
        self.pipeline.show_lights()
        self.pipeline.submit(UplinkChanged(up=True))
        self.pipeline.submit(Announce())
        self.tests = None

    @rule(name=st.sampled_from(["police", "hidden", "held"]))
    def press(self, name: str) -> None:
        held_s = 2 if name == "held" else 0
        done_ns = self.clock.boottime_ns() + held_s * 10**9
        test = self.tests is not None and (self.tests[1] is None or name in self.tests[1]) and done_ns < self.tests[0]
        self.pressed[name, "test" if test else "actual"] += 1
        if not test and name != "hidden":
            self.tests = None
        self.kiosk.edge(name)
        self.clock.advance(timedelta(seconds=held_s))
        self.pipeline.run_once(0)
        self.kiosk.edge(name, active=False, after_ms=100)
        self.clock.advance(timedelta(milliseconds=900))  # no faster: chatter is the matter of other tests
        self.ids = sorted({*self.ids, *self.pipeline.open_ids})

    @rule(count=st.integers(1, 8), then=st.sampled_from(["confirmed", "confirmed", "answer lost", "lost"]))
    def send(self, count: int, then: str) -> None:
        for _ in range(count):
            found = self.outbox.take()
            if found is None:
                return
            waiting, message = found
            if then != "lost":
                envelope = body(message)
                self.heard[envelope["id"]] = envelope
            if then != "confirmed":
                self.outbox.give_back(waiting)
                return
            self.outbox.confirm(waiting)
            if waiting.row.alarm_id is not None:
                self.pipeline.submit(AlarmDelivered(waiting.row.alarm_id, self.clock.boottime_ns()))

    @rule(which=st.integers(0, 5), action=st.sampled_from(list(AckAction)), twice=st.booleans())
    def answer(self, which: int, action: AckAction, twice: bool) -> None:
        alarm_id = self.ids[-1 - which] if which < len(self.ids) else "unknown"
        for _ in range(1 + twice):
            self.pipeline.acknowledge(CentreAck(alarm_id, action, CENTRE, self.clock.boottime_ns()))

    @rule(seconds=st.sampled_from([0.01, 1, 9, 10, 20, 60, 180, 900, 3_600]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.pipeline.run_once(0)

    @rule()
    def the_wall_clock_steps(self) -> None:
        self.clock.step_wall(_56_YEARS if self.now_is_1970 else -_56_YEARS)
        self.now_is_1970 = not self.now_is_1970

    @rule(
        seconds=st.sampled_from([0, 5, 600, 600]),
        names=st.sampled_from([None, ["police"], ["held"], ["held", "hidden"]]),
    )
    def test_mode(self, seconds: float, names: list[str] | None) -> None:
        self.settle()
        if self.pipeline.test_mode(seconds, names) == "ok":
            self.tests = (self.clock.boottime_ns() + int(seconds * 1e9), names) if seconds else None

    @rule()
    def another_broker(self) -> None:
        self.pipeline.submit(Announce(moved=True))

    @rule()
    def write(self) -> None:
        write(self.outbox)

    @rule()
    def settle(self) -> None:
        self.pipeline.run_once(0)
        self.pipeline.drain()

    @rule(how=st.sampled_from(["stopped", "killed", "power cut"]))
    def restart(self, how: str) -> None:
        if how == "stopped":
            self.pipeline.drain()
            self.outbox.close()
            self._run(self.directory)
            return
        if how == "power cut":
            write(self.outbox)  # what it may lose is the matter of other tests
            wall = self.clock.wall()
            self.clock = SimClock(5 * 10**9, wall, boot_id=f"00000000-0000-4000-8000-{next(self.boots):012}")
        copy = killed(self.directory, self.root / f"run{next(self.runs)}")
        self.outbox.close()
        self._run(copy)

    @invariant()
    def of_one_input_and_status_one_alarm_is_open(self) -> None:
        if hasattr(self, "kiosk"):
            data = [alarm.data for alarm in self.kiosk.book.open()]
            assert self.pipeline.open_ids == {alarm.alarm_id for alarm in data}
            assert len({(alarm.input, alarm.status) for alarm in data}) == len(data)

    @invariant()
    def the_lights_say_what_is_so(self) -> None:
        if hasattr(self, "kiosk"):
            audible = [alarm.data for alarm in self.kiosk.book.open() if not alarm.data.silent]
            decide = [data for data in audible if data.status == "actual"] or audible
            shown = self.kiosk.lights.shown()
            if decide:
                assert shown == for_open_alarms(data.stage for data in decide)
            else:
                assert shown in {IDLE, TEST_MODE, OUT_OF_SERVICE}

    def teardown(self) -> None:
        if not hasattr(self, "kiosk"):
            return
        try:
            self.settle()
            write(self.outbox)
            self.send(10_000, "confirmed")
            self.settle()
            write(self.outbox)
            self.send(10_000, "confirmed")
            self.judge()
        finally:
            self.outbox.close()
            shutil.rmtree(self.root)

    def judge(self) -> None:
        """What the centre has heard is the whole truth, and nothing in it is outside the table."""
        told = sorted(self.heard.values(), key=lambda envelope: int(envelope["seq"]))
        assert len({envelope["seq"] for envelope in told}) == len(told)
        lives: dict[str, list[dict[str, Any]]] = {}
        for envelope in told:
            if envelope["type"].startswith("edge.alarm."):
                lives.setdefault(envelope["data"]["alarm_id"], []).append(envelope)

        counted: Counter[tuple[str, str]] = Counter()
        for life in lives.values():
            stage, presses = Stage.IDLE, 0
            for envelope in life:
                data, change = envelope["data"], envelope["type"].split(".")[2]
                assert (stage, change, Stage(data["stage"])) in TOLD
                assert data["press_count"] - presses in {0, 1}
                assert ("raises_again_monoms" in data) == (data["stage"] in WAIT_MS)
                if (moment := data.get("raises_again_monoms")) is not None:
                    assert moment - envelope["monoms"] <= WAIT_MS[data["stage"]], (
                        "a moment of another boot, or a wrong wait"
                    )
                stage, presses = Stage(data["stage"]), data["press_count"]
            counted[data["input"], data["status"]] += presses
            assert len({(e["data"]["input"], e["data"]["status"]) for e in life}) == 1
        assert counted == self.pressed

        open_alarms = self.kiosk.book.open()
        assert {i for i, life in lives.items() if life[-1]["data"]["stage"] != "closed"} == self.pipeline.open_ids
        [*_, snapshot] = [envelope["data"]["open"] for envelope in told if envelope["type"] == "edge.alarms.v1"]
        assert [(a["alarm_id"], a["stage"], a["press_count"], a.get("raises_again_monoms")) for a in snapshot] == [
            (alarm.data.alarm_id, alarm.data.stage, alarm.data.press_count, alarm.data.raises_again_monoms)
            for alarm in open_alarms
        ]
        kept = {ALARM_KEY + alarm.data.alarm_id: encode_alarm(alarm) for alarm in open_alarms}
        assert self.outbox.kept(ALARM_KEY) == kept


KioskMachine.TestCase.settings = settings(
    max_examples=max(1, _EXAMPLES // 4),
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyOrder = KioskMachine.TestCase
