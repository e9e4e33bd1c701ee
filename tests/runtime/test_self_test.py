import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.core.errors import StepFailed
from agent.core.events import AckAction, AlarmDelivered, CentreAck, SelfTested
from agent.core.messages import SelfTestData
from agent.core.self_test import Timetable
from agent.ports import BrokerAddress, OutgoingMessage
from agent.runtime.check_steps import Step
from agent.runtime.health import HealthBoard
from agent.runtime.outbox import Outbox
from agent.runtime.probe_alarm import KEPT, ProbeAlarm
from agent.runtime.self_test import SELF_TEST, SelfTest
from agent.runtime.way_out import Paths, WayOut
from agent.sim.clock import SimClock
from tests.support.drafts import DRAFTS, body, open_outbox, taken, write
from tests.support.fake_ports import Answer, MemoryBroker
from tests.support.journals import DeadJournal

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
    done: list[tuple[str, SelfTestData]] = field(default_factory=list)
    scheduled: bool = True
    probe: MemoryBroker = field(default_factory=MemoryBroker)
    journal: DeadJournal | None = None
    """The disk of the next start, where it is not a sound one."""

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """As after a (re)start of the agent."""
        self.outbox: Outbox = open_outbox(self.directory, self.clock, self.journal)
        self.board = HealthBoard(lambda part, state: None)
        self.alarm = ProbeAlarm(self.outbox, DRAFTS, self.clock, {"text": "here"})
        way_out = WayOut(
            alarm=self.alarm,
            paths=Paths(ADDRESSES, lambda: self.in_use, self.probe),
            drafts=DRAFTS,
            unnumbered=lambda draft: OutgoingMessage(draft.topic, draft.data.model_dump_json().encode()),  # type: ignore[union-attr]
            clock=self.clock,
            path_within_s=20.0,
            ack_within_s=self.ack_within_s,
        )

        def steps() -> Iterator[tuple[str, Step]]:
            yield "lights", self.lights()
            yield from way_out.steps()

        timetable = Timetable(
            at=time(3),
            spread_s=0,
            device="kiosk-1",
            started_ns=self.clock.boottime_ns(),
            soonest_s=300,
            retry_s=3600,
        )
        self.worker = SelfTest(
            steps=steps,
            alarm=self.alarm,
            timetable=timetable if self.scheduled else None,
            outbox=self.outbox,
            drafts=DRAFTS,
            clock=self.clock,
            board=self.board,
            in_alarm=lambda: self.alarm_is_open,
            is_flashing=lambda: self.flashes,
            tell=self.told.append,
            done=lambda order, data: self.done.append((order, data)),
        )

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
            assert self.alarm.acknowledge(CentreAck(data.alarm_id, action, "centre", now_ns))

    def sent(self) -> list[tuple[str, dict[str, Any]]]:
        write(self.outbox)
        return [(body(m)["type"], body(m)["data"]) for m in taken(self.outbox)]

    def result(self) -> dict[str, Any]:
        return next(data for kind, data in reversed(self.sent()) if kind == "edge.event.self-test.v1")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "store")
    yield bench
    bench.worker.close()
    bench.outbox.close()


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


def test_a_test_that_all_agree_to_is_passed_and_told_to_everybody(bench: Bench) -> None:
    play(bench, AckAction.REGISTERED, AckAction.CLOSED)

    sent = bench.sent()
    assert [kind for kind, _ in sent] == [
        "edge.alarm.raised.v1",
        "edge.alarm.updated.v1",
        "edge.alarm.closed.v1",
        "edge.event.self-test.v1",
    ]
    result = sent[-1][1]
    assert (result["outcome"], failed(result)) == ("passed", [])
    assert [step["name"] for step in result["steps"]] == ["lights", "uplink", "path-2", "centre"]
    assert {(data["status"], data["silent"]) for kind, data in sent if "alarm" in kind} == {("test", True)}
    assert bench.told == [SelfTested(passed=True)]
    assert bench.board.parts()[SELF_TEST].ok
    [(order, data)] = bench.done
    assert (order, data.outcome) == ("o1", "passed")
    assert bench.worker.figures() is not None


