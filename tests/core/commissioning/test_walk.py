"""A walk with a made-up kiosk: what passes, what fails, and what an alarm in earnest or a lost program does to it."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from agent.contract.lamps import PRESSED
from agent.contract.stages import Stage
from agent.core.commissioning.plan import Camera, Equipment
from agent.core.commissioning.walk import Answer
from tests.support.drafts import FACTORY, alarm_data
from tests.support.walking import KIOSK, Street

CAMERA = Equipment(source="/edge/gp/park/camera-1", cameras=(Camera("gate"),), brokers=("mqtts://a", "mqtts://b"))


def outcomes(street: Street) -> dict[str, str]:
    return {each.step: each.outcome for each in street.walk.kept.verdicts}


@pytest.mark.parametrize("has", [KIOSK, CAMERA], ids=["kiosk", "camera"])
def test_a_device_that_does_all_that_it_is_asked_passes_every_step_in_order(has: Equipment) -> None:
    street = Street(has)
    street.go()

    assert street.walk.view().state == "done"
    assert [*outcomes(street)] == [step.id for step in street.steps]
    assert {*outcomes(street).values()} == {"passed"}
    assert street.alarms == {}
    assert street.tested == []


def test_only_the_button_that_is_tried_is_in_test_mode_and_only_as_long_as_it_is() -> None:
    street = Street()
    street.go(until="button-fire")
    assert street.tested == ["fire"]
    for _ in range(3):
        street.ordered.clear()
        street.pass_time(30)
        street.pass_time(30)
        street.obey()
        assert [(order.name, order.args["inputs"]) for order in street.ordered] == [("test-mode", ["fire"])]
        street.walk.say("again", street.now_s)
        street.obey()

    street.go(until="input-door")
    assert street.tested == []
    assert street.alarms == {}


def test_a_step_that_is_not_seen_in_time_fails_and_can_be_tried_again() -> None:
    street = Street()
    street.go(until="button-police")
    left_s = street.walk.view().seconds_left
    street.pass_time(left_s - 1)
    assert street.walk.view().state == "acting"
    street.pass_time(1)
    view = street.walk.view()
    assert (view.state, view.step) == ("failed", "button-police")
    assert "was not seen within" in view.say
    street.obey()
    assert street.tested == []

    assert street.walk.say("again", street.now_s)
    street.go(until="contacts-police")
    [verdict] = [each for each in street.walk.kept.verdicts if each.step == "button-police"]
    assert (verdict.outcome, verdict.tries) == ("passed", 2)


def test_a_failure_may_be_accepted_and_stays_in_the_record() -> None:
    street = Street()
    street.go(until="label")
    assert street.walk.say("no", street.now_s, "the label is another kiosk's")
    assert not street.walk.say("yes", street.now_s)
    assert street.walk.say("go-on", street.now_s)
    street.go()

    verdict = street.walk.kept.verdicts[0]
    assert (verdict.step, verdict.outcome, verdict.reason) == ("label", "failed", "the label is another kiosk's")


def test_a_step_is_left_out_only_with_a_reason() -> None:
    street = Street()
    street.go(until="power-cut")
    assert not street.walk.say("leave-out", street.now_s)
    assert street.walk.say("leave-out", street.now_s, "the shop next door hangs on the same fuse")
    street.go()

    [verdict] = [each for each in street.walk.kept.verdicts if each.step == "power-cut"]
    assert (verdict.outcome, verdict.reason) == ("left-out", "the shop next door hangs on the same fuse")


def test_yes_is_no_answer_where_something_must_be_seen() -> None:
    street = Street()
    street.go(until="button-police")
    assert not street.walk.say("yes", street.now_s)
    assert not street.walk.say("no", street.now_s)
    assert street.walk.view().state == "acting"


@pytest.mark.parametrize("name", ["identify", "test-mode", "rebirth"])
def test_an_order_that_the_device_refuses_fails_the_step_with_its_words(name: str) -> None:
    street = Street()
    street.refuses[name] = "the key is not known"
    street.obey()
    while street.walk.view().state == "acting":
        street.do()
        street.obey()
    view = street.walk.view()
    assert view.state == "failed"
    assert view.say == f"the device did not do {name}: the key is not known"


def test_a_press_that_comes_before_the_device_is_in_test_mode_does_not_count_as_seen() -> None:
    street = Street()
    street.go(until="self-test")
    assert street.walk.view().step == "self-test"
    for _ in ("self-test", "siren"):
        street.walk.say("leave-out", street.now_s, "later")
    assert (street.walk.view().state, street.walk.view().step) == ("preparing", "button-police")
    street.tell(FACTORY.alarm("raised", alarm_data("early", input="police", status="test")))
    street.lamps(PRESSED)
    assert street.walk.view().state == "preparing"


NEVER: dict[str, Callable[[Street], None]] = {
    "button-police": lambda street: street.fault("police", active=True),
    "self-test": lambda street: street.result(street.ordered[-1], "failed", "failed: uplink"),
}


@pytest.mark.parametrize("step", NEVER)
def test_what_must_not_be_seen_fails_the_step_at_once(step: str) -> None:
    street = Street()
    street.go(until=step)
    NEVER[step](street)
    view = street.walk.view()
    assert (view.state, view.step) == ("failed", step)
    assert "uplink" in view.say or "wires" in view.say


def test_neither_another_start_of_the_agent_nor_a_restart_of_the_machine_is_a_power_cut() -> None:
    street = Street()
    street.go(until="power-cut")
    street.resume()
    street.obey()
    street.lamps(PRESSED)
    assert street.walk.view().step == "power-cut"
    street.start_again(cut=False)
    street.obey()
    view = street.walk.view()
    assert (view.state, view.say) == ("failed", "that was a restart, not a power cut: pull the plug")
    street.walk.say("again", street.now_s)
    street.obey()
    street.start_again(cut=True)
    street.obey()
    assert street.walk.view().step == "paths-back"


def test_an_alarm_in_earnest_that_was_open_before_makes_the_walk_wait_too() -> None:
    street = Street()
    street.alarms["old"] = alarm_data("old", input="fire")
    street.obey()
    assert street.walk.view().state == "waiting"
    street.advance("old", Stage.CLOSED)
    street.obey()
    assert street.walk.view().step == "label"
    street.go()
    [interruption] = street.walk.kept.interruptions
    assert (interruption.alarm_id, interruption.step, interruption.ended) == ("old", "label", True)


def test_an_alarm_that_ended_while_the_program_was_gone_is_known_to_have_ended() -> None:
    street = Street()
    street.go(until="button-police")
    earnest = street.press("fire")
    street.resume()
    del street.alarms[earnest]
    street.obey()
    assert street.walk.view().state == "acting"
    assert [(each.step, each.ended) for each in street.walk.kept.interruptions] == [("button-police", True)]


def test_a_test_that_an_earlier_run_has_left_open_is_closed_before_the_next_press() -> None:
    street = Street()
    street.go(until="button-fire")
    street.change("raised", alarm_data("left", input="fire", status="test"))
    street.resume()
    street.obey()
    assert street.alarms == {}
    assert street.walk.view().state == "acting"


def test_a_technician_who_leaves_leaves_no_test_behind() -> None:
    street = Street()
    street.go(until="button-fire")
    street.do()
    street.obey()
    assert street.alarms
    assert street.tested == ["fire"]
    street.walk.leave()
    street.obey()
    assert (street.alarms, street.tested) == ({}, [])


def test_a_failed_step_is_still_failed_when_the_walk_is_taken_up() -> None:
    street = Street()
    street.go(until="label")
    street.walk.say("no", street.now_s)
    street.resume()
    assert street.walk.view().state == "failed"
    assert not street.walk.say("yes", street.now_s)
    street.walk.say("again", street.now_s)
    street.go()
    assert set(outcomes(street).values()) == {"passed"}


def test_steps_that_the_settings_have_changed_are_walked_again() -> None:
    street = Street()
    street.go(until="paths")
    street.steps = Street(replace(KIOSK, buttons=(replace(KIOSK.buttons[0], hold_s=1), *KIOSK.buttons[1:]))).steps
    street.resume()
    assert street.walk.view().step == "button-police"
    assert "button-hidden" in outcomes(street)
    street.go()
    assert len(outcomes(street)) == len(street.steps)


def test_the_first_broker_must_come_back_after_the_other_has_taken_over() -> None:
    street = Street()
    street.go(until="paths")
    first, other = ({"path": {"broker": broker, "up": True}} for broker in KIOSK.brokers)
    street.tell(first)  # told again to all, as somebody else listens too
    assert street.walk.view().say.startswith("Cut the way")
    street.tell(other)
    assert street.walk.view().say.startswith("Open that way")
    street.do()
    street.tell(other)
    street.start_again(cut=True)
    street.tell(other)
    street.obey()
    assert street.walk.view().step == "paths-back"
    street.tell(first)
    assert street.walk.view().step == "answer"


def test_a_device_that_is_back_before_anybody_waits_for_it_is_back() -> None:
    street = Street()
    street.go(until="power-cut")
    street.start_again(cut=True)
    street.tell({"path": {"broker": KIOSK.brokers[0], "up": True}})
    street.obey()
    assert street.walk.view().step == "answer"


@pytest.mark.parametrize(
    "other", [replace(KIOSK, source="/edge/gp/park/kiosk-2"), replace(KIOSK, serial="20000000abcdef02")]
)
def test_a_walk_that_a_copied_card_brings_to_another_device_or_board_begins_anew(other: Equipment) -> None:
    street = Street()
    street.go(until="input-door")
    street.press("fire")
    before = street.walk.kept
    street.alarms.clear()
    street.steps = Street(other).steps
    street.resume()
    assert street.walk.kept.walk != before.walk
    assert (outcomes(street), street.walk.kept.interruptions) == ({}, ())
    assert street.walk.view().step == "label"
    street.resume()
    street.go()
    assert len(outcomes(street)) == len(street.steps)


def test_an_alarm_in_earnest_at_any_act_is_an_alarm_and_the_step_begins_afresh_when_it_is_closed() -> None:
    steps_hit = set()
    for moment in range(100):
        street = Street()
        street.obey()
        for _ in range(moment):
            street.now_s += 1
            street.do()
            street.obey()
            if street.walk.view().state == "done":
                break
        step = street.walk.view().step
        if street.walk.view().state == "done":
            break
        steps_hit.add(step)
        alarm_id = street.press("police" if street.tested == ["fire"] else "fire")
        assert street.alarms[alarm_id].status == "actual"
        assert street.walk.view().state == "waiting"
        street.obey()
        street.advance(alarm_id, Stage.CLOSED)
        street.obey()
        view = street.walk.view()
        assert (view.state, view.step, view.heard) == ("acting", step, 0)
        street.go()
        assert [(each.step, each.alarm_id, each.ended) for each in street.walk.kept.interruptions] == [
            (step, alarm_id, True)
        ]
        assert set(outcomes(street).values()) == {"passed"}

    assert steps_hit == {step.id for step in street.steps}


class WalkMachine(RuleBasedStateMachine):
    """A technician, a program that dies, and people who press in earnest, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.street = Street()
        self.earnest: list[tuple[str, str]] = []
        """The step and the alarm of each press in earnest during the walk."""

    @rule()
    def the_device_obeys(self) -> None:
        self.street.obey()

    @rule(times=st.integers(1, 8))
    def the_technician_does_what_is_asked(self, times: int) -> None:
        for _ in range(times):
            self.street.now_s += 1
            if self.street.walk.view().state == "acting":
                self.street.do()
            self.street.obey()

    @rule(answer=st.sampled_from(["no", "again"]))
    def the_technician_says(self, answer: Answer) -> None:
        self.street.walk.say(answer, self.street.now_s)

    @rule()
    def the_program_dies_and_comes_back(self) -> None:
        self.street.resume()

    @rule(seconds=st.sampled_from([1, 31, 200]))
    def time_passes(self, seconds: float) -> None:
        self.street.pass_time(seconds)

    @rule(name=st.sampled_from(["police", "fire", "hidden"]))
    def somebody_presses_in_earnest(self, name: str) -> None:
        street, view = self.street, self.street.walk.view()
        if name in (street.tested or []):
            return
        alarm_id = street.press(name)
        assert street.alarms[alarm_id].status == "actual"
        if view.state != "done":
            self.earnest.append((view.step, alarm_id))
            street.walk.orders()  # what was ordered before
            self._nothing_goes_on()
        street.advance(alarm_id, Stage.CLOSED)

    def _nothing_goes_on(self) -> None:
        walk = self.street.walk
        before = walk.kept.verdicts
        for answer in get_args(Answer):
            assert not walk.say(answer, self.street.now_s, "because")
        self.street.pass_time(1000)
        assert walk.orders() == []
        assert walk.view().state == "waiting"
        assert walk.kept.verdicts == before

    def teardown(self) -> None:
        street = self.street
        for _ in range(len(street.steps) + 1):  # every failure is tried again
            street.obey()
            street.pass_time(120 if street.walk.view().state == "preparing" else 0)
            street.walk.say("again", street.now_s)
        street.go()
        seen = street.witness.seen()
        for step, each in zip(street.steps, street.walk.kept.verdicts, strict=True):
            assert (each.outcome, each.step) == ("passed", step.id)
            heard = seen.figures(step, each)
            assert (heard is not None) is step.is_heard
            assert heard is None or len(heard) == len(each.figures)
        assert [(each.step, each.alarm_id) for each in street.walk.kept.interruptions] == self.earnest
        assert all(each.ended for each in street.walk.kept.interruptions)
        assert len({order.id for order in street.ordered}) == len(street.ordered)
        assert street.alarms == {}


WalkMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
TestAnyOrder = WalkMachine.TestCase
