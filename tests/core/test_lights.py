import itertools

import pytest

from agent.core.lights import IDLE, PRESSED, LightState, Pattern, for_open_alarms
from agent.core.stages import Stage

OFF, ON = Pattern.OFF, Pattern.ON


@pytest.mark.parametrize(
    ("stage", "state"),
    [
        (Stage.IDLE, LightState(OFF, OFF, Pattern.STEADY, OFF)),
        (Stage.RAISED, LightState(ON, OFF, Pattern.FLASH, OFF)),
        (Stage.SENT, LightState(ON, OFF, Pattern.FLASH, OFF)),
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


def test_the_printed_form_is_that_of_the_simulator() -> None:
    assert PRESSED.as_dict() == {"yellow": "on", "green": "off", "beacon": "flash", "tone": "off"}
