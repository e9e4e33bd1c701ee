"""Who has an alarm: the written table, each rule of the page beside it, and any acks in any order."""

import itertools
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.contract.messages import AlarmData, Answer
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm_book import AlarmBook, AlarmChange, Beginning
from agent.core.alarms.hold import verdict
from agent.core.alarms.persistence import decode_alarm, encode_alarm
from agent.core.facts import CentreAck
from tests.support.alarm_book import KINDS, book, press
from tests.support.life_table import HOLDERS

REGISTERED, DISPATCHED, TAKE_OVER, CLOSED = AckAction
THANDI = Answer(issuer="jhb", by="Thandi", at="2026-01-01T00:00:01.000Z")
SIPHO = Answer(issuer="jhb", by="Sipho", at="2026-01-01T00:00:02.000Z")
NAMELESS = Answer(issuer="jhb", at="2026-01-01T00:00:03.000Z")
PRETORIA = Answer(issuer="pta", by="Thandi", at="2026-01-01T00:00:04.000Z")
PEOPLE = (THANDI, SIPHO, NAMELESS, PRETORIA)
S = 10**9


def say(
    to: AlarmBook, action: AckAction, who: Answer, *, at_s: int = 1, presses: int | None = None, **more: Any
) -> AlarmChange:
    """`command` and the fields of an answer may come with it."""
    command = more.pop("command", "")
    ack = CentreAck("a1", action, who.model_copy(update=more), at_s * S, presses, command)
    change = to.acknowledged(ack)
    assert change is not None
    return change


def opened(*said: tuple[AckAction, Answer]) -> AlarmBook:
    alarms = book()
    press(alarms)
    for action, who in said:
        say(alarms, action, who)
    return alarms


def but_for_the_wait(data: AlarmData | None) -> AlarmData | None:
    """Any ack puts off when the alarm raises itself again."""
    return data and data.model_copy(update={"raises_again_monoms": None})


def one(alarms: AlarmBook) -> AlarmData:
    [alarm] = alarms.open()
    return alarm.data


@pytest.mark.parametrize("action", list(AckAction))
@pytest.mark.parametrize("before", ["nobody", "sender", "other"])
@pytest.mark.parametrize("stage", [REGISTERED, DISPATCHED])
def test_every_cell_of_the_table_is_what_the_book_does(before: str, action: AckAction, stage: AckAction) -> None:
    people = {"nobody": None, "sender": THANDI, "other": SIPHO}
    first = people[before]
    change = say(opened(*([(stage, first)] if first else [])), action, THANDI)

    after = people[HOLDERS[before, action]]
    held_by = change.alarm.data.held_by
    assert (held_by and held_by.person) == (after and after.person)


@pytest.mark.parametrize("other", [SIPHO, NAMELESS, PRETORIA])
def test_who_registers_second_changes_nothing_and_is_told_that_somebody_has_it(other: Answer) -> None:
    alarms = opened((REGISTERED, THANDI))
    before = one(alarms)
    change = say(alarms, REGISTERED, other, at_s=50)

    assert change.change == "noted"
    assert but_for_the_wait(change.alarm.data) == but_for_the_wait(before)
    assert verdict(before, CentreAck("a1", REGISTERED, other, 0)) == "already-registered"
    assert change.alarm.since_ns == 50 * S, "somebody is there"


def test_who_has_it_may_say_so_again() -> None:
    alarms = opened((REGISTERED, THANDI))
    before = one(alarms)
    for action in (REGISTERED, TAKE_OVER):
        change = say(alarms, action, THANDI, at="2026-01-01T00:09:00.000Z")
        assert (change.change, change.alarm.data) == ("noted", before)
        assert verdict(before, CentreAck("a1", action, THANDI, 0)) == "taken"


def test_a_take_over_is_told_and_remembers_who_was_first() -> None:
    alarms = opened((REGISTERED, THANDI))
    change = say(alarms, TAKE_OVER, SIPHO)

    data = change.alarm.data
    assert (change.change, data.stage, data.held_by) == ("updated", Stage.REGISTERED, SIPHO)
    assert data.answered_by == {REGISTERED: THANDI, TAKE_OVER: SIPHO}


def test_a_take_over_of_an_alarm_on_its_way_leaves_it_on_its_way() -> None:
    alarms = opened((DISPATCHED, THANDI))
    change = say(alarms, TAKE_OVER, SIPHO)

    assert (change.change, change.alarm.data.stage, change.alarm.data.held_by) == ("updated", Stage.DISPATCHED, SIPHO)


def test_whoever_dispatches_is_named_with_the_unit_and_does_not_take_the_alarm() -> None:
    alarms = opened((REGISTERED, THANDI))
    change = say(alarms, DISPATCHED, SIPHO, unit="car 7")

    data = change.alarm.data
    assert (change.change, data.stage, data.held_by) == ("updated", Stage.DISPATCHED, THANDI)
    assert data.answered_by[DISPATCHED] == SIPHO.model_copy(update={"unit": "car 7"})


