import itertools

import pytest

from agent.contract.lamps import IDLE, PRESSED, UNCONFIRMED, LightState, Pattern, for_open_alarms
from agent.contract.stages import Stage

OFF, ON = Pattern.OFF, Pattern.ON


@pytest.mark.parametrize(
    ("stage", "state"),
    [
        (Stage.IDLE, LightState(OFF, OFF, Pattern.STEADY, OFF)),
        (Stage.RAISED, LightState(ON, OFF, Pattern.FLASH, OFF)),
        (Stage.SENT, LightState(ON, OFF, Pattern.FLASH, OFF)),
        (Stage.DELAYED, LightState(Pattern.FAST_FLASH, OFF, Pattern.FLASH, OFF)),
        (Stage.UNCONFIRMED, LightState(Pattern.FAST_FLASH, OFF, Pattern.FLASH, ON)),
        (Stage.REGISTERED, LightState(ON, ON, Pattern.FLASH, OFF)),
        (Stage.DISPATCHED, LightState(ON, Pattern.SLOW_PULSE, Pattern.FLASH, OFF)),
        (Stage.CLOSED, LightState(OFF, OFF, Pattern.STEADY, OFF)),
    ],
)
def test_each_stage_looks_as_the_contract_says(stage: Stage, state: LightState) -> None:
    assert for_open_alarms([stage]) == state


def test_without_an_alarm_the_beacon_rests() -> None:
    assert for_open_alarms([]) == IDLE


@pytest.mark.parametrize("stages", list(itertools.permutations([Stage.RAISED, Stage.REGISTERED, Stage.DISPATCHED])))
def test_of_several_alarms_the_least_advanced_decides_in_any_order(stages: tuple[Stage, ...]) -> None:
    assert for_open_alarms(stages) == PRESSED


@pytest.mark.parametrize("better", [Stage.DELAYED, Stage.RAISED, Stage.SENT, Stage.REGISTERED, Stage.DISPATCHED])
def test_a_new_press_does_not_hide_that_an_older_one_is_unanswered(better: Stage) -> None:
    assert for_open_alarms([better, Stage.UNCONFIRMED]) == UNCONFIRMED


def test_the_printed_form_is_that_of_the_simulator() -> None:
    assert PRESSED.as_dict() == {"yellow": "on", "green": "off", "beacon": "flash", "tone": "off"}
