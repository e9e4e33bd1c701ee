"""When a self-test is made, and what it gives way to."""

from datetime import timedelta

from agent.contract.vocabulary import AckAction
from tests.support.self_test_bench import Bench


def test_an_alarm_ends_the_test_at_once_and_the_lights_are_given_back(bench: Bench) -> None:
    bench.waits = 1000
    bench.worker.order("o1")
    bench.run(3)
    assert bench.lights_end == []
    bench.alarm_is_open = True
    bench.run()

    assert bench.lights_end == ["shown again"]
    assert [kind for kind, _ in bench.sent()] == ["edge.event.self-test.v1"]
    assert bench.done[0].code == "interrupted"
    assert bench.told == [], "what was interrupted says nothing of the kiosk"
    assert bench.worker.last is None
    assert bench.worker.order("o2") == "alarm-open"


def test_the_siren_sounds_in_a_test_that_was_ordered_so_and_in_no_other(bench: Bench) -> None:
    for siren in (True, False):
        bench.worker.order("o1", siren=siren)
        bench.run(3)
        bench.worker.close()
    assert bench.siren_sounded == [True, False]


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

    assert bench.done[0].code == "interrupted"
    assert list(bench.done[0].output["steps"]) == ["lights"]


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
