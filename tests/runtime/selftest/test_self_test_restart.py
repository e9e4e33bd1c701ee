"""What a self-test leaves to the next start, and an end of the agent to it."""

import threading
from datetime import timedelta
from pathlib import Path

from agent.contract.vocabulary import AckAction
from agent.core.facts import SelfTested
from agent.ports import OutgoingMessage
from agent.runtime.selftest.probe_alarm import KEPT
from agent.runtime.selftest.self_test import SELF_TEST
from tests.support.drafts import write
from tests.support.fake_ports import Answer
from tests.support.self_test_bench import Bench, play
from tests.support.stores import DeadStore


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

    bench.store = DeadStore(bench.directory)
    bench.start()
    bench.worker.order("o2")
    bench.run(6)
    now = bench.alarm.data
    assert now is not None
    bench.store.dead = False
    bench.clock.advance(timedelta(seconds=1))
    write(bench.outbox)
    bench.run(1)
    told = bench.sent()
    assert [kind for kind, data in told if data["alarm_id"] == left.alarm_id] == ["edge.alarm.closed.v1"]
    assert "edge.alarm.closed.v1" not in [kind for kind, data in told if data["alarm_id"] == now.alarm_id]

    bench.store = None
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