def test_the_other_path_gets_the_alarm_whole_and_its_connection_is_ended_in_order(bench: Bench) -> None:
    play(bench, AckAction.REGISTERED, AckAction.CLOSED)

    [message] = bench.probe.kept
    assert message.topic.endswith("/up/alarm/self-test")
    assert b'"status":"test"' in message.payload
    assert [c.url for c in bench.probe.connections] == ["mqtt://b"]
    assert bench.probe.connections[0].will == message, "a probe that breaks off says nothing else"
    assert bench.probe.orderly_ends == 1
    assert bench.probe.wills == 0


def test_another_path_that_refuses_the_message_fails_but_a_press_would_be_heard(bench: Bench) -> None:
    bench.probe.answer = lambda _: "refuse"
    play(bench, AckAction.REGISTERED, AckAction.CLOSED)

    assert failed(bench.result()) == ["path-2"]
    assert bench.told == [SelfTested(passed=True)]
    assert not bench.board.parts()[SELF_TEST].ok


def test_another_path_that_never_answers_is_given_up_after_its_time(bench: Bench) -> None:
    bench.probe.answer = lambda _: "silence"
    assert bench.worker.order("o1") == "asked"
    bench.run(6)
    bench.answer(AckAction.REGISTERED, AckAction.CLOSED)
    bench.run(25, each_s=1)

    [step] = [step for step in bench.result()["steps"] if not step["ok"]]
    assert (step["name"], step["detail"]) == ("path-2", "mqtt://b did not acknowledge within 20 s")
    assert not bench.probe.connected


def test_without_a_verified_ack_it_fails_after_30_s_and_the_alarm_is_closed_all_the_same(bench: Bench) -> None:
    assert bench.worker.order("o1") == "asked"
    bench.run(6)
    bench.answer()
    bench.run(29, each_s=1)
    assert not ended(bench)
    bench.run(4, each_s=1)

    sent = bench.sent()
    assert failed(sent[-1][1]) == ["centre"]
    assert [kind for kind, _ in sent if "alarm" in kind] == ["edge.alarm.raised.v1", "edge.alarm.closed.v1"]
    assert bench.told == [SelfTested(passed=False)]


def test_an_answer_that_is_never_closed_fails_with_that_reason(bench: Bench) -> None:
    assert bench.worker.order("o1") == "asked"
    bench.run(6)
    bench.answer(AckAction.REGISTERED)
    bench.run(40, each_s=1)

    assert "did not close" in bench.result()["steps"][-1]["detail"]


def test_an_alarm_that_is_closed_but_was_never_registered_proves_no_centre(bench: Bench) -> None:
    play(bench, AckAction.CLOSED)

    assert failed(bench.result()) == ["centre"]
    assert bench.told == [SelfTested(passed=False)]


def test_a_broker_that_takes_nothing_fails_the_uplink(bench: Bench) -> None:
    assert bench.worker.order("o1") == "asked"
    bench.run(60, each_s=1)

    assert failed(bench.result()) == ["uplink", "centre"]


def test_without_a_connection_no_alarm_is_raised_and_the_other_paths_are_still_tried(bench: Bench) -> None:
    bench.in_use = None
    play(bench)

    sent = bench.sent()
    assert [kind for kind, _ in sent] == ["edge.event.self-test.v1"]
    assert failed(sent[0][1]) == ["uplink", "centre"]
    assert [c.url for c in bench.probe.connections] == ["mqtt://a", "mqtt://b"]
    assert "alarm_id" not in sent[0][1]


def test_where_no_centre_has_to_answer_none_is_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "store", ack_within_s=None)
    play(bench)

    assert [step["name"] for step in bench.result()["steps"]] == ["lights", "uplink", "path-2"]
    bench.outbox.close()


def test_an_alarm_ends_the_test_at_once_and_the_lights_are_given_back(bench: Bench) -> None:
    bench.waits = 1000
    bench.worker.order("o1")
    bench.run(3)
    assert bench.lights_end == []
    bench.alarm_is_open = True
    bench.run()

    assert bench.lights_end == ["shown again"]
    assert [kind for kind, _ in bench.sent()] == ["edge.event.self-test.v1"]
    assert bench.done[0][1].outcome == "interrupted"
    assert bench.told == [], "what was interrupted says nothing of the kiosk"
    assert bench.worker.last is None
    assert bench.worker.order("o2") == "alarm-open"


