from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from agent.adapters.gpiozero_buttons import GpiozeroButtons
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.adapters.gpiozero_siren import GpiozeroSiren
from agent.adapters.system_clock import SystemClock
from agent.contract.lamps import PRESSED, Pattern
from agent.core.facts import Edge
from agent.core.wiring import InputLine, LightPins, SirenPin
from agent.sim.contacts import SimContacts
from agent.sim.input_faults import input_faults
from agent.sim.pins import SimPins

LINES = [
    InputLine("police", 17),
    InputLine("fire", 24, pull_up=False),
    InputLine("medical", 5),
    InputLine("medical", 6, normally_closed=True),
    InputLine("door", 7, normally_closed=True),
]
LIGHTS = LightPins(yellow=22, beacon=23)


@pytest.fixture
def contacts(tmp_path: Path) -> SimContacts:
    return SimContacts(LINES, tmp_path / "state" / "contacts.json")


@pytest.fixture
def factory(contacts: SimContacts) -> Iterator[MockFactory]:
    factory = open_pin_factory(contacts.levels())
    yield factory
    factory.close()


@pytest.fixture
def edges(factory: MockFactory) -> Iterator[list[Edge]]:
    edges: list[Edge] = []
    buttons = GpiozeroButtons(LINES, factory, SystemClock())
    buttons.start(edges.append, lambda name, detail: None)
    edges.clear()  # the levels at start
    yield edges
    buttons.close()


@pytest.fixture
def lights(factory: MockFactory) -> Iterator[GpiozeroLights]:
    lights = GpiozeroLights(LIGHTS, factory)
    lights.start()
    yield lights
    lights.close()


@pytest.fixture
def pins(contacts: SimContacts, factory: MockFactory) -> SimPins:
    return SimPins(contacts, LIGHTS, factory, SystemClock(), ["door"])


@pytest.mark.parametrize("name", ["police", "fire", "door"])
def test_a_press_reaches_the_agent_after_the_time_that_is_told(pins: SimPins, edges: list[Edge], name: str) -> None:
    driven_ns = pins.set(name, active=True)
    pins.set(name, active=False)

    assert [(e.input, e.active) for e in edges] == [(name, True), (name, False)]
    assert driven_ns <= edges[0].boottime_ns <= edges[1].boottime_ns


def test_inputs_tell_which_buttons_are_pressed_and_what_else_is_so(pins: SimPins, edges: list[Edge]) -> None:
    assert pins.inputs() == {"police": "released", "fire": "released", "medical": "released", "door": "inactive"}
    pins.set("fire", active=True)
    pins.set("door", active=True)

    assert pins.inputs() == {"police": "released", "fire": "pressed", "medical": "released", "door": "active"}


@pytest.mark.parametrize("active_high", [True, False])
def test_the_siren_is_what_its_pin_says(contacts: SimContacts, factory: MockFactory, active_high: bool) -> None:
    siren = GpiozeroSiren(SirenPin(26, active_high), factory)
    pins = SimPins(contacts, LIGHTS, factory, SystemClock(), siren=SirenPin(26, active_high))
    for on in (False, True):
        siren.sound(on)
        assert pins.outputs(PRESSED)["siren"] == ("on" if on else "off")
    siren.close()


def told(edges: list[Edge]) -> list[tuple[str, bool]]:
    """Which line of a supervised button moved, and whether it says pressed."""
    return [("nc" if e.normally_closed else "no", e.active) for e in edges]


def test_a_press_of_a_supervised_button_opens_one_line_and_then_closes_the_other(
    pins: SimPins, edges: list[Edge]
) -> None:
    driven_ns = pins.set("medical", active=True)
    pins.set("medical", active=False)

    assert told(edges) == [("nc", True), ("no", True), ("no", False), ("nc", False)]
    assert edges[0].boottime_ns <= driven_ns <= edges[1].boottime_ns


@pytest.mark.parametrize(
    ("fault", "at_once", "at_a_press"),
    [
        ("short", [("no", True)], [("nc", True), ("nc", False)]),
        ("open", [("nc", True)], [("no", True), ("no", False)]),
        ("cut", [], [("nc", True), ("nc", False)]),
        ("weld", [], [("no", True), ("no", False)]),
    ],
)
def test_a_broken_line_stays_as_it_is_until_it_is_mended(
    pins: SimPins,
    edges: list[Edge],
    fault: str,
    at_once: list[tuple[str, bool]],
    at_a_press: list[tuple[str, bool]],
) -> None:
    faults = input_faults(pins)
    faults[f"input-{fault}:medical"]()
    assert told(edges) == at_once
    edges.clear()

    pins.set("medical", active=True)
    pins.set("medical", active=False)
    assert told(edges) == at_a_press
    edges.clear()

    faults["input-mend:medical"]()
    assert told(edges) == [(line, False) for line, _ in at_once]
    pins.set("medical", active=True)
    assert len(told(edges)) == len(at_once) + 2


def test_each_input_has_the_faults_that_its_wiring_can_have(pins: SimPins) -> None:
    kinds = {name: [] for name in pins.names}  # type: dict[str, list[str]]
    for kind in input_faults(pins):
        fault, _, name = kind.partition(":")
        kinds[name].append(fault.removeprefix("input-"))

    assert kinds["police"] == ["short", "cut", "stuck", "bounce", "mend"]
    assert kinds["medical"] == ["short", "cut", "open", "weld", "stuck", "bounce", "mend"]
    assert kinds["door"] == ["open", "weld", "stuck", "bounce", "mend"]


def test_a_bounce_is_one_press_and_one_release_of_many_edges(pins: SimPins, edges: list[Edge]) -> None:
    input_faults(pins)["input-bounce:police"]()

    assert len(edges) == 22
    assert [e.active for e in edges][:3] == [True, False, True]
    assert not pins.is_active("police")


def test_what_is_held_or_broken_is_so_when_the_agent_starts_again_and_a_mere_press_is_not(
    pins: SimPins, contacts: SimContacts, edges: list[Edge], tmp_path: Path
) -> None:
    pins.set("police", active=True, lasting=True)
    input_faults(pins)["input-open:medical"]()
    again = SimContacts(LINES, tmp_path / "state" / "contacts.json")
    assert again.levels() == {17: False, 24: False, 5: True, 6: True, 7: False}
    assert again.is_pressed("police")

    input_faults(pins)["input-mend:medical"]()
    pins.set("police", active=False, lasting=True)
    pins.set("fire", active=True)
    again = SimContacts(LINES, tmp_path / "state" / "contacts.json")
    assert again.levels() == {17: True, 24: False, 5: True, 6: False, 7: False}


def test_a_file_that_can_not_be_read_is_a_whole_kiosk_at_rest(tmp_path: Path) -> None:
    file = tmp_path / "contacts.json"
    for text in ("", "[]", "{}", '{"held": 3, "broken": {}}', '{"held": ["police"], "broken": {"x": 1}}'):
        file.write_text(text)
        assert SimContacts(LINES[:1], file).levels() == {17: True}


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
