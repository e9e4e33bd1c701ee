"""An answered alarm says when it raises itself again, and afterwards who was sent before."""

from typing import Any

import pytest

from agent.contract.messages import AlarmData, Answer
from agent.contract.stages import Stage, Waits
from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm_book import AlarmBook, AlarmChange, Beginning
from agent.core.alarms.persistence import decode_alarm, encode_alarm
from agent.core.facts import CentreAck
from tests.support.alarm_book import KINDS, MS, PLACE, book, deliver, press, tick

REGISTERED, DISPATCHED, TAKE_OVER, CLOSED = AckAction
S = 1_000 * MS
THANDI = Answer(issuer="jhb", by="Thandi", at="2026-01-01T00:00:01.000Z")


def say(
    to: AlarmBook, action: AckAction, at_s: float, unit: str | None = None, presses: int | None = None
) -> AlarmChange:
    answer = THANDI.model_copy(update={"unit": unit, "at": f"2026-01-01T00:{int(at_s) // 60:02}:00.000Z"})
    change = to.acknowledged(CentreAck("a1", action, answer, int(at_s * S), presses))
    assert change is not None
    return change


def one(alarms: AlarmBook) -> AlarmData:
    [alarm] = alarms.open()
    return alarm.data


def opened(*said: tuple[AckAction, float, str | None]) -> AlarmBook:
    alarms = book()
    press(alarms)
    for action, at_s, unit in said:
        say(alarms, action, at_s, unit)
    return alarms


def kept(alarms: AlarmBook) -> str:
    [alarm] = alarms.open()
    return encode_alarm(alarm)


def raise_again(alarms: AlarmBook) -> AlarmData:
    due_ns = alarms.next_due_ns()
    assert due_ns is not None
    [change] = alarms.tick(due_ns)
    assert change.alarm.data.stage is Stage.RAISED
    return change.alarm.data


def test_an_alarm_that_nobody_has_answered_says_no_moment() -> None:
    alarms = opened()
    moments = [one(alarms).raises_again_monoms]
    deliver(alarms)
    for at_s in (10, 30, 90):
        moments += [data.raises_again_monoms for data in tick(alarms, at_s)]
    assert moments == [None] * 4


def test_every_ack_moves_the_moment_by_the_wait_of_the_stage_that_it_leaves_behind() -> None:
    alarms = opened()
    moments = [
        say(alarms, action, at_s).alarm.data.raises_again_monoms
        for action, at_s in (
            (REGISTERED, 1),
            (REGISTERED, 100),
            (DISPATCHED, 200),
            (REGISTERED, 300),
            (TAKE_OVER, 1000.5),
        )
    ]
    assert moments == [181_000, 280_000, 1_100_000, 1_200_000, 1_900_500]


def test_a_press_does_not_move_the_moment() -> None:
    alarms = opened((DISPATCHED, 5, "car 7"))
    assert press(alarms, at_ms=60_000).alarm.data.raises_again_monoms == 905_000


def test_the_alarm_raises_itself_again_at_the_moment_that_it_has_said() -> None:
    alarms = opened((DISPATCHED, 5.25, "car 7"))
    moment = one(alarms).raises_again_monoms
    assert moment == 905_250
    assert alarms.tick(moment * MS - 1) == []
    [change] = alarms.tick(moment * MS)
    assert (change.alarm.data.stage, change.alarm.data.raises_again_monoms) == (Stage.RAISED, None)


def test_a_closed_alarm_says_no_moment() -> None:
    assert say(opened((DISPATCHED, 5, None)), CLOSED, 10).alarm.data.raises_again_monoms is None


def test_a_restart_leaves_the_moment_and_one_of_the_machine_gives_one_of_the_new_boot() -> None:
    alarm = decode_alarm(kept(opened((DISPATCHED, 1_000, "car 7"))))

    assert one(AlarmBook(KINDS, "boot-1", None, [alarm], now_ns=1_500 * S)).raises_again_monoms == 1_900_000
    assert one(AlarmBook(KINDS, "boot-2", None, [alarm], now_ns=20 * S)).raises_again_monoms == 920_000


