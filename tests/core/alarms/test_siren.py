"""When the siren sounds, and for how long: every rule of docs/alarm-life.md."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.contract.stages import Stage
from agent.core.alarms.siren import Turn
from tests.support.street import RULES, S, Street, alarm

DOCUMENT = (Path(__file__).parents[3] / "docs" / "alarm-life.md").read_text(encoding="utf-8")


def table_of_stages() -> Iterable[tuple[Stage, str, bool]]:
    table = DOCUMENT.partition("## The siren")[2]
    for stage, *cells in re.findall(r"^\| (\w+) \| (yes|no) \| (yes|no) \|$", table, re.MULTILINE):
        for when, cell in zip(("delayed", "unconfirmed"), cells, strict=True):
            yield Stage(stage), when, cell == "yes"


@pytest.mark.parametrize(("stage", "when", "calls"), [*table_of_stages()])
def test_every_cell_of_the_table_is_what_the_siren_does(stage: Stage, when: str, calls: bool) -> None:
    street = Street(replace(RULES, stage=Stage(when)))  # type: ignore[arg-type]
    street.at(0, alarm(stage=stage))
    street.at(31, alarm(stage=stage))
    assert street.sounds is calls


def test_the_table_has_every_stage_of_an_open_alarm() -> None:
    assert {stage for stage, _, _ in table_of_stages()} == set(Stage) - {Stage.IDLE, Stage.CLOSED}


def test_it_begins_when_the_alarm_has_been_unanswered_for_long_enough_and_ends_by_itself() -> None:
    street = Street()
    assert street.at(100, alarm()) == []
    assert street.siren.next_due_ns() == 130 * S
    assert street.at(129.9, alarm()) == []
    assert street.at(130, alarm()) == [("a", "unanswered")]
    assert street.siren.next_due_ns() == 310 * S
    assert street.at(309.9, alarm()) == []
    assert street.sounds
    assert street.at(310, alarm()) == [("a", "time-over")]
    assert street.at(5000, alarm(repeats=9)) == []
    assert street.siren.next_due_ns() is None


@pytest.mark.parametrize("stage", [Stage.REGISTERED, Stage.DISPATCHED])
def test_an_answer_silences_it(stage: Stage) -> None:
    street = Street()
    street.at(0, alarm())
    street.at(30, alarm())
    assert street.at(31, alarm(stage=stage)) == [("a", "answered")]
    assert not street.sounds
    assert street.siren.next_due_ns() is None


def test_an_answer_before_its_time_keeps_it_silent() -> None:
    street = Street()
    street.at(0, alarm())
    street.at(29, alarm(stage=Stage.REGISTERED))
    assert street.at(31, alarm(stage=Stage.REGISTERED)) == []


def test_a_close_silences_it_and_nothing_is_kept_of_it() -> None:
    street = Street()
    street.at(0, alarm())
    street.at(30, alarm())
    assert list(street.kept) == ["a"]
    assert street.at(31) == [("a", "closed")]
    assert not street.sounds
    assert street.kept == {}


@pytest.mark.parametrize(
    "fields", [{"silent": True}, {"status": "test"}, {"status": "exercise"}, {"silent": True, "status": "exercise"}]
)
def test_a_silent_alarm_a_test_and_an_exercise_never_sound_it(fields: dict[str, Any]) -> None:
    street = Street(replace(RULES, stage=Stage.DELAYED))
    for seconds in (0, 31, 1000):
        assert street.at(seconds, alarm(**fields)) == []
    street.at(1001, alarm(press_count=9, **fields))
    assert not street.sounds
    assert street.siren.next_due_ns() is None
    assert street.kept == {}


def test_a_simulated_agent_takes_its_exercises_for_earnest_and_nothing_else() -> None:
    street = Street(earnest="exercise")
    alarms = [alarm("e", status="exercise"), alarm("a"), alarm("t", status="test")]
    street.at(0, *alarms)
    assert street.at(30, *alarms) == [("e", "unanswered")]


def test_a_silent_alarm_does_not_end_it_either() -> None:
    street = Street()
    hidden = alarm("h", silent=True)
    street.at(0, alarm())
    street.at(30, alarm())
    assert street.at(31, alarm(), hidden) == []
    assert street.sounds


def test_a_further_press_sounds_it_again() -> None:
    street = Street()
    street.at(0, alarm())
    street.at(30, alarm())
    street.at(210, alarm())
    assert street.at(300, alarm(press_count=2)) == [("a", "pressed")]
    assert street.at(480, alarm(press_count=2)) == [("a", "time-over")]


def test_a_press_while_it_sounds_begins_its_stretch_anew_without_a_word() -> None:
    street = Street()
    street.at(0, alarm())
    street.at(30, alarm())
    assert street.at(130, alarm(press_count=2)) == []
    assert street.siren.next_due_ns() == 310 * S


def test_a_press_before_its_time_changes_nothing() -> None:
    street = Street()
    street.at(0, alarm())
    assert street.at(10, alarm(press_count=2)) == []
    assert street.at(31, alarm(press_count=2)) == [("a", "unanswered")]
    assert street.siren.next_due_ns() == 210 * S


def test_a_press_in_the_moment_when_it_begins_is_not_what_made_it_sound() -> None:
    street = Street()
    street.at(0, alarm())
    assert street.at(30, alarm(press_count=2)) == [("a", "unanswered")]


def test_no_number_of_presses_sounds_it_for_longer_than_its_total() -> None:
    street = Street()
    street.at(0, alarm())
    sounded = 0
    for second in range(30, 3000):
        street.at(second, alarm(press_count=second))
        sounded += street.sounds
    assert sounded == 400


def test_an_alarm_that_raises_itself_again_calls_anew_with_what_is_left() -> None:
    street = Street()
    street.at(0, alarm())
    street.at(30, alarm())
    street.at(130, alarm(stage=Stage.REGISTERED))
    street.at(300, alarm(stage=Stage.RAISED, reraised=1))
    street.at(330, alarm(reraised=1))
    assert street.at(360, alarm(reraised=1)) == [("a", "unanswered")]
    street.at(540, alarm(reraised=1))
    street.at(600, alarm(press_count=2))
    assert street.siren.next_due_ns() == 720 * S  # 100 and 180 of 400 seconds are spent


def test_it_sounds_as_long_as_one_of_several_alarms_calls_for_it_and_tells_of_each() -> None:
    street = Street()
    street.at(0, alarm("a"))
    street.at(20, alarm("a"), alarm("b"))
    assert street.at(30, alarm("a"), alarm("b")) == [("a", "unanswered")]
    assert street.at(50, alarm("a"), alarm("b")) == [("b", "unanswered")]
    assert street.at(60, alarm("b")) == [("a", "closed")]
    assert street.sounds
    assert street.at(61, alarm("b", stage=Stage.DISPATCHED)) == [("b", "answered")]
    assert not street.sounds


def test_after_a_restart_in_the_same_boot_its_time_goes_on() -> None:
    street = Street()
    street.at(0, alarm())
    waiting = street.later()
    assert waiting.at(20, alarm()) == []
    assert waiting.at(30, alarm()) == [("a", "unanswered")]
    sounding = waiting.later()
    assert sounding.at(100, alarm()) == [("a", "unanswered")]
    assert sounding.siren.next_due_ns() == 210 * S
    over = sounding.later()
    assert over.at(211, alarm()) == []
    assert over.siren.next_due_ns() is None


def test_a_press_of_the_time_without_an_agent_counts_after_the_restart() -> None:
    street = Street()
    street.at(0, alarm())
    street.at(30, alarm())
    street.at(210, alarm())
    assert street.later().at(300, alarm(press_count=2)) == [("a", "pressed")]


def test_after_a_restart_of_the_machine_it_waits_anew_and_what_was_begun_counts_as_spent() -> None:
    street = Street()
    street.at(0, alarm())
    street.at(30, alarm())
    booted = street.later("boot-2")
    assert booted.at(5, alarm()) == []
    assert booted.at(35, alarm()) == [("a", "unanswered")]
    assert booted.siren.next_due_ns() == 215 * S
    again = booted.later("boot-3")
    again.at(0, alarm())
    again.at(30, alarm())
    assert again.siren.next_due_ns() == 70 * S  # twice 180 of 400 seconds are spent


def test_an_answer_is_remembered_over_a_restart() -> None:
    street = Street()
    street.at(0, alarm())
    street.at(30, alarm())
    street.at(40, alarm(stage=Stage.REGISTERED))
    later = street.later()
    assert later.at(50, alarm(stage=Stage.REGISTERED)) == []
    assert later.at(60, alarm()) == []
    assert later.at(90, alarm()) == [("a", "unanswered")]


def test_what_is_told_says_how_long_it_has_sounded() -> None:
    siren = Street().siren
    siren.update([alarm()], 0)
    [begun] = siren.update([alarm()], 30 * S)
    [ended] = siren.update([alarm()], 210 * S)
    [again] = siren.update([alarm(press_count=2)], 300 * S)
    [closed] = siren.update([], 310 * S)
    assert begun.sounded_ns == 0
    assert [(each.sounds, each.sounded_ns // S) for each in (begun, ended, again, closed)] == [
        (True, 0),
        (False, 180),
        (True, 180),
        (False, 190),
    ]


def test_leaving_off_is_told_once_and_forgets_nothing() -> None:
    street = Street()
    street.at(0, alarm())
    street.at(30, alarm())
    assert [(change.sounds, change.reason) for change in street.siren.leave_off(40 * S)] == [(False, "agent-stopped")]
    assert street.siren.leave_off(41 * S) == []
    assert not street.sounds
    assert street.later().at(50, alarm()) == [("a", "unanswered")]


@pytest.mark.parametrize("text", ["", "7", "{}", "[]", '{"boot_id": "b", "begins_ns": null}'])
def test_what_can_not_be_read_is_as_if_it_had_never_sounded(text: str) -> None:
    assert Turn.decode(text) is None


def test_what_was_kept_is_read_as_it_was() -> None:
    for turn in (Turn("b", 1, 2, 3, 4), Turn("b", 1, 2, 3, 4, reason="pressed", called=False)):
        assert Turn.decode(turn.encode()) == turn
