import pytest

from agent.core.diagnosis.finding import State
from agent.core.diagnosis.pins import InputRead, PinUse, judge_levels, judge_use

WIRED = {17: "button police", 22: "light yellow"}


def test_free_pins_are_well_where_no_agent_runs() -> None:
    [finding] = judge_use(WIRED, [PinUse(17, used=False), PinUse(22, used=False)], agent_runs=False)
    assert (finding.state, finding.what) == (State.OK, "all 2 pins of the settings are free")


def test_pins_that_the_agent_holds_are_well_where_one_runs() -> None:
    [finding] = judge_use(WIRED, [PinUse(17, True, "lg"), PinUse(22, True, "lg")], agent_runs=True)
    assert finding.state is State.OK


@pytest.mark.parametrize("agent_runs", [True, False])
@pytest.mark.parametrize(("consumer", "says"), [("spi0 CS0", "'spi0 CS0'"), ("", "a driver of the kernel")])
def test_a_pin_in_use_by_another_driver_is_named_with_who_uses_it(agent_runs: bool, consumer: str, says: str) -> None:
    other = PinUse(22, used=agent_runs, consumer="lg" if agent_runs else "")
    [finding] = judge_use(WIRED, [PinUse(17, True, consumer), other], agent_runs=agent_runs)
    assert finding.state is State.FAIL
    assert finding.what == f"pin 17 of button police is in use by {says}"
    assert "config.txt" in finding.do


def test_a_pin_held_by_lgpio_is_somebody_elses_where_no_agent_runs() -> None:
    [finding] = judge_use(WIRED, [PinUse(17, True, "lg"), PinUse(22, False)], agent_runs=False)
    assert finding.state is State.FAIL


def test_a_pin_that_another_program_has_through_lgpio_is_not_taken_for_the_agents() -> None:
    uses = [PinUse(17, True, "lg"), PinUse(22, True, "lg")]
    [finding] = judge_use(WIRED, uses, agent_runs=True, held={22})
    assert finding.state is State.FAIL
    assert finding.what == "pin 17 of button police is in use by 'lg'"
    assert "end it, unless it is the service itself" in finding.do
    [finding] = judge_use(WIRED, uses, agent_runs=True, held={17, 22})
    assert finding.state is State.OK


def test_a_pin_that_the_agent_ought_to_hold_and_does_not_is_named() -> None:
    [finding] = judge_use(WIRED, [PinUse(17, False), PinUse(22, True, "lg")], agent_runs=True)
    assert finding.state is State.FAIL
    assert "pin 17 of button police is not held by the agent" in finding.what


@pytest.mark.parametrize(
    ("reads", "state", "says"),
    [
        ([InputRead("police", False, True)], State.OK, "all 1 inputs are at rest"),
        ([InputRead("police", True, True)], State.FAIL, "police reads as pressed"),
        ([InputRead("police", True, True), InputRead("police", True, True, True)], State.FAIL, "reads as pressed"),
        ([InputRead("police", False, True), InputRead("police", True, True, True)], State.FAIL, "its cable is cut"),
        ([InputRead("police", True, True), InputRead("police", False, True, True)], State.FAIL, "it is shorted"),
        ([InputRead("door", True, False)], State.WARN, "input door"),
    ],
)
def test_the_levels_of_the_inputs_are_judged_with_nobody_at_the_kiosk(
    reads: list[InputRead], state: State, says: str
) -> None:
    [finding] = judge_levels(reads)
    assert finding.state is state
    assert says in finding.what
