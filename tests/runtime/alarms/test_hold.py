"""All consoles hear from the kiosk alone who has an alarm."""

from pathlib import Path
from typing import Any

import pytest

from agent.contract.commands import AckArgs
from agent.contract.messages import AlarmsData, Answer
from agent.contract.vocabulary import AckAction
from agent.core.facts import CentreAck
from agent.outbox.outbox import Outbox
from agent.trust.paho_bounded import MAXIMUM_PACKET_BYTES
from tests.support.drafts import FACTORY, alarm_data, killed, open_outbox, write
from tests.support.kiosk import Kiosk
from tests.support.self_test_bench import Bench, play
from tests.support.sim_clock import SimClock

REGISTERED, DISPATCHED, TAKE_OVER, CLOSED = AckAction
THANDI = Answer(issuer="jhb", by="Thandi", at="2026-01-01T00:00:01.000Z")
SIPHO = Answer(issuer="pta", by="Sipho", at="2026-01-01T00:00:02.000Z")


def said(kiosk: Kiosk) -> list[tuple[str, Any]]:
    """Type, and who has the alarm by it, of each message about alarms since the last call."""
    found: list[tuple[str, Any]] = []
    for message in kiosk.sent():
        name, data = str(message["type"]).removeprefix("edge.").removesuffix(".v1"), message["data"]
        assert isinstance(data, dict)
        if name.startswith("alarm."):
            found.append((name, data.get("held_by")))
        elif name == "alarms":
            found.append((name, [alarm.get("held_by") for alarm in data["open"]]))
    return found


def shown(answer: Answer) -> dict[str, Any]:
    return answer.model_dump(exclude_none=True)


def test_the_holder_is_in_the_alarms_message_and_in_the_list_of_open_ones(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    assert said(kiosk) == [("alarm.raised", None), ("alarms", [None])]

    assert kiosk.ack(alarm_id, REGISTERED, who=THANDI) == "taken"
    assert said(kiosk) == [("alarm.updated", shown(THANDI)), ("alarms", [shown(THANDI)])]

    assert kiosk.ack(alarm_id, REGISTERED, who=SIPHO) == "already-registered"
    assert kiosk.ack(alarm_id, REGISTERED, who=THANDI) == "taken"
    assert said(kiosk) == [], "nothing has changed"

    assert kiosk.ack(alarm_id, TAKE_OVER, who=SIPHO) == "taken"
    assert said(kiosk) == [("alarm.updated", shown(SIPHO)), ("alarms", [shown(SIPHO)])]

    assert kiosk.ack(alarm_id, CLOSED, who=THANDI) == "taken"
    assert said(kiosk) == [("alarm.closed", shown(SIPHO)), ("alarms", [])]


def test_an_answer_by_take_over_gives_the_two_tones_of_an_answer_once(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    before = len(kiosk.lights.beeps)
    kiosk.ack(alarm_id, TAKE_OVER, who=THANDI)
    kiosk.ack(alarm_id, TAKE_OVER, who=SIPHO)

    assert kiosk.lights.beeps[before:] == [2]


def test_a_second_registration_puts_off_the_moment_at_which_the_alarm_raises_itself_again(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    kiosk.ack(alarm_id, REGISTERED, who=THANDI)
    kiosk.wait(170)
    kiosk.ack(alarm_id, REGISTERED, who=SIPHO)
    said(kiosk)
    kiosk.wait(170)
    assert said(kiosk) == []

    kiosk.wait(10)
    assert said(kiosk) == [("alarm.updated", None), ("alarms", [None])], "and then nobody has it"


@pytest.mark.parametrize("end", ["kill", "power cut"])
def test_the_end_of_the_agent_after_an_ack_keeps_the_holder(
    kiosk: Kiosk, outbox: Outbox, store: Path, clock: SimClock, end: str
) -> None:
    alarm_id = kiosk.press()
    kiosk.ack(alarm_id, REGISTERED, who=THANDI)
    kiosk.ack(alarm_id, TAKE_OVER, who=SIPHO)
    if end == "power cut":
        write(outbox)
    left = killed(store)
    if end == "power cut":
        (left / "black-box").unlink()  # it was in memory
    again = open_outbox(left, clock)
    try:
        restarted = Kiosk(again, clock)

        assert restarted.ack(alarm_id, REGISTERED, who=THANDI) == "already-registered"
        [alarm] = restarted.book.open()
        assert alarm.data.held_by == SIPHO
        assert alarm.data.answered_by == {REGISTERED: THANDI, TAKE_OVER: SIPHO}
    finally:
        again.close()


def test_a_close_that_a_kill_has_cut_off_still_says_who_and_why(kiosk: Kiosk, store: Path, clock: SimClock) -> None:
    alarm_id = kiosk.press()
    kiosk.ack(alarm_id, REGISTERED, who=THANDI)
    closes = SIPHO.model_copy(update={"reason": "duplicate", "note": "see the clinic's"})
    kiosk.pipeline._alarms.acknowledged(CentreAck(alarm_id, CLOSED, closes, clock.boottime_ns()))
    again = open_outbox(killed(store), clock)
    try:
        told = [m["data"] for m in Kiosk(again, clock).sent() if m["type"] == "edge.alarm.closed.v1"]

        assert [alarm["answered_by"]["closed"] for alarm in told if isinstance(alarm, dict)] == [shown(closes)]
    finally:
        again.close()


def test_the_longest_texts_of_people_leave_every_message_of_sixteen_alarms_small() -> None:
    wide = "😀"
    words: dict[AckAction, dict[str, Any]] = {
        DISPATCHED: {"by": wide * 64, "unit": wide * 64},
        CLOSED: {"by": wide * 64, "reason": "false-alarm", "note": wide * 200},
    }
    for action, more in words.items():
        AckArgs.model_validate({"alarm_id": "a1", "action": action, **more})  # as long as the contract allows
    answers = {
        action: Answer(issuer="i" * 64, at=THANDI.at, **words.get(action, {"by": wide * 64})) for action in AckAction
    }
    before: dict[str, Any] = {"sent_before": answers[DISPATCHED], "raises_again_monoms": 2**53}
    closed = alarm_data(held_by=answers[REGISTERED], answered_by=answers, **before)
    grown = len(closed.model_dump_json().encode()) - len(alarm_data().model_dump_json().encode())

    assert grown < 4 * 1024
    listed = FACTORY.alarms(AlarmsData(open=(closed,) * 16))
    assert len(listed.data_json.encode()) < MAXIMUM_PACKET_BYTES / 2


def test_the_self_tests_alarm_says_whose_program_answered_it(bench: Bench) -> None:
    play(bench, REGISTERED, CLOSED)

    assert bench.alarm.data is not None
    assert set(bench.alarm.data.answered_by) == {REGISTERED, CLOSED}
    assert bench.alarm.data.held_by == bench.alarm.data.answered_by[REGISTERED]