def test_a_silent_alarm_that_comes_into_the_flash_of_the_lights_ends_the_test_after_it(bench: Bench) -> None:
    bench.waits = 4
    bench.worker.order("o1")
    bench.run(2)
    bench.alarm_is_open = bench.flashes = True
    bench.run(2)
    assert bench.lights_end == [], "nobody can see that there was a press"
    bench.run(3)
    assert bench.lights_end == ["shown again"]
    bench.flashes = False
    bench.run(1)

    assert bench.done[0][1].outcome == "interrupted"
    assert [step.name for step in bench.done[0][1].steps] == ["lights"]


def test_an_alarm_ends_a_probe_and_closes_the_test_alarm(bench: Bench) -> None:
    bench.probe.answer = lambda _: "silence"
    bench.worker.order("o1")
    bench.run(6)
    bench.answer()
    bench.run(4)
    assert bench.probe.connected
    bench.alarm_is_open = True
    bench.run()

    assert not bench.probe.connected
    assert [kind for kind, _ in bench.sent() if "alarm" in kind][-1] == "edge.alarm.closed.v1"


def test_an_interrupted_test_rests_for_ten_minutes_before_it_is_made_up_for(bench: Bench) -> None:
    bench.run(1, each_s=301)
    bench.run(1)
    bench.alarm_is_open = True
    bench.run(1, each_s=10)
    bench.alarm_is_open = False
    bench.run(10, each_s=50)
    assert [kind for kind, _ in bench.sent()] == ["edge.event.self-test.v1"]
    bench.clock.advance(timedelta(minutes=10))
    bench.run(10)
    assert [kind for kind, _ in bench.sent()] == ["edge.alarm.raised.v1"]


def test_one_that_is_due_while_an_alarm_is_open_waits_and_says_nothing(bench: Bench) -> None:
    bench.alarm_is_open = True
    bench.run(10, each_s=3600)
    assert bench.sent() == []
    bench.alarm_is_open = False
    bench.run(10)
    assert [kind for kind, _ in bench.sent()] == ["edge.alarm.raised.v1"]


def test_none_is_begun_while_one_is_under_way(bench: Bench) -> None:
    assert bench.worker.order("o1") == "asked"
    assert bench.worker.order("o2") == "busy"
    bench.run(5)
    assert bench.worker.order("o3") == "busy"
    bench.answer(AckAction.REGISTERED, AckAction.CLOSED)
    bench.run(20)
    assert bench.worker.order("o4") == "asked"


def test_it_comes_by_itself_once_a_day_for_a_month_of_fast_time_with_restarts(bench: Bench) -> None:
    results = 0
    for quarter in range(30 * 24 * 4):
        bench.run(8)
        if (data := bench.alarm.data) is not None and data.stage != "closed":
            bench.answer(AckAction.REGISTERED, AckAction.CLOSED)
            bench.run(12)
        results += sum(kind == "edge.event.self-test.v1" for kind, _ in bench.sent())
        if quarter % 100 == 99:
            bench.restart()
        bench.clock.advance(timedelta(minutes=15))

    assert results in {30, 31}


def test_a_failure_is_known_after_a_restart_and_ends_with_the_next_test(bench: Bench) -> None:
    bench.in_use = None
    play(bench)
    bench.restart()
    bench.run(1)
    assert bench.told == [SelfTested(passed=False)]
    assert not bench.board.parts()[SELF_TEST].ok

    bench.in_use = 0
    bench.clock.advance(timedelta(hours=1))
    bench.run(8)
    bench.answer(AckAction.REGISTERED, AckAction.CLOSED)
    bench.run(12)
    assert bench.told[-1] == SelfTested(passed=True)
    assert bench.board.parts()[SELF_TEST].ok


def test_where_no_test_comes_by_itself_an_old_failure_keeps_no_kiosk_out_of_service(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "store", in_use=None, scheduled=False)
    play(bench)
    bench.restart()
    bench.run(1, each_s=400)
    bench.run(5)

    assert bench.told == []
    figures = bench.worker.figures()
    assert figures is not None
    assert figures["failed"] == ["uplink", "centre"]
    bench.outbox.close()


