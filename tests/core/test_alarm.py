import itertools
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.core.alarm import AlarmBook, AlarmChange, InputKind, OpenAlarm
from agent.core.events import AckAction, AlarmDelivered, CentreAck
from agent.core.lights import IDLE, PRESSED, Pattern, for_open_alarms
from agent.core.messages import AlarmCamera
from agent.core.stages import Stage

KINDS = [
    InputKind("police", "panic", False),
    InputKind("clinic", "medical", False),
    InputKind("hidden", "duress", True),
]
MS = 1_000_000
STAGE_AFTER = {AckAction.REGISTERED: Stage.REGISTERED, AckAction.DISPATCHED: Stage.DISPATCHED}


def book(restored: list[OpenAlarm] | None = None, boot_id: str = "boot-1", kinds: Any = KINDS) -> AlarmBook:
    return AlarmBook(kinds, boot_id, {"lat": 1.0}, restored or [])


def press(to: AlarmBook, name: str = "police", alarm_id: str = "a1", at_ms: int = 0) -> AlarmChange:
    return to.press(name, at_ms * MS, alarm_id, "2026-01-01T00:00:00.000Z", None)


def deliver(to: AlarmBook, alarm_id: str = "a1", at_ms: int = 0) -> AlarmChange | None:
    return to.delivered(AlarmDelivered(alarm_id, at_ms * MS))


def ack(to: AlarmBook, action: AckAction, alarm_id: str = "a1", at_ms: int = 0) -> AlarmChange | None:
    return to.acknowledged(CentreAck(alarm_id, action, "centre", at_ms * MS))


@pytest.mark.parametrize(
    ("kind", "contact_id", "sia"),
    [("panic", "120", "PA"), ("duress", "121", "HA"), ("medical", "100", "MA"), ("fire", "110", "FA")],
)
def test_a_press_raises_an_alarm_with_the_codes_of_its_kind(kind: str, contact_id: str, sia: str) -> None:
    alarms = book(kinds=[InputKind("one", kind, False)])
    camera = AlarmCamera(name="front")
    change = alarms.press("one", 5, "a1", "now", camera)

    data = change.alarm.data
    assert change.change == "raised"
    assert (data.stage, data.press_count, data.status, data.kind) == (Stage.RAISED, 1, "actual", kind)
    assert (data.codes, data.location, data.camera) == ({"contact_id": contact_id, "sia": sia}, {"lat": 1.0}, camera)


def test_further_presses_count_on_the_same_alarm_and_change_nothing_else() -> None:
    alarms = book()
    press(alarms)
    ack(alarms, AckAction.REGISTERED)
    change = press(alarms, alarm_id="a2")

    assert change.change == "updated"
    assert (change.alarm.data.alarm_id, change.alarm.data.press_count) == ("a1", 2)
    assert change.alarm.data.stage is Stage.REGISTERED


def test_two_inputs_have_an_alarm_each() -> None:
    alarms = book()
    press(alarms, "police", "a1")
    press(alarms, "clinic", "a2")
    ack(alarms, AckAction.CLOSED, "a1")

    assert [alarm.data.alarm_id for alarm in alarms.open()] == ["a2"]


@pytest.mark.parametrize("order", list(itertools.permutations(["delivered", *AckAction])))
def test_whatever_comes_in_which_order_the_stage_never_goes_back(order: tuple[str, ...]) -> None:
    alarms = book()
    press(alarms)
    ranks = [Stage.RAISED.rank()]
    for fact in order:
        change = deliver(alarms) if fact == "delivered" else ack(alarms, AckAction(fact))
        if change is not None:
            ranks.append(change.alarm.data.stage.rank())

    assert ranks == sorted(set(ranks))
    assert alarms.open() == []
    assert ranks[-1] == Stage.CLOSED.rank()


def test_an_ack_may_overtake_the_answer_of_the_broker() -> None:
    alarms = book()
    press(alarms)
    change = ack(alarms, AckAction.REGISTERED, at_ms=90)
    assert change is not None

    assert deliver(alarms, at_ms=120) is None
    assert change.alarm.data.latency_ms == {"registered": 90}


def test_only_the_first_answer_of_the_broker_counts() -> None:
    alarms = book()
    press(alarms, at_ms=1_000)
    change = deliver(alarms, at_ms=1_042)
    assert change is not None

    assert change.alarm.data.latency_ms == {"sent": 42}
    assert deliver(alarms, at_ms=2_000) is None


@pytest.mark.parametrize("action", list(AckAction))
def test_facts_about_an_unknown_alarm_change_nothing(action: AckAction) -> None:
    alarms = book()
    press(alarms)
    before = alarms.open()

    assert ack(alarms, action, "a9") is None
    assert deliver(alarms, "a9") is None
    assert alarms.open() == before


