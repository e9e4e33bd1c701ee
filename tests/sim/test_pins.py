from collections.abc import Iterator
from dataclasses import replace

import pytest
from gpiozero.pins.mock import MockFactory

from agent.adapters.gpiozero_buttons import GpiozeroButtons
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.adapters.system_clock import SystemClock
from agent.core.events import Edge
from agent.core.inputs import InputLine, LightPins
from agent.core.lights import PRESSED, Pattern
from agent.sim.pins import SimPins

LINES = [InputLine("police", 17), InputLine("tamper", 24, pull_up=False)]
LIGHTS = LightPins(yellow=22, beacon=23)


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = open_pin_factory(simulate=True)
    yield factory
    factory.close()


@pytest.fixture
def edges(factory: MockFactory) -> Iterator[list[Edge]]:
    edges: list[Edge] = []
    buttons = GpiozeroButtons(LINES, factory, SystemClock())
    buttons.start(edges.append)
    yield edges
    buttons.close()


@pytest.fixture
def lights(factory: MockFactory) -> Iterator[GpiozeroLights]:
    lights = GpiozeroLights(LIGHTS, factory)
    lights.start()
    yield lights
    lights.close()


@pytest.fixture
def pins(factory: MockFactory) -> SimPins:
    return SimPins(LINES, LIGHTS, factory, SystemClock())


@pytest.mark.parametrize("name", ["police", "tamper"])
def test_a_press_reaches_the_agent_after_the_time_that_is_told(pins: SimPins, edges: list[Edge], name: str) -> None:
    driven_ns = pins.set(name, active=True)
    pins.set(name, active=False)

    assert [(e.input, e.active) for e in edges] == [(name, True), (name, False)]
    assert driven_ns <= edges[0].boottime_ns <= edges[1].boottime_ns


def test_inputs_tell_which_buttons_are_pressed(pins: SimPins, edges: list[Edge]) -> None:
    pins.set("tamper", active=True)

    assert pins.inputs() == {"police": "released", "tamper": "pressed"}


def test_outputs_tell_the_patterns_and_what_is_not_wired(pins: SimPins, lights: GpiozeroLights) -> None:
    lights.show(PRESSED)

    assert pins.read(lights) == {
        "yellow": "on",
        "green": "not-wired",
        "beacon": "flash",
        "tone": "not-wired",
    }


def test_a_light_whose_pin_says_otherwise_is_a_fault(
    pins: SimPins, lights: GpiozeroLights, factory: MockFactory
) -> None:
    lights.show(replace(PRESSED, beacon=Pattern.OFF))
    factory.pin(22).state = False
    factory.pin(23).state = True

    outputs = pins.read(lights)

    assert (outputs["yellow"], outputs["beacon"]) == ("fault", "fault")


def test_an_unknown_input_is_a_key_error(pins: SimPins) -> None:
    with pytest.raises(KeyError):
        pins.set("doctor", active=True)