def test_an_alarm_that_a_killed_agent_left_open_is_closed_by_the_next_one(bench: Bench) -> None:
    bench.worker.order("o1")
    bench.run(6)
    raised = bench.alarm.data
    assert raised is not None
    bench.sent()
    bench.restart()
    bench.run(1)

    [(kind, data)] = bench.sent()
    assert (kind, data["alarm_id"], data["stage"]) == ("edge.alarm.closed.v1", raised.alarm_id, "closed")
    bench.restart()
    bench.run(1)
    assert bench.sent() == []


def test_the_alarm_of_an_earlier_run_on_a_disk_that_comes_late_is_closed_beside_that_of_this_run(
    bench: Bench,
) -> None:
    bench.worker.order("o1")
    bench.run(6)
    left = bench.alarm.data
    assert left is not None
    bench.sent()
    write(bench.outbox)
    bench.outbox.close()

    bench.journal = DeadJournal(bench.directory)
    bench.start()
    bench.worker.order("o2")
    bench.run(6)
    now = bench.alarm.data
    assert now is not None
    bench.journal.dead = False
    bench.clock.advance(timedelta(seconds=1))
    write(bench.outbox)
    bench.run(1)
    told = bench.sent()
    assert [kind for kind, data in told if data["alarm_id"] == left.alarm_id] == ["edge.alarm.closed.v1"]
    assert "edge.alarm.closed.v1" not in [kind for kind, data in told if data["alarm_id"] == now.alarm_id]

    bench.journal = None
    bench.restart()
    bench.run(1)
    assert [(kind, data["alarm_id"]) for kind, data in bench.sent()] == [("edge.alarm.closed.v1", now.alarm_id)]
    bench.restart()
    bench.run(1)
    assert bench.sent() == []


def test_an_alarm_that_an_earlier_version_kept_is_closed(bench: Bench) -> None:
    left = bench.alarm.example()
    bench.outbox.keep(KEPT, left.model_dump_json())
    bench.restart()
    bench.run(1)

    assert [(kind, data["alarm_id"]) for kind, data in bench.sent()] == [("edge.alarm.closed.v1", left.alarm_id)]


def test_the_alarm_of_the_test_under_way_is_none_that_an_earlier_run_has_left(bench: Bench) -> None:
    bench.worker.order("o1")
    bench.run(6)
    bench.alarm.close_kept()

    assert bench.alarm.data is not None
    bench.answer(AckAction.REGISTERED, AckAction.CLOSED)
    bench.run(20)
    assert [kind for kind, _ in bench.sent()].count("edge.alarm.closed.v1") == 1
    assert bench.told == [SelfTested(passed=True)]


def test_a_step_that_hangs_does_not_keep_the_agent_from_an_orderly_end(bench: Bench) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(_: OutgoingMessage) -> Answer:
        hangs.set()
        goes_on.wait(10)
        return "accept"

    bench.in_use = None
    bench.probe.answer = hang
    bench.worker.order("o1")
    thread = threading.Thread(target=lambda: bench.run(20))
    thread.start()
    try:
        assert hangs.wait(10)
        bench.worker.close()
    finally:
        goes_on.set()
        thread.join()


def test_the_end_of_the_agent_leaves_no_test_behind(bench: Bench) -> None:
    bench.worker.order("o1")
    bench.run(6)
    bench.worker.close()

    assert bench.sent()[-1][1]["outcome"] == "interrupted"
    assert [kind for kind, _ in bench.sent() if "raised" in kind] == []


def test_acks_of_other_alarms_are_none_of_its_business(bench: Bench) -> None:
    ack = CentreAck("another", AckAction.CLOSED, "centre", 0)
    assert not bench.alarm.acknowledge(ack)
    bench.worker.order("o1")
    bench.run(6)
    assert not bench.alarm.acknowledge(ack)
    assert not bench.alarm.delivered(AlarmDelivered("another", 0))
    bench.answer(AckAction.REGISTERED, AckAction.CLOSED)
    assert bench.alarm.data is not None
    again = CentreAck(bench.alarm.data.alarm_id, AckAction.CLOSED, "centre", 0)
    assert not bench.alarm.acknowledge(again), "as of any alarm that is closed"
