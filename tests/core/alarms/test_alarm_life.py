"""The book of alarms against the written table, cell by cell and in any order."""

import itertools
import os
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.contract.lamps import for_open_alarms
from agent.contract.stages import Stage, Waits
from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm_book import AlarmBook, AlarmChange, Beginning, InputKind
from agent.core.facts import AlarmDelivered, CentreAck
from tests.support.alarm_book import CENTRE
from tests.support.life_table import FACTS, LIGHTS, STAGES, TRANSITIONS, WAITS

S = 10**9
EDGE = 1_000 * S
WAIT_S = {
    "delayed_after_s": 10,
    "unconfirmed_after_s": 30,
    "repeat_after_s": 60,
    "raise_again_after_s": 180,
    "raise_dispatched_after_s": 900,
}
ANSWERED = {Stage.REGISTERED, Stage.DISPATCHED}
KINDS = [InputKind("police", "panic", False), InputKind("clinic", "medical", False), InputKind("hid", "duress", True)]
WAY_TO: dict[Stage, tuple[str, ...]] = {
    Stage.IDLE: (),
    Stage.RAISED: ("press",),
    Stage.SENT: ("press", "confirmation"),
    Stage.DELAYED: ("press", "wait over"),
    Stage.UNCONFIRMED: ("press", "wait over", "wait over"),
    Stage.REGISTERED: ("press", "registered"),
    Stage.DISPATCHED: ("press", "dispatched"),
}


class OneAlarm:
    """A book with one input, and facts about the alarm `a1`."""

    def __init__(self) -> None:
        self.book = AlarmBook(KINDS[:1], "boot-1", None)
        self.now_ns = EDGE

    def tell(self, fact: str) -> AlarmChange | None:
        match fact:
            case "press":
                return self.book.press("police", self.now_ns, lambda: Beginning("a1", "now", None))
            case "confirmation":
                return self.book.delivered(AlarmDelivered("a1", self.now_ns))
            case "wait over":
                due_ns = self.book.next_due_ns()
                if due_ns is None:
                    return None
                assert self.book.tick(due_ns - 1) == []
                self.now_ns = due_ns
                [change] = self.book.tick(due_ns)
                return change
            case "outrun":
                alarm = self.book.find("a1")
                known = alarm.data.press_count - 1 if alarm else 0
                return self.book.acknowledged(CentreAck("a1", AckAction.CLOSED, CENTRE, self.now_ns, known))
            case _:
                return self.book.acknowledged(CentreAck("a1", AckAction(fact), CENTRE, self.now_ns))

    def stage(self) -> Stage:
        alarm = self.book.find("a1")
        return alarm.data.stage if alarm else Stage.IDLE


def test_the_table_has_every_stage_and_every_fact() -> None:
    assert set(TRANSITIONS) == set(itertools.product(STAGES, FACTS))
    assert set(LIGHTS) == set(STAGES)
    assert set(STAGES) == set(Stage) - {Stage.CLOSED}


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_cell_of_the_table_is_what_the_book_does(stage: Stage, fact: str) -> None:
    one = OneAlarm()
    for step in WAY_TO[stage]:
        one.tell(step)
    assert one.stage() is stage

    change = one.tell(fact)

    expected = TRANSITIONS[stage, fact]
    assert one.stage() is expected.stage
    assert (change.change if change else "") == expected.change
    assert one.book.lights() == LIGHTS[expected.stage]


@pytest.mark.parametrize("stage", STAGES)
def test_the_lights_of_every_stage_are_those_of_the_table(stage: Stage) -> None:
    assert for_open_alarms([stage]) == LIGHTS[stage]


@pytest.mark.parametrize("stage", STAGES[1:])
def test_every_wait_is_that_of_the_table(stage: Stage) -> None:
    assert Waits().of(stage) == WAIT_S[WAITS[stage]] * S


@pytest.mark.parametrize("stage", [Stage.IDLE, Stage.CLOSED])
def test_what_is_not_open_waits_for_nothing(stage: Stage) -> None:
    with pytest.raises(ValueError, match=stage.value):
        Waits().of(stage)


@dataclass
class Expected:
    """An open alarm as the table has it."""

    input: str
    status: str
    stage: Stage
    presses: int
    since_ns: int
    edge_known: bool = True
    sent_known: bool = False
    repeats: int = 0
    reraised: int = 0