def test_whoever_dispatches_an_alarm_that_nobody_has_has_it_whatever_unit_goes_later() -> None:
    alarms = opened()
    held_by = say(alarms, DISPATCHED, THANDI, unit="car 7").alarm.data.held_by
    later = say(alarms, DISPATCHED, SIPHO, unit="car 9")

    assert held_by == later.alarm.data.held_by == THANDI


@pytest.mark.parametrize(("unit", "change"), [("car 9", "updated"), ("car 7", "noted"), (None, "noted")])
def test_only_another_unit_is_told_of_an_alarm_on_its_way(unit: str | None, change: str) -> None:
    alarms = opened((REGISTERED, THANDI))
    first = say(alarms, DISPATCHED, SIPHO, unit="car 7").alarm.data.answered_by[DISPATCHED]
    again = say(alarms, DISPATCHED, PRETORIA, unit=unit)

    expected = PRETORIA.model_copy(update={"unit": unit}) if change == "updated" else first
    assert (again.change, again.alarm.data.answered_by[DISPATCHED]) == (change, expected)


def test_a_unit_may_be_named_after_the_dispatch() -> None:
    alarms = opened((DISPATCHED, THANDI))
    change = say(alarms, DISPATCHED, THANDI, unit="car 7")

    assert (change.change, change.alarm.data.answered_by[DISPATCHED].unit) == ("updated", "car 7")


def test_a_close_by_a_third_person_says_who_and_why_and_who_had_it() -> None:
    alarms = opened((REGISTERED, THANDI))
    change = say(alarms, CLOSED, PRETORIA, reason="false-alarm", note="a child")

    data = change.alarm.data
    assert (change.change, data.held_by) == ("closed", THANDI)
    closed = data.answered_by[CLOSED]
    assert (closed.person, closed.reason, closed.note) == (PRETORIA.person, "false-alarm", "a child")


def test_an_alarm_that_raises_itself_again_is_nobodys() -> None:
    alarms = opened((REGISTERED, THANDI), (DISPATCHED, SIPHO))
    due_ns = alarms.next_due_ns()
    assert due_ns is not None
    [change] = alarms.tick(due_ns)

    data = change.alarm.data
    assert (data.stage, data.held_by, data.answered_by) == (Stage.RAISED, None, {})
    assert say(alarms, REGISTERED, SIPHO).alarm.data.held_by == SIPHO


def test_a_close_that_a_press_outran_ends_the_hold() -> None:
    alarms = opened((REGISTERED, THANDI))
    press(alarms)
    data = say(alarms, CLOSED, THANDI, presses=1).alarm.data

    assert (data.stage, data.held_by, data.answered_by) == (Stage.RAISED, None, {})


def test_an_alarm_that_an_earlier_version_left_registered_belongs_to_whoever_answers_next() -> None:
    alarms = opened((REGISTERED, THANDI))
    [kept] = alarms.open()
    earlier = replace(kept, data=kept.data.model_copy(update={"held_by": None, "answered_by": {}}))
    change = say(book([earlier]), REGISTERED, SIPHO)

    assert (change.change, change.alarm.data.stage, change.alarm.data.held_by) == ("updated", Stage.REGISTERED, SIPHO)


def test_a_take_over_that_a_crash_makes_run_again_takes_nothing_back() -> None:
    alarms = opened((REGISTERED, THANDI))
    say(alarms, TAKE_OVER, SIPHO, command="jhb/c1")
    [kept] = alarms.open()
    alarms = book([decode_alarm(encode_alarm(kept))])
    say(alarms, TAKE_OVER, THANDI, command="jhb/c2")

    assert say(alarms, TAKE_OVER, SIPHO, command="jhb/c1").change == "noted"
    assert one(alarms).held_by == THANDI
    assert say(alarms, TAKE_OVER, SIPHO, command="jhb/c3").alarm.data.held_by == SIPHO


def test_a_take_over_by_whoever_has_it_takes_nothing_back_when_it_runs_again() -> None:
    alarms = opened((REGISTERED, THANDI))
    assert say(alarms, TAKE_OVER, THANDI, command="jhb/c1").change == "noted"
    say(alarms, TAKE_OVER, SIPHO, command="jhb/c2")

    assert say(alarms, TAKE_OVER, THANDI, command="jhb/c1").change == "noted"
    assert one(alarms).held_by == SIPHO


def test_no_more_than_sixteen_commands_are_remembered() -> None:
    alarms = opened()
    for number in range(40):
        say(alarms, TAKE_OVER, PEOPLE[number % 2], command=f"jhb/c{number}")
    [alarm] = alarms.open()

    assert alarm.taken_by == tuple(f"jhb/c{number}" for number in range(24, 40))


def test_what_was_answered_before_an_alarm_raised_itself_again_may_be_said_again() -> None:
    alarms = opened()
    say(alarms, REGISTERED, THANDI, command="jhb/c1")
    press(alarms)
    say(alarms, CLOSED, THANDI, presses=1)

    assert say(alarms, REGISTERED, THANDI, command="jhb/c1").alarm.data.held_by == THANDI