def test_a_start_with_other_settings_says_the_moment_that_holds_now() -> None:
    alarm = decode_alarm(kept(opened((DISPATCHED, 1_000, "car 7"))))
    waits = Waits(raise_dispatched_after_ns=60 * S)
    assert (
        one(AlarmBook(KINDS, "boot-1", None, [alarm], now_ns=1_001 * S, waits=waits)).raises_again_monoms == 1_060_000
    )


def test_an_alarm_that_a_version_without_the_moment_kept_has_one() -> None:
    earlier = kept(opened((DISPATCHED, 1_000, "car 7"))).replace(',"raises_again_monoms":1900000', "")
    assert "raises_again" not in earlier
    assert one(book([decode_alarm(earlier)])).raises_again_monoms == 1_900_000


def test_who_was_sent_is_told_from_the_raise_to_the_close() -> None:
    alarms = opened((REGISTERED, 1, None), (DISPATCHED, 60, "car 7"))
    assert one(alarms).sent_before is None

    again = raise_again(alarms)
    assert again.sent_before == THANDI.model_copy(update={"unit": "car 7", "at": "2026-01-01T00:01:00.000Z"})
    assert (again.held_by, again.answered_by) == (None, {})
    told = [
        *tick(alarms, 1_000),
        press(alarms).alarm.data,
        say(alarms, REGISTERED, 1_010).alarm.data,
        raise_again(alarms),
        say(alarms, CLOSED, 2_000).alarm.data,
    ]
    assert [data.stage.value for data in told] == ["delayed", "delayed", "registered", "raised", "closed"]
    assert {data.sent_before for data in told} == {again.sent_before}


def test_who_is_sent_in_the_next_round_is_told_beside_who_was_sent_before_and_then_instead() -> None:
    alarms = opened((DISPATCHED, 60, "car 7"))
    raise_again(alarms)
    sent: list[Any] = [say(alarms, DISPATCHED, 1_000, "car 9").alarm.data, raise_again(alarms)]

    assert [data.sent_before.unit for data in sent] == ["car 7", "car 9"]
    assert sent[0].answered_by[DISPATCHED].unit == "car 9"


def test_somebody_who_was_sent_without_a_name_is_told_too() -> None:
    sent = raise_again(opened((DISPATCHED, 60, None))).sent_before
    assert sent is not None
    assert (sent.unit, sent.by) == (None, "Thandi")


def test_an_alarm_that_raises_itself_again_before_anybody_was_sent_names_nobody() -> None:
    assert raise_again(opened((REGISTERED, 1, None), (TAKE_OVER, 2, None))).sent_before is None


def test_a_close_that_a_press_outran_still_says_who_was_sent() -> None:
    alarms = opened((DISPATCHED, 60, "car 7"))
    press(alarms)
    sent = say(alarms, CLOSED, 70, presses=1).alarm.data.sent_before
    assert sent is not None
    assert sent.unit == "car 7"


@pytest.mark.parametrize("boot_id", ["boot-1", "boot-2"])
def test_who_was_sent_outlives_a_restart(boot_id: str) -> None:
    alarms = opened((DISPATCHED, 60, "car 7"))
    before = raise_again(alarms)
    restarted = AlarmBook(KINDS, boot_id, PLACE, [decode_alarm(kept(alarms))], now_ns=2_000 * S)
    assert one(restarted) == before


def test_a_test_waits_and_says_the_same_as_an_alarm_in_earnest() -> None:
    alarms = book()
    alarms.press("police", 0, lambda: Beginning("a1", "2026-01-01T00:00:00.000Z", None), test=True)
    say(alarms, DISPATCHED, 5, "car 7")
    assert (one(alarms).status, one(alarms).raises_again_monoms) == ("test", 905_000)
    again = raise_again(alarms)
    assert again.sent_before is not None
    assert (again.status, again.sent_before.unit) == ("test", "car 7")