class LifeMachine(RuleBasedStateMachine):
    """Any facts in any order, with time and restarts; what is expected comes from the table alone."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = EDGE
        self.boot = "boot-1"
        self.boots = itertools.count(2)
        self.ids = itertools.count()
        self.made: list[str] = []
        self.open: dict[str, Expected] = {}
        self.pressed = 0
        self.closed_presses = 0
        self.book = AlarmBook(KINDS, self.boot, None)

    def expect(self, alarm_id: str, fact: str, change: AlarmChange | None) -> None:
        """The change is that of the table's cell, and the alarm is then as the cell says."""
        known = self.open.get(alarm_id)
        cell = TRANSITIONS[known.stage if known else Stage.IDLE, fact]
        noted_before = fact == "confirmation" and known is not None and (known.sent_known or not known.edge_known)
        if not cell.change or (cell.change == "noted" and noted_before):
            assert change is None
            return
        assert change is not None
        assert change.change == cell.change
        assert change.alarm.data.alarm_id == alarm_id
        if known is None:
            return
        if cell.change == "closed":
            assert change.alarm.data.stage is Stage.CLOSED
            assert change.alarm.data.press_count == known.presses
            self.closed_presses += known.presses
            del self.open[alarm_id]
            return
        known.stage = cell.stage
        known.sent_known |= fact == "confirmation" and known.edge_known

    @rule(name=st.sampled_from([kind.name for kind in KINDS]), test=st.booleans())
    def press(self, name: str, test: bool) -> None:
        new_id = f"a{next(self.ids):04}"
        status = "test" if test else "actual"
        alarm_id = next((i for i, o in self.open.items() if (o.input, o.status) == (name, status)), new_id)
        change = self.book.press(name, self.now_ns, lambda: Beginning(new_id, "now", None), test=test)
        self.expect(alarm_id, "press", change)
        self.pressed += 1
        if alarm_id == new_id:
            self.made.append(new_id)
            self.open[new_id] = Expected(name, status, Stage.RAISED, 0, self.now_ns)
        self.open[alarm_id].presses += 1

    @rule(which=st.integers(0, 9))
    def confirm(self, which: int) -> None:
        alarm_id = self.made[-1 - which] if which < len(self.made) else "unknown"
        self.expect(alarm_id, "confirmation", self.book.delivered(AlarmDelivered(alarm_id, self.now_ns)))

    @rule(which=st.integers(0, 9), action=st.sampled_from(list(AckAction)), behind=st.sampled_from([None, 0, 1]))
    def answer(self, which: int, action: AckAction, behind: int | None) -> None:
        """`behind`: how many presses the centre does not know of; None when it says nothing of that."""
        alarm_id = self.made[-1 - which] if which < len(self.made) else "unknown"
        known = self.open.get(alarm_id)
        press_count = known.presses - behind if known and behind is not None else behind
        change = self.book.acknowledged(CentreAck(alarm_id, action, CENTRE, self.now_ns, press_count))
        outrun = action is AckAction.CLOSED and behind == 1
        if known is not None:
            known.since_ns = self.now_ns
            known.reraised += outrun
        self.expect(alarm_id, "outrun" if outrun else action.value, change)

    @rule(seconds=st.sampled_from([1, 9, 10, 20, 59, 61, 179, 180, 720, 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.now_ns += seconds * S

    @rule()
    def tick(self) -> None:
        due = [i for i, o in self.open.items() if o.since_ns + WAIT_S[WAITS[o.stage]] * S <= self.now_ns]
        changes = self.book.tick(self.now_ns)
        assert [change.alarm.data.alarm_id for change in changes] == due
        for change in changes:
            known = self.open[change.alarm.data.alarm_id]
            if known.stage in {Stage.UNCONFIRMED, Stage.REGISTERED, Stage.DISPATCHED, Stage.DELAYED}:
                known.since_ns = self.now_ns
            known.repeats += known.stage is Stage.UNCONFIRMED
            known.reraised += known.stage in {Stage.REGISTERED, Stage.DISPATCHED}
            self.expect(change.alarm.data.alarm_id, "wait over", change)

    @rule(same_boot=st.booleans())
    def restart(self, same_boot: bool) -> None:
        if not same_boot:
            self.boot = f"boot-{next(self.boots)}"
            self.now_ns = 7 * S
            for known in self.open.values():
                known.since_ns, known.edge_known = self.now_ns, False
        self.book = AlarmBook(KINDS, self.boot, None, list(reversed(self.book.open())), now_ns=self.now_ns)

    @invariant()
    def no_press_is_lost_and_no_alarm_leaves_the_book_but_by_a_close(self) -> None:
        data = [alarm.data for alarm in self.book.open()]
        assert [(d.alarm_id, d.stage, d.press_count, d.repeats, d.reraised) for d in data] == [
            (i, o.stage, o.presses, o.repeats, o.reraised) for i, o in sorted(self.open.items())
        ]
        assert sum(d.press_count for d in data) + self.closed_presses == self.pressed

    @invariant()
    def an_answered_alarm_and_no_other_says_when_its_wait_is_over(self) -> None:
        assert [alarm.data.raises_again_monoms for alarm in self.book.open()] == [
            (o.since_ns // S + WAIT_S[WAITS[o.stage]]) * 1000 if o.stage in ANSWERED else None
            for _, o in sorted(self.open.items())
        ]

    @invariant()
    def the_lights_are_those_of_the_worst_audible_alarm(self) -> None:
        audible = [o for o in self.open.values() if o.input != "hid"]
        in_earnest = [o.stage for o in audible if o.status == "actual"]
        assert self.book.lights() == for_open_alarms(in_earnest or [o.stage for o in audible])

    @invariant()
    def what_is_told_of_a_stage_never_came_before_the_edge(self) -> None:
        for alarm in self.book.open():
            assert all(ms >= 0 for ms in alarm.data.latency_ms.values())


LifeMachine.TestCase.settings = settings(
    max_examples=int(os.environ.get("LIFE_EXAMPLES", "100")), stateful_step_count=40, deadline=None, database=None
)
TestAnyOrder = LifeMachine.TestCase
