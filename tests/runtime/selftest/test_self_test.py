"""What a self-test finds, and what it says of it."""

from pathlib import Path

from agent.contract.vocabulary import AckAction
from agent.core.facts import AlarmDelivered, CentreAck, SelfTested
from agent.runtime.selftest.self_test import SELF_TEST
from tests.support.alarm_book import CENTRE
from tests.support.self_test_bench import Bench, ended, failed, play


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
    [done] = bench.done
    assert (done.id, done.output["outcome"]) == ("o1", "passed")
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


def test_acks_of_other_alarms_are_none_of_its_business(bench: Bench) -> None:
    ack = CentreAck("another", AckAction.CLOSED, CENTRE, 0)
    assert not bench.alarm.acknowledge(ack)
    bench.worker.order("o1")
    bench.run(6)
    assert not bench.alarm.acknowledge(ack)
    assert not bench.alarm.delivered(AlarmDelivered("another", 0))
    bench.answer(AckAction.REGISTERED, AckAction.CLOSED)
    assert bench.alarm.data is not None
    again = CentreAck(bench.alarm.data.alarm_id, AckAction.CLOSED, CENTRE, 0)
    assert not bench.alarm.acknowledge(again), "as of any alarm that is closed"