def test_a_closed_alarm_is_gone_and_the_next_press_is_a_new_one() -> None:
    alarms = book()
    press(alarms)
    closed = ack(alarms, AckAction.CLOSED)
    assert closed is not None
    assert closed.change == "closed"
    assert ack(alarms, AckAction.REGISTERED) is None

    change = press(alarms, alarm_id="a2")
    assert (change.change, change.alarm.data.alarm_id, change.alarm.data.press_count) == ("raised", "a2", 1)


def test_an_alarm_goes_on_after_a_restart_but_counts_no_time_across_boots() -> None:
    alarms = book()
    press(alarms, at_ms=900_000)
    deliver(alarms, at_ms=900_050)
    same_boot = book(alarms.open())
    other_boot = book(alarms.open(), boot_id="boot-2")

    for restored in (same_boot, other_boot):
        assert press(restored, alarm_id="a2").alarm.data.press_count == 2
        assert deliver(restored) is None
    later = ack(same_boot, AckAction.REGISTERED, at_ms=901_000)
    after_boot = ack(other_boot, AckAction.REGISTERED, at_ms=7)
    assert later is not None
    assert after_boot is not None
    assert later.alarm.data.latency_ms == {"sent": 50, "registered": 1_000}
    assert after_boot.alarm.data.latency_ms == {"sent": 50}


def test_an_alarm_of_an_input_that_is_no_longer_configured_can_still_be_closed() -> None:
    alarms = book()
    press(alarms)
    without_it = book(alarms.open(), kinds=[])

    assert without_it.lights() == PRESSED
    assert ack(without_it, AckAction.CLOSED) is not None


def test_the_least_advanced_alarm_decides_the_lights() -> None:
    alarms = book()
    press(alarms, "police", "a1")
    ack(alarms, AckAction.DISPATCHED, "a1")
    assert alarms.lights().green is Pattern.SLOW_PULSE

    press(alarms, "clinic", "a2")
    assert alarms.lights() == PRESSED
    ack(alarms, AckAction.REGISTERED, "a2")
    assert alarms.lights().green is Pattern.ON
    ack(alarms, AckAction.CLOSED, "a2")
    assert alarms.lights().green is Pattern.SLOW_PULSE


def test_a_silent_alarm_shows_nothing() -> None:
    alarms = book()
    press(alarms, "hidden")
    for action in (AckAction.REGISTERED, AckAction.DISPATCHED):
        ack(alarms, action)
        assert alarms.lights() == IDLE


class AlarmMachine(RuleBasedStateMachine):
    """Any facts in any order, with restarts: the book against what must be true of it."""

    def __init__(self) -> None:
        super().__init__()
        self.book = book()
        self.boots = itertools.count(2)
        self.ids = itertools.count()
        self.made: list[str] = []
        self.open: dict[str, tuple[str, Stage, int]] = {}
        """By input: alarm, stage, presses."""

    @rule(name=st.sampled_from([kind.name for kind in KINDS]))
    def press(self, name: str) -> None:
        alarm_id = f"a{next(self.ids):04}"
        change = press(self.book, name, alarm_id)
        if name in self.open:
            known, stage, count = self.open[name]
            self.open[name] = (known, stage, count + 1)
            assert change.change == "updated"
        else:
            self.made.append(alarm_id)
            self.open[name] = (alarm_id, Stage.RAISED, 1)
            assert change.change == "raised"

    @rule(which=st.integers(0, 9), fact=st.sampled_from(["delivered", *AckAction]))
    def hear(self, which: int, fact: str) -> None:
        alarm_id = self.made[-1 - which] if which < len(self.made) else "unknown"
        change = deliver(self.book, alarm_id) if fact == "delivered" else ack(self.book, AckAction(fact), alarm_id)
        name = next((name for name, known in self.open.items() if known[0] == alarm_id), None)
        if name is None:
            assert change is None
            return
        _, stage, count = self.open[name]
        target = Stage.SENT if fact == "delivered" else Stage(fact)
        if target.rank() <= stage.rank():
            assert change is None
            return
        assert change is not None
        assert change.alarm.data.stage is target
        if target is Stage.CLOSED:
            del self.open[name]
        else:
            self.open[name] = (alarm_id, target, count)

    @rule(same_boot=st.booleans())
    def restart(self, same_boot: bool) -> None:
        boot_id = "boot-1" if same_boot else f"boot-{next(self.boots)}"
        self.book = book(list(reversed(self.book.open())), boot_id)

    @invariant()
    def the_book_is_right(self) -> None:
        found = {a.data.input: (a.data.alarm_id, a.data.stage, a.data.press_count) for a in self.book.open()}
        assert found == self.open
        assert len(self.book.open()) == len(found)
        audible = [stage for name, (_, stage, _) in self.open.items() if name != "hidden"]
        assert self.book.lights() == for_open_alarms(audible)
        for alarm_id, _, _ in self.open.values():
            assert self.book.find(alarm_id) is not None


AlarmMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, database=None)
TestAnyOrder = AlarmMachine.TestCase