def test_a_dispatch_that_names_nobody_does_not_hide_the_car_that_was_sent_before() -> None:
    alarms = opened()
    for unit in ("car 7", None):
        say(alarms, DISPATCHED, THANDI, unit=unit)
        press(alarms)
        say(alarms, CLOSED, THANDI, presses=1)

    assert one(alarms).sent_before == THANDI.model_copy(update={"unit": "car 7"})


class HoldMachine(RuleBasedStateMachine):
    """Several people answer one alarm after the other; a second book of what they said says who has it."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = S
        self.ids = itertools.count()
        self.book = AlarmBook(KINDS[:1], "boot-1", None)
        self.alarm_id = ""
        self.holder: Answer | None = None
        self.sent: str | None = None
        """The unit that was sent last since the alarm raised itself last."""
        self.sent_before: str | None = None
        self.said: list[tuple[CentreAck, bool]] = []
        """Acks of the alarm that is open, and whether each has given the alarm to its sender."""

    @property
    def data(self) -> AlarmData | None:
        alarm = self.book.find(self.alarm_id)
        return None if alarm is None else alarm.data

    @rule()
    def press(self) -> None:
        if self.data is None:
            self.alarm_id, self.holder, self.said = f"a{next(self.ids)}", None, []
            self.sent = self.sent_before = None
        self.book.press("police", self.now_ns, lambda: Beginning(self.alarm_id, "now", None))

    @rule(
        action=st.sampled_from(list(AckAction)),
        who=st.sampled_from(PEOPLE),
        unit=st.sampled_from([None, "car 7", "car 9"]),
        behind=st.sampled_from([None, 0, 0, 1]),
    )
    def answer(self, action: AckAction, who: Answer, unit: str | None, behind: int | None) -> None:
        self.now_ns += S
        before = self.data
        presses = before.press_count - behind if before and behind is not None else None
        said = who.model_copy(update={"unit": unit if action is DISPATCHED else None})
        ack = CentreAck(self.alarm_id, action, said, self.now_ns, presses, f"c{next(self.ids)}")
        change = self.book.acknowledged(ack)
        if before is None:
            assert change is None
            return
        assert change is not None
        if action is CLOSED and behind == 1:
            self.ends()
            return
        if action is CLOSED:
            assert change.change == "closed"
            assert change.alarm.data.answered_by[CLOSED] == said
            assert change.alarm.data.held_by == self.holder
            return
        others = self.holder is not None and self.holder.person != who.person
        self.sent = said.unit or self.sent
        takes = self.holder is None or (action is TAKE_OVER and others)
        if takes:
            self.holder = who
            assert change.change == "updated", "whoever takes an alarm is told to all"
        self.said.append((ack, takes))
        is_second = action is REGISTERED and others
        assert verdict(change.alarm.data, ack) == ("already-registered" if is_second else "taken")

    @rule(which=st.integers(0, 15))
    def one_comes_again(self, which: int) -> None:
        """As one does that a crash has cut off: only such acks run twice."""
        if self.data is not None and which < len(self.said):
            ack, took = self.said[-1 - which]
            before = self.data
            self.book.acknowledged(replace(ack, boottime_ns=self.now_ns))
            if took:
                assert but_for_the_wait(self.data) == but_for_the_wait(before)

    @rule()
    def nobody_answers(self) -> None:
        due_ns = self.book.next_due_ns()
        if due_ns is not None:
            self.now_ns = max(self.now_ns, due_ns)
            [change] = self.book.tick(self.now_ns)
            if change.alarm.data.stage is Stage.RAISED:
                self.ends()

    @rule(same_boot=st.booleans())
    def restart(self, same_boot: bool) -> None:
        kept = [decode_alarm(encode_alarm(alarm)) for alarm in self.book.open()]
        boot_id = "boot-1" if same_boot else f"boot-{next(self.ids)}"
        self.book = AlarmBook(KINDS[:1], boot_id, None, kept, now_ns=self.now_ns)

    def ends(self) -> None:
        self.holder, self.said = None, []
        self.sent, self.sent_before = None, self.sent or self.sent_before

    @invariant()
    def the_alarm_has_the_holder_who_took_it_and_no_other(self) -> None:
        data = self.data
        if data is not None:
            assert data.held_by == self.holder
            assert (data.sent_before and data.sent_before.unit) == self.sent_before
            assert (data.held_by is None) == (data.stage.rank() < Stage.REGISTERED.rank())
            assert CLOSED not in data.answered_by
            assert not data.answered_by or data.held_by is not None


HoldMachine.TestCase.settings = settings(
    max_examples=int(os.environ.get("LIFE_EXAMPLES", "100")), stateful_step_count=40, deadline=None, database=None
)
TestAnyOrder = HoldMachine.TestCase
